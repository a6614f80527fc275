"""Contrastive targets built for each class alike: hard ones mixed in pairs, simple ones drawn as they are (SharpReCL).

Li, Liu, Giunchiglia, Li, Feng and Guan, "Simple-Sampling and Hard-Mixup with Prototypes to Rebalance Contrastive
Learning for Text Classification", arXiv 2405.11524. The paper's own formulas could not be had; this is what the
authors' code (KEAML-JLU/SharpReCL) does, without its loop over classes, and without ever making the targets: what is
needed of them are cosines, which follow from those of the members that they are mixed of.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from counterpoise.mixing.mixup import symmetric_beta


class BuiltTargets(NamedTuple):
    """For each class as many positives and as many negatives, each ``a x_1 + (1 - a) x_2`` brought to length 1.

    Attributes
    ----------
    first, second : Tensor of int64, shape (C, T)
        Members of the pool that a target is mixed of; numbers from ``M`` on stand for the classes' prototypes. For each
        class positives, hard ones first, then negatives, hard ones first.
    weight : Tensor of float32, shape (C, T)
        Of the first; 1 where nothing is mixed.
    n_positives : int
    """

    first: Tensor
    second: Tensor
    weight: Tensor
    n_positives: int

    def cosines(self, gram: Tensor, labels: Tensor) -> Tensor:
        """Cosines of anchors with the targets of their own class.

        Parameters
        ----------
        gram : Tensor of floating type, shape (M, M + C) or, where prototypes are members, (M, M)
            Cosines of the anchors, which are the pool, with the pool and behind it the prototypes; and so that row
            ``i`` is of what member ``i`` is.
        labels : Tensor of int64, shape (M,)

        Returns
        -------
        Tensor of shape (M, T)
        """
        weight = self.weight.to(gram.dtype)
        first, second = self.first[labels], self.second[labels]
        mixed = weight[labels] * gram.gather(1, first) + (1 - weight[labels]) * gram.gather(1, second)
        return mixed / self.lengths(gram)[labels]

    def lengths(self, gram: Tensor) -> Tensor:
        """Lengths ``(C, T)`` of the targets before they are brought to 1; 1e-6 where opposite members make 0."""
        weight = self.weight.to(gram.dtype)
        # Where prototypes stand behind the pool they are never mixed with members, and the pair is one and the same.
        within = self.first < len(gram)
        between = gram[self.first.clamp_max(len(gram) - 1), self.second.clamp_max(gram.shape[1] - 1)]
        product = torch.where(within, between, 1.0)
        square = weight**2 + (1 - weight) ** 2 + 2 * weight * (1 - weight) * product
        return square.clamp_min(1e-12).sqrt()


def hard_targets(
    likeness: Tensor,
    labels: Tensor,
    generator: torch.Generator,
    *,
    counts: Tensor | None = None,
    n_positives: int = 20,
    n_negatives: int = 60,
    candidates: int = 20,
    hard_share: float = 0.5,
    alpha: float = 0.5,
) -> BuiltTargets:
    """Build as many positives and as many negatives for each class, however many members it has.

    The positives of a class are built from its members, the negatives from all others. A share of either is hard: two
    of the ``candidates`` members least like the class's prototype (positives) or most like it (negatives) are drawn
    and mixed by ``a`` from ``Beta(alpha, alpha)`` for each pair. The rest is simple: members drawn from all, as they
    are. All draws are with replacement, each member by what it counts.

    Parameters
    ----------
    likeness : Tensor of floating type, shape (C, M)
        Cosines of the classes' prototypes with the members of the pool; no gradient goes through the choice. A class
        that the pool has no member of has its prototype for positives, and where all members are of one class the
        negatives of that class are other prototypes.
    labels : Tensor of int64, shape (M,)
        Class numbers of the members.
    generator : torch.Generator
        On the device of the labels; all is drawn from it.
    counts : Tensor of shape (M,), optional
        What each member counts in the draws, as if it were there so many times; 1 each by default. One that counts 0
        is as if it were not there.
    n_positives, n_negatives : int, default=20 and 60
        Targets of each class; 0 builds none.
    candidates : int, default=20
        Members that hard targets are made of; all there are where they are fewer.
    hard_share : float, default=0.5
        From 0 to 1; the hard targets' number is rounded down.
    alpha : float, default=0.5
        0 mixes nothing: the first of each pair is taken.

    Returns
    -------
    BuiltTargets
    """
    n_classes, n_members = likeness.shape
    device = labels.device
    numbers = torch.arange(n_classes, device=device)
    amounts = torch.ones_like(likeness[0]) if counts is None else counts.to(likeness.dtype)
    member = labels == numbers[:, None]
    shape = (n_classes, n_negatives)
    others = (
        numbers[:, None] + torch.randint(1, n_classes, shape, generator=generator, device=device)
    ) % n_classes
    few = min(candidates, n_members)
    first, second, weights = [], [], []
    for taken, hardness, count, instead in (
        (member, -likeness, n_positives, numbers[:, None].expand(-1, n_positives)),
        (~member, likeness, n_negatives, others),
    ):
        n_hard = int(hard_share * count)
        instead = n_members + instead
        counted = taken * amounts
        hardest = hardness.detach().masked_fill(counted == 0, -torch.inf).topk(few, dim=1).indices
        hard = _Ranked(hardest, counted.gather(1, hardest))
        simple = _Ranked(numbers.new_zeros(0), counted)
        one = hard.draw(instead[:, :n_hard], generator)
        first += [one, simple.draw(instead[:, n_hard:], generator)]
        second += [hard.draw(instead[:, :n_hard], generator) if alpha else one, first[-1]]
        ones = torch.ones_like(first[-1], dtype=torch.float32)
        drawn = (
            symmetric_beta(alpha, generator, (n_classes, n_hard))
            if alpha
            else torch.ones_like(one, dtype=torch.float32)
        )
        weights += [drawn, ones]
    return BuiltTargets(torch.cat(first, 1), torch.cat(second, 1), torch.cat(weights, 1), n_positives)


class _Ranked:
    """Members of each class to draw from, in proportion to what they count.

    Parameters
    ----------
    members : Tensor of int64, shape (C, K), or of no elements
        None of them stands for all members in their order.
    counts : Tensor of floating type, shape (C, K)
        0 for what is no member.
    """

    def __init__(self, members: Tensor, counts: Tensor) -> None:
        self.members = members
        self.ends = counts.cumsum(dim=1)

    def draw(self, instead: Tensor, generator: torch.Generator) -> Tensor:
        """Draw as many as ``instead`` has, ``(C, n)``; where there are no members take those instead."""
        total = self.ends[:, -1:]
        points = torch.rand(instead.shape, generator=generator, device=instead.device) * total
        # Sums may be rounded: the last member that counts is where they end, wherever a point falls.
        last = (self.ends < total).sum(dim=1, keepdim=True)
        places = torch.minimum(torch.searchsorted(self.ends, points.contiguous(), right=True), last)
        drawn = self.members.gather(1, places) if self.members.numel() else places
        return torch.where(total > 0, drawn, instead)
