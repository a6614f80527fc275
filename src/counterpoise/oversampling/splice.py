"""Splice: a fragment of a random majority text is put into each minority copy.

The copy keeps all its words and its label, so the classifier meets the rare class amid a stretch of the majority's
own language, as in a message that is only partly about what makes it rare. Word swap
(:mod:`counterpoise.oversampling.word_swap`) is the other way to lend words: there they are scattered and take the
place of others.

>>> sampler = Splice(random_state=0)
>>> X, y = sampler.fit_resample(["win a cash prize now", "see you at home", "hi"], ["spam", "ham", "ham"])
>>> X[3]
'win you at a cash prize now'
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from counterpoise.oversampling.anchors import Anchor
from counterpoise.oversampling.base import words_of_share
from counterpoise.oversampling.word_lending import WordLending
from counterpoise.search_space import Range, Space
from counterpoise.text.edited import join_edited, put_in
from counterpoise.text.tokenizers import words_and_gaps


class Splice(WordLending):
    """Over-sample by copies into which a few words in a row of a majority text are put.

    Parameters
    ----------
    rate : float, default=1/3
        Words of the fragment, as a share of the copy's own, rounded; at least one, and not more than the majority
        text has. The default is that of :class:`counterpoise.oversampling.word_swap.WordSwap`, so that the two bring
        equally many; others were not compared.
    sampling_strategy : float, str, dict or callable, default="auto"
        See :class:`counterpoise.oversampling.base.TextSampler`.
    random_state : int, RandomState, Generator or None, default=None

    Raises
    ------
    SettingsError
        From ``fit_resample``, if ``rate`` is not in (0, 1).

    Notes
    -----
    The majority of a class are the rows of all classes with more rows than it. The fragment comes as it was written,
    with what stands between its words, to a random place: before, after or between words of the copy. A text of one
    word gets one before or after it.
    """

    search_space: ClassVar[Space] = {"rate": Range(0.1, 0.9)}

    def _lend(self, texts: np.ndarray, source: int, partner: int, rng: np.random.Generator) -> Anchor:
        own, gaps = words_and_gaps(texts[source])
        lent, between = words_and_gaps(texts[partner])
        n = min(max(words_of_share(self.rate, len(own)), 1), len(lent))
        start = int(rng.integers(len(lent) - n + 1))
        fragment = lent[start : start + n]
        place = int(rng.integers(len(own) + 1))
        words, gaps = put_in(own, gaps, place, fragment, between[start + 1 : start + n])
        there = set(lent)
        shared = tuple(word for word in own if word in there)
        return Anchor(join_edited(words, gaps), source, (partner,), tuple(own), shared, tuple(fragment))
