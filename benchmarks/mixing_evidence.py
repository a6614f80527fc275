"""What mixing and deep over-sampling are worth: five grids of runs, each gathered into a file of its own.

    COUNTERPOISE_DATA=... python benchmarks/mixing_evidence.py all mixing.runs --estimate
    COUNTERPOISE_DATA=... python benchmarks/mixing_evidence.py all mixing.runs
    COUNTERPOISE_DATA=... python benchmarks/mixing_evidence.py images mixing.runs --jobs 2

writes benchmarks/results/mixing_GRID.csv, from which benchmarks/claims.py tells what is confirmed.

``arrays``: scikit-learn's four small sets, of each of which one class keeps a fifth of its rows on the fitting side,
test sides whole; a perceptron. ``many``: texts of many classes, all of them alike. ``texts``: a class against the rest.
``digits``: MNIST, of which four classes have lost most of their rows, as ``counterpoise reproduce dos`` has it.
``images``: CIFAR-10 under long tails of 500 images and fewer, as ``counterpoise reproduce mixup`` has it, on the test
side that comes with it. ``all`` takes them in this order, the cheapest first.

All rows are fitted to and the last epoch is judged; decided by the largest logit, no prior put back, since that would
give the decisions back to the common classes. Every method has its defaults: none is tuned. All of a task's contestants
take as many steps: those that show rare rows more often have as many fewer epochs. What is in the store or in the file
is not run again; after a change of a method, take its lines out of the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np
from sklearn import datasets

from counterpoise.data.imbalance import one_against_rest
from counterpoise.data.readers import read
from counterpoise.experiments.grid import plan
from counterpoise.experiments.papers import dos, mixup
from counterpoise.experiments.papers.base import Line, Set, task_of
from counterpoise.experiments.runs import Run
from counterpoise.experiments.task import Task
from counterpoise.methods.dos import DOS
from counterpoise.methods.overloading import Overloading
from filling import Part, asked, fill_grids
from mixing_lines import DEEP, FILLED_UP, IMAGES, LINES, MIXED_IMAGES, ONLY_ARRAYS

ARRAYS = {"iris": "versicolor", "wine": "class_1", "breast_cancer": "malignant", "digits": "8"}
"""Each with the class that becomes rare."""

MANY = (
    Set("ohsumed_titles", "ohsumed_titles", None, given=True),
    Set("toutiao", "toutiao", None, keep="exponential:20"),
)
"""Toutiao's fifteen classes are alike frequent, so that a tail is made of them."""

TEXTS = (
    Set("toutiao", "toutiao", "news_car", keep="28%"),
    Set("ag_news", "ag_news", "Business", keep="4%"),
    Set("r8", "r8", "grain", whole=True),
)

RATIO, BESIDE_IT = 100, (200, 50)
"""Of images: all lines at the first, where most is published; at the others those whose order is claimed to change."""

COMMON = {"threshold": None, "prior_correction": False, "validation_fraction": 0.0}
"""Of arrays and texts. Number formats are left to the machine, which is to be one for all contestants of a task."""

STEP = {"arrays": 0.001, "many": 0.020, "texts": 0.020, "digits": 0.020, "images": 0.119}
"""Seconds of a step of 64 rows by one thread of 80 GFLOP/s: perceptron, TextCNN, small convolutions, ResNet-8."""

BESIDE = {"arrays": 0.5, "many": 5.0, "texts": 5.0, "digits": 5.0, "images": 15.0}
"""Seconds of a run beside its steps: vectors, and representations of both sides."""

BALANCED = ("random_oversample", "smote", "hard_smote", "soft_smote")
"""Methods that fill every class up to the largest."""

STEPS = 1000
"""Of arrays: with twice as many, plain training on iris and wine is no better; Mixup is."""


def array_task(name: str) -> Task:
    """One of scikit-learn's sets."""
    bunch = getattr(datasets, f"load_{name}")()
    labels = np.array([str(bunch.target_names[number]) for number in bunch.target], dtype=object)
    return Task.of(name, bunch.data.astype(np.float32), labels, minority=ARRAYS[name])


