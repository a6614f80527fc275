"""``reproduce mixup`` and ``reproduce dos``: which runs, on which rows, and what stands beside what."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from counterpoise.data import image_sets
from counterpoise.experiments.compare import opened
from counterpoise.experiments.executors.in_process import InProcess
from counterpoise.experiments.grid import fill, jobs_of
from counterpoise.experiments.papers import dos, dos_numbers, mixup
from counterpoise.experiments.papers.base import Budget, Set, task_of
from counterpoise.experiments.table import Comparison, comparisons
from counterpoise.experiments.task import Task
from tiny_images import make_images
from tiny_papers import toy_cifar

TINY = Budget(folds=2, seeds=2, settings={"max_epochs": 2, "precision": "float32", "backbone__depth": 8})


@pytest.fixture
def cifar(tmp_path, monkeypatch) -> Path:
    """A folder with ten classes of toy images under the name of CIFAR-10, taken as they are."""
    monkeypatch.setattr(image_sets, "check_content", lambda *given: None)
    return toy_cifar(tmp_path)


def filled(
    protocol, table: str, made: Set, task, budget: Budget, lines: tuple[str, ...]
) -> tuple[object, Comparison]:
    methods = {line.method for line in lines}
    runs = [run for run in protocol.runs_of(table, task, made, budget) if run.method in methods]
    with opened(None) as store:
        done = fill(store, jobs_of(runs), task, InProcess())
        assert not done.failures, done.failures
        (found,) = comparisons(store, done.keys)
    return protocol.TABLES[table]({made.name: found}, {made.name: task}), found


def test_images_are_read_with_their_test_side_and_thinned_to_a_tail(cifar) -> None:
    made = next(made for made in mixup.SETS if made.name == "CIFAR-10 10:1")
    task = task_of(made, str(cifar), at_most=10)
    assert task.kind == "image"
    assert task.inputs.shape[0] == 130
    assert task.test.sum() == 30
    runs = mixup.runs_of("cifar10", task, made, TINY)
    assert {(run.backbone, run.n_folds, run.seed) for run in runs} == {("resnet", 1, 0), ("resnet", 1, 1)}
    side = task.side(runs[0])
    assert np.bincount(task.numbers[side.train]).tolist() == [10, 7, 5, 4, 3, 2, 2, 1, 1, 1]
    assert len(side.test) == 30
    again = task_of(made, str(cifar), at_most=10)
    assert again.content == task.content


def test_mixing_on_images_beside_the_authors_numbers(cifar) -> None:
    made = next(made for made in mixup.SETS if made.name == "CIFAR-10 100:1")
    task = task_of(made, str(cifar))
    lines = tuple(line for line in mixup.LINES if line.name in ("ERM", "Mixup", "Mixup-DRW"))
    table, found = filled(mixup, "cifar10", made, task, TINY, lines)
    assert [(row[0], row[1], row[3]) for row in table.rows] == [
        ("100", "ERM", "71.2"),
        ("100", "Mixup", "-"),
        ("100", "Mixup-DRW", "82.1"),
    ]
    assert table.headers[2:4] == ("accuracy", "the authors'")
    row = found.rows[0]
    assert row.metrics["margin_rare"].mean is not None
    assert table.rows[0][-1] == f"{row.metrics['margin_rare'].mean:.2f}"


def ratio_of(name: str, folder: Path) -> tuple[Set, Task]:
    made = next(made for made in mixup.SETS if made.name == name)
    return made, task_of(made, str(folder))


def test_smote_takes_as_many_steps_as_the_other_lines(cifar) -> None:
    """12 rows of the largest class in 10: with the tail at 10:1 there are 12, 9, 7, 5, 4, 3, 2, 2, 1, 1."""
    made, task = ratio_of("CIFAR-10 10:1", cifar)
    budget = Budget(folds=2, seeds=1, settings={"max_epochs": 80, "backbone__depth": 8})
    runs = mixup.runs_of("cifar10", task, made, budget)
    counts = np.bincount(task.numbers[task.side(runs[0]).train])
    epochs = {run.method: run.estimator["max_epochs"] for run in runs}
    assert epochs["erm"] == epochs["mamix"] == 80
    assert epochs["hard_smote"] == epochs["soft_smote"] == round(80 * counts.sum() / 120)
    texts = next(made for made in mixup.SETS if made.dataset == "ag_news")
    labels = np.repeat(["a", "b", "c"], 60).astype(object)
    task = Task.of("ag_news", np.array([f"word{i} of {i % 7}" for i in range(180)], dtype=object), labels)
    assert {run.estimator["max_epochs"] for run in mixup.runs_of("ag_news", task, texts, budget)} == {20}


def test_the_authors_recipe_has_no_over_sampling_unless_it_is_asked_for(cifar) -> None:
    made, task = ratio_of("CIFAR-10 100:1", cifar)
    methods = {
        name: {run.method for run in mixup.runs_of("cifar10", task, made, mixup.BUDGETS[name])}
        for name in ("small", "paper", "paper+smote")
    }
    assert methods["small"] == methods["paper+smote"]
    assert methods["small"] - methods["paper"] == {"random_oversample", "hard_smote", "soft_smote"}


def test_by_validation_choice_all_epochs_are_trained(cifar) -> None:
    made, task = ratio_of("CIFAR-10 100:1", cifar)
    last, chosen = (mixup.runs_of("cifar10", task, made, TINY, selection=name) for name in mixup.SELECTIONS)
    assert all("selection" not in run.estimator for run in last)
    assert {(run.estimator["selection"], run.estimator["patience"]) for run in chosen} == {("validation", 2)}
    assert [run.method for run in last] == [run.method for run in chosen]


def test_which_epoch_is_judged_and_margins_of_fitted_rows_stand_in_the_table(cifar) -> None:
    made, task = ratio_of("CIFAR-10 10:1", cifar)
    budget = Budget(folds=2, seeds=1, settings={**TINY.settings, "track_margins": True})
    lines = tuple(line for line in mixup.LINES if line.name == "ERM")
    table, found = filled(mixup, "cifar10", made, task, budget, lines)
    assert table.headers[-2:] == ("fitted, others", "fitted, rare")
    (row,) = found.rows
    with opened(None) as store:
        done = fill(store, jobs_of([run_of(made, task, budget)]), task, InProcess())
        curves = store.curves(done.keys[0])
    counts = np.bincount(task.numbers[task.side(run_of(made, task, budget)).train])
    rare = counts <= counts.max() / 2
    last = np.array([curves[f"margin_{label}"][-1] for label in range(10)])
    assert row.metrics["fitted_margin_rare"].mean == pytest.approx(last[rare].mean())
    assert table.rows[0][-2:] == (f"{last[~rare].mean():.2f}", f"{last[rare].mean():.2f}")
    assert any("that of the last epoch" in note for note in table.foot)
    plain, _ = filled(mixup, "cifar10", made, task, replace(TINY, seeds=1), lines)
    assert plain.headers[-1] == "margin, rare"


def run_of(made: Set, task: Task, budget: Budget):
    return mixup.runs_of("cifar10", task, made, budget)[0]


def test_distances_by_round_and_f1_by_reduction(monkeypatch) -> None:
    """Three rounds of two epochs after plain training; each begins with distances that its epochs repeat."""
    made = next(made for made in dos.SETS if made.name == "MNIST 0.90")
    task = Task.of("mnist", *digits((20,) * 10))
    budget = Budget(folds=2, seeds=1, settings={"max_epochs": 8, "precision": "float32"})
    monkeypatch.setitem(dos._NETWORKS, "mnist", {"backbone__channels": [2, 2], "backbone__hidden": [12, 8]})
    runs = [
        run
        for run in dos.runs_of("6", task, made, budget)
        if run.method == "dos" and "abstract_labels" not in run.method_settings
    ]
    with opened(None) as store:
        done = fill(store, jobs_of(runs), task, InProcess())
        (comparison,) = comparisons(store, done.keys)
        found = {made.name: comparison}
        ((name, within, between),) = dos.distances(found, store.curves)
        noted = [store.curves(key) for key in done.keys]
    assert name == "MNIST 0.90"
    for own, column in ((within, "within_classes"), (between, "between_classes")):
        assert noted[0][column][:2] == [None, None]
        assert own == pytest.approx(np.mean([each[column][2::2] for each in noted], axis=0).tolist())
    assert dos.rare_f1(found) == {"DOS, k = 5": [("0.90", comparison.rows[0].metrics["f1_rare"].mean)]}
    assert dos.distances({}, store.curves) == []


def test_ratios_of_sets() -> None:
    assert {made.ratio for made in mixup.SETS} == {10, 50, 100, 200, None}
    assert {made.ratio for made in dos.SETS} == {None}


def digits(counts: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    images, labels = make_images(counts)
    return np.pad(images, ((0, 0), (8, 8), (8, 8), (0, 0))), np.array(
        [str(label) for label in labels], dtype=object
    )


@pytest.mark.parametrize("table", ["6", "7", pytest.param("8", marks=pytest.mark.slow)])
def test_deep_oversampling_beside_the_papers_numbers(table, monkeypatch) -> None:
    made = next(made for made in dos.SETS if dos.about(table, made) and made.dataset == "mnist")
    images, labels = digits((20,) * 10)
    task = Task.of("mnist", images, labels)
    budget = Budget(folds=2, seeds=1, settings={"max_epochs": 4, "precision": "float32"})
    monkeypatch.setitem(dos._NETWORKS, "mnist", {"backbone__channels": [2, 2], "backbone__hidden": [12, 8]})
    lines = tuple(line for line in dos._LINES[table] if line.method in ("erm", "dos"))
    shown, found = filled(dos, table, made, task, budget, lines)
    names = [line.name for line in lines]
    assert "Digits are in 2 folds, of which all but the one tested are fitted to." in shown.foot
    assert [row.method for row in found.rows] == [line.method for line in lines]
    if table == "6":
        assert [row[:3] for row in shown.rows] == [
            (name, "0.90", group) for name in names for group in ("minority", "majority")
        ]
        assert [cell.split(" | ")[1] for cell in shown.rows[0][3:]] == ["0.98", "0.93", "0.96", "0.99"]
        dos_row = next(row for row in shown.rows if row[0] == "DOS, k = 5")
        assert dos_row[5].endswith("| 0.98")
        side = task.side(dos.runs_of("6", task, made, budget)[0])
        assert sorted(np.bincount(task.numbers[side.train])) == [1, 1, 1, 1, *[10] * 6]
    elif table == "7":
        assert [row[:2] for row in shown.rows] == [
            (name, g) for name in names for g in ("minority", "majority")
        ]
        assert shown.rows[0][-1].endswith("| 0.99")
    else:
        assert [row[0] for row in shown.rows] == names
        assert shown.rows[0][1].endswith("| -")


def test_which_table_is_about_what() -> None:
    about = {table: [made.name for made in dos.SETS if dos.about(table, made)] for table in dos.TABLES}
    assert about == {
        "6": ["MNIST 0.90", "MNIST 0.95", "MNIST 0.99"],
        "7": ["MNIST 0.99"],
        "8": ["MNIST", "CIFAR-10"],
    }
    assert [made.keep for made in dos.SETS][:3] == ["drawn:4:0.1", "drawn:4:0.05", "drawn:4:0.01"]


TABLE_6 = """
CNN .90 .98 .93 .96 .99 / .96 .99 .97 1.0
CNN .95 .99 .89 .94 .99 / .93 .98 .95 .99
CNN .99 .65 .98 .77 .96 / .99 .82 .89 .99
CNN-CL .90 .99 .90 .94 1.0 / .94 .99 .96 .98
CNN-CL .95 .99 .83 .90 .97 / .89 .99 .94 1.0
CNN-CL .99 .75 .98 .85 .95 / .99 .86 .92 .99
DOS .90 .99 .97 .98 1.0 / .98 .99 .98 1.0
DOS .95 .98 .96 .97 1.0 / .97 .99 .98 1.0
DOS .99 .91 .99 .95 .99 / .98 .94 .96 1.0
"""
"""MNIST in the paper's table 6, typed a second time: rare classes, then common ones."""


def test_the_published_numbers_are_the_papers() -> None:
    typed = {}
    for line in TABLE_6.split("\n")[1:-1]:
        model, share, *numbers = line.replace("/", "").split()
        values = tuple(float(number) for number in numbers)
        typed[model, f"0{share}", "rare"], typed[model, f"0{share}", "common"] = values[:4], values[4:]
    assert {key: found["MNIST"] for key, found in dos_numbers.TABLE_6.items()} == typed
