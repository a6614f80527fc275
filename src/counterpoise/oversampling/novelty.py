"""Is a new text new? Asked of what stands already: the given texts, the words of the sources, the texts taken before.

novelty = Novelty(texts, source_rows)
if novelty.admits("win a prize", ["win", "a", "prize"]):
novelty.take("win a prize", ["win", "a", "prize"])
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from counterpoise.text.tokenizers import tokenize


class Novelty:
    """What a new text must not repeat.

    Parameters
    ----------
    texts : ndarray of str, shape (n,)
        All given texts; none may come again, whatever its capitals and spaces.
    sources : ndarray of int64, shape (s,)
        Rows of those that new texts are made from; none may have the very words of one of them, in whatever order.
    """

    def __init__(self, texts: np.ndarray, sources: np.ndarray) -> None:
        self._known = {hash(_plain(text)) for text in texts}
        self._known |= {hash(frozenset(words)) for words in tokenize(texts[sources]).to_list()}

    def admits(self, text: str, words: Sequence[str]) -> bool:
        """Whether a text, and its tokens in whatever order, stand nowhere yet; a text without any is not admitted."""
        return bool(words) and self._known.isdisjoint(_marks(text, words))

    def take(self, text: str, words: Sequence[str]) -> None:
        """Note a text that was taken, so that none after it repeats it."""
        self._known |= _marks(text, words)


def _marks(text: str, words: Sequence[str]) -> set[int]:
    return {hash(_plain(text)), hash(frozenset(words))}


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
