"""How many neighbours rows of each class go with, and how often they come up (Ando and Huang 2017, section 3.5).

>>> plan = Overloading.of(np.array([100, 60, 10]), k=5, k_majority=0, overload=1.0)
>>> plan.k.tolist(), plan.times.tolist()
([0, 0, 5], [1.0, 1.0, 10.0])
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from counterpoise.metrics.class_groups import rare_classes
from counterpoise.oversampling.base import draw_sources


@dataclass(frozen=True, eq=False)
class Overloading:
    """The paper's ``k_c`` and ``r_c``.

    Attributes
    ----------
    k : ndarray of int64, shape (C,)
        Neighbours of a row of each class.
    times : ndarray of float64, shape (C,)
        How often a row of each class comes up in an epoch, 1 or more.
    """

    k: np.ndarray
    times: np.ndarray

    @classmethod
    def of(cls, counts: np.ndarray, k: int, k_majority: int, overload: float) -> Self:
        """Plan for classes of these sizes.

        Parameters
        ----------
        counts : ndarray of int64, shape (C,)
        k, k_majority : int
            Of rare classes, and of the others. Where no class is rare, all have ``k``.
        overload : float
            1 lets rare classes come up as often as the largest.
        """
        rare = rare_classes(counts)
        times = np.where(rare, np.maximum(overload * counts.max() / np.maximum(counts, 1), 1), 1.0)
        return cls(np.where(rare | (not rare.any()), k, k_majority), times)

    def rows(self, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Rows of an epoch, some of them several times; which ones get the remainder is drawn."""
        if (self.times == 1).all():
            return np.arange(len(labels))
        parts = []
        for label, times in enumerate(self.times):
            own = np.flatnonzero(labels == label)
            if len(own):
                parts.append(draw_sources(own, round(times * len(own)), rng))
        return np.concatenate(parts)
