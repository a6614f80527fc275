"""``reproduce`` as it is typed."""

from __future__ import annotations

import pytest

from counterpoise.data import image_sets
from counterpoise.experiments.papers import mixup, sharprecl
from counterpoise.experiments.papers.base import Budget, Set
from tiny_papers import three_classes, toy_cifar

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


def test_images_at_one_ratio_with_a_figure_beside_the_table(run, run_json, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(image_sets, "check_content", lambda *given: None)
    quick = {"max_epochs": 1, "precision": "float32", "backbone__depth": 8}
    monkeypatch.setitem(mixup.BUDGETS, "small", Budget(2, 1, quick, at_most=8))
    monkeypatch.setattr(
        mixup, "LINES", tuple(line for line in mixup.LINES if line.name in ("ERM", "MAMix-DRW"))
    )
    folder, picture = toy_cifar(tmp_path), tmp_path / "margins.svg"
    asked = ("reproduce", "mixup", "--data-dir", folder, "--store", tmp_path / "s", "--ratio", "100")
    (row,) = run_json(*asked)
    assert [(line["method"], line["the authors'"]) for line in row["rows"]] == [
        ("ERM", "71.2"),
        ("MAMix-DRW", "82.3"),
    ]
    said = run(*asked, "--figure", "1", "-o", picture)
    assert f"Figure: {picture}" in said.stdout
    assert "2 of them in" in said.stderr
    drawn = picture.read_text()
    assert all(word in drawn for word in ("MAMix-DRW", "rare classes", "mean margin on test rows"))
    assert "about none of" in run(*asked[:-1], "70", code=2).stderr


def test_a_paper_without_a_figure_says_so(run) -> None:
    assert (
        "dos has no figure 1 here; give a --table" in run("reproduce", "dos", "--figure", "1", code=2).stderr
    )
