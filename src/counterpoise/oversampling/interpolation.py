"""New rows between rows of one class, in any space of numbers: SMOTE and its kin.

    filled = interpolate(rows, labels, weights, Smote(k_neighbors=5), share=1.0, seed=0)

imbalanced-learn makes the rows, among neighbours found by :class:`counterpoise.neighbors.NearestNeighbors`. Here is
what it leaves to its caller: classes with too few rows for their neighbours, classes to which a rule adds nothing,
and the weights of the rows.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import scipy.sparse as sp

from counterpoise.data.near import listed
from counterpoise.errors import CounterpoiseWarning
from counterpoise.seeding import derive_seed

_NAMED = 5  # classes that a warning names one by one


class Rule(Protocol):
    """Which rows of a class new ones are made from, and how many; :mod:`counterpoise.methods` holds three."""

    @property
    def k(self) -> int:
        """Neighbours within the class, on the way to one of which a new row lies."""

    def maker(self, k: int, n_rows: int) -> Any:
        """imbalanced-learn's sampler for a class in which each row has ``k`` neighbours, of ``n_rows`` in all."""

    def amount(self, rows: Any, labels: np.ndarray, label: int, count: int, k: int) -> int | None:
        """How many of ``count`` new rows the sampler makes, asked when it has refused a class.

        None where no row of the class is fit for it.
        """


@dataclass(frozen=True, eq=False)
class Filled:
    """Rows with new ones after them.

    Attributes
    ----------
    rows : ndarray or csr_matrix, shape (n + m, d)
        Those given first, of their dtype.
    labels : ndarray of int64, shape (n + m,)
    weights : ndarray of float64, shape (n + m,)
        A new row weighs the mean of its class.
    n_smaller : int
        Classes that were to get rows.
    left : tuple of int
        Those of them that got none, because no row of theirs was fit for the rule.
    """

    rows: Any
    labels: np.ndarray
    weights: np.ndarray
    n_smaller: int
    left: tuple[int, ...]


def interpolate(
    rows: Any, labels: np.ndarray, weights: np.ndarray, rule: Rule, *, share: float, seed: int
) -> Filled:
    """Fill the smaller classes up with new rows.

    Parameters
    ----------
    rows : ndarray or csr_matrix of finite numbers, shape (n, d)
    labels : ndarray of int64, shape (n,)
    weights : ndarray of float64, shape (n,)
    rule : Rule
    share : float
        How much of the gap between each class and the largest is filled.
    seed : int
        Each class has a stream of its own.

    Returns
    -------
    Filled

    Warns
    -----
    CounterpoiseWarning
        If a class has too few rows for ``rule.k`` neighbours, all its other rows being its neighbours then, or a single
        row, which is repeated.
    """
    counts = np.bincount(labels)
    gaps = np.where(counts > 0, np.rint(share * (counts.max() - counts)), 0).astype(np.int64)
    smaller = np.flatnonzero(gaps)
    _warn_of_few(counts[smaller], rule.k)
    added, left = [rows], []
    all_labels, all_weights = [labels], [weights]
    for label in smaller.tolist():
        new = _of_class(rows, labels, label, int(gaps[label]), rule, derive_seed(seed, label))
        if new is None:
            left.append(label)
            continue
        added.append(new)
        all_labels.append(np.full(new.shape[0], label, dtype=labels.dtype))
        all_weights.append(np.full(new.shape[0], weights[labels == label].mean()))
    return Filled(
        sp.vstack(added, format="csr") if sp.issparse(rows) else np.concatenate(added),
        np.concatenate(all_labels),
        np.concatenate(all_weights),
        len(smaller),
        tuple(left),
    )


def _of_class(rows: Any, labels: np.ndarray, label: int, count: int, rule: Rule, seed: int) -> Any:
    """New rows of one class; None where the rule has nothing to make them from."""
    own = np.flatnonzero(labels == label)
    if len(own) == 1:
        return rows[np.repeat(own, count)]
    k = min(rule.k, len(own) - 1)
    sampler = rule.maker(k, len(labels))
    sampler.set_params(sampling_strategy={label: len(own) + count}, random_state=seed % 2**32)
    try:
        new = sampler.fit_resample(rows, labels)[0][len(labels) :]
    except (RuntimeError, ValueError):
        # Asked only now, since the answer costs as much as the search that has just been made.
        amount = rule.amount(rows, labels, label, count, k)
        if amount:
            raise
        return None if amount is None else rows[:0]
    return new if new.shape[0] else None


def too_few(counts: np.ndarray, k: int, names: Sequence[str] = ()) -> str:
    """One sentence on classes of these sizes, which have too few rows for ``k`` neighbours each.

    Parameters
    ----------
    counts : ndarray of int64, shape (m,)
    k : int
    names : sequence of m str, default=()
        What they are called, if that is known.
    """
    sizes = f"{counts.min()}" if counts.min() == counts.max() else f"{counts.min()} to {counts.max()}"
    which = f"{len(counts)} classes have" if len(counts) > 1 else "a class has"
    if len(names):
        which = f"class {names[0]!r} has" if len(names) == 1 else f"classes {listed(names, _NAMED)} have"
    if counts.max() == 1:
        return f"{k} neighbours were asked for, but {which} only 1 row, which has none"
    return (
        f"{k} neighbours were asked for, but {which} only {sizes} rows; all the others of these are taken, as with a "
        "lower k"
    )


def _warn_of_few(counts: np.ndarray, k: int) -> None:
    few, alone = counts[(counts > 1) & (counts <= k)], int((counts == 1).sum())
    if len(few):
        warnings.warn(too_few(few, k), CounterpoiseWarning, stacklevel=3)
    if alone:
        which = f"{alone} classes have" if alone > 1 else "a class has"
        warnings.warn(
            f"{which} a single row, and there is nothing between it and itself; it is repeated instead",
            CounterpoiseWarning,
            stacklevel=3,
        )
