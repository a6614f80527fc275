"""Micro-cluster losses: a row is drawn towards its neighbours and classified with them (Ando and Huang 2017).

Ando and Huang, "Deep Over-sampling Framework for Classifying Imbalanced Data", ECML-PKDD 2017 (arXiv 1704.07515),
equations 8 to 10.

>>> import torch
>>> f, v = torch.tensor([[0.0, 0.0]]), torch.tensor([[[1.0, 0.0], [0.0, 2.0]]])
>>> towards_neighbors(f, v, torch.tensor([[0.5, 0.5]]))  # half of 1 and half of 4
tensor([2.5000])
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from counterpoise.losses.checks import check_targets


def towards_neighbors(
    features: Tensor, neighbors: Tensor, weights: Tensor, there: Tensor | None = None
) -> Tensor:
    """Weighted squared distances of each row to its neighbours (equation 8).

    With weights that sum to 1 it is the squared distance to the point between the neighbours that the weights name, but
    for a constant: its gradient is twice the way from that point.

    Parameters
    ----------
    features : Tensor of shape (B, d)
    neighbors : Tensor of shape (B, k, d)
        Taken as they are: no gradient should reach them.
    weights : Tensor of shape (B, k)
        Of 0 or more.
    there : Tensor of bool, shape (B, k) or None, default=None
        False where a row has fewer neighbours.

    Returns
    -------
    Tensor of shape (B,)
    """
    return (_there(weights, there) * _squares(features, neighbors)).sum(dim=1)


def towards_point(features: Tensor, neighbors: Tensor, weights: Tensor) -> Tensor:
    """Squared distance of each row to the point that the weights name: equation 8 less what no training can change.

    Parameters
    ----------
    features : Tensor of shape (B, d)
    neighbors : Tensor of shape (B, k, d)
    weights : Tensor of shape (B, k)
        Of 0 or more, summing to 1, and 0 for a neighbour that a row does not have.

    Returns
    -------
    Tensor of shape (B,)
    """
    return (features - (weights[:, :, None] * neighbors).sum(dim=1)).square().sum(dim=1)


def classified_with_neighbors(
    logits: Tensor,
    features: Tensor,
    neighbors: Tensor,
    neighbor_logits: Tensor,
    weights: Tensor,
    targets: Tensor,
    *,
    there: Tensor | None = None,
    own: bool = True,
) -> Tensor:
    """Cross-entropy of each row's neighbours for its own label, the nearer the more (equations 9 and 10).

    Neighbour ``i`` counts ``exp(-w_i ||f - v_i||^2)``, and all that counts is brought to sum 1: a softmax, which is the
    same however far away all neighbours are.

    Parameters
    ----------
    logits : Tensor of shape (B, C)
        Of the rows themselves.
    features : Tensor of shape (B, d)
    neighbors : Tensor of shape (B, k, d)
    neighbor_logits : Tensor of shape (B, k, C)
    weights : Tensor of shape (B, k)
    targets : Tensor
        Class numbers ``(B,)`` of int64, or soft targets ``(B, C)``.
    there : Tensor of bool, shape (B, k) or None, default=None
        False where a row has fewer neighbours.
    own : bool, default=True
        Whether the row itself is one of the members, at a distance of 0, as in equations 1 and 5; False is the sum as
        equations 9 and 10 have it, over the ``k`` neighbours alone, where the representation learns through the
        distances only. A row without neighbours is by itself either way.

    Returns
    -------
    Tensor of shape (B,)

    Raises
    ------
    ValueError
        From :func:`counterpoise.losses.checks.check_targets`.
    """
    check_targets(logits, targets)
    n_rows, k, n_classes = neighbor_logits.shape
    repeated = targets.repeat_interleave(k, dim=0)
    costs = functional.cross_entropy(neighbor_logits.reshape(-1, n_classes), repeated, reduction="none")
    alone = functional.cross_entropy(logits, targets, reduction="none")
    shares = member_shares(features, neighbors, weights, there=there, own=own)
    return shares[:, 0] * alone + (shares[:, 1:] * costs.view(n_rows, k)).sum(dim=1)


def member_shares(
    features: Tensor, neighbors: Tensor, weights: Tensor, *, there: Tensor | None = None, own: bool = True
) -> Tensor:
    """What the row itself and each neighbour count in :func:`classified_with_neighbors`.

    Parameters
    ----------
    features, neighbors, weights, there, own
        As there.

    Returns
    -------
    Tensor of shape (B, 1 + k)
        The row itself first; each row sums to 1.
    """
    exponents = -weights * _squares(features, neighbors)
    members = torch.ones_like(exponents, dtype=torch.bool) if there is None else there
    itself = ~members.any(dim=1, keepdim=True) | own
    # Softmax, since exp alone is 0 for every neighbour of a row that is far from all of them.
    every = torch.cat([exponents.new_zeros(len(exponents), 1), exponents], dim=1)
    return every.masked_fill(~torch.cat([itself, members], dim=1), -torch.inf).softmax(dim=1)


def _squares(features: Tensor, neighbors: Tensor) -> Tensor:
    return (features[:, None] - neighbors).square().sum(dim=2)


def _there(values: Tensor, there: Tensor | None) -> Tensor:
    return values if there is None else values.masked_fill(~there, 0)
