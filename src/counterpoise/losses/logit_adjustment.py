"""Logit-adjusted cross-entropy: train against the prior, so that the logits are balanced (Menon et al. 2021).

Menon, Jayasumana, Rawat, Jain, Veit and Kumar, "Long-tail learning via logit adjustment", ICLR 2021,
equation 10; with ``tau = 1`` it equals the balanced softmax of Ren et al. (NeurIPS 2020).

>>> import torch
>>> LogitAdjustedLoss(torch.tensor([0.9, 0.1]))(torch.zeros(1, 2), torch.tensor([1]))  # -log 0.1
tensor([2.3026])
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from counterpoise.losses.checks import check_classes, check_not_negative, check_prior, check_targets


class LogitAdjustedLoss(nn.Module):
    """Cross-entropy of ``logits + tau * log prior``.

    Parameters
    ----------
    prior : Tensor of shape (C,)
        Class shares of the training data; all must be above 0.
    tau : float, default=1.0
        Strength, of 0 or more; 1 is consistent for the balanced error, 0 is cross-entropy. Below 0 the loss would
        favour the common classes.

    Raises
    ------
    ValueError
        If a share is not above 0, or ``tau`` negative, or one of them is not finite.
    """

    offset: Tensor

    def __init__(self, prior: Tensor, tau: float = 1.0) -> None:
        super().__init__()
        check_prior(prior)
        check_not_negative("logit adjustment", tau=tau)
        self.register_buffer("offset", tau * torch.log(prior / prior.sum()))

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Loss of each example.

        Parameters
        ----------
        logits : Tensor of shape (B, C)
        targets : Tensor
            Class numbers ``(B,)`` of int64, or soft targets ``(B, C)``.

        Returns
        -------
        Tensor of shape (B,)

        Raises
        ------
        ValueError
            For a prior of another number of classes, and from
            :func:`counterpoise.losses.checks.check_targets`.
        """
        check_targets(logits, targets)
        check_classes(logits, "prior", self.offset)
        return functional.cross_entropy(logits + self.offset, targets, reduction="none")
