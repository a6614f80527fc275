"""Remix: inputs mixed as in Mixup, the label given to the rarer class where that is much rarer (Chou et al. 2020).

Chou, Chang, Pan, Wei and Juan, "Remix: Rebalanced Mixup", ECCV 2020 Workshops (arXiv 2007.03943), equation 6.

>>> import torch
>>> weights = torch.tensor([0.3, 0.3, 0.3, 0.7])
>>> own, other = torch.tensor([100.0, 10.0, 20.0, 100.0]), torch.tensor([10.0, 100.0, 10.0, 10.0])
>>> remix_label_weight(weights, own, other, ratio=3.0, threshold=0.5)
tensor([0.0000, 0.3000, 0.3000, 0.7000])
"""

from __future__ import annotations

import torch
from torch import Tensor

from counterpoise.mixing.mixup import mixup
from counterpoise.mixing.pairs import Pairs

_ROUNDING = 1e-5
"""Relative; beyond what float32 loses, and below what a row more or less makes of a hundred thousand."""


def remix(
    labels: Tensor,
    class_counts: Tensor,
    generator: torch.Generator,
    *,
    alpha: float = 1.0,
    ratio: float = 3.0,
    threshold: float = 0.5,
) -> Pairs:
    """Pair and mix rows as :func:`counterpoise.mixing.mixup.mixup` does; weigh labels by the sizes of their classes.

    Parameters
    ----------
    labels : Tensor of int64, shape (B,)
        Class numbers of the batch.
    class_counts : Tensor of floating type, shape (C,)
        Rows of each class in the training data.
    generator : torch.Generator
        On the device of the labels.
    alpha : float, default=1.0
        Of ``Beta(alpha, alpha)``; 0 mixes nothing.
    ratio : float, default=3.0
        How many times as large one of two classes has to be for the label to go to the other (the paper's kappa).
    threshold : float, default=0.5
        The label goes over where the larger class has less than this of the input (the paper's tau).
    """
    pairs = mixup(labels, class_counts, generator, alpha=alpha)
    own, other = class_counts[labels], class_counts[labels[pairs.partner]]
    weight = remix_label_weight(pairs.input_weight, own, other, ratio=ratio, threshold=threshold)
    return pairs._replace(label_weight=weight)


def remix_label_weight(
    input_weight: Tensor, own: Tensor, other: Tensor, *, ratio: float, threshold: float
) -> Tensor:
    """Weight of a row's own label, given its weight as an input and the sizes of both classes, all ``(B,)``."""
    zero, one = torch.zeros_like(input_weight), torch.ones_like(input_weight)
    # Sizes come as shares times rows and are not quite whole any more; a ratio that is met is not to be missed.
    least = ratio * (1 - _ROUNDING)
    weight = torch.where((own >= least * other) & (input_weight < threshold), zero, input_weight)
    return torch.where((other >= least * own) & (1 - input_weight < threshold), one, weight)
