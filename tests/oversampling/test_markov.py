"""The chain against transition probabilities counted apart, and what the writer makes of it."""

from __future__ import annotations

import warnings
from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise import MarkovWriter
from counterpoise.errors import CounterpoiseWarning, SettingsError
from counterpoise.oversampling.anchors import anchors_from
from counterpoise.oversampling.word_chain import ReadWords, WordChain
from counterpoise.text.tokenizers import words_and_gaps

TEXTS = ["a b a c", "B! a", "c c d", "a x d", "x x y a", "b x b e", "z a"]
OWN = np.array([True, True, True, False, False, False, False])


def transitions(texts: list[str], own: np.ndarray, gamma: float) -> dict[str, dict[str, float]]:
    """Probabilities of the next word, counted as the authors describe them, on words without punctuation."""
    rows = [text.lower().replace("!", "").split() for text in texts]
    mine = [row for row, is_own in zip(rows, own, strict=True) if is_own]
    starts = Counter(row[0] for row in mine)
    counts: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for row in mine:
        for left, right in pairwise(row):
            if left != right:
                counts[left][right] += 1
        for word, n in starts.items():
            counts[row[-1]][word] += n / len(mine)
    known = {word for row in mine for word in row}
    for row, is_own in zip(rows, own, strict=True):
        for left, right in pairwise(row):
            if not is_own and left in known and left != right:
                counts[left][right] += gamma
    usual = Counter(word for row in mine for word in row)
    for row in rows:
        for word in row:
            if word not in known:
                counts[word] = dict(usual)
    return {
        word: {other: n / sum(after.values()) for other, n in after.items() if n}
        for word, after in counts.items()
    }


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 4.0])
def test_each_word_is_followed_as_often_as_the_counts_say(gamma) -> None:
    words = ReadWords(np.array(TEXTS, dtype=object))
    chain = WordChain(words, OWN, gamma)
    plain = [word.lower().strip("!") for word in words.written]
    n = 20_000
    for word, expected in transitions(TEXTS, OWN, gamma).items():
        first = np.full(n, plain.index(word))
        walked = chain.walk(first, np.full(n, 2), np.random.default_rng(0))
        assert (walked[:, 0] == first).all()
        found = Counter(plain[place] for place in walked[:, 1])
        assert set(found) == set(expected), word
        for other, share in expected.items():
            assert abs(found[other] / n - share) < 4 * np.sqrt(share * (1 - share) / n) + 1e-12


def test_walks_are_as_long_as_asked() -> None:
    words = ReadWords(np.array(TEXTS, dtype=object))
    walked = WordChain(words, OWN, 1.0).walk(
        words.starts[[0, 1, 2]], np.array([1, 4, 2]), np.random.default_rng(0)
    )
    assert (walked >= 0).sum(axis=1).tolist() == [1, 4, 2]
    assert (np.diff((walked >= 0).astype(int), axis=1) <= 0).all()


def test_words_read() -> None:
    words = ReadWords(np.array(["Free  entry!", "“free” 你好 ?!"], dtype=object))
    assert words.written.tolist() == ["Free", "entry!", "“free”", "你", "好", "?!"]
    assert words.ids.tolist() == [0, 1, 0, 2, 3, 4]
    assert words.rows.tolist() == [0, 0, 1, 1, 1, 1]
    assert words.starts.tolist() == [0, 2]
    assert words.ends.tolist() == [1, 5]
    assert words.of(0) == {"Free", "entry!"}


LISTS = st.lists(st.text("ab c你x!", min_size=1).filter(str.strip), min_size=1, max_size=4)


