"""From texts to what a network over words starts from: token ids and word vectors.

The vocabulary and the vectors come from the fitting side only. Vectors learnt from its texts without labels are
the default: a rare class shows too few words for a network to learn what they mean from the labels alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from counterpoise.errors import SettingsError
from counterpoise.seeding import derive_seed, generator
from counterpoise.text.batching import Ragged
from counterpoise.text.tokenizers import WordTokenizer
from counterpoise.text.vectors import learn_vectors


class WordEncoder:
    """Tokenizer, vocabulary and starting word vectors of one fitting side.

    Parameters
    ----------
    min_df : int, default=2
        Texts a word must occur in to enter the vocabulary.
    max_words : int, default=30000
        Size of the vocabulary at most; the most frequent words stay.
    max_length : int, default=256
        Tokens read of each text, from its beginning.
    dim : int, default=128
        Width of the word vectors.
    vectors : {"learnt", "random"}, default="learnt"
        ``"learnt"``: from co-occurrence in the fitting side's texts (:func:`counterpoise.text.vectors.learn_vectors`);
        ``"random"``: normal, with standard deviation 1.
    train_vectors : bool or None, default=None
        Whether the network may change the vectors; None trains random ones and freezes learnt ones, which a
        few rare texts would only bend towards themselves.

    Raises
    ------
    SettingsError
        If ``vectors`` is neither.
    """

    def __init__(
        self,
        *,
        min_df: int = 2,
        max_words: int = 30_000,
        max_length: int = 256,
        dim: int = 128,
        vectors: str = "learnt",
        train_vectors: bool | None = None,
    ) -> None:
        if vectors not in ("learnt", "random"):
            raise SettingsError(f"vectors is {vectors!r}; choose 'learnt' or 'random'")
        self.tokenizer = WordTokenizer(min_df=min_df, max_words=max_words)
        self.max_length, self.dim, self.vectors = max_length, dim, vectors
        self.train_vectors = train_vectors

    def fit(self, inputs: np.ndarray, seed: int = 0, device: torch.device | None = None) -> WordEncoder:
        """Learn vocabulary and vectors from texts, an object array of shape ``(n,)``, on no device but the CPU."""
        self.tokenizer.fit(inputs)
        self.vectors_ = torch.from_numpy(self.make_vectors(inputs, seed))
        return self

    def make_vectors(self, inputs: np.ndarray, seed: int) -> np.ndarray:
        """Starting word vectors, float32 of shape ``(V, dim)``, for the fitted vocabulary."""
        if self.vectors == "learnt":
            values, offsets = self.tokenizer.encode(inputs, self.max_length)
            return learn_vectors(
                values, offsets, len(self.tokenizer), self.dim, seed=derive_seed(seed, "vectors")
            )
        drawn = generator(seed, "vectors").standard_normal((len(self.tokenizer), self.dim))
        drawn[0] = 0
        return drawn.astype(np.float32)

    @property
    def input_spec(self) -> nn.Embedding:
        """An embedding layer ``(V, dim)`` that starts from the word vectors."""
        trained = self.vectors == "random" if self.train_vectors is None else self.train_vectors
        return nn.Embedding.from_pretrained(self.vectors_.clone(), freeze=not trained, padding_idx=0)

    def encode(self, inputs: np.ndarray, device: torch.device | None = None) -> Ragged:
        """Token ids of texts; words outside the vocabulary share one id."""
        return Ragged(*self.tokenizer.encode(inputs, self.max_length), device)

    def state(self) -> dict[str, Any]:
        """Everything :meth:`from_state` needs; the vectors themselves are saved with the network."""
        settings = {name: getattr(self, name) for name in ("max_length", "dim", "vectors", "train_vectors")}
        tokenizer = self.tokenizer.state()
        vocabulary = tokenizer.pop("words")
        return {"settings": {**settings, **tokenizer}, "vocabulary": vocabulary}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> WordEncoder:
        """Restore a fitted object; its vectors are zeros until the network's weights are loaded."""
        settings = state["settings"]
        encoder = cls(**settings)
        encoder.tokenizer = WordTokenizer.from_state({**settings, "words": state["vocabulary"]})
        encoder.vectors_ = torch.zeros(len(encoder.tokenizer), encoder.dim)
        return encoder
