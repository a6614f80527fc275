"""Means over tasks with intervals, from values of each task's seeds and folds.

>>> pooled([[0.01, 0.02, 0.03], [0.00, 0.02, 0.04]])
'+0.0200 [-0.0129, +0.0529]'

The interval is about these very tasks, each of which counts alike: only seeds and folds vary. Of one task it is that of
:func:`counterpoise.experiments.paired_tests.corrected_t_test`, which allows for fitting sides that overlap; over tasks
variances add up, with degrees of freedom by Satterthwaite, since tasks do not spread alike.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import t

from miso_design import N_FOLDS

_SAME = 1e-12  # values that differ by rounding have no spread to judge them by


def reach(by_task: Sequence[Sequence[float]], n_folds: Sequence[int] | None = None) -> float | None:
    """Half the width of the 95% interval of the mean of the tasks' means.

    Parameters
    ----------
    by_task : sequence of sequence of float
        Of each task one value a seed and fold, two or more.
    n_folds : sequence of int or None, default=None
        Of each task, into how many folds it was split; None is that of the design.

    Returns
    -------
    float or None
        None where all values of each task are the same.
    """
    spreads, degrees = [], []
    for values, folds in zip(by_task, n_folds or [N_FOLDS] * len(by_task), strict=True):
        allowance = 1 / len(values) + 1 / (folds - 1)
        spreads.append(0.0 if np.ptp(values) <= _SAME else allowance * float(np.var(values, ddof=1)))
        degrees.append(len(values) - 1)
    whole = sum(spreads)
    if not whole:
        return None
    freedom = whole**2 / sum(spread**2 / n for spread, n in zip(spreads, degrees, strict=True))
    return float(t.ppf(0.975, freedom)) * whole**0.5 / len(by_task)


def pooled(by_task: Sequence[Sequence[float]], n_folds: Sequence[int] | None = None) -> str:
    """The mean of the tasks' means and its interval, in words."""
    mean = float(np.mean([np.mean(values) for values in by_task]))
    return _said(mean, reach(by_task, n_folds), "+.4f")


def share(
    gains: Sequence[Sequence[float]], gaps: Sequence[Sequence[float]], n_folds: Sequence[int] | None = None
) -> tuple[float, float | None]:
    """What share of the gaps is gained, the mean gain over the mean gap, and half the width of its interval.

    The interval is by the delta method: that of the mean of gain less share times gap, over the mean gap.

    Parameters
    ----------
    gains, gaps : sequence of sequence of float
        Of the same tasks, seeds and folds.
    n_folds : sequence of int or None, default=None
        As in :func:`reach`.
    """
    gain, gap = (float(np.mean([np.mean(values) for values in of])) for of in (gains, gaps))
    found = gain / gap
    left = [
        np.subtract(own, found * np.array(there)).tolist() for own, there in zip(gains, gaps, strict=True)
    ]
    wide = reach(left, n_folds)
    return found, None if wide is None else wide / gap


def of_a_share(gains: Sequence[Sequence[float]], gaps: Sequence[Sequence[float]]) -> str:
    """A :func:`share` and its interval, in words."""
    return _said(*share(gains, gaps), "+.0%")


def _said(middle: float, wide: float | None, form: str) -> str:
    if wide is None:
        return format(middle, form)
    return f"{middle:{form}} [{middle - wide:{form}}, {middle + wide:{form}}]"
