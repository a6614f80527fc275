"""How sharp probabilities may be: the one factor that turns scores of any scale into logits.

Its inverse is the temperature of Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks", ICML
2017, section 4.2; fitted to targets a little short of certain, as Platt does ("Probabilistic Outputs for Support
Vector Machines", 1999, section 2.2), it stays finite where the scores tell all classes apart.

>>> scores = np.array([[0.0, 0.2], [0.0, 0.1], [0.2, 0.0], [0.1, 0.0]])
>>> bool(fit_sharpness(scores, np.array([1, 1, 0, 0])) > 5)  # small differences that are always right mean a lot
True
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

LEAST, MOST = 1e-2, 1e4
"""Where it is looked for; scores that rank the classes backwards end at the least."""


def fit_sharpness(
    scores: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None, offset: ArrayLike = 0.0
) -> float:
    """Fit ``s`` of the logits ``s * scores + offset`` by cross-entropy, all classes alike.

    Parameters
    ----------
    scores : array-like of shape (n, C)
        Nearness to each class, on rows that it was not made from.
    labels : array-like of int, shape (n,)
    weights : array-like of shape (n,) or None, default=None
        Row weights, 1 each by default; a class counts by the mean weight of its rows, not by their number.
    offset : array-like of shape (C,), default=0
        Log of what each class counts, up to a constant.

    Returns
    -------
    float
        From 0.01 to 10,000; 1 without rows.
    """
    rows, classes = np.asarray(scores, dtype=np.float64), np.asarray(labels)
    if len(rows) == 0:
        return 1.0
    counts = np.bincount(classes, minlength=rows.shape[1])[classes]
    share = (np.ones(len(rows)) if weights is None else np.asarray(weights, dtype=np.float64)) / counts
    # As if each class had one row more of its own and one of the others.
    doubt = 1.0 / (counts + 2)
    targets = np.repeat((doubt / (rows.shape[1] - 1))[:, None], rows.shape[1], axis=1)
    targets[np.arange(len(rows)), classes] = 1 - doubt
    targets *= (share / share.sum())[:, None]

    def cross_entropy(log_sharpness: float) -> float:
        return -float((targets * log_softmax(np.exp(log_sharpness) * rows + offset, axis=1)).sum())

    found = minimize_scalar(
        cross_entropy, bounds=(np.log(LEAST), np.log(MOST)), method="bounded", options={"xatol": 1e-8}
    )
    return float(np.exp(found.x))
