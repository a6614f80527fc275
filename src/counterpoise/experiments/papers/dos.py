"""The experiments of deep over-sampling (Ando and Huang, ECML-PKDD 2017) on data that can be had.

    runs = runs_of("6", task, SETS[0], BUDGETS["small"])
    table = TABLES["6"]({"MNIST 0.99": comparison}, {"MNIST 0.99": task})

Table 6: models on digits of which four classes, drawn anew for each run, have lost 90, 95 or 99% of their rows.
Table 7: deep over-sampling with 3, 5 and 10 neighbours at 99%. Table 8: balanced data.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from counterpoise.experiments.papers import dos_numbers as theirs
from counterpoise.experiments.papers.base import Budget, Line, Set, Table, row_of, runs_of_line
from counterpoise.experiments.runs import Run
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

REDUCTIONS = ("0.90", "0.95", "0.99")
GROUPS = {"rare": "minority", "common": "majority"}
MEASURES = {"precision": "P", "recall": "R", "f1": "F1", "average_precision": "AUC"}
_FEW = "the 10,000 test digits alone, which is all of MNIST that is at hand"

SETS = (
    *(
        Set(
            f"MNIST {reduction}",
            "mnist",
            None,
            keep=f"drawn:4:{round(1 - float(reduction), 2)}",
            differs=_FEW,
        )
        for reduction in REDUCTIONS
    ),
    Set("MNIST", "mnist", None, differs=f"not in the paper's table; {_FEW}"),
    Set("CIFAR-10", "cifar10", None, given=True),
)

_NETWORKS: dict[str, dict[str, Any]] = {
    "mnist": {"backbone__channels": [6, 16], "backbone__hidden": [400, 120], "batch_size": 60},
    "cifar10": {"backbone__channels": [20, 50], "backbone__hidden": [500, 120], "batch_size": 50},
}
_ROUNDS = {"mnist": 3, "cifar10": 4}

BUDGETS = {
    "small": Budget(folds=3, seeds=1, settings={"max_epochs": 16}, at_most=1000),
    "medium": Budget(folds=5, seeds=2, settings={"max_epochs": 16}, at_most=2000),
    "paper": Budget(folds=5, seeds=5, settings={"max_epochs": 40}),
}
"""Epochs are not in the paper. The first two leave at most so many rows to each class where the data have more."""

DEFAULT_SETS = dict.fromkeys(BUDGETS, ("mnist", "cifar10"))
"""Where no data are named; a table leaves out those that it is not about."""

SELECTIONS: tuple[str, ...] = ()
TAKES: frozenset[str] = frozenset()
DEFAULT_TABLE = "6"
EXAMPLES: dict[str, Callable[[Set, Task, int], Table]] = {}

_RIVALS = (
    Line("CNN", "erm", "convnet"),
    Line("CNN-CL", "feature_knn", "convnet"),
    Line("class weights", "class_weight", "convnet"),
    Line("random over-sampling", "random_oversample", "convnet"),
)
_DOS = tuple(Line(f"DOS, k = {k}", "dos", "convnet", {"method__k": k}) for k in (3, 5, 10))
_GUIDED = tuple(
    Line(f"DOS, k = 5, {name}", "dos", "convnet", {"method__k": 5, "method__abstract_labels": kind})
    for name, kind in (("abstract labels", True), ("random groups", "random"))
)
_LINES = {
    "6": (*_RIVALS, _DOS[1], *_GUIDED),
    "7": _DOS,
    "8": (*_RIVALS[:2], *_DOS, *_GUIDED),
}
_EVERY = (*_RIVALS, *_DOS, *_GUIDED)


def about(table: str, made: Set) -> bool:
    """Whether a table has columns for a set."""
    if table == "8":
        return made.keep is None
    return made.keep is not None and (table == "6" or made.name.endswith(REDUCTIONS[-1]))


def lines_of(table: str) -> tuple[str, ...]:
    """Names of a table's models."""
    return tuple(line.name for line in _LINES[table])