def arrays() -> Iterator[Part]:
    """Five folds, two seeds."""
    for name in ARRAYS:
        task = array_task(name)
        fitted = plan(task, ["erm"], keep="20%", n_folds=5)[0]
        epochs = -(-STEPS // -(-int(_counts(fitted, task).sum()) // 64))
        yield _part(task, (*LINES, *ONLY_ARRAYS), keep="20%", n_folds=5, seeds=2, max_epochs=epochs)


def many() -> Iterator[Part]:
    """Ten seeds on the test side that a set comes with, else five folds and two seeds."""
    for made in MANY:
        task = task_of(made)
        folds, seeds = (1, 10) if made.given else (5, 2)
        yield _part(task, DEEP, keep=made.keep, n_folds=folds, seeds=seeds, max_epochs=30)


def texts() -> Iterator[Part]:
    """Five folds, two seeds; one of R8, whose texts are long and all there."""
    for made in TEXTS:
        if made.whole:
            table = read(made.dataset, split="all")
            assert table.labels is not None
            labels = one_against_rest(table.labels, str(made.minority))
            task = Task.of(made.dataset, table.texts, labels, minority=made.minority)
        else:
            task = task_of(made)
        yield _part(task, LINES, keep=made.keep, n_folds=5, seeds=1 if made.whole else 2, max_epochs=12)


def digits() -> Iterator[Part]:
    """Five folds, two seeds; of each class at most 1,000 digits, before four drawn anew lose nine tenths and more."""
    small = replace(dos.BUDGETS["small"], folds=5, seeds=2)
    for made in (made for made in dos.SETS if dos.about("6", made)):
        task = task_of(made, at_most=small.at_most)

        def planned(epochs: int, line: str, task: Task = task, made: Set = made) -> list[Run]:
            budget = replace(small, settings={**small.settings, "max_epochs": epochs})
            return dos.runs_of("6", task, made, budget, lines=[line])

        epochs = small.settings["max_epochs"]
        yield Part(
            task,
            [
                run
                for line in dos.lines_of("6")
                for run in _as_long(task, partial(planned, line=line), epochs)
            ],
        )


def images() -> Iterator[Part]:
    """Five seeds, each of which thins the same 500 images of a class anew. Margins of fitted rows at one ratio."""
    small = mixup.BUDGETS["small"]
    sets = {made.ratio: made for made in mixup.SETS if made.dataset == "cifar10"}
    task = task_of(sets[RATIO], at_most=small.at_most)
    for names, ratios in ((IMAGES, (RATIO,)), (MIXED_IMAGES, BESIDE_IT), (FILLED_UP, (RATIO,))):
        for ratio in ratios:
            settings = small.settings | ({"track_margins": True} if ratio == RATIO else {})
            budget = replace(small, seeds=5, settings=settings)
            yield Part(task, mixup.runs_of("cifar10", task, sets[ratio], budget, lines=names))


GRIDS: dict[str, Callable[[], Iterator[Part]]] = {
    "arrays": arrays,
    "many": many,
    "texts": texts,
    "digits": digits,
    "images": images,
}


def _part(
    task: Task, lines: tuple[Line, ...], *, keep: str | None, seeds: int, n_folds: int, max_epochs: int
) -> Part:
    def planned(epochs: int, line: Line) -> list[Run]:
        settings = {**COMMON, "max_epochs": epochs, **line.settings}
        return plan(task, [line.method], keep=keep, n_folds=n_folds, seeds=range(seeds), settings=settings)

    runs = [run for line in lines for run in _as_long(task, partial(planned, line=line), max_epochs)]
    return Part(task, runs)


def _as_long(task: Task, planned: Callable[[int], list[Run]], epochs: int) -> list[Run]:
    """Runs of as many epochs as have the rows of ``epochs`` of plain training; not fewer than ``dos`` has parts."""
    run = planned(epochs)[0]
    counts = _counts(run, task)
    parts = run.method_settings.get("rounds", DOS().rounds) + 1 if run.method == "dos" else 1
    return planned(max(parts, round(epochs * float(counts.sum()) / _rows(run, counts))))


def _counts(run: Run, task: Task) -> np.ndarray:
    """Rows of each class that are fitted to."""
    return np.bincount(task.numbers[task.side(run).train], minlength=len(task.names))


def _rows(run: Run, counts: np.ndarray) -> float:
    """How many rows a method shows in an epoch, in the mean over its epochs."""
    if run.method in BALANCED:
        return float(counts.max() * len(counts))
    if run.method == "dos":
        rounds = run.method_settings.get("rounds", DOS().rounds)
        often = counts @ Overloading.of(counts, DOS().k, DOS().k_majority, DOS().overload).times
        return float(counts.sum() + rounds * often) / (rounds + 1)
    return float(counts.sum())


def seconds_of(run: Run, task: Task, grid: str) -> float:
    """What a run takes, by its steps."""
    counts = _counts(run, task)
    epochs, batch = run.estimator["max_epochs"], run.estimator.get("batch_size", 64)
    # Rows that only go through the network cost about a third of a step.
    looks = float(counts.sum()) / 3 if run.estimator.get("track_margins") else 0.0
    return float(BESIDE[grid] + STEP[grid] * epochs * np.ceil((_rows(run, counts) + looks) / batch))


def main() -> None:
    fill_grids(asked(__doc__, GRIDS), "mixing", GRIDS, seconds_of)


if __name__ == "__main__":
    main()
