"""Points between rows: imbalanced-learn's own, whoever finds the neighbours, and what it leaves to its caller."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from imblearn.over_sampling import ADASYN, SMOTE, BorderlineSMOTE

from counterpoise.errors import CounterpoiseWarning
from counterpoise.methods.adasyn import Adasyn
from counterpoise.methods.borderline_smote import BorderlineSmote
from counterpoise.methods.smote import Smote
from counterpoise.neighbors import NearestNeighbors
from counterpoise.oversampling.interpolation import interpolate
from counterpoise.seeding import derive_seed

RULES = {"smote": Smote(), "borderline_smote": BorderlineSmote(), "adasyn": Adasyn()}
THEIRS = {"smote": SMOTE, "borderline_smote": BorderlineSMOTE, "adasyn": ADASYN}
EVERY = pytest.mark.parametrize("name", RULES)


def clouds(
    counts: tuple[int, ...], seed: int = 0, d: int = 4, gap: float = 1.5
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of float32 in overlapping clouds, one a class."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    return (rng.normal(size=(len(labels), d)) + gap * labels[:, None]).astype(np.float32), labels


def fill(name: str, rows, labels, *, share: float = 1.0, seed: int = 0, weights=None):
    weights = np.ones(len(labels)) if weights is None else weights
    return interpolate(rows, labels, weights, RULES[name], share=share, seed=seed)


@EVERY
@pytest.mark.parametrize("sparse", [False, True])
def test_the_rows_are_those_of_imbalanced_learn_with_scikit_learns_neighbours(name, sparse) -> None:
    rows, labels = clouds((80, 15))
    if sparse:
        rows = sp.csr_matrix(np.maximum(rows, 0).astype(np.float64))
    ours = fill(name, rows, labels, seed=3)
    theirs = THEIRS[name](random_state=derive_seed(3, 1) % 2**32)
    expected, expected_labels = theirs.fit_resample(rows, labels)
    np.testing.assert_array_equal(ours.labels, expected_labels)
    assert ours.rows.dtype == rows.dtype
    assert sp.issparse(ours.rows) == sparse
    dense = (matrix.toarray() if sparse else matrix for matrix in (ours.rows, expected))
    np.testing.assert_array_equal(*dense)
    assert len(ours.labels) > 95


@EVERY
def test_of_several_classes_each_is_filled_up_by_its_own_stream(name) -> None:
    rows, labels = clouds((60, 20, 12), gap=0.5)
    whole = fill(name, rows, labels)
    found = np.bincount(whole.labels)
    assert (np.abs(found - 60) <= (6 if name == "adasyn" else 0)).all()
    for label in (1, 2):
        theirs = THEIRS[name](
            sampling_strategy={label: 60}, random_state=derive_seed(0, label) % 2**32
        ).fit_resample(rows, labels)
        np.testing.assert_array_equal(whole.rows[92:][whole.labels[92:] == label], theirs[0][92:])


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=5),
    st.floats(0.05, 1.0),
    st.sampled_from(["smote", "borderline_smote", "adasyn"]),
    st.integers(0, 3),
)
def test_new_rows_lie_between_rows_of_their_class(counts, share, name, seed) -> None:
    rows, labels = clouds((12, *counts), seed, d=2, gap=0.3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        filled = fill(name, rows, labels, share=share, seed=seed)
    n = len(labels)
    np.testing.assert_array_equal(filled.rows[:n], rows)
    np.testing.assert_array_equal(filled.labels[:n], labels)
    assert len(filled.rows) == len(filled.labels) == len(filled.weights)
    for row, label in zip(filled.rows[n:], filled.labels[n:], strict=True):
        own = rows[labels == label].astype(np.float64)
        start, way = own[:, None], own[None] - own[:, None]
        length = np.maximum((way**2).sum(axis=-1), 1e-12)
        along = np.clip(((row - start) * way).sum(axis=-1) / length, 0, 1)
        off = np.linalg.norm(start + along[..., None] * way - row, axis=-1)
        assert off.min() < 1e-5
    wanted = np.rint(share * (12 - np.bincount(labels)))
    made = np.bincount(filled.labels, minlength=len(wanted)) - np.bincount(labels)
    smaller = np.flatnonzero(wanted)
    assert filled.n_smaller == len(smaller)
    assert (made[list(filled.left)] == 0).all()
    if name == "smote":
        np.testing.assert_array_equal(made, wanted)


def test_a_new_row_weighs_the_mean_of_its_class() -> None:
    rows, labels = clouds((30, 10))
    weights = np.random.default_rng(0).uniform(0.5, 2.0, 40)
    filled = fill("smote", rows, labels, weights=weights)
    np.testing.assert_array_equal(filled.weights[:40], weights)
    np.testing.assert_allclose(filled.weights[40:], weights[labels == 1].mean())


@EVERY
def test_a_class_of_few_rows_takes_all_its_others_and_says_so(name) -> None:
    rows, labels = clouds((40, 3), gap=0.0)
    with pytest.warns(CounterpoiseWarning, match="5 neighbours were asked for, but a class has only 3 rows"):
        filled = fill(name, rows, labels)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fill(name, *clouds((40, 6), gap=0.0))
    setting = "n_neighbors" if name == "adasyn" else "k_neighbors"
    theirs = THEIRS[name](**{setting: 2}, random_state=derive_seed(0, 1) % 2**32)
    np.testing.assert_array_equal(filled.rows, theirs.fit_resample(rows, labels)[0])


@EVERY
def test_a_single_row_is_repeated_and_that_is_said(name) -> None:
    rows, labels = clouds((10, 1, 1))
    with pytest.warns(CounterpoiseWarning, match="2 classes have a single row, and there is nothing between"):
        filled = fill(name, rows, labels)
    assert np.bincount(filled.labels).tolist() == [10, 10, 10]
    for label in (1, 2):
        assert (filled.rows[filled.labels == label] == rows[labels == label]).all()


@EVERY
@pytest.mark.parametrize("counts", [(20, 20), (20, 19)])
def test_balanced_classes_stay_as_they_are(name, counts) -> None:
    rows, labels = clouds(counts, gap=0.0)
    filled = fill(name, rows, labels, share=0.4)
    assert filled.rows.shape == rows.shape
    assert (filled.n_smaller, filled.left) == (0, ())


def test_adasyn_with_a_gap_too_small_to_share_out_adds_nothing() -> None:
    """One new row for many difficult ones: each one's share is rounded to none, where imbalanced-learn fails."""
    rows, labels = clouds((20, 19), gap=0.0)
    with pytest.raises(ValueError, match="No samples will be generated"):
        ADASYN(random_state=0).fit_resample(rows, labels)
    filled = fill("adasyn", rows, labels)
    assert filled.rows.shape == rows.shape
    assert (filled.n_smaller, filled.left) == (1, ())