def runs_of(
    table: str,
    task: Task,
    made: Set,
    budget: Budget,
    seed: int = 0,
    encoder: str | None = None,
    *,
    lines: Collection[str] | None = None,
) -> list[Run]:
    """Runs that a table needs of one set.

    Parameters
    ----------
    table : {"6", "7", "8"}
    task : Task
    made : Set
    budget : Budget
    seed : int, default=0
        The first one.
    encoder : None
        Not used.
    lines : collection of str or None, default=None
        Names of the lines that are wanted, of those of :func:`lines_of`; None wants all.

    Returns
    -------
    list of Run
        None where the table is not :func:`about` the set.
    """
    runs: list[Run] = []
    for line in _LINES[table] if about(table, made) else ():
        if lines is not None and line.name not in lines:
            continue
        # All rows are fitted to and the last epoch is judged: the paper speaks of no validation side.
        settings: dict[str, Any] = {**budget.settings, **_NETWORKS[made.dataset], **line.settings}
        settings |= {"threshold": None, "prior_correction": False, "validation_fraction": 0.0}
        settings |= {"method__rounds": _ROUNDS[made.dataset]} if line.method == "dos" else {}
        runs += runs_of_line(line, task, made, budget, range(seed, seed + budget.seeds), settings)
    return runs


def table_6(found: Mapping[str, Comparison], tasks: Mapping[str, Task]) -> Table:
    """All models by reduction and group of classes."""
    rows = []
    for line in _LINES["6"]:
        for reduction in REDUCTIONS:
            comparison = found.get(f"MNIST {reduction}")
            row = None if comparison is None else row_of(comparison, line, _EVERY)
            for group, name in GROUPS.items() if row is not None else ():
                model = "DOS" if line is _DOS[1] else line.name
                published = theirs.TABLE_6.get((model, reduction, group), {}).get("MNIST")
                rows.append((line.name, reduction, name, *_cells(row, group, published)))
    return Table(
        "Table 6: four classes reduced",
        ("model", "p", "classes", *(f"MNIST {name}" for name in MEASURES.values())),
        tuple(rows),
        3,
        _foot(found, _SWAPPED),
    )


def table_7(found: Mapping[str, Comparison], tasks: Mapping[str, Task]) -> Table:
    """Deep over-sampling by the number of neighbours."""
    rows = []
    comparison = found.get(f"MNIST {REDUCTIONS[-1]}")
    for line in _DOS:
        row = None if comparison is None else row_of(comparison, line, _EVERY)
        for group, name in GROUPS.items() if row is not None else ():
            published = theirs.TABLE_7[(str(line.settings["method__k"]), group)]["MNIST"]
            rows.append((line.name, name, *_cells(row, group, published)))
    headers = ("model", "classes", *(f"MNIST {name}" for name in MEASURES.values()))
    return Table("Table 7: neighbours, p = 0.99", headers, tuple(rows), 2, _foot(found, _SWAPPED))


def table_8(found: Mapping[str, Comparison], tasks: Mapping[str, Task]) -> Table:
    """All models on balanced data."""
    sets = [made for made in SETS if made.name in found]
    rows = []
    for line in _LINES["8"]:
        own = [row_of(found[made.name], line, _EVERY) for made in sets]
        if any(own):
            cells = [line.name]
            for made, row in zip(sets, own, strict=True):
                f1, area = theirs.TABLE_8.get(line.name, {}).get(made.name, (None, None))
                cells += [_cell(row, "f1_common", f1), _cell(row, "average_precision_common", area)]
            rows.append(tuple(cells))
    headers = ("model", *(f"{made.name} {name}" for made in sets for name in ("F1", "AUC")))
    return Table("Table 8: balanced data", headers, tuple(rows), 1, _foot(found))


