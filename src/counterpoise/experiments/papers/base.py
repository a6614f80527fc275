"""What the reproductions share: sets of data, budgets, and tables of ours beside theirs.

sets = [Set("SMS Spam", "sms_spam", minority="spam")]
table = Table("Table 3", ("method", "ours", "paper"), rows, foot=("what differs ...",))
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from counterpoise.data.image_files import read_images
from counterpoise.data.imbalance import PROFILES, one_against_rest, thin
from counterpoise.data.readers import read, splits_of
from counterpoise.data.source_kinds import IMAGE, source_kind
from counterpoise.experiments.grid import plan
from counterpoise.experiments.runs import Run
from counterpoise.experiments.table import Comparison, Metric, Row
from counterpoise.experiments.task import Task
from counterpoise.images.python_inputs import as_images
from counterpoise.seeding import derive_seed, generator
from counterpoise.text.stop_words import without_stop_words

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
    against : str or None, default=None
        The one class that the minority is set against, the others being left out; None sets it against all of them.
    """

    name: str
    dataset: str
    minority: str | None
    keep: str | None = None
    whole: bool = False
    differs: str = ""
    given: bool = False
    against: str | None = None

    @property
    def ratio(self) -> int | None:
        """Of the largest class to the smallest, where fitting sides are thinned to one."""
        profile, _, ratio = (self.keep or "").partition(":")
        return int(ratio) if profile in PROFILES else None


@dataclass(frozen=True)
class Budget:
    """How much is run.

    Attributes
    ----------
    folds, seeds : int
    settings : dict
        Parameters of the classifier and of methods, for all runs.
    at_most : int, dict or None, default=None
        Rows of each class that are fitted to at most, before any is thinned: of all sets, or by name of data; None, and
        data that are not named, take all.
    without : tuple of str, default=()
        Names of lines that are left out.
    fold_seeds : int, default=1
        Seeds where there are folds, each of which is a draw of rows already, for papers that tell these apart.
    fine_tuned : dict
        Over ``settings`` where a pretrained encoder is trained, for papers that have such lines.
    stop_words : bool, default=True
        False reads texts without English stop words, for papers that leave them out.
    """

    folds: int
    seeds: int
    settings: dict[str, Any] = field(default_factory=dict)
    at_most: int | Mapping[str, int] | None = None
    without: tuple[str, ...] = ()
    fold_seeds: int = 1
    fine_tuned: dict[str, Any] = field(default_factory=dict)
    stop_words: bool = True

    def cap(self, made: Set) -> int | None:
        """Rows of each class of a set that are fitted to at most."""
        return self.at_most.get(made.dataset) if isinstance(self.at_most, Mapping) else self.at_most


@dataclass(frozen=True)
class Line:
    """A line of a table, and the runs that it is of.

    Attributes
    ----------
    name, method : str
    backbone : str or None, default=None
    settings : dict
        What tells its runs from those of other lines: ``method__x``, ``backbone__x`` and parameters of the classifier.
    """

    name: str
    method: str
    backbone: str | None = None
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
    hopeful : tuple of int
        Columns whose numbers are better than they should be, which are printed in red.
    """

    title: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int
    foot: tuple[str, ...]
    warning: str = ""
    hopeful: tuple[int, ...] = ()


def task_of(
    made: Set, data_dir: str | None = None, at_most: int | None = None, *, stop_words: bool = True
) -> Task:
    """Read a set, its minority against the rest where one is named.

    Parameters
    ----------
    made : Set
    data_dir : str or None, default=None
        Where the sets are.
    at_most : int or None, default=None
        Rows of each class that can be fitted to; of more, as many are drawn.
    stop_words : bool, default=True
        False reads texts without English stop words.

    Raises
    ------
    DataError
        When the data cannot be had.
    """
    inputs, labels, splits = _read(made, data_dir)
    if not stop_words:
        inputs = without_stop_words(inputs)
    name = made.dataset
    if made.against is not None:
        # Of other data under the same name a store would say that they have changed.
        name = f"{name}, {made.minority} against {made.against}"
        pair = np.isin(labels.astype(str), [str(made.minority), made.against])
        inputs, labels, splits = inputs[pair], labels[pair], splits[pair]
    if made.minority is not None and len(set(labels)) > 2:
        labels = one_against_rest(labels, made.minority)
    test = splits == "test" if made.given else None
    if at_most is not None:
        inputs, labels, test = capped(inputs, labels, test, at_most)
    return Task.of(name, inputs, labels, minority=made.minority, test=test)


def capped(
    inputs: np.ndarray, labels: np.ndarray, test: np.ndarray | None, at_most: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Cut the rows of each class that can be fitted to, to as many drawn ones; a given test side stays whole."""
    fitted = np.ones(len(labels), dtype=bool) if test is None else ~test
    left = np.sort(np.concatenate([np.flatnonzero(~fitted), *_drawn(labels, fitted, at_most)]))
    return inputs[left], labels[left], None if test is None else test[left]


