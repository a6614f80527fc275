"""What becomes of texts that somebody else has written: which are new, and read as of their class.

sieve = Sieve(texts, minority_rows, Belonging(texts, labels == "spam", groups, seed))
sieve.outcomes(written, source_rows, refused)                    # ["kept", "near_repeat", ...]
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from counterpoise.oversampling.belonging import Belonging
from counterpoise.oversampling.novelty import Novelty
from counterpoise.text.duplicates import near_duplicate_groups
from counterpoise.text.tokenizers import tokenize

KEPT = "kept"

OUTCOMES = {
    KEPT: "were kept",
    "refused": "the model would not write",
    "empty": "were empty",
    "repeat": "repeat a text",
    "near_repeat": "nearly repeat a text",
    "other_class": "read as of another class",
}
"""What can become of a text, and how that is said of several."""


class Sieve:
    """Lets texts pass that are new and belong to their class.

    Parameters
    ----------
    texts : ndarray of str, shape (n,)
        The given ones, of all classes.
    own : ndarray of int64, shape (m,)
        Rows of the class.
    belonging : Belonging or None
        None lets pass what reads as of another class.
    """

    def __init__(self, texts: np.ndarray, own: NDArray[np.int64], belonging: Belonging | None) -> None:
        self._there = list(texts)
        self._novelty, self._belonging = Novelty(texts, own), belonging

    def outcomes(
        self, written: Sequence[str], sources: NDArray[np.int64], refused: Sequence[bool]
    ) -> list[str]:
        """One of :data:`OUTCOMES` for each text; those that are kept stand there for the next ones.

        Parameters
        ----------
        written : sequence of m str
        sources : ndarray of int64, shape (m,)
            Row that each was made from.
        refused : sequence of m bool
            Whether its writer would not write it.
        """
        words = tokenize(np.array(written, dtype=object)).to_list()
        fits = np.ones(len(words), dtype=bool)
        if self._belonging is not None:
            fits = self._belonging.keeps(words, sources)
        n = len(self._there)
        groups = near_duplicate_groups([*self._there, *written]).tolist()
        known = set(groups[:n])
        found = []
        for text, own, group, fit, no in zip(written, words, groups[n:], fits, refused, strict=True):
            if no:
                outcome = "refused"
            elif not own:
                outcome = "empty"
            elif not self._novelty.admits(text, own):
                outcome = "repeat"
            elif group in known:
                outcome = "near_repeat"
            elif not fit:
                outcome = "other_class"
            else:
                outcome = KEPT
                self._novelty.take(text, own)
                self._there.append(text)
                known.add(group)
            found.append(outcome)
        return found
