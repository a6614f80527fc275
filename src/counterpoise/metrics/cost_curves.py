"""Expected cost of the best threshold, by how the cost of errors is shared between the classes.

>>> rare, scores = np.array([True, False, False]), np.array([0.9, 0.2, 0.1])
>>> cost_curve(rare, scores, np.array([0.0, 0.5, 1.0])).tolist()
[0.0, 0.0, 0.0]

Drummond and Holte, "Cost curves: an improved method for visualizing classifier performance", Machine Learning 65,
2006.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

from counterpoise.metrics.confusion import Floats


def cost_curve(rare: NDArray[np.bool_], scores: Floats, shares: Floats) -> Floats:
    """Normalised expected cost, the lower envelope of all thresholds.

    Parameters
    ----------
    rare : ndarray of bool, shape (n,)
        Which rows are of the rare class; some, and not all.
    scores : ndarray of float64, shape (n,)
        Larger for rows that are rather rare.
    shares : ndarray of float64, shape (m,)
        Probability cost of the rare class: ``p(+) C(-|+) / (p(+) C(-|+) + p(-) C(+|-))``, the share that it would have
        of the cost if everything were decided wrongly.

    Returns
    -------
    ndarray of float64, shape (m,)
        ``FN rate * share + FP rate * (1 - share)`` of the threshold for which it is least; at most
        ``min(share, 1 - share)``, the cost of deciding for one class always.
    """
    false_positive, true_positive, _ = roc_curve(rare, scores, drop_intermediate=True)
    costs = np.outer(shares, 1 - true_positive) + np.outer(1 - shares, false_positive)
    return costs.min(axis=1)
