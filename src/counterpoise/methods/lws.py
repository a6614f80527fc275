"""LWS, learnable weight scaling: plain training, then one scale a class with all classes alike (Kang et al. 2020).

Kang, Xie, Rohrbach, Yan, Gordo, Feng and Kalantidis, "Decoupling Representation and Classifier for Long-Tailed
Recognition", ICLR 2020, section 4, "Learnable weight scaling"; as in the authors' code the scale multiplies the
whole logit, bias included.
"""

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from counterpoise.backbones.base import Network
from counterpoise.backbones.registry import Encoder
from counterpoise.methods.balanced_batches import BalancedBatches
from counterpoise.methods.balanced_stage import train_head
from counterpoise.methods.base import Context, Data
from counterpoise.methods.gradient import GradientMethod
from counterpoise.methods.setting_checks import check_positive, check_whole
from counterpoise.search_space import Range, Space


class ScaledHead(nn.Linear):
    """A trained head, frozen, under one learnt scale a class.

    Parameters
    ----------
    head : nn.Linear
        Shared, not copied; it is not changed before :meth:`fold`.
    """

    def __init__(self, head: nn.Linear) -> None:
        # On the meta device no weights are drawn, which would advance torch's global generator for nothing.
        super().__init__(head.in_features, head.out_features, device="meta")
        self.weight = nn.Parameter(head.weight.detach(), requires_grad=False)
        self.bias = nn.Parameter(head.bias.detach(), requires_grad=False)
        self.scales = nn.Parameter(torch.ones_like(head.bias))

    def forward(self, input: Tensor) -> Tensor:
        """Logits ``(B, C)`` of representations ``(B, d)``: those of the head, each class's times its scale."""
        return self.scales * super().forward(input)

    @torch.no_grad()
    def fold(self) -> None:
        """Multiply the scales into the head's own weights, in place."""
        self.weight.mul_(self.scales[:, None])
        self.bias.mul_(self.scales)
        self.scales.fill_(1)


class LWS(GradientMethod):
    """Train plainly, freeze backbone and head, and learn how much each class's logit counts.

    The second stage learns with batches of all classes alike and under the dropout that the head was trained
    with, so that nothing but the equal shares moves the scales away from 1. A scale above 0 keeps a logit's sign:
    where a class has a logit below 0 and the largest one is above 0, no scale brings it to the front, as a new
    head (cRT) could.

    Parameters
    ----------
    head_epochs : int, default=5
        Epochs of the second stage, each of as many steps as one of plain training (the authors' 5).
    scale_learning_rate : float, default=0.02
        Of Adam, in the second stage. A scale starts at 1 and Adam moves a number by about its rate a step: at the
        rate that suits the small weights of a head it would hardly move.

    Raises
    ------
    SettingsError
        From ``check``, if ``head_epochs`` is no int of 1 or more or the rate not above 0.
    """

    search_space: ClassVar[Space] = {"scale_learning_rate": Range(0.002, 0.2, log=True)}
    summary = "plain training, then one scale a class with all classes alike (LWS)"
    paper = "Kang et al. 2020"

    def __init__(self, *, head_epochs: int = 5, scale_learning_rate: float = 0.02) -> None:
        self.head_epochs = head_epochs
        self.scale_learning_rate = scale_learning_rate

    def check(self) -> None:
        """Refuse settings out of range."""
        check_whole("lws", head_epochs=self.head_epochs)
        check_positive("lws", scale_learning_rate=self.scale_learning_rate)

    def finish(self, model: Network, data: Data, encoder: Encoder, context: Context) -> None:
        """Learn the scales, and multiply them into the head."""
        scaled = ScaledHead(model.head)
        train_head(
            scaled, model, data, encoder, context, self.head_epochs, learning_rate=self.scale_learning_rate
        )
        scaled.fold()

    def training_prior(self, data: Data) -> np.ndarray:
        """All classes alike, but for the rows' own weights: what the scales were learnt under."""
        return BalancedBatches().training_prior(data)
