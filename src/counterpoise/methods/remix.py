"""Remix as a method: where classes differ much in size, the mixed label is the rarer one (Chou et al. 2020)."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from counterpoise.errors import SettingsError
from counterpoise.losses.ldam import SCALE
from counterpoise.methods.mixed_training import MixedTraining
from counterpoise.mixing.pairs import Pairs
from counterpoise.mixing.remix import remix, remix_label_weight
from counterpoise.search_space import Range, Space


class Remix(MixedTraining):
    """Train on rows mixed in pairs, labels by the sizes of their classes; see :mod:`counterpoise.mixing.remix`.

    Parameters
    ----------
    ratio : float, default=3.0
        How many times as large one of two classes has to be for the label to go to the other (the paper's kappa).
    threshold : float, default=0.5
        The label goes over where the larger class has less than this of the input (the paper's tau).
    alpha, depth, drw, ldam, max_margin, scale
        See :class:`counterpoise.methods.mixed_training.MixedTraining`.
    """

    search_space: ClassVar[Space] = {**MixedTraining.search_space, "ratio": Range(1.5, 10.0, log=True)}
    summary = "mixed in pairs, the label the rarer class's where it is much rarer (Remix)"
    paper = "Chou et al. 2020"

    def __init__(
        self,
        *,
        ratio: float = 3.0,
        threshold: float = 0.5,
        alpha: float = 1.0,
        depth: float = 0.0,
        drw: bool | float = False,
        ldam: bool = False,
        max_margin: float = 0.5,
        scale: float = SCALE,
    ) -> None:
        super().__init__(alpha=alpha, depth=depth, drw=drw, ldam=ldam, max_margin=max_margin, scale=scale)
        self.ratio = ratio
        self.threshold = threshold

    def check(self) -> None:
        """Refuse settings out of range."""
        super().check()
        if not self.ratio >= 1:
            raise SettingsError(f"ratio is {self.ratio!r}; remix needs a number of 1 or more")
        if not 0 <= self.threshold <= 1:
            raise SettingsError(f"threshold is {self.threshold!r}; remix needs a share from 0 to 1")

    def pairs(self, labels: Tensor, counts: Tensor, generator: torch.Generator) -> Pairs:
        """Pair the rows of a batch."""
        return remix(labels, counts, generator, alpha=self.alpha, ratio=self.ratio, threshold=self.threshold)

    def label_weight(self, input_weight: Tensor, own: Tensor, other: Tensor) -> Tensor:
        """All, nothing, or that of the input."""
        return remix_label_weight(input_weight, own, other, ratio=self.ratio, threshold=self.threshold)
