"""Confusion matrices, and the scores that need nothing else; every function takes whole stacks of matrices.

A matrix has a row per true class and a column per decided class and may hold weights instead of counts. The
last two axes are the matrix, so that one call scores every cut-off of a threshold search at once. Quotients
without a denominator (no row of the class, or none decided so) are 0.0, and nothing warns.

>>> matrix = confusion(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), 2)
>>> f1_by_class(matrix).round(3).tolist()
[0.667, 0.8]
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from counterpoise.errors import DataError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def checked(
    labels: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None
) -> tuple[Ints, Floats, Floats]:
    """Validate what every score takes.

    Parameters
    ----------
    labels : array-like of shape (n,)
        Class numbers in ``0..C-1``; anything for which ``labels < C`` makes sense, booleans included.
    probabilities : array-like of shape (n, C), or (n,) for the probability of class 1 of two
        Finite.
    weights : array-like of shape (n,) or None
        Row weights of 0 or more; None means 1 each.

    Returns
    -------
    labels, probabilities, weights : int64 (n,), float64 (n, C), float64 (n,)

    Raises
    ------
    DataError
        If there are no rows, lengths differ, a class number is out of range or a value is not finite.
    """
    y = np.asarray(labels).astype(np.int64)
    p = np.asarray(probabilities, dtype=np.float64)
    if p.ndim == 1:
        p = np.column_stack([1.0 - p, p])
    w = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=np.float64)
    if y.ndim != 1 or p.ndim != 2 or not len(y) == len(p) == len(w) or len(y) == 0:
        raise DataError(
            f"labels, probabilities and weights have shapes {y.shape}, {p.shape} and {w.shape}; "
            "give one or more rows, as many in each"
        )
    if y.min() < 0 or y.max() >= p.shape[1]:
        raise DataError(
            f"labels run from {y.min()} to {y.max()}, but there are {p.shape[1]} columns of probabilities; "
            "give class numbers that are columns"
        )
    for name, rows in (("probabilities", p), ("weights", w)):
        finite = np.isfinite(rows).reshape(len(rows), -1).all(axis=1)
        if not finite.all():
            raise DataError(
                f"{name} of row {int(np.argmin(finite))} are not finite; look at how they were made"
            )
    if w.min() < 0:
        raise DataError(f"the weight of row {int(w.argmin())} is {w.min():g}; weights must be 0 or more")
    return y, p, w


def confusion(labels: Ints, decisions: Ints, n_classes: int, weights: Floats | None = None) -> Floats:
    """Count (or weigh) rows by true and decided class.

    Returns
    -------
    ndarray of float64, shape (C, C)
        Row: true class; column: decided class.
    """
    cell = np.asarray(labels, dtype=np.int64) * n_classes + np.asarray(decisions, dtype=np.int64)
    counts = np.bincount(cell, weights=weights, minlength=n_classes**2)
    return counts.reshape(n_classes, n_classes).astype(np.float64)


def outcomes(matrix: Floats, number: int) -> dict[str, int]:
    """How a class fared, ``(C, C)`` counts of rows.

    Returns
    -------
    dict of str to int
        ``found``: rows of the class that are decided so (true positives); ``missed``: its other rows (false
        negatives), with which they are its support; ``false_alarms``: rows of others that are decided so (false
        positives).
    """
    found = matrix[number, number]
    return {
        "found": int(found),
        "missed": int(matrix[number].sum() - found),
        "false_alarms": int(matrix[:, number].sum() - found),
    }


def _quotient(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.zeros(np.broadcast(above, below).shape), where=below > 0)


def _diagonal(matrices: Floats) -> Floats:
    return np.diagonal(matrices, axis1=-2, axis2=-1)


def recall_by_class(matrices: Floats) -> Floats:
    """Share of each class's rows that are decided so, ``(..., C, C) -> (..., C)``; 0.0 without rows."""
    return _quotient(_diagonal(matrices), matrices.sum(axis=-1))


def precision_by_class(matrices: Floats) -> Floats:
    """Share of the rows decided as each class that are it, ``(..., C, C) -> (..., C)``; 0.0 without any."""
    return _quotient(_diagonal(matrices), matrices.sum(axis=-2))


def f1_by_class(matrices: Floats) -> Floats:
    """F1 of each class against the rest, ``(..., C, C) -> (..., C)``; 0.0 if neither there nor decided."""
    return _quotient(2.0 * _diagonal(matrices), matrices.sum(axis=-1) + matrices.sum(axis=-2))


def macro_f1(matrices: Floats) -> Floats:
    """Mean F1 over the classes that occur or are decided (as scikit-learn does), ``(..., C, C) -> (...)``."""
    seen = (matrices.sum(axis=-1) + matrices.sum(axis=-2)) > 0
    return _quotient(f1_by_class(matrices).sum(axis=-1), seen.sum(axis=-1).astype(np.float64))


def balanced_accuracy(matrices: Floats) -> Floats:
    """Mean recall over the classes that occur, ``(..., C, C) -> (...)``."""
    occurs = matrices.sum(axis=-1) > 0
    return _quotient(recall_by_class(matrices).sum(axis=-1), occurs.sum(axis=-1).astype(np.float64))


def mcc(matrices: Floats) -> Floats:
    """Matthews correlation of any number of classes (Gorodkin 2004), ``(..., C, C) -> (...)``.

    0.0 where it is not defined: one class only among the labels, or among the decisions.
    """
    true, decided = matrices.sum(axis=-1), matrices.sum(axis=-2)
    total = true.sum(axis=-1)
    agree = _diagonal(matrices).sum(axis=-1) * total - (true * decided).sum(axis=-1)
    # Rounding leaves a tiny positive number where one class only was decided: call that nothing.
    spread_true = total**2 - (true**2).sum(axis=-1)
    spread_decided = total**2 - (decided**2).sum(axis=-1)
    nothing = np.minimum(spread_true, spread_decided) <= 1e-12 * total**2
    return _quotient(agree, np.where(nothing, 0.0, np.sqrt(np.abs(spread_true * spread_decided))))


def mean_cost(matrices: Floats, cost: Floats) -> Floats:
    """Average of ``cost[true, decided]`` over the rows, ``(..., C, C) -> (...)``."""
    return _quotient((matrices * cost).sum(axis=(-2, -1)), matrices.sum(axis=(-2, -1)))
