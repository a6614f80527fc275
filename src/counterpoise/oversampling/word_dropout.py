"""Word dropout: each word of a minority copy is left out with the same probability.

Random deletion of EDA (Wei and Zou 2019, section 2; see :mod:`counterpoise.oversampling.word_edit`). It brings no
word that the minority does not have; it takes from the classifier the certainty that any one of them is there.

>>> sampler = WordDropout(rate=0.5, random_state=0)
>>> X, y = sampler.fit_resample(["win a cash prize now", "see you at home", "hi"], ["spam", "ham", "ham"])
>>> X[3]
'win cash'
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from counterpoise.oversampling.anchors import Anchor
from counterpoise.oversampling.word_edit import WordEdit
from counterpoise.text.edited import join_edited
from counterpoise.text.tokenizers import words_and_gaps


class WordDropout(WordEdit):
    """Over-sample by copies in which words are missing.

    Parameters
    ----------
    rate : float, default=0.1
        Probability of each word to be left out, independently (EDA's p). The default is that of its authors' code;
        others were not compared here. Of texts of ``n`` words ``(1 - rate) ** n`` of the copies are whole.
    sampling_strategy : float, str, dict or callable, default="auto"
        See :class:`counterpoise.oversampling.base.TextSampler`.
    random_state : int, RandomState, Generator or None, default=None

    Raises
    ------
    SettingsError
        From ``fit_resample``, if ``rate`` is not in (0, 1).

    Notes
    -----
    Where all words would go, one of them, drawn at random, stays; a text of one word is copied. Punctuation goes with
    the word that it is written to.
    """

    def _edit(self, text: str, row: int, rng: np.random.Generator) -> Anchor:
        new, kept = drop_words(text, self.rate, rng)
        return Anchor(new, row, kept=kept)


def drop_words(text: str, rate: float, rng: np.random.Generator) -> tuple[str, tuple[str, ...]]:
    """Leave words of a text out.

    Parameters
    ----------
    text : str
        With one word at least.
    rate : float
        Probability of each word to go; where all would, one stays.
    rng : numpy.random.Generator

    Returns
    -------
    text : str
    kept : tuple of str
        Its words.
    """
    words, gaps = words_and_gaps(text)
    places = np.flatnonzero(rng.random(len(words)) >= rate)
    if not len(places):
        places = rng.integers(len(words), size=1)
    inner = [next((gap for gap in gaps[left + 1 : right + 1] if gap), "") for left, right in pairwise(places)]
    kept = tuple(words[i] for i in places)
    return join_edited(kept, [gaps[0], *inner, gaps[-1]]), kept
