"""Neighbours within a group, such as a class.

>>> import numpy as np
>>> rows = np.array([[0.0], [1.0], [1.5], [9.0]], dtype=np.float32)
>>> nearest_within(rows, np.array([0, 1, 0, 1]), k=2).tolist()
[[2, -1], [3, -1], [0, -1], [1, -1]]
"""

from __future__ import annotations

import numpy as np

from counterpoise.neighbors.nearest import NearestNeighbors


def nearest_within(rows: np.ndarray, groups: np.ndarray, k: int) -> np.ndarray:
    """Nearest rows of each row among those of its group, by Euclidean distance, itself left out.

    Parameters
    ----------
    rows : ndarray of float32, shape (n, d)
    groups : ndarray of int64, shape (n,)
    k : int

    Returns
    -------
    ndarray of int64, shape (n, k)
        Row numbers, the nearest first; -1 from where on a group has no more.
    """
    found = np.full((len(rows), k), -1, dtype=np.int64)
    for group in np.unique(groups):
        own = np.flatnonzero(groups == group)
        few = min(k, len(own) - 1)
        if few:
            near = NearestNeighbors(few).fit(rows[own]).kneighbors(return_distance=False)
            found[own, :few] = own[near]
    return found
