"""Mixup as a method: rows and labels mixed alike (Zhang et al. 2018)."""

from __future__ import annotations

import torch
from torch import Tensor

from counterpoise.docstrings import with_parameters_of
from counterpoise.methods.mixed_training import MixedTraining
from counterpoise.mixing.mixup import mixup
from counterpoise.mixing.pairs import Pairs


@with_parameters_of(MixedTraining)
class Mixup(MixedTraining):
    """Train on rows mixed in pairs, their labels mixed alike; see :mod:`counterpoise.mixing.mixup`.

    The parameters are those of :class:`counterpoise.methods.mixed_training.MixedTraining`.
    """

    summary = "rows and labels mixed in pairs alike (Mixup)"
    paper = "Zhang et al. 2018"
    soft_targets = True
    rule_by_sizes = False

    def pairs(self, labels: Tensor, counts: Tensor, generator: torch.Generator) -> Pairs:
        """Pair the rows of a batch."""
        return mixup(labels, counts, generator, alpha=self.alpha)

    def label_weight(self, input_weight: Tensor, own: Tensor, other: Tensor) -> Tensor:
        """That of the input."""
        return input_weight
