"""Which gathered rows are a line's: those of its budget, with an epoch that the test side has not chosen."""

from __future__ import annotations

import pytest
from sharprecl_helpers import MEDIUM, written

from counterpoise.experiments.papers.sharprecl_lines import (
    ABLATION,
    AS_SCRIPT,
    BUDGETS,
    MAIN,
    SETS,
)
from sharprecl_rows import n_runs, read_lines, whole_lines
from sharprecl_tables import sharprecl, sharprecl_ablation, sharprecl_selection


@pytest.mark.parametrize("line", MAIN, ids=lambda line: line.name)
def test_a_row_is_its_own_lines_whatever_data_and_models_it_names(line, tmp_path) -> None:
    named = {"method__view": "trec"} if line.method in ("supcon", "bcl", "kcl", "sharprecl") else {}
    named |= {"backbone__name": "encoder"} if line.backbone == "encoder" else {}
    path = written(tmp_path / "rows.csv", line, MEDIUM, named=named)
    assert {name: list(by) for name, by in read_lines([path], MEDIUM).items()} == {"TREC": [line.name]}


def test_rows_that_the_test_side_chose_and_those_of_another_budget_are_nobodys(tmp_path) -> None:
    path = written(tmp_path / "rows.csv", MAIN[0], MEDIUM)
    written(path, MAIN[0], MEDIUM, selection="test", score="0.9")
    written(path, MAIN[0], BUDGETS["small"], score="0.1")
    found = read_lines([path], MEDIUM)["TREC"][MAIN[0].name]
    assert [row["macro_f1"] for row in found.values()] == ["0.5"]
    found = read_lines([path], MEDIUM, selection="test")["TREC"][MAIN[0].name]
    assert [row["macro_f1"] for row in found.values()] == ["0.9"]
    found = read_lines([path], BUDGETS["small"])["TREC"][MAIN[0].name]
    assert [row["macro_f1"] for row in found.values()] == ["0.1"]


def test_lines_that_lack_runs_are_in_no_table(tmp_path) -> None:
    path = written(tmp_path / "rows.csv", MAIN[0], MEDIUM, seeds=range(5))
    written(path, MAIN[1], MEDIUM, seeds=range(4))
    written(path, AS_SCRIPT, MEDIUM)
    assert set(whole_lines([path], MEDIUM)["TREC"]) == {MAIN[0].name, AS_SCRIPT.name}
    assert n_runs(SETS[0], MAIN[0], MEDIUM) == 5


def test_parts_that_are_off_make_other_lines(tmp_path) -> None:
    path = tmp_path / "rows.csv"
    for line in ABLATION:
        written(path, line, MEDIUM)
    assert set(read_lines([path], MEDIUM)["TREC"]) == {ABLATION[0].name}
    assert set(read_lines([path], MEDIUM, ABLATION)["TREC"]) == {line.name for line in ABLATION}


def test_the_table_of_parts_sets_each_beside_the_whole(tmp_path) -> None:
    path = tmp_path / "sharprecl_ablation.csv"
    for line, score, put_back in ((ABLATION[0], "0.5", "0.6"), (ABLATION[1], "0.4", "0.7")):
        written(path, line, MEDIUM, seeds=range(5), score=score, put_back=put_back)
    shown = sharprecl_ablation(path).splitlines()
    assert shown[0] == "Decided by the largest logit:"
    assert shown[4].startswith("| whole | 50.0 | - |")
    assert shown[5].startswith(f"| {ABLATION[1].name} | 40.0 | -10.0 | ")
    assert shown[6].startswith(f"| {ABLATION[2].name} | - | - |"), "of which there are no runs"
    put_back = shown[shown.index("With the prior put back:") :]
    assert put_back[4].startswith("| whole | 60.0 | - |")
    assert put_back[5].startswith(f"| {ABLATION[1].name} | 70.0 | +10.0 | ")


