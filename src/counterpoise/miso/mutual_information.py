"""The mutual-information loss of MISO, over two statistics networks.

    information = MutualInformationLoss(dim=8)                     # width of one head
    loss = information(q, qbar, k, generator).loss                 # descend: encoder and fusion
    ascent = information.ascent_loss(q, qbar, k, generator)        # descend: the two statistics networks

Tian et al. 2021 (MISO) minimise ``I(K; Qbar) - I(Q; Qbar)`` over encoder and fusion: the fused representation keeps
what the difficult sample says and forgets what its majority partner says. Each statistics network
(:class:`~counterpoise.miso.mine.MINE`) is *maximised* on its own bound. The paper's single "descend" hides this:
descending its loss in both networks would leave ``I(K; Qbar)`` at whatever low value a bad network gives.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from counterpoise.miso.mine import MINE, derangement


class MutualInformation(NamedTuple):
    """Value of the MISO loss and its two parts, in nats, each of shape ().

    Attributes
    ----------
    loss : Tensor
        ``with_majority - with_minority``.
    with_minority : Tensor
        Bound on I(Q; Qbar), what the fused representation says about the difficult sample.
    with_majority : Tensor
        Bound on I(K; Qbar), what it says about the majority partner.
    """

    loss: Tensor
    with_minority: Tensor
    with_majority: Tensor


class MutualInformationLoss(nn.Module):
    """L_MI = I(K; Qbar) - I(Q; Qbar), by a statistics network for each (Tian et al. 2021).

    Parameters
    ----------
    dim : int, default=8
        Width of the vectors, one head's for the published 64 dimensions in 8 heads.
    hidden : int, default=64
        Width of the statistics networks.

    Notes
    -----
    ``forward`` gives the statistics networks no gradient and ``ascent_loss`` gives none to what the triples were
    computed from, so that neither side can descend the other's objective, whatever the optimisers hold.

    Triples ``(B, h, d_h)`` are pairs for one network each, but shuffled among samples only, each head staying
    among its own. Shuffled among heads too, the number of the head, up to ``log h`` nats that Q, Qbar and K
    always share, would count as information.
    """

    def __init__(self, dim: int = 8, hidden: int = 64) -> None:
        super().__init__()
        self.of_minority = MINE(dim, dim, hidden)
        self.of_majority = MINE(dim, dim, hidden)

    def forward(self, q: Tensor, qbar: Tensor, k: Tensor, generator: torch.Generator) -> MutualInformation:
        """Evaluate the loss that encoder and fusion descend.

        Parameters
        ----------
        q, qbar, k : Tensor of shape (B, h, d_h) or (B, d_h)
            Triples of the semantic fusion.
        generator : torch.Generator
            Of the shuffle; on the CPU.

        Returns
        -------
        MutualInformation
            For a batch of one, where nothing can be shuffled, 0 with a gradient of 0.
        """
        shuffled, several = _shuffled(q, generator), len(q) > 1
        q, qbar, k = (x.flatten(0, -2) for x in (q, qbar, k))
        with_minority = self.of_minority.frozen_bound(q, qbar, shuffled) * several
        with_majority = self.of_majority.frozen_bound(k, qbar, shuffled) * several
        return MutualInformation(with_majority - with_minority, with_minority, with_majority)

    def ascent_loss(self, q: Tensor, qbar: Tensor, k: Tensor, generator: torch.Generator) -> Tensor:
        """Evaluate what the statistics networks descend, each to raise its own bound.

        Parameters
        ----------
        q, qbar, k, generator
            As for ``forward``.

        Returns
        -------
        Tensor of shape ()
            Minus the sum of the two bounds; 0 with a gradient of 0 for a batch of one.
        """
        shuffled, several = _shuffled(q, generator), len(q) > 1
        q, qbar, k = (x.detach().flatten(0, -2) for x in (q, qbar, k))
        sides = ((self.of_minority, q), (self.of_majority, k))
        if not several:
            return torch.stack([network(x, qbar).sum() * 0 for network, x in sides]).sum()
        return torch.stack([network.ascent_loss(x, qbar, shuffled) for network, x in sides]).sum()


def _shuffled(q: Tensor, generator: torch.Generator) -> Tensor:
    """Rows of the flattened triples in which the samples have changed places and each head has stayed itself."""
    samples = derangement(len(q), generator)
    heads = q[0, ..., 0].numel()
    return (samples[:, None] * heads + torch.arange(heads)).flatten().to(q.device)
