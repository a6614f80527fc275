"""Supervised contrastive loss: rows of a class are each other's positives, all others are told apart (Khosla 2020).

Khosla, Teterwak, Wang, Sarna, Tian, Isola, Maschinot, Liu and Krishnan, "Supervised Contrastive Learning", NeurIPS
2020, equation 2 (the form with the sum outside the logarithm).

>>> import torch
>>> loss = SupervisedContrastiveLoss(temperature=1.0)
>>> loss(torch.eye(3), torch.tensor([0, 0, 1]))  # all at right angles: one of two candidates; the last has no positive
tensor([0.6931, 0.6931, 0.0000])
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class SupervisedContrastiveLoss(nn.Module):
    """Minus the mean log-probability of an anchor's positives among all that it is compared with.

    An anchor is compared with every other row of the batch and with the further targets that it is given; positives
    are those with its label. The probability of a candidate is its share of ``exp(cosine / temperature)``.

    Parameters
    ----------
    temperature : float, default=0.1
        What cosines are divided by (the paper's choice, section 4.4): the lower, the more the nearest candidates count.
    class_averaged : bool, default=False
        Whether the exponentials are averaged within each class before they are summed over the classes, so that a
        large class holds an anchor off no more than a small one (Zhu et al. 2022, equation 6).

    Raises
    ------
    ValueError
        If ``temperature`` is not above 0.
    """

    def __init__(self, temperature: float = 0.1, *, class_averaged: bool = False) -> None:
        super().__init__()
        if not 0 < temperature < math.inf:
            raise ValueError(f"temperature is {temperature!r}; give a number above 0")
        self.temperature = temperature
        self.class_averaged = class_averaged

    def forward(
        self,
        features: Tensor,
        labels: Tensor,
        *,
        targets: Tensor | None = None,
        target_labels: Tensor | None = None,
        positives: Tensor | None = None,
        counts: Tensor | None = None,
        weights: Tensor | None = None,
    ) -> Tensor:
        """Loss of each row as an anchor.

        Parameters
        ----------
        features : Tensor of shape (M, d)
            Of any length; brought to length 1 here.
        labels : Tensor of int64, shape (M,)
            Class numbers.
        targets : Tensor of shape (T, d) or (C, T, d), optional
            Further candidates that are no anchors: one set for all anchors (features of past batches), or for each
            class a set that anchors of that class alone are compared with.
        target_labels : Tensor of int64, shape (T,) or (C, T)
            Their class numbers; given with ``targets``. -1 is a class of its own that no anchor is of.
        positives : Tensor of bool, shape (M, M), optional
            Which rows are positives of which anchor; by default all others of its label.
        counts : Tensor of shape (M,), optional
            What each row counts as a candidate, as if it were there so many times; targets count 1.
        weights : Tensor of shape (M,), optional
            What the result is multiplied by.

        Returns
        -------
        Tensor of shape (M,)
            In float32 at least. An anchor without positives has a loss of 0, with a gradient of 0.

        Raises
        ------
        ValueError
            For labels that are no class numbers, and targets without labels of their shape.
        """
        _check(features, labels, targets, target_labels)
        # Not in bfloat16, where cosines near 1 are all one.
        exact = torch.promote_types(features.dtype, torch.float32)
        with torch.autocast(features.device.type, enabled=False):
            anchors = functional.normalize(features.to(exact), dim=1)
            scores = anchors @ anchors.T
            seen = ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
            there = seen.to(exact) if counts is None else seen * counts.to(exact)
            same = labels[:, None] == labels
            wanted = same if positives is None else positives
            kinds = labels.expand(len(labels), -1)
            if targets is not None and target_labels is not None:
                added, their = _compared(anchors, labels, targets.to(exact), target_labels)
                scores = torch.cat([scores, added], dim=1)
                there = torch.cat([there, torch.ones_like(added)], dim=1)
                wanted = torch.cat([wanted, labels[:, None] == their], dim=1)
                kinds = torch.cat([kinds, their], dim=1)
            scores = scores / self.temperature
            shares = there / _of_class(there, kinds) if self.class_averaged else there
            # Left out is whatever is there 0 times, the anchor itself above all. Not by -inf, which would make a
            # gradient of NaN where nothing is left.
            lowest = torch.finfo(exact).min
            amounts = (scores + shares.clamp_min(torch.finfo(exact).tiny).log()).masked_fill(
                there == 0, lowest
            )
            chosen = wanted * there
            total = chosen.sum(dim=1)
            surprise = torch.where(chosen > 0, torch.logsumexp(amounts, dim=1)[:, None] - scores, 0.0)
            losses = (chosen * surprise).sum(dim=1) / torch.where(total > 0, total, 1.0)
        return losses if weights is None else losses * weights


def _compared(
    anchors: Tensor, labels: Tensor, targets: Tensor, target_labels: Tensor
) -> tuple[Tensor, Tensor]:
    """Cosines and class numbers, both ``(M, T)``, of the further targets of each anchor."""
    targets = functional.normalize(targets, dim=-1)
    if targets.dim() == 2:
        return anchors @ targets.T, target_labels.expand(len(labels), -1)
    # index_select, since the backward pass of plain indexing adds row after row.
    own = targets.index_select(0, labels)
    return torch.bmm(own, anchors[:, :, None]).squeeze(2), target_labels[labels]


def _of_class(there: Tensor, kinds: Tensor) -> Tensor:
    """How much of its class each candidate of each anchor is compared with in all, ``(M, N)``; 1 where nothing is."""
    numbers = kinds + 1  # the class -1 is one too
    totals = there.new_zeros(len(there), int(numbers.max()) + 1).scatter_add_(1, numbers, there)
    found = totals.gather(1, numbers)
    return torch.where(found > 0, found, 1.0)


def _check(features: Tensor, labels: Tensor, targets: Tensor | None, target_labels: Tensor | None) -> None:
    if labels.dtype != torch.int64 or labels.shape != features.shape[:1]:
        raise ValueError(
            f"labels are {labels.dtype} of shape {tuple(labels.shape)}, but rows are of one class or of two; give "
            f"class numbers, int64 of shape {tuple(features.shape[:1])}"
        )
    if (targets is None) != (target_labels is None):
        raise ValueError("targets and target_labels come together; give both, or neither")
    if targets is not None and target_labels is not None:
        fits = target_labels.dtype == torch.int64 and target_labels.shape == targets.shape[:-1]
        if not fits or targets.shape[-1] != features.shape[1] or targets.dim() not in (2, 3):
            raise ValueError(
                f"targets have shape {tuple(targets.shape)} and target_labels are {target_labels.dtype} of shape "
                f"{tuple(target_labels.shape)}; give (T, {features.shape[1]}) or (C, T, {features.shape[1]}), and "
                "int64 of the same shape without its last axis"
            )
