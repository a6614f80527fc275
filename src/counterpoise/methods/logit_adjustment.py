"""Logit adjustment as a method: train against the prior, or divide it out afterwards (Menon et al. 2021)."""

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from counterpoise.backbones.base import Batch, Network
from counterpoise.backbones.registry import Encoder
from counterpoise.losses.logit_adjustment import LogitAdjustedLoss, adjusted_logits
from counterpoise.methods.base import Context, Data
from counterpoise.methods.gradient import GradientMethod
from counterpoise.methods.setting_checks import check_flag, check_not_negative
from counterpoise.search_space import Choice, Range, Space
from counterpoise.training.settings import TrainingState


class LogitAdjustment(GradientMethod):
    """Train with logit-adjusted cross-entropy; ``tau = 1`` equals the balanced softmax.

    Either way the logits are those of classes that are (for ``tau = 1``) alike frequent. The prior correction of the
    classifiers takes that back from the probabilities: with it, a post-hoc adjustment gives those of plain training.

    Parameters
    ----------
    tau : float, default=1.0
        Strength, of 0 or more; 1 is consistent for the balanced error, 0 is plain training.
    post_hoc : bool, default=False
        True trains plainly and then subtracts ``tau`` times the log prior from the logits, False adds it to them in the
        loss (the paper's equation 10), which also changes what is learnt.

    Raises
    ------
    SettingsError
        From ``check``, if ``tau`` is no finite number or below 0, where it would favour the common classes, or
        ``post_hoc`` no bool.
    """

    search_space: ClassVar[Space] = {"tau": Range(0.25, 2.0), "post_hoc": Choice((False, True))}
    summary = "the loss adds the log prior, so that the logits are balanced"
    paper = "Menon et al. 2021"
    soft_targets = True

    def __init__(self, *, tau: float = 1.0, post_hoc: bool = False) -> None:
        self.tau = tau
        self.post_hoc = post_hoc

    def check(self) -> None:
        """Refuse settings out of range."""
        check_not_negative("logit_adjustment", tau=self.tau)
        check_flag("logit_adjustment", post_hoc=self.post_hoc)

    def loss(self, model: Network, batch: Batch, state: TrainingState) -> Tensor:
        """Logit-adjusted cross-entropy ``(B,)``, or plain cross-entropy."""
        if self.post_hoc:
            return super().loss(model, batch, state)
        return LogitAdjustedLoss(state.class_shares, self.tau)(model(batch), batch.labels)

    @torch.no_grad()
    def finish(self, model: Network, data: Data, encoder: Encoder, context: Context) -> None:
        """Take the prior out of the head's bias where the loss has not, so that a saved model has it out too."""
        if self.post_hoc:
            nothing = torch.zeros(data.n_classes, dtype=torch.float64)
            change = adjusted_logits(nothing, torch.from_numpy(data.class_shares()), self.tau)
            model.head.bias.add_(change.to(model.head.bias))

    def training_prior(self, data: Data) -> np.ndarray:
        """The prior that is left in the logits: ``prior ** (1 - tau)`` times class weights, alike for ``tau = 1``."""
        left = data.class_shares() ** (1 - self.tau) * data.class_factors()
        return left / left.sum()