@settings(deadline=None)
@given(LISTS, LISTS, st.sampled_from([0.0, 0.5, 1.0]))
def test_every_word_comes_from_where_the_anchor_says(minority, others, gamma) -> None:
    sampler = MarkovWriter(gamma=gamma, sampling_strategy={1: len(minority) + 8}, random_state=0)
    texts = [*minority, *others, *["w w"] * 9]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CounterpoiseWarning)
        sampler.fit_resample(texts, [1] * len(minority) + [0] * (len(others) + 9))
    lengths = {len(words_and_gaps(text)[0]) for text in minority}
    for anchor in anchors_from(sampler.anchors_):
        own = words_and_gaps(texts[anchor.source_row])[0]
        now = words_and_gaps(anchor.text)[0]
        assert len(now) in lengths
        assert now[0] == own[0]
        assert anchor.kept[0] == own[0]
        assert Counter(now) == Counter(anchor.kept + anchor.injected)
        assert set(anchor.kept) <= set(own)
        lent = {word for row in anchor.partner_rows for word in words_and_gaps(texts[row])[0]}
        assert set(anchor.injected) <= lent
        assert anchor.source_row not in anchor.partner_rows
        assert len(anchor.partner_rows) <= len(anchor.injected)
        assert "w" not in now
        if not gamma:
            assert all(row < len(minority) for row in anchor.partner_rows)


def test_lengths_are_those_of_the_minority_and_starts_take_turns() -> None:
    texts = ["a b", "c a b d", "a", *["a d c b"] * 30]
    sampler = MarkovWriter(sampling_strategy={1: 3003}, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CounterpoiseWarning)
        sampler.fit_resample(texts, [1] * 3 + [0] * 30)
    found = anchors_from(sampler.anchors_)
    assert Counter(anchor.source_row for anchor in found) == {0: 1000, 1: 1000, 2: 1000}
    # Those of "c" cannot be copies when they are of one or two words; those of "a" are drawn anew where they are.
    of_c = Counter(len(anchor.text.split()) for anchor in found if anchor.source_row == 1)
    assert all(abs(of_c[n] / 1000 - 1 / 3) < 0.08 for n in (1, 2, 4))


def test_a_copy_is_written_again() -> None:
    """One of ten texts would be a copy, and five in a row are as good as never."""
    others = [f"x {word} w{i}" for word in ("win", "home") for i in range(9)]
    texts = ["win  Cash now", "home run now", *others]
    sampler = MarkovWriter(sampling_strategy={1: 302}, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sampler.fit_resample(texts, [1, 1, *[0] * 18])
    new = {text.casefold() for text in sampler.anchors_["text"].to_pylist()}
    assert len(new) > 20
    assert not new & {"win cash now", "home run now"}


def test_what_can_only_be_copied_is_copied_with_one_warning() -> None:
    sampler = MarkovWriter(random_state=0)
    with pytest.warns(
        CounterpoiseWarning, match=r"3 of 3 new texts of class 'a' repeat given ones"
    ) as warned:
        texts, _ = sampler.fit_resample(["one two", *["x y"] * 4], ["a", *"bbbb"])
    assert texts[5:] == ["one two"] * 3
    assert len(warned) == 1
    assert "\n" not in str(warned[0].message)


def test_chinese_is_written_without_spaces() -> None:
    texts = ["免费领奖品", "今天免费看", *["今天领到奖了", "去看iPhone吧"] * 5]
    sampler = MarkovWriter(random_state=0)
    sampler.fit_resample(texts, [1, 1, *[0] * 10])
    for text in sampler.anchors_["text"].to_pylist():
        assert len(words_and_gaps(text)[0]) == 5
        assert " " not in text


@pytest.mark.parametrize("gamma", [-1, float("nan"), float("inf"), "1", None])
def test_a_weight_out_of_range_is_refused(gamma) -> None:
    with pytest.raises(SettingsError, match=r"gamma is .*; give a number of 0 or more"):
        MarkovWriter(gamma=gamma).fit_resample(["a b", "c", "d"], [1, 0, 0])


def test_nothing_read_is_kept_in_the_sampler() -> None:
    sampler = MarkovWriter(random_state=0)
    sampler.fit_resample(["a b", "c a d", "d"], [1, 0, 0])
    assert not any(isinstance(value, ReadWords) for value in vars(sampler).values())
    assert not sampler._given
