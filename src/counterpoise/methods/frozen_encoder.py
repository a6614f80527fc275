"""What all classifiers over the vectors of a frozen pretrained encoder share, and the linear ones among them."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np

from counterpoise.errors import SettingsError
from counterpoise.methods.base import Context, Data, Method
from counterpoise.methods.predictors import SavedState
from counterpoise.methods.setting_checks import check_flag, check_whole
from counterpoise.pretrained.pooling import POOLINGS
from counterpoise.text.checkpoints import Checkpoint
from counterpoise.text.frozen import FrozenEncoder


class FrozenEncoderMethod(Method):
    """Base of methods over a frozen encoder; a subclass says what is fitted to its vectors, brought to length 1.

    Attributes
    ----------
    name : str
        For messages.
    encoder, revision, max_length, pooling
        Of :class:`counterpoise.text.frozen.FrozenEncoder`.
    balanced : bool
        Whether classes get the same total weight.
    """

    inputs = frozenset({"text"})
    needs = "extra encoders"
    uses_backbone = False
    name: ClassVar[str]
    encoder: str
    revision: str | None
    max_length: int
    pooling: str | None
    balanced: bool

    def check(self) -> None:
        """Refuse settings out of range, and an encoder that cannot be had."""
        check_whole(self.name, max_length=self.max_length)
        check_flag(self.name, balanced=self.balanced)
        if self.pooling not in (None, *POOLINGS):
            raise SettingsError(f"pooling is {self.pooling!r}; choose from {', '.join(POOLINGS)}")
        Checkpoint.open(self.encoder, self.revision)

    def identity(self) -> str:
        """Hash of the encoder, with the version of what computes with it."""
        return Checkpoint.open(self.encoder, self.revision).identity

    def vectors(self, data: Data, context: Context) -> tuple[FrozenEncoder, np.ndarray]:
        """The encoder, and its vectors ``(n, d)`` of length 1."""
        encoder = FrozenEncoder(
            self.encoder, self.revision, max_length=int(self.max_length), pooling=self.pooling
        )
        return encoder, unit(encoder.features(data.inputs, context.training.torch_device()))

    def weighted(self, data: Data, context: Context) -> Data:
        """Data with the weights that are to count: balanced where that is wanted, times those of the classes."""
        return context.weighted(data.balanced() if self.balanced else data)


class LinearEncoderMethod(FrozenEncoderMethod):
    """Base of methods that fit a linear classifier; a subclass says which."""

    @abstractmethod
    def linear(self, vectors: np.ndarray, data: Data) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients ``(C, d)`` and intercepts ``(C,)`` whose logits are log-odds under the data's class mass.

        Parameters
        ----------
        vectors : ndarray of float32, shape (n, d)
            Of length 1.
        data : Data
            With the weights that are to count.
        """

    def fit(self, data: Data, context: Context) -> EncoderPredictor:
        """Fit; a validation side is not needed."""
        self.check_data(data)
        encoder, vectors = self.vectors(data, context)
        data = self.weighted(data, context)
        return EncoderPredictor(encoder, *self.linear(vectors, data), data.class_mass())


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
