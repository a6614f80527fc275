"""A Markov chain of words over two sets of texts, walked along the places where they were read.

    words = ReadWords(texts)
    chain = WordChain(words, own=labels == "spam", gamma=1.0)
    places = chain.walk(first, lengths, rng)                # (n, longest), -1 after the end of each
    words.written[places[0, :lengths[0]]]

Drawing a follower of a word by how often it follows is the same as drawing one of the places where the word stands,
each alike, and taking what stands next. The walk goes from place to place, all texts a step at a time; so each word of
a new text is known with the text that it was read in, written as it was there.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from counterpoise.text.edited import undressed
from counterpoise.text.tokenizers import words_and_gaps

Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]


class ReadWords:
    """All words of some texts, one text after the other.

    Parameters
    ----------
    texts : ndarray of str, shape (n,)
        Each with one word at least.

    Attributes
    ----------
    written : ndarray of str, shape (n_words,)
        As they stand in the texts.
    ids : ndarray of int64, shape (n_words,)
        Equal for words that are the same in lower case and without the punctuation around them.
    rows : ndarray of int64, shape (n_words,)
        Text of each.
    starts, ends : ndarray of int64, shape (n,)
        Places of each text's first and last word.
    """

    def __init__(self, texts: NDArray[np.object_]) -> None:
        listed = [words_and_gaps(text)[0] for text in texts]
        lengths = np.array([len(words) for words in listed], dtype=np.int64)
        self.written = np.array([word for words in listed for word in words], dtype=object)
        cores = {word: undressed(word)[1] or word for word in set(self.written)}
        numbers: dict[str, int] = {}
        # In the order of the texts, since that of a set differs from process to process.
        self.ids = np.array(
            [numbers.setdefault(cores[word], len(numbers)) for word in self.written], dtype=np.int64
        )
        self.rows = np.repeat(np.arange(len(listed)), lengths)
        self.ends = np.cumsum(lengths) - 1
        self.starts = self.ends - lengths + 1

    def of(self, row: int) -> set[str]:
        """The different words of a text, as written."""
        return set(self.written[self.starts[row] : self.ends[row] + 1])


class _Steps:
    """Places that can be left for the next one, by their word."""

    def __init__(self, ids: Ints, places: Bools) -> None:
        chosen = np.flatnonzero(places)
        self._places = chosen[np.argsort(ids[chosen], kind="stable")]
        self.counts = np.bincount(ids[chosen], minlength=int(ids.max()) + 1)
        self._starts = np.cumsum(self.counts) - self.counts

    def draw(self, ids: Ints, uniform: NDArray[np.float64]) -> Ints:
        """A place of each word, each alike; anything where there is none."""
        at = self._starts[ids] + (uniform * self.counts[ids]).astype(np.int64)
        return self._places[np.minimum(at, len(self._places) - 1)] if len(self._places) else at


class WordChain:
    """Transitions between words, of one set of texts and, by a weight, of all others.

    Parameters
    ----------
    words : ReadWords
    own : ndarray of bool, shape (n,)
        The texts that are to be continued in kind.
    gamma : float
        What a transition of another text weighs where one of an own text weighs 1; 0 leaves the others out.
    """

    def __init__(self, words: ReadWords, own: Bools, gamma: float) -> None:
        self._words, self._gamma = words, gamma
        ids, mine = words.ids, own[words.rows]
        self._is_last = np.zeros(len(ids), dtype=bool)
        self._is_last[words.ends] = True
        self._known = np.zeros(int(ids.max()) + 1, dtype=bool)
        self._known[ids[mine]] = True
        goes_on = ~self._is_last & (ids != np.roll(ids, -1))
        self._own = _Steps(ids, mine & (goes_on | self._is_last))
        self._others = _Steps(ids, ~mine & goes_on & self._known[ids])
        self._places = np.flatnonzero(mine)
        self._starts = words.starts[own]

    def walk(self, first: Ints, lengths: Ints, rng: np.random.Generator) -> Ints:
        """Write texts.

        Parameters
        ----------
        first : ndarray of int64, shape (n,)
            Place of each one's first word.
        lengths : ndarray of int64, shape (n,)
            Words of each, at least 1.
        rng : numpy.random.Generator

        Returns
        -------
        ndarray of int64, shape (n, max(lengths))
            Places of their words; -1 after the end.
        """
        places = np.full((len(first), int(lengths.max())), -1, dtype=np.int64)
        places[:, 0] = first
        for step in range(1, places.shape[1]):
            going = np.flatnonzero(lengths > step)
            places[going, step] = self._next(places[going, step - 1], rng)
        return places

    def _next(self, places: Ints, rng: np.random.Generator) -> Ints:
        side, which, otherwise = rng.random((3, len(places)))
        ids = self._words.ids[places]
        # From a word that no own text has there is no way back but to any word of theirs.
        following = self._places[(otherwise * len(self._places)).astype(np.int64)]
        own, others = self._own.counts[ids], self._gamma * self._others.counts[ids]
        from_own = side * (own + others) < own
        left = np.where(from_own, self._own.draw(ids, which), self._others.draw(ids, which))
        ended = from_own & self._is_last[left]
        restart = self._starts[(otherwise * len(self._starts)).astype(np.int64)]
        return np.where(self._known[ids], np.where(ended, restart, left + 1), following)
