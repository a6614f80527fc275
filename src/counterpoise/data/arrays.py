"""Numeric rows for networks: standardised features, served in batches like texts are.

>>> import numpy as np
>>> encoder = Standardizer().fit(np.array([[0.0, 1.0], [2.0, 1.0]], dtype=np.float32))
>>> encoder.encode(np.array([[4.0, 1.0]], dtype=np.float32)).batch(np.array([0]))[0].tolist()
[[3.0, 0.0]]
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from counterpoise.finite import check_finite


class Dense:
    """Rows of equal width with the batch interface of :class:`counterpoise.text.batching.Ragged`.

    Parameters
    ----------
    values : ndarray of float32, shape (n, d)
    device : torch.device or None
    """

    def __init__(self, values: np.ndarray, device: torch.device | None = None) -> None:
        self.values = torch.from_numpy(np.ascontiguousarray(values)).to(device)
        self.lengths = np.ones(len(values), dtype=np.int64)

    def __len__(self) -> int:
        return len(self.lengths)

    def pieces(self) -> Iterator[Tensor]:
        """All values at once."""
        yield self.values

    def batch(self, rows: np.ndarray) -> tuple[Tensor, None]:
        """Rows ``(B, d)`` of float32; there is no mask, since nothing is padded."""
        return self.values[torch.from_numpy(rows).to(self.values.device)], None


class Standardizer:
    """Centre each feature and divide by its standard deviation, both taken from the fitting side.

    A network trained with one learning rate for all weights needs features of one scale; a constant feature
    is centred only.

    Raises
    ------
    DataError
        From ``fit`` and ``encode``, for a number that is not finite; says where. A network would be trained on it until
        its loss is none.
    """

    def fit(self, inputs: np.ndarray, seed: int = 0, device: torch.device | None = None) -> Standardizer:
        """Learn means and standard deviations from rows ``(n, d)``; ``seed`` and ``device`` are not needed."""
        check_finite(inputs)
        wide = inputs.astype(np.float64)
        scale = wide.std(axis=0)
        # A constant column has a deviation of a few units in the last place, not of 0: dividing would blow it up.
        constant = scale <= 10 * np.finfo(np.float64).eps * np.abs(wide).max(axis=0, initial=1.0)
        self.mean_ = wide.mean(axis=0).astype(np.float32)
        self.scale_ = np.where(constant, 1.0, scale).astype(np.float32)
        return self

    @property
    def input_spec(self) -> int:
        """Number of features, which is all that a network over arrays has to know."""
        return len(self.mean_)

    def encode(self, inputs: np.ndarray, device: torch.device | None = None) -> Dense:
        """Standardise rows ``(n, d)``."""
        check_finite(inputs)
        return Dense(((inputs - self.mean_) / self.scale_).astype(np.float32), device)

    def decode(self, standardised: np.ndarray) -> np.ndarray:
        """Rows ``(n, d)`` of float32 that are standardised to the given ones, up to rounding."""
        return (standardised * self.scale_ + self.mean_).astype(np.float32)

    def state(self) -> dict[str, Any]:
        """Everything :meth:`from_state` needs: JSON values and tensors by name."""
        return {"tensors": {"mean": self.mean_, "scale": self.scale_}}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Standardizer:
        """Restore a fitted object."""
        encoder = cls()
        encoder.mean_, encoder.scale_ = state["tensors"]["mean"], state["tensors"]["scale"]
        return encoder
