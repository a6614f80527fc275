"""The experiments of margin-aware Mixup (Cheng, Mai and Lin, TAAI 2023) on data that can be had.

    runs = runs_of("cifar10", task, SETS[2], BUDGETS["small"])
    table = TABLES["cifar10"]({"CIFAR-10 100:1": comparison}, {"CIFAR-10 100:1": task})

One table a data set: images under a long tail, tested on the balanced test side that comes with them; and texts, where
the paper has none. The authors' numbers are those of their best epoch on the test side; ours are of the last epoch, or
of the best one on a tenth of the fitting side (``selection="validation"``), never of the best on the test side.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from counterpoise.experiments.papers import mixup_numbers as theirs
from counterpoise.experiments.papers.base import Budget, Line, Set, Table, percent, row_of, runs_of_line
from counterpoise.experiments.runs import Run
from counterpoise.experiments.stopping_side import LEAST, SELECTION
from counterpoise.experiments.table import Comparison, Row
from counterpoise.experiments.task import Task

__all__ = [
    "BUDGETS",
    "DEFAULT_SETS",
    "DEFAULT_TABLE",
    "EXAMPLES",
    "SELECTIONS",
    "SETS",
    "TABLES",
    "TAKES",
    "about",
    "lines_of",
    "runs_of",
]

RATIOS = (10, 50, 100, 200)
IMAGES, TEXTS = ("cifar10",), ("ag_news", "toutiao")
_NAMES = {"cifar10": "CIFAR-10", "ag_news": "AG_News", "toutiao": "Toutiao"}

SETS = (
    *(
        Set(
            f"{_NAMES[dataset]} {ratio}:1",
            dataset,
            None,
            keep=f"exponential:{ratio}",
            given=dataset in IMAGES,
            differs="" if dataset in IMAGES else "not among the paper's sets",
        )
        for dataset in (*IMAGES, *TEXTS)
        for ratio in RATIOS
    ),
    Set("R8", "r8", None, given=True, differs="not among the paper's sets; a long tail by nature"),
)

_AUTHORS: dict[str, Any] = {
    "optimizer": "sgd",
    "schedule": "step",
    "warmup": 0.025,
    "weight_decay": 2e-4,
    "learning_rate": 0.1,
}
"""Of images: those of the authors' code, its warm-up over 5 of 200 epochs."""

_SHALLOW: dict[str, Any] = {"max_epochs": 80, "batch_size": 64, "backbone__depth": 8}
_WHOLE: dict[str, Any] = {"max_epochs": 200, "batch_size": 128, "backbone__depth": 32, "track_margins": True}

_DRW = {"method__drw": True}
LINES = (
    Line("ERM", "erm"),
    Line("class weights", "class_weight"),
    Line("DRW", "drw"),
    Line("LDAM-DRW", "ldam_drw"),
    Line("random over-sampling", "random_oversample"),
    Line("hard SMOTE", "hard_smote"),
    Line("soft SMOTE", "soft_smote"),
    Line("Mixup", "mixup"),
    Line("MAMix", "mamix"),
    Line("Mixup-DRW", "mixup", settings=_DRW),
    Line("Remix-DRW", "remix", settings=_DRW),
    Line("MAMix-DRW", "mamix", settings=_DRW),
)

_BALANCED = ("random_oversample", "hard_smote", "soft_smote")
"""Methods that fill all classes up to the largest, and have so many fewer epochs on images that they take as many steps
as the others."""

_FILLED_UP = tuple(line.name for line in LINES if line.method in _BALANCED)

BUDGETS = {
    "small": Budget(folds=3, seeds=1, settings=_SHALLOW, at_most=500),
    "medium": Budget(folds=5, seeds=5, settings={**_SHALLOW, "track_margins": True}, at_most=1000),
    "paper": Budget(folds=5, seeds=5, settings=_WHOLE, without=_FILLED_UP),
    "paper+smote": Budget(folds=5, seeds=5, settings=_WHOLE),
}
"""Images: at most so many of a class and a shallower network, or the authors' recipe. They have no over-sampling,
under which every class has 5,000 images, so it is run only where it is asked for. Margins of fitted rows, for which all
of them go through the network after each epoch, are left out of the first. Texts have TextCNN and 20 epochs at every
budget."""

