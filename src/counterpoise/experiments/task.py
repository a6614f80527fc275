"""The data of a grid, and the sides of its runs.

    task = Task.of("reviews.csv", texts, labels, minority="spam")
    side = task.side(run)
    side.train, side.test, side.kept_share

Everything that depends on the data alone is found once, in the process that plans the grid, and sent along with them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from counterpoise.crossfit import Split, make_folds
from counterpoise.data.imbalance import thin
from counterpoise.errors import DataError, SettingsError
from counterpoise.experiments.runs import Run, content_hash
from counterpoise.gamma import Sides, minority_sides
from counterpoise.groups import joined_rows, merge_groups
from counterpoise.methods.base import kind_of
from counterpoise.seeding import derive_seed


@dataclass(frozen=True)
class Side:
    """Rows of the two sides of a run.

    Attributes
    ----------
    train : ndarray of int64
        The fitting side, thinned.
    test : ndarray of int64
        Whole.
    kept_share : float or None
        Share of the fitting side's minority that was kept, or is for those that the run is held against
        (``thinned_as``); None when nothing was thinned.
    """

    train: np.ndarray
    test: np.ndarray
    kept_share: float | None


@dataclass(frozen=True, eq=False)
class Task:
    """Labelled texts, arrays or images, and which class matters.

    Attributes
    ----------
    name : str
        For people.
    inputs : ndarray, shape (n, ...)
        As :class:`counterpoise.methods.base.Data` has them.
    names : ndarray of object, shape (C,)
        Class names, sorted.
    numbers : ndarray of int64, shape (n,)
        Class numbers.
    minority : str or None
        The class that matters; None when all do.
    groups, time : ndarray of shape (n,) or None
    test : ndarray of bool, shape (n,), or None
        Rows of the test side where it is given with the data, the others being the fitting side; None makes folds.
    joined : ndarray of int64, shape (n,)
        Groups, and texts that (nearly) repeat each other, or images that do. Rows of a given test side join none, and
        are each by themselves.
    content : str
        :func:`counterpoise.experiments.runs.content_hash`.
    """

    name: str
    inputs: np.ndarray
    names: np.ndarray
    numbers: np.ndarray
    minority: str | None
    groups: np.ndarray | None
    time: np.ndarray | None
    test: np.ndarray | None
    joined: np.ndarray
    content: str
    _folds: dict[tuple[int, int], list[Split]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(
        cls,
        name: str,
        inputs: np.ndarray,
        labels: np.ndarray,
        *,
        minority: str | None = None,
        groups: np.ndarray | None = None,
        time: np.ndarray | None = None,
        test: np.ndarray | None = None,
    ) -> Self:
        """Look the data over.

        Parameters
        ----------
        name : str
        inputs : ndarray, shape (n, ...)
            Texts of object, or numeric rows ``(n, d)`` of float32, or images ``(n, H, W, 3)`` of uint8.
        labels : ndarray of str, shape (n,)
        minority : str or None, default=None
            None takes the rarer of two classes, and all of more.
        groups, time : ndarray of shape (n,) or None, default=None
            See :func:`counterpoise.crossfit.make_folds`.
        test : ndarray of bool, shape (n,), or None, default=None
            A test side given with the data; such a task has one fold.

        Raises
        ------
        SettingsError
            When there is no such class.
        DataError
            When a given test side leaves no rows, or not all classes, to be fitted to.
        """
        names, numbers = np.unique(labels, return_inverse=True)
        if test is not None:
            _check_test(name, test, names[numbers])
        if minority is None and len(names) == 2:
            minority = str(names[np.bincount(numbers).argmin()])
        if minority is not None and minority not in names.tolist():
            raise SettingsError(
                f"there is no class {minority!r}; the classes are {', '.join(map(str, names))}"
            )
        return cls(
            name,
            inputs,
            names,
            numbers,
            minority,
            groups,
            time,
            test,
            _joined(inputs, groups, test),
            content_hash(inputs, labels, groups, time, test),
        )

    @property
    def kind(self) -> str:
        """What the inputs are: ``"text"``, ``"array"`` or ``"image"``."""
        return kind_of(self.inputs)

    @property
    def number(self) -> int | None:
        """Class number of the minority."""
        return None if self.minority is None else int(np.flatnonzero(self.names == self.minority)[0])

    @property
    def sides(self) -> Sides:
        """Who is set against whom when difficulty is measured."""
        return minority_sides(self.numbers, self.number)

    def folds(self, n_folds: int, seed: int) -> list[Split]:
        """Splits of a seed; with ``time`` there may be fewer than ``n_folds``.

        Raises
        ------
        SettingsError
            For several folds where the test side is given.
        """
        if self.test is not None:
            if n_folds != 1:
                raise SettingsError(
                    f"{self.name} comes with a test side of its own; give 1 fold, not {n_folds}"
                )
            return [Split(np.flatnonzero(~self.test), np.flatnonzero(self.test))]
        known = self._folds.get((n_folds, seed))
        if known is None:
            known = self._folds[n_folds, seed] = make_folds(
                self.names[self.numbers],
                n_folds,
                groups=self.joined,
                time=self.time,
                seed=derive_seed(seed, "folds"),
            )
        return known

    def side(self, run: Run) -> Side:
        """Fitting side and test side of a run of this task.

        Raises
        ------
        SettingsError
            When the fitting side has fewer rows of the minority than are to be kept.
        """
        split = self.folds(run.n_folds, run.seed)[run.fold]
        thinned = run.thinned_as if run.keep is None else run.keep
        if thinned is None:
            return Side(split.train, split.test, None)
        labels = self.names[self.numbers[split.train]]
        kept, _, share = thin(labels, thinned, self.minority, derive_seed(run.seed, "keep", run.fold))
        return Side(split.train if run.keep is None else split.train[kept], split.test, share)

    def inside(self, rows: np.ndarray) -> Task:
        """The task of some rows alone, such as a fitting side; its folds see no other."""
        inputs, labels = self.inputs[rows], self.names[self.numbers[rows]]
        groups, time = (None if column is None else column[rows] for column in (self.groups, self.time))
        return Task(
            self.name,
            inputs,
            *np.unique(labels, return_inverse=True),
            self.minority,
            groups,
            time,
            None,
            merge_groups(self.joined[rows]),
            content_hash(inputs, labels, groups, time),
        )

    def __getstate__(self) -> dict[str, Any]:
        """Without the folds, which each process finds for itself where it needs them."""
        return {**vars(self), "_folds": {}}


def _joined(inputs: np.ndarray, groups: np.ndarray | None, test: np.ndarray | None) -> np.ndarray:
    if test is None:
        return joined_rows(inputs, groups)
    # Two rows must not be joined because each repeats the same one of the test side.
    joined = np.arange(len(inputs))
    joined[~test] = len(inputs) + joined_rows(inputs[~test], None if groups is None else groups[~test])
    return joined


def _check_test(name: str, test: np.ndarray, labels: np.ndarray) -> None:
    if len(test) != len(labels) or not test.any():
        raise DataError(
            f"{name}: a test side of {int(test.sum())} of {len(labels)} rows was given; give some of them"
        )
    lacking = sorted({str(label) for label in labels} - {str(label) for label in labels[~test]})
    if lacking:
        raise DataError(
            f"{name}: class {', '.join(lacking)} is on the test side alone; give rows of it to be fitted to, or "
            "leave it out"
        )
