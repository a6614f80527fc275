"""Weights of 0 or more that sum to 1: points between several others.

>>> import torch
>>> convex_weights(torch.tensor([[True, False], [False, False]]), torch.Generator().manual_seed(0)).tolist()
[[1.0, 0.0], [0.0, 0.0]]
"""

from __future__ import annotations

import torch
from torch import Tensor

LAWS = ("dirichlet", "uniform")


def convex_weights(there: Tensor, generator: torch.Generator, law: str = "dirichlet") -> Tensor:
    """Draw weights for each row of some members.

    Parameters
    ----------
    there : Tensor of bool, shape (B, k)
        Which members a row has; the others get 0. A row without any has only zeros.
    generator : torch.Generator
        On the device of ``there``.
    law : {"dirichlet", "uniform"}, default="dirichlet"
        All points of the simplex alike, which is Dirichlet's law with parameters of 1; or numbers from 0 to 1 divided
        by their sum, which is nearer to the middle.

    Returns
    -------
    Tensor of float32, shape (B, k)
    """
    drawn = torch.rand(there.shape, generator=generator, device=there.device)
    if law == "dirichlet":
        drawn = -torch.log1p(-drawn)
    drawn = drawn.masked_fill(~there, 0)
    return drawn / drawn.sum(dim=1, keepdim=True).clamp_min(torch.finfo(drawn.dtype).tiny)
