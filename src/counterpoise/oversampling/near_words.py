"""Words near a word, learnt from the given texts without labels, and the base of edits that put them in.

    near = NearWords(texts, seed=0)
    near.of({"prize", "nosuchword"}, k=10)                  # {"prize": ("cash", "win", ...)}

EDA (see :mod:`counterpoise.oversampling.word_edit`) takes synonyms from WordNet, which is English and a download.
Here the words nearest by cosine among label-free word vectors (:mod:`counterpoise.text.vectors`) take their place:
any language, and words that occur in like company, which are not always of like meaning.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from counterpoise.neighbors import NearestNeighbors
from counterpoise.oversampling.anchors import Anchor
from counterpoise.oversampling.base import check_count
from counterpoise.oversampling.word_edit import WordEdit
from counterpoise.seeding import RandomState, derive_seed
from counterpoise.text.edited import undressed
from counterpoise.text.tokenizers import WordTokenizer, words_and_gaps
from counterpoise.text.vectors import learn_vectors

_UNRELATED = 1 - 1e-4  # cosine distance of words with nothing in common, but for rounding


class NearWords:
    """Words of some texts, and which of them are near each other.

    Parameters
    ----------
    texts : ndarray of str, shape (n,)
        Vocabulary and vectors are learnt from them.
    seed : int
        Of the decompositions.

    Attributes
    ----------
    words : list of str
        In lower case, with a letter or a digit, of two texts at least (where there are such), that ever stand near
        others.
    """

    def __init__(self, texts: np.ndarray, seed: int) -> None:
        tokenizer = WordTokenizer().fit(texts)
        values, offsets = tokenizer.encode(texts)
        vectors = learn_vectors(values, offsets, len(tokenizer), seed=derive_seed(seed, "near words"))
        placed = [
            number
            for number, word in enumerate(tokenizer.words_)
            if undressed(word)[1] == word and vectors[number].any()
        ]
        self.words = [tokenizer.words_[number] for number in placed]
        self._vectors = vectors[placed]

    def of(self, words: Iterable[str], k: int) -> dict[str, tuple[str, ...]]:
        """Look words up.

        Parameters
        ----------
        words : iterable of str
            In lower case, without punctuation.
        k : int
            How many to find; fewer where fewer words have anything to do with it.

        Returns
        -------
        dict
            For each word, the nearest others, nearest first; words that have none, or are unknown, are missing.
        """
        asked = set(words)
        numbers = np.array([i for i, word in enumerate(self.words) if word in asked], dtype=np.int64)
        k = min(k, len(self.words) - 1)
        if not len(numbers) or k < 1:
            return {}
        neighbors = NearestNeighbors(k + 1, metric="cosine").fit(self._vectors)
        distances, found = neighbors.kneighbors(self._vectors[numbers])
        # Of words that always stand together, any may come first, so a word is not always the first it finds.
        near = (distances < _UNRELATED) & (found != numbers[:, None])
        return {
            self.words[number]: tuple(self.words[i] for i in row[fits][:k])
            for number, row, fits in zip(numbers, found, near, strict=True)
            if fits.any()
        }


class NearWordEdit(WordEdit):
    """Base of edits that bring words near those of a copy.

    Parameters
    ----------
    rate : float, default=0.1
        See :class:`counterpoise.oversampling.word_edit.WordEdit`.
    k : int, default=10
        Nearest words among which one is drawn, each alike. Few, so that it stands in like company; other numbers were
        not compared.
    sampling_strategy : float, str, dict or callable, default="auto"
        See :class:`counterpoise.oversampling.base.TextSampler`.
    random_state : int, RandomState, Generator or None, default=None
    """

    _near: NearWords | None = None
    _table: dict[str, tuple[str, ...]]

    def __init__(
        self,
        *,
        rate: float = 0.1,
        k: int = 10,
        sampling_strategy: Any = "auto",
        random_state: RandomState = None,
    ) -> None:
        super().__init__(rate=rate, sampling_strategy=sampling_strategy, random_state=random_state)
        self.k = k

    def check(self) -> None:
        """Refuse settings out of range."""
        super().check()
        check_count("k", self.k)

    def _begin(self, texts: np.ndarray, labels: np.ndarray, seed: int) -> None:
        self._near = NearWords(texts, seed)

    def _end(self) -> None:
        self._near, self._table = None, {}

    def _make(
        self, texts: np.ndarray, labels: np.ndarray, label: Any, count: int, rng: np.random.Generator
    ) -> list[Anchor]:
        assert self._near is not None  # _begin has made it
        own = {undressed(word)[1] for text in texts[labels == label] for word in words_and_gaps(text)[0]}
        self._table = self._near.of(own, self.k)
        return super()._make(texts, labels, label, count, rng)

    def _places(self, words: list[str]) -> np.ndarray:
        """Places of words that have near ones."""
        known = [place for place, word in enumerate(words) if undressed(word)[1] in self._table]
        return np.array(known, dtype=np.int64)

    def _near_one(self, word: str, rng: np.random.Generator) -> str:
        near = self._table[undressed(word)[1]]
        return near[rng.integers(len(near))]
