"""Word insertion: into a minority copy come words that stand in like company as some of its own.

Random insertion of EDA (Wei and Zou 2019, section 2; see :mod:`counterpoise.oversampling.word_edit`), with nearest
neighbours among word vectors in place of WordNet (:mod:`counterpoise.oversampling.near_words`).

>>> sampler = WordInsertion(k=1, random_state=0)
>>> X, y = sampler.fit_resample(
...     ["win a cash prize", "Claim the CASH prize!", *["see you there", "see you at home"] * 2],
...     ["spam", "spam", *["ham"] * 4],
... )
>>> X[6:]
['Claim the CASH cash prize!', 'win cash a cash prize']
"""

from __future__ import annotations

import numpy as np

from counterpoise.oversampling.anchors import Anchor
from counterpoise.oversampling.base import words_of_share
from counterpoise.oversampling.near_words import NearWordEdit
from counterpoise.text.edited import join_edited, put_in
from counterpoise.text.tokenizers import words_and_gaps


class WordInsertion(NearWordEdit):
    """Over-sample by copies with words near their own put in.

    Parameters
    ----------
    rate : float, default=0.1
        Words that are put in, as a share of the copy's own, rounded; at least one (EDA's alpha). The default is that
        of its authors' code; others were not compared here.
    k : int, default=10
        Nearest words among which one is drawn, each alike. Few, so that it stands in like company; other numbers were
        not compared.
    sampling_strategy : float, str, dict or callable, default="auto"
        See :class:`counterpoise.oversampling.base.TextSampler`.
    random_state : int, RandomState, Generator or None, default=None

    Raises
    ------
    SettingsError
        From ``fit_resample``, if ``rate`` is not in (0, 1) or ``k`` is below 1.

    Notes
    -----
    Each new word is near one of the copy's words, drawn at random, and comes to a random place, in lower case. Words
    of a single text have no place among the others; a text in which nothing else stands is copied.
    """

    def _edit(self, text: str, row: int, rng: np.random.Generator) -> Anchor:
        own, gaps = words_and_gaps(text)
        known = self._places(own)
        n = max(words_of_share(self.rate, len(own)), 1) if len(known) else 0
        injected = tuple(self._near_one(own[place], rng) for place in rng.choice(known, n)) if n else ()
        words = own
        for word in injected:
            words, gaps = put_in(words, gaps, int(rng.integers(len(words) + 1)), [word])
        return Anchor(join_edited(words, gaps), row, kept=tuple(own), injected=injected)
