"""Runs of characters inside words as features: what words that have never been seen share with those that have.

>>> runs_of_words(["a", "bill"], longest=4)
[' a ', ' bi', 'bil', 'ill', 'll ', ' bil', 'bill', 'ill ']
>>> runs_of_words(["免", "费", "wifi"], longest=3)
['免', '费', '免费', ' wi', 'wif', 'ifi', 'fi ']
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from counterpoise.text.tokenizers import is_character

SHORTEST = 3
"""Characters of the shortest run, a word's bounds counted; fastText's (Bojanowski et al., TACL 2017, section 4)."""

_KEPT = 200_000  # different words whose runs are remembered


class CharacterRuns:
    """An analyser for scikit-learn's vectorizers: from the words of a text to its runs.

    A word stands between two spaces, which are part of its runs; a shorter one is one run. Chinese characters and
    Japanese kana, of which each is a word or part of one, count alone and in pairs, as they do among words.

    Parameters
    ----------
    longest : int
        Characters of the longest run, :data:`SHORTEST` or more.
    """

    def __init__(self, longest: int) -> None:
        self.longest = longest

    def __call__(self, words: Sequence[str]) -> list[str]:
        """Runs of a text, whose words :func:`counterpoise.text.tokenizers.spaced_words` has found, in order."""
        return runs_of_words(words, self.longest)


def runs_of_words(words: Sequence[str], longest: int) -> list[str]:
    """Runs of ``SHORTEST`` to ``longest`` characters inside each word, and pairs of neighbouring Chinese characters."""
    found: list[str] = []
    before = ""
    for word in words:
        if not is_character(word):
            found += _inside(word, longest)
            before = ""
            continue
        found.append(word)
        if before:
            found.append(before + word)
        before = word
    return found


@lru_cache(maxsize=_KEPT)
def _inside(word: str, longest: int) -> tuple[str, ...]:
    padded = f" {word} "
    if len(padded) <= SHORTEST:
        return (padded,)
    return tuple(
        padded[start : start + length]
        for length in range(SHORTEST, min(longest, len(padded)) + 1)
        for start in range(len(padded) - length + 1)
    )
