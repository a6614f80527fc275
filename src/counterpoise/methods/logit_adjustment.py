"""Logit adjustment as a method: train against the prior (Menon et al. 2021, equation 10)."""

from typing import ClassVar

import numpy as np
from torch import Tensor

from counterpoise.backbones.base import Batch, Network
from counterpoise.losses.logit_adjustment import LogitAdjustedLoss
from counterpoise.methods.base import Data
from counterpoise.methods.gradient import GradientMethod
from counterpoise.search_space import Range, Space
from counterpoise.training.settings import TrainingState


class LogitAdjustment(GradientMethod):
    """Train with logit-adjusted cross-entropy; ``tau = 1`` equals the balanced softmax.

    Parameters
    ----------
    tau : float, default=1.0
        Strength; 1 is consistent for the balanced error, 0 is plain training.
    """

    search_space: ClassVar[Space] = {"tau": Range(0.25, 2.0)}
    summary = "the loss adds the log prior, so that the logits are balanced (Menon et al. 2021)"

    def __init__(self, *, tau: float = 1.0) -> None:
        self.tau = tau

    def loss(self, model: Network, batch: Batch, state: TrainingState) -> Tensor:
        """Logit-adjusted cross-entropy ``(B,)``."""
        return LogitAdjustedLoss(state.class_mass, self.tau)(model(batch), batch.labels)

    def training_prior(self, data: Data) -> np.ndarray:
        """The prior that is left in the logits: ``prior ** (1 - tau)``, all classes alike for ``tau = 1``."""
        left = data.class_mass() ** (1 - self.tau)
        return left / left.sum()
