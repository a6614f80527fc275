"""The class: scikit-learn's interface, imbalanced-learn's samplers, refusals."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from imblearn.over_sampling import ADASYN, SMOTE, BorderlineSMOTE
from neighbor_helpers import METRICS, fitted
from sklearn.base import clone
from sklearn.neighbors import NearestNeighbors as Plain
from sklearn.utils.estimator_checks import parametrize_with_checks

from counterpoise.errors import DataError, SettingsError
from counterpoise.neighbors import NearestNeighbors
from counterpoise.neighbors.probe import LIBRARIES


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
