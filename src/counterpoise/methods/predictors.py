"""What every fitted method leaves behind: logits, embeddings, and a state that can be saved."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np


@dataclass(frozen=True)
class SavedState:
    """A fitted predictor taken apart.

    Attributes
    ----------
    config : dict
        JSON values.
    tensors : dict of ndarray
    vocabulary : list of str
        Words without line breaks; empty where there are none.
    """

    config: dict[str, Any]
    tensors: dict[str, np.ndarray]
    vocabulary: list[str] = field(default_factory=list)


class Predictor(Protocol):
    """What every fitted method is.

    Attributes
    ----------
    kind : str
        Name of the class in a saved model.
    training_prior : ndarray of float64, shape (C,)
        The class shares under which its logits are log-odds; dividing them out returns to any other prior.
    history : list of dict
        One row an epoch, empty where there are none.
    """

    kind: ClassVar[str]
    training_prior: np.ndarray
    history: list[dict[str, float]]

    def logits(self, inputs: np.ndarray) -> np.ndarray:
        """Logits ``(n, C)`` of float64."""

    def embed(self, inputs: np.ndarray) -> np.ndarray:
        """Embeddings ``(n, d)`` of float32 in which neighbours mean something."""

    def state(self) -> SavedState:
        """Everything that :meth:`from_state` needs."""

    @classmethod
    def from_state(cls, state: SavedState, method: Any) -> Predictor:
        """Restore the predictor that ``method`` had made."""
