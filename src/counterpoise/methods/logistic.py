"""Logistic regression on features of any kind, the last step of the methods that train no network."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from counterpoise.methods.linear_predictor import one_row_a_class


def fit_logistic(
    features: Any, labels: np.ndarray, weights: np.ndarray, C: float
) -> tuple[np.ndarray, np.ndarray]:
    """Fit scikit-learn's logistic regression, multinomial where there are several classes.

    Parameters
    ----------
    features : ndarray or sparse matrix, shape (n, d)
    labels : ndarray of int64, shape (n,)
        All of 0 to C - 1 occur.
    weights : ndarray of float64, shape (n,)
        Scaled to 1 on average, so that ``C`` means the same whatever their scale.
    C : float
        Inverse strength of the ridge penalty.

    Returns
    -------
    coefficients : ndarray of float64, shape (C, d)
    intercepts : ndarray of float64, shape (C,)
    """
    model = LogisticRegression(C=C, max_iter=1000)
    model.fit(features, labels, sample_weight=weights / weights.mean())
    return one_row_a_class(model.coef_, model.intercept_)
