"""Word swap: each minority copy has a share of its words replaced by words of a random majority text.

A copy keeps its label, so the classifier meets the rare class in the company of the majority's words and learns
which of the words it may not lean on. It helps where words make the class (topics, spam) and hurts where their
order does (question types); ``rate`` is its only setting.

>>> sampler = WordSwap(random_state=0)
>>> X, y = sampler.fit_resample(
...     ["win a cash prize now", "see you at home", "are you there yet"], ["spam", "ham", "ham"]
... )
>>> len(X), sampler.anchors_["source_row"].to_pylist()
(4, [0])
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from counterpoise.oversampling.anchors import Anchor
from counterpoise.oversampling.base import words_of_share
from counterpoise.oversampling.word_lending import WordLending
from counterpoise.search_space import Range, Space
from counterpoise.text.edited import join_edited
from counterpoise.text.tokenizers import words_and_gaps


class WordSwap(WordLending):
    """Over-sample by copies in which some words are those of a majority text.

    Parameters
    ----------
    rate : float, default=1/3
        Share of each copy's words that is replaced, rounded; at least one word of a text of two or more. The
        default is the one measured in ``docs/benchmarks.md``; others were not compared.
    sampling_strategy : float, str, dict or callable, default="auto"
        See :class:`counterpoise.oversampling.base.TextSampler`.
    random_state : int, RandomState, Generator or None, default=None

    Raises
    ------
    SettingsError
        From ``fit_resample``, if ``rate`` is not in (0, 1).

    Notes
    -----
    The majority of a class are the rows of all classes with more rows than it. Words of a copy go to random
    places and keep their order in the partner; punctuation and spaces around the replaced words go with them.
    """

    search_space: ClassVar[Space] = {"rate": Range(0.1, 0.6)}

    def _lend(self, texts: np.ndarray, source: int, partner: int, rng: np.random.Generator) -> Anchor:
        words, gaps = words_and_gaps(texts[source])
        lent, _ = words_and_gaps(texts[partner])
        n = min(words_of_share(self.rate, len(words)), len(lent))
        places = np.sort(rng.choice(len(words), n, replace=False))
        injected = [lent[i] for i in np.sort(rng.choice(len(lent), n, replace=False))]
        taken = set(places.tolist())
        kept = tuple(word for i, word in enumerate(words) if i not in taken)
        for place, word in zip(places, injected, strict=True):
            words[place] = word
        there = set(lent)
        shared = tuple(word for word in kept if word in there)
        return Anchor(join_edited(words, gaps), source, (partner,), kept, shared, tuple(injected))
