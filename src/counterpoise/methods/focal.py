"""Focal loss as a method: the many easy majority rows lose their say (Lin et al. 2017, equation 4)."""

from typing import ClassVar

import numpy as np
from torch import Tensor

from counterpoise.backbones.base import Batch, Network
from counterpoise.errors import SettingsError
from counterpoise.losses.focal import FocalLoss
from counterpoise.methods.base import Data
from counterpoise.methods.gradient import GradientMethod
from counterpoise.methods.setting_checks import check_not_negative
from counterpoise.search_space import Choice, Range, Space
from counterpoise.training.settings import TrainingState


class Focal(GradientMethod):
    """Train with focal loss; see :class:`counterpoise.losses.focal.FocalLoss`.

    Focal loss is no proper scoring rule: its probabilities lean towards 0.5, and no shift of the prior mends
    that. The tuned threshold does.

    Parameters
    ----------
    gamma : float, default=2.0
        How fast the weight of well-classified rows falls; 0 is plain training.
    alpha : "balanced" or None, default=None
        Weight of each class, the paper's ``alpha_t``: ``"balanced"`` is the inverse of its share, 1 on average over the
        classes. None weights them alike, so that ``gamma`` alone is what differs from plain training.
    """

    search_space: ClassVar[Space] = {"gamma": Range(0.5, 5.0), "alpha": Choice((None, "balanced"))}
    summary = "easy rows count less in the loss"
    paper = "Lin et al. 2017"
    soft_targets = True

    def __init__(self, *, gamma: float = 2.0, alpha: str | None = None) -> None:
        self.gamma = gamma
        self.alpha = alpha

    def check(self) -> None:
        """Refuse a negative gamma and an unknown alpha."""
        check_not_negative("focal", gamma=self.gamma)
        if self.alpha not in (None, "balanced"):
            raise SettingsError(f"alpha is {self.alpha!r}; give 'balanced' or None")

    def loss(self, model: Network, batch: Batch, state: TrainingState) -> Tensor:
        """Focal loss ``(B,)``."""
        alpha = None if self.alpha is None else 1 / state.class_shares
        if alpha is not None:
            alpha = alpha / alpha.mean()
        return FocalLoss(self.gamma, alpha)(model(batch).float(), batch.labels)

    def training_prior(self, data: Data) -> np.ndarray:
        """The data's class shares, or all classes alike, but for class weights, where ``alpha`` makes them so."""
        factors = data.class_factors()
        return data.class_mass() if self.alpha is None else factors / factors.sum()
