"""Runs of characters inside words, against scikit-learn's where those are the same, and by hand where not."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer

from counterpoise.text.characters import SHORTEST, runs_of_words
from counterpoise.text.tfidf import character_tfidf, longest_run, reads_characters, word_tfidf
from counterpoise.text.tokenizers import is_character, spaced_words

WORDS = st.lists(st.text("abcdé.!9", min_size=1, max_size=9), max_size=6)


@given(WORDS, st.integers(SHORTEST, 7))
def test_in_spaced_scripts_they_are_scikit_learns(words, longest) -> None:
    theirs = CountVectorizer(analyzer="char_wb", ngram_range=(SHORTEST, longest)).build_analyzer()
    assert Counter(runs_of_words(words, longest)) == Counter(theirs(" ".join(words)))


def test_chinese_characters_count_alone_and_in_pairs() -> None:
    (words,) = spaced_words(["免费WiFi 好 吗"]).to_list()
    assert words == ["免", "费", "wifi", "好", "吗"]
    runs = runs_of_words(words, 6)
    assert [run for run in runs if is_character(run[0])] == ["免", "费", "免费", "好", "吗", "好吗"]
    assert " wifi " in runs


def test_words_keep_their_punctuation_and_lose_their_case() -> None:
    assert spaced_words(["Call U.S. now!", "", " \t"]).to_list() == [["call", "u.s.", "now!"], [], []]
    assert [is_character(word) for word in ("免", "か", "a", "免费", "9", "")] == [
        True,
        True,
        False,
        False,
        False,
        False,
    ]


def test_the_vectorizers_know_what_they_read() -> None:
    assert (reads_characters(character_tfidf()), longest_run(character_tfidf(5))) == (True, 5)
    assert (reads_characters(word_tfidf()), longest_run(word_tfidf(2))) == (False, 2)


@pytest.mark.parametrize("word", ["a", "ab", "9", "é"])
def test_a_short_word_is_one_run_and_those_inside_it(word) -> None:
    assert runs_of_words([word], 6)[-1] == f" {word} "
