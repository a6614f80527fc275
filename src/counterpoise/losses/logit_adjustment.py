"""Logit adjustment: train against the prior, or divide it out afterwards (Menon et al. 2021).

Menon, Jayasumana, Rawat, Jain, Veit and Kumar, "Long-tail learning via logit adjustment", ICLR 2021: the loss is
equation 10, which with ``tau = 1`` equals the balanced softmax of Ren et al. (NeurIPS 2020); equation 9 adjusts logits
that were trained plainly.

>>> import torch
>>> LogitAdjustedLoss(torch.tensor([0.9, 0.1]))(torch.zeros(1, 2), torch.tensor([1]))  # -log 0.1
tensor([2.3026])
>>> adjusted_logits(torch.zeros(2), torch.tensor([0.9, 0.1])).softmax(dim=0)
tensor([0.1000, 0.9000])
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
        self.register_buffer("offset", _offset(prior, tau))

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


def adjusted_logits(logits: Tensor, prior: Tensor, tau: float = 1.0) -> Tensor:
    """``logits - tau * log prior``: what plainly trained logits become for classes that are alike frequent.

    Parameters
    ----------
    logits : Tensor of shape (..., C)
        Of a model trained by cross-entropy under ``prior``; or its head's bias, which adjusts all its logits at once.
    prior : Tensor of shape (C,)
        Class shares of the training data, or counts; all must be above 0.
    tau : float, default=1.0
        Strength, of 0 or more; 1 is consistent for the balanced error, 0 leaves the logits as they are.

    Returns
    -------
    Tensor of shape (..., C)

    Raises
    ------
    ValueError
        If a share is not above 0, or ``tau`` negative, or one of them is not finite; for a prior of another number of
        classes.
    """
    offset = _offset(prior, tau)
    check_classes(logits, "prior", offset)
    return logits - offset


def _offset(prior: Tensor, tau: float) -> Tensor:
    check_prior(prior)
    check_not_negative("logit adjustment", tau=tau)
    return tau * torch.log(prior / prior.sum())
