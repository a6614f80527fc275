"""What rows say of the claims of MISO's paper: who a row is of, who the best rival is, and the word at the end."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from design_lines import COMMON, EDITOR, MISO, PLAIN, RIVALS
from miso_claims import (
    BEST,
    BEST_OF_THEIRS,
    CLAIMS,
    GRID,
    THEIRS,
    PaperClaim,
    contestant,
    miso_claims,
    of_each,
    scores_of,
    verdict,
)

GIVEN = {"estimator": '{"threshold": 0.5}', "method_settings": "{}", "backbone_settings": "{}"}


def row(method: str, f1: float, fold: int = 0, dataset: str = "sms", **more: object) -> dict[str, str]:
    made = {
        "dataset": dataset,
        "minority": "spam",
        "keep": "",
        "method": method,
        "backbone": "textcnn",
        "n_folds": 3,
        "seed": 0,
        "fold": fold,
        "status": "done",
        "f1": f1,
        "average_precision": f1,
        "prevalence": 0.05,
        **GIVEN,
    }
    return {name: str(value) for name, value in (made | more).items()}


def folds(method: str, *values: float, **more: object) -> list[dict[str, str]]:
    return [row(method, value, fold, **more) for fold, value in enumerate(values)]


def settings_of(line) -> dict[str, str]:
    """The columns of a line of the design."""
    own: dict[str, dict] = {"method": {}, "backbone": {}, "": {}}
    for name, value in {**COMMON, **line.settings}.items():
        kind, nested, setting = name.partition("__")
        own[kind if nested else ""][setting if nested else name] = value
    names = ("method_settings", "backbone_settings", "estimator")
    return dict(zip(names, map(json.dumps, own.values()), strict=True))


def words_of(table: str) -> dict[tuple[str, str], str]:
    """The word of each claim and metric, of the last line that has it."""
    cells = [line.strip("| ").split(" | ") for line in table.splitlines()[2:] if line.startswith("| ")]
    return {(each[0], each[3]): each[-1].strip("*") for each in cells}


def test_settings_say_what_a_row_is_of() -> None:
    assert contestant(row("miso", 0)) == "miso"
    for line in (MISO, EDITOR):
        assert contestant(row(line.method, 0, **settings_of(line))) == line.method
    published = {"method_settings": '{"preset": "paper"}'}
    assert contestant(row("miso", 0, **published)) == "miso, as published"
    assert contestant(row("miso", 0, method_settings='{"k": 7}')) == ""
    assert contestant(row("class_weight", 0, estimator='{"threshold": 0.5, "max_epochs": 20}')) == ""
    trained = {"backbone": "encoder", "backbone_settings": '{"name": "e", "frozen": false}'}
    assert contestant(row("erm", 0, **trained)) == "erm, trained encoder"
    assert contestant(row("erm", 0, **trained | {"backbone_settings": '{"name": "e"}'})) == ""
    plain = {
        contestant(row(line.method, 0, **settings_of(line)))
        for line in (*PLAIN, *RIVALS)
        if line.settings in ({}, {"method__precision": "float32"})
    }
    assert {*THEIRS, "class_weight", "tfidf_lr", "cag"} <= plain


def test_the_best_rival_is_that_of_each_task_and_none_of_the_family() -> None:
    rows = [
        *folds("miso", 0.9, 0.9, 0.9),
        *folds("miso_edit", 0.9, 0.9, 0.9),
        *folds("word_swap", 0.5, 0.7, 0.6),
        *folds("focal", 0.4, 0.4, 0.4),
        *folds("tfidf_lr", 0.9, backbone=""),
        *folds("word_swap", 0.1, 0.1, 0.1, dataset="trec"),
        *folds("tfidf_lr", 0.3, 0.3, 0.3, dataset="trec", backbone=""),
        *folds("class_weight", 0.8, 0.8, 0.8, dataset="trec", backbone="textrnn"),
    ]
    values = scores_of(rows, "textcnn")[""].values
    assert values["sms spam", ""][BEST]["f1"] == {(0, 0): 0.5, (0, 1): 0.7, (0, 2): 0.6}
    assert set(values["trec spam", ""][BEST]["f1"].values()) == {0.3}
    assert BEST_OF_THEIRS not in values["sms spam", ""]
    rows += [each for method in THEIRS if method != "focal" for each in folds(method, 0.2, 0.2, 0.2)]
    values = scores_of(rows, "textcnn")[""].values
    assert set(values["sms spam", ""][BEST_OF_THEIRS]["f1"].values()) == {0.4}


def test_f1_is_at_the_thinned_share_and_sparse_are_the_thinnest() -> None:
    rows = [
        *folds("miso", 0.9, f1_thinned=0.5, prevalence_thinned=0.01),
        *folds("miso", 0.8, f1_thinned="", dataset="trec"),
        *folds("miso", 0.1, status="failed", dataset="r8"),
    ]
    scores = scores_of(rows, "textcnn")
    assert scores[""].values["sms spam", ""]["miso"]["f1"] == {(0, 0): 0.5}
    assert scores[""].values["trec spam", ""]["miso"]["f1"] == {(0, 0): 0.8}
    assert list(scores["sparse"].values) == [("sms spam", "")]
    assert len(scores[""].values) == 2


@pytest.mark.parametrize(
    ("low", "high", "plain", "by_a_tenth", "falls_not"),
    [
        (0.11, 0.3, "confirmed", "confirmed", "confirmed"),
        (0.01, 0.09, "confirmed", "refuted", "confirmed"),
        (0.01, 0.2, "confirmed", "open", "confirmed"),
        (-0.009, 0.02, "open", "refuted", "confirmed"),
        (-0.02, 0.02, "open", "refuted", "open"),
        (-0.009, -0.001, "refuted", "refuted", "refuted"),
        (None, None, "open", "open", "open"),
    ],
)
def test_the_word_at_the_end(low, high, plain, by_a_tenth, falls_not) -> None:
    found = {"mean": 0.0, "low": low, "high": high}
    settings = ({}, {"by": 0.1}, {"falls_not": True})
    claims = [PaperClaim("it", "", "miso", "erm", "f1", **each) for each in settings]
    assert [verdict(claim, found) for claim in claims] == [plain, by_a_tenth, falls_not]


@pytest.mark.parametrize(
    ("gains", "word"),
    [((0.2, 0.3), "confirmed"), ((0.2, -0.1), "refuted"), ((0.2, None), "open")],
)
def test_best_on_every_set_is_a_test_of_each(gains, word) -> None:
    rows = []
    for dataset, gain in zip(("sms", "trec"), gains, strict=True):
        noise = (-0.001, 0.0, 0.001) if gain is not None else (-0.3, 0.0, 0.3)
        rows += folds("erm", *(0.5 for _ in noise), dataset=dataset)
        rows += folds("miso", *(0.5 + (gain or 0.01) + each for each in noise), dataset=dataset)
    claim = PaperClaim("best", "", "miso", BEST, "f1", every=True)
    assert of_each(claim, scores_of(rows, "textcnn")[""]) == word


def write(path: Path, rows: list[dict[str, str]]) -> None:
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(name for each in rows for name in each)))
        writer.writeheader()
        writer.writerows(rows)


def test_the_table_has_each_claim_and_is_open_without_rows(tmp_path) -> None:
    shown = words_of(miso_claims(tmp_path / GRID))
    assert set(shown.values()) == {"open"}
    assert {(claim.words, claim.metric) for claim in CLAIMS} <= set(shown)
    assert ("CAG alone repeats tokens", "-") in shown
    assert ("all of this, of the published settings", "-") in shown


def test_rows_of_both_files_speak_and_published_settings_by_themselves(tmp_path) -> None:
    few = {"difficult_share_after": 0.2, "keep": "0.1"}
    many = {"difficult_share_after": 0.4, "keep": "0.1"}
    write(tmp_path / GRID, [*folds("erm", 0.5, 0.52, 0.51), *folds("miso", 0.4, 0.41, 0.4)])
    preset = {"method_settings": '{"preset": "paper"}', "estimator": settings_of(MISO)["estimator"]}
    write(
        tmp_path / "design_plain.csv",
        [*folds("erm", 0.5, 0.51, 0.5, **many), *folds("miso", 0.8, 0.82, 0.8, **few, **preset)],
    )
    table = miso_claims(tmp_path / GRID)
    own = [line for line in table.splitlines() if line.startswith("| MISO beats the best rival on average")]
    assert [line.split(" | ")[1] for line in own] == [
        *["miso_grid.csv, textcnn"] * 2,
        *["design_*.csv, textcnn"] * 2,
    ]
    assert [line.split(" | ")[-1] for line in own] == [*["**refuted** |"] * 2, *["**confirmed** |"] * 2]
    assert "`miso, as published` - `the best rival`" in own[-1]
    (fewer,) = (line for line in table.splitlines() if "13.7 points fewer" in line and "as published" in line)
    assert "+0.2000" in fewer
    assert "all of this, of the published settings" not in table
    assert "Rows: miso_grid.csv: 6 runs; design_*.csv: 6 runs" in table
