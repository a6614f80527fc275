"""The confirming run of MISO: what is asked of which rows, from rows made by hand."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t

import miso_confirm as protocol
from confirm_tables import answers, by_task, in_short, nowhere_below, over_sets, over_tasks, share_of
from counterpoise.data.imbalance import parse_keep
from counterpoise.data.readers import read
from counterpoise.experiments.grid import plan
from counterpoise.experiments.named_data import CAPS
from counterpoise.experiments.task import Task
from design_lines import EDITOR, FOUR, MISO, PLAIN, ROUTES, four_with, identity_of
from encoder import linked
from gathered import row_settings
from miso_confirm import (
    AUTO,
    CLASS_WEIGHT,
    ERM,
    FOLDS,
    TASKS,
    Finalists,
    cells_of,
    identity,
    lines_on,
    settings_of,
)

SWAP = next(line for line in PLAIN if line.name == "word_swap")
BLEND = next(line for line in ROUTES if line.name == "blend of four, miso_edit")
AS_CHOSEN = protocol.CHOSEN
METRICS = ("average_precision", "f1_tuned_thinned", "difficult_share_after", "fit_seconds")
GAINS = {"MISO, edited": 0.04, "blend of four, miso_edit": 0.02, "auto": 0.0}
"""What lines have more than others, all of which are alike."""


@pytest.fixture(autouse=True)
def chosen(monkeypatch) -> Finalists:
    finalists = Finalists(SWAP, EDITOR, FOUR, BLEND)
    monkeypatch.setattr(protocol, "CHOSEN", finalists)
    return finalists


def by_default(line, made, fold, *, whole=False) -> dict[str, float]:
    """Each data set lifts gains by its place, each fold all scores alike."""
    place = list(FOLDS).index(made.dataset)
    gain = GAINS.get(line.name, 0.0) + (0.001 * place if line.name in ("MISO, edited", BLEND.name) else 0.0)
    level = 0.5 + 0.01 * fold + gain + (0.06 if whole else 0.0)
    seconds = {"MISO, edited": 9.0}.get(line.name, 2.0)
    return {
        "average_precision": level,
        "f1_tuned_thinned": level,
        "difficult_share_after": 0.6 - (0.2 if line.name == "MISO, edited" else 0.0) - 0.01 * fold,
        "fit_seconds": seconds,
    }


def written(path: Path, finalists: Finalists, score=by_default, *, without: int = 0) -> Path:
    rows = []
    for made in TASKS:
        for kept, lines in ((str(parse_keep(made.keep)), finalists.few), ("", finalists.whole)):
            if not kept and made != next(one for one in TASKS if one.minority == made.minority):
                continue
            for line in lines:
                own = {"method": {}, "backbone": {}, "": {}}
                for name, value in settings_of(line).items():
                    kind, nested, setting = name.partition("__")
                    own[kind if nested else ""][setting if nested else name] = value
                settings = zip(
                    ("method_settings", "backbone_settings", "estimator"),
                    map(json.dumps, own.values()),
                    strict=True,
                )
                fields = dict(settings) | {
                    "method": line.method,
                    "backbone": line.backbone or "",
                    "status": "done",
                    "machine": "a",
                }
                fields |= {"dataset": made.dataset, "minority": made.minority, "keep": kept}
                rows += [
                    fields | {"seed": 0, "fold": fold} | score(line, made, fold, whole=not kept)
                    for fold in range(FOLDS[made.dataset])
                ]
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows[: len(rows) - without])
    return path


def line_of(table: str, letter: str) -> list[str]:
    (found,) = (row for row in table.splitlines() if row.startswith(f"| {letter} |"))
    return found.removeprefix("| ").removesuffix(" |").split(" | ")[1:]


def test_tasks_are_those_of_the_protocol() -> None:
    assert len(TASKS) == len({made.name for made in TASKS}) == 22
    said = (Path(protocol.__file__).parent / "miso_protocol.md").read_text(encoding="utf-8")
    for dataset, folds in FOLDS.items():
        own = [made for made in TASKS if made.dataset == dataset]
        most = f"{protocol.AT_MOST[dataset]:,}" if dataset in protocol.AT_MOST else "all"
        names = ", ".join(dict.fromkeys(str(made.minority) for made in own))
        keeps = ", ".join(dict.fromkeys(str(made.keep) for made in own))
        assert f"| {dataset} | {names} | {keeps} | {most} | {folds} |" in said


def test_their_rows_can_be_found_again() -> None:
    assert set(protocol.AT_MOST.values()) <= set(CAPS)


@pytest.mark.real_data
def test_their_classes_are_there() -> None:
    for dataset in FOLDS:
        labels = set(read(dataset, split="train").labels)
        assert {made.minority for made in TASKS if made.dataset == dataset} <= labels


def test_rows_are_known_by_what_was_planned(chosen) -> None:
    texts = read("demo")
    task = Task.of("demo", texts.texts, np.asarray(texts.labels, dtype=object), minority="fraud")
    finalists = AS_CHOSEN or chosen
    with linked():
        for line in (*finalists.few, *finalists.whole, four_with(MISO)):
            (run, *_) = plan(
                task, [line.method], backbone=line.backbone, n_folds=2, settings=settings_of(line)
            )
            row = {name: json.dumps(value) for name, value in run.fields.items() if isinstance(value, dict)}
            found = identity_of(run.method, run.backbone, {**run.estimator, **row_settings(row)})
            assert found == identity(line)


def test_lines_that_are_the_same_are_run_once(chosen) -> None:
    assert len(chosen.few) == 8
    assert len(Finalists(CLASS_WEIGHT, EDITOR, AUTO, BLEND).few) == 6
    runs = cells_of(chosen)
    assert sum(runs.values()) == 8 * (2 * 3 + 8 * 5 + 12 * 3) + 2 * (3 + 4 * 5 + 6 * 3)


def test_nothing_is_shown_before_all_rows_are_there(chosen, tmp_path) -> None:
    path = written(tmp_path / "confirm_few.csv", chosen, without=1)
    total = sum(cells_of(chosen).values())
    for table in (answers, by_task, in_short):
        assert table([path]) == f"{total - 1} of {total} runs are there; nothing is shown before all are."


def test_nobody_is_chosen_yet(monkeypatch) -> None:
    monkeypatch.setattr(protocol, "CHOSEN", None)
    assert answers([]) == by_task([]) == "Not run yet."
    monkeypatch.setattr("sys.argv", ["miso_confirm", "all", "x.runs"])
    with pytest.raises(SystemExit, match="nobody is chosen yet"):
        protocol.main()


def test_the_ten_answers(chosen, tmp_path) -> None:
    """Gains of .040, .041 and .042 on three sets, the same in all folds; the gap is .06 everywhere."""
    table = answers([written(tmp_path / "confirm_few.csv", chosen)])
    wide = t.ppf(0.975, 2) * 0.001 / 3**0.5
    said = f"+0.0410 [{0.041 - wide:+.4f}, {0.041 + wide:+.4f}]"
    assert line_of(table, "A")[1] == line_of(table, "B")[1] == said
    assert [line_of(table, letter)[2] for letter in "ABCEFGI"] == ["**confirmed**"] * 7
    assert [line_of(table, letter)[4] for letter in "ABCDEGHI"] == ["**confirmed**"] * 8
    # One class of reviews, four of titles, six of letters.
    mean = (0.040 + 4 * 0.041 + 6 * 0.042) / 11
    assert line_of(table, "A")[3] == f"{mean:+.4f} [{mean:+.4f}, {mean:+.4f}]"
    assert line_of(table, "C")[0].endswith("on the 22 tasks with one")
    assert line_of(table, "C")[1].startswith("+68% [")
    assert line_of(table, "C")[3].startswith(f"{mean / 0.06:+.0%} [")
    assert line_of(table, "F")[1] == "4.5 x"
    assert line_of(table, "G")[1] == " / ".join([said.replace("0.04", "0.02").replace("0.038", "0.018")] * 2)
    assert line_of(table, "D")[3].startswith("+0.0400 on imdb pos 1%; below on 0 of 22")
    assert line_of(table, "J")[:3] == [
        "and better than any single method, here MISO, edited",
        said.replace("+0.0410", "-0.0410").replace(*("[+0.0385, +0.0435]", "[-0.0435, -0.0385]")),
        "**refuted**",
    ]


def test_what_does_not_hold(chosen, tmp_path) -> None:
    def score(line, made, fold, *, whole=False):
        own = by_default(line, made, fold, whole=whole)
        if line.name == "MISO, edited":
            lost = made.name == "imdb pos 1%"
            own["average_precision"] = 0.5 + 0.01 * fold + (0.021 if not lost else -0.02)
            own["f1_tuned_thinned"] = 0.5 + 0.01 * fold + {"imdb": 0.09}.get(made.dataset, 0.01)
            own["difficult_share_after"], own["fit_seconds"] = 0.59 - 0.01 * fold, 11.0
        if line.name == "auto":
            own["average_precision"] -= 0.0001 * (1 + fold)
        if line.name == BLEND.name:
            own["average_precision"] = 0.5 + 0.01 * fold + (0.002 if fold else -0.02)
        return own

    table = answers([written(tmp_path / "confirm_few.csv", chosen, score)])
    assert line_of(table, "A")[2] == "**open**", "above what is asked, and not surely above 0"
    assert line_of(table, "A")[4] == "**refuted**", "of these tasks few are reviews, and all are sure"
    assert line_of(table, "D")[1:] == ["", "", "-0.0200 on imdb pos 1%; below on 1 of 22", "**refuted**"]
    assert line_of(table, "E")[2] == line_of(table, "E")[4] == "**refuted**"
    assert line_of(table, "F")[1:] == ["5.5 x", "**refuted**", "", ""]
    assert line_of(table, "G")[2] == "**refuted**", "one of the two is surely below"
    assert line_of(table, "H")[4] == "**open**", "means are below, and folds do not agree"
    assert line_of(table, "I")[2] == "**refuted**", "it is below class weights in every fold"


def test_two_shares_of_a_class_are_one_unit_of_these_tasks() -> None:
    """Two tasks of one class that differ alike: as sure as one of them, not surer."""
    one, other = (made.name for made in TASKS[:2])
    folds = [0.01, 0.02, 0.06]
    assert over_tasks({one: folds, other: folds}) == over_tasks({one: folds})
    mean = over_tasks({one: folds, other: [0.05, 0.04, 0.0]})
    assert (mean.low, mean.high) == pytest.approx((0.03, 0.03))


def test_a_line_that_is_out_on_a_set_is_named_and_nothing_waits_for_it(chosen, tmp_path, monkeypatch) -> None:
    path = written(tmp_path / "confirm_few.csv", chosen)
    all_runs = sum(cells_of(chosen).values())
    monkeypatch.setitem(protocol.OUT, ("erm", "20_newsgroups"), "cut")
    assert sum(cells_of(chosen).values()) == all_runs - 12 * 3
    assert ERM not in lines_on(TASKS[-1], chosen.few)
    assert line_of(answers([path]), "E")[2] == "**confirmed**"
    shown = by_task([path])
    assert shown.endswith("Out: erm on 20_newsgroups (cut).")
    assert "|  |" in next(row for row in shown.splitlines() if "20_newsgroups sci.med 5%" in row)


def test_the_best_closed_rival_of_a_task_stands_beside(chosen, tmp_path, monkeypatch) -> None:
    def score(line, made, fold, *, whole=False):
        own = by_default(line, made, fold, whole=whole)
        if line.name == "words" and made.name == "imdb pos 1%":
            own["average_precision"] = 0.9
        return own

    shown = by_task([written(tmp_path / "confirm_few.csv", chosen, score)])
    row = next(row for row in shown.splitlines() if row.startswith("| imdb pos 1% |"))
    assert "| words: 0.900 / 0.510 |" in row


def test_in_short_lines_stand_by_their_means_over_data_sets(chosen, tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(protocol.OUT, (ERM.name, "imdb"), "failed twice")
    shown = in_short([written(tmp_path / "confirm_few.csv", chosen)])
    names = [row.split(" | ")[0].removeprefix("| ") for row in shown.splitlines() if row.startswith("| ")][2:]
    assert names[:2] == ["MISO, edited", BLEND.name]
    assert names[-1] == ERM.name
    league, *means, less, times = line_of(shown, "MISO, edited")
    # Gains of .040, .041 and .042 over .500, and folds that lift three runs by .010 in the mean, and five by .020.
    assert means == ["0.550 / 0.550", "0.561 / 0.561", "0.552 / 0.552", "0.554 / 0.554"]
    assert (league, less[:6], times) == ("closed", "+0.041", "4.5")
    assert line_of(shown, "class_weight")[-2:] == ["", "1.0"]
    assert line_of(shown, ERM.name)[1] == line_of(shown, ERM.name)[4] == ""
    assert "Out: erm on imdb (failed twice)." in shown


def test_a_mean_is_of_data_sets_whatever_the_number_of_their_tasks() -> None:
    values = {
        made.name: [{"imdb": 0.3, "thucnews_titles": 0.1, "20_newsgroups": 0.2}[made.dataset]] * 3
        for made in TASKS
    }
    found = over_sets(values)
    wide = t.ppf(0.975, 2) * 0.1 / 3**0.5
    assert (found.mean, found.low, found.high) == pytest.approx((0.2, 0.2 - wide, 0.2 + wide))
    (imdb, *_) = values
    assert over_sets({imdb: [0.3]}).judged(0.1) == "**open**", "one data set says nothing of others"


def test_a_share_is_sure_where_each_set_closes_the_same_of_its_gap() -> None:
    gaps = {made.name: [0.1 * (1 + list(FOLDS).index(made.dataset))] * 3 for made in TASKS}
    gains = {task: [value / 4 for value in folds] for task, folds in gaps.items()}
    found = share_of(gains, gaps)
    assert (found.mean, found.low, found.high) == pytest.approx((0.25, 0.25, 0.25))


def test_a_task_is_surely_below_only_when_its_folds_agree() -> None:
    assert nowhere_below({"a": [0.0, 0.01], "b": [-0.004, -0.004]}, -0.005)[0] == "**confirmed**"
    assert nowhere_below({"a": [-0.02, -0.02, -0.02]}, -0.005)[0] == "**refuted**"
    assert nowhere_below({"a": [-0.1, 0.05, 0.0]}, -0.005)[0] == "**open**"
