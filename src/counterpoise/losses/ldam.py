"""Label-distribution-aware margins: the rarer a class, the further its examples must be inside (Cao et al. 2019).

Cao, Wei, Gaidon, Arechiga and Ma, "Learning Imbalanced Datasets with Label-Distribution-Aware Margin Loss", NeurIPS
2019, section 3.2. It is meant for cosines of normalised features and class vectors, and scales them itself.

>>> import torch
>>> LDAMLoss(torch.tensor([0.5, 0.5]), max_margin=0.0, scale=1.0)(torch.zeros(1, 2), torch.tensor([1]))
tensor([0.6931])
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from counterpoise.losses.checks import (
    check_classes,
    check_not_negative,
    check_positive,
    check_prior,
    check_targets,
)

SCALE = 30.0
"""That of the authors' code: without it no probability could come near 1."""


class LDAMLoss(nn.Module):
    """Cross-entropy of ``scale * (cosine - margin of the true class)``, the margins falling as ``n ** -1/4``.

    Parameters
    ----------
    prior : Tensor of shape (C,)
        Class shares or counts of the training data, all above 0; the scale does not matter.
    max_margin : float, default=0.5
        Margin of the rarest class; the paper's choice. 0 is cross-entropy of scaled cosines.
    scale : float, default=30.0
        What cosines, which lie within -1 and 1, are multiplied by; see :data:`SCALE`.

    Raises
    ------
    ValueError
        If a share is not above 0, ``max_margin`` is negative, ``scale`` is not above 0, or one of them is not finite.
    """

    margins: Tensor

    def __init__(self, prior: Tensor, max_margin: float = 0.5, scale: float = SCALE) -> None:
        super().__init__()
        check_prior(prior)
        check_not_negative("LDAM", max_margin=max_margin)
        check_positive("LDAM", scale=scale)
        self.register_buffer("margins", max_margin * (prior / prior.min()) ** -0.25)
        self.scale = scale

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Loss of each example.

        Parameters
        ----------
        logits : Tensor of shape (B, C)
            Cosines, not yet scaled.
        targets : Tensor of int64, shape (B,)
            Class numbers. A margin belongs to one true class, so soft targets are not defined.

        Returns
        -------
        Tensor of shape (B,)

        Raises
        ------
        ValueError
            For soft targets, a prior of another number of classes, and from
            :func:`counterpoise.losses.checks.check_targets`.
        """
        check_targets(logits, targets)
        if targets.is_floating_point():
            raise ValueError("LDAM has a margin for one true class and no soft targets; give class numbers")
        check_classes(logits, "prior", self.margins)
        inside = functional.one_hot(targets, logits.shape[1]) * self.margins
        return functional.cross_entropy(self.scale * (logits - inside), targets, reduction="none")
