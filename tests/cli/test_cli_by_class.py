"""Scores of single classes where all of them matter: ``--by-class``, ``--metric 'f1[NAME]'`` and ``evaluate``."""

from __future__ import annotations

import pytest

FAST = ("--folds", "2", "--methods", "tfidf_lr,nb_lr")


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    return tmp_path_factory.mktemp("by_class") / "many.runs"


def test_a_table_and_a_verdict_by_class(three_classes, run, run_json, many) -> None:
    asked = ("compare", three_classes, *FAST, "--store", many)
    rows = run_json(*asked)
    for row in rows:
        for measure in ("precision", "recall", "f1", "average_precision"):
            values = [row[f"{measure}[{name}]"] for name in ("early", "late", "rare")]
            assert all(0 <= value["mean"] <= 1 for value in values)
        assert len(row["f1[rare]"]["folds"]) == 2
        by_class = [row[f"f1[{name}]"]["mean"] for name in ("early", "late", "rare")]
        assert row["f1"]["mean"] == pytest.approx(sum(by_class) / 3)
    shown = run("leaderboard", many, "--by-class", "--metric", "f1[rare]").stdout
    assert "F1 of each class, means over runs" in shown
    assert "F1[rare] against tfidf_lr" in shown
    line = next(line.split() for line in shown.splitlines() if line.startswith("rare "))
    assert [float(cell.strip("*")) for cell in line[1:]] == [round(r["f1[rare]"]["mean"], 3) for r in rows]
    assert "F1 of each class" not in run("leaderboard", many).stdout


def test_a_class_that_is_not_there_is_named_with_those_that_are(three_classes, run, many) -> None:
    run("compare", three_classes, *FAST, "--store", many)
    said = run("leaderboard", many, "--metric", "f1[rar]", code=2).stderr
    assert "has the metric f1[rar]; its classes are 'early', 'late', 'rare'" in said
    assert said.count("\n") == 1
    assert (
        "there is no metric 'brier[rare]'"
        in run("leaderboard", many, "--metric", "brier[rare]", code=2).stderr
    )


def test_one_class_against_the_rest_has_no_table_of_classes(labelled, run) -> None:
    asked = ("compare", labelled, *FAST)
    assert "One class matters here" in run(*asked, "--by-class").stdout
    said = run(*asked, "--metric", "f1[rare]", code=2).stderr
    assert "single classes are scored where all of them matter: leave --minority out" in said


def test_evaluate_has_a_line_for_each_of_many_classes(
    many_model, three_classes, model, labelled, run, run_json
) -> None:
    (row,) = run_json("evaluate", many_model, three_classes)
    assert sum(row["class_counts"].values()) == row["rows"]
    assert {f"f1_tuned[{name}]" for name in row["class_counts"]} <= set(row)
    lines = [line.split() for line in run("evaluate", many_model, three_classes).stdout.splitlines()]
    found = {line[0]: line[1:] for line in lines if line and line[0] in row["class_counts"]}
    assert found["rare"][0] == str(row["class_counts"]["rare"])
    assert float(found["rare"][3]) == round(row["f1[rare]"], 3)
    (two,) = run_json("evaluate", model, labelled)
    assert not any("[" in name for name in two)
    assert "Each class against the others" not in run("evaluate", model, labelled).stdout


def test_one_threshold_for_many_classes_is_refused_before_any_run(three_classes, run) -> None:
    said = run("compare", three_classes, *FAST, "--threshold", "0.5", code=2).stderr
    assert " has 3 classes, all of which matter, and a number needs two" in said
    assert "runs:" not in said
