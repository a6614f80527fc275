"""Margins: how far ahead of the others, in log-probability, the true class is.

The margin of a row is the logit of its class minus the largest other logit (Cao et al. 2019, section 3.1), which is the
same difference of log-probabilities. It is below 0 where the row is decided wrongly.

>>> class_margins(np.array([0, 1]), np.log([[0.8, 0.2], [0.6, 0.4]])).round(2).tolist()
[1.39, -0.41]
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def class_margins(labels: ArrayLike, logits: ArrayLike) -> NDArray[np.float64]:
    """Mean margin of the rows of each class.

    Parameters
    ----------
    labels : array-like of int, shape (n,)
    logits : array-like of floating type, shape (n, C)
        Finite logits or log-probabilities of two classes or more.

    Returns
    -------
    ndarray of float64, shape (C,)
        NaN for a class without rows.
    """
    y, z = np.asarray(labels), np.array(logits, dtype=np.float64)
    rows = np.arange(len(y))
    own = z[rows, y]
    z[rows, y] = -np.inf
    margins = own - z.max(axis=1)
    sums = np.bincount(y, margins, z.shape[1])
    counts = np.bincount(y, minlength=z.shape[1])
    return np.divide(sums, counts, out=np.full(z.shape[1], np.nan), where=counts > 0)
