"""Scores of problems in which all classes matter: accuracy, and F1 of the classes with the fewest rows to learn from.

>>> score_all_classes(np.array([0, 1, 2, 2]), np.eye(3)[[0, 1, 2, 1]], np.array([90, 9, 1]))
{'accuracy': 0.75, 'f1_rarest_third': 0.6666666666666666}

Papers on many classes predict the class with the largest logit, whatever class shares the logits are of. Where a method
takes the shares out of them this is another decision than the most probable class is, and both are worth a score.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from counterpoise.metrics import confusion as cm
from counterpoise.metrics.confusion import checked

PRIOR_CORRECTED = "_prior_corrected"
"""Ends the names of scores of decisions with the prior put back, where a run decides without."""

NAMES = (
    "accuracy",
    "f1_rarest_third",
    *(f"{name}{PRIOR_CORRECTED}" for name in ("accuracy", "macro_f1", "f1_rarest_third")),
)
"""The keys of :func:`score_all_classes` and :func:`score_prior_corrected`, in order."""


def rarest_third(counts: ArrayLike) -> NDArray[np.int64]:
    """Numbers of the third of the classes (rounded, at least one) with the fewest rows, the rarest first.

    Parameters
    ----------
    counts : array-like of shape (C,)
        Rows of each class; of classes with as many the one with the lower number counts as rarer.
    """
    sizes = np.asarray(counts)
    return np.argsort(sizes, kind="stable")[: max(round(len(sizes) / 3), 1)]


def score_all_classes(
    labels: ArrayLike, probabilities: ArrayLike, fitted: ArrayLike
) -> dict[str, float | None]:
    """Score the most probable classes.

    Parameters
    ----------
    labels : array-like of shape (n,)
        Class numbers.
    probabilities : array-like of shape (n, C)
    fitted : array-like of shape (C,)
        Rows of each class on the fitting side.

    Returns
    -------
    dict of str to float
        - ``accuracy``: share of rows whose most probable class is theirs, as papers on many classes report it.
        - ``f1_rarest_third``: mean F1 of the :func:`rarest_third` of the classes by fitted rows. A class that is
          neither there nor predicted has an F1 of 0.
    """
    y, p, weights = checked(labels, probabilities, None)
    matrix = cm.confusion(y, p.argmax(axis=1), p.shape[1], weights)
    rarest = rarest_third(fitted)
    return {
        "accuracy": float(np.trace(matrix) / max(float(matrix.sum()), 1.0)),
        "f1_rarest_third": float(cm.f1_by_class(matrix)[rarest].mean()),
    }


def score_prior_corrected(
    labels: ArrayLike, probabilities: ArrayLike, fitted: ArrayLike
) -> dict[str, float | None]:
    """Score the most probable classes under the fitting side's prior, for runs that decide without it.

    Parameters
    ----------
    labels, fitted
        See :func:`score_all_classes`.
    probabilities : array-like of shape (n, C)
        With the prior put back.

    Returns
    -------
    dict of str to float
        Accuracy, macro F1 and F1 of the rarest third, their names ending in :data:`PRIOR_CORRECTED`.
    """
    y, p, weights = checked(labels, probabilities, None)
    scores = score_all_classes(y, p, fitted)
    scores["macro_f1"] = float(cm.macro_f1(cm.confusion(y, p.argmax(axis=1), p.shape[1], weights)))
    return {f"{name}{PRIOR_CORRECTED}": value for name, value in scores.items()}
