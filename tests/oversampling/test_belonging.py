"""Belonging: texts that lost what made their class are refused, and nobody is judged by those who know the source."""

from __future__ import annotations

import numpy as np
import pytest

from counterpoise.oversampling import belonging
from counterpoise.oversampling.belonging import Belonging

RARE = [f"win a {prize} now call {n}" for n, prize in enumerate(["prize", "phone", "car", "trip", "tv"] * 4)]
PLAIN = [f"see you at {place} around {n}" for n, place in enumerate(["home", "work", "lunch", "gym"] * 20)]
TEXTS = np.array(RARE + PLAIN, dtype=object)
MINORITY = np.arange(len(TEXTS)) < len(RARE)
GROUPS = np.arange(len(TEXTS))


def judged(text: str, row: int, groups: np.ndarray = GROUPS, texts: np.ndarray = TEXTS) -> bool:
    return bool(Belonging(texts, MINORITY, groups, 0).keeps([text.split()], np.array([row]))[0])


def test_a_text_that_still_reads_as_its_class_is_kept_and_one_that_does_not_is_refused() -> None:
    assert judged("win a prize around lunch", 0)
    assert not judged("see you around lunch 0", 0)


def test_anchors_of_a_source_that_reads_as_the_majority_itself_are_kept() -> None:
    texts = TEXTS.copy()
    texts[3] = "see you at lunch"
    assert judged("see you around work", 3, texts=texts)
    assert not judged("see you around work", 4, texts=texts)


def test_a_source_and_its_near_repeats_are_unknown_to_their_judge() -> None:
    """Rows 3 and 4 alone hold a word that would give them away."""
    texts = TEXTS.copy()
    texts[3] = texts[4] = "see you at zebra"
    together = GROUPS.copy()
    together[4] = 3
    found = Belonging(texts, MINORITY, together, 0)
    assert not found._source_called[3]
    apart = [Belonging(texts, MINORITY, GROUPS, seed)._source_called[3] for seed in range(8)]
    assert any(apart), "with its repeat on the other side it is recognised"


def test_without_two_groups_there_is_no_judge_and_all_are_kept() -> None:
    same = GROUPS.copy()
    same[: len(RARE)] = 0
    assert judged("see you at lunch", 0, groups=same)


def test_no_texts_no_answer() -> None:
    found = Belonging(TEXTS, MINORITY, GROUPS, 0).keeps([], np.array([], dtype=np.int64))
    assert found.shape == (0,)


def test_of_a_large_majority_a_sample_serves_the_same_for_a_seed(monkeypatch) -> None:
    monkeypatch.setattr(belonging, "_MAJORITY", 30)
    first, again, other = (Belonging(TEXTS, MINORITY, GROUPS, seed) for seed in (0, 0, 1))
    weights = [found._models[0].coef_ for found in (first, again, other)]
    assert np.array_equal(weights[0], weights[1])
    assert weights[0].shape != weights[2].shape or not np.array_equal(weights[0], weights[2])
    assert first.keeps([["win", "a", "prize"]], np.array([0]))[0]


@pytest.mark.parametrize("n", [2, 3])
def test_two_and_three_minority_texts(n) -> None:
    minority = np.arange(len(TEXTS)) < n
    rows = np.flatnonzero(minority | ~MINORITY)
    found = Belonging(TEXTS[rows], minority[rows], np.arange(len(rows)), 0)
    assert found.keeps([TEXTS[0].split()], np.array([0])).shape == (1,)
