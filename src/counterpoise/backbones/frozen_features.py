"""Vectors by a pretrained model that stays as it is, under a head that is trained."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from counterpoise.backbones.base import Batch, VectorReader
from counterpoise.backbones.pretrained_layers import DROPOUT


class FrozenFeatures(VectorReader):
    """Features as they are; what is trained is the head over them, and what is mixed is features.

    Parameters
    ----------
    n_features : int
    """

    inputs = "text"
    dropout: ClassVar[float] = DROPOUT

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.dim = n_features

    def vectors(self, batch: Batch) -> Tensor:
        """The features as they are, ``(B, d)``."""
        return batch.inputs

    def read(self, vectors: Tensor, mask: Tensor | None) -> Tensor:
        """One token a row, ``(B, 1, d)``."""
        return vectors.unsqueeze(1)


class FrozenImageFeatures(FrozenFeatures):
    """The same of images."""

    inputs = "image"
