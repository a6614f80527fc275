"""Word level: what a token is, what a vocabulary is, and that ids depend on nothing but the text."""

import itertools
import json
import os
import pickle

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.errors import DataError, ModelError, SettingsError
from counterpoise.text.tokenizers import (
    PAD,
    UNKNOWN,
    WordTokenizer,
    join_words,
    tokenize,
    words_and_gaps,
)

CORPUS = ["Free entry now!", "Call me now", "free call", "你好 世界", "you and me and you", "now now now"]
ANY_TEXT = st.text(st.characters(codec="utf-8"), max_size=60)
TRICKY_TEXT = st.text(st.sampled_from("ab'’ \n.1_£é你カー😀\u0301\ufe0f\u200dßİΣς"), max_size=40)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Don't pay £5.50, OK?", ["don't", "pay", "£", "5", ".", "50", ",", "ok", "?"]),
        ("Don’t", ["don't"]),
        ("'quoted' l'été snake_case", ["'", "quoted", "'", "l'été", "snake_case"]),
        ("免费 iPhone手机", ["免", "费", "iphone", "手", "机"]),
        ("カラーです", list("カラーです")),
        ("한국어 문장", ["한국어", "문장"]),
        ("😀😀 ❤️love", ["😀", "😀", "❤️", "love"]),
        ("cafe\u0301", ["cafe\u0301"]),
        ("STRASSE Straße", ["strasse", "straße"]),
        (" \t\n\u3000", []),
        ("", []),
        ("\U00020000x", ["\U00020000", "x"]),
    ],
)
def test_tokens_by_hand(text, tokens):
    assert tokenize([text]).to_list() == [tokens]


# Python, unlike Unicode, counts these four control characters as white space.
@given(st.text(st.characters(codec="utf-8", exclude_characters="\x1c\x1d\x1e\x1f"), max_size=60))
def test_tokens_lose_only_white_space(text):
    (tokens,) = tokenize([text]).to_list()
    lowered = pl.Series([text.replace("’", "'")]).str.to_lowercase().item()
    assert "".join(tokens) == "".join(lowered.split())
    assert all(tokens)


def test_vocabulary_by_document_frequency_then_code_point():
    tokenizer = WordTokenizer().fit(CORPUS)
    # now: 3 texts; call, free, me: 2; "and" and "you" occur twice but in one text only.
    assert tokenizer.words_ == ["<pad>", "<unk>", "now", "call", "free", "me"]
    assert len(tokenizer) == 6
    assert WordTokenizer(max_words=2).fit(CORPUS).words_[2:] == ["now", "call"]
    assert WordTokenizer().fit(CORPUS[::-1]).words_ == tokenizer.words_


def test_falls_back_to_every_word_when_none_is_frequent_enough():
    assert WordTokenizer(min_df=2).fit(["b a", "c"]).words_[2:] == ["a", "b", "c"]
    assert WordTokenizer().fit(["", "  "]).words_ == ["<pad>", "<unk>"]


def test_encode_by_hand():
    tokenizer = WordTokenizer().fit(CORPUS)
    values, offsets = tokenizer.encode(["NOW call Bob", "", "me\n", " "])
    assert values.tolist() == [2, 3, UNKNOWN, UNKNOWN, 5, UNKNOWN]
    assert offsets.tolist() == [0, 3, 4, 5, 6]
    assert values.dtype == np.int32
    assert offsets.dtype == np.int64
    values, offsets = tokenizer.encode(["now call me free"], max_length=2)
    assert values.tolist() == [2, 3]
    values, offsets = tokenizer.encode([])
    assert values.tolist() == []
    assert offsets.tolist() == [0]
    assert WordTokenizer().fit([""]).encode(["a b"])[0].tolist() == [1, 1]


def rows(encoded):
    values, offsets = encoded
    return [values[a:b].tolist() for a, b in itertools.pairwise(offsets)]


