"""The samplers by the name they have on the command line."""

from __future__ import annotations

from counterpoise.oversampling.base import TextSampler
from counterpoise.oversampling.random import RandomOverSampler
from counterpoise.oversampling.word_swap import WordSwap

SAMPLERS: dict[str, type[TextSampler]] = {
    "random_oversample": RandomOverSampler,
    "word_swap": WordSwap,
}
