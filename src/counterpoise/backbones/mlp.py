"""MLP: fully connected layers over numeric rows."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from counterpoise.backbones.base import Batch, VectorReader


class MLP(VectorReader):
    """Linear layers with ReLU between them.

    Parameters
    ----------
    n_features : int
    hidden : sequence of int, default=(128, 64)
        Width of each layer; the last is the embedding's.
    """

    inputs = "array"

    def __init__(self, n_features: int, *, hidden: Sequence[int] = (128, 64)) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in zip([n_features, *hidden[:-1]], hidden, strict=True):
            layers += [nn.Linear(before, after), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        self.dim = hidden[-1]

    def vectors(self, batch: Batch) -> Tensor:
        """The inputs as they are, ``(B, n_features)``."""
        return batch.inputs

    def read(self, vectors: Tensor, mask: Tensor | None) -> Tensor:
        """One token a row, ``(B, 1, d)``."""
        return self.layers(vectors).unsqueeze(1)
