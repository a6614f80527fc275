"""What a ranking allows, how far probabilities can be trusted, and what the best threshold costs: known answers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.metrics.cost_curves import cost_curve
from counterpoise.metrics.ranking import precision_at_recall, recall_at_precision
from counterpoise.metrics.reliability import brier_of, calibration_error
from counterpoise.metrics.scores import score

# From the highest score down: rare, other, rare, rare, other, other.
RARE = np.array([True, False, True, True, False, False])
SCORES = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.1])


@pytest.mark.parametrize(
    ("precision", "recall"), [(1.0, 1 / 3), (0.8, 1 / 3), (0.75, 1.0), (0.6, 1.0), (0.1, 1.0)]
)
def test_recall_at_precision(precision: float, recall: float) -> None:
    assert recall_at_precision(RARE, SCORES, precision) == pytest.approx(recall)


@pytest.mark.parametrize(("recall", "precision"), [(0.3, 1.0), (0.4, 0.75), (1.0, 0.75)])
def test_precision_at_recall(recall: float, precision: float) -> None:
    assert precision_at_recall(RARE, SCORES, recall) == pytest.approx(precision)


def test_a_ranking_that_allows_nothing() -> None:
    worst = np.arange(6.0)
    rare = np.array([True] + [False] * 5)
    assert recall_at_precision(rare, worst, 0.9) == 0.0


def test_weights_are_repeated_rows() -> None:
    w = np.array([1, 4, 1, 1, 1, 1])
    again = np.repeat(np.arange(6), w)
    for measure in (recall_at_precision, precision_at_recall):
        assert measure(RARE, SCORES, 0.6, w.astype(float)) == measure(RARE[again], SCORES[again], 0.6)
    assert calibration_error(RARE, SCORES, w.astype(float)) == pytest.approx(
        calibration_error(RARE[again], SCORES[again])
    )


def test_calibration_error_by_hand() -> None:
    """Two bins of 15: four rows at .3 of which half are true, one at .95 that is false."""
    said = np.array([0.3] * 4 + [0.95])
    true = np.array([True, True, False, False, False])
    assert calibration_error(true, said) == pytest.approx((4 * 0.2 + 0.95) / 5)
    assert calibration_error(true[:0], said[:0]) == 0.0
    assert calibration_error(np.array([True, True]), np.array([1.0, 1.0])) == 0.0


def test_brier_scores_of_the_two_sides() -> None:
    row = score(np.array([0, 0, 1]), np.array([0.1, 0.3, 0.4]), 1)
    assert row["brier_minority"] == pytest.approx(0.36)
    assert row["brier_majority"] == pytest.approx((0.01 + 0.09) / 2)
    assert row["brier"] == pytest.approx((0.36 + 0.01 + 0.09) / 3)
    assert score(np.array([0, 0]), np.array([0.1, 0.3]), 1)["brier_minority"] is None
    assert score(np.array([0, 1]), np.array([0.1, 0.3]), None)["brier_minority"] is None
    assert brier_of(np.array([True]), np.array([0.5]), np.array([0.0])) is None


def test_geometric_mean() -> None:
    labels = np.array([0, 0, 0, 0, 1, 1])
    assert score(labels, np.array([0.1, 0.1, 0.1, 0.9, 0.9, 0.1]), 1)["g_mean"] == pytest.approx(
        np.sqrt(0.75 * 0.5)
    )
    assert score(labels, np.zeros(6), 1)["g_mean"] == 0.0


class TestCostCurve:
    shares = np.linspace(0, 1, 11)

    def test_by_hand(self) -> None:
        """Three thresholds that are worth having: none, the top one (recall 1/3), the top four (one false alarm)."""
        lines = [(1.0, 0.0), (2 / 3, 0.0), (0.0, 1 / 3), (0.0, 1.0)]
        expected = [min(miss * s + false * (1 - s) for miss, false in lines) for s in self.shares]
        np.testing.assert_allclose(cost_curve(RARE, SCORES, self.shares), expected)

    @settings(max_examples=50)
    @given(st.integers(0, 10_000))
    def test_never_above_deciding_for_one_class_and_concave(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        rare = np.concatenate([[True, False], rng.random(30) < 0.3])
        costs = cost_curve(rare, rng.random(32), self.shares)
        assert (costs <= np.minimum(self.shares, 1 - self.shares) + 1e-12).all()
        assert (np.diff(costs, 2) <= 1e-12).all()
        perfect = cost_curve(rare, rare.astype(float), self.shares)
        np.testing.assert_allclose(perfect, 0, atol=1e-12)
