"""EMCO: minority texts written by a Markov chain that steps over into the majority's vocabulary and back.

Avela and Ilmonen, "Extrapolated Markov Chain Oversampling Method for Imbalanced Text Classification", JMLR 27(18),
2026 (arXiv 2509.02332). More texts would bring more words, which copies never do; so the words that follow a minority
word are learnt from all texts, and the minority's vocabulary grows as it is over-sampled. The details follow the
authors' code (github.com/AleksiAvela/emco), since the paper's text was not at hand.

>>> sampler = MarkovWriter(random_state=0)
>>> X, y = sampler.fit_resample(
...     ["win a prize now", "claim a free prize"], ["spam", "ham"]
... )
>>> len(X)
2
"""

from __future__ import annotations

import warnings
from numbers import Real
from typing import Any, ClassVar

import numpy as np

from counterpoise.errors import CounterpoiseWarning, SettingsError
from counterpoise.oversampling.anchors import Anchor
from counterpoise.oversampling.base import TextSampler, draw_sources
from counterpoise.oversampling.word_chain import ReadWords, WordChain
from counterpoise.search_space import Range, Space
from counterpoise.seeding import RandomState
from counterpoise.text.edited import join_edited

_TRIES = 5
"""Times a text is written at most before a copy is taken."""


class MarkovWriter(TextSampler):
    """Over-sample by texts that a Markov chain of words writes.

    Parameters
    ----------
    gamma : float, default=1.0
        Weight of a transition from a minority word to whatever follows it in a text of another class; one in a
        minority text weighs 1. 0 learns from the minority alone. The default is that of the authors' code.
    sampling_strategy : float, str, dict or callable, default="auto"
        See :class:`counterpoise.oversampling.base.TextSampler`.
    random_state : int, RandomState, Generator or None, default=None

    Raises
    ------
    SettingsError
        From ``fit_resample``, if ``gamma`` is not a number of 0 or more.

    Warns
    -----
    CounterpoiseWarning
        If texts repeat given ones after five tries each, as those of a class of one text do when no other class has
        its words.

    Notes
    -----
    A new text starts with the first word of its source, the minority texts taking turns, and has as many words as a
    minority text drawn at random. Where the chain comes to the end of a minority text before, it goes on with the
    first word of another. After a word that only other classes have, any word of the minority follows, as often as it
    occurs there. That a word follows itself is not learnt.

    Words are the same in lower case and without punctuation around them, and are written as they were where they were
    read; the authors take pre-processed tokens. Between them stands a space, or nothing in scripts without spaces:
    line breaks are lost. Two additions: sources take turns, where theirs are drawn, and a text that repeats a given one
    is written again, with another length. Texts of one word can be continued, since lengths are drawn from all.

    Of an anchor, ``kept`` are the words that were read in its source, ``injected`` those read in the
    ``partner_rows``, majority rows first; there are as many of these as it took.
    """

    search_space: ClassVar[Space] = {"gamma": Range(0.1, 2.0)}

    _words: ReadWords | None = None

    def __init__(
        self, *, gamma: float = 1.0, sampling_strategy: Any = "auto", random_state: RandomState = None
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy, random_state=random_state)
        self.gamma = gamma

    def check(self) -> None:
        """Refuse a weight that is none."""
        if not (isinstance(self.gamma, Real) and 0 <= float(self.gamma) < np.inf):
            raise SettingsError(f"gamma is {self.gamma!r}; give a number of 0 or more")

    def _begin(self, texts: np.ndarray, labels: np.ndarray, seed: int) -> None:
        self._words = ReadWords(texts)
        self._given = {_plain(text) for text in texts}

    def _end(self) -> None:
        self._words, self._given = None, set()

    def _make(
        self, texts: np.ndarray, labels: np.ndarray, label: Any, count: int, rng: np.random.Generator
    ) -> list[Anchor]:
        words, own = self._words, labels == label
        assert words is not None  # _begin has read them
        chain = WordChain(words, own, float(self.gamma))
        sources = draw_sources(np.flatnonzero(own), count, rng)
        own_lengths = (words.ends - words.starts + 1)[own]
        found: list[Any] = [None] * count
        again = np.arange(count)
        for _ in range(_TRIES):
            lengths = rng.choice(own_lengths, len(again))
            walked = chain.walk(words.starts[sources[again]], lengths, rng)
            for number, places, length in zip(again, walked, lengths, strict=True):
                found[number] = _anchor(words, places[:length], int(sources[number]), own)
            again = np.array([i for i in again if _plain(found[i].text) in self._given], dtype=np.int64)
            if not len(again):
                break
        else:
            warnings.warn(
                f"{len(again):,} of {count:,} new texts of class {label!r} repeat given ones after {_TRIES} tries "
                "each; its texts are too few or too short for a chain to leave them: raise gamma or take another "
                "sampler",
                CounterpoiseWarning,
                stacklevel=2,
            )
        return found


def _anchor(words: ReadWords, places: np.ndarray, source: int, own: np.ndarray) -> Anchor:
    written, rows = words.written[places].tolist(), words.rows[places]
    lent = dict.fromkeys(rows[rows != source].tolist())
    majority = [row for row in lent if not own[row]]
    kept = [word for word, row in zip(written, rows, strict=True) if row == source]
    there = set().union(*map(words.of, majority))
    return Anchor(
        text=join_edited(written, [""] * (len(written) + 1)),
        source_row=source,
        partner_rows=(*majority, *(row for row in lent if own[row])),
        kept=tuple(kept),
        shared=tuple(word for word in kept if word in there),
        injected=tuple(word for word, row in zip(written, rows, strict=True) if row != source),
    )


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
