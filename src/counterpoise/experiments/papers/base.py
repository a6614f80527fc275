"""What the reproductions share: sets of data, budgets, and tables of ours beside theirs.

sets = [Set("SMS Spam", "sms_spam", minority="spam")]
table = Table("Table 3", ("method", "ours", "paper"), rows, foot=("what differs ...",))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from counterpoise.data.imbalance import one_against_rest, thin
from counterpoise.data.readers import read, splits_of
from counterpoise.errors import SettingsError
from counterpoise.experiments.table import Comparison, Row
from counterpoise.experiments.task import Task
from counterpoise.seeding import derive_seed

FOLDS = 5
"""Of the split that examples and figures are made of, where no test side is given."""


@dataclass(frozen=True)
class Set:
    """Data of a paper, and what stands for them here.

    Attributes
    ----------
    name : str
        As the paper calls it.
    dataset : str
        Of :mod:`counterpoise.data.catalog`.
    minority : str or None
        The class set against all others; None where all classes matter.
    keep : str or None, default=None
        How much of it the fitting sides keep.
    whole : bool, default=False
        Whether all splits are put together, as the paper does.
    differs : str, default=""
        What is not as in the paper, in words.
    given : bool, default=False
        Whether the splits train and test are the two sides of every run.
    """

    name: str
    dataset: str
    minority: str | None
    keep: str | None = None
    whole: bool = False
    differs: str = ""
    given: bool = False


@dataclass(frozen=True)
class Budget:
    """How much is run.

    Attributes
    ----------
    folds, seeds : int
    settings : dict
        Parameters of the classifier and of methods, for all runs.
    """

    folds: int
    seeds: int
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """A table to be printed.

    Attributes
    ----------
    title : str
    headers : tuple of str
    rows : tuple of tuple of str
    words : int
        Columns from the left that hold words.
    foot : tuple of str
        What has to be known when it is read.
    warning : str, default=""
        What must not be overlooked.
    """

    title: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int
    foot: tuple[str, ...]
    warning: str = ""


def task_of(made: Set, data_dir: str | None = None) -> Task:
    """Read a set, its minority against the rest where one is named.

    Raises
    ------
    DataError
        When the data cannot be had.
    """
    splits: Sequence[str | None] = splits_of(made.dataset) if made.whole or made.given else [None]
    tables = [read(made.dataset, split=split, data_dir=data_dir) for split in splits]
    texts = np.concatenate([table.texts for table in tables])
    labels = np.concatenate([np.asarray(table.labels, dtype=object) for table in tables])
    if made.minority is not None and len(set(labels)) > 2:
        labels = one_against_rest(labels, made.minority)
    test = None
    if made.given:
        test = np.repeat([split == "test" for split in splits], [len(table.texts) for table in tables])
    return Task.of(made.dataset, texts, labels, minority=made.minority, test=test)


def first_sides(made: Set, task: Task, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the fitting side, thinned, and of the test side of a seed's first fold, for examples and figures."""
    split = task.folds(1 if made.given else FOLDS, seed)[0]
    if made.keep is None:
        return split.train, split.test
    labels = task.names[task.numbers[split.train]]
    kept, _, _ = thin(labels, made.keep, made.minority, derive_seed(seed, "keep", 0))
    return split.train[kept], split.test


def chosen(sets: Sequence[Set], names: Sequence[str] | None, default: Sequence[str]) -> list[Set]:
    """Sets by the names of their data.

    Raises
    ------
    SettingsError
        For a name that no set has.
    """
    known = list(dict.fromkeys(made.dataset for made in sets))
    if unknown := [name for name in names or () if name not in known]:
        raise SettingsError(f"--datasets {', '.join(unknown)}: the paper has {', '.join(known)}")
    wanted = names or default
    return [made for made in sets if made.dataset in wanted]


def find_row(comparison: Comparison | None, method: str, backbone: str | None) -> Row | None:
    """The row of a method and network, if it was run."""
    for row in () if comparison is None else comparison.rows:
        if row.method == method and row.backbone in (backbone, None):
            return row
    return None


def percent(row: Row | None, metric: str) -> str:
    """A mean and its deviation in percent, as papers print F1; ``-`` where there is none."""
    found = None if row is None else row.metrics.get(metric)
    if found is None or found.mean is None:
        return "-"
    return f"{100 * found.mean:.1f} ± {100 * (found.std or 0.0):.1f}"


def beside(ours: str, theirs: float | str | None) -> str:
    """``ours | theirs``; ``-`` for what there is not."""
    shown = "-" if theirs is None else theirs if isinstance(theirs, str) else f"{theirs:.1f}"
    return f"{ours} | {shown}"
