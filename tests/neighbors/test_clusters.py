"""Approximate search: the recall it promises, and where it gives way to the exact one."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from neighbor_helpers import METRICS, clustered, fitted

from counterpoise.neighbors import clusters
from counterpoise.neighbors.probe import LIBRARIES


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
    plain = clusters.search

    def crooked(library, rows_, queries, k):
        squared, ids = plain(library, rows_, queries, k)
        if rows_ is rows:
            measuring = slice(clusters._CHOOSING, None)
            ids[measuring, 1:] = plain(library, rows_, -queries[measuring], k)[1][:, 1:]
        return squared, ids

    assert clusters.Clusters(rows, 5, 0.95, 0).recall > 0.9
    monkeypatch.setattr(clusters, "search", crooked)
    assert clusters.Clusters(rows, 5, 0.95, 0).recall < 0.2
