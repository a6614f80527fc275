"""The samplers by the name they have on the command line. A new one is one file and one line here."""

from __future__ import annotations

from counterpoise.miso.oversampler import MISO
from counterpoise.miso.variants import CAG, MisoEdit
from counterpoise.oversampling.base import TextSampler
from counterpoise.oversampling.llm_oversample import LanguageModelWriter
from counterpoise.oversampling.markov import MarkovWriter
from counterpoise.oversampling.mask_fill import MaskFill
from counterpoise.oversampling.random import RandomOverSampler
from counterpoise.oversampling.splice import Splice
from counterpoise.oversampling.word_dropout import WordDropout
from counterpoise.oversampling.word_insertion import WordInsertion
from counterpoise.oversampling.word_replacement import WordReplacement
from counterpoise.oversampling.word_shuffle import WordShuffle
from counterpoise.oversampling.word_swap import WordSwap

SAMPLERS: dict[str, type[TextSampler]] = {
    "random_oversample": RandomOverSampler,
    "word_swap": WordSwap,
    "splice": Splice,
    "word_dropout": WordDropout,
    "word_shuffle": WordShuffle,
    "word_insertion": WordInsertion,
    "word_replacement": WordReplacement,
    "mask_fill": MaskFill,
    "markov": MarkovWriter,
    "llm_oversample": LanguageModelWriter,
    "miso": MISO,
    "miso_edit": MisoEdit,
    "cag": CAG,
}