def test_adasyn_sees_the_neighbours_that_imbalanced_learn_sees() -> None:
    """Of twins in two classes the first is taken for the row itself, and what is left here is of its own class."""
    rows, labels = clouds((20, 12), gap=100.0)
    majority, minority = np.flatnonzero(labels == 0)[0], np.flatnonzero(labels == 1)[-1]
    assert majority < minority
    rows[[majority, minority]] = 130.0
    with pytest.raises(RuntimeError, match=r"Not any nei.*belong to the majority"):
        ADASYN(random_state=0, n_neighbors=NearestNeighbors(n_neighbors=6)).fit_resample(rows, labels)
    assert fill("adasyn", rows, labels).left == (1,)


@pytest.mark.parametrize("name", ["borderline_smote", "adasyn"])
def test_classes_that_nothing_is_added_to_are_named(name) -> None:
    rows, labels = clouds((40, 20, 12), gap=0.0)
    rows[labels == 2] += 50
    filled = fill(name, rows, labels)
    assert filled.left == (2,)
    assert filled.n_smaller == 2
    assert np.bincount(filled.labels)[2] == 12


@EVERY
def test_the_seed_decides(name) -> None:
    rows, labels = clouds((40, 10), gap=0.5)
    one, two, other = (fill(name, rows, labels, seed=seed).rows for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one[50:], other[50:])


def test_danger_is_judged_by_as_many_rows_as_there_are() -> None:
    rows, labels = clouds((6, 3), gap=0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert fill("borderline_smote", rows, labels).rows.shape[0] in (9, 12)
