"""Distances against brute force in exact arithmetic: far from the origin, of zeros, sparse and dense."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from neighbor_helpers import METRICS, by_brute_force, by_fractions, fitted

from counterpoise.neighbors import search
from counterpoise.neighbors.probe import LIBRARIES


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(
    ("shift", "scale"), [(0, 1), (1e4, 1), (0, 1e-30), (0, 1e30), (-3e35, 1e34), (7e3, 1e-2)]
)
def test_exact_where_float32_is_not(shift, scale, library) -> None:
    rng = np.random.default_rng(1)
    rows = (rng.standard_normal((700, 12)) * scale + shift).astype(np.float32)
    rows[300:350] = rows[:50]
    queries = np.concatenate([rows[:60], (rng.standard_normal((60, 12)) * scale + shift).astype(np.float32)])
    squared, ids = by_brute_force(rows, queries, 6, own=False)
    distances, got = fitted(rows, library).kneighbors(queries, 6)
    assert np.array_equal(got, ids)
    assert np.allclose(distances, np.sqrt(squared), rtol=1e-10, atol=0)
    assert (distances[:50, :2] == 0).all()


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix])
def test_distances_equal_on_paper_are_equal(kind, metric) -> None:
    """The same numbers in another order, as seen from the diagonal."""
    rng = np.random.default_rng(10)
    rows = np.stack([rng.permutation(np.geomspace(1e-5, 7, 9)) for _ in range(50)])
    distances, ids = fitted(kind(rows), metric=metric).kneighbors(np.full((1, 9), 0.3), 20)
    assert ids[0].tolist() == list(range(20))
    assert (distances == distances[0, 0]).all()


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("scale", [1, 1e-25, 1e25])
def test_queries_far_outside(library, scale) -> None:
    rng = np.random.default_rng(9)
    rows = (rng.standard_normal((3000, 5)) * scale).astype(np.float32)
    for times in (1e3, 1e5):
        queries = (rng.standard_normal((20, 5)) * times * scale).astype(np.float32)
        squared, ids = by_brute_force(rows, queries, 4, own=False)
        distances, got = fitted(rows, library).kneighbors(queries, 4)
        assert np.array_equal(got, ids)
        assert np.allclose(distances, np.sqrt(squared), rtol=1e-10, atol=0)
    # Here no row is farther than another in the twelve digits that count.
    for far in (min(1e15 * scale, 3e38), 3e38):
        queries = np.full((2, 5), far, dtype=np.float32)
        distances, got = fitted(rows, library).kneighbors(queries, 4)
        assert got.tolist() == [[0, 1, 2, 3]] * 2
        assert np.allclose(distances, np.linalg.norm(queries[0].astype(np.float64)), rtol=1e-10)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix])
def test_rows_of_zeros_only(kind, metric) -> None:
    found = fitted(kind(np.zeros((6, 3))), metric=metric)
    distances, ids = found.kneighbors(np.array([[0.0, 0, 0], [3, 4, 0]]), 2)
    assert ids.tolist() == [[0, 1], [0, 1]]
    assert distances.tolist() == ([[0, 0], [5, 5]] if metric == "euclidean" else [[1, 1], [1, 1]])


@pytest.mark.parametrize("metric", METRICS)
def test_sparse_and_dense_agree(metric) -> None:
    rng = np.random.default_rng(4)
    counts = rng.poisson(0.15, (600, 40)).astype(np.float32)
    counts[counts.sum(axis=1) > 0] *= rng.choice([1.0, 0.3], (int((counts.sum(axis=1) > 0).sum()), 1))
    assert (counts.sum(axis=1) == 0).any()
    dense, sparse = fitted(counts, metric=metric), fitted(sp.csc_matrix(counts), metric=metric)
    assert sparse.library_ == "scikit-learn"
    queries = counts[::7]
    for asked in (None, queries):
        expected, expected_ids = dense.kneighbors(asked)
        got = [sparse.kneighbors(asked)]
        if asked is not None:
            got += [dense.kneighbors(sp.csr_matrix(asked)), sparse.kneighbors(sp.coo_matrix(asked))]
        for distances, ids in got:
            assert np.array_equal(ids, expected_ids)
            assert np.allclose(distances, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("metric", METRICS)
def test_sparse_rows_with_a_number_in_two_parts(metric) -> None:
    """Entries given twice add up, in any order; so do those that add up to zero."""
    parts = sp.csr_matrix(
        ([1.0, 2, 3, 5, -5, 2, 1, 1], [1, 0, 1, 2, 2, 0, 1, 0], [0, 3, 5, 6, 7, 8]), shape=(5, 3)
    )
    assert not parts.has_canonical_format
    distances, ids = fitted(parts, metric=metric).kneighbors(None, 4)
    expected, expected_ids = fitted(parts.toarray(), metric=metric).kneighbors(None, 4)
    assert np.array_equal(ids, expected_ids)
    assert np.allclose(distances, expected, rtol=1e-12, atol=0)


def test_zeros_are_at_cosine_distance_one_from_all() -> None:
    rows = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0], [-1.0, 0.0], [2.0, 0.0]])
    distances, ids = fitted(rows, metric="cosine").kneighbors(n_neighbors=4)
    assert ids.tolist() == [[1, 2, 3, 4], [4, 0, 2, 3], [0, 1, 3, 4], [0, 2, 1, 4], [1, 0, 2, 3]]
    assert distances.tolist() == [[1] * 4, [0, 1, 1, 2], [1] * 4, [1, 1, 2, 2], [0, 1, 1, 2]]


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix])
@pytest.mark.parametrize("share", [0.05, 0.6])
def test_many_rows_of_zeros_and_little_in_common(kind, share, monkeypatch) -> None:
    monkeypatch.setattr(search, "_MORE", 4)
    rng = np.random.default_rng(11)
    rows = rng.poisson(0.12, (500, 12)) * (rng.random((500, 1)) > share)
    queries = rng.poisson(0.2, (40, 12))
    found = fitted(kind(rows.astype(float)), metric="cosine")
    ids = found.kneighbors(kind(queries.astype(float)), 30, return_distance=False)
    assert ids.tolist() == [by_fractions(rows, query)[:30] for query in queries]
