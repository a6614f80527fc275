"""The texts that lie nearest in a frozen pretrained encoder, class by class."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from counterpoise.methods.base import Context, Data
from counterpoise.methods.frozen_encoder import FrozenEncoderMethod, unit
from counterpoise.methods.neighbor_contrast import NeighborContrast
from counterpoise.methods.predictors import SavedState
from counterpoise.methods.row_sample import one_of_repeated, sample
from counterpoise.methods.setting_checks import check_whole
from counterpoise.search_space import Range, Space
from counterpoise.seeding import generator
from counterpoise.text.checkpoints import DEFAULT
from counterpoise.text.frozen import FrozenEncoder


class EncoderNeighbors(FrozenEncoderMethod):
    """How near the nearest texts of each class are, in a pretrained encoder's vectors of length 1.

    A class whose nearest texts are near is dense there (Loftsgaarden and Quesenberry, "A Nonparametric Estimate of a
    Multivariate Density Function", Annals of Mathematical Statistics 36, 1965). The logit of a class is the mean cosine
    similarity to its ``k`` nearest texts, times one slope for all classes, plus an intercept of its own; these few
    numbers are fitted to the training texts, each of which is compared with the others. That is what difficulty counts
    (:mod:`counterpoise.difficulty`), as evidence. Texts that nearly repeat each other count as one, or each would find
    itself.

    It sees what a plane through the same vectors cannot, that the class is made of several small topics, and adds most
    beside one: in :class:`counterpoise.methods.blend.Blend`.

    A saved model holds the vectors of the texts that are compared with.

    Parameters
    ----------
    encoder : str, default="sentence-transformers/all-MiniLM-L6-v2"
        Of the Hugging Face Hub, or a folder.
    revision : str or None, default=None
        Commit, branch or tag of the Hub.
    k : int, default=5
        Nearest texts of each class; of a class with fewer all but one. As many as difficulty looks at.
    max_rows : int, default=20000
        Texts at most that others are compared with, all those of rare classes among them.
    max_length : int, default=256
        Tokens read of each text.
    pooling : {"mean", "first", "last", "max"} or None, default=None
        None does as the checkpoint's description says.
    balanced : bool, default=True
        Whether classes get the same total weight where slope and intercepts are fitted.

    Raises
    ------
    DataError
        From ``fit``, for sample weights that differ within a class: how near a neighbour of weight 2 is, is not
        defined.
    """

    summary = "how near the nearest texts of each class are in a frozen pretrained encoder"
    paper = "Loftsgaarden and Quesenberry 1965"
    name = "encoder_neighbors"
    takes_sample_weight = False
    search_space: ClassVar[Space] = {"k": Range(1, 20, log=True)}

    def __init__(
        self,
        *,
        encoder: str = DEFAULT,
        revision: str | None = None,
        k: int = 5,
        max_rows: int = 20_000,
        max_length: int = 256,
        pooling: str | None = None,
        balanced: bool = True,
    ) -> None:
        self.encoder = encoder
        self.revision = revision
        self.k = k
        self.max_rows = max_rows
        self.max_length = max_length
        self.pooling = pooling
        self.balanced = balanced

    def check(self) -> None:
        """Refuse settings out of range, and an encoder that cannot be had."""
        check_whole(self.name, k=self.k)
        check_whole(self.name, at_least=100, max_rows=self.max_rows)
        super().check()

    def fit(self, data: Data, context: Context) -> NeighborPredictor:
        """Take texts in, and fit slope and intercepts; a validation side is not needed."""
        self.check_data(data)
        told = one_of_repeated(sample(data, int(self.max_rows), generator(context.seed, "rows")))
        encoder, vectors = self.vectors(told, context)
        told = self.weighted(told, context)
        contrast = NeighborContrast.fitted(vectors, told.labels, told.weights, int(self.k))
        return NeighborPredictor(encoder, contrast, told.class_mass())


class NeighborPredictor:
    """Texts that others are compared with, in a frozen encoder.

    Parameters
    ----------
    encoder : FrozenEncoder
    contrast : NeighborContrast
        Over vectors of length 1.
    training_prior : ndarray of float64, shape (C,)
    """

    kind: ClassVar[str] = "encoder_neighbors"

    def __init__(
        self, encoder: FrozenEncoder, contrast: NeighborContrast, training_prior: np.ndarray
    ) -> None:
        self.encoder = encoder
        self.contrast = contrast
        self.training_prior = training_prior
        self.history: list[dict[str, float]] = []

    def logits(self, inputs: np.ndarray) -> np.ndarray:
        """Logits ``(n, C)`` of float64."""
        return self.contrast.logits(self.embed(inputs))

    def embed(self, inputs: np.ndarray) -> np.ndarray:
        """Vectors of length 1, ``(n, d)`` of float32."""
        return unit(self.encoder.features(inputs))

    def state(self) -> SavedState:
        """Take the predictor apart; the encoder stays where it is."""
        config, tensors = self.contrast.state()
        tensors["training_prior"] = self.training_prior
        return SavedState({**config, "encoder": self.encoder.state()}, tensors)

    @classmethod
    def from_state(cls, state: SavedState, method: Any) -> NeighborPredictor:
        """Put a predictor together again; its encoder is looked for when the first texts come."""
        contrast = NeighborContrast.restored(state.config, state.tensors)
        return cls(FrozenEncoder(**state.config["encoder"]), contrast, state.tensors["training_prior"])
