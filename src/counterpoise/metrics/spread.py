"""How close rows of a class lie together, and how far apart the classes.

>>> import numpy as np
>>> class_spread(np.array([[0.0], [2.0], [10.0], [10.0]]), np.array([0, 0, 1, 1]))
(array([1., 0.]), 9.0)
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import pdist

NAMES = ("spread_rare", "spread_common")
"""The keys of :func:`score_spread`, in order."""


def class_spread(rows: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, float]:
    """Mean distance of each class's rows to their mean, and mean distance between the means of two classes.

    Parameters
    ----------
    rows : ndarray of floating type, shape (n, d)
    labels : ndarray of int64, shape (n,)

    Returns
    -------
    within : ndarray of float64, shape (C,)
        NaN for a class without rows.
    between : float
        0 for a single class.
    """
    within = np.full(labels.max() + 1, np.nan)
    means = []
    for label in np.unique(labels):
        own = rows[labels == label].astype(np.float64)
        means.append(own.mean(axis=0))
        within[label] = np.linalg.norm(own - means[-1], axis=1).mean()
    return within, float(pdist(np.array(means)).mean()) if len(means) > 1 else 0.0


def score_spread(rows: np.ndarray, labels: np.ndarray, rare: np.ndarray) -> dict[str, float | None]:
    """Say how wide rare classes and the others lie in an embedding, by the distance between classes.

    Parameters
    ----------
    rows : ndarray of floating type, shape (n, d)
    labels : ndarray of int64, shape (n,)
    rare : ndarray of bool, shape (C,)
        Which classes are the rare ones.

    Returns
    -------
    dict of str to float or None
        ``spread_rare`` and ``spread_common``: the mean over the classes of the group of their rows' mean distance to
        their mean, over the mean distance between two class means. The scale of the embedding has no part in it; it is
        below a half where classes lie apart. None for a group without a class of two rows or more, since a single row
        lies on its mean, and where all class means are one point.
    """
    within, between = class_spread(rows, labels)
    several = np.flatnonzero(np.bincount(labels) > 1)
    groups = {"rare": several[rare[several]], "common": several[~rare[several]]}
    return {
        f"spread_{group}": float(within[own].mean() / between) if len(own) and between > 0 else None
        for group, own in groups.items()
    }
