"""``reproduce sharprecl`` as it is typed."""

from __future__ import annotations

import pytest

from counterpoise.experiments.papers import sharprecl
from counterpoise.experiments.papers.base import Budget, Set
from tiny_papers import three_classes

QUICK = {"max_epochs": 1, "precision": "float32", "backbone__dim": 8, "backbone__n_filters": 4}


@pytest.fixture
def made(tmp_path, monkeypatch) -> Set:
    """Three classes in a saved data set with both splits, under the name of the paper's first set."""
    made = three_classes(tmp_path)
    monkeypatch.setattr(sharprecl, "SETS", (made,))
    return made


def test_a_table_and_its_json(made, run, run_json, tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sharprecl.BUDGETS, "small", Budget(2, 1, QUICK))
    monkeypatch.setattr(
        sharprecl, "MAIN", tuple(line for line in sharprecl.MAIN if line.method in ("erm", "supcon"))
    )
    monkeypatch.setitem(sharprecl._LINES, "main", sharprecl.MAIN)
    asked = ("reproduce", "sharprecl", "--datasets", made.dataset, "--store", tmp_path / "s")
    (row,) = run_json(*asked)
    assert [line["method"] for line in row["rows"]] == ["cross-entropy, TextCNN", "SupCon, TextCNN"]
    assert "warning" not in row
    (hopeful,) = run_json(*asked, "--selection", "test")
    assert "OPTIMISTIC" in hopeful["warning"]
    assert "OPTIMISTIC" in run(*asked, "--selection", "test").stdout


def test_what_cannot_be_asked(made, run) -> None:
    asked = ("reproduce", "sharprecl", "--datasets", made.dataset)
    said = run(*asked, "--table", "imbalance", code=2).stderr
    assert "table imbalance of sharprecl is about none of TREC; give other --datasets" in said
    said = run(*asked, "--table", "4", code=2).stderr
    assert "there is no table '4' of sharprecl; choose from main, ablation, imbalance" in said
    assert "there is no selection 'best'" in run(*asked, "--selection", "best", code=2).stderr
    assert "leave it away for miso" in run("reproduce", "miso", "--selection", "test", code=2).stderr