@settings(max_examples=200)
@given(st.lists(ANY_TEXT | TRICKY_TEXT, min_size=1, max_size=8), st.integers(1, 6))
def test_encode_is_the_first_tokens_of_each_text_whatever_the_batch(texts, max_length):
    tokenizer = WordTokenizer(min_df=1).fit(texts[: len(texts) // 2 + 1])
    number = {word: place for place, word in enumerate(tokenizer.words_)}
    expected = [
        [number.get(token, UNKNOWN) for token in tokens[:max_length]] or [UNKNOWN]
        for tokens in tokenize(texts).to_list()
    ]
    assert rows(tokenizer.encode(texts, max_length)) == expected
    assert rows(tokenizer.encode(np.array(texts[::-1], dtype=object), max_length)) == expected[::-1]
    assert [rows(tokenizer.encode([text], max_length))[0] for text in texts] == expected
    assert all(PAD not in row for row in expected)


def test_long_texts_are_cut_where_reading_them_whole_would_cut_them():
    tokenizer = WordTokenizer(min_df=1).fit(["a b c don't it"])
    # The reading window of two tokens is 14 characters; here it ends within white space, "don't" and a run.
    texts = ["a" + " " * 30 + "b c", "bbbbbbbbbb don't it", "x" * 40 + " a", "a b c", ""]
    number = {word: place for place, word in enumerate(tokenizer.words_)}
    for limit in (1, 2, 3):
        expected = [
            [number.get(t, UNKNOWN) for t in row[:limit]] or [UNKNOWN] for row in tokenize(texts).to_list()
        ]
        assert rows(tokenizer.encode(texts, limit)) == expected


def test_state_goes_through_json_and_pickle():
    tokenizer = WordTokenizer(min_df=1, max_words=9).fit(CORPUS)
    for other in (
        WordTokenizer.from_state(json.loads(json.dumps(tokenizer.state()))),
        pickle.loads(pickle.dumps(tokenizer)),
    ):
        assert (other.words_, other.min_df, other.max_words) == (tokenizer.words_, 1, 9)
        assert rows(other.encode(CORPUS)) == rows(tokenizer.encode(CORPUS))


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"min_df": 1, "max_words": 3, "words": "abc"},
        {"min_df": 1, "max_words": 3, "words": ["a", 1]},
        {"min_df": 1, "max_words": 3, "words": ["a", "a"]},
        {"min_df": 0, "max_words": 3, "words": ["a"]},
        [],
    ],
)
def test_foreign_states_are_refused(state):
    with pytest.raises(ModelError, match="save"):
        WordTokenizer.from_state(state)


@pytest.mark.parametrize("bad", [None, 3, ["a"], b"a", float("nan")])
def test_what_is_not_a_text_is_named_with_its_row(bad):
    with pytest.raises(DataError, match="Row 1 is"):
        tokenize(["fine", bad])
    with pytest.raises(DataError, match="Row 0 is"):
        WordTokenizer().fit(["fine"]).encode([bad])


def test_lone_surrogates_are_named_with_their_row():
    with pytest.raises(DataError, match="Row 1 holds a lone surrogate at character 2"):
        tokenize(["fine", "ab\ud800"])


def test_impossible_settings_are_refused():
    with pytest.raises(SettingsError):
        WordTokenizer(min_df=0)
    with pytest.raises(SettingsError):
        WordTokenizer(max_words=0)
    with pytest.raises(SettingsError):
        WordTokenizer().fit(CORPUS).encode(CORPUS, max_length=0)


def test_words_and_gaps_by_hand():
    assert words_and_gaps("  Free  entry, 你好！ok\n") == (
        ["Free", "entry,", "你", "好", "！ok"],
        ["  ", "  ", " ", "", "", "\n"],
    )
    assert words_and_gaps("") == ([], [""])
    words, gaps = words_and_gaps("a b\tc")
    words[1] = "XX"
    assert join_words(words, gaps) == "a XX\tc"


@given(ANY_TEXT | TRICKY_TEXT)
def test_words_and_gaps_put_together_are_the_text(text):
    words, gaps = words_and_gaps(text)
    assert len(gaps) == len(words) + 1
    assert join_words(words, gaps) == text
    assert all(not gap.strip() for gap in gaps)
    assert all(words)


@pytest.mark.real_data
def test_real_messages():
    folder = os.environ["COUNTERPOISE_DATA"]
    texts = pq.read_table(f"{folder}/sms_spam/train.parquet")["text"].to_pylist()
    tokenizer = WordTokenizer().fit(texts)
    values, offsets = tokenizer.encode(texts)
    assert len(offsets) == len(texts) + 1
    assert values.min() == UNKNOWN
    assert values.max() == len(tokenizer) - 1
    assert np.mean(values == UNKNOWN) < 0.1
    assert "£" in tokenizer.words_
    picked = [5, 77, 4000]
    assert rows(tokenizer.encode([texts[i] for i in picked])) == [rows((values, offsets))[i] for i in picked]
