"""Self-BLEU and longest common spans: by hand, and against definitions written out without any shortcut."""

from __future__ import annotations

from collections import Counter
from math import exp, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.text.repetition import Span, longest_span, self_bleu

WORDS = st.lists(st.sampled_from("abc"), max_size=8)


def split(text: str) -> list[str]:
    return text.split()


def bleu(own: list[str], references: list[list[str]]) -> float:
    """BLEU-4 of one text against several, straight from the definition."""
    logs = 0.0
    for order in range(1, 5):

        def grams(words: list[str], order: int = order) -> Counter:
            return Counter(tuple(words[i : i + order]) for i in range(len(words) - order + 1))

        largest: Counter = Counter()
        for reference in references:
            largest |= grams(reference)
        hits = sum(min(count, largest[gram]) for gram, count in grams(own).items())
        if not hits and order == 1:
            return 0.0
        logs += log((hits or 0.1) / max(sum(grams(own).values()), 1)) / 4
    nearest = min((len(r) for r in references), key=lambda n: (abs(n - len(own)), n))
    return exp(logs + min(0, 1 - nearest / len(own)))


def test_two_texts_by_hand() -> None:
    one, other = split("the cat sat on the mat"), split("the cat sat")
    of_one = (3 / 6 * 2 / 5 * 1 / 4 * 0.1 / 3) ** (1 / 4)
    of_other = exp(1 - 6 / 3) * (1 * 1 * 1 * 0.1) ** (1 / 4)
    assert self_bleu([one, other]) == pytest.approx((of_one + of_other) / 2)


def test_repeats_are_1_and_strangers_0() -> None:
    assert self_bleu([split("a b c d")] * 2) == pytest.approx(1)
    assert self_bleu([["a", "b"], ["c", "d"]]) == 0


@given(st.lists(WORDS.filter(bool), min_size=2, max_size=6))
def test_self_bleu_is_bleu_against_all_others(samples) -> None:
    expected = np.mean([bleu(own, samples[:i] + samples[i + 1 :]) for i, own in enumerate(samples)])
    assert self_bleu(samples) == pytest.approx(expected)


def test_the_longest_span_by_hand() -> None:
    corpus = [split("win a big cash prize"), split("see a big cash machine"), split("prize now")]
    sample = split("win a big cash prize now")
    assert longest_span([sample], np.array([0]), corpus) == Span(3, 0, 1), (
        "the own source counts, or texts run on"
    )
    assert longest_span([sample], np.array([1]), corpus) == Span(5, 0, 0)
    assert longest_span([["x"], sample], np.array([0, 0]), corpus) == Span(3, 1, 1)
    assert longest_span([["x"], []], np.array([0, 0]), corpus).length == 0
    assert longest_span([sample], np.array([0]), [[], []]).length == 0


@settings(max_examples=200)
@given(st.lists(WORDS, min_size=1, max_size=4), st.lists(WORDS, min_size=1, max_size=4), st.data())
def test_the_longest_span_is_that_of_all_comparisons(samples, corpus, data) -> None:
    sources = np.array([data.draw(st.integers(0, len(corpus) - 1)) for _ in samples])

    def stands(words: list[str], text: list[str]) -> bool:
        return any(text[i : i + len(words)] == words for i in range(len(text)))

    expected = 0
    for words, source in zip(samples, sources, strict=True):
        for start in range(len(words)):
            for end in range(start + 1, len(words) + 1):
                if any(stands(words[start:end], text) for i, text in enumerate(corpus) if i != source):
                    expected = max(expected, end - start)
    found = longest_span(samples, sources, corpus)
    assert found.length == expected
    span = samples[found.sample][found.start : found.start + found.length]
    assert len(span) == expected
    assert not span or any(stands(span, text) for i, text in enumerate(corpus) if i != sources[found.sample])
