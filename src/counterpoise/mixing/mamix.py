"""MAMix, margin-aware Mixup: of two labels the rarer one is kept over the longer stretch between the inputs.

Cheng, Mai and Lin, "From SMOTE to Mixup for Deep Imbalanced Classification", TAAI 2023 (arXiv 2308.15457). Of the paper
title, abstract and introduction could be had; the rule is that of the authors' code (ntucllab/imbalanced-DL), in which
the stretch is divided as LDAM's best margins are, ``n ** -1/4``.

>>> import torch
>>> own, other = torch.tensor([16.0]), torch.tensor([1.0])  # margins of 1/2 and 1: a third of the stretch is its own
>>> mamix_label_weight(torch.tensor([1.0, 2 / 3, 1 / 3, 0.0]), own, other, power=0.25)
tensor([1.0000, 0.5000, 0.2500, 0.0000])
"""

from __future__ import annotations

import torch
from torch import Tensor

from counterpoise.mixing.mixup import mixup
from counterpoise.mixing.pairs import Pairs

_LEAST = 1e-6  # of either class's share of the stretch


def mamix(
    labels: Tensor,
    class_counts: Tensor,
    generator: torch.Generator,
    *,
    alpha: float = 1.0,
    power: float = 0.25,
) -> Pairs:
    """Pair and mix rows as :func:`counterpoise.mixing.mixup.mixup` does; weigh labels by where the margin lies.

    Parameters
    ----------
    labels : Tensor of int64, shape (B,)
        Class numbers of the batch.
    class_counts : Tensor of floating type, shape (C,)
        Rows of each class in the training data, all above 0.
    generator : torch.Generator
        On the device of the labels.
    alpha : float, default=1.0
        Of ``Beta(alpha, alpha)``; 0 mixes nothing.
    power : float, default=0.25
        A class has a margin in proportion to ``n ** -power``; 0 is Mixup, and a negative one favours common classes.
    """
    pairs = mixup(labels, class_counts, generator, alpha=alpha)
    own, other = class_counts[labels], class_counts[labels[pairs.partner]]
    return pairs._replace(label_weight=mamix_label_weight(pairs.input_weight, own, other, power=power))


def mamix_label_weight(input_weight: Tensor, own: Tensor, other: Tensor, *, power: float) -> Tensor:
    """Weight of a row's own label, given its weight as an input and the sizes of both classes, all ``(B,)``.

    It falls in a line from 1, where the input is the row's alone, to 1/2 at the margin, and in another line to 0.
    """
    # The row's share of the margins; by logarithms, since n ** -power of large classes and powers is 0.
    margin = torch.sigmoid(power * (torch.log(other) - torch.log(own))).clamp(_LEAST, 1 - _LEAST)
    away = 1 - input_weight
    near = 1 - away / (2 * margin)
    far = input_weight / (2 * (1 - margin))
    return torch.where(away <= margin, near, far)
