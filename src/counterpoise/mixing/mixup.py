"""Mixup: rows and labels mixed alike, by one draw from a Beta distribution a batch (Zhang et al. 2018).

Zhang, Cisse, Dauphin and Lopez-Paz, "mixup: Beyond Empirical Risk Minimization", ICLR 2018, section 2 and figure 1.

>>> import torch
>>> labels, generator = torch.tensor([0, 0, 1]), torch.Generator().manual_seed(0)
>>> pairs = mixup(labels, torch.tensor([2.0, 1.0]), generator, alpha=0.4)
>>> sorted(pairs.partner.tolist())
[0, 1, 2]
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from counterpoise.mixing.pairs import Pairs


def mixup(
    labels: Tensor,
    class_counts: Tensor,
    generator: torch.Generator,
    *,
    alpha: float = 1.0,
    own_at_least_half: bool = False,
) -> Pairs:
    """Pair each row with one of a random permutation; one weight for all rows, inputs and labels.

    Parameters
    ----------
    labels : Tensor
        Of the batch, class numbers ``(B,)`` or shares ``(B, C)``; only their number and device are looked at.
    class_counts : Tensor of shape (C,)
        Rows of each class; not looked at, as all rules of the family are called alike.
    generator : torch.Generator
        On the device of the labels; the rule draws from no other.
    alpha : float, default=1.0
        Of ``Beta(alpha, alpha)``, from which the weight is drawn: near 0 hardly anything is mixed, 1 is uniform, large
        ones mix half and half. 0 mixes nothing and draws no weight.
    own_at_least_half : bool, default=False
        Whether a weight below 1/2 is taken from 1, so that each row remains mostly itself (MixText's). The mixed rows
        of a batch are as likely with it as without, pairs being turned round; it matters where a row is treated
        differently from its partner.
    """
    device = labels.device
    partner = torch.randperm(len(labels), generator=generator, device=device)
    weight = symmetric_beta(alpha, generator) if alpha else torch.ones((), device=device)
    if own_at_least_half:
        weight = torch.maximum(weight, 1 - weight)
    weights = weight.expand(len(labels))
    return Pairs(partner, weights, weights)


def symmetric_beta(alpha: float, generator: torch.Generator, shape: tuple[int, ...] = ()) -> Tensor:
    """Draw from ``Beta(alpha, alpha)``, float32 of a shape on the generator's device; by default one number.

    Torch's own distributions take no generator. Bailey ("Polar Generation of Random Variates with the
    t-Distribution", Mathematics of Computation 62, 1994) makes Student's t of two uniform numbers without rejection,
    and ``(1 + t / sqrt(2 alpha + t^2)) / 2`` of a t with ``2 alpha`` degrees of freedom is the Beta wanted.
    """
    radius, angle = torch.rand(2, *shape, generator=generator, device=generator.device)
    cosine = torch.cos(2 * math.pi * angle)
    # t^2 / (2 alpha); it may overflow to infinity, which stands for a weight of 0 or 1.
    square = torch.expm1(-torch.log(radius) / alpha) * cosine.square()
    return (1 + torch.sign(cosine) * torch.rsqrt(1 + 1 / square)) / 2
