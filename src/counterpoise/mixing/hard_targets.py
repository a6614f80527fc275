"""Contrastive targets built for each class alike: hard ones mixed in pairs, simple ones drawn as they are (SharpReCL).

Li, Liu, Giunchiglia, Li, Feng and Guan, "Simple-Sampling and Hard-Mixup with Prototypes to Rebalance Contrastive
Learning for Text Classification", arXiv 2405.11524. The paper's own formulas could not be had; this is what the
authors' code (KEAML-JLU/SharpReCL) does, without its loop over classes.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from counterpoise.mixing.mixup import symmetric_beta

NO_CLASS = -1
"""Class number of negatives, which may be mixed of several classes."""


def hard_targets(
    features: Tensor,
    labels: Tensor,
    prototypes: Tensor,
    generator: torch.Generator,
    *,
    n_positives: int = 20,
    n_negatives: int = 60,
    candidates: int = 20,
    hard_share: float = 0.5,
    alpha: float = 0.5,
) -> tuple[Tensor, Tensor]:
    """Build as many positives and as many negatives for each class, however many members it has.

    The positives of a class are built from its members, the negatives from all others. A share of either is hard: two
    of the ``candidates`` members least like the class's prototype (positives) or most like it (negatives) are drawn
    and mixed, ``a x_1 + (1 - a) x_2`` brought to length 1, ``a`` from ``Beta(alpha, alpha)`` for each pair. The rest is
    simple: members drawn from all, as they are. All draws are with replacement, and gradients flow through the result.

    Parameters
    ----------
    features : Tensor of shape (M, d)
        Of length 1: the pool that members are drawn from.
    labels : Tensor of int64, shape (M,)
        Class numbers.
    prototypes : Tensor of shape (C, d)
        Of length 1. They rank the members; to be drawn themselves they have to be in the pool, but for a class that
        the pool has no member of: its positives are its prototype, and where all members are of one class the
        negatives of that class are other prototypes.
    generator : torch.Generator
        On the device of the features; all is drawn from it.
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
    targets : Tensor of shape (C, n_positives + n_negatives, d)
        For each class positives, hard ones first, then negatives, hard ones first.
    target_labels : Tensor of int64, shape (C, n_positives + n_negatives)
        The class for positives, :data:`NO_CLASS` for negatives.
    """
    n_classes, device = len(prototypes), features.device
    numbers = torch.arange(n_classes, device=device)
    pool = torch.cat([features, prototypes])
    member = labels == numbers[:, None]
    likeness = (prototypes @ features.T).detach()
    others = numbers[:, None] + torch.randint(
        1, n_classes, (n_classes, n_negatives), generator=generator, device=device
    )
    built = []
    for taken, hardness, count, instead in (
        (member, -likeness, n_positives, numbers[:, None].expand(-1, n_positives)),
        (~member, likeness, n_negatives, others % n_classes),
    ):
        n_hard = int(hard_share * count)
        few = min(candidates, len(features))
        hardest = hardness.masked_fill(~taken, -torch.inf).topk(few, dim=1).indices
        every = taken.to(torch.uint8).argsort(dim=1, descending=True)
        there = taken.sum(dim=1)
        instead = instead + len(features)
        first, second = (
            pool[_drawn(hardest, there.clamp_max(few), instead[:, :n_hard], generator)] for _ in range(2)
        )
        if alpha:
            weight = symmetric_beta(alpha, generator, (n_classes, n_hard, 1)).to(features.dtype)
            first = functional.normalize(second + weight * (first - second), dim=2)
        built += [first, pool[_drawn(every, there, instead[:, n_hard:], generator)]]
    own = numbers[:, None].expand(-1, n_positives)
    return torch.cat(built, dim=1), torch.cat([own, torch.full_like(others, NO_CLASS)], dim=1)


def _drawn(ranked: Tensor, there: Tensor, instead: Tensor, generator: torch.Generator) -> Tensor:
    """Draw for each class among the first ``there`` of its ranked rows; where there are none take those ``instead``."""
    places = torch.rand(instead.shape, generator=generator, device=instead.device) * there[:, None]
    # A product may be rounded up to the number of rows.
    places = torch.minimum(places.long(), (there - 1).clamp_min(0)[:, None])
    return torch.where(there[:, None] > 0, ranked.gather(1, places), instead)
