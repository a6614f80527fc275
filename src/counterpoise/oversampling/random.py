"""Random over-sampling: minority samples are repeated until the classes balance.

The baseline that every cleverer sampler has to beat.

>>> X, y = RandomOverSampler(random_state=0).fit_resample(["win cash", "hi", "see you"], ["spam", "ham", "ham"])
>>> X
['win cash', 'hi', 'see you', 'win cash']
"""

from __future__ import annotations

from typing import Any

import numpy as np

from counterpoise.docstrings import with_parameters_of
from counterpoise.oversampling.anchors import Anchor
from counterpoise.oversampling.base import TextSampler, draw_sources


@with_parameters_of(TextSampler)
class RandomOverSampler(TextSampler):
    """Repeat texts of the smaller classes, each equally often but for the remainder.

    Parameters and attributes are those of :class:`counterpoise.oversampling.base.TextSampler`. For arrays use
    imbalanced-learn's class of the same name.
    """

    def _make(
        self, texts: np.ndarray, labels: np.ndarray, label: Any, count: int, rng: np.random.Generator
    ) -> list[Anchor]:
        sources = draw_sources(np.flatnonzero(labels == label), count, rng)
        return [Anchor(texts[row], int(row), kept=tuple(texts[row].split())) for row in sources]
