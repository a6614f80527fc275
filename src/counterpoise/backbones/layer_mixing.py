"""Texts mixed between two layers of a transformer: TMix (Chen et al. 2020, section 3), in one forward pass.

All rows of a batch go through the lower layers once; then each is mixed with its partner's states, which are there
already, and from there on attention has to reach the tokens of both. A transformer makes its attention mask before its
first layer, in a form of its own. Since padding stands on one side, the union of two rows' masks is the longer row's
mask: choosing rows is enough, whatever the form.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from counterpoise.backbones.base import Batch
from counterpoise.mixing.pairs import Pairs


def layer_at(depth: float, n_layers: int) -> int:
    """How many of the layers are below a share of them, rounded to the nearest."""
    return math.floor(depth * n_layers + 0.5)


@contextmanager
def mixed_above(
    layers: nn.ModuleList, at: int, pairs: Pairs, mask: Tensor | None, *, rows_first: bool = True
) -> Iterator[None]:
    """Mix the rows that come to layer ``at``, for the length of a ``with`` block.

    Layers are replaced rather than hooked: a layer that is computed anew on the way back (gradient checkpointing) is
    given then what it was given first, long after the block has ended.

    Parameters
    ----------
    layers : nn.ModuleList
        Which are called one after the other with hidden states as the first argument.
    at : int
        How many of them are below the mixing; with all of them nothing is done.
    pairs : Pairs
    mask : Tensor of bool, shape (B, T), or None
        Of the rows before; padding stands on one side.
    rows_first : bool, default=True
        Whether hidden states are ``(B, T, d)``; else ``(T, B, d)``, and masks ``(T, T, B, 1)``.
    """
    longer = None if mask is None else pairs.longer(mask)
    originals = list(layers)
    try:
        for i in range(at, len(layers)):
            layers[i] = _Above(originals[i], pairs if i == at else None, mask, longer, rows_first)
        yield
    finally:
        for i, layer in enumerate(originals):
            layers[i] = layer


def set_right(batch: Batch) -> Batch:
    """The same texts with their padding before them, so that their last tokens meet."""
    if batch.mask is None:
        return batch
    length = batch.mask.shape[1]
    shift = length - batch.mask.sum(dim=1, keepdim=True)
    at = (torch.arange(length, device=shift.device) - shift) % length
    return batch._replace(inputs=batch.inputs.gather(1, at), mask=batch.mask.gather(1, at))


class _Above(nn.Module):
    """A layer that is given mixed rows: it mixes them if it is the first, and takes the longer rows' masks."""

    def __init__(
        self,
        layer: nn.Module,
        pairs: Pairs | None,
        mask: Tensor | None,
        longer: Tensor | None,
        rows_first: bool,
    ) -> None:
        super().__init__()
        self.layer = layer
        self.pairs, self.longer, self.rows_first = pairs, longer, rows_first
        self.shape = None if mask is None else mask.shape  # what the encoder made its masks for

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:  # some encoders ask their layers what kind of attention they have
            return getattr(super().__getattr__("layer"), name)

    def forward(self, states: Tensor, *args: Any, **kwargs: Any) -> Any:
        if self.pairs is not None:
            rows = states if self.rows_first else states.transpose(0, 1)
            mixed = self.pairs.states(rows)
            states = mixed if self.rows_first else mixed.transpose(0, 1)
        chosen = [self._of_longer(value) for value in args]
        named = {name: self._of_longer(value) for name, value in kwargs.items()}
        return self.layer(states, *chosen, **named)

    def _of_longer(self, value: Any) -> Any:
        """A mask, or whatever else has one entry a row and pair of tokens, of the longer rows; else what it is."""
        if self.longer is None or self.shape is None or not isinstance(value, Tensor):
            return value
        if not self.rows_first and value.dim() == 3:  # what stands for places, (T, B, d), alike for all rows
            return value.index_select(1, self.longer)
        axis = 0 if self.rows_first or value.dim() != 4 else 2
        if (value.dim() == 4 and value.shape[axis] == self.shape[0]) or value.shape == self.shape:
            return value.index_select(axis, self.longer)
        return value
