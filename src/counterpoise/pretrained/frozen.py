"""A pretrained model as it is, which a fitted model names and does not hold."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from counterpoise.errors import ModelError
from counterpoise.pretrained.model import PretrainedModel

if TYPE_CHECKING:
    import torch

Opened = TypeVar("Opened", bound=PretrainedModel)


class FrozenModel(ABC, Generic[Opened]):
    """Vectors of inputs by a pretrained model that nothing changes.

    Parameters
    ----------
    name : str
        Of the Hugging Face Hub, or a folder.
    revision : str or None, default=None
        Commit, branch or tag of the Hub.
    pooling : str or None, default=None
        See :func:`counterpoise.pretrained.pooling.pooled`; None is the checkpoint's own.
    cache : bool, default=True
        Whether vectors are kept on the disk.
    digest : str or None, default=None
        Of what a saved model was fitted with; None takes whatever is found.
    """

    def __init__(
        self,
        name: str,
        revision: str | None = None,
        *,
        pooling: str | None = None,
        cache: bool = True,
        digest: str | None = None,
    ) -> None:
        self.name, self.revision, self.digest = name, revision, digest
        self.pooling, self.cache = pooling, cache
        self._checkpoint: Opened | None = None

    @abstractmethod
    def open(self) -> Opened:
        """Open the checkpoint of that name and revision."""

    @abstractmethod
    def features(self, inputs: Any, device: torch.device | None = None) -> NDArray[np.float32]:
        """Vectors ``(n, d)`` of inputs."""

    @property
    def checkpoint(self) -> Opened:
        """The checkpoint, opened when it is first asked for.

        Raises
        ------
        ModelError
            When it is not the one of the digest.
        """
        if self._checkpoint is None:
            opened = self.open()
            if self.digest is not None and self.digest not in (opened.digest, opened.earlier_digest):
                raise ModelError(
                    f"the {opened.known_by} of {opened.what} {self.name} are not those that this model was fitted "
                    f"with; give it back the {opened.what} it had, or fit again"
                )
            self._checkpoint = opened
        return self._checkpoint

    def state(self) -> dict[str, Any]:
        """Arguments by which the same model is found again, whatever folder a process works in; JSON values."""
        files = self.checkpoint.files_here
        return {
            "name": str(files.folder) if files.commit is None else files.name,
            "revision": self.checkpoint.revision,
            "pooling": self.pooling,
            "cache": self.cache,
            "digest": self.checkpoint.digest,
        }
