"""How well probabilities rank one class: average precision, and the best point at an asked precision or recall.

>>> found, scores = np.array([True, False, True, False]), np.array([0.9, 0.8, 0.7, 0.1])
>>> recall_at_precision(found, scores, 0.6), precision_at_recall(found, scores, 0.9)
(1.0, 0.6666666666666666)

All take the best cut-off on the very rows they are given, so they say what a ranking allows, not what a threshold
chosen beforehand will reach.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, precision_recall_curve

from counterpoise.metrics.confusion import Floats, Ints

Mask: TypeAlias = NDArray[np.bool_]
Measure: TypeAlias = Callable[[Mask, Floats, "Floats | None"], float]


def average_precision(found: Mask, scores: Floats, weights: Floats | None = None) -> float:
    """Mean precision over the recalls of a class: ``sum (R_i - R_(i-1)) P_i``."""
    return float(average_precision_score(found, scores, sample_weight=weights))


def recall_at_precision(
    found: Mask, scores: Floats, precision: float, weights: Floats | None = None
) -> float:
    """Largest recall with at least some precision; 0.0 when no cut-off has that.

    Parameters
    ----------
    found : ndarray of bool, shape (n,)
        Which rows are of the class; one at least.
    scores : ndarray of float64, shape (n,)
    precision : float
        In (0, 1].
    weights : ndarray of float64, shape (n,), or None
    """
    precisions, recalls, _ = precision_recall_curve(found, scores, sample_weight=weights)
    return float(recalls[precisions >= precision - 1e-12].max(initial=0.0))


def precision_at_recall(found: Mask, scores: Floats, recall: float, weights: Floats | None = None) -> float:
    """Largest precision with at least some recall; parameters as in :func:`recall_at_precision`."""
    precisions, recalls, _ = precision_recall_curve(found, scores, sample_weight=weights)
    return float(precisions[recalls >= recall - 1e-12].max(initial=0.0))


def by_class(
    measure: Measure, labels: Ints, probabilities: Floats, weights: Floats, minority: int | None
) -> float | None:
    """A measure of the minority's probabilities, or its mean over the classes that occur.

    Parameters
    ----------
    measure : callable
        Takes which rows are of the class ``(n,)``, the class's probabilities ``(n,)`` and weights ``(n,)``.
    labels, probabilities, weights
        As :func:`counterpoise.metrics.confusion.checked` returns them.
    minority : int or None

    Returns
    -------
    float or None
        None when no row of the class has weight.
    """
    classes = range(probabilities.shape[1]) if minority is None else [minority]
    values = [
        measure(labels == c, probabilities[:, c], weights) for c in classes if weights[labels == c].sum() > 0
    ]
    return float(np.mean(values)) if values else None
