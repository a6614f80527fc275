"""Scores of rare classes and of the others: means over each group, all classes of it alike.

>>> scores = score_groups(np.array([0, 1, 2, 2]), np.eye(3)[[0, 1, 2, 1]], np.array([90, 80, 9]))
>>> scores["recall_rare"], scores["recall_common"]
(0.5, 1.0)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from counterpoise.metrics.by_class import class_columns
from counterpoise.metrics.confusion import checked
from counterpoise.metrics.margins import class_margins

RARE = 0.5
"""Share of the largest class's rows up to which a class is rare."""

_MEASURES = ("precision", "recall", "f1", "average_precision", "margin")

NAMES = tuple(f"{measure}_{group}" for group in ("rare", "common") for measure in _MEASURES)
"""The keys of :func:`score_groups`, in order."""


def rare_classes(counts: ArrayLike) -> NDArray[np.bool_]:
    """Which classes are rare: those with at most half as many rows as the largest, ``(C,)``."""
    sizes = np.asarray(counts)
    return sizes <= RARE * sizes.max()


def rare_group(counts: ArrayLike, minority: int | None = None) -> NDArray[np.bool_]:
    """Which classes are the rare ones, ``(C,)``: the class that matters where one does, else :func:`rare_classes`."""
    if minority is None:
        return rare_classes(counts)
    return np.arange(len(np.asarray(counts))) == minority


def score_groups(
    labels: ArrayLike, probabilities: ArrayLike, fitted: ArrayLike, minority: int | None = None
) -> dict[str, float | None]:
    """Score the most probable classes, and the ranking of each.

    Parameters
    ----------
    labels : array-like of shape (n,)
        Class numbers.
    probabilities : array-like of shape (n, C)
    fitted : array-like of shape (C,)
        Rows of each class on the fitting side.
    minority : int or None, default=None
        Number of the class that matters, which is then the only one of the group ``rare``.

    Returns
    -------
    dict of str to float or None
        ``precision``, ``recall``, ``f1``, ``average_precision`` (the area under the curve of precision by recall when
        rows are ranked by the probability of the class) and ``margin`` (:mod:`counterpoise.metrics.margins`), each with
        ``_rare`` and ``_common``: the mean over the classes of the group that have rows. None for a group without any.
    """
    y, p, weights = checked(labels, probabilities, None)
    there = np.bincount(y, minlength=p.shape[1]) > 0
    by_class = {
        **class_columns(y, p, weights),
        "margin": class_margins(y, np.log(np.maximum(p, np.finfo(np.float64).tiny))),
    }
    rare = rare_group(fitted, minority)
    groups = {"rare": rare & there, "common": ~rare & there}
    return {
        f"{measure}_{group}": float(by_class[measure][chosen].mean()) if chosen.any() else None
        for group, chosen in groups.items()
        for measure in _MEASURES
    }