SELECTIONS = ("last", "validation")
"""Which epoch is judged: the last, or the one with the best average precision on a tenth of the fitting side, if
that has rows enough for it (:mod:`counterpoise.experiments.stopping_side`)."""

DEFAULT_SETS = dict.fromkeys(BUDGETS, (*IMAGES, *TEXTS, "r8"))
"""Where no data are named; a table is about one of them."""

TAKES: frozenset[str] = frozenset()
DEFAULT_TABLE = "cifar10"
EXAMPLES: dict[str, Callable[[Set, Task, int], Table]] = {}


def about(table: str, made: Set) -> bool:
    """Whether a table has columns for a set."""
    return made.dataset == table


def lines_of(table: str) -> tuple[str, ...]:
    """Names of a table's methods."""
    return tuple(line.name for line in LINES)


def runs_of(
    table: str,
    task: Task,
    made: Set,
    budget: Budget,
    seed: int = 0,
    encoder: str | None = None,
    *,
    lines: Collection[str] | None = None,
    selection: str = "last",
) -> list[Run]:
    """Runs that a table needs of one set.

    Parameters
    ----------
    table : str
        A data set.
    task : Task
    made : Set
    budget : Budget
    seed : int, default=0
        The first one; each thins the data anew.
    encoder : None
        Not used.
    lines : collection of str or None, default=None
        Names of the lines that are wanted, of those of :func:`lines_of`; None wants all.
    selection : {"last", "validation"}, default="last"
        See :data:`SELECTIONS`.

    Returns
    -------
    list of Run
        None where the table is not :func:`about` the set.
    """
    if not about(table, made):
        return []
    images = made.dataset in IMAGES
    common = {**budget.settings, **_AUTHORS} if images else {"max_epochs": 20}
    # Decided by the largest logit, no prior put back.
    common |= {"threshold": None, "prior_correction": False, "validation_fraction": 0.0}
    if selection == "validation":
        # Training goes on to the end whatever the validation side says, since the schedule is in shares of it.
        common |= {SELECTION: selection, "patience": common["max_epochs"]}
    runs: list[Run] = []
    for line in LINES:
        if line.name in budget.without or (lines is not None and line.name not in lines):
            continue
        seeds = range(seed, seed + budget.seeds) if made.given else (seed,)
        own = {**common, **line.settings}
        its = partial(runs_of_line, _in(line, table), task, made, budget, seeds)
        if images and line.method in _BALANCED:
            own["max_epochs"] = _epochs_as_long(own["max_epochs"], its(own)[0], task)
        runs += its(own)
    return runs


def _epochs_as_long(epochs: int, run: Run, task: Task) -> int:
    """How many epochs of classes filled up to the largest have as many rows as ``epochs`` of them as they are."""
    counts = np.bincount(task.numbers[task.side(run).train], minlength=len(task.names))
    return max(1, round(epochs * counts.mean() / counts.max()))


def table_of(dataset: str, found: Mapping[str, Comparison], tasks: Mapping[str, Task]) -> Table:
    """All lines on one data set, ratio by ratio."""
    rows = []
    every = [row for comparison in found.values() for row in comparison.rows]
    tracked = any("fitted_margin_common" in row.metrics for row in every)
    fitted = ("fitted_margin_common", "fitted_margin_rare") if tracked else ()
    for made in (made for made in SETS if made.name in found):
        published = theirs.ACCURACY.get((dataset, made.ratio or 0), {})
        for line, row in _rows(dataset, found[made.name]):
            number = published.get(line.name)
            margins = [_number(row, metric) for metric in ("margin_common", "margin_rare", *fitted)]
            rows.append(
                (
                    str(made.ratio or "as it is"),
                    line.name,
                    percent(row, "accuracy"),
                    *([f"{number:.1f}" if number else "-"] if dataset in IMAGES else []),
                    percent(row, "recall_rare"),
                    *margins,
                )
            )
    headers = (
        "ratio",
        "method",
        "accuracy",
        *(["the authors'"] if dataset in IMAGES else []),
        "recall, rare",
        "margin, others",
        "margin, rare",
        *(("fitted, others", "fitted, rare") if fitted else ()),
    )
    title = f"{_NAMES.get(dataset, dataset)}: mixing and margins"
    return Table(title, headers, tuple(rows), 2, _foot(dataset, found, tracked))


