"""Class weights by the effective number of samples: further rows of a large class add ever less (Cui et al. 2019).

Cui, Jia, Lin, Song and Belongie, "Class-Balanced Loss Based on Effective Number of Samples", CVPR 2019: after ``n``
samples, each of which may repeat what is known, the effective number is ``(1 - beta^n) / (1 - beta)``.

>>> import torch
>>> effective_number_weights(torch.tensor([1.0, 2.0]), beta=0.5)  # 1 and 1 + 1/2 samples
tensor([1.0000, 0.6667])
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from counterpoise.losses.checks import check_beta, check_prior


def effective_number_weights(counts: Tensor, beta: float) -> Tensor:
    """``(1 - beta) / (1 - beta^n)`` of each class, one over the effective number of its samples.

    Parameters
    ----------
    counts : Tensor of shape (C,)
        Samples of each class, all above 0; they may be sums of weights and need not be whole.
    beta : float
        From 0, where all classes weigh 1, up to but not including 1, near which a class weighs ``1 / n``. No class
        counts as more than ``1 / (1 - beta)`` samples.

    Returns
    -------
    Tensor of shape (C,)

    Raises
    ------
    ValueError
        If ``beta`` is out of range, or a count not finite and above 0.
    """
    check_prior(counts, "counts")
    check_beta("an effective number", beta)
    # expm1, since beta ** n rounds to 1 for small classes when beta is close to it.
    return (beta - 1) / torch.expm1(counts * (math.log(beta) if beta else -math.inf))


def balanced_weights(counts: Tensor, beta: float) -> Tensor:
    """:func:`effective_number_weights` brought to 1 on average over the samples, so that steps stay as long.

    The authors' code brings them to 1 on average over the classes. Parameters, result and errors are those of
    :func:`effective_number_weights`.
    """
    weights = effective_number_weights(counts, beta)
    return weights * (counts.sum() / (counts * weights).sum())
