"""Class-balanced loss: cross-entropy in which a class counts by the effective number of its samples (Cui et al. 2019).

Cui, Jia, Lin, Song and Belongie, "Class-Balanced Loss Based on Effective Number of Samples", CVPR 2019, section 4,
the class-balanced softmax cross-entropy. Class-balanced focal loss is :class:`counterpoise.losses.focal.FocalLoss` with
:func:`counterpoise.losses.effective_number.balanced_weights` for ``alpha``.

>>> import torch
>>> loss = ClassBalancedLoss(torch.tensor([3, 1]), beta=0.5)  # effective numbers 7/4 and 1: weights 16/19 and 28/19
>>> loss(torch.zeros(2, 2), torch.tensor([0, 1]))
tensor([0.5837, 1.0215])
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from counterpoise.losses.checks import check_classes, check_targets
from counterpoise.losses.effective_number import balanced_weights


class ClassBalancedLoss(nn.Module):
    """``-w_y log p_y``, a class weighing one over its effective number of samples, 1 on average over the samples.

    With soft targets ``y`` each class counts to its share: ``-sum_c y_c w_c log p_c``.

    Parameters
    ----------
    counts : Tensor of shape (C,)
        Samples of each class in the training data, all above 0; they may be sums of weights and need not be whole.
    beta : float, default=0.999
        From 0, which is cross-entropy, up to but not including 1, near which classes count by their inverse size. The
        paper chose among 0.9, 0.99, 0.999 and 0.9999 for each data set.

    Raises
    ------
    ValueError
        If a count is not finite and above 0, or ``beta`` out of range.
    """

    weights: Tensor

    def __init__(self, counts: Tensor, beta: float = 0.999) -> None:
        super().__init__()
        self.register_buffer("weights", balanced_weights(counts, beta))

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
            For counts of another number of classes, and from
            :func:`counterpoise.losses.checks.check_targets`.
        """
        check_targets(logits, targets)
        check_classes(logits, "counts", self.weights)
        weights = self.weights.to(logits.dtype)
        return functional.cross_entropy(logits, targets, weight=weights, reduction="none")
