"""What anchors look like: every figure by hand, and copies as the yardstick that is known exactly."""

from __future__ import annotations

import numpy as np
import pytest

from counterpoise.data.imbalance import keep_minority, one_against_rest
from counterpoise.data.readers import read
from counterpoise.errors import DataError
from counterpoise.oversampling.anchors import Anchor, anchor_table
from counterpoise.oversampling.quality import Figure, anchors_of, barred, check_surface, one_per_source
from counterpoise.oversampling.random import RandomOverSampler
from counterpoise.oversampling.word_swap import WordSwap
from counterpoise.seeding import derive_seed
from counterpoise.text.repetition import self_bleu

TEXTS = np.array(
    [
        "Win a big cash prize now",
        "claim your free free entry today",
        "see you at home",
        "a big cash machine stood there",
        "lunch at noon \ufffd today",
    ],
    dtype=object,
)
LABELS = np.array(["spam", "spam", "ham", "ham", "ham"], dtype=object)


def report_of(*anchors: Anchor, **more):
    return check_surface(TEXTS, LABELS, anchor_table(anchors), "spam", **more)


def by_name(report) -> dict[str, Figure]:
    return {figure.name: figure for figure in report.figures()}


def test_copies_and_different_texts() -> None:
    report = report_of(
        Anchor("win A big  cash prize NOW", 0),
        Anchor("see you at home", 0, (2,)),
        Anchor("win a big cash machine now", 0, (3,)),
        Anchor("Win a big cash machine now ", 0, (3,)),
    )
    assert (report.n_anchors, report.n_sources, report.copies) == (4, 1, 2)
    assert report.distinct_share == 3 / 4
    assert by_name(report)["copies"].verdict == "too many"
    assert by_name(report_of(Anchor("a new text", 0)))["copies"].met


def test_near_repeats_of_whom() -> None:
    long = "one two three four five six seven eight nine ten"
    texts = np.array([long, "another spam text", "some ham text"], dtype=object)
    anchors = [
        Anchor(long + " eleven", 0),  # of 11 words 10 are its source's
        Anchor("some ham TEXT!", 0, (2,)),  # repeats a text of another class
        Anchor("quite new words here", 1),
        Anchor("here quite new words", 1),  # the same words
        Anchor("all alone", 1),
        Anchor("another spam thing", 1),  # of 4 words 2 are in common
        Anchor("one two", 0),
        Anchor("three four", 0),
        Anchor("another SPAM text", 0),  # repeats a source, but not its own
        Anchor("five six", 0),
    ]
    report = check_surface(texts, np.array([1, 1, 0]), anchor_table(anchors), 1)
    assert report.near_repeats == 5 / 10
    assert (report.near_training, report.near_source, report.near_anchors) == (3 / 10, 1 / 10, 2 / 10)
    assert by_name(report)["near_repeats"].verdict == "too many"


def test_unknown_tokens_count_where_the_sampler_put_them() -> None:
    assert (
        report_of(Anchor("win <unk> prize", 0), Anchor("win [UNK]", 0), Anchor("win \ufffd", 0)).unknown == 3
    )
    assert report_of(Anchor("win \ufffd prize", 0, (4,)), Anchor("<unknown> prize", 0)).unknown == 0


def test_words_in_common_are_counted_as_often_as_they_stand() -> None:
    report = report_of(Anchor("FREE free free stuff", 1), Anchor("win a big machine there now", 0, (3,)))
    assert report.overlap == pytest.approx((2 / 4 + 4 / 6) / 2)
    assert report.words == 5
    assert report.source_words == 6
    assert by_name(report)["overlap"].verdict == "good"
    assert by_name(report_of(Anchor("nothing of it", 0)))["overlap"].verdict == "too few"
    assert by_name(report_of(Anchor(TEXTS[0], 0)))["overlap"].verdict == "too many"


def test_chinese_words_are_characters() -> None:
    texts = np.array(["免费领奖", "今天见面吗", "我今天见面"], dtype=object)
    report = check_surface(texts, np.array([1, 0, 0]), anchor_table([Anchor("免费今天见", 0, (1,))]), 1)
    assert report.overlap == 2 / 5
    assert (report.longest_span, report.span) == (3, "今天见")
    assert (report.words, report.source_words) == (5, 4)


