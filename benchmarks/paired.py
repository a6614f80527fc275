"""Paired differences over seeds: their interval, and whether two trainers are equal within a margin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import ttest_1samp


def interval(differences: Sequence[float], confidence: float = 0.95) -> dict[str, Any]:
    """Mean of paired differences with Student's interval; no interval for fewer than two."""
    values = np.asarray(differences, dtype=np.float64)
    low = high = None
    if len(values) > 1:
        # Student's interval of values that do not differ is a point, which scipy calls undefined.
        found = ttest_1samp(values, 0.0).confidence_interval(confidence) if np.ptp(values) else values[:2]
        low, high = round(float(found[0]), 4), round(float(found[1]), 4)
    return {"mean": round(float(values.mean()), 4), "low": low, "high": high, "pairs": len(values)}


def equivalence(differences: Sequence[float], margin: float = 0.01) -> dict[str, Any]:
    """Two one-sided t-tests that the mean difference lies within ``-margin`` and ``margin``.

    Schuirmann, 1987. ``equivalent`` at 5% is the same as the 90% interval lying within the margins; where it
    is False, equality has not been shown, which does not mean that a difference has.
    """
    values = np.asarray(differences, dtype=np.float64)
    result = {**interval(differences, 0.9), "margin": margin, "p": None, "equivalent": None}
    if len(values) > 1 and not np.ptp(values):
        result["equivalent"] = bool(abs(values[0]) < margin)
    elif len(values) > 1:
        above = ttest_1samp(values, -margin, alternative="greater").pvalue
        below = ttest_1samp(values, margin, alternative="less").pvalue
        p = float(max(above, below))
        result |= {"p": round(p, 4), "equivalent": p < 0.05}
    return result


def in_words(found: dict[str, Any]) -> str:
    """``+0.012 [-0.003, +0.027]``."""
    if found["low"] is None:
        return f"{found['mean']:+.4f}"
    return f"{found['mean']:+.4f} [{found['low']:+.4f}, {found['high']:+.4f}]"
