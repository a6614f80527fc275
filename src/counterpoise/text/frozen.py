"""A pretrained encoder as it is, which a fitted model names and does not hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from counterpoise.errors import ModelError
from counterpoise.text.checkpoints import Checkpoint
from counterpoise.text.features import pretrained_features


class FrozenEncoder:
    """Vectors of texts by an encoder that nothing changes.

    Parameters
    ----------
    name : str
        Of the Hugging Face Hub, or a folder.
    revision : str or None, default=None
        Commit, branch or tag of the Hub.
    max_length : int, default=256
        Tokens read of each text.
    pooling : {"mean", "first", "last", "max"} or None, default=None
        None is the checkpoint's own.
    cache : bool, default=True
        Whether vectors are kept on the disk.
    digest : str or None, default=None
        Of the weights that a saved model was fitted with; None takes whatever is found.
    """

    def __init__(
        self,
        name: str,
        revision: str | None = None,
        *,
        max_length: int = 256,
        pooling: str | None = None,
        cache: bool = True,
        digest: str | None = None,
    ) -> None:
        self.name, self.revision, self.digest = name, revision, digest
        self.max_length, self.pooling, self.cache = max_length, pooling, cache
        self._checkpoint: Checkpoint | None = None

    @property
    def checkpoint(self) -> Checkpoint:
        """The encoder, opened when it is first asked for.

        Raises
        ------
        ModelError
            When it is not the one of the digest.
        """
        if self._checkpoint is None:
            opened = Checkpoint.open(self.name, self.revision)
            if self.digest is not None and self.digest != opened.digest:
                raise ModelError(
                    f"the weights of encoder {self.name} are not those that this model was fitted with; give it back "
                    "the encoder it had, or fit again"
                )
            self._checkpoint = opened
        return self._checkpoint

    def features(self, texts: np.ndarray, device: torch.device | None = None) -> NDArray[np.float32]:
        """Vectors ``(n, d)`` of texts; see :func:`counterpoise.text.features.pretrained_features`."""
        return pretrained_features(
            self.checkpoint,
            list(texts),
            max_length=self.max_length,
            pooling=self.pooling,
            device=device,
            cache=self.cache,
        )

    def state(self) -> dict[str, Any]:
        """Arguments by which the same encoder is found again, JSON values."""
        return {
            "name": self.name,
            "revision": self.checkpoint.revision,
            "max_length": self.max_length,
            "pooling": self.pooling,
            "cache": self.cache,
            "digest": self.checkpoint.digest,
        }
