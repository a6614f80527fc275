"""Harvest: whose turn it is, what is no anchor, how often is tried; with a writer that does as it is told."""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from counterpoise.errors import CounterpoiseWarning
from counterpoise.miso import harvest as module
from counterpoise.miso.corpus import Corpus
from counterpoise.miso.decoder import Written
from counterpoise.miso.fusion import falling_tau
from counterpoise.miso.harvest import TRIES, Field, _anchor, _Turns, harvest
from counterpoise.miso.pairing import Pairing

N_SOURCES = 4
TEXTS = np.array(
    ["win a prize", "win the big prize now", "claim it", "call us to claim your prize today"]
    + [f"plain text number {i}" for i in range(30)],
    dtype=object,
)


class Scripted:
    """Writes ``say(source row, how often it has been asked)`` and notes the lengths of each batch."""

    def __init__(self, say, corpus: Corpus) -> None:
        self.say, self.corpus = say, corpus
        self.asked: Counter[int] = Counter()
        self.taus: list[float] = []
        self.lengths: list[list[int]] = []

    def write(self, rows, partners, tau, generator):
        self.taus.append(tau)
        self.lengths.append([len(self.corpus.words(row)) for row in rows])
        written = []
        for row in rows.tolist():
            self.asked[row] += 1
            written.append(Written(self.say(row, self.asked[row]), ("win",), ()))
        return written, torch.zeros(len(rows), 8)


class Refusing:
    """Belonging that refuses all texts of some sources."""

    def __init__(self, *rows: int) -> None:
        self.rows = rows

    def keeps(self, tokens, rows):
        return ~np.isin(rows, self.rows)


def make_field(belonging=None) -> Field:
    corpus = Corpus(TEXTS, dim=8)
    sources, majority = np.arange(N_SOURCES), np.arange(N_SOURCES, len(TEXTS))
    pairing = Pairing(sources, majority, np.tile(majority, (N_SOURCES, 1)))
    return Field(corpus, sources, np.zeros(N_SOURCES), N_SOURCES, len(majority), pairing, "rare", belonging)


def run(say, count: int, *, belonging=None, falling: bool = True):
    field = make_field(belonging)
    writer = Scripted(say, field.corpus)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CounterpoiseWarning)
        return harvest(writer, field, count, 0, falling=falling), writer


def given(anchors) -> list[int]:
    counts = Counter(anchor.source_row for anchor in anchors)
    return [counts[row] for row in range(N_SOURCES)]


def test_all_sources_give_equally_many() -> None:
    anchors, _ = run(lambda row, n: f"new text {row} {n}", 400)
    assert given(anchors) == [100] * N_SOURCES


def test_a_source_whose_texts_are_refused_half_the_time_catches_up() -> None:
    anchors, writer = run(lambda row, n: f"new text {row} {n}" if row or n % 2 else "win a prize", 400)
    assert given(anchors) == pytest.approx([100] * N_SOURCES, abs=3)
    assert writer.asked[0] == pytest.approx(200, abs=8)


def test_a_source_that_gives_nothing_is_given_up_and_the_others_fill_in() -> None:
    anchors, writer = run(lambda row, n: f"new text {row} {n}", 400, belonging=Refusing(2))
    assert len(anchors) == 400
    assert given(anchors)[2] == 0
    assert max(given(anchors)) - sorted(given(anchors))[1] <= 1
    assert writer.asked[2] == TRIES * 100


def test_tries_are_bounded_and_said() -> None:
    field = make_field(Refusing(*range(N_SOURCES)))
    writer = Scripted(lambda row, n: f"new {row} {n}", field.corpus)
    with pytest.warns(CounterpoiseWarning, match=r"only 0 different texts of class 'rare' came of 500 tries"):
        harvest(writer, field, 100, 0)


@pytest.mark.parametrize(
    "text",
    ["win a prize", "Win  A prize", "prize a win", "plain text number 3", "", "claim it"],
    ids=["copy", "case and space", "its words in another order", "a majority text", "nothing", "another's"],
)
def test_what_is_no_anchor(text) -> None:
    anchors, _ = run(lambda row, n: text, 4)
    assert anchors == []


def test_the_same_words_in_another_order_are_one_anchor() -> None:
    anchors, _ = run(
        lambda row, n: " ".join(np.random.default_rng(n).permutation(["one", "two", "three"])), 8
    )
    assert len(anchors) == 1


def test_tau_falls_as_anchors_come_or_stays() -> None:
    _, falling = run(lambda row, n: f"new text {row} {n}", 1000)
    assert falling.taus[0] == pytest.approx(30 / N_SOURCES)
    assert falling.taus[-1] == 1.0
    _, fixed = run(lambda row, n: f"new text {row} {n}", 1000, falling=False)
    assert set(fixed.taus) == {30 / N_SOURCES}


def test_tau_has_fallen_when_all_that_are_asked_for_have_come() -> None:
    """Also where they are fewer than would balance the class with all others; it does not rise again later."""
    taus = [falling_tau(progress, N_SOURCES, 30) for progress in (0.0, 0.5, 1.0)]
    assert taus == [30 / N_SOURCES, 30 / (N_SOURCES + (30 - N_SOURCES) / 2), 1.0]
    field = replace(make_field(), n_majority=5000)
    writer = Scripted(lambda row, n: f"new text {row} {n}", field.corpus)
    first = harvest(writer, field, 640, 0)
    assert writer.taus[0] == 5000 / N_SOURCES
    assert 1 < writer.taus[-1] < 1.2
    writer.taus.clear()
    assert len(harvest(writer, field, 64, 1, before=[anchor.text for anchor in first])) == 64
    assert set(writer.taus) == {1.0}


def test_anchors_written_before_do_not_come_again() -> None:
    field = make_field()
    writer = Scripted(lambda row, n: f"new text {row} {n % 16}", field.corpus)
    first = harvest(writer, field, 16, 0)
    more = harvest(writer, field, 16, 1, before=[anchor.text for anchor in first])
    assert len(more) == 16
    assert not {anchor.text for anchor in first} & {anchor.text for anchor in more}


def test_batches_hold_sources_of_similar_length(monkeypatch) -> None:
    monkeypatch.setattr(module, "_BATCH", 16)
    _, writer = run(lambda row, n: f"new text {row} {n}", 64)
    first = [length for batch in writer.lengths[:4] for length in batch]  # the first block, batch by batch
    assert first == sorted(first)


def test_turns_never_draw_more_than_is_left() -> None:
    turns = _Turns(np.array([7, 9]), 3, 0)
    drawn = []
    while turns.left:
        drawn += turns.next(4).tolist()
    assert len(drawn) == turns.tries == 3 * TRIES
    assert set(drawn) == {7, 9}


def test_shared_words_are_those_that_are_alike_and_those_of_the_partner() -> None:
    texts = np.array(["win a free prize now", "see you at home now"] * 2, dtype=object)
    written = Written("win a free prize now", ("win", "a", "free", "prize", "now"), ())
    likeness = torch.tensor([0.95, 0.5, 0.1, 0.91, 0.2])
    rows = np.array([0]), np.array([1])
    pairing = Pairing(*rows, nearest=np.array([[1]]))
    field = Field(Corpus(texts, dim=8), rows[0], np.array([0.4]), 2, 2, pairing, "rare")
    found = _anchor(field, 0, 1, written, likeness, {0: 0.4})
    assert found.shared == ("win", "prize", "now")
    assert found.difficulty == 0.4
