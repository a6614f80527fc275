"""Word replacement: some words of a minority copy give way to words that stand in like company.

Synonym replacement of EDA (Wei and Zou 2019, section 2; see :mod:`counterpoise.oversampling.word_edit`), with nearest
neighbours among word vectors in place of WordNet (:mod:`counterpoise.oversampling.near_words`).

>>> sampler = WordReplacement(rate=0.4, k=1, random_state=0)
>>> X, y = sampler.fit_resample(
...     ["win a cash prize", "Claim the CASH prize!", *["see you there", "see you at home"] * 2],
...     ["spam", "spam", *["ham"] * 4],
... )
>>> X[6:]
['Claim the PRIZE cash!', 'win a prize cash']
"""

from __future__ import annotations

import numpy as np

from counterpoise.oversampling.anchors import Anchor
from counterpoise.oversampling.base import words_of_share
from counterpoise.oversampling.near_words import NearWordEdit
from counterpoise.text.edited import dressed, join_edited
from counterpoise.text.tokenizers import words_and_gaps


class WordReplacement(NearWordEdit):
    """Over-sample by copies in which words are replaced by near ones.

    Parameters
    ----------
    rate : float, default=0.1
        Share of each copy's words that is replaced, rounded; at least one word of a text of two or more (EDA's
        alpha). The default is that of its authors' code; others were not compared here.
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
    Words of a single text have no place among the others and stay; a text in which nothing else stands is copied, and
    so is one of one word while ``rate`` is below a half. EDA spares English stop words; here, without a list of them
    for each language, they are replaced like all others. A new word takes over capitals and punctuation.
    """

    def _edit(self, text: str, row: int, rng: np.random.Generator) -> Anchor:
        words, gaps = words_and_gaps(text)
        known = self._places(words)
        n = min(words_of_share(self.rate, len(words)), len(known))
        replaced = sorted(rng.choice(known, n, replace=False).tolist()) if n else []
        kept = tuple(word for place, word in enumerate(words) if place not in replaced)
        for place in replaced:
            words[place] = dressed(self._near_one(words[place], rng), like=words[place])
        injected = tuple(words[place] for place in replaced)
        return Anchor(join_edited(words, gaps), row, kept=kept, injected=injected)
