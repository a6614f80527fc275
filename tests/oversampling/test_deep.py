"""Deep over-sampling as a sampler: where the points lie, how many there are, and imbalanced-learn's own checks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from imblearn.pipeline import make_pipeline
from imblearn.utils.estimator_checks import parametrize_with_checks
from scipy.optimize import nnls
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors

from counterpoise import DeepOversampler
from counterpoise.errors import CounterpoiseWarning, SettingsError


def rows_and_labels(counts=(40, 12, 5), seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    return rng.normal(size=(len(labels), 4)) + 3 * labels[:, None], labels


@parametrize_with_checks([DeepOversampler(random_state=0)])
def test_imbalanced_learns_own_checks(estimator, check) -> None:
    check(estimator)


def test_points_lie_between_the_neighbours_of_their_source() -> None:
    X, y = rows_and_labels()
    sampler = DeepOversampler(k_neighbors=3, random_state=0)
    rows, labels = sampler.fit_resample(X, y)
    np.testing.assert_array_equal(rows[: len(X)], X)
    assert np.bincount(labels).tolist() == [40, 40, 40]
    assert (sampler.sample_indices_[: len(X)] == np.arange(len(X))).all()
    assert (sampler.sample_indices_[len(X) :] == -1).all()
    shares = []
    for new, source, label in zip(
        rows[len(X) :], sampler.source_rows_[len(X) :], labels[len(X) :], strict=True
    ):
        assert y[source] == label
        own = np.flatnonzero((y == label) & (np.arange(len(y)) != source))
        near = own[NearestNeighbors(n_neighbors=3).fit(X[own]).kneighbors(X[[source]])[1][0]]
        weights, rest = nnls(np.vstack([X[near].T, np.ones(3)]), np.append(new, 1))
        assert rest < 1e-8
        shares.append(weights)
    assert np.mean(shares, axis=0) == pytest.approx([1 / 3] * 3, abs=0.1)
    assert np.std(shares) == pytest.approx((2 / 36) ** 0.5, abs=0.05)
    used = np.bincount(sampler.source_rows_[len(X) :], minlength=len(X))
    assert set(used[40:52]) == {2, 3}
    assert (used[52:] == 7).all()


def test_sparse_rows_and_frames_are_taken() -> None:
    X, y = rows_and_labels()
    dense = DeepOversampler(random_state=0).fit_resample(X, y)[0]
    sparse = DeepOversampler(random_state=0).fit_resample(sp.csr_matrix(X), y)[0]
    assert sp.issparse(sparse)
    np.testing.assert_allclose(sparse.toarray(), dense)
    frame = pd.DataFrame(X, columns=list("abcd"))
    found, labels = DeepOversampler(random_state=0).fit_resample(frame, pd.Series(y, name="y"))
    assert list(found.columns) == list("abcd")
    np.testing.assert_allclose(found.to_numpy(), dense)
    assert labels.name == "y"


def test_the_seed_alone_decides() -> None:
    X, y = rows_and_labels()
    one, two, other = (DeepOversampler(random_state=seed).fit_resample(X, y)[0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)


def test_a_single_row_is_copied_and_few_rows_are_warned_of() -> None:
    X, y = rows_and_labels((6, 1))
    with pytest.warns(CounterpoiseWarning, match="class 1 has only one; its new rows are copies"):
        rows, _ = DeepOversampler(random_state=0).fit_resample(X, y)
    np.testing.assert_allclose(rows[7:], np.repeat(X[6:], 5, axis=0))
    with pytest.warns(CounterpoiseWarning, match="5 neighbours were asked for, but class 1 has only 3 rows"):
        DeepOversampler(random_state=0).fit_resample(*rows_and_labels((9, 3)))


def test_it_works_in_a_pipeline_and_names_of_classes_may_be_words() -> None:
    X, y = rows_and_labels()
    words = np.array(["common", "rare", "rarer"])[y]
    model = make_pipeline(DeepOversampler(random_state=0), LogisticRegression()).fit(X, words)
    assert (model.predict(X) == words).mean() > 0.9


def test_bad_settings_and_numbers_are_refused() -> None:
    X, y = rows_and_labels()
    with pytest.raises(SettingsError, match="k_neighbors is 0"):
        DeepOversampler(k_neighbors=0).fit_resample(X, y)
    X[3, 1] = np.nan
    with pytest.raises(ValueError, match="contains NaN"):
        DeepOversampler().fit_resample(X, y)