def distances(
    found: Mapping[str, Comparison], curves: Callable[[str], Mapping[str, Any]]
) -> list[tuple[str, list[float], list[float]]]:
    """Of each reduction, how far rows lay from their class means, and those from each other, as each round began.

    Parameters
    ----------
    found : mapping of str to Comparison
        By the names of the sets.
    curves : callable
        Gives the curves of a run by its key.

    Returns
    -------
    list of (str, list of float, list of float)
        Of deep over-sampling with five neighbours, means over runs: what it is called, and by round the distances
        within classes (rare ones, where some are) and between them.
    """
    lines = []
    for made in (made for made in SETS if made.name in found):
        row = row_of(found[made.name], _DOS[1], _EVERY)
        runs = [_by_round(curves(key)) for key in (row.keys if row else ()) if key is not None]
        if runs:
            within, between = (np.mean(column, axis=0).tolist() for column in zip(*runs, strict=True))
            lines.append((made.name, within, between))
    return lines


def _by_round(curves: Mapping[str, Any]) -> tuple[list[float], list[float]]:
    """The two distances by round: every epoch of a round has noted those with which it began."""
    pairs = zip(curves["within_classes"], curves["between_classes"], strict=True)
    rounds = [pair for pair, _ in groupby(pairs) if None not in pair]
    return [within for within, _ in rounds], [between for _, between in rounds]


def rare_f1(found: Mapping[str, Comparison]) -> dict[str, list[tuple[str, float]]]:
    """Of each model, the mean F1 of the reduced classes by reduction."""
    lines: dict[str, list[tuple[str, float]]] = {}
    for line in _LINES["6"]:
        for reduction in REDUCTIONS:
            comparison = found.get(f"MNIST {reduction}")
            row = None if comparison is None else row_of(comparison, line, _EVERY)
            mean = None if row is None else row.metrics["f1_rare"].mean
            if mean is not None:
                lines.setdefault(line.name, []).append((reduction, mean))
    return lines


TABLES: dict[str, Callable[[Mapping[str, Comparison], Mapping[str, Task]], Table]] = {
    "6": table_6,
    "7": table_7,
    "8": table_8,
}

_SWAPPED = (
    "Precision and recall look swapped in most of the paper's cells for rare classes: compare F1 and AUC, the area "
    "under the curve of precision by recall."
)


def _cells(row: Row | None, group: str, published: Sequence[float] | None) -> list[str]:
    numbers: Sequence[float | None] = published or [None] * len(MEASURES)
    return [
        _cell(row, f"{measure}_{group}", number) for measure, number in zip(MEASURES, numbers, strict=True)
    ]


def _cell(row: Row | None, metric: str, published: float | None) -> str:
    """Ours, a mean over runs, beside theirs."""
    mean = None if row is None else row.metrics[metric].mean
    ours = "-" if mean is None else f"{mean:.3f}"
    return f"{ours} | {'-' if published is None else f'{published:.2f}'}"


def _foot(found: Mapping[str, Comparison], *more: str) -> tuple[str, ...]:
    differs = {made.name: made.differs for made in SETS if made.name in found and made.differs}
    runs = ", ".join(f"{name} {len(comparison.cells)}" for name, comparison in found.items())
    folds = {found[made.name].n_folds for made in SETS if made.name in found and not made.given}
    return (
        f"Ours | the paper's; means over classes, then over runs: {runs}.",
        *(f"Digits are in {n} folds, of which all but the one tested are fitted to." for n in folds),
        *more,
        *dict.fromkeys(f"{why[0].upper()}{why[1:]}." for why in differs.values()),
        "The paper does not say which optimiser, learning rate, filters and pools it has; here Adam at 0.001, filters "
        "of 5 x 5 and pools of 2 x 2. Epochs are divided among plain training and the rounds alike.",
        "CNN-CL has nearest neighbours in the network's features for all columns; the paper's AUC is a logistic "
        "regression's.",
    )
