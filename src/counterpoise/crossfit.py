"""Splits that keep what belongs together on one side, and out-of-fold predictions made with them.

Rows of one group, and texts that (nearly) repeat each other, never stand on both sides of a split; every
class reaches every fitting side; with ``time``, nothing is fitted to rows later than those it is tested on.

>>> groups = counterpoise.groups.text_groups(texts)                        # doctest: +SKIP
>>> splits = make_folds(labels, 5, groups=groups)                          # doctest: +SKIP
>>> scores, covered = out_of_fold(fit_predict, splits, len(texts), 2)      # doctest: +SKIP
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from counterpoise.allotment import allot
from counterpoise.errors import CounterpoiseWarning, DataError, SettingsError
from counterpoise.progress import bar

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Split(NamedTuple):
    """Row numbers of the two sides of a split, ascending; with groups in time some rows are in neither."""

    train: Ints
    test: Ints


def make_folds(
    labels: ArrayLike,
    n_folds: int,
    *,
    groups: ArrayLike | None = None,
    time: ArrayLike | None = None,
    seed: int = 0,
) -> list[Split]:
    """Split rows for cross-validation.

    Parameters
    ----------
    labels : array-like of shape (n,)
        Class names or numbers; messages name them as given here.
    n_folds : int
        2 or more.
    groups : array-like of shape (n,) or None, default=None
        Rows of one group stay together. Groups of one row each give folds in which the shares of every class,
        and the sizes, differ by at most one row.
    time : array-like of shape (n,) or None, default=None
        Numbers or dates. Rows are then cut into ``n_folds + 1`` blocks in the order of time, equal times
        together, and each block but the first tests a model fitted to what precedes it. A fitting side leaves out the
        rows that share a group with its test side.
    seed : int, default=0
        Which of the equally good splits; not used with ``time``.

    Returns
    -------
    list of Split
        Without ``time`` the test sides partition the rows. With ``time`` there are fewer than ``n_folds``,
        and a warning, if a class has not occurred by the first blocks or too few distinct times exist.

    Warns
    -----
    CounterpoiseWarning
        If a class is missing from a test side (:func:`folds_without` lists them).

    Raises
    ------
    SettingsError
        If ``n_folds`` is below 2.
    DataError
        If a class cannot reach every fitting side, or there are fewer groups than folds.
    """
    if n_folds < 2:
        raise SettingsError(f"n_folds is {n_folds}; give 2 or more")
    names, classes, group = _coded(labels, groups)
    if time is not None:
        splits = _forward_chain(names, classes, group, _times(time, len(classes)), n_folds)
    else:
        n_groups = int(group.max()) + 1
        if n_groups < n_folds:
            raise DataError(
                f"{len(group)} rows form {n_groups} groups, too few for {n_folds} folds; "
                "ask for fewer folds or give more rows"
            )
        _refuse_single_group_classes(names, classes, group)
        shares = np.full(n_folds, 1.0 / n_folds)
        fold = allot(names, classes, group, shares, list(range(n_folds)), seed)
        splits = [Split(np.flatnonzero(fold != f), np.flatnonzero(fold == f)) for f in range(n_folds)]
    missing = folds_without(labels, splits)
    if missing:
        words = "; ".join(f"class {name!r} in {len(folds)}" for name, folds in missing.items())
        warnings.warn(
            f"Some of the {len(splits)} test sides lack a class ({words}): these folds do not judge it.",
            CounterpoiseWarning,
            stacklevel=2,
        )
    return splits


def folds_without(labels: ArrayLike, splits: Sequence[Split]) -> dict[str, list[int]]:
    """Name the classes missing from test sides, each with the numbers of those folds."""
    names, classes = np.unique(np.asarray(labels), return_inverse=True)
    present = np.array([np.bincount(classes[split.test], minlength=len(names)) > 0 for split in splits])
    return {
        str(names[c]): np.flatnonzero(~present[:, c]).tolist() for c in np.flatnonzero(~present.all(axis=0))
    }


def holdout(
    labels: ArrayLike,
    fraction: float,
    *,
    groups: ArrayLike | None = None,
    time: ArrayLike | None = None,
    seed: int = 0,
) -> Split:
    """Set part of the rows aside, as a validation side.

    Parameters
    ----------
    labels : array-like of shape (n,)
    groups : array-like of shape (n,) or None, default=None
    seed : int, default=0
        As in :func:`make_folds`.
    fraction : float
        Share of the rows, and of each class, to hold out, in ``(0, 1)``; a class of 2 groups or more gives at
        least one row where its groups allow it, and a class of a single group stays on the fitting side.
    time : array-like of shape (n,) or None, default=None
        Hold out the latest rows, equal times together, instead of random ones; rows of the fitting side that
        share a group with them are left out.

    Returns
    -------
    Split
        Stratified unless ``time`` is given; ``test`` is the side held out.

    Raises
    ------
    SettingsError
        If ``fraction`` is out of range.
    DataError
        If a side would be empty, or with ``time`` a class occurs among the latest rows only.
    """
    if not 0 < fraction < 1:
        raise SettingsError(f"fraction is {fraction}; give a share between 0 and 1")
    names, classes, group = _coded(labels, groups)
    if int(group.max()) == 0:
        raise DataError(
            f"{len(group)} rows form one group, which cannot be split; give rows of other groups too"
        )
    if time is not None:
        when = _times(time, len(classes))
        cut = _block_starts(when, np.array([len(when) * (1 - fraction)]))
        if len(cut) == 0:
            raise DataError(f"all {len(when)} rows have the same time; split them without time")
        split = _purged(when < cut[0], when >= cut[0], group)
        absent = _absent(classes, split.train, len(names))
        if len(absent):
            raise DataError(
                f"class {str(names[absent[0]])!r} does not occur before the latest {len(split.test)} rows, "
                "so nothing could be fitted to it; hold out less or split without time"
            )
        return split
    fold = allot(names, classes, group, np.array([1 - fraction, fraction]), [1], seed)
    split = Split(np.flatnonzero(fold == 0), np.flatnonzero(fold == 1))
    if len(split.train) == 0 or len(split.test) == 0:
        raise DataError(
            f"holding out {fraction:g} of {len(group)} rows in {int(group.max()) + 1} groups leaves a side "
            "empty; hold out another share or give more rows"
        )
    return split


def out_of_fold(
    fit_predict: Callable[[Ints, Ints], ArrayLike], splits: Sequence[Split], n_rows: int, width: int
) -> tuple[Floats, NDArray[np.bool_]]:
    """Predict every test side with a model fitted to its fitting side.

    Parameters
    ----------
    fit_predict : callable
        ``fit_predict(train_rows, test_rows)`` returns an array of shape ``(len(test_rows), width)``.
    splits : sequence of Split
        Disjoint test sides.
    n_rows : int
        Rows in all.
    width : int
        Columns of a prediction: classes, or dimensions of an embedding.

    Returns
    -------
    predictions : ndarray of float64, shape (n_rows, width)
        NaN where no split tests the row (the first block in time).
    covered : ndarray of bool, shape (n_rows,)

    Raises
    ------
    DataError
        If a row is on both sides of a split or tested twice, or a prediction has another shape or is not
        finite.
    """
    predictions = np.full((n_rows, width), np.nan)
    covered = np.zeros(n_rows, dtype=bool)
    with bar("out of fold", len(splits)) as progress:
        for number, (train, test) in enumerate(splits):
            both = np.intersect1d(train, test)
            again = test[covered[test]]
            if len(both) or len(again):
                row = int(both[0]) if len(both) else int(again[0])
                where = "on both sides of" if len(both) else "tested before"
                raise DataError(
                    f"row {row} is {where} split {number}; give splits that test a row once, unseen"
                )
            rows = np.asarray(fit_predict(train, test), dtype=np.float64)
            if rows.shape != (len(test), width) or not np.isfinite(rows).all():
                raise DataError(
                    f"the prediction for split {number} has shape {rows.shape}, or holds values that are not "
                    f"finite; finite numbers of shape {(len(test), width)} are needed"
                )
            predictions[test] = rows
            covered[test] = True
            progress.advance()
    return predictions, covered


def _coded(labels: ArrayLike, groups: ArrayLike | None) -> tuple[NDArray[np.object_], Ints, Ints]:
    """Class names, class numbers and group numbers; every row its own group without ``groups``."""
    names, classes = np.unique(np.asarray(labels), return_inverse=True)
    if len(classes) < 2:
        raise DataError(f"there are {len(classes)} rows; splitting needs at least 2")
    if groups is None:
        return names, classes, np.arange(len(classes))
    group = np.unique(np.asarray(groups), return_inverse=True)[1]
    if len(group) != len(classes):
        raise DataError(f"there are {len(classes)} labels but {len(group)} groups; give one group a row")
    return names, classes, group


def _refuse_single_group_classes(names: NDArray[np.object_], classes: Ints, group: Ints) -> None:
    low = np.full(len(names), np.iinfo(np.int64).max)
    high = np.full(len(names), -1)
    np.minimum.at(low, classes, group)
    np.maximum.at(high, classes, group)
    for c in np.flatnonzero(low == high):
        n = int((classes == c).sum())
        what = "has 1 row" if n == 1 else f"has all its {n} rows in one group"
        raise DataError(
            f"class {str(names[c])!r} {what}, so no model could be fitted to it and tested on it; "
            "give more rows of it, or drop or merge the class"
        )


def _times(time: ArrayLike, n: int) -> Ints:
    """Times as ranks, equal times equal."""
    values = np.asarray(time)
    if len(values) != n:
        raise DataError(f"there are {n} labels but {len(values)} times; give one time a row")
    missing = np.isnat(values) if values.dtype.kind in "mM" else values != values
    if np.any(missing):
        raise DataError(f"row {int(np.argmax(missing))} has no time; give one, or drop the row")
    return np.unique(values, return_inverse=True)[1]


def _block_starts(when: Ints, wanted: Floats) -> Ints:
    """Time ranks at which blocks start, so that about ``wanted`` rows precede them; distinct and above 0."""
    before = np.concatenate([[0], np.cumsum(np.bincount(when))])[:-1]
    nearest = np.abs(before[None, :] - wanted[:, None]).argmin(axis=1)
    return np.unique(nearest[nearest > 0]) if len(before) > 1 else np.empty(0, dtype=np.int64)


def _purged(early: NDArray[np.bool_], late: NDArray[np.bool_], group: Ints) -> Split:
    tested = np.zeros(int(group.max()) + 1, dtype=bool)
    tested[group[late]] = True
    return Split(np.flatnonzero(early & ~tested[group]), np.flatnonzero(late))


def _absent(classes: Ints, rows: Ints, n_classes: int) -> Ints:
    return np.flatnonzero(np.bincount(classes[rows], minlength=n_classes) == 0)


def _forward_chain(
    names: NDArray[np.object_], classes: Ints, group: Ints, when: Ints, n_folds: int
) -> list[Split]:
    starts = _block_starts(when, np.arange(1, n_folds + 1) * len(when) / (n_folds + 1))
    edges = [*starts.tolist(), int(when.max()) + 1]
    splits, missing = [], ""
    for start, end in pairwise(edges):
        split = _purged(when < start, (when >= start) & (when < end), group)
        absent = _absent(classes, split.train, len(names))
        if len(absent):
            missing = str(names[absent[0]])
        else:
            splits.append(split)
    why = (
        f"class {missing!r} has no row, outside the groups of the test side, early enough to be fitted to"
        if missing
        else "there are too few distinct times"
    )
    if not splits:
        raise DataError(f"no split in time is possible: {why}; split without time or give more rows")
    if len(splits) < n_folds:
        warnings.warn(
            f"{len(splits)} folds in time instead of {n_folds}: {why}.", CounterpoiseWarning, stacklevel=3
        )
    return splits
