"""Focal loss as a method: the many easy majority rows lose their say (Lin et al. 2017, equation 4)."""

from typing import ClassVar

from torch import Tensor

from counterpoise.backbones.base import Batch, Network
from counterpoise.errors import SettingsError
from counterpoise.losses.focal import FocalLoss
from counterpoise.methods.gradient import GradientMethod
from counterpoise.search_space import Range, Space
from counterpoise.training.settings import TrainingState


class Focal(GradientMethod):
    """Train with focal loss; see :class:`counterpoise.losses.focal.FocalLoss`.

    Focal loss is no proper scoring rule: its probabilities lean towards 0.5, and no shift of the prior mends
    that. The tuned threshold does.

    Parameters
    ----------
    gamma : float, default=2.0
        How fast the weight of well-classified rows falls; 0 is plain training.
    """

    search_space: ClassVar[Space] = {"gamma": Range(0.5, 5.0)}
    summary = "easy rows count less in the loss (Lin et al. 2017)"

    def __init__(self, *, gamma: float = 2.0) -> None:
        self.gamma = gamma

    def check(self) -> None:
        """Refuse a negative gamma."""
        if not self.gamma >= 0:
            raise SettingsError(f"gamma is {self.gamma!r}; focal needs 0 or more")

    def loss(self, model: Network, batch: Batch, state: TrainingState) -> Tensor:
        """Focal loss ``(B,)``."""
        return FocalLoss(self.gamma)(model(batch).float(), batch.labels)
