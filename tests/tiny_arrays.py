"""Rows of numbers whose classes are far apart."""

from __future__ import annotations

import numpy as np


def make_arrays(counts: tuple[int, ...], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows of six features around a corner of a cube for each class, five deviations apart; shuffled."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    corners = 5.0 * ((np.arange(len(counts))[:, None] >> np.arange(6)) & 1)
    return (corners[labels] + rng.standard_normal((len(labels), 6))).astype(np.float32), labels
