"""Say in words what is wrong when a model predicts one class only.

The commonest question about rare classes is "why is my F1 zero?". Either the rare class is ranked first and
only the cut-off is wrong, which a tuned threshold mends, or the ranking itself is poor, which it does not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from counterpoise.metrics.confusion import checked
from counterpoise.metrics.scores import score

FINE_GAIN = 0.3
"""A ranking is called fine when its average precision covers this part of the way from prevalence to 1."""

_CHOOSE = (
    "choose one on labelled rows that were not fitted to, and give it, as `threshold` when fitting or as --threshold "
    "to `counterpoise predict`"
)
_TUNE = "fit with threshold='tune', and with more rows of the rare classes where it was not tuned for want of them"


def one_class_predicted(
    labels: ArrayLike,
    probabilities: ArrayLike,
    decisions: ArrayLike,
    minority: int | None,
    class_names: Sequence[str],
    *,
    tuned: bool,
) -> str | None:
    """Explain decisions that name one class only.

    Parameters
    ----------
    labels : array-like of shape (n,)
        Class numbers.
    probabilities : array-like of shape (n, C), or (n,) for the probability of class 1 of two
        What the decisions were made from.
    decisions : array-like of shape (n,)
        Decided class numbers.
    minority : int or None
        The class that matters, or None when all do.
    class_names : sequence of str
        Names by class number.
    tuned : bool
        Whether tuned thresholds exist, to be named as the remedy.

    Returns
    -------
    str or None
        One sentence; None when two or more classes are decided, or the labels hold one class only.
    """
    y, p, _ = checked(labels, probabilities, None)
    decided = np.unique(np.asarray(decisions))
    if len(decided) != 1 or len(np.unique(y)) < 2:
        return None
    row = score(y, p, minority)
    return one_class_sentence(
        str(class_names[int(decided[0])]),
        row["average_precision"],
        row["prevalence"],
        None if minority is None else str(class_names[minority]),
        tuned=tuned,
        n_classes=p.shape[1],
    )


def one_class_sentence(
    only: str,
    precision: float | None,
    prevalence: float | None,
    minority: str | None,
    *,
    tuned: bool,
    n_classes: int,
) -> str:
    """Word the explanation from scores that are known already.

    Parameters
    ----------
    only : str
        Name of the one class that is decided.
    precision, prevalence : float or None
        ``average_precision`` and ``prevalence`` of :func:`counterpoise.metrics.scores.score`.
    minority : str or None
        Name of the class that matters, or None when all do.
    tuned : bool
        As in :func:`one_class_predicted`.
    n_classes : int
        With more than two no single number can be given as the threshold.
    """
    said = f"Only class {only!r} is predicted"
    if precision is None or prevalence is None:
        return f"{said}, and the labels hold no row of class {minority!r} to judge it by."
    figures = f"(average precision {precision:.2f} at prevalence {prevalence:.2f})"
    if precision >= prevalence + FINE_GAIN * (1 - prevalence):
        remedy = "use the tuned one" if tuned else _CHOOSE if n_classes == 2 else _TUNE
        return f"{said}, yet the ranking is fine {figures}: only the threshold is wrong; {remedy}."
    wanted = "the rare classes" if minority is None else f"class {minority!r}"
    return (
        f"{said}, and the ranking is poor too {figures}: no threshold mends that; "
        f"try another method, or give more rows of {wanted}."
    )