def _drawn(labels: np.ndarray, fitted: np.ndarray, at_most: int) -> Iterator[np.ndarray]:
    """Rows of each class that stay among those to be fitted to."""
    for name in np.unique(labels):
        yield generator(0, "at most", str(name)).permutation(np.flatnonzero(fitted & (labels == name)))[
            :at_most
        ]


def _read(made: Set, data_dir: str | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Texts or images, labels, and the split that each row is of."""
    splits: Sequence[str | None] = splits_of(made.dataset) if made.whole or made.given else [None]
    inputs, labels = [], []
    for split in splits:
        if source_kind(made.dataset) == IMAGE:
            images = read_images(made.dataset, split=split, data_dir=data_dir)
            inputs.append(as_images(images.images))
            labels.append(np.asarray(images.labels, dtype=object))
        else:
            texts = read(made.dataset, split=split, data_dir=data_dir)
            inputs.append(texts.texts)
            labels.append(np.asarray(texts.labels, dtype=object))
    of_rows = np.repeat([str(split) for split in splits], [len(each) for each in labels])
    return np.concatenate(inputs), np.concatenate(labels), of_rows


def runs_of_line(
    line: Line, task: Task, made: Set, budget: Budget, seeds: Sequence[int], settings: Mapping[str, Any]
) -> list[Run]:
    """Runs of a line on one set: one for each seed on a given test side, else for each seed and fold."""
    return plan(
        task,
        [line.method],
        backbone=line.backbone,
        keep=made.keep,
        n_folds=1 if made.given else budget.folds,
        seeds=seeds,
        settings=settings,
    )


def first_sides(made: Set, task: Task, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the fitting side, thinned, and of the test side of a seed's first fold, for examples and figures."""
    split = task.folds(1 if made.given else FOLDS, seed)[0]
    if made.keep is None:
        return split.train, split.test
    labels = task.names[task.numbers[split.train]]
    kept, _, _ = thin(labels, made.keep, made.minority, derive_seed(seed, "keep", 0))
    return split.train[kept], split.test


def row_of(comparison: Comparison, line: Line, lines: Sequence[Line]) -> Row | None:
    """The row of one of several lines, if it was run."""
    telling = {name for each in lines for name in each.settings}
    for row in comparison.rows:
        own = {name: value for name, value in row.settings.items() if name in telling}
        if (row.method, row.backbone, own) == (line.method, line.backbone, line.settings):
            return row
    return None


def percent(row: Row | None, metric: str) -> str:
    """A mean and its deviation in percent, as papers print F1; ``-`` where there is none."""
    found = None if row is None else row.metrics.get(metric)
    return "-" if found is None or found.mean is None else f"{100 * found.mean:.1f}{spread_of(found)}"


def spread_of(found: Metric) -> str:
    """What stands behind a mean: its deviation in percent, of one run none, and how many runs there are if not all."""
    known = sum(value is not None for value in found.folds)
    spread = f" ± {100 * (found.std or 0.0):.1f}" if known > 1 else ""
    missing = f" ({known} of {len(found.folds)} runs)" if known < len(found.folds) else ""
    return spread + missing


def beside(ours: str, theirs: float | str | None) -> str:
    """``ours | theirs``; ``-`` for what there is not."""
    shown = "-" if theirs is None else theirs if isinstance(theirs, str) else f"{theirs:.1f}"
    return f"{ours} | {shown}"
