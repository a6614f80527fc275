"""Pairing: nearest partners first, a scope that follows tau, nobody twice before everyone once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.errors import DataError
from counterpoise.miso.fusion import balance_tau
from counterpoise.miso.pairing import Pairing


def on_a_line(n_sources: int, n_majority: int, k: int, **settings) -> Pairing:
    """Sources are rows 0 .. s - 1; to each the majority rows are near in the order of their numbers."""
    majority = n_sources + np.arange(n_majority)
    nearest = np.tile(majority[:k], (n_sources, 1))
    return Pairing(np.arange(n_sources), majority, nearest, **settings)


def draws(pairing: Pairing, source: int, count: int, tau: float, seed: int = 0) -> list[int]:
    rng = np.random.default_rng(seed)
    return [int(pairing.draw(np.array([source]), tau, rng)[0]) for _ in range(count)]


def test_scope_follows_tau() -> None:
    pairing = on_a_line(1, 1000, 100, scope=5)
    assert [pairing.width(tau) for tau in (1, 1.5, 7.3, 80)] == [5, 8, 37, 400]
    for tau in (1.0, 3.0, 20.0):
        assert max(draws(pairing, 0, 400, tau)) == pairing.width(tau)  # rows 1 .. width are the nearest


def test_scope_narrows_to_the_nearest_as_anchors_come() -> None:
    pairing = on_a_line(1, 1000, 200)
    rng = np.random.default_rng(0)
    means = []
    for anchors in (0, 200, 600, 975):
        tau = balance_tau(25 + anchors, 1000)
        means.append(np.mean([pairing.draw(np.array([0]), tau, rng)[0] for _ in range(50)]))
    assert means == sorted(means, reverse=True)
    assert means[0] > 60
    assert means[-1] <= 5


@settings(max_examples=60)
@given(
    n_majority=st.integers(1, 60),
    kept=st.integers(0, 60),
    tau=st.floats(1, 30),
    seed=st.integers(0, 2**16),
)
def test_everyone_once_before_anyone_twice(n_majority, kept, tau, seed) -> None:
    k = min(kept, n_majority)
    pairing = on_a_line(2, n_majority, k, scope=3, seed=seed)
    width = min(pairing.width(tau), n_majority)
    found = draws(pairing, 1, 2 * width, tau, seed)
    first, second = found[:width], found[width:]
    assert len(set(first)) == width
    near = set(range(2, 2 + min(k, width)))
    assert near <= set(first)  # the near part of the scope is met whole
    assert near <= set(second)
    assert set(found) <= set(range(2, 2 + n_majority))
    if width == n_majority:
        assert set(second) == set(first)


def test_far_partners_come_from_all_of_the_majority_and_are_not_repeated() -> None:
    pairing = on_a_line(3, 2000, 20, scope=5, seed=1)
    found = draws(pairing, 0, 1000, 200.0)
    far = [row for row in found if row >= 3 + 20]
    assert len(set(found)) == 1000
    assert len(far) == 980
    parts = np.histogram(far, bins=10, range=(3, 2003))[0]
    assert parts.min() > 80
    assert set(draws(pairing, 1, 30, 200.0)) != set(found[:30])


def test_near_and_far_come_mixed_as_their_numbers() -> None:
    pairing = on_a_line(1, 5000, 100, scope=1)
    found = np.array(draws(pairing, 0, 500, 1000.0))
    near = (found <= 100).cumsum()
    assert 30 < near[-1] < 70  # a tenth of them
    assert 5 < near[249] < near[-1] - 5


def test_when_the_scope_narrows_the_least_met_come_first() -> None:
    pairing = on_a_line(1, 50, 50, scope=1)
    before = draws(pairing, 0, 10, 40.0)
    unmet = sorted(set(range(1, 21)) - set(before))
    assert sorted(draws(pairing, 0, len(unmet), 20.0)) == unmet


def test_each_row_gets_a_partner_and_sources_do_not_share_their_rounds() -> None:
    pairing = on_a_line(4, 10, 10, scope=10)
    rows = np.array([0, 0, 3, 0, 1, 3])
    found = pairing.draw(rows, 1.0, np.random.default_rng(0))
    assert found.shape == (6,)
    assert found.dtype == np.int64
    assert len(set(found[rows == 0])) == 3
    assert len(pairing.draw(rows[:0], 1.0, np.random.default_rng(0))) == 0
    with pytest.raises(KeyError):
        pairing.draw(np.array([7]), 1.0, np.random.default_rng(0))


def test_same_seed_same_partners() -> None:
    rows = np.tile(np.arange(3), 40)
    found = [
        on_a_line(3, 300, 20, seed=seed).draw(rows, 30.0, np.random.default_rng(0)) for seed in (5, 5, 6)
    ]
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])


# Groups and degenerate majorities


def test_near_repeats_of_the_own_text_are_never_partners() -> None:
    groups = np.arange(103)
    groups[[5, 9, 60, 100]] = 0  # near repeats of source 0, near and far
    groups[[6, 7]] = 1
    pairing = on_a_line(3, 100, 10, groups=groups, scope=100)
    found = draws(pairing, 0, 96, 1.0)
    assert len(set(found)) == 96
    assert not set(found) & {5, 9, 60, 100}
    assert {5, 9, 60, 100} < set(draws(pairing, 1, 98, 1.0))
    assert len(set(draws(pairing, 2, 100, 1.0))) == 100


def test_a_majority_that_is_all_repeats_of_the_own_text_has_to_serve() -> None:
    groups = np.zeros(4, dtype=int)
    pairing = on_a_line(1, 3, 2, groups=groups)
    assert set(draws(pairing, 0, 3, 1.0)) == {1, 2, 3}


def test_majority_of_one() -> None:
    for k in (0, 1):
        pairing = on_a_line(2, 1, k)
        assert draws(pairing, 0, 3, 50.0) == [2, 2, 2]


def test_no_majority_is_refused() -> None:
    with pytest.raises(DataError, match="no majority sample"):
        on_a_line(2, 0, 0)


# From an embedding


def test_nearest_by_cosine() -> None:
    angles = np.array([0.0, 3.0, 0.1, 0.2, 0.4, 0.8, 2.9, 2.5])
    lengths = np.array([1, 1, 5, 0.1, 3, 1, 9, 2])
    embedding = (lengths[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)).astype(np.float32)
    pairing = Pairing.from_embedding(embedding, np.array([0, 1]), np.arange(2, 8), scope=1)
    assert sorted(draws(pairing, 0, 3, 3.0)) == [2, 3, 4]
    assert sorted(draws(pairing, 1, 2, 2.0)) == [6, 7]


def test_kept_neighbours_reach_past_the_own_group() -> None:
    rng = np.random.default_rng(0)
    embedding = rng.normal(size=(500, 4)).astype(np.float32)
    embedding[1:31] = embedding[0]  # thirty copies of source 0 lie nearest to it
    groups = np.arange(500)
    groups[:31] = 0
    pairing = Pairing.from_embedding(
        embedding, np.array([0]), np.arange(1, 500), groups=groups, scope=5, kept=30
    )
    cosines = embedding[31:] @ embedding[0] / np.linalg.norm(embedding[31:], axis=1)
    assert sorted(draws(pairing, 0, 5, 1.0)) == sorted(31 + np.argsort(-cosines)[:5])


def test_memory_is_a_few_hundred_neighbours_a_source() -> None:
    rng = np.random.default_rng(0)
    embedding = rng.normal(size=(3000, 8)).astype(np.float32)
    pairing = Pairing.from_embedding(embedding, np.arange(100), np.arange(100, 3000))
    assert pairing._met.shape == (100, 256)
    few = Pairing.from_embedding(embedding, np.arange(3), np.arange(3, 10))
    assert few._met.shape == (3, 7)
    assert set(draws(few, 0, 7, 100.0)) == set(range(3, 10))
