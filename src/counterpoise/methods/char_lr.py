"""TF-IDF of runs of characters and logistic regression: what rare words have in common with others is seen."""

from __future__ import annotations

from typing import ClassVar

from counterpoise.methods.tfidf_lr import TfidfLR
from counterpoise.search_space import Range, Space
from counterpoise.text.characters import SHORTEST
from counterpoise.text.tfidf import character_tfidf


class CharLR(TfidfLR):
    """Logistic regression on TF-IDF of runs of characters inside words.

    A few dozen texts of a class show few of its words, but parts of many more: forms of one word, misspellings and
    compounds share most of their runs (:mod:`counterpoise.text.characters`). Chinese characters count alone and in
    pairs.

    Parameters
    ----------
    C : float, default=10.0
        Inverse strength of the ridge penalty, as in scikit-learn.
    max_ngram : int, default=6
        Characters of the longest run that is a feature; the shortest has three, the bounds of a word counted, as in
        fastText.
    min_df : int, default=1
        Texts a feature must occur in. A rare class cannot afford to lose its rare runs.
    balanced : bool, default=True
        Whether classes get the same total weight.
    sampler : str or None, default=None
        As for :class:`counterpoise.methods.tfidf_lr.TfidfLR`.
    """

    summary = "TF-IDF of runs of characters and balanced logistic regression; no network"
    name = "char_lr"
    shortest = SHORTEST
    features = staticmethod(character_tfidf)
    search_space: ClassVar[Space] = {"C": Range(0.3, 100.0, log=True), "max_ngram": Range(4, 7)}

    def __init__(
        self,
        *,
        C: float = 10.0,
        max_ngram: int = 6,
        min_df: int = 1,
        balanced: bool = True,
        sampler: str | None = None,
    ) -> None:
        super().__init__(C=C, max_ngram=max_ngram, min_df=min_df, balanced=balanced, sampler=sampler)
