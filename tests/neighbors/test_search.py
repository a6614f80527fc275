"""The nearest rows for certain: ties, doubts at the last place, bounds of memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from neighbor_helpers import by_brute_force, by_fractions, fitted, grids

from counterpoise.neighbors import search as room
from counterpoise.neighbors.probe import LIBRARIES, search
from counterpoise.neighbors.search import Searcher


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("library", LIBRARIES)
@settings(max_examples=40)
@given(case=grids())
def test_ties_go_to_the_lower_row(library, sparse, case) -> None:
    rows, queries, k = case
    asked = rows if queries is None else queries
    squared, ids = by_brute_force(rows, asked, k, own=queries is None)
    kind = sp.csr_array if sparse else np.asarray
    found = fitted(kind(rows.astype(float)), library)
    distances, got = found.kneighbors(None if queries is None else kind(queries.astype(float)), k)
    assert np.array_equal(got, ids)
    assert np.allclose(distances, np.sqrt(squared), rtol=1e-12, atol=0)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("library", LIBRARIES)
@settings(max_examples=40)
@given(case=grids())
def test_cosine_ties_go_to_the_lower_row(library, sparse, case) -> None:
    rows, queries, k = case
    kind = sp.csr_array if sparse else np.asarray
    found = fitted(kind(rows.astype(float)), library, metric="cosine")
    got = found.kneighbors(None if queries is None else kind(queries.astype(float)), k, return_distance=False)
    for i, query in enumerate(rows if queries is None else queries):
        wanted = [row for row in by_fractions(rows, query) if queries is not None or row != i]
        assert got[i].tolist() == wanted[:k]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("kind", ["one-hot", "grid", "equal", "two points", "orthogonal"])
def test_hundreds_of_ties_at_the_last_place(kind, sparse, library, monkeypatch) -> None:
    rng = np.random.default_rng(0)
    rows = {
        "one-hot": np.eye(4)[rng.integers(0, 4, (900, 5))].reshape(900, -1),
        "grid": rng.integers(0, 3, (900, 6)).astype(float),
        "equal": np.tile(rng.standard_normal(7), (900, 1)),
        "two points": rng.standard_normal((2, 7))[rng.integers(0, 2, 900)],
        "orthogonal": np.eye(300),
    }[kind].astype(np.float32)
    looked = []
    look = Searcher._look_at_all

    def spy(self, queries, *rest):
        looked.append(queries.shape[0])
        return look(self, queries, *rest)

    monkeypatch.setattr(Searcher, "_look_at_all", spy)
    monkeypatch.setattr(room, "_DOUBTFUL", 100)
    monkeypatch.setattr(room, "_MORE", 4)
    found = fitted(sp.csr_array(rows) if sparse else rows, library)
    squared, ids = by_brute_force(rows, rows, 5, own=True)
    distances, got = found.kneighbors()
    assert np.array_equal(got, ids)
    assert np.allclose(distances, np.sqrt(squared), rtol=1e-7, atol=0)
    assert sum(looked) > 100


def test_ties_in_later_rows_than_one_block_holds(monkeypatch) -> None:
    monkeypatch.setattr(room, "_MORE", 3)
    rows = np.full((9000, 4), 10.0)
    rows[[3, 4, *range(8500, 8520)]] = 1
    ids = fitted(rows).kneighbors(np.zeros((1, 4)), 3, return_distance=False)
    assert ids.tolist() == [[3, 4, 8500]]


def test_nearer_rows_that_come_after_many_at_the_first_limit(monkeypatch) -> None:
    """Far from the query, where float32 takes all rows for equal and the first ones are proposed."""

    def first_ones(library, rows, queries, k):
        return np.full((len(queries), k), 1e16), np.tile(np.arange(k), (len(queries), 1))

    monkeypatch.setattr(room, "search", first_ones)
    rows = np.zeros((9000, 4))
    rows[8500:, 0] = 1
    queries = np.tile([1e8, 0, 0, 0], (10, 1))
    ids = fitted(rows).kneighbors(queries, 4, return_distance=False)
    assert ids.tolist() == [[8500, 8501, 8502, 8503]] * 10


def test_the_last_place_is_certain_and_not_only_likely() -> None:
    """Rows around a query, at distances that FAISS cannot tell apart."""
    rng = np.random.default_rng(2)
    directions = rng.standard_normal((2000, 50))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    queries = rng.standard_normal((10, 50)).astype(np.float32)
    rows = (queries[0] + directions * (1 + 1e-5 * rng.standard_normal((2000, 1)))).astype(np.float32)
    _, ids = by_brute_force(rows, queries, 5, own=False)
    plain = search("faiss", rows, queries, 5)[1]
    assert not np.array_equal(plain, ids)
    assert np.array_equal(fitted(rows).kneighbors(queries, 5, return_distance=False), ids)


def peak_of(search_) -> int:
    tracemalloc.start()
    search_()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix])
def test_memory_is_bounded_where_all_rows_are_equally_far(kind) -> None:
    n, k = 20_000, 320
    rows = np.zeros((n, 64), dtype=np.float32)
    rows[np.arange(n), np.arange(n) % 64] = 1
    found, queries = fitted(kind(rows)), kind(rows[:512])
    ids = found.kneighbors(queries[:1], k, return_distance=False)[0]
    assert ids.tolist() == [*range(0, n, 64), *range(1, k - 312)]
    assert peak_of(lambda: found.kneighbors(queries, k)) < 512 * n * 8


def test_memory_is_bounded_where_the_library_cannot_tell_rows_apart(monkeypatch) -> None:
    monkeypatch.setattr(room, "_MORE", 1)
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((20_000, 4)).astype(np.float32)
    queries = (rng.standard_normal((400, 4)) * 1e8).astype(np.float32)
    found = fitted(rows)
    assert peak_of(lambda: found.kneighbors(queries)) < 400 * 20_000 * 16
