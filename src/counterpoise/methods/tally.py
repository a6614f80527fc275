"""Means over the rows of an epoch, added up where the rows are: a GPU is asked once, when the epoch is over.

>>> tally = Tally()
>>> tally.add("loss", torch.tensor([1.0, 2.0]))
>>> tally.add("loss", torch.tensor([6.0]))
>>> tally.add("share", torch.tensor([0.5, 9.0]), among=torch.tensor([True, False]))
>>> tally.means()
{'loss': 3.0, 'share': 0.5}
"""

from __future__ import annotations

import torch
from torch import Tensor


class Tally:
    """Sums by name, and of how many rows each is."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}

    def add(self, name: str, values: Tensor, among: Tensor | None = None) -> None:
        """Add values ``(B,)`` of some rows, or of those among them that a bool ``(B,)`` names."""
        among = torch.ones_like(values, dtype=torch.bool) if among is None else among
        sums = torch.stack([values.detach().masked_fill(~among, 0).sum(), among.sum()])
        self._sums[name] = self._sums[name] + sums if name in self._sums else sums

    def means(self) -> dict[str, float]:
        """What each has been on average; 0 where it had no row."""
        return {name: float(total / rows.clamp_min(1)) for name, (total, rows) in self._sums.items()}