def test_the_longest_span_is_shown_as_written() -> None:
    report = report_of(Anchor("Win  a BIG   cash machine now", 0, (3,)))
    assert (report.longest_span, report.span) == (4, "a BIG   cash machine")
    assert report.longest_span_real == 3
    figure = by_name(report)["longest_span"]
    assert (figure.shown, figure.compared, figure.met) == ("4", "3 in their sources", None)
    assert report_of(Anchor("entirely new", 0)).span == ""


def test_self_bleu_is_that_of_one_anchor_a_source() -> None:
    written = ["win a big cash prize today", "claim a big cash prize today"]
    report = report_of(*(Anchor(text, row) for row, text in enumerate(written)))
    assert report.self_bleu == pytest.approx(self_bleu([text.split() for text in written]))
    assert report.self_bleu_real == self_bleu([text.lower().split() for text in TEXTS[:2]])
    assert by_name(report)["self_bleu"].verdict == "too much alike"
    alone = report_of(Anchor(written[0], 0), Anchor(written[1], 0))
    assert by_name(alone)["self_bleu"].shown == "-"
    assert "one source only" in by_name(alone)["self_bleu"].verdict


def test_one_anchor_a_source_is_drawn_from_all_of_its_own() -> None:
    sources = np.array([7, 3, 3, 7, 5, 3])
    drawn = {tuple(one_per_source(sources, np.random.default_rng(seed)).tolist()) for seed in range(100)}
    assert drawn == {(i, 4, j) for i in (1, 2, 5) for j in (0, 3)}


def test_only_anchors_of_the_class_are_looked_at() -> None:
    anchors = [Anchor("win it", 0), Anchor("see it", 2)]
    assert anchors_of(anchor_table(anchors), LABELS, "ham") == anchors[1:]
    assert report_of(*anchors) == report_of(anchors[0])
    with pytest.raises(DataError, match="no anchors of class 'eggs'"):
        anchors_of(anchor_table(anchors), LABELS, "eggs")


def test_verdicts() -> None:
    assert barred("x", "an x", 0.25, ".0%", "at most 30%", True, "too many") == Figure(
        "x", "an x", 0.25, ".0%", "at most 30%", "good", True
    )
    assert barred("x", "an x", 0.35, ".0%", "at most 30%", False, "too many").verdict == "too many"


def test_copies_are_as_alike_as_their_sources(texts_of) -> None:
    texts, labels = texts_of((60, 12))
    sampler = RandomOverSampler(random_state=0)
    sampler.fit_resample(texts, labels)
    report = check_surface(texts, labels, sampler.anchors_, 1)
    assert (report.copies, report.n_sources) == (48, 12)
    assert report.near_repeats == report.near_source == report.near_anchors == report.overlap == 1
    assert report.distinct_share == 12 / 48
    assert report.self_bleu == pytest.approx(report.self_bleu_real)
    assert report.longest_span == report.longest_span_real
    assert check_surface(texts, labels, sampler.anchors_, 1, seed=1) == report


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "minority", "keep", "copies"),
    [
        ("sms_spam", "spam", "59", 0),
        ("trec", "abbreviation", "100%", 0.02),
        ("toutiao", "news_car", "28%", 0),
    ],
)
def test_word_swap_on_real_texts(name, minority, keep, copies) -> None:
    """The questions of trec are short, and some swaps come out as they went in."""
    data = read(name)
    labels = one_against_rest(data.labels, minority)
    kept, _ = keep_minority(labels, minority, keep, derive_seed(0, "keep"))
    sampler = WordSwap(random_state=0)
    sampler.fit_resample(data.texts[kept], labels[kept])
    report = check_surface(data.texts[kept], labels[kept], sampler.anchors_, minority)
    figures = by_name(report)
    assert report.copies <= copies * report.n_anchors
    assert all(figures[name].met for name in ("unknown", "near_repeats", "overlap", "self_bleu"))
    assert 0.6 < report.overlap < 0.75
    assert report.longest_span <= report.longest_span_real
