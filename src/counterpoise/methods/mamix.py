"""Margin-aware Mixup as a method: the rarer of two labels is kept over the longer stretch (Cheng et al. 2023)."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from counterpoise.docstrings import with_parameters_of
from counterpoise.losses.ldam import SCALE
from counterpoise.methods.mixed_training import MixedTraining
from counterpoise.methods.setting_checks import check_not_negative
from counterpoise.mixing.mamix import mamix, mamix_label_weight
from counterpoise.mixing.pairs import Pairs
from counterpoise.search_space import Range, Space


@with_parameters_of(MixedTraining)
class MAMix(MixedTraining):
    """Train on rows mixed in pairs, labels by the margins of their classes; see :mod:`counterpoise.mixing.mamix`.

    The paper runs it with late class weights, which are ``drw=True`` here.

    Parameters that do not stand here are those of :class:`counterpoise.methods.mixed_training.MixedTraining`.

    Parameters
    ----------
    power : float, default=0.25
        A class has a margin in proportion to ``n ** -power``; 0 is Mixup.
    """

    search_space: ClassVar[Space] = {**MixedTraining.search_space, "power": Range(0.0, 1.0)}
    summary = "mixed in pairs, the rarer label kept for longer (margin-aware Mixup)"
    paper = "Cheng et al. 2023"

    def __init__(
        self,
        *,
        power: float = 0.25,
        alpha: float = 1.0,
        depth: float = 0.0,
        drw: bool | float = False,
        ldam: bool = False,
        max_margin: float = 0.5,
        scale: float = SCALE,
    ) -> None:
        super().__init__(alpha=alpha, depth=depth, drw=drw, ldam=ldam, max_margin=max_margin, scale=scale)
        self.power = power

    def check(self) -> None:
        """Refuse settings out of range."""
        super().check()
        check_not_negative("mamix", power=self.power)

    def pairs(self, labels: Tensor, counts: Tensor, generator: torch.Generator) -> Pairs:
        """Pair the rows of a batch."""
        return mamix(labels, counts, generator, alpha=self.alpha, power=self.power)

    def label_weight(self, input_weight: Tensor, own: Tensor, other: Tensor) -> Tensor:
        """1 at the row's own end, a half at the margin, 0 at the other end."""
        return mamix_label_weight(input_weight, own, other, power=self.power)
