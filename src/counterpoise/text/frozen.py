"""A pretrained encoder of texts as it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from counterpoise.pretrained.frozen import FrozenModel
from counterpoise.text.checkpoints import Checkpoint
from counterpoise.text.features import pretrained_features


class FrozenEncoder(FrozenModel[Checkpoint]):
    """Vectors of texts by an encoder that nothing changes.

    Parameters
    ----------
    name, revision, **settings
        See :class:`counterpoise.pretrained.frozen.FrozenModel`.
    max_length : int, default=256
        Tokens read of each text.
    """

    def __init__(
        self, name: str, revision: str | None = None, *, max_length: int = 256, **settings: Any
    ) -> None:
        super().__init__(name, revision, **settings)
        self.max_length = max_length

    def open(self) -> Checkpoint:
        """Open the encoder."""
        return Checkpoint.open(self.name, self.revision)

    def features(self, inputs: np.ndarray, device: torch.device | None = None) -> NDArray[np.float32]:
        """Vectors ``(n, d)`` of texts; see :func:`counterpoise.text.features.pretrained_features`."""
        return pretrained_features(
            self.checkpoint,
            list(inputs),
            max_length=self.max_length,
            pooling=self.pooling,
            device=device,
            cache=self.cache,
        )

    def state(self) -> dict[str, Any]:
        """Arguments by which the same encoder is found again, JSON values."""
        return {**super().state(), "max_length": self.max_length}
