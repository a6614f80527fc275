"""Nearness to classes: worked by hand, against scikit-learn, and the few numbers that turn it into logits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import cosine_similarity

from counterpoise.methods.neighbor_contrast import NeighborContrast, fit_slope


def at(*degrees: float) -> np.ndarray:
    radians = np.deg2rad(degrees)
    return np.column_stack([np.cos(radians), np.sin(radians)]).astype(np.float32)


def cosines(*degrees: float) -> float:
    return float(np.cos(np.deg2rad(degrees)).mean())


def test_by_hand() -> None:
    made = NeighborContrast(at(0, 10, 30, 90, 110), np.array([0, 0, 0, 1, 1]), k=5)
    # Of the first class all but one of three, of the second all but one of two.
    expected = [
        [cosines(10, 30), cosines(90)],
        [cosines(10, 20), cosines(80)],
        [cosines(20, 30), cosines(60)],
    ]
    expected += [[cosines(60, 80), cosines(20)], [cosines(80, 100), cosines(20)]]
    np.testing.assert_allclose(made.own_nearness(), expected, atol=1e-6)
    np.testing.assert_allclose(made.nearness(at(60)), [[cosines(30, 50), cosines(30)]], atol=1e-6)
    assert made.nearness(at()).shape == (0, 2)


@pytest.mark.parametrize("k", [1, 3, 7])
def test_against_all_similarities(k) -> None:
    rng = np.random.default_rng(k)
    rows, labels = rng.standard_normal((90, 6)).astype(np.float32), np.repeat([0, 1, 2], [60, 20, 10])
    made = NeighborContrast(rows, labels, k)
    similarity = cosine_similarity(rows.astype(np.float64))
    np.fill_diagonal(similarity, -np.inf)
    for c in range(3):
        best = np.sort(similarity[:, labels == c], axis=1)[:, -k:]
        np.testing.assert_allclose(made.own_nearness()[:, c], best.mean(axis=1), atol=1e-6)


def test_a_class_of_one_row_is_near_to_others_and_not_to_itself() -> None:
    made = NeighborContrast.fitted(at(0, 10, 20, 80), np.array([0, 0, 0, 1]), np.ones(4), k=2)
    own = made.own_nearness()
    assert np.isnan(own[3, 1])
    assert np.isfinite(np.delete(own.ravel(), 7)).all()
    assert made.logits(at(0, 5, 78, 80)).argmax(axis=1).tolist() == [0, 0, 1, 1]


def test_a_class_of_one_row_beside_others_has_the_mean_intercept() -> None:
    rng = np.random.default_rng(3)
    degrees = [*rng.normal(0, 12, 40), *rng.normal(60, 12, 15), 150.0]
    labels = np.repeat([0, 2, 1], [40, 15, 1])
    made = NeighborContrast.fitted(at(*degrees), labels, np.ones(56), k=5)
    two = NeighborContrast.fitted(at(*degrees[:55]), np.repeat([0, 1], [40, 15]), np.ones(55), k=5)
    assert made.slope == pytest.approx(two.slope)
    np.testing.assert_allclose(made.intercepts[[0, 2]], two.intercepts)
    assert made.intercepts[1] == 0
    assert made.logits(at(0, 60, 150, 140)).argmax(axis=1).tolist() == [0, 2, 1, 1]


class TestSlope:
    def test_two_classes_are_platts(self) -> None:
        rng = np.random.default_rng(0)
        labels = (rng.random(400) < 0.3).astype(np.int64)
        evidence = rng.standard_normal((400, 2)) + 0.8 * np.eye(2)[labels]
        weights = rng.uniform(0.5, 2, 400)
        slope, intercepts = fit_slope(evidence, labels, weights)
        difference = evidence[:, [1]] - evidence[:, [0]]
        expected = LogisticRegression(C=1e6).fit(difference, labels, sample_weight=weights)
        assert slope == pytest.approx(expected.coef_[0, 0], rel=1e-3)
        assert intercepts[1] - intercepts[0] == pytest.approx(expected.intercept_[0], abs=1e-3)
        assert intercepts.sum() == pytest.approx(0)

    def test_what_made_the_labels_is_found_again(self) -> None:
        rng = np.random.default_rng(1)
        evidence, truth = rng.standard_normal((60_000, 4)), np.array([1.0, 0.2, -0.4, -0.8])
        logits = 2.5 * evidence + truth
        labels = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
        slope, intercepts = fit_slope(evidence, labels, np.ones(60_000))
        assert slope == pytest.approx(2.5, abs=0.05)
        np.testing.assert_allclose(intercepts, truth, atol=0.05)

    def test_it_does_not_hang_on_where_the_evidence_lies(self) -> None:
        rng = np.random.default_rng(2)
        labels = rng.integers(3, size=300)
        evidence = 0.01 * rng.standard_normal((300, 3)) + 0.01 * np.eye(3)[labels]
        near, far = (fit_slope(evidence + shift, labels, np.ones(300)) for shift in (0.0, 0.9))
        for moved, (slope, intercepts) in zip((evidence, evidence + 0.9), (near, far), strict=True):
            logits = log_softmax(slope * moved + intercepts, axis=1)
            assert (logits.argmax(axis=1) == labels).mean() > 0.5
        assert near[0] == pytest.approx(far[0], rel=1e-3)

    def test_near_is_never_against(self) -> None:
        labels = np.arange(200) % 2
        slope, intercepts = fit_slope(-np.eye(2)[labels], labels, np.ones(200))
        assert slope == 0
        np.testing.assert_allclose(intercepts, 0, atol=1e-6)

    def test_separable_classes_stay_finite(self) -> None:
        labels = np.arange(200) % 2
        slope, intercepts = fit_slope(np.eye(2)[labels], labels, np.ones(200))
        assert 1 < slope < 100
        assert np.isfinite(intercepts).all()
