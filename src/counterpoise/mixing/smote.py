"""SMOTE's rules: a row mixed with one of its neighbours, its label kept whole or mixed as the rows are.

Chawla, Bowyer, Hall and Kegelmeyer, "SMOTE: Synthetic Minority Over-sampling Technique", JAIR 16, 2002, section 4.2;
soft labels after Cheng, Mai and Lin, "From SMOTE to Mixup for Deep Imbalanced Classification", TAAI 2023 (arXiv
2308.15457), of which title, abstract and introduction could be had.

>>> import torch
>>> labels, neighbors = torch.tensor([0, 1]), torch.tensor([[1, 1], [0, 0]])
>>> pairs = hard_smote(labels, torch.tensor([1.0, 1.0]), torch.Generator().manual_seed(0), neighbors)
>>> pairs.partner.tolist(), pairs.label_weight.tolist()
([1, 0], [1.0, 1.0])
"""

from __future__ import annotations

import torch
from torch import Tensor

from counterpoise.mixing.pairs import Pairs


def hard_smote(
    labels: Tensor,
    class_counts: Tensor,
    generator: torch.Generator,
    neighbors: Tensor,
    *,
    mixed: Tensor | None = None,
) -> Pairs:
    """Pair each row with one of its neighbours, all alike likely; a weight from 0 to 1 for each; the label stays.

    Parameters
    ----------
    labels : Tensor of shape (B,)
        Class numbers; only their number and device are looked at.
    class_counts : Tensor of shape (C,)
        Rows of each class; not looked at, as all rules of the family are called alike.
    generator : torch.Generator
        On the device of the labels; the rule draws from no other.
    neighbors : Tensor of int64, shape (B, k)
        Row numbers, by the numbering that partners are to have; of rows of the same class, where labels are to be
        true. A row with fewer than ``k`` has -1 after them, one without any has itself.
    mixed : Tensor of bool, shape (B,) or None, default=None
        Which rows are mixed; the others have a weight of 1. By default all.
    """
    pairs = soft_smote(labels, class_counts, generator, neighbors, mixed=mixed)
    return pairs._replace(label_weight=torch.ones_like(pairs.input_weight))


def soft_smote(
    labels: Tensor,
    class_counts: Tensor,
    generator: torch.Generator,
    neighbors: Tensor,
    *,
    mixed: Tensor | None = None,
) -> Pairs:
    """As :func:`hard_smote`, the label weighing what the row itself does: neighbours may be of any class."""
    weight, where = torch.rand(2, len(neighbors), generator=generator, device=labels.device)
    # Numbers from 0 to below 1 can be rounded up to the number that they are multiplied by.
    there = (neighbors >= 0).sum(dim=1)
    place = torch.minimum((where * there).long(), there - 1)[:, None]
    if mixed is not None:
        weight = torch.where(mixed, weight, 1.0)
    return Pairs(neighbors.gather(1, place).squeeze(1), weight, weight)
