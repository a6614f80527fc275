"""Edited texts: words stay apart where they must, and only there; capitals and punctuation are taken over."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.text.edited import dressed, gap_between, join_edited, put_in, undressed
from counterpoise.text.tokenizers import tokenize, words_and_gaps

WORDS = st.lists(st.sampled_from(["a", "é!", "你", "好", "…", "don't", "B2"]), max_size=6)
GAPS = st.lists(st.sampled_from(["", " ", "\n", "  "]), min_size=7, max_size=7)


@pytest.mark.parametrize(
    ("left", "right", "gap"),
    [("free", "entry", " "), ("免", "费", ""), ("iPhone", "手", ""), ("手", "iPhone", ""), ("!", "?", " ")],
)
def test_what_stands_between_two_words(left, right, gap) -> None:
    assert gap_between(left, right) == gap


def test_joined_by_hand() -> None:
    assert join_edited(["a", "b"], ["", "", ""]) == "a b"
    assert join_edited(["a", "你", "b", "c"], [" ", "", "", "", "\n"]) == " a你b c\n"
    assert join_edited(["a", "b"], ["", "\t", ""]) == "a\tb"
    assert join_edited([], ["  "]) == "  "


@given(WORDS, GAPS)
def test_joined_words_are_found_again(words, gaps) -> None:
    gaps = gaps[: len(words) + 1]
    text = join_edited(words, gaps)
    found, between = words_and_gaps(text)
    assert found == words
    assert (between[0], between[-1]) == (gaps[0], gaps[-1])
    assert all(now == before for now, before in zip(between, gaps, strict=True) if before)


@given(st.text("ab 你好,\n"))
def test_an_unedited_text_is_joined_as_it_was(text) -> None:
    assert join_edited(*words_and_gaps(text)) == text


@given(st.text("ab 你好,\n"), WORDS.filter(len), st.integers(0, 40))
def test_words_put_in(text, new, place) -> None:
    words, gaps = words_and_gaps(text)
    place = min(place, len(words))
    longer, between = put_in(words, gaps, place, new, [""] * (len(new) - 1))
    assert longer == [*words[:place], *new, *words[place:]]
    assert words_and_gaps(join_edited(longer, between))[0] == longer
    if words:
        assert (between[0], between[-1]) == (gaps[0], gaps[-1])


def test_words_put_in_by_hand() -> None:
    words, gaps = words_and_gaps(" win,  now\n")
    joined = [join_edited(*put_in(words, gaps, place, ["x", "y"], ["\t"])) for place in range(3)]
    assert joined == [" x\ty win,  now\n", " win,  x\ty now\n", " win,  now x\ty\n"]


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("Entry!", ("", "entry", "!")),
        ("(e-Mail)...", ("(", "e-mail", ")...")),
        ("DON’T", ("", "don't", "")),
        ("£5", ("£", "5", "")),
        ("?!", ("?!", "", "")),
        ("नमस्ते।", ("", "नमस्ते", "।")),
        ("_x_", ("", "_x_", "")),
        ("你", ("", "你", "")),
    ],
)
def test_a_word_taken_apart(word, parts) -> None:
    assert undressed(word) == parts


@given(st.text("aB’é!(你_-", min_size=1))
def test_a_word_of_one_token_has_that_token_as_its_core(word) -> None:
    before, core, after = undressed(word)
    assert len(before) + len(core) + len(after) == len(word)
    tokens = [token for token in tokenize([word]).to_list()[0] if any(c.isalnum() or c == "_" for c in token)]
    if len(tokens) == 1 and len(tokens[0]) == len(core):
        assert core == tokens[0]


@pytest.mark.parametrize(
    ("core", "like", "word"),
    [
        ("ticket", "entry", "ticket"),
        ("ticket", "“Entry!”", "“Ticket!”"),
        ("ticket", "ENTRY", "TICKET"),
        ("ticket", "I", "Ticket"),
        ("ticket", "£5", "£ticket"),
        ("奖", "Entry!", "奖"),
        ("ticket", "你", "ticket"),
    ],
)
def test_a_word_written_as_another(core, like, word) -> None:
    assert dressed(core, like) == word
