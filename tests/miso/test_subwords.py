"""Sub-words: any text of the fitting side comes back to the letter, whatever is written is a text."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.data.demo import make_corpus
from counterpoise.errors import DataError, SettingsError
from counterpoise.miso.subwords import END, PAD, START, Subwords
from counterpoise.text.batching import Ragged

MIXED = [
    "Free entry in 2 a wkly comp!!! Text FA to 87121",
    "don't  do\tthat,\n\nplease ",
    " 免费 iPhone 抽奖，点击链接",
    "免费试用，点击这里",
    "ÅÉ naïve été — “quotes” 😀👍🏽",
    "",
    "   ",
    "</s> <pad> [UNK] ▁ Ġ",
]


def round_trip(subwords: Subwords, texts: list[str]) -> list[str]:
    values, offsets = subwords.encode(texts, 10_000)
    return [subwords.decode(values[a:b]) for a, b in itertools.pairwise(offsets)]


@pytest.fixture(scope="module")
def mixed() -> Subwords:
    return Subwords(300).fit(MIXED)


def test_texts_come_back_to_the_letter(mixed: Subwords) -> None:
    assert round_trip(mixed, MIXED) == MIXED


CHARACTERS = sorted(set("".join(MIXED)))


@given(texts=st.lists(st.text(st.sampled_from(CHARACTERS), max_size=40), max_size=5))
@settings(max_examples=100)
def test_any_text_of_seen_characters_comes_back(mixed: Subwords, texts: list[str]) -> None:
    assert round_trip(mixed, texts) == texts


@given(seed=st.integers(0, 1000))
@settings(max_examples=50)
def test_any_sequence_is_a_text_of_seen_characters(mixed: Subwords, seed: int) -> None:
    ids = np.random.default_rng(seed).integers(0, len(mixed), 30)
    text = mixed.decode(ids)
    assert set(text) <= set(CHARACTERS)
    assert "\ufffd" not in text


def test_unseen_characters_are_left_out(mixed: Subwords) -> None:
    assert round_trip(mixed, ["Free Жentry"]) == ["Free entry"]


def test_special_ids(mixed: Subwords) -> None:
    assert (PAD, START, END) == (0, 1, 2)
    values, offsets = mixed.encode(MIXED, 50)
    assert not np.isin(values, [PAD, START]).any()
    assert (values[offsets[1:] - 1] == END).all()
    assert (values == END).sum() == len(MIXED)
    assert [mixed.pieces_[i] for i in (PAD, START, END)] == ["", "", ""]
    assert all(mixed.pieces_[3:])


def test_texts_are_cut_at_max_length_without_an_end(mixed: Subwords) -> None:
    whole, _ = mixed.encode(MIXED[:1], 1_000)
    n = len(whole) - 1
    for length in (1, n - 1):
        cut, offsets = mixed.encode(MIXED[:1], length)
        np.testing.assert_array_equal(cut, whole[:length])
        assert offsets.tolist() == [0, length]
    np.testing.assert_array_equal(mixed.encode(MIXED[:1], n)[0], whole)


def test_ids_are_ragged_rows(mixed: Subwords) -> None:
    values, offsets = mixed.encode(MIXED, 20)
    assert values.dtype == np.int32
    assert offsets.dtype == np.int64
    ids, mask = Ragged(values, offsets).batch(np.array([0, 5]))
    assert mask is not None
    assert mask.sum(dim=1).tolist() == [20, 1]
    assert ids[1, 0] == END
    assert [len(part) for part in mixed.encode([], 5)] == [0, 1]


def test_frequent_words_become_one_piece_and_none_reaches_across() -> None:
    subwords = Subwords(200).fit(
        ["the winner takes it all", "the winner takes more", "the winner is here"] * 3
    )
    values, _ = subwords.encode(["the winner takes"], 99)
    assert [subwords.pieces_[i] for i in values] == ["the", " winner", " takes", ""]


def test_case_is_kept() -> None:
    subwords = Subwords().fit(["WIN cash", "WIN prizes", "win or lose", "win again"])
    assert {" cash", "WIN", "win"} & set(subwords.pieces_) >= {"WIN", "win"}


def test_frequent_chinese_combinations_become_pieces() -> None:
    subwords = Subwords().fit(["免费试用", "全部免费", "免费的午餐", "不免费"])
    assert "免费" in subwords.pieces_
    assert round_trip(subwords, ["免费用午餐"]) == ["免费用午餐"]


def test_size_bounds_the_vocabulary_but_never_the_characters() -> None:
    texts, _ = make_corpus(600)
    assert len(Subwords(150).fit(texts)) == 150
    alphabet = [chr(0x4E00 + i) for i in range(500)]
    subwords = Subwords(100).fit(["".join(alphabet)])
    assert len(subwords) == 503
    assert subwords.pieces_[3:] == alphabet


def test_vectors_and_counts_go_with_the_pieces(mixed: Subwords) -> None:
    assert mixed.vectors_.shape == (len(mixed), 128)
    assert mixed.vectors_.dtype == np.float32
    assert not mixed.vectors_[[PAD, START]].any()
    assert np.isfinite(mixed.vectors_).all()
    assert mixed.counts_[END] == len(MIXED)
    assert mixed.counts_.sum() == len(mixed.encode(MIXED, 10_000)[0])
    assert Subwords(300, dim=16).fit(MIXED).vectors_.shape[1] == 16


def test_only_a_part_of_many_long_texts_is_learnt_from(monkeypatch) -> None:
    from counterpoise.miso import subwords as module

    monkeypatch.setattr(module, "_TEXTS", 10)
    monkeypatch.setattr(module, "_CHARACTERS", 8)
    texts = [f"{'early' if row % 3 == 0 else 'other'} words beyond é" for row in range(30)]
    found = Subwords(500).fit(texts)
    assert "early" in found.pieces_
    assert "other" not in found.pieces_
    assert " beyond" not in found.pieces_
    assert round_trip(found, texts) == texts  # the characters of all are known


DIGEST = """
import hashlib
from counterpoise.data.demo import make_corpus
from counterpoise.miso.subwords import Subwords
found = Subwords(600).fit(make_corpus(600)[0])
digest = hashlib.sha256(repr(found.pieces_).encode() + found.vectors_.tobytes()).hexdigest()
print(digest)
"""


def test_the_same_in_every_process_and_with_any_threads() -> None:
    """Ties between equally frequent pairs must not be settled by the order of a hash map."""
    here: dict[str, str] = {}
    exec(DIGEST, here)
    there = subprocess.run(
        [sys.executable, "-c", DIGEST],
        env={**os.environ, "TOKENIZERS_PARALLELISM": "true", "RAYON_NUM_THREADS": "4"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert there.stdout.strip() == here["digest"]


def test_degenerate_texts() -> None:
    for texts in (["", ""], [" "], ["a"], []):
        subwords = Subwords().fit(texts)
        assert round_trip(subwords, texts) == texts


def test_what_is_not_a_text_is_refused() -> None:
    with pytest.raises(DataError, match="Row 1"):
        Subwords().fit(["good", None])  # type: ignore[list-item]
    with pytest.raises(DataError, match="lone surrogate"):
        Subwords().fit(["\ud800"])
    with pytest.raises(SettingsError, match="size is 3"):
        Subwords(3)


@pytest.mark.real_data
@pytest.mark.parametrize("dataset", ["sms_spam", "toutiao"])
def test_real_texts_come_back_to_the_letter(dataset: str) -> None:
    folder = os.environ["COUNTERPOISE_DATA"]
    texts = pq.read_table(Path(folder) / dataset / "train.parquet", columns=["text"])["text"].to_pylist()
    subwords = Subwords().fit(texts)
    assert len(subwords) == 4000
    assert round_trip(subwords, texts) == texts
    values, _ = subwords.encode(texts, 10_000)
    assert len(values) < 0.95 * (sum(map(len, texts)) + len(texts))  # combinations are used
