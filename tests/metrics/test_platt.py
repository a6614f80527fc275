"""Platt scaling against scikit-learn's sigmoid, at its limits, and where the order would be turned round."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import _SigmoidCalibration

from counterpoise.errors import DataError
from counterpoise.metrics.platt import SMALLEST_SLOPE, platt


def scores(n_own: int, n_other: int, seed: int = 0, gap: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    own = np.repeat([True, False], [n_own, n_other])
    return rng.normal(np.where(own, gap, 0.0), 1.0), own


def sigmoid(odds: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-odds))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("counts", [(40, 60), (5, 200), (1, 30)])
def test_it_is_scikit_learns_sigmoid(counts, weighted) -> None:
    decisions, own = scores(*counts)
    weights = np.random.default_rng(1).uniform(0.5, 2.0, len(own)) if weighted else np.ones(len(own))
    weights /= weights.mean()
    slope, intercept = platt(decisions, own, 7.0 * weights)
    reference = _SigmoidCalibration().fit(decisions, own.astype(int), weights)
    found, expected = sigmoid(slope * decisions + intercept), reference.predict(decisions)
    np.testing.assert_allclose(found, expected, atol=2e-4)


def test_one_row_of_each_class_by_hand() -> None:
    """Targets 2/3 and 1/3, met exactly: log-odds of log 2 and -log 2."""
    slope, intercept = platt([-1.0, 3.0], [False, True])
    assert slope == pytest.approx(np.log(2) / 2, rel=1e-5)
    assert intercept == pytest.approx(-np.log(2) / 2, rel=1e-5)


@given(st.floats(1e-6, 1e6), st.integers(1, 12), st.integers(1, 40), st.integers(0, 5))
def test_the_unit_of_the_decision_values_does_not_matter(unit, n_own, n_other, seed) -> None:
    decisions, own = scores(n_own, n_other, seed)
    slope, intercept = platt(decisions, own)
    again, shift = platt(unit * decisions, own)
    if slope > 2 * SMALLEST_SLOPE and again > 2 * SMALLEST_SLOPE:
        np.testing.assert_allclose(
            sigmoid(again * unit * decisions + shift), sigmoid(slope * decisions + intercept), atol=1e-4
        )


def test_the_mean_probability_is_the_share_that_the_targets_have() -> None:
    decisions, own = scores(20, 180)
    slope, intercept = platt(decisions, own)
    expected = (20 * 21 / 22 + 180 / 182) / 200
    assert sigmoid(slope * decisions + intercept).mean() == pytest.approx(expected, abs=1e-6)


def test_the_order_is_kept_where_the_rows_speak_against_it() -> None:
    decisions, own = scores(3, 50, gap=-4.0)
    slope, _ = platt(decisions, own)
    assert slope == pytest.approx(SMALLEST_SLOPE)


def test_values_all_alike_give_the_share() -> None:
    slope, intercept = platt(np.zeros(10), np.arange(10) < 2)
    assert slope >= SMALLEST_SLOPE
    assert sigmoid(np.array(intercept)) == pytest.approx((2 * 3 / 4 + 8 / 10) / 10, abs=1e-6)


def test_what_is_not_finite_is_refused() -> None:
    with pytest.raises(DataError, match="not finite"):
        platt([0.0, np.nan], [True, False])
