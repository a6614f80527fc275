"""Platt scaling: decision values of a classifier that knows no probabilities, turned into log-odds.

Platt, "Probabilistic outputs for support vector machines and comparisons to regularized likelihood methods",
Advances in Large Margin Classifiers, 1999: a sigmoid is fitted to the decision values of rows that the classifier
was not fitted to, with targets drawn in from 0 and 1 by what so few rows can tell.

>>> slope, intercept = platt([-2.0, -1.0, 1.0, 2.0], [False, False, True, True])
>>> (1 / (1 + np.exp(-(slope * np.array([-2.0, 2.0]) + intercept)))).round(2).tolist()
[0.21, 0.79]
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize

from counterpoise.errors import DataError
from counterpoise.metrics.confusion import Floats

SMALLEST_SLOPE = 1e-3
"""By which a scale of decision values is multiplied at least, so that their order is kept."""


def platt(decisions: ArrayLike, positive: ArrayLike, weights: ArrayLike | None = None) -> tuple[float, float]:
    """Fit the line from decision values to log-odds.

    Parameters
    ----------
    decisions : array-like of shape (n,)
        Of rows that the classifier was not fitted to, or the probabilities will be too sure.
    positive : array-like of bool, shape (n,)
    weights : array-like of shape (n,), default=None
        Weight of each row; scaled to 1 on average. The probabilities are those of the weighted rows' class shares.

    Returns
    -------
    slope : float
        :data:`SMALLEST_SLOPE` or more: where a handful of positive rows came out below the others by chance, the
        classifier's own order is the better guess.
    intercept : float
        ``1 / (1 + exp(-(slope * decision + intercept)))`` is the probability.

    Raises
    ------
    DataError
        If a decision value is not finite.
    """
    values, own = np.asarray(decisions, dtype=np.float64), np.asarray(positive, dtype=bool)
    if not np.isfinite(values).all():
        raise DataError("a decision value is not finite; probabilities need finite ones")
    mass = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=np.float64)
    mass = mass / mass.mean()
    n_own, n_other = mass[own].sum(), mass[~own].sum()
    targets = np.where(own, (n_own + 1) / (n_own + 2), 1 / (n_other + 2))
    # A common scale of all values, so that one tolerance serves margins of any size.
    spread = max(float(np.abs(values).max()), np.finfo(np.float64).tiny)
    scaled = values / spread

    def loss(line: Floats) -> tuple[float, Floats]:
        odds = line[0] * scaled + line[1]
        error = mass * (np.exp(-np.logaddexp(0, -odds)) - targets)
        value = mass @ (np.logaddexp(0, odds) - targets * odds)
        return value / len(values), np.array([error @ scaled, error.sum()]) / len(values)

    start = np.array([1.0, np.log((n_own + 1) / (n_other + 1))])
    found = minimize(
        loss,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(SMALLEST_SLOPE * spread, None), (None, None)],
        options={"ftol": 1e-14, "gtol": 1e-9, "maxiter": 1000},
    )
    return float(found.x[0] / spread), float(found.x[1])
