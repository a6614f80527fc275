"""The sentence a user reads when one class only is predicted."""

from __future__ import annotations

import numpy as np

from counterpoise.metrics.diagnosis import one_class_predicted

NAMES = ["ham", "spam"]
LABELS = np.repeat([0, 1], [87, 13])


def say(p: np.ndarray, decisions: np.ndarray | None = None, tuned: bool = True, minority: int | None = 1):
    decided = (p > 0.5).astype(int) if decisions is None else decisions
    return one_class_predicted(LABELS, p, decided, minority, NAMES, tuned=tuned)


def test_two_classes_predicted_need_no_word() -> None:
    assert say(np.linspace(0, 1, 100)) is None


def test_a_fine_ranking_blames_the_threshold() -> None:
    p = np.where(LABELS == 1, 0.3, 0.1)
    assert say(p) == (
        "Only class 'ham' is predicted, yet the ranking is fine (average precision 1.00 at prevalence 0.13): "
        "only the threshold is wrong; use the tuned one."
    )
    assert str(say(p, tuned=False)).endswith(
        "only the threshold is wrong; choose one on labelled rows that were not fitted to, and give it, as `threshold` "
        "when fitting or as --threshold to `counterpoise predict`."
    )
    assert str(say(p, minority=None)).startswith("Only class 'ham' is predicted, yet")


def test_no_number_is_asked_for_as_threshold_of_several_classes() -> None:
    labels = np.repeat([0, 1, 2], [80, 10, 10])
    p = np.eye(3)[labels] * 0.1 + [0.6, 0.15, 0.15]
    sentence = str(one_class_predicted(labels, p, np.zeros(100), None, ["a", "b", "c"], tuned=False))
    assert "only the threshold is wrong; fit with threshold='tune'" in sentence
    assert "--threshold" not in sentence


def test_a_poor_ranking_says_so() -> None:
    sentence = say(np.full(100, 0.2))
    assert sentence is not None
    assert "the ranking is poor too (average precision 0.13 at prevalence 0.13)" in sentence
    assert "more rows of class 'spam'" in sentence


def test_only_the_minority_predicted_is_seen_too() -> None:
    assert str(say(np.full(100, 0.9))).startswith("Only class 'spam' is predicted")


def test_labels_of_one_class_are_no_evidence() -> None:
    assert one_class_predicted([0, 0], [0.1, 0.2], [0, 0], 1, NAMES, tuned=False) is None


def test_a_minority_without_rows_cannot_be_judged() -> None:
    p = np.full((4, 3), [0.6, 0.2, 0.2])
    sentence = one_class_predicted([0, 0, 1, 1], p, np.zeros(4), 2, ["a", "b", "c"], tuned=False)
    assert sentence == "Only class 'a' is predicted, and the labels hold no row of class 'c' to judge it by."
