"""Supervised contrastive loss: rows of a class are each other's positives, all others are told apart (Khosla 2020).

Khosla, Teterwak, Wang, Sarna, Tian, Isola, Maschinot, Liu and Krishnan, "Supervised Contrastive Learning", NeurIPS
2020, equation 2 (the form with the sum outside the logarithm).

>>> import torch
>>> loss = SupervisedContrastiveLoss(temperature=1.0)
>>> loss(torch.eye(3), torch.tensor([0, 0, 1]))  # all at right angles: one of two candidates; the last has no positive
tensor([0.6931, 0.6931, 0.0000])
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from counterpoise.losses.checks import check_positive


class SupervisedContrastiveLoss(nn.Module):
    """Minus the mean log-probability of an anchor's positives among all that it is compared with.

    An anchor is compared with every other row of the batch and with further targets where some are given; positives
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
        If ``temperature`` is not finite and above 0.
    """

    def __init__(self, temperature: float = 0.1, *, class_averaged: bool = False) -> None:
        super().__init__()
        check_positive("a contrastive loss", temperature=temperature)
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
        n_classes: int | None = None,
    ) -> Tensor:
        """Loss of each row as an anchor.

        Parameters
        ----------
        features : Tensor of shape (M, d)
            Of any length; brought to length 1 here.
        labels : Tensor of int64, shape (M,)
            Class numbers.
        targets : Tensor of shape (T, d) or None, default=None
            Further candidates that are no anchors, such as prototypes or features of past batches.
        target_labels : Tensor of int64, shape (T,), or None, default=None
            Their class numbers; given with ``targets``. -1 is a class of its own that no anchor is of.
        positives : Tensor of bool, shape (M, M) or None, default=None
            Which rows are positives of which anchor; by default all others of its label.
        counts : Tensor of shape (M,) or None, default=None
            What each row counts as a candidate, as if it were there so many times; targets count 1.
        weights : Tensor of shape (M,) or None, default=None
            What the result is multiplied by.
        n_classes : int or None, default=None
            How many classes there are, which ``class_averaged`` has to know; None looks it up, for which a GPU has to
            be waited for.

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
            candidates, kinds = anchors, labels
            amounts = torch.ones_like(anchors[:, 0]) if counts is None else counts.to(exact)
            wanted = labels[:, None] == labels if positives is None else positives
            if targets is not None and target_labels is not None:
                candidates = torch.cat([anchors, functional.normalize(targets.to(exact), dim=1)])
                kinds = torch.cat([labels, target_labels])
                amounts = torch.cat([amounts, amounts.new_ones(len(targets))])
                wanted = torch.cat([wanted, labels[:, None] == target_labels], dim=1)
            own = torch.eye(len(labels), len(kinds), dtype=torch.bool, device=labels.device)
            losses = self.of_cosines(
                anchors @ candidates.T, amounts.masked_fill(own, 0), wanted, kinds.expand_as(own), n_classes
            )
        return losses if weights is None else losses * weights

    def of_cosines(
        self,
        cosines: Tensor,
        counts: Tensor,
        positives: Tensor,
        kinds: Tensor | None = None,
        n_classes: int | None = None,
    ) -> Tensor:
        """Loss of each anchor from its cosines with whatever it is compared with.

        Parameters
        ----------
        cosines : Tensor of floating type, shape (M, N)
        counts : Tensor of shape (M, N)
            What each candidate counts; 0 leaves it out, as an anchor itself has to be.
        positives : Tensor of bool, shape (M, N)
        kinds : Tensor of int64, shape (M, N) or None, default=None
            Class numbers of the candidates, -1 or more, which ``class_averaged`` needs.
        n_classes : int or None, default=None
            As for :meth:`forward`.

        Returns
        -------
        Tensor of shape (M,)

        Raises
        ------
        ValueError
            Without ``kinds`` where ``class_averaged`` needs them.
        """
        if self.class_averaged and kinds is None:
            raise ValueError(
                "class_averaged averages within classes; give kinds, the candidates' class numbers"
            )
        scores = cosines / self.temperature
        shares = counts
        if kinds is not None and self.class_averaged:
            shares = counts / _of_class(counts, kinds, n_classes)
        # Left out is whatever counts 0, the anchor itself above all. Not by -inf, which would make a gradient of NaN
        # where nothing is left.
        lowest = torch.finfo(scores.dtype).min
        amounts = (scores + shares.clamp_min(torch.finfo(scores.dtype).tiny).log()).masked_fill(
            counts == 0, lowest
        )
        chosen = positives * counts
        total = chosen.sum(dim=1)
        surprise = torch.where(chosen > 0, torch.logsumexp(amounts, dim=1)[:, None] - scores, 0.0)
        return (chosen * surprise).sum(dim=1) / torch.where(total > 0, total, 1.0)


def _of_class(counts: Tensor, kinds: Tensor, n_classes: int | None) -> Tensor:
    """How much of its class each candidate of each anchor is compared with in all, ``(M, N)``; 1 where nothing is."""
    numbers = kinds + 1  # the class -1 is one too
    n_numbers = int(numbers.max()) + 1 if n_classes is None else n_classes + 1
    totals = counts.new_zeros(len(counts), n_numbers).scatter_add_(1, numbers, counts)
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
        if not fits or targets.shape[-1] != features.shape[1] or targets.dim() != 2:
            raise ValueError(
                f"targets have shape {tuple(targets.shape)} and target_labels are {target_labels.dtype} of shape "
                f"{tuple(target_labels.shape)}; give (T, {features.shape[1]}), and (T,) of int64"
            )
