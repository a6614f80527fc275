"""EDA's edits and the splice: what each keeps, how much it changes, in scripts with and without spaces."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise import Splice, WordDropout, WordInsertion, WordReplacement, WordShuffle
from counterpoise.data.imbalance import keep_minority, one_against_rest
from counterpoise.data.readers import read
from counterpoise.errors import SettingsError
from counterpoise.oversampling.anchors import Anchor, anchors_from
from counterpoise.oversampling.near_words import NearWords
from counterpoise.text.edited import undressed
from counterpoise.text.tokenizers import words_and_gaps

MINORITY = st.text("ab c é你好!\n", min_size=1).filter(str.strip)
MAJORITY = st.lists(st.text("ab x你们?", min_size=1).filter(str.strip), min_size=2, max_size=6)
RATES = st.floats(0.01, 0.99)
COMPANY = [
    "see you there",
    "see you at home",
    "win a cash prize",
    "claim a cash prize",
    "免费领奖",
    "免费领取",
]
EVERY = pytest.mark.parametrize(
    "edit", [WordDropout, WordShuffle, WordInsertion, WordReplacement, Splice], ids=lambda cls: cls.__name__
)


def made(edit, minority: str, majority: list[str], **settings) -> list[Anchor]:
    sampler = edit(random_state=0, **settings)
    sampler.fit_resample([minority, *majority], [1, *[0] * len(majority)])
    found = anchors_from(sampler.anchors_)
    for anchor in found:
        assert anchor.text.strip()
        assert Counter(words_and_gaps(anchor.text)[0]) == Counter(anchor.kept + anchor.injected)
    return found


def in_order(part: tuple[str, ...], whole: list[str]) -> bool:
    left = iter(whole)
    return all(word in left for word in part)


@settings(deadline=None)
@given(MINORITY, MAJORITY, RATES)
def test_dropout_leaves_some_of_the_words_in_their_order(minority, majority, rate) -> None:
    own, gaps = words_and_gaps(minority)
    for anchor in made(WordDropout, minority, majority, rate=rate):
        assert anchor.kept
        assert not anchor.injected
        assert in_order(anchor.kept, own)
        assert words_and_gaps(anchor.text)[1][:: len(anchor.kept)] == [gaps[0], gaps[-1]]


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_dropout_takes_each_word_with_the_same_probability(rate) -> None:
    """3,000 copies of ten words: shares lie within four standard deviations, and all words are alike."""
    text = " ".join("abcdefghij")
    sampler = WordDropout(rate=rate, sampling_strategy={1: 3001}, random_state=0)
    sampler.fit_resample([text, "x", "y"], [1, 0, 0])
    counts = Counter(word for anchor in anchors_from(sampler.anchors_) for word in anchor.kept)
    spread = 4 * np.sqrt(rate * (1 - rate) / 3000)
    # Where nothing would be left, one of ten words stays.
    expected = 1 - rate + rate**10 / 10
    assert all(abs(counts[word] / 3000 - expected) < spread for word in "abcdefghij")


def test_dropout_keeps_words_apart_and_what_stood_between_the_others() -> None:
    for anchor in made(WordDropout, "  WIN\tiPhone手机Pro\nnow ", ["x"] * 400, rate=0.5):
        words, gaps = words_and_gaps(anchor.text)
        assert tuple(words) == anchor.kept
        for left, gap, right in zip(words, gaps[1:-1], words[1:], strict=False):
            expected = {
                ("WIN", "iPhone"): "\t",
                ("WIN", "Pro"): "\t",
                ("iPhone", "Pro"): " ",
                ("iPhone", "手"): "",
                ("手", "now"): "\n",
            }
            assert gap == expected.get((left, right), gap)


@settings(deadline=None)
@given(st.integers(1, 12), RATES, st.integers(0, 5))
def test_shuffle_is_made_of_so_many_swaps(n, rate, seed) -> None:
    """A permutation of n places with c cycles takes n - c swaps, or two, four, ... more."""
    text = " ".join(f"w{i}" for i in range(n))
    sampler = WordShuffle(rate=rate, random_state=seed)
    sampler.fit_resample([text, "x", "y"], [1, 0, 0])
    (anchor,) = anchors_from(sampler.anchors_)
    order = [int(word[1:]) for word in words_and_gaps(anchor.text)[0]]
    assert sorted(order) == list(range(n))
    seen: set[int] = set()
    cycles = 0
    for place in range(n):
        cycles += place not in seen
        while place not in seen:
            seen.add(place)
            place = order[place]
    swaps = max(round(rate * n), 1) if n > 1 else 0
    assert n - cycles <= swaps
    assert (swaps - (n - cycles)) % 2 == 0


@settings(deadline=None)
@given(MINORITY, MAJORITY, RATES)
def test_shuffle_keeps_every_word(minority, majority, rate) -> None:
    own, gaps = words_and_gaps(minority)
    for anchor in made(WordShuffle, minority, majority, rate=rate):
        assert Counter(anchor.kept) == Counter(own)
        between = words_and_gaps(anchor.text)[1]
        assert all(now == before for now, before in zip(between, gaps, strict=True) if before)


@settings(deadline=None, max_examples=40)
@given(MINORITY, RATES, st.integers(1, 4))
def test_replacement_changes_its_share_of_the_words_that_have_near_ones(minority, rate, k) -> None:
    majority = [*COMPANY, "a b a c", "b a c"]
    near = NearWords(np.array([minority, *majority], dtype=object), 0)
    own = words_and_gaps(minority)[0]
    known = near.of([undressed(word)[1] for word in own], k)
    for anchor in made(WordReplacement, minority, majority, rate=rate, k=k):
        wanted = max(round(rate * len(own)), int(len(own) > 1))
        n = min(wanted, sum(undressed(word)[1] in known for word in own))
        now = words_and_gaps(anchor.text)[0]
        assert len(now) == len(own)
        assert len(anchor.injected) == n
        assert sum(a != b for a, b in zip(own, now, strict=True)) == n
        assert in_order(anchor.kept, own)
        assert in_order(anchor.injected, now)


@settings(deadline=None, max_examples=40)
@given(MINORITY, RATES, st.integers(1, 4))
def test_insertion_brings_its_share_and_keeps_the_rest_in_order(minority, rate, k) -> None:
    majority = [*COMPANY, "a b a c", "b a c"]
    own, gaps = words_and_gaps(minority)
    near = NearWords(np.array([minority, *majority], dtype=object), 0)
    known = near.of([undressed(word)[1] for word in own], k)
    for anchor in made(WordInsertion, minority, majority, rate=rate, k=k):
        now, between = words_and_gaps(anchor.text)
        assert anchor.kept == tuple(own)
        assert in_order(anchor.kept, now)
        assert len(anchor.injected) == (max(round(rate * len(own)), 1) if known else 0)
        assert set(anchor.injected) <= {word for words in known.values() for word in words}
        assert (between[0], between[-1]) == (gaps[0], gaps[-1])


def test_insertion_reaches_every_place() -> None:
    found = made(WordInsertion, "win  cash", [*COMPANY[:2], *["win cash"] * 200], k=1)
    for new in ("win", "cash"):
        assert {anchor.text for anchor in found if anchor.injected == (new,)} == {
            f"{new} win  cash",
            f"win  {new} cash",
            f"win  cash {new}",
        }


def test_near_words_are_those_of_like_company() -> None:
    """Two circles of words that never meet: no word has a neighbour in the other one."""
    circles = [["win", "cash", "prize", "now"], ["lunch", "home", "noon", "later"]]
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.permutation(circle)[:3]) for circle in circles * 20]
    near = NearWords(np.array([*texts, "Once! unseen ?"], dtype=object), 0)
    assert sorted(near.words) == sorted(circles[0] + circles[1])
    for circle in circles:
        found = near.of([*circle, "unseen", ""], 3)
        assert {word: set(others) for word, others in found.items()} == {
            word: set(circle) - {word} for word in circle
        }
    assert len(near.of(["win"], 100)["win"]) == 3, "words of the other circle have nothing to do with it"
    assert near.of(["win"], 1)["win"] == near.of(["win"], 3)["win"][:1]
    assert near.of([], 3) == near.of(["unseen"], 3) == {}


def test_a_near_word_is_written_as_the_one_it_replaces() -> None:
    majority = ["win a cash prize"] * 5 + ["you see"]
    texts = {a.text for a in made(WordReplacement, "(Cash) PRIZE!", majority, rate=0.9, k=1)}
    assert texts == {"(Prize) CASH!"}


def test_words_without_company_are_left_alone() -> None:
    for edit in (WordReplacement, WordInsertion):
        assert {a.text for a in made(edit, "quite unheard of", ["see you"] * 3)} == {"quite unheard of"}
        assert {a.text for a in made(edit, "alone", ["free", "yo"])} == {"alone"}


@settings(deadline=None)
@given(MINORITY, MAJORITY, RATES)
def test_splice_puts_a_run_of_a_majority_text_in(minority, majority, rate) -> None:
    own, gaps = words_and_gaps(minority)
    for anchor in made(Splice, minority, majority, rate=rate):
        lent = words_and_gaps(majority[anchor.partner_rows[0] - 1])[0]
        n = min(max(round(rate * len(own)), 1), len(lent))
        now, between = words_and_gaps(anchor.text)
        assert anchor.kept == tuple(own)
        assert len(anchor.injected) == n
        fits = [
            place for place in range(len(own) + 1) if now == [*own[:place], *anchor.injected, *own[place:]]
        ]
        assert fits, "the fragment is not in one piece, or the copy is not whole"
        assert any(tuple(lent[i : i + n]) == anchor.injected for i in range(len(lent) - n + 1))
        assert set(anchor.shared) == set(own) & set(lent)
        assert (between[0], between[-1]) == (gaps[0], gaps[-1])


def test_splice_reaches_every_place_and_every_fragment() -> None:
    found = made(Splice, "a b c", ["w  x y"] * 400, rate=0.6)
    assert {anchor.text for anchor in found} == {
        text.replace("|", fragment)
        for text in ("| a b c", "a | b c", "a b | c", "a b c |")
        for fragment in ("w  x", "x y")
    }


def test_the_majority_that_lends_is_larger_than_the_class() -> None:
    texts = ["one two"] * 6 + ["three four"] * 3 + ["five six"] * 2
    sampler = Splice(random_state=0)
    sampler.fit_resample(texts, [0] * 6 + [1] * 3 + [2] * 2)
    lent = {anchor.source_row: set(anchor.injected) for anchor in anchors_from(sampler.anchors_)}
    assert all(words <= {"one", "two"} for row, words in lent.items() if row < 9)
    enlarged = Splice(sampling_strategy={0: 8}, random_state=0)
    enlarged.fit_resample(texts, [0] * 6 + [1] * 3 + [2] * 2)
    assert not {w for a in anchors_from(enlarged.anchors_) for w in a.injected} & {"one", "two"}


@EVERY
@pytest.mark.parametrize("rate", [0, 1, -0.5, 3, float("nan"), "a third", None])
def test_a_rate_out_of_range_is_refused_in_one_sentence(edit, rate) -> None:
    with pytest.raises(SettingsError, match=r"rate is .*; give a share above 0 and below 1") as error:
        edit(rate=rate).fit_resample(COMPANY, [1, 1, 0, 0, 0, 0])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("edit", [WordInsertion, WordReplacement])
@pytest.mark.parametrize("k", [0, 1.5, "3", True])
def test_a_number_of_near_words_out_of_range_is_refused(edit, k) -> None:
    with pytest.raises(SettingsError, match=r"k is .*; give an int of 1 or more"):
        edit(k=k).fit_resample(COMPANY, [1, 1, 0, 0, 0, 0])


@EVERY
def test_texts_of_one_word_and_classes_of_one_text(edit) -> None:
    found = made(edit, "free", ["hi", "free hi", "yo free", "yo hi"], rate=0.2)
    assert len(found) == 3
    for anchor in found:
        assert "free" in anchor.kept
        assert len(anchor.injected) == (edit in (Splice, WordInsertion))


@EVERY
def test_nothing_of_the_given_texts_is_kept_in_the_sampler(edit) -> None:
    sampler = edit(random_state=0)
    sampler.fit_resample(COMPANY, [1, 1, 0, 0, 0, 0])
    public = {"sampling_strategy_", "sample_indices_", "source_rows_", "anchors_"}
    left = {name: value for name, value in vars(sampler).items() if name not in public}
    assert all(not value or name in sampler.get_params() for name, value in left.items()), left


@EVERY
@pytest.mark.real_data
@pytest.mark.parametrize(("name", "minority"), [("sms_spam", "spam"), ("toutiao", "news_car")])
def test_on_real_texts(edit, name, minority) -> None:
    """Enough is changed, by words that are words, in English and in Chinese, and no class lends to itself."""
    data = read(name)
    rows = np.random.default_rng(0).permutation(len(data.texts))[:1500]
    labels = one_against_rest(data.labels[rows], minority)
    kept, _ = keep_minority(labels, minority, "40", 0)
    texts, labels = data.texts[rows][kept], labels[kept]
    sampler = edit(random_state=0, sampling_strategy={minority: 240})
    sampler.fit_resample(texts, labels)
    found = anchors_from(sampler.anchors_)
    assert len(found) == 200
    changed = 0
    for anchor in found:
        words = words_and_gaps(anchor.text)[0]
        assert Counter(words) == Counter(anchor.kept + anchor.injected)
        assert all(labels[row] != minority for row in anchor.partner_rows)
        changed += anchor.text != texts[anchor.source_row]
    assert changed > 150
