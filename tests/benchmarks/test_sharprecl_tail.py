"""SharpReCL part by part on long tails: which runs there are, and what each line is set against."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sharprecl_helpers import MEDIUM, written

from counterpoise.experiments.paired_tests import corrected_t_test
from counterpoise.experiments.papers.base import task_of
from counterpoise.experiments.papers.sharprecl_lines import ABLATION, MAIN
from sharprecl_tables import sharprecl, sharprecl_ablation_tail
from sharprecl_tail import SMALL, SMALL_AND_PAST, TAIL_LINES, TAILS, runs_on, seconds_of
from tiny_papers import three_classes

TOUTIAO, AG_NEWS = TAILS


def test_the_steepest_tails_have_the_lines_of_the_ablation_and_small_batches(tmp_path) -> None:
    assert [made.name for made in TAILS] == ["Toutiao 100:1", "AG_News 100:1"]
    assert TAIL_LINES[: len(ABLATION)] == ABLATION
    made = replace(three_classes(tmp_path), given=False, keep="exponential:2")
    task = task_of(made)
    runs = runs_on(task, made, MEDIUM)
    assert len(runs) == len({repr(run) for run in runs}) == 5 * (len(ABLATION) + 2)
    assert {(run.method, run.backbone, run.keep, run.n_folds) for run in runs} == {
        ("sharprecl", "textcnn", made.keep, 5)
    }
    small = [run for run in runs if "batch_size" in run.estimator]
    assert [(run.estimator["batch_size"], run.method_settings) for run in small] == (
        [(16, {})] * 5 + [(16, {"queue": 16})] * 5
    )
    task = replace(task, name="toutiao")
    assert seconds_of(small[0], task) > seconds_of(runs[0], task) > 0


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "sharprecl_ablation_tail.csv"
    for line, scores in (
        (ABLATION[0], ("0.50", "0.52", "0.48", "0.51", "0.49")),
        (ABLATION[1], ("0.40", "0.41", "0.39", "0.42", "0.40")),
        (SMALL, ("0.60", "0.60", "0.60", "0.60", "0.60")),
        (SMALL_AND_PAST, ("0.61", "0.62", "0.63", "0.64", "0.65")),
    ):
        written(path, line, MEDIUM, made=AG_NEWS, of_metrics={"macro_f1": scores})
    return path


def test_a_line_stands_against_what_it_differs_from_in_one_thing(rows) -> None:
    shown = {row.split(" | ")[0]: row.split(" | ") for row in sharprecl_ablation_tail(rows).splitlines()[:40]}
    assert shown["| SharpReCL, TextCNN"][1] == "AG_News 100:1: Macro F1"
    assert shown["| whole"][1:3] == ["50.0", "-"]
    assert shown[f"| {SMALL.name}"][1].startswith("60.0")
    assert shown[f"| {SMALL.name}"][2].startswith("+10.0 [")
    assert shown[f"| {SMALL_AND_PAST.name}"][2].startswith("+3.0 [")
    assert f"'{SMALL_AND_PAST.name}' stands against '{SMALL.name}'" in sharprecl_ablation_tail(rows)


def test_folds_overlap_so_intervals_are_wider_than_those_of_seeds(rows) -> None:
    gaps = 100 * (np.array([0.40, 0.41, 0.39, 0.42, 0.40]) - np.array([0.50, 0.52, 0.48, 0.51, 0.49]))
    expected = corrected_t_test(gaps.tolist(), 1 / 4)
    assert f"[{expected.low:+.1f}, {expected.high:+.1f}]" in sharprecl_ablation_tail(rows)


def test_the_page_of_rivals_does_without_these_rows(rows) -> None:
    beside = written(rows.with_name("sharprecl_textcnn.csv"), MAIN[0], MEDIUM, made=TOUTIAO)
    shown = sharprecl(beside)
    assert "Toutiao 100:1" in shown
    assert "AG_News" not in shown
