"""What becomes of written texts: each outcome by hand, in the order in which they are looked for."""

from __future__ import annotations

import numpy as np
import pytest

from counterpoise.oversampling.prompts import cleaned, few_shot_prompt
from counterpoise.oversampling.sieve import OUTCOMES, Sieve

TEXTS = np.array(
    ["win a cash prize now", "see you at home", "one two three four five six seven eight nine ten"],
    dtype=object,
)
OWN = np.array([0, 2])


class Refusing:
    """Holds every text with the word bad for one of another class."""

    def keeps(self, tokens, rows) -> np.ndarray:
        return np.array(["bad" not in words for words in tokens])


def outcome(*written: str, refused: tuple[int, ...] = (), belonging=None) -> list[str]:
    sieve = Sieve(TEXTS, OWN, belonging or Refusing())
    return sieve.outcomes(
        written, np.zeros(len(written), dtype=np.int64), [i in refused for i in range(len(written))]
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("claim your free entry", "kept"),
        ("", "empty"),
        ("  ", "empty"),
        ("Win a CASH  prize now", "repeat"),
        ("see you at home", "repeat"),
        ("now prize cash a win", "repeat"),
        ("one two three four five six seven eight nine ten eleven", "near_repeat"),
        ("one two three four five six seven eight nine eleven", "kept"),
        ("you see at home", "near_repeat"),
        ("this is bad", "other_class"),
    ],
)
def test_each_outcome(text, expected) -> None:
    assert outcome(text) == [expected]
    assert expected in OUTCOMES


def test_what_is_kept_stands_there_for_the_next_ones_and_what_is_not_does_not() -> None:
    found = outcome("a new text", "a new text", "text new a", "a bad one", "one bad a", "last", refused=(5,))
    assert found == ["kept", "repeat", "repeat", "other_class", "other_class", "refused"]
    sieve = Sieve(TEXTS, OWN, None)
    zero = np.zeros(1, dtype=np.int64)
    assert sieve.outcomes(["brand new bad"], zero, [False]) == ["kept"]
    assert sieve.outcomes(["Brand  new bad"], zero, [False]) == ["repeat"]


def test_near_repeats_of_what_was_kept_are_refused_too() -> None:
    long = [f"word{i}" for i in range(19)]
    texts = [" ".join([*long, last]) for last in ("a", "b", "c")]
    assert outcome(*texts[:2]) == ["kept", "near_repeat"]
    sieve = Sieve(TEXTS, OWN, None)
    zero = np.zeros(1, dtype=np.int64)
    assert [sieve.outcomes([text], zero, [False])[0] for text in texts] == [
        "kept",
        "near_repeat",
        "near_repeat",
    ]


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (" claim it now\n", "claim it now"),
        ('"claim it now"', "claim it now"),
        ("“claim it” he said", "“claim it” he said"),
        ('"a" and "b"', '"a" and "b"'),
        ("Text: claim it\nText: another", "claim it"),
        ("claim it\nText: another", "claim it"),
        ("claim\nit\tnow", "claim it now"),
        ("「今天」", "今天"),
        ("", ""),
        ("\n\nText:\n", ""),
        ("You have won. Text: WIN to 80086", "You have won. Text: WIN to 80086"),
    ],
)
def test_a_reply_becomes_one_text_on_one_line(reply, text) -> None:
    assert cleaned(reply) == text


def test_a_prompt_shows_the_texts_in_order_and_ends_where_the_next_begins() -> None:
    prompt = few_shot_prompt("spam", ("win cash", "claim it"))
    assert prompt.endswith("\n\nText: win cash\nText: claim it\nText:")
    assert 'the class "spam"' in prompt