def margins(
    dataset: str, found: Mapping[str, Comparison]
) -> list[tuple[str, dict[str, tuple[float, float]]]]:
    """Of each ratio, what it is called, and by line the margins of the common and of the rare classes on test rows."""
    panels = []
    for made in (made for made in SETS if made.name in found):
        lines = {}
        for line, row in _rows(dataset, found[made.name]):
            common, rare = (row.metrics[f"margin_{group}"].mean for group in ("common", "rare"))
            if common is not None and rare is not None:
                lines[line.name] = (common, rare)
        if lines:
            panels.append((made.name, lines))
    return panels


TABLES: dict[str, Callable[[Mapping[str, Comparison], Mapping[str, Task]], Table]] = {
    dataset: partial(table_of, dataset) for dataset in (*IMAGES, *TEXTS, "r8")
}


def _rows(dataset: str, comparison: Comparison) -> Iterator[tuple[Line, Row]]:
    """Lines that were run on a data set, with their rows."""
    for line in LINES:
        row = row_of(comparison, _in(line, dataset), [_in(each, dataset) for each in LINES])
        if row is not None:
            yield line, row


def _in(line: Line, dataset: str) -> Line:
    """The line with the network that it has on a data set."""
    return Line(line.name, line.method, "resnet" if dataset in IMAGES else "textcnn", line.settings)


def _number(row: Row, metric: str) -> str:
    mean = row.metrics[metric].mean if metric in row.metrics else None
    return "-" if mean is None else f"{mean:.2f}"


def _foot(dataset: str, found: Mapping[str, Comparison], tracked: bool) -> tuple[str, ...]:
    runs = ", ".join(f"{name} {len(comparison.cells)}" for name, comparison in found.items())
    chosen = any(row.settings.get(SELECTION) for comparison in found.values() for row in comparison.rows)
    judged = (
        "of the epoch with the best average precision on a tenth of the fitting side, by which the other nine are "
        f"fewer, or of the last one where fewer than {LEAST} of those rows would be of the rarest third of the classes"
        if chosen
        else "that of the last epoch"
    )
    images = (
        "The authors' accuracy is that of the best epoch on the test images, from one seed, ResNet-32, 5,000 images of "
        f"the largest class and 200 epochs; ours {judged}.",
        "Late class weights are scaled to 1 on average over rows; the authors' are 1 on average over classes and 0.17 "
        "over rows at a ratio of 100, so that their steps become about six times shorter when the weights set in.",
        "Our classifier has a bias, but for that of LDAM; theirs has none.",
        "Their mixing also sends the raw rows through the network, so that batch norm sees raw and mixed ones; ours "
        "trains on mixed rows only, and gives batch norm the statistics of raw ones at the end.",
        "Random over-sampling and SMOTE fill every class up to the largest, in as many fewer epochs as these are "
        "longer: all lines take about as many steps.",
    )
    fitted = "Fitted: the same margins of the rows that were fitted to, at the epoch judged."
    untracked = "Margins of fitted rows are tracked with the larger budgets."
    return (
        f"In percent, means ± standard deviation over runs (seeds on a given test side, else folds): {runs}.",
        "Rare are classes with at most half as many rows as the largest. Margins are logit of the true class minus the "
        "best other, on test rows, by class and then by group.",
        *((fitted if tracked else untracked,) if dataset in IMAGES else ()),
        *(images if dataset in IMAGES else ()),
        *dict.fromkeys(
            f"{made.name}: {made.differs}." for made in SETS if made.name in found and made.differs
        ),
    )
