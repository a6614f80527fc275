"""Neighbours against brute force in exact arithmetic; libraries, ties, bounds of memory, imbalanced-learn."""

from __future__ import annotations

import json
import pickle
import threading
import tracemalloc
from fractions import Fraction

import faiss
import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from imblearn.over_sampling import ADASYN, SMOTE, BorderlineSMOTE
from sklearn.base import clone
from sklearn.neighbors import NearestNeighbors as Plain
from sklearn.utils.estimator_checks import parametrize_with_checks
from threadpoolctl import threadpool_info, threadpool_limits

from counterpoise import neighbor_clusters, neighbor_probe, neighbor_search, neighbors
from counterpoise.errors import DataError, SettingsError
from counterpoise.neighbor_probe import LIBRARIES, callers_threads, fastest, search
from counterpoise.neighbor_search import Searcher
from counterpoise.neighbors import NearestNeighbors
from counterpoise.probes import remembered

METRICS = ("euclidean", "cosine")


def fitted(rows, library: str = "faiss", **parameters) -> NearestNeighbors:
    """Fitted to search with this library, whatever a race would say."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbors, "fastest", lambda rows, k: library)
        return NearestNeighbors(**parameters).fit(rows)


def by_brute_force(rows: np.ndarray, queries: np.ndarray, k: int, own: bool) -> tuple[np.ndarray, np.ndarray]:
    """Squared distances and rows, from differences in float64; the lower row first among equals."""
    squared = np.stack(
        [((rows.astype(np.float64) - query) ** 2).sum(axis=1) for query in queries.astype(float)]
    )
    if own:
        np.fill_diagonal(squared, np.inf)
    ids = np.argsort(squared, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(squared, ids, axis=1), ids


def by_fractions(rows: np.ndarray, query: np.ndarray) -> list[int]:
    """Rows by cosine distance, in rational arithmetic."""

    def key(row: np.ndarray) -> Fraction:
        dot, lengths = int(row @ query), int(row @ row) * int(query @ query)
        return -Fraction(dot * abs(dot), lengths) if lengths else Fraction(0)

    return sorted(range(len(rows)), key=lambda i: (key(rows[i]), i))


@st.composite
def grids(draw) -> tuple[np.ndarray, np.ndarray | None, int]:
    """Rows on a small grid, so that equal rows and equal distances are common; queries or None; k."""
    d = draw(st.integers(1, 4))
    row = st.lists(st.integers(-2, 2), min_size=d, max_size=d)
    rows = np.array(draw(st.lists(row, min_size=2, max_size=30)))
    queries = draw(st.none() | st.lists(row, min_size=1, max_size=5).map(np.array))
    return rows, queries, draw(st.integers(1, len(rows) - (queries is None)))


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("library", LIBRARIES)
@settings(max_examples=40, deadline=None)
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
@settings(max_examples=40, deadline=None)
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
    monkeypatch.setattr(neighbor_search, "_DOUBTFUL", 100)
    monkeypatch.setattr(neighbor_search, "_MORE", 4)
    found = fitted(sp.csr_array(rows) if sparse else rows, library)
    squared, ids = by_brute_force(rows, rows, 5, own=True)
    distances, got = found.kneighbors()
    assert np.array_equal(got, ids)
    assert np.allclose(distances, np.sqrt(squared), rtol=1e-7, atol=0)
    assert sum(looked) > 100


def test_ties_in_later_rows_than_one_block_holds(monkeypatch) -> None:
    monkeypatch.setattr(neighbor_search, "_MORE", 3)
    rows = np.full((9000, 4), 10.0)
    rows[[3, 4, *range(8500, 8520)]] = 1
    ids = fitted(rows).kneighbors(np.zeros((1, 4)), 3, return_distance=False)
    assert ids.tolist() == [[3, 4, 8500]]


def test_nearer_rows_that_come_after_many_at_the_first_limit(monkeypatch) -> None:
    """Far from the query, where float32 takes all rows for equal and the first ones are proposed."""

    def first_ones(library, rows, queries, k):
        return np.full((len(queries), k), 1e16), np.tile(np.arange(k), (len(queries), 1))

    monkeypatch.setattr(neighbor_search, "search", first_ones)
    rows = np.zeros((9000, 4))
    rows[8500:, 0] = 1
    queries = np.tile([1e8, 0, 0, 0], (10, 1))
    ids = fitted(rows).kneighbors(queries, 4, return_distance=False)
    assert ids.tolist() == [[8500, 8501, 8502, 8503]] * 10


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
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_same_as_scikit_learn(metric, dtype) -> None:
    rng = np.random.default_rng(3)
    rows = rng.standard_normal((500, 20)).astype(dtype)
    plain = Plain(n_neighbors=7, metric=metric, algorithm="brute").fit(rows)
    for library in LIBRARIES:
        own = fitted(rows, library, n_neighbors=7, metric=metric)
        for queries in (None, rng.standard_normal((40, 20)).astype(dtype)):
            distances, ids = own.kneighbors(queries)
            expected, expected_ids = plain.kneighbors(queries)
            assert np.array_equal(ids, expected_ids)
            assert np.allclose(distances, expected, rtol=1e-6)
            assert (distances.dtype, ids.dtype) == (np.float64, np.int64)
            assert np.array_equal(own.kneighbors(queries, 3, return_distance=False), ids[:, :3])
            for mode in ("connectivity", "distance"):
                graph, expected_graph = (n.kneighbors_graph(queries, mode=mode) for n in (own, plain))
                assert graph.shape == expected_graph.shape
                assert np.array_equal(graph.indices, expected_graph.indices)
                assert np.allclose(graph.data, expected_graph.data, rtol=1e-6)


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
    monkeypatch.setattr(neighbor_search, "_MORE", 4)
    rng = np.random.default_rng(11)
    rows = rng.poisson(0.12, (500, 12)) * (rng.random((500, 1)) > share)
    queries = rng.poisson(0.2, (40, 12))
    found = fitted(kind(rows.astype(float)), metric="cosine")
    ids = found.kneighbors(kind(queries.astype(float)), 30, return_distance=False)
    assert ids.tolist() == [by_fractions(rows, query)[:30] for query in queries]


@pytest.mark.parametrize("sampler", [SMOTE, ADASYN, BorderlineSMOTE])
@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix])
@pytest.mark.parametrize("metric", METRICS)
def test_imbalanced_learn_takes_it(sampler, kind, metric) -> None:
    rng = np.random.default_rng(5)
    labels = np.repeat([0, 1], [300, 40])
    rows = kind(rng.standard_normal((340, 8)) + labels[:, None])
    parameter = "n_neighbors" if sampler is ADASYN else "k_neighbors"
    drawn = [
        sampler(random_state=0, **{parameter: with_}).fit_resample(rows, labels)
        for with_ in (Plain(n_neighbors=6, metric=metric), NearestNeighbors(6, metric=metric))
    ]
    (expected, expected_labels), (got, got_labels) = drawn
    assert np.array_equal(got_labels, expected_labels)
    assert len(got_labels) > 550
    assert abs(got - expected).max() == 0


@parametrize_with_checks([NearestNeighbors(n_neighbors=1), NearestNeighbors(1, metric="cosine", exact=False)])
def test_scikit_learn_checks(estimator, check) -> None:
    check(estimator)


def test_clone_and_pickle() -> None:
    rows = np.random.default_rng(6).standard_normal((50, 3))
    parameters = {"n_neighbors": 3, "metric": "cosine", "exact": False, "recall": 0.9, "random_state": 4}
    found = NearestNeighbors(**parameters).fit(rows)
    assert clone(found).get_params() == parameters
    assert not hasattr(clone(found), "library_")
    assert np.array_equal(pickle.loads(pickle.dumps(found)).kneighbors()[1], found.kneighbors()[1])
    assert (found.n_features_in_, found.n_samples_fit_, found.recall_) == (3, 50, 1.0)


ROWS = np.arange(12.0).reshape(6, 2)


def spoilt(value: float, kind=np.asarray):
    rows = ROWS.copy()
    rows[4, 1] = value
    return kind(rows)


@pytest.mark.parametrize(
    ("error", "message", "run"),
    [
        (DataError, "X row 4, column 1 is NaN", lambda: NearestNeighbors().fit(spoilt(np.nan))),
        (
            DataError,
            "X row 4, column 1 is inf",
            lambda: NearestNeighbors().fit(spoilt(np.inf, sp.csr_matrix)),
        ),
        (
            DataError,
            "X row 4, column 1 is -inf",
            lambda: NearestNeighbors(1).fit(ROWS).kneighbors(spoilt(-np.inf)),
        ),
        (DataError, "float32, which ends at 3e38", lambda: NearestNeighbors().fit(spoilt(1e39))),
        (ValueError, "2 features", lambda: NearestNeighbors(1).fit(ROWS).kneighbors(ROWS[:, :1])),
        (SettingsError, "metric is 'manhattan'", lambda: NearestNeighbors(metric="manhattan").fit(ROWS)),
        (SettingsError, "n_neighbors is 0", lambda: NearestNeighbors(0).fit(ROWS)),
        (SettingsError, "n_neighbors is 2.0", lambda: NearestNeighbors(2.0).fit(ROWS)),
        (SettingsError, "n_neighbors is -1", lambda: NearestNeighbors().fit(ROWS).kneighbors(ROWS, -1)),
        (
            SettingsError,
            "n_neighbors is 7, but a query has only 6 of the 6",
            lambda: fitted(ROWS).kneighbors(ROWS, 7),
        ),
        (
            SettingsError,
            "n_neighbors is 6, but .* only 5 others of the 6",
            lambda: fitted(ROWS).kneighbors(None, 6),
        ),
        (SettingsError, "recall is 0", lambda: NearestNeighbors(recall=0).fit(ROWS)),
        (SettingsError, "mode is 'ones'", lambda: fitted(ROWS).kneighbors_graph(mode="ones")),
    ],
)
def test_refusals(error, message, run) -> None:
    with pytest.raises(error, match=message):
        run()


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
    monkeypatch.setattr(neighbor_search, "_MORE", 1)
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((20_000, 4)).astype(np.float32)
    queries = (rng.standard_normal((400, 4)) * 1e8).astype(np.float32)
    found = fitted(rows)
    assert peak_of(lambda: found.kneighbors(queries)) < 400 * 20_000 * 16


def clustered(n: int, d: int = 16) -> np.ndarray:
    rng = np.random.default_rng(7)
    return (rng.standard_normal((40, d))[rng.integers(0, 40, n)] * 4 + rng.standard_normal((n, d))).astype(
        np.float32
    )


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("recall", [0.8, 0.95])
def test_approximate_search_keeps_its_promise(metric, recall) -> None:
    rows = clustered(11_000)
    exact = fitted(rows[:10_500], metric=metric)
    found = fitted(rows[:10_500], metric=metric, exact=False, recall=recall)
    assert found.library_ == "faiss-clusters"
    for queries in (rows[10_500:], None):
        distances, ids = found.kneighbors(queries)
        true, true_ids = exact.kneighbors(queries)
        share = np.mean([np.isin(a, b).mean() for a, b in zip(true_ids, ids, strict=True)])
        assert share > recall - 0.02
        assert abs(share - found.recall_) < 0.03
        assert (distances >= true - 1e-12).all()
        assert (np.diff(distances, axis=1) >= 0).all()
        assert (np.sort(ids, axis=1)[:, 1:] != np.sort(ids, axis=1)[:, :-1]).all()
    assert (ids != np.arange(10_500)[:, None]).all()
    again = fitted(rows[:10_500], metric=metric, exact=False, recall=recall)
    assert np.array_equal(again.kneighbors(return_distance=False), ids)


def test_approximate_search_for_more_than_its_clusters_hold() -> None:
    rows = clustered(10_000)
    found = fitted(rows, exact=False, recall=0.5, n_neighbors=1)
    found._searcher.clusters.n_searched = 1
    k = 400
    _, ids = found.kneighbors(rows[:200], k)
    assert ids.min() == 0
    short = (found._searcher.clusters.search(rows[:200], k) < 0).any(axis=1)
    assert short.any()
    assert np.array_equal(ids[short], fitted(rows).kneighbors(rows[:200][short], k)[1])


@pytest.mark.parametrize(
    "rows",
    [clustered(9000), np.random.default_rng(8).standard_normal((10_000, 64)), sp.eye(10_001, format="csr")],
    ids=["few", "no clusters", "sparse"],
)
def test_approximate_falls_back_to_exact(rows) -> None:
    found = fitted(rows, exact=False, recall=0.99)
    assert found.library_ in LIBRARIES
    assert found.recall_ == 1.0


def test_the_recall_is_measured_on_rows_that_had_no_part_in_setting_it(monkeypatch) -> None:
    """Only the last part of the sample has its neighbours far away: the recall must speak of that part."""
    rows = clustered(10_000)
    plain = neighbor_clusters.search

    def crooked(library, rows_, queries, k):
        squared, ids = plain(library, rows_, queries, k)
        if rows_ is rows:
            measuring = slice(neighbor_clusters._CHOOSING, None)
            ids[measuring, 1:] = plain(library, rows_, -queries[measuring], k)[1][:, 1:]
        return squared, ids

    assert neighbor_clusters.Clusters(rows, 5, 0.95, 0).recall > 0.9
    monkeypatch.setattr(neighbor_clusters, "search", crooked)
    assert neighbor_clusters.Clusters(rows, 5, 0.95, 0).recall < 0.2


class TestProbe:
    @pytest.fixture(autouse=True)
    def _own_cache(self, tmp_path, monkeypatch) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def test_the_race_is_held_once_for_a_kind_of_shape(self, monkeypatch, tmp_path) -> None:
        held = []
        monkeypatch.setattr(
            neighbor_probe, "_race", lambda rows, k: held.append(rows.shape) or "scikit-learn"
        )
        rows = np.zeros((6000, 5), dtype=np.float32)
        assert [fastest(rows, 5), fastest(rows[:5500], 8)] == ["scikit-learn"] * 2
        assert NearestNeighbors().fit(rows).library_ == "scikit-learn"
        assert held == [(6000, 5)]
        fastest(np.zeros((6000, 9), dtype=np.float32), 5)
        fastest(rows, 100)
        fastest(np.zeros((11_000, 5), dtype=np.float32), 5)
        with threadpool_limits(2):
            torch_threads = torch.get_num_threads()
            torch.set_num_threads(2)
            fastest(rows, 5)
            torch.set_num_threads(torch_threads)
        assert len(held) == 5
        kept = json.loads((tmp_path / "counterpoise" / "neighbors.json").read_text())
        assert len(kept) == 5
        assert set(kept.values()) == {"scikit-learn"}

    def test_the_faster_one_wins(self, monkeypatch) -> None:
        rows = np.random.default_rng(0).standard_normal((6000, 4)).astype(np.float32)
        for slow, quick in (LIBRARIES, LIBRARIES[::-1]):
            clock = [0.0]

            def timed(library, *rest, slow=slow, clock=clock) -> None:
                clock[0] += 2 if library == slow else 1

            monkeypatch.setattr(neighbor_probe, "search", timed)
            monkeypatch.setattr(neighbor_probe.time, "perf_counter", lambda clock=clock: clock[0])
            assert neighbor_probe._race(rows, 5) == quick

    def test_few_rows_are_not_worth_a_race(self, monkeypatch) -> None:
        monkeypatch.setattr(neighbor_probe, "_race", lambda rows, k: pytest.fail("raced"))
        fastest(np.zeros((4000, 5), dtype=np.float32), 5)

    def test_remembered(self, tmp_path) -> None:
        answers = iter(["a", "b", "c"])

        def ask() -> str:
            return next(answers)

        assert [remembered("q", "x", "abc", ask), remembered("q", "x", "abc", ask)] == ["a", "a"]
        assert remembered("q", "y", "abc", ask) == "b"
        assert remembered("q", "x", "abc", ask) == "a"
        assert remembered("q", "x", ("c",), ask) == "c"
        for broken in ("{oh", "[1]", '{"x": 3}'):
            (tmp_path / "counterpoise" / "q.json").write_text(broken)
            assert remembered("q", "x", "abc", lambda: "b") == "b"

    def test_no_place_to_remember(self, tmp_path, monkeypatch) -> None:
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
        assert remembered("q", "x", "ab", lambda: "b") == "b"


def test_faiss_gets_its_settings_back() -> None:
    names = neighbor_probe._QUICK
    usual = [getattr(faiss.cvar, name) for name in names]
    rows = np.random.default_rng(0).standard_normal((500, 4)).astype(np.float32)
    inside, leave = threading.Event(), threading.Event()

    def stay() -> None:
        with neighbor_probe._quick_faiss(100):
            inside.set()
            leave.wait(10)

    other = threading.Thread(target=stay)
    other.start()
    inside.wait(10)
    search("faiss", rows, rows, 3)
    assert [getattr(faiss.cvar, name) for name in names] == list(names.values())
    leave.set()
    other.join()
    assert [getattr(faiss.cvar, name) for name in names] == usual
    with pytest.raises(AssertionError):
        search("faiss", rows, rows[:, :2], 3)
    assert [getattr(faiss.cvar, name) for name in names] == usual


def test_the_callers_number_of_threads_is_kept(monkeypatch) -> None:
    with threadpool_limits(1), callers_threads() as held:
        assert held == 1
    # Whether FAISS hears of torch's setting hangs on which of them was imported first.
    monkeypatch.setattr(neighbor_probe.faiss, "omp_get_max_threads", lambda: 3)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    with callers_threads() as held:
        assert held == 2
        assert {library["num_threads"] for library in threadpool_info()} == {2}
    torch.set_num_threads(threads)
