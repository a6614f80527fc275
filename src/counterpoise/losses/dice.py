"""Self-adjusting Dice loss: a soft F1 of each example, in which easy ones count less (Li et al. 2020).

Li, Sun, Meng, Liang, Wu and Li, "Dice Loss for Data-imbalanced NLP Tasks", ACL 2020, arXiv 1911.02855, the section on
self-adjusting Dice loss; with more than one class, every class against the rest, as in the authors' code.

>>> import torch
>>> plain = DiceLoss(alpha=0.0, denominator="linear")  # 1 - (2p + 1) / (p + 2) + 1 - 1 / (p + 1) at p = 1/2
>>> plain(torch.zeros(1, 2), torch.tensor([1]))
tensor([0.5333])
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from counterpoise.losses.checks import check_not_negative, check_positive, check_targets

DENOMINATORS = ("square", "linear")


class DiceLoss(nn.Module):
    """``sum_c 1 - (2 u_c y_c + s) / (u_c^2 + y_c^2 + s)`` with ``u = (1 - p)^alpha p`` and ``s`` the smoothing.

    What theory says of its ends:

    - ``alpha = 0`` is the plain Dice loss, ``u = p``.
    - With a large smoothing the loss times ``s`` becomes, at ``alpha = 0``, the Brier score ``sum_c (p_c - y_c)^2``
      for the square denominator, and for the linear one ``sum_c |p_c - y_c|`` (class numbers as targets).
    - For ``alpha`` above 0 the part of the true class is smallest at ``p = 1 / (1 + alpha)``, not at 1: that is how
      easy examples stop to count. With two classes and ``alpha = 1`` both classes have the same ``u``, so that the loss
      no longer depends on the label at all, and above 1 it prefers the wrong class. Keep ``alpha`` below 1 there.

    Parameters
    ----------
    alpha : float, default=0.5
        How fast the weight ``(1 - p)^alpha`` of easy examples falls. 0 is plain Dice. 0.5 lets an example go at
        ``p = 2/3``, before the softmax saturates, where a bounded loss no longer moves what was pushed to the wrong
        side; the authors' scripts, which fine-tune BERT, use 0.01.
    smoothing : float, default=1.0
        The paper's gamma. Without it a class that is absent would teach nothing; 1 is what the authors' scripts use.
    denominator : {"square", "linear"}, default="square"
        ``u^2 + y^2 + s`` as in the paper's account of Milletari et al. (2016) and in the authors' scripts, or
        ``u + y + s`` as the paper writes the self-adjusting loss. With squares an example that is nearly right pulls
        ever less; without, the many of the majority go on pulling as hard as the few of a rare class, which may then
        never be found.

    Raises
    ------
    ValueError
        If ``alpha`` is negative, ``smoothing`` not above 0, one of them not finite, or the denominator is another.
    """

    def __init__(self, alpha: float = 0.5, smoothing: float = 1.0, denominator: str = "square") -> None:
        super().__init__()
        check_not_negative("dice loss", alpha=alpha)
        check_positive("dice loss", smoothing=smoothing)
        if denominator not in DENOMINATORS:
            raise ValueError(f"denominator is {denominator!r}; choose one of {', '.join(DENOMINATORS)}")
        self.alpha, self.smoothing, self.denominator = alpha, smoothing, denominator

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Loss of each example.

        Parameters
        ----------
        logits : Tensor of shape (B, C)
        targets : Tensor
            Class numbers ``(B,)`` of int64, or soft targets ``(B, C)``, of which the formula holds as it stands.

        Returns
        -------
        Tensor of shape (B,)
            Finite for any finite logits.

        Raises
        ------
        ValueError
            From :func:`counterpoise.losses.checks.check_targets`.
        """
        check_targets(logits, targets)
        y = targets if targets.is_floating_point() else functional.one_hot(targets, logits.shape[1])
        p = functional.softmax(logits, dim=-1)
        # The floor keeps the gradient of the power finite where no other class is left.
        u = _sum_of_others(p).clamp_min(torch.finfo(p.dtype).tiny) ** self.alpha * p
        # One minus the fraction, over the common denominator: no difference of nearly equal numbers.
        if self.denominator == "square":
            parts = (u - y) ** 2 / (u**2 + y**2 + self.smoothing)
        else:
            parts = (u + y - 2 * u * y) / (u + y + self.smoothing)
        return parts.sum(dim=1)


def _sum_of_others(p: Tensor) -> Tensor:
    """``1 - p`` as a sum of the other probabilities, which keeps its digits and its gradient's near ``p = 1``."""
    before = functional.pad(p, (1, 0)).cumsum(dim=1)[:, :-1]
    after = functional.pad(p.flip(1), (1, 0)).cumsum(dim=1)[:, :-1].flip(1)
    return before + after
