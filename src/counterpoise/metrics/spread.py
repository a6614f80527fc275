"""How close rows of a class lie together, and how far apart the classes.

>>> import numpy as np
>>> class_spread(np.array([[0.0], [2.0], [10.0], [10.0]]), np.array([0, 0, 1, 1]))
(array([1., 0.]), 9.0)
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import pdist


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
