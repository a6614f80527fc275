"""Which members a blend is better without: average precision under redraws, and when a smaller blend is taken."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from counterpoise.data.near import enumerated
from counterpoise.methods.subset_choice import DRAWS, SURE, choose_subset, ranked


@pytest.mark.parametrize("ties", [False, True])
def test_ranked_is_average_precision_under_each_weighting(ties) -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 9, 60).astype(float) if ties else rng.normal(size=60)
    found = rng.random(60) < 0.3
    weights = rng.integers(0, 3, (5, 60)).astype(float)
    expected = [average_precision_score(found, scores, sample_weight=w) for w in weights]
    np.testing.assert_allclose(ranked(scores, found, weights), expected, atol=1e-12)


def logits_of(labels: np.ndarray, strength: float, noise: float, seed: int) -> np.ndarray:
    score = strength * labels + np.random.default_rng(seed).normal(0, noise, len(labels))
    return np.column_stack([-score / 2, score / 2])


def chosen(members: dict[str, np.ndarray], labels: np.ndarray, **given) -> tuple[str, ...]:
    return choose_subset(members, labels, np.ones(len(labels)), **{"minority": 1, "seed": 0, **given}).members


LABELS = np.repeat([0, 1], [400, 60])


def test_members_that_each_know_something_are_all_taken() -> None:
    members = {name: logits_of(LABELS, 2, 1, i) for i, name in enumerate("abc")}
    assert chosen(members, LABELS) == ("a", "b", "c")


def test_a_member_that_is_noise_is_left_out() -> None:
    members = {
        "a": logits_of(LABELS, 2, 1, 0),
        "noise": logits_of(LABELS, 0, 3, 1),
        "c": logits_of(LABELS, 2, 1, 2),
    }
    found = choose_subset(members, LABELS, np.ones(460), minority=1, seed=0)
    assert found.members == ("a", "c")
    assert found.scores["a+c"] == max(found.scores.values()) > found.scores["a+noise+c"]
    assert found.why.startswith(f"a and c: average precision {found.scores['a+c']:.3f}")
    assert set(found.scores) == {"a+noise+c", "a+noise", "a+c", "noise+c", "a", "noise", "c"}


def test_what_is_better_by_chance_is_not_taken() -> None:
    """Of members that are all alike the best is the luckiest; with few rows it is rarely taken for better."""
    labels = np.repeat([0, 1], [100, 12])
    kept = 0
    for seed in range(20):
        members = {name: logits_of(labels, 1.5, 1, 3 * seed + i) for i, name in enumerate("abc")}
        kept += chosen(members, labels, seed=seed) == ("a", "b", "c")
    assert kept >= 15


def test_of_many_blends_that_are_alike_the_luckiest_is_rarely_taken() -> None:
    """Members that see the same but for little noise: asked for 90% each, one of 14 blends is taken 17 times in 40."""
    labels = np.repeat([0, 1], [100, 12])
    taken = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        seen = 1.5 * labels + rng.normal(size=112)
        scores = {name: seen + rng.normal(0, 0.15, 112) for name in "abcd"}
        members = {name: np.column_stack([-score / 2, score / 2]) for name, score in scores.items()}
        taken += chosen(members, labels, seed=seed) != tuple("abcd")
    assert taken <= 40 * (1 - SURE)


def test_equal_members_keep_the_blend_of_all() -> None:
    same = logits_of(LABELS, 2, 1, 0)
    assert chosen({"a": same, "b": same}, LABELS) == ("a", "b")


def test_weights_and_the_class_that_matters_decide() -> None:
    """One member sees one class, the other the other; rows of weight 0 are not there."""
    labels = np.repeat([0, 1, 2], [300, 50, 50])
    rng = np.random.default_rng(0)
    sees = {}
    for c, name in ((1, "one"), (2, "two")):
        logits = rng.normal(0, 1, (400, 3))
        logits[:, c] += 4 * (labels == c)
        sees[name] = logits
    for c, name in ((1, "one"), (2, "two")):
        assert chosen(sees, labels, minority=c) == (name,)
    assert chosen(sees, labels, minority=None) == ("one", "two")
    weights = np.ones(400)
    weights[300:325] = 0
    told = choose_subset(sees, labels, weights, minority=1, seed=0).scores
    kept = np.flatnonzero(weights)
    there = {name: logits[kept] for name, logits in sees.items()}
    assert told == choose_subset(there, labels[kept], np.ones(375), minority=1, seed=0).scores


def test_it_is_settled_by_the_seed() -> None:
    members = {name: logits_of(LABELS, 2, 1, i) for i, name in enumerate("ab")}
    first, again = (choose_subset(members, LABELS, np.ones(460), 1, 7) for _ in range(2))
    assert first == again
    assert DRAWS >= 100
    assert 0.9 <= SURE < 1


@pytest.mark.parametrize(("names", "words"), [("a", "a"), ("ab", "a and b"), ("abc", "a, b and c")])
def test_names_in_a_sentence(names, words) -> None:
    assert enumerated(names) == words
