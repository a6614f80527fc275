"""Probabilities of classes from listed tokens and from answers, against sums by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from counterpoise.text.class_chances import SMOOTHING, answered_chances, listed_chances


def choice(**tokens: float) -> dict:
    listed = [{"token": token, "logprob": math.log(p)} for token, p in tokens.items()]
    return {"logprobs": {"content": [{"token": "?", "top_logprobs": listed}]}}


def test_listed_letters_are_normalised_over_the_classes() -> None:
    found = listed_chances(choice(A=0.6, B=0.2, x=0.1), 2)
    np.testing.assert_allclose(np.exp(found), [0.75, 0.25])


def test_spellings_of_a_letter_are_added() -> None:
    found = listed_chances(choice(**{"A": 0.3, " A": 0.2, "a": 0.1, "B": 0.4}), 2)
    np.testing.assert_allclose(np.exp(found), [0.6, 0.4])


def test_unlisted_classes_share_what_is_left_and_have_no_more_than_the_least() -> None:
    np.testing.assert_allclose(
        np.exp(listed_chances(choice(A=0.9, x=0.06), 3)), np.array([0.9, 0.02, 0.02]) / 0.94
    )
    np.testing.assert_allclose(np.exp(listed_chances(choice(A=0.5, x=0.05), 2)), np.array([0.5, 0.05]) / 0.55)
    found = listed_chances(choice(A=1.0), 2)
    assert np.isfinite(found).all()
    assert found[1] < -20


@pytest.mark.parametrize("found", [{}, {"logprobs": None}, {"logprobs": {"content": []}}, choice(x=0.9)])
def test_without_a_listed_class_there_are_none(found) -> None:
    assert listed_chances(found, 2) is None


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("B", 1),
        (" (B).", 1),
        ("The answer is A", 0),
        ("it is spam", 1),
        ("C", None),
        ("", None),
        ("ham or spam", None),
        ("hamster", None),
        ("A spam message", 1),
        ("I'd say B", 1),
        ("B) since A is not", 1),
        ("Neither A, nor B", None),
    ],
)
def test_an_answer_has_all_but_the_smoothing(text, place) -> None:
    found = np.exp(answered_chances(text, ("ham", "spam")))
    expected = np.full(2, 0.5)
    if place is not None:
        expected[:] = SMOOTHING / 2
        expected[place] += 1 - SMOOTHING
    np.testing.assert_allclose(found, expected)
    assert found.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("text", "names", "named"),
    [
        ("female", ("male", "female"), "female"),
        ("It is not spam.", ("spam", "not spam"), "not spam"),
        ("spam, not spam", ("spam", "not spam"), None),
        ("c++", ("c", "c++"), "c++"),
        ("I think it is I", tuple("abcdefghi"), "i"),
    ],
)
def test_a_name_is_a_word_of_its_own_and_no_part_of_a_longer_name(text, names, named) -> None:
    found = np.exp(answered_chances(text, names))
    assert (names[int(found.argmax())] if found.max() > 1 / len(names) + 0.01 else None) == named
