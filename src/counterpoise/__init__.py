"""Counterpoise: classification when one class is rare, text first.

>>> from counterpoise import TextClassifier, WordSwap
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from counterpoise.difficulty import difficult_samples
    from counterpoise.estimators.array import ArrayClassifier
    from counterpoise.estimators.image import ImageClassifier
    from counterpoise.estimators.loading import load_model
    from counterpoise.estimators.text import TextClassifier
    from counterpoise.miso.oversampler import MISO
    from counterpoise.oversampling.deep import DeepOversampler
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

__version__ = "0.1.0"

__all__ = [
    "MISO",
    "ArrayClassifier",
    "DeepOversampler",
    "ImageClassifier",
    "LanguageModelWriter",
    "MarkovWriter",
    "MaskFill",
    "RandomOverSampler",
    "Splice",
    "TextClassifier",
    "WordDropout",
    "WordInsertion",
    "WordReplacement",
    "WordShuffle",
    "WordSwap",
    "__version__",
    "difficult_samples",
    "load_model",
]

_HOMES = {
    "ArrayClassifier": "counterpoise.estimators.array",
    "DeepOversampler": "counterpoise.oversampling.deep",
    "ImageClassifier": "counterpoise.estimators.image",
    "LanguageModelWriter": "counterpoise.oversampling.llm_oversample",
    "MISO": "counterpoise.miso.oversampler",
    "MarkovWriter": "counterpoise.oversampling.markov",
    "MaskFill": "counterpoise.oversampling.mask_fill",
    "RandomOverSampler": "counterpoise.oversampling.random",
    "Splice": "counterpoise.oversampling.splice",
    "TextClassifier": "counterpoise.estimators.text",
    "WordDropout": "counterpoise.oversampling.word_dropout",
    "WordInsertion": "counterpoise.oversampling.word_insertion",
    "WordReplacement": "counterpoise.oversampling.word_replacement",
    "WordShuffle": "counterpoise.oversampling.word_shuffle",
    "WordSwap": "counterpoise.oversampling.word_swap",
    "difficult_samples": "counterpoise.difficulty",
    "load_model": "counterpoise.estimators.loading",
}


def __getattr__(name: str) -> Any:
    # Imported when asked for: the command line's help must not wait for torch.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
