"""gamma on points that can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.errors import DataError, SettingsError
from counterpoise.gamma import Difficulty, asked_rows, measure_difficulty, minority_sides

LINE = np.array([0.0, 1.0, 2.1, 3.0, 10.0, 11.1, 13.0])[:, None]
SIDES = np.array([0, 0, 1, 0, 0, 1, 1])


def test_points_on_a_line() -> None:
    """Queries at 2.0, 11.0 and 20.0, all of class 1; their three nearest are read off."""
    queries = np.array([[2.0], [11.0], [20.0]])
    found = measure_difficulty(queries, np.ones(3, int), LINE, SIDES, k=3, metric="euclidean")
    assert found.neighbours.tolist() == [[2, 1, 3], [5, 4, 6], [6, 5, 4]]
    np.testing.assert_allclose(found.distances[0], [0.1, 1.0, 1.0], atol=1e-6)
    assert found.hostile.tolist() == [[False, True, True], [False, True, False], [False, False, True]]
    assert found.gamma.tolist() == [2, 1, 1]
    assert found.degree.tolist() == [2 / 3, 1 / 3, 1 / 3]
    assert found.difficult.tolist() == [0, 1, 2]
    assert (found.k, found.share) == (3, 1.0)
    backwards = measure_difficulty(queries[::-1], np.ones(3, int), LINE, SIDES, k=3, metric="euclidean")
    assert backwards.gamma.tolist() == [1, 1, 2]
    assert backwards.ranked().tolist() == [2, 1, 0], (
        "of equal gamma, the nearer hostile neighbour comes first"
    )
    nearest = measure_difficulty(queries, np.ones(3, int), LINE, SIDES, k=1, metric="euclidean")
    assert (nearest.gamma.tolist(), nearest.share, nearest.difficult.tolist()) == ([0, 0, 0], 0.0, [])


def test_a_sample_of_the_index_is_not_its_own_neighbour() -> None:
    rows = np.flatnonzero(SIDES)
    alone = np.arange(7)
    found = measure_difficulty(
        LINE[rows], SIDES[rows], LINE, SIDES, k=1, metric="euclidean", same=(alone[rows], alone), rows=rows
    )
    assert found.rows.tolist() == [2, 5, 6]
    assert found.neighbours[:, 0].tolist() == [3, 4, 5]
    assert found.gamma.tolist() == [1, 1, 0]


def test_copies_are_passed_over_however_many() -> None:
    """Sixty copies of the query crowd out all else, until enough neighbours are asked for."""
    index = np.concatenate([np.zeros((60, 1)), [[1.0], [2.0], [3.0]]])
    sides = np.array([1] * 60 + [0, 1, 0])
    groups = np.array([7] * 60 + [8, 9, 10])
    found = measure_difficulty(
        index[:2], sides[:2], index, sides, k=2, metric="euclidean", same=(groups[:2], groups)
    )
    assert found.neighbours.tolist() == [[60, 61]] * 2
    assert found.gamma.tolist() == [1, 1]
    counted = measure_difficulty(index[:1], sides[:1], index, sides, k=2, metric="euclidean")
    assert counted.gamma.tolist() == [0], "without groups the copies are its neighbours"


def test_where_nothing_but_copies_stands_there_are_no_neighbours() -> None:
    index, groups = np.ones((4, 2), np.float32), np.zeros(4, int)
    found = measure_difficulty(index[:1], np.ones(1), index, np.ones(4), k=3, same=(groups[:1], groups))
    assert found.neighbours.tolist() == [[-1, -1, -1]]
    assert np.isinf(found.distances).all()
    assert (found.gamma.tolist(), found.share, found.ranked().tolist()) == ([0], 0.0, [0])
    assert found.degree.tolist() == [0.0]


def test_the_degree_is_of_the_neighbours_that_there_are() -> None:
    index, groups = np.array([[0.0], [0.0], [1.0], [2.0]]), np.array([0, 0, 1, 2])
    found = measure_difficulty(
        index[:1],
        np.ones(1),
        index,
        np.array([1, 1, 0, 1]),
        k=3,
        metric="euclidean",
        same=(groups[:1], groups),
    )
    assert found.neighbours.tolist() == [[2, 3, -1]]
    assert found.degree.tolist() == [0.5]


def test_k_is_at_most_the_index() -> None:
    found = measure_difficulty(LINE[:2], SIDES[:2], LINE, SIDES, k=100, metric="euclidean")
    assert found.k == 7
    assert found.gamma.tolist() == [3, 3]


def test_without_queries_there_is_no_share() -> None:
    found = measure_difficulty(LINE[:0], SIDES[:0], LINE, SIDES, k=2, metric="euclidean")
    assert (found.share, found.gamma.tolist(), found.neighbours.shape) == (None, [], (0, 2))


def test_sparse_and_dense_agree() -> None:
    space = np.random.default_rng(0).random((40, 6)).astype(np.float32)
    space[space < 0.5] = 0
    sides, alone = np.arange(40) % 3, np.arange(40)
    dense, sparse = (
        measure_difficulty(rows[:9], sides[:9], rows, sides, same=(alone[:9], alone))
        for rows in (space, sp.csr_array(space))
    )
    np.testing.assert_array_equal(dense.gamma, sparse.gamma)


@settings(max_examples=40)
@given(st.integers(2, 30), st.integers(1, 8), st.integers(1, 6), st.integers(0, 1000))
def test_against_sorting_all_distances(n: int, k: int, n_groups: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    space, sides, groups = rng.normal(size=(n, 3)), rng.integers(0, 3, n), rng.integers(0, n_groups, n)
    found = measure_difficulty(space, sides, space, sides, k=k, metric="euclidean", same=(groups, groups))
    for row in range(n):
        others = np.flatnonzero(groups != groups[row])
        far = np.linalg.norm(space[others] - space[row], axis=1)
        expected = others[np.argsort(far)][: found.k].tolist()
        assert found.neighbours[row].tolist() == expected + [-1] * (found.k - len(expected))
        assert found.gamma[row] == (sides[expected] != sides[row]).sum()


def test_anchors_in_the_index_would_lower_the_share_by_their_number() -> None:
    """Why they are kept out: copies of difficult samples, given their label, make them look easy."""
    rng = np.random.default_rng(1)
    real, sides = rng.normal(size=(200, 2)), np.array([1] * 20 + [0] * 180)
    queries = rng.normal(size=(50, 2))
    honest = measure_difficulty(queries, np.ones(50, int), real, sides, k=5, metric="euclidean")
    anchors = queries.repeat(5, axis=0) + 1e-4 * rng.normal(size=(250, 2))
    flattered = measure_difficulty(
        queries,
        np.ones(50, int),
        np.concatenate([real, anchors]),
        np.concatenate([sides, np.ones(250, int)]),
        metric="euclidean",
    )
    assert honest.share is not None
    assert honest.share > 0.9
    assert flattered.share == 0


@pytest.mark.parametrize("k", [0, -1, 2.5, True, "5"])
def test_k_out_of_range_is_refused(k) -> None:
    with pytest.raises(SettingsError, match="k is "):
        measure_difficulty(LINE, SIDES, LINE, SIDES, k=k)


def test_an_empty_index_is_refused() -> None:
    with pytest.raises(DataError, match="no samples to look for neighbours among"):
        measure_difficulty(LINE, SIDES, LINE[:0], SIDES[:0])


def test_sides() -> None:
    labels = np.array(["a", "b", "b", "c", "c"], dtype=object)
    several, named = minority_sides(labels), minority_sides(labels, "b")
    assert several.sides.tolist() == [0, 1, 1, 2, 2]
    assert several.rare.tolist() == [True, False, False, False, False], "b and c are both the largest"
    assert named.sides.tolist() == [0, 1, 1, 0, 0], "a and c are not hostile to each other"
    assert named.rare.tolist() == [False, True, True, False, False]
    assert not minority_sides(np.array([0, 1])).rare.any()
    assert minority_sides(np.array([True, False, False]), True).rare.tolist() == [True, False, False]
    with pytest.raises(SettingsError, match=r"no class 'B'.*did you mean 'b'"):
        minority_sides(labels, "B")


def test_asked_rows_are_the_whole_minority_and_some_others() -> None:
    rare = np.arange(100) % 10 == 0
    side = np.arange(20, 100)
    rows = asked_rows(rare, side, 30, seed=0)
    assert rows.tolist() == sorted(rows.tolist())
    assert set(np.flatnonzero(rare & (np.arange(100) >= 20))) <= set(rows.tolist()) <= set(side.tolist())
    assert (~rare[rows]).sum() == 30
    assert rows.tolist() == asked_rows(rare, side, 30, seed=0).tolist()
    assert rows.tolist() != asked_rows(rare, side, 30, seed=1).tolist()
    assert asked_rows(rare, side, 1000, seed=0).tolist() == side.tolist()


def test_parts_are_joined_in_the_order_of_their_rows() -> None:
    whole = measure_difficulty(LINE, SIDES, LINE, SIDES, k=2, metric="euclidean")
    parts = [whole.take(np.array([5, 2])), whole.take(np.array([0, 6]))]
    joined = Difficulty.joined(parts)
    assert joined.rows.tolist() == [0, 2, 5, 6]
    np.testing.assert_array_equal(joined.neighbours, whole.neighbours[[0, 2, 5, 6]])
