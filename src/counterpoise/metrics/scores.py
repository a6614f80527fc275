"""The scores a classifier of a rare class is judged by: one call, one dictionary of numbers.

>>> row = score(np.array([0, 0, 0, 1]), np.array([0.1, 0.2, 0.6, 0.4]), minority=1)
>>> row["average_precision"], row["f1"], row["f1_tuned"]
(0.5, 0.0, None)

Accuracy is left out on purpose: with 2% of a class, never finding it is 98% accurate. Average precision
stands beside ``prevalence``, which is what a random ranking would reach.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from counterpoise.errors import SettingsError
from counterpoise.metrics import confusion as cm
from counterpoise.metrics.confusion import Floats, Ints, checked
from counterpoise.metrics.ranking import (
    Mask,
    average_precision,
    by_class,
    precision_at_recall,
    recall_at_precision,
)
from counterpoise.metrics.reliability import brier_of, calibration_error

NAMES = (
    "f1",
    "f1_tuned",
    "precision_tuned",
    "recall_tuned",
    "average_precision",
    "recall",
    "precision",
    "macro_f1",
    "mcc",
    "balanced_accuracy",
    "g_mean",
    "recall_at_precision_90",
    "precision_at_recall_90",
    "brier",
    "brier_minority",
    "brier_majority",
    "calibration_error",
    "prevalence",
)
"""The keys of :func:`score`, in order."""

ASKED = 0.9
"""Precision, or recall, at which the other one is told."""

Scores = dict[str, "float | None"]


def score(
    labels: ArrayLike,
    probabilities: ArrayLike,
    minority: int | None,
    *,
    decisions_tuned: ArrayLike | None = None,
    weights: ArrayLike | None = None,
) -> Scores:
    """Score probabilities against labels.

    Parameters
    ----------
    labels : array-like of shape (n,)
        Class numbers ``0..C-1`` (or booleans for two classes).
    probabilities : array-like of shape (n, C), or (n,) for the probability of class 1 of two
        Rows sum to 1.
    minority : int or None
        The class that matters, judged against the rest; None judges all classes alike, by macro means.
    decisions_tuned : array-like of shape (n,) or None, default=None
        Class numbers decided with tuned thresholds (:func:`counterpoise.metrics.thresholds.decide`).
    weights : array-like of shape (n,) or None, default=None
        Row weights of 0 or more; 1 each by default.

    Returns
    -------
    dict of str to float or None
        - ``f1``, ``precision``, ``recall``: of the minority (macro means if None) when the most probable
          class is decided; with two classes that is a cut at 0.5.
        - ``f1_tuned``, ``precision_tuned``, ``recall_tuned``: the same of ``decisions_tuned``, which are what
          ``predict`` of a classifier decides; None without them.
        - ``average_precision``: of the minority (macro mean over the classes that occur if None); None when
          no row of the class has weight, because no ranking can then be judged.
        - ``macro_f1``, ``mcc``, ``balanced_accuracy``: over all classes, the most probable one being decided.
        - ``g_mean``: geometric mean of the recalls of the classes that occur (Kubat and Matwin, ICML 1997), with the
          same decisions.
        - ``recall_at_precision_90``, ``precision_at_recall_90``: of the minority, the best that its ranking allows at a
          precision or recall of 90% or more, chosen on these very rows (macro means if None); None like
          ``average_precision``.
        - ``brier``: mean squared error of the probabilities; of class 1 with two classes (0 to 1), summed
          over classes with more (0 to 2), as scikit-learn does.
        - ``brier_minority``, ``brier_majority``: mean squared error of the minority's probability over its own rows,
          and over all others; None without such rows, or without a minority.
        - ``calibration_error``: expected calibration error of the minority's probability over 15 bins (mean over the
          classes that occur if None); None like ``average_precision``.
        - ``prevalence``: share of the minority (if None, the mean share of the classes that occur): the
          average precision of a random ranking.

        Quotients without a denominator are 0.0.

    Raises
    ------
    DataError
        If the arrays do not fit together (see :func:`counterpoise.metrics.confusion.checked`).
    SettingsError
        If ``minority`` is not a class number.
    """
    y, p, w = checked(labels, probabilities, weights)
    n_classes = p.shape[1]
    if minority is not None and not 0 <= minority < n_classes:
        raise SettingsError(f"minority is {minority}; give a class number from 0 to {n_classes - 1} or None")
    matrix = cm.confusion(y, p.argmax(axis=1), n_classes, w)
    share = matrix.sum(axis=1) / max(float(matrix.sum()), np.finfo(float).tiny)
    occurs = share > 0
    tuned = None
    if decisions_tuned is not None:
        tuned = cm.confusion(y, np.asarray(decisions_tuned), n_classes, w)
    if minority is None:
        prevalence = float(share[occurs].mean()) if occurs.any() else 0.0
    else:
        prevalence = float(share[minority])
    return {
        "f1": _f1(matrix, minority),
        "f1_tuned": None if tuned is None else _f1(tuned, minority),
        "precision_tuned": None if tuned is None else _precision(tuned, minority),
        "recall_tuned": None if tuned is None else _recall(tuned, minority),
        "average_precision": by_class(average_precision, y, p, w, minority),
        "recall": _recall(matrix, minority),
        "precision": _precision(matrix, minority),
        "macro_f1": float(cm.macro_f1(matrix)),
        "mcc": float(cm.mcc(matrix)),
        "balanced_accuracy": float(cm.balanced_accuracy(matrix)),
        "g_mean": _g_mean(cm.recall_by_class(matrix)[occurs]),
        "recall_at_precision_90": by_class(_recall_at, y, p, w, minority),
        "precision_at_recall_90": by_class(_precision_at, y, p, w, minority),
        "brier": _brier(y, p, w),
        "brier_minority": _brier_of(y, p, w, minority, own=True),
        "brier_majority": _brier_of(y, p, w, minority, own=False),
        "calibration_error": by_class(calibration_error, y, p, w, minority),
        "prevalence": prevalence,
    }


def score_thinned(
    labels: ArrayLike,
    probabilities: ArrayLike,
    minority: int,
    kept_share: float,
    *,
    decisions_tuned: ArrayLike | None = None,
    weights: ArrayLike | None = None,
) -> Scores:
    """Score as if the test side held only ``kept_share`` of its minority, without dropping a row.

    When part of the minority was removed from the fitting side, the whole test side has a higher prevalence
    than the model was fitted to. Weighting its minority rows by the kept share restores that prevalence, and
    uses every row.

    Parameters
    ----------
    labels, probabilities, minority
        As in :func:`score`.
    decisions_tuned, weights : array-like of shape (n,) or None, default=None
        As in :func:`score`.
    kept_share : float
        In ``(0, 1]``.

    Returns
    -------
    dict of str to float or None
        The keys of :func:`score` with the suffix ``_thinned``.

    Raises
    ------
    SettingsError
        If ``kept_share`` is out of range.
    """
    if not 0 < kept_share <= 1:
        raise SettingsError(f"kept_share is {kept_share}; give a share above 0 and at most 1")
    y, p, w = checked(labels, probabilities, weights)
    thinned = np.where(y == minority, w * kept_share, w)
    row = score(y, p, minority, decisions_tuned=decisions_tuned, weights=thinned)
    return {f"{name}_thinned": value for name, value in row.items()}


def kept_share_of(scores: Mapping[str, float | None]) -> float | None:
    """The share that :func:`score_thinned` weighed the minority by, told from what it found.

    Parameters
    ----------
    scores : mapping of str to float or None
        Of :func:`score` and :func:`score_thinned` together.

    Returns
    -------
    float or None
        None without scores of a thinned side, or without a row of the minority.
    """
    whole, thinned = scores.get("prevalence"), scores.get("prevalence_thinned")
    if not whole or not thinned or whole == 1:
        return None
    return thinned / (1 - thinned) * (1 - whole) / whole


def _f1(matrix: Floats, minority: int | None) -> float:
    return float(cm.macro_f1(matrix) if minority is None else cm.f1_by_class(matrix)[minority])


def _precision(matrix: Floats, minority: int | None) -> float:
    by_class = cm.precision_by_class(matrix)
    if minority is not None:
        return float(by_class[minority])
    seen = (matrix.sum(axis=0) + matrix.sum(axis=1)) > 0
    return float(by_class[seen].mean()) if seen.any() else 0.0


def _recall(matrix: Floats, minority: int | None) -> float:
    return float(cm.balanced_accuracy(matrix) if minority is None else cm.recall_by_class(matrix)[minority])


def _recall_at(found: Mask, p: Floats, w: Floats | None) -> float:
    return recall_at_precision(found, p, ASKED, w)


def _precision_at(found: Mask, p: Floats, w: Floats | None) -> float:
    return precision_at_recall(found, p, ASKED, w)


def _g_mean(recalls: Floats) -> float:
    return float(np.prod(recalls) ** (1 / len(recalls))) if len(recalls) else 0.0


def _brier_of(y: Ints, p: Floats, w: Floats, minority: int | None, *, own: bool) -> float | None:
    if minority is None:
        return None
    found = y == minority
    return brier_of(found, p[:, minority], np.where(found == own, w, 0.0))


def _brier(y: Ints, p: Floats, w: Floats) -> float:
    total = float(w.sum())
    if total == 0:
        return 0.0
    if p.shape[1] == 2:
        squared = (p[:, 1] - y) ** 2
    else:
        squared = (p**2).sum(axis=1) - 2 * p[np.arange(len(y)), y] + 1
    return float(squared @ w) / total
