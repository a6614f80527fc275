"""Margins: how far ahead of the others, in log-probability, the true class is.

The margin of a row is the logit of its class minus the largest other logit (Cao et al. 2019, section 3.1), which is the
same difference of log-probabilities. It is below 0 where the row is decided wrongly.

>>> class_margins(np.array([0, 1]), np.log([[0.8, 0.2], [0.6, 0.4]])).round(2).tolist()
[1.39, -0.41]
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

FITTED = ("fitted_margin_rare", "fitted_margin_common")
"""The keys of :func:`fitted_margins`, in order."""


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


def fitted_margins(epoch: Mapping[str, float], rare: NDArray[np.bool_]) -> dict[str, float | None]:
    """Mean over rare classes and over the others of what an epoch's history says of the margins of fitted rows.

    Parameters
    ----------
    epoch : mapping of str to float
        With ``margin_<class number>``, where margins were tracked.
    rare : ndarray of bool, shape (C,)

    Returns
    -------
    dict of str to float or None
        :data:`FITTED`; None for a group without a class. Empty where no margins were tracked.
    """
    known = np.array([epoch.get(f"margin_{label}", np.nan) for label in range(len(rare))])
    there = ~np.isnan(known)
    if not there.any():
        return {}
    groups = (rare & there, ~rare & there)
    return {
        name: float(known[own].mean()) if own.any() else None
        for name, own in zip(FITTED, groups, strict=True)
    }
