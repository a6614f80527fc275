"""Statistics of batch norm, taken anew from the rows that a network is to be used on the like of.

A network that is trained on rows that are no rows, such as mixed ones, has noted their means and variances, and is then
used on rows as they come.
"""

from __future__ import annotations

from itertools import islice

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from counterpoise.backbones.base import Batch, Network
from counterpoise.backbones.registry import Encoded
from counterpoise.seeding import generator

LEAST = 100
"""Batches that the statistics are means over; of fewer rows, several times over. Of more rows, all of them once."""


def batch_norms(model: Network) -> list[_BatchNorm]:
    """The backbone's layers of batch norm; most kinds have none."""
    return [module for module in model.backbone.modules() if isinstance(module, _BatchNorm)]


@torch.no_grad()
def renew_norm_statistics(
    model: Network, encoded: Encoded, batch_size: int, seed: int, most: int | None = None
) -> None:
    """Note the mean statistics of batches of these rows, augmented as in training, in place of those noted there.

    A backbone without batch norm is left as it is.

    Parameters
    ----------
    model : Network
        In evaluation mode, and left in it.
    encoded : Encoded
        Rows on the model's device.
    batch_size : int
        Rows of a batch; those left over at the end are not looked at.
    seed : int
        Of the batches, and of augmentation.
    most : int or None, default=None
        Batches at most.
    """
    norms = batch_norms(model)
    n_rows = len(encoded.lengths)
    size = min(batch_size, n_rows)
    if not norms or size < 2:
        return
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over all batches
    device = next(model.parameters()).device
    rng, nothing = generator(seed, "norm statistics"), torch.empty(0, device=device)
    model.train()
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed % 2**63)
        batches = (
            rows
            for _ in range(-(-LEAST // (n_rows // size)))
            for rows in rng.permutation(n_rows)[: n_rows // size * size].reshape(-1, size)
        )
        for rows in islice(batches, most):
            inputs, mask = encoded.batch(rows)
            model.embed(Batch(inputs, mask, nothing, nothing, torch.from_numpy(rows).to(device)))
    model.eval()
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
