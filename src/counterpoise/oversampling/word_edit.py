"""The base of samplers that edit some words of each copy and ask no text of another class.

Wei and Zou, "EDA: Easy Data Augmentation Techniques for Boosting Performance on Text Classification Tasks",
EMNLP-IJCNLP 2019 (arXiv 1901.11196), section 2, has four such edits: words are replaced, put in, swapped or left out,
in each text a share of them. Here each is a sampler of its own, so that they can be compared.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np

from counterpoise.oversampling.anchors import Anchor
from counterpoise.oversampling.base import check_proper_share, draw_sources
from counterpoise.oversampling.text_edit import TextEdit
from counterpoise.search_space import Range, Space
from counterpoise.seeding import RandomState


class WordEdit(TextEdit):
    """Over-sample by copies that are edited one by one.

    Parameters
    ----------
    rate : float, default=0.1
        Share of each copy's words that is edited (EDA's alpha). The default is that of its authors' code; others
        were not compared here.
    sampling_strategy : float, str, dict or callable, default="auto"
        See :class:`counterpoise.oversampling.base.TextSampler`.
    random_state : int, RandomState, Generator or None, default=None

    Raises
    ------
    SettingsError
        From ``fit_resample``, if ``rate`` is not in (0, 1).
    """

    search_space: ClassVar[Space] = {"rate": Range(0.05, 0.5)}

    def __init__(
        self, *, rate: float = 0.1, sampling_strategy: Any = "auto", random_state: RandomState = None
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
        return [self._edit(texts[row], int(row), rng) for row in sources]

    @abstractmethod
    def _edit(self, text: str, row: int, rng: np.random.Generator) -> Anchor:
        """Make one new text of the text in ``row``."""
