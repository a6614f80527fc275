"""Logistic regression over the vectors of a frozen pretrained encoder, which knows more than a few texts tell."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from counterpoise.errors import SettingsError
from counterpoise.methods.base import Context, Data, Method
from counterpoise.methods.logistic import fit_logistic
from counterpoise.methods.predictors import SavedState
from counterpoise.methods.setting_checks import check_positive, check_whole
from counterpoise.search_space import Range, Space
from counterpoise.text.checkpoints import DEFAULT, Checkpoint
from counterpoise.text.frozen import FrozenEncoder
from counterpoise.text.pooling import POOLINGS


class EncoderLR(Method):
    """Logistic regression with balanced weights on vectors of length 1 from a pretrained encoder.

    Parameters
    ----------
    encoder : str, default="sentence-transformers/all-MiniLM-L6-v2"
        Of the Hugging Face Hub, or a folder.
    revision : str or None, default=None
        Commit, branch or tag of the Hub.
    C : float, default=1.0
        Inverse strength of the ridge penalty, scikit-learn's own default: with a few dozen rare texts in 384 dimensions
        a weaker penalty ranks worse.
    max_length : int, default=256
        Tokens read of each text.
    pooling : {"mean", "first", "last", "max"} or None, default=None
        None does as the checkpoint's description says.
    balanced : bool, default=True
        Whether classes get the same total weight.
    """

    summary = "balanced logistic regression over a frozen pretrained encoder"
    inputs = frozenset({"text"})
    uses_backbone = False
    search_space: ClassVar[Space] = {"C": Range(0.03, 30.0, log=True)}

    def __init__(
        self,
        *,
        encoder: str = DEFAULT,
        revision: str | None = None,
        C: float = 1.0,
        max_length: int = 256,
        pooling: str | None = None,
        balanced: bool = True,
    ) -> None:
        self.encoder = encoder
        self.revision = revision
        self.C = C
        self.max_length = max_length
        self.pooling = pooling
        self.balanced = balanced

    def check(self) -> None:
        """Refuse settings out of range, and an encoder that cannot be had."""
        check_positive("encoder_lr", C=self.C)
        check_whole("encoder_lr", max_length=self.max_length)
        if self.pooling not in (None, *POOLINGS):
            raise SettingsError(f"pooling is {self.pooling!r}; choose from {', '.join(POOLINGS)}")
        Checkpoint.open(self.encoder, self.revision)

    def identity(self) -> str:
        """Hash of the encoder's weights, with the version of what computes with them."""
        return Checkpoint.open(self.encoder, self.revision).identity

    def fit(self, data: Data, context: Context) -> EncoderPredictor:
        """Fit; a validation side is not needed."""
        encoder = FrozenEncoder(
            self.encoder, self.revision, max_length=int(self.max_length), pooling=self.pooling
        )
        features = unit(encoder.features(data.inputs, context.training.torch_device()))
        data = context.weighted(data.balanced() if self.balanced else data)
        weights = fit_logistic(features, data.labels, data.weights, self.C)
        return EncoderPredictor(encoder, *weights, data.class_mass())


class EncoderPredictor:
    """A linear model over a frozen encoder.

    Parameters
    ----------
    encoder : FrozenEncoder
    coefficients : ndarray of float64, shape (C, d)
    intercepts : ndarray of float64, shape (C,)
    training_prior : ndarray of float64, shape (C,)
    """

    kind: ClassVar[str] = "encoder_linear"

    def __init__(
        self,
        encoder: FrozenEncoder,
        coefficients: np.ndarray,
        intercepts: np.ndarray,
        training_prior: np.ndarray,
    ) -> None:
        self.encoder = encoder
        # As they are saved, in order too, so that a loaded model gives the same probabilities to the last bit.
        self.coefficients = np.ascontiguousarray(coefficients, dtype=np.float32)
        self.intercepts = intercepts.astype(np.float32)
        self.training_prior = training_prior
        self.history: list[dict[str, float]] = []

    def logits(self, inputs: np.ndarray) -> np.ndarray:
        """Logits ``(n, C)`` of float64."""
        # In float64, and so hardly dependent on how a library cuts its products.
        return (
            self.embed(inputs).astype(np.float64) @ self.coefficients.T.astype(np.float64) + self.intercepts
        )

    def embed(self, inputs: np.ndarray) -> np.ndarray:
        """Vectors of length 1, ``(n, d)`` of float32."""
        return unit(self.encoder.features(inputs))

    def state(self) -> SavedState:
        """Take the predictor apart; the encoder stays where it is."""
        tensors = {
            "coefficients": self.coefficients,
            "intercepts": self.intercepts,
            "training_prior": self.training_prior,
        }
        return SavedState({"encoder": self.encoder.state()}, tensors)

    @classmethod
    def from_state(cls, state: SavedState, method: Any) -> EncoderPredictor:
        """Put a predictor together again; its encoder is looked for when the first texts come."""
        tensors = state.tensors
        return cls(
            FrozenEncoder(**state.config["encoder"]),
            tensors["coefficients"],
            tensors["intercepts"],
            tensors["training_prior"],
        )


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors ``(n, d)`` brought to length 1, but for those of length 0."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)
