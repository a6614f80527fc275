"""The base of samplers whose copies borrow words of a majority text."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from counterpoise.oversampling.anchors import Anchor
from counterpoise.oversampling.base import TextSampler, check_proper_share, draw_sources, lenders
from counterpoise.seeding import RandomState


class WordLending(TextSampler):
    """Over-sample by copies, each of which borrows from one majority text.

    Parameters
    ----------
    rate : float, default=1/3
        Borrowed words, as a share of the copy's own.
    sampling_strategy : float, str, dict or callable, default="auto"
        See :class:`counterpoise.oversampling.base.TextSampler`.
    random_state : int, RandomState, Generator or None, default=None

    Raises
    ------
    SettingsError
        From ``fit_resample``, if ``rate`` is not in (0, 1).
    """

    def __init__(
        self,
        *,
        rate: float = 1 / 3,
        sampling_strategy: Any = "auto",
        random_state: RandomState = None,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy, random_state=random_state)
        self.rate = rate

    def check(self) -> None:
        """Refuse a rate that is no share."""
        check_proper_share("rate", self.rate)

    def _make(
        self, texts: np.ndarray, labels: np.ndarray, label: Any, count: int, rng: np.random.Generator
    ) -> list[Anchor]:
        sources = draw_sources(np.flatnonzero(labels == label), count, rng)
        partners = rng.choice(lenders(labels, label), count)
        return [self._lend(texts, int(s), int(p), rng) for s, p in zip(sources, partners, strict=True)]

    @abstractmethod
    def _lend(self, texts: np.ndarray, source: int, partner: int, rng: np.random.Generator) -> Anchor:
        """Make one new text of the text in row ``source``, with words of that in row ``partner``."""
