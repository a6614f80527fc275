"""Remix as a method: where classes differ much in size, the mixed label is the rarer one (Chou et al. 2020)."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from counterpoise.docstrings import with_parameters_of
from counterpoise.losses.ldam import SCALE
from counterpoise.methods.mixed_training import MixedTraining
from counterpoise.methods.setting_checks import check_not_negative, check_share
from counterpoise.mixing.pairs import Pairs
from counterpoise.mixing.remix import remix, remix_label_weight
from counterpoise.search_space import Range, Space


@with_parameters_of(MixedTraining)
class Remix(MixedTraining):
    """Train on rows mixed in pairs, labels by the sizes of their classes; see :mod:`counterpoise.mixing.remix`.

    Parameters that do not stand here are those of :class:`counterpoise.methods.mixed_training.MixedTraining`.

    Parameters
    ----------
    ratio : float, default=3.0
        How many times as large one of two classes has to be for the label to go to the other (the paper's kappa).
    threshold : float, default=0.5
        The label goes over where the larger class has less than this of the input (the paper's tau).
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
        check_not_negative("remix", at_least=1, ratio=self.ratio)
        check_share("remix", threshold=self.threshold)

    def pairs(self, labels: Tensor, counts: Tensor, generator: torch.Generator) -> Pairs:
        """Pair the rows of a batch."""
        return remix(labels, counts, generator, alpha=self.alpha, ratio=self.ratio, threshold=self.threshold)

    def label_weight(self, input_weight: Tensor, own: Tensor, other: Tensor) -> Tensor:
        """All, nothing, or that of the input."""
        return remix_label_weight(input_weight, own, other, ratio=self.ratio, threshold=self.threshold)
