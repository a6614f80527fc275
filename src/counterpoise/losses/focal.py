"""Focal loss: easy examples, of which the majority has many, count less (Lin et al. 2017).

Lin, Goyal, Girshick, He and Dollár, "Focal Loss for Dense Object Detection", ICCV 2017, section 3.2, equation 4.

>>> import torch
>>> FocalLoss(gamma=0.0)(torch.zeros(1, 2), torch.tensor([1]))  # gamma 0 is cross-entropy
tensor([0.6931])
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from counterpoise.losses.checks import check_classes, check_not_negative, check_targets, check_weights


class FocalLoss(nn.Module):
    """``-(1 - p_t)^gamma log p_t`` with ``p_t`` the probability of the true class.

    With soft targets ``y`` each class is the true one to its share: ``-sum_c y_c (1 - p_c)^gamma log p_c``.

    Parameters
    ----------
    gamma : float, default=2.0
        How fast the weight of well-classified examples falls; 0 is cross-entropy, 2 the paper's choice.
    alpha : Tensor of shape (C,) or None, default=None
        A weight of 0 or more for each class; the paper's ``alpha_t``. None weights all classes 1.

    Raises
    ------
    ValueError
        If ``gamma`` is negative or no finite number, or ``alpha`` no such number a class.
    """

    alpha: Tensor | None

    def __init__(self, gamma: float = 2.0, alpha: Tensor | None = None) -> None:
        super().__init__()
        check_not_negative("focal loss", gamma=gamma)
        if alpha is not None:
            check_weights("alpha", alpha)
        self.gamma = gamma
        self.register_buffer("alpha", alpha)

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
            Finite for any finite logits.

        Raises
        ------
        ValueError
            If ``alpha`` is of another number of classes, and from
            :func:`counterpoise.losses.checks.check_targets`.
        """
        check_targets(logits, targets)
        if self.alpha is not None:
            check_classes(logits, "alpha", self.alpha)
        log_p = functional.log_softmax(logits, dim=-1)
        soft = targets.is_floating_point()
        if not soft:
            log_p = log_p.gather(1, targets[:, None])
        # The floor keeps the gradient of the power finite at p_t = 1, where the loss is 0 anyway.
        miss = (-torch.expm1(log_p)).clamp_min(torch.finfo(logits.dtype).tiny)
        loss = -(miss**self.gamma) * log_p
        if soft:
            loss = loss * targets
        if self.alpha is not None:
            loss = loss * (self.alpha if soft else self.alpha[targets][:, None])
        return loss.sum(dim=1)
