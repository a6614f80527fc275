"""How far probabilities of a class can be taken at their word.

>>> said, true = np.array([0.9, 0.9, 0.1, 0.1]), np.array([True, False, False, False])
>>> round(calibration_error(true, said), 6)
0.25

A rare class hardly shows in a mean over all rows: a model that never believes in it has a Brier score as small as
the class is rare. So the score is also told for the rows of the class and for the others apart (Wallace and Dahabreh,
"Class probability estimates are unreliable for imbalanced data (and how to fix them)", ICDM 2012).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from counterpoise.metrics.confusion import Floats

BINS = 15
"""Of equal width, as Guo et al. ("On calibration of modern neural networks", ICML 2017) take."""


def calibration_error(
    found: NDArray[np.bool_], probabilities: Floats, weights: Floats | None = None
) -> float:
    """Expected calibration error: mean distance between what is said and what is true, over bins of what is said.

    Parameters
    ----------
    found : ndarray of bool, shape (n,)
        Which rows are of the class.
    probabilities : ndarray of float64, shape (n,)
        Of the class.
    weights : ndarray of float64, shape (n,), or None

    Returns
    -------
    float
        0.0 without any weight.
    """
    w = np.ones(len(found)) if weights is None else weights
    bins = np.minimum((probabilities * BINS).astype(np.int64), BINS - 1)
    said = np.bincount(bins, w * probabilities, BINS)
    true = np.bincount(bins, w * found, BINS)
    total = float(w.sum())
    return float(np.abs(said - true).sum()) / total if total else 0.0


def brier_of(found: NDArray[np.bool_], probabilities: Floats, weights: Floats) -> float | None:
    """Mean squared error of a class's probability over some rows; None when none has weight.

    Parameters
    ----------
    found : ndarray of bool, shape (n,)
        Which rows are of the class.
    probabilities, weights : ndarray of float64, shape (n,)
        Weights of 0 leave rows out.
    """
    total = float(weights.sum())
    return float((probabilities - found) ** 2 @ weights) / total if total else None