def test_a_line_is_there_by_both_decisions_where_they_differ(tmp_path) -> None:
    path = tmp_path / "sharprecl_textcnn.csv"
    own, plain, weighted = (
        next(line for line in MAIN if line.name == f"{name}, TextCNN")
        for name in ("SharpReCL", "cross-entropy", "class weights")
    )
    written(path, own, MEDIUM, seeds=range(5), score="0.5", put_back="0.7")
    written(path, plain, MEDIUM, seeds=range(5), score="0.6")
    written(path, weighted, MEDIUM, seeds=range(5), score="0.4", put_back="0.65")
    shown = sharprecl(path).splitlines()
    assert "| SharpReCL, TextCNN, prior put back | **70.0** |" in shown
    assert "| class weights, TextCNN, prior put back | 65.0 |" in shown
    assert not any(row.startswith("| cross-entropy, TextCNN, prior") for row in shown)
    rival = "class weights, TextCNN, prior put back"
    assert f"| TREC | TextCNN | prior put back | {rival} | +5.0 | {rival} | +5.0 |" in shown, (
        "each as it is better decided"
    )
    assert "| TextCNN | all | cross-entropy, TextCNN | -10.0 (1 sets) | - |" in shown, "by the largest logit"


def test_one_run_is_told_and_is_not_the_best_of_means(tmp_path) -> None:
    path = written(tmp_path / "sharprecl_trained.csv", AS_SCRIPT, MEDIUM, score="0.9")
    written(path, MAIN[0], MEDIUM, seeds=range(5), score="0.6")
    shown = sharprecl(path).splitlines()
    assert f"| {AS_SCRIPT.name} | 90.0 (1 run) |" in shown
    assert f"| {MAIN[0].name} | **60.0** |" in shown
    assert "| authors' script, last epoch | 92.1 (1 run) |" in shown
    alone = written(tmp_path / "alone" / "sharprecl_trained.csv", AS_SCRIPT, MEDIUM, score="0.9")
    assert "**" not in sharprecl(alone), "where there is nothing else"


def test_of_accuracy_there_are_means_alone(tmp_path) -> None:
    path = tmp_path / "sharprecl_textcnn.csv"
    own = next(line for line in MAIN if line.name == "SharpReCL, TextCNN")
    for line, accuracy in ((own, "0.7"), (MAIN[0], "0.8")):
        written(path, line, MEDIUM, seeds=range(5), of_metrics={"accuracy": accuracy}, put_back="0.9")
    whole = sharprecl(path)
    before, after = whole.split("Accuracy, in percent, means over runs:")
    assert before.count("in percent, means over runs") == before.count("minus a rival") == 2
    shown = after.splitlines()
    assert f"| {MAIN[0].name} | 80.0 |" in shown
    assert f"| {own.name} | 70.0 |" in shown
    assert f"| {own.name}, prior put back | **90.0** |" in shown
    assert "| authors' script, last epoch | 95.4 (1 run) |" in shown
    assert "minus" not in after


def test_it_is_said_when_rows_were_made_and_where_their_code_is_told(tmp_path) -> None:
    path = written(tmp_path / "sharprecl_textcnn.csv", MAIN[0], MEDIUM, seeds=range(5))
    written(path, MAIN[1], MEDIUM, seeds=range(5), finished_at="2026-01-02T00:05:59+00:00")
    foot = sharprecl(path).splitlines()[-1]
    assert "10 runs of one thread" in foot
    assert "2026-01-01 10:20 to 2026-01-02 00:05 UTC" in foot
    assert "the code of that time, of which each row has a digest in the column `source`" in foot


def test_what_looking_at_the_test_side_is_worth(tmp_path) -> None:
    """Of each line that there is by both ways; of others nothing."""
    honest, hopeful = tmp_path / "sharprecl_textcnn.csv", tmp_path / "sharprecl_selection.csv"
    for line, score in ((MAIN[0], "0.5"), (MAIN[1], "0.4")):
        written(honest, line, MEDIUM, seeds=range(5), score=score)
    for line, score in ((MAIN[0], "0.53"), (MAIN[2], "0.9")):
        written(hopeful, line, MEDIUM, seeds=range(5), score=score, selection="test")
    shown = [row for row in sharprecl_selection(hopeful).splitlines() if row.startswith("| ")]
    assert shown[0] == "| TREC | chosen as by default | chosen on the test | difference [95% interval] |"
    assert shown[2:] == [f"| {MAIN[0].name} | 50.0 | 53.0 | +3.0 |"]
