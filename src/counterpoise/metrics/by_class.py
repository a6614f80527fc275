"""Scores of each class against the rest, by its name: which of many classes a classifier finds.

>>> found = score_by_class(np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]]), ["ham", "spam"])
>>> found["recall[spam]"], found["average_precision[spam]"]
(0.5, 1.0)
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from counterpoise.metrics import confusion as cm
from counterpoise.metrics.confusion import Floats, Ints, checked
from counterpoise.metrics.ranking import average_precision

MEASURES = (
    "precision",
    "recall",
    "f1",
    "precision_tuned",
    "recall_tuned",
    "f1_tuned",
    "average_precision",
)
"""What there is of each class; a metric's name is the measure with the class in brackets."""


def score_by_class(
    labels: ArrayLike,
    probabilities: ArrayLike,
    names: Sequence[str],
    *,
    decisions_tuned: ArrayLike | None = None,
) -> dict[str, float | None]:
    """Score each class against all others.

    Parameters
    ----------
    labels : array-like of shape (n,)
        Class numbers.
    probabilities : array-like of shape (n, C)
    names : sequence of C str
        Of the classes, by number.
    decisions_tuned : array-like of shape (n,) or None, default=None
        Class numbers decided with tuned thresholds.

    Returns
    -------
    dict of str to float or None
        ``"f1[NAME]"`` and so on for each of :data:`MEASURES`, class by class. Precision, recall and F1 are those of the
        most probable class, those with the suffix ``_tuned`` of ``decisions_tuned`` (None without them), average
        precision that of the rows ranked by the probability of the class. None for a class without rows: nothing is
        known of it.

    Raises
    ------
    DataError
        If the arrays do not fit together (see :func:`counterpoise.metrics.confusion.checked`).
    """
    y, p, weights = checked(labels, probabilities, None)
    columns = class_columns(y, p, weights)
    if decisions_tuned is not None:
        tuned = cm.confusion(y, np.asarray(decisions_tuned), p.shape[1], weights)
        columns["precision_tuned"] = cm.precision_by_class(tuned)
        columns["recall_tuned"] = cm.recall_by_class(tuned)
        columns["f1_tuned"] = cm.f1_by_class(tuned)
    found: dict[str, float | None] = {}
    for number, name in enumerate(names):
        there = bool((y == number).any())
        values = {measure: float(column[number]) for measure, column in columns.items()}
        found |= {f"{measure}[{name}]": values.get(measure) if there else None for measure in MEASURES}
    return found


def class_columns(y: Ints, p: Floats, weights: Floats) -> dict[str, Floats]:
    """Precision, recall and F1 of the most probable class, and average precision, of each class, ``(C,)`` each.

    Average precision is NaN for a class without rows. ``y``, ``p`` and ``weights`` are as
    :func:`counterpoise.metrics.confusion.checked` returns them.
    """
    n_classes = p.shape[1]
    matrix = cm.confusion(y, p.argmax(axis=1), n_classes, weights)
    there = np.bincount(y, weights, n_classes) > 0
    return {
        "precision": cm.precision_by_class(matrix),
        "recall": cm.recall_by_class(matrix),
        "f1": cm.f1_by_class(matrix),
        "average_precision": np.array(
            [average_precision(y == c, p[:, c], weights) if there[c] else np.nan for c in range(n_classes)]
        ),
    }


def class_of(metric: str) -> tuple[str, str] | None:
    """Measure and class of a metric named as ``"f1[grain]"``; None of any other."""
    parts = re.fullmatch(r"(\w+)\[(.+)\]", metric, re.DOTALL)
    return (parts[1], parts[2]) if parts and parts[1] in MEASURES else None
