"""Rows mixed in pairs: which, with which weights, and what becomes of vectors, masks and losses.

Every rule of the Mixup family, ``rule(labels, class_counts, generator, ...) -> Pairs``, picks for row ``i`` a partner
``j``, a weight ``a`` of its input and a weight ``b`` of its label. The network then sees ``a x_i + (1 - a) x_j`` and
pays ``b l(y_i) + (1 - b) l(y_j)``.

>>> import torch
>>> pairs = Pairs(torch.tensor([1, 0]), torch.tensor([0.75, 0.75]), torch.tensor([0.5, 1.0]))
>>> pairs.states(torch.tensor([[0.0], [4.0]])).tolist()
[[1.0], [3.0]]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


class Pairs(NamedTuple):
    """For the first ``n`` of the ``B`` rows of a batch a partner, and what the row itself counts beside it.

    Attributes
    ----------
    partner : Tensor of int64, shape (n,)
        Any of the ``B`` rows; a row may be its own partner. Rows from ``n`` on are there to be partners.
    input_weight : Tensor of float32, shape (n,)
        Of the row's own input, from 0 to 1; the partner's has the rest.
    label_weight : Tensor of float32, shape (n,)
        Of the row's own label, likewise.
    """

    partner: Tensor
    input_weight: Tensor
    label_weight: Tensor

    def states(self, states: Tensor) -> Tensor:
        """Mix inputs or hidden states ``(B, ...)`` to ``(n, ...)``; a weight of 1 leaves a row as it is, to the bit."""
        rest = (1 - self.input_weight).view(-1, *[1] * (states.dim() - 1)).to(states.dtype)
        own = states[: len(self.partner)]
        return own + rest * (states[self.partner] - own)

    def longer(self, mask: Tensor) -> Tensor:
        """For each pair that row ``(n,)`` of int64 whose mask is the union of both.

        Padding stands on one side, so that the union is the longer row's own mask, in whatever form a network wants
        it. A row that counts for nothing in the pair is not looked at: its partner alone is as long as it is.
        """
        length = mask.sum(dim=1)
        rows = torch.arange(len(self.partner), device=length.device)
        own = torch.where(self.input_weight > 0, length[rows], 0)
        other = torch.where(self.input_weight < 1, length[self.partner], 0)
        return torch.where(other > own, self.partner, rows)

    def mask(self, mask: Tensor | None) -> Tensor | None:
        """Tokens ``(n, T)`` that are real in either row of a pair; None where nothing is padded."""
        return None if mask is None else mask[self.longer(mask)]

    def loss(self, loss: Callable[[Tensor, Tensor], Tensor], logits: Tensor, labels: Tensor) -> Tensor:
        """Loss ``(B,)`` by the row whose label asks for it, not by the mixed row in which it does.

        Entry ``i`` is what label ``i`` costs in all: its weight times the loss of row ``i``, and the rest of the weight
        in each row whose partner it is. The sum is that of the mixed rows, and whoever multiplies by row weights
        afterwards gives each half of a mixed row the weight of the row that its label belongs to. (Weights do not act
        on the mean of two labels: a rare row would lend its own to a partner that it is drowned in.)

        Parameters
        ----------
        loss : callable
            ``(logits, labels) -> (n,)``.
        logits : Tensor of shape (n, C)
            Of the mixed rows.
        labels : Tensor
            Of the rows before: class numbers ``(B,)`` or shares ``(B, C)``.
        """
        own = self.label_weight * loss(logits, labels[: len(logits)])
        other = (1 - self.label_weight) * loss(logits, labels[self.partner])
        own = functional.pad(own, (0, len(labels) - len(own)))
        return own.index_add(0, self.partner, other.to(own.dtype))
