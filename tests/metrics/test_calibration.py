"""Prior shifts against Bayes' rule by hand, and softmax at its limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.linear_model import LogisticRegression

from counterpoise.errors import DataError, SettingsError
from counterpoise.metrics.calibration import implied_prior, shift_prior, softmax

PRIORS = hnp.arrays(np.float64, 3, elements=st.floats(0.01, 1))
LOGITS = hnp.arrays(np.float64, (4, 3), elements=st.floats(-30, 30))


def test_a_balanced_model_returned_to_one_in_ten() -> None:
    """Elkan 2001, theorem 2: p' = b' p (1 - b) / (b (1 - b') - p (b - b')), by hand for p = .8."""
    p = np.array([[0.2, 0.8]])
    shifted = softmax(shift_prior(np.log(p), [0.5, 0.5], [0.9, 0.1]))
    b, to = 0.5, 0.1
    elkan = to * (0.8 - 0.8 * b) / (b - 0.8 * b + to * 0.8 - b * to)
    assert shifted[0, 1] == pytest.approx(elkan, rel=1e-12)
    assert elkan == pytest.approx(0.08 / 0.26)


@given(LOGITS, PRIORS, PRIORS)
def test_shift_is_bayes_rule_with_new_shares(logits, before, after) -> None:
    p = softmax(logits)
    ratio = p * (after / after.sum()) / (before / before.sum())
    expected = ratio / ratio.sum(axis=1, keepdims=True)
    assert softmax(shift_prior(logits, before, after)) == pytest.approx(expected, abs=1e-9)


@given(LOGITS, PRIORS, PRIORS)
def test_there_and_back_is_where_one_was(logits, before, after) -> None:
    assert shift_prior(shift_prior(logits, before, after), after, before) == pytest.approx(logits, abs=1e-9)
    assert np.array_equal(shift_prior(logits, before, before), logits)


def test_counts_serve_as_shares() -> None:
    logits = np.zeros((1, 2))
    assert shift_prior(logits, [10, 10], [90, 10]) == pytest.approx(
        shift_prior(logits, [0.5, 0.5], [0.9, 0.1])
    )


def test_known_shift_of_generated_data_is_undone() -> None:
    """Resample Gaussians with a known posterior to 1:1; the shift gives back the natural posterior."""
    x = np.linspace(-3, 3, 7)
    density = np.column_stack([np.exp(-((x + 1) ** 2) / 2), np.exp(-((x - 1) ** 2) / 2)])
    natural = density * [0.98, 0.02]
    natural /= natural.sum(axis=1, keepdims=True)
    assert softmax(shift_prior(np.log(density), [1, 1], [0.98, 0.02])) == pytest.approx(natural)


@pytest.mark.parametrize(
    ("before", "after"), [([0.5, 0.0], [0.5, 0.5]), ([0.5, 0.5], [1, -1]), ([1.0], [0.5, 0.5])]
)
def test_shares_that_are_none_are_refused(before, after) -> None:
    with pytest.raises(SettingsError, match="prior"):
        shift_prior(np.zeros((1, 2)), before, after)


def test_softmax_of_huge_and_float32_logits() -> None:
    p = softmax(np.array([[1e4, -1e4, 0.0], [-1e30, -1e30, -1e30]], dtype=np.float32))
    assert p.dtype == np.float64
    assert p[0].tolist() == [1.0, 0.0, 0.0]
    assert p[1] == pytest.approx([1 / 3] * 3)
    assert softmax([[0.0, np.log(3.0)]])[0] == pytest.approx([0.25, 0.75], rel=1e-14)


def all_rows(density, shares):
    """Every pair of a value and a class, weighing what it is probable: data without chance."""
    values, classes = (grid.ravel() for grid in np.indices(density.shape))
    return values, classes, (density * shares / density.sum(axis=0)).ravel()


@given(PRIORS, PRIORS, st.integers(0, 2**32))
@settings(max_examples=40)
def test_the_prior_of_exact_log_odds_is_found(prior, shares, seed) -> None:
    """Logits that are Bayes' rule under one prior, rows that come under another."""
    density = np.random.default_rng(seed).uniform(0.1, 1, (6, 3))
    density /= density.sum(axis=0)
    values, classes, weights = all_rows(density, shares)
    found = implied_prior(np.log(density * prior)[values], classes, weights)
    np.testing.assert_allclose(found, prior / prior.sum(), rtol=1e-4)


def test_a_dropped_intercept_stands_in_the_prior() -> None:
    """Unpenalised logistic regression is at its optimum: correction gives its probabilities back."""
    rng = np.random.default_rng(0)
    labels = rng.choice(3, 400, p=[0.8, 0.15, 0.05])
    x = rng.standard_normal((400, 2)) + np.array([[0, 0], [1, 0], [0, 2]])[labels]
    model = LogisticRegression(C=1e10, tol=1e-10, max_iter=10_000).fit(x, labels)
    bare = x @ model.coef_.T
    shares = np.bincount(labels) / 400
    found = implied_prior(bare, labels)
    dropped = shares * np.exp(-model.intercept_)
    np.testing.assert_allclose(found, dropped / dropped.sum(), rtol=1e-3)
    np.testing.assert_allclose(softmax(shift_prior(bare, found, shares)), model.predict_proba(x), atol=1e-4)


def test_rows_that_tell_nothing_leave_the_prior_of_the_rows() -> None:
    """Certain logits fit any shift."""
    labels = np.repeat([0, 1], [30, 10])
    found = implied_prior(500.0 * (labels[:, None] == np.arange(2)), labels)
    np.testing.assert_allclose(found, [0.75, 0.25])


@pytest.mark.parametrize("weights", [None, [1.0, 1.0, 0.0]])
def test_a_class_without_rows_has_no_implied_prior(weights) -> None:
    labels = [0, 1, 1] if weights is None else [0, 1, 2]
    with pytest.raises(DataError, match="class 2 has no row of weight"):
        implied_prior(np.zeros((3, 3)), labels, weights)
