"""Ragged token ids, and batches of similar length under a token budget.

Padding is the largest avoidable cost of training on texts: rows of one batch should be about equally long, and
no batch should hold more tokens than a fixed budget. :class:`Ragged` keeps all ids of a data set in one tensor
and pads a batch when it is asked for; :func:`bucketed_batches` says which rows come together.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

_BATCHES_PER_POOL = 32


class Ragged:
    """Sequences of token ids of unequal length, padded batch by batch.

    Parameters
    ----------
    values : ndarray of int32, shape (n_tokens,)
        The ids of all rows, one row after the other; 0 is reserved for padding.
    offsets : ndarray of int64, shape (n_rows + 1,)
        Row ``i`` is ``values[offsets[i]:offsets[i + 1]]``; no row may be empty.
    device : torch.device or None
        Where the ids live and batches are made.
    """

    def __init__(self, values: np.ndarray, offsets: np.ndarray, device: torch.device | None = None) -> None:
        # Copies, because arrays from Arrow may be read-only, which tensors cannot be.
        self.values = torch.tensor(values, device=device)
        self.starts = torch.tensor(offsets[:-1], device=device)
        self.lengths = np.diff(offsets)
        self._lengths = torch.tensor(self.lengths, device=device)

    def __len__(self) -> int:
        return len(self.lengths)

    def pieces(self) -> Iterator[Tensor]:
        """All values at once."""
        yield self.values

    def batch(self, rows: np.ndarray) -> tuple[Tensor, Tensor | None]:
        """Pad some rows to the longest of them.

        Parameters
        ----------
        rows : ndarray of int, shape (B,)

        Returns
        -------
        ids : Tensor of int32, shape (B, T)
            0 where a row has ended.
        mask : Tensor of bool, shape (B, T), or None
            True at real tokens; None when all rows are equally long.
        """
        at = torch.from_numpy(rows).to(self.values.device)
        lengths = self.lengths[rows]
        span = torch.arange(int(lengths.max()), device=self.values.device)
        if lengths.min() == lengths.max():
            return self.values[self.starts[at, None] + span], None
        mask = span < self._lengths[at, None]
        position = (self.starts[at, None] + span).clamp_(max=len(self.values) - 1)
        return self.values[position] * mask, mask


def bucketed_batches(lengths: np.ndarray, batch_size: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Deal all rows into batches of similar length, in random order.

    Rows are shuffled, cut into pools of 32 batches, and sorted by length within each pool, so that a batch
    is nearly free of padding while its company changes from epoch to epoch.

    Parameters
    ----------
    lengths : ndarray of int, shape (n,)
        Tokens a row; equal lengths everywhere (arrays) give plain shuffled batches.
    batch_size : int
        Rows a batch; the last one of a pool may be smaller.
    rng : numpy.random.Generator

    Returns
    -------
    list of ndarray of int
        Each row exactly once.
    """
    order = rng.permutation(len(lengths))
    pool = batch_size * _BATCHES_PER_POOL
    batches = []
    for start in range(0, len(order), pool):
        rows = order[start : start + pool]
        rows = rows[np.argsort(-lengths[rows], kind="stable")]
        batches += [rows[i : i + batch_size] for i in range(0, len(rows), batch_size)]
    return [batches[i] for i in rng.permutation(len(batches))]


def within_budget(rows: np.ndarray, lengths: np.ndarray, token_budget: int) -> list[np.ndarray]:
    """Split a batch into as few parts as keep ``rows x longest`` within a token budget.

    The parts are strided (every k-th row), so that each keeps the class shares of the whole; a single row
    longer than the budget stays whole.
    """
    size = max(token_budget // max(int(lengths[rows].max()), 1), 1)
    parts = -(-len(rows) // size)
    return [rows[i::parts] for i in range(parts)]


def pieces_by_length(lengths: np.ndarray, token_budget: int, most: int | None = None) -> list[np.ndarray]:
    """Cut rows, sorted by length, into pieces that keep ``rows x longest`` within a token budget.

    Parameters
    ----------
    lengths : ndarray of int, shape (n,)
        Tokens a row.
    token_budget : int
        Tokens of a piece, padding included; a row that is longer stands alone.
    most : int or None, default=None
        Rows of a piece at most.

    Returns
    -------
    list of ndarray of int
        Each row exactly once, the shortest first.
    """
    order = np.argsort(lengths, kind="stable")
    cuts, start = [], 0
    for i, longest in enumerate(lengths[order].tolist()):
        if i > start and ((i - start + 1) * longest > token_budget or i - start == most):
            cuts.append(i)
            start = i
    return np.split(order, cuts) if len(order) else []
