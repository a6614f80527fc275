"""How much texts repeat each other, word for word: self-BLEU, and the longest run of words in common.

    self_bleu([["win", "cash"], ["win", "a", "prize"]])                # variety of a set of texts
    longest_span(new_texts, source_rows, training_texts).length       # in a text other than the own source

Texts are sequences of words here, however they were split.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from counterpoise.seeding import generator

Ints: TypeAlias = "NDArray[np.int64]"

_ORDERS = 4
_SMOOTHING = 0.1  # n-grams counted where none matches, as in Texygen's self-BLEU (NLTK's "method 1")
_FACTOR = 0x9E3779B97F4A7C15  # any odd number has an inverse modulo 2**64


class Span(NamedTuple):
    """Words that stand in two texts: how many, in which of the samples, from which of its words on."""

    length: int
    sample: int
    start: int


def self_bleu(samples: Sequence[Sequence[str]]) -> float:
    """How much texts repeat each other: BLEU-4 of each against all others, the mean.

    Parameters
    ----------
    samples : sequence of sequences of str, length n
        Words of two texts or more. Cost and memory are linear in their number.

    Returns
    -------
    float
        In [0, 1]; 1 when every text occurs twice.

    Notes
    -----
    Zhu et al., "Texygen: A Benchmarking Platform for Text Generation Models", SIGIR 2018. As there, BLEU (Papineni et
    al., ACL 2002) is taken by sentence, and an order of which no n-gram matches counts 0.1 of one (Chen and Cherry,
    WMT 2014, smoothing 1); without a word in common BLEU is 0.
    """
    n = len(samples)
    logs = np.zeros(n)
    for order in range(1, _ORDERS + 1):
        counts = [_grams(words, order) for words in samples]
        largest = _two_largest(counts)
        for i, own in enumerate(counts):
            # A text is not its own reference: where it holds the largest count, the second largest clips.
            hits = sum(
                min(count, second if holder == i else first)
                for count, (first, holder, second) in ((own[gram], largest[gram]) for gram in own)
            )
            if hits or order > 1:
                logs[i] += math.log((hits or _SMOOTHING) / max(own.total(), 1)) / _ORDERS
            else:
                logs[i] = -np.inf
    return float(np.exp(logs + _log_brevity(np.array([len(words) for words in samples]))).mean())


def _grams(words: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(words[i:] for i in range(order)), strict=False))


def _two_largest(counts: list[Counter[tuple[str, ...]]]) -> dict[tuple[str, ...], tuple[int, int, int]]:
    """For each n-gram its largest count in a text, which text that is, and the largest count in the others."""
    found: dict[tuple[str, ...], tuple[int, int, int]] = {}
    for i, own in enumerate(counts):
        for gram, count in own.items():
            first, holder, second = found.get(gram, (0, -1, 0))
            found[gram] = (count, i, first) if count > first else (first, holder, max(count, second))
    return found


def _log_brevity(lengths: Ints) -> NDArray[np.float64]:
    """Logarithm of BLEU's penalty, for texts shorter than the one nearest in length (the shorter of two as near)."""
    known, counts = np.unique(lengths, return_counts=True)
    penalties = np.zeros(len(lengths))
    for i, length in enumerate(lengths.tolist()):
        at = int(np.searchsorted(known, length))
        if counts[at] == 1:
            others = known[max(at - 1, 0) : at + 2]
            others = others[others != length]
            nearest = int(others[np.abs(others - length).argmin()])
            penalties[i] = min(0.0, 1 - nearest / max(length, 1))
    return penalties


def longest_span(samples: Sequence[Sequence[str]], sources: Ints, corpus: Sequence[Sequence[str]]) -> Span:
    """Find the most words in a row that a sample has in common with a text other than its source.

    Parameters
    ----------
    samples : sequence of sequences of str
        Words of each sample.
    sources : ndarray of int64
        For each sample, the text of the corpus that does not count.
    corpus : sequence of sequences of str
        Words of each text.

    Returns
    -------
    Span
        The first of the longest ones; of length 0 where no word is in common.

    Notes
    -----
    Bisection on the length. Spans of one length are compared by 64-bit polynomial hashes with a random number for each
    word, so two different ones are taken for equal about once in 10^19 comparisons.
    """
    values: dict[str, int] = {word: i for i, word in enumerate(dict.fromkeys(chain(*corpus, *samples)))}
    numbers = generator(0, "quality", "words").integers(0, 2**64, len(values), dtype=np.uint64)
    texts, spans = _Hashes(corpus, values, numbers), _Hashes(samples, values, numbers)
    best, low, high = Span(0, 0, 0), 0, max(map(len, samples), default=0)
    while low < high:
        length = (low + high + 1) // 2
        places = _found_elsewhere(spans, texts, sources, length)
        if len(places):
            sample = int(spans.owner[places[0]])
            best, low = Span(length, sample, int(places[0] - spans.starts[sample])), length
        else:
            high = length - 1
    return best


class _Hashes:
    """Hash of any run of words, by one subtraction and one product modulo 2**64."""

    def __init__(
        self, texts: Sequence[Sequence[str]], values: dict[str, int], numbers: NDArray[np.uint64]
    ) -> None:
        lengths = np.array([len(words) for words in texts], dtype=np.int64)
        words = np.fromiter(
            (values[word] for word in chain(*texts)), dtype=np.int64, count=int(lengths.sum())
        )
        self.owner = np.repeat(np.arange(len(texts)), lengths)
        self.starts = np.cumsum(lengths) - lengths
        self.ends = (self.starts + lengths)[self.owner]
        powers = _powers(_FACTOR, len(words))
        self.inverse = _powers(pow(_FACTOR, -1, 2**64), len(words))
        self.sums = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(numbers[words] * powers)])

    def spans(self, length: int) -> tuple[Ints, NDArray[np.uint64]]:
        """Where spans of a length begin within their text, and their hashes."""
        begins = np.flatnonzero(np.arange(len(self.owner)) + length <= self.ends)
        return begins, (self.sums[begins + length] - self.sums[begins]) * self.inverse[begins]


def _powers(base: int, n: int) -> NDArray[np.uint64]:
    factors = np.full(n, base, dtype=np.uint64)
    factors[:1] = 1
    return np.cumprod(factors)


def _found_elsewhere(spans: _Hashes, texts: _Hashes, sources: Ints, length: int) -> Ints:
    """Where spans of a length begin that stand in a text other than their source."""
    begins, hashes = texts.spans(length)
    if not len(begins):
        return begins
    order = np.argsort(hashes, kind="stable")
    known, first = np.unique(hashes[order], return_index=True)
    # Texts stand in order, so a span's first and last text differ, or differ from the source, if any does.
    earliest = texts.owner[begins[order[first]]]
    latest = texts.owner[begins[order[np.append(first[1:], len(order)) - 1]]]
    places, own = spans.spans(length)
    at = np.minimum(np.searchsorted(known, own), len(known) - 1)
    source = sources[spans.owner[places]]
    return places[(known[at] == own) & ((earliest[at] != source) | (latest[at] != source))]
