"""NCM against scikit-learn's nearest centroid, means recomputed row by row, and Bayes' rule."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestCentroid
from stage_helpers import COUNTS, make_context, make_data

from counterpoise.errors import SettingsError
from counterpoise.methods import ncm
from counterpoise.methods.erm import ERM
from counterpoise.methods.ncm import NCM, ClassMeans
from counterpoise.metrics.calibration import shift_prior, softmax
from counterpoise.metrics.temperature import fit_sharpness


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def embedded(data, context):
    """Representations at length 1, by plain training, in float64."""
    return unit(ERM().fit(data, context).embed(data.inputs).astype(np.float64))


def nearness(rows, means):
    return -((rows[:, None] - means[None]) ** 2).sum(axis=2)


@pytest.mark.filterwarnings("ignore:self.within_class_std_dev_")
@pytest.mark.parametrize("backbone", ["mlp", "textcnn"])
def test_the_most_probable_class_is_the_nearest_centroid(backbone) -> None:
    data, context = make_data(backbone, COUNTS[8]), make_context(backbone, minority=None)
    rows = embedded(data, context)
    expected = NearestCentroid(metric="euclidean").fit(rows, data.labels).predict(rows)
    found = NCM().fit(data, context).logits(data.inputs).argmax(axis=1)
    np.testing.assert_array_equal(found, expected)
    assert len(set(found)) > 2


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
def test_logits_are_scaled_distances_to_weighted_means(distance) -> None:
    data = make_data("textcnn", (40, 12, 5), weighted=True)
    class_weight = np.array([1.0, 3.0, 0.5])
    context = make_context("textcnn", minority=None, class_weight=class_weight)
    rows = embedded(data, context)
    means = np.stack(
        [np.average(rows[data.labels == c], axis=0, weights=data.weights[data.labels == c]) for c in range(3)]
    )
    if distance == "cosine":
        means = unit(means)
    counts_for = np.array([data.weights[data.labels == c].mean() for c in range(3)]) * class_weight
    predictor = NCM(distance=distance).fit(data, context)
    sharpness = float(predictor.model.parts.sharpness)
    logits = sharpness * nearness(rows, means) + np.log(counts_for)
    found = predictor.logits(data.inputs)
    np.testing.assert_allclose(
        found - found.mean(axis=1, keepdims=True), logits - logits.mean(axis=1, keepdims=True), atol=1e-3
    )
    if distance == "cosine":
        angle = 2 * sharpness * rows @ means.T + np.log(counts_for)
        np.testing.assert_allclose(np.ptp(found - angle, axis=1), 0, atol=1e-3)


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
def test_without_a_validation_side_no_row_is_near_to_itself(distance, monkeypatch) -> None:
    """What the sharpness is fitted on, against means made anew for each row without it."""
    data = make_data("textcnn", (20, 9, 4, 1), weighted=True)
    context = make_context("textcnn", minority=None)
    rows = embedded(data, context)
    seen = []
    monkeypatch.setattr(ncm, "fit_sharpness", lambda *args: seen.append(args) or 7.0)
    predictor = NCM(distance=distance).fit(data, context)
    assert float(predictor.model.parts.sharpness) == 7.0
    (found, labels, weights, offset) = seen[0]
    kept = np.flatnonzero(data.labels != 3)
    assert len(kept) == len(data) - 1
    np.testing.assert_array_equal(labels, data.labels[kept])
    np.testing.assert_array_equal(weights, data.weights[kept])
    expected = []
    for row in range(len(data)):
        rest = data.weights * (np.arange(len(data)) != row)
        rest[data.labels == 3] = 1.0  # the only row of its class stays
        means = [np.average(rows[data.labels == c], axis=0, weights=rest[data.labels == c]) for c in range(4)]
        means = np.stack([unit(m) if distance == "cosine" else m for m in means])
        expected.append(nearness(rows[[row]], means)[0])
    expected = np.array(expected)
    # Up to what all classes share: the squared length of the row.
    np.testing.assert_allclose(np.ptp(found - expected[kept], axis=1), 0, atol=1e-6)
    logits = shift_prior(offset + 7.0 * expected, predictor.training_prior, data.class_mass())
    mean = np.average(softmax(logits), axis=0, weights=data.weights)
    np.testing.assert_allclose(mean, data.class_mass(), atol=1e-5)


def test_with_a_validation_side_the_sharpness_is_fitted_on_it() -> None:
    data, side = make_data("textcnn", (40, 12)), make_data("textcnn", (30, 10), 1, weighted=True)
    context = make_context("textcnn", side, class_weight=np.array([1.0, 2.0]))
    plain = ERM().fit(data, context)
    rows, held_out = (unit(plain.embed(d.inputs).astype(np.float64)) for d in (data, side))
    means = np.stack([rows[data.labels == c].mean(axis=0) for c in (0, 1)])
    weights = side.weights * np.array([1.0, 2.0])[side.labels]
    expected = fit_sharpness(nearness(held_out, means), side.labels, weights, np.log([1 / 3, 2 / 3]))
    predictor = NCM().fit(data, context)
    assert float(predictor.model.parts.sharpness) == pytest.approx(expected, rel=1e-3)
    assert predictor.history == plain.history, "training is judged by the plain head"


def test_a_class_whose_only_row_is_left_out_can_still_be_found() -> None:
    data, context = make_data("mlp", (30, 1)), make_context(max_epochs=8)
    predictor = NCM().fit(data, context)
    lonely = data.inputs[data.labels == 1]
    assert predictor.logits(lonely).argmax() == 1
    both = make_data("mlp", (1, 1))
    assert float(NCM().fit(both, context).model.parts.sharpness) == 1.0


def test_a_representation_of_zeros_has_finite_logits() -> None:
    means = ClassMeans(3, 2)
    assert not means.measured
    means.means.copy_(torch.eye(3)[:2])
    means.sharpness.fill_(4.0)
    assert means.measured
    assert means(torch.zeros(1, 3)).tolist() == [[0.0, 0.0]]
    assert means(torch.tensor([[5.0, 0.0, 0.0]])).tolist() == [[4.0, -4.0]]


def test_an_unknown_distance_is_refused() -> None:
    with pytest.raises(SettingsError, match="distance is 'manhattan'; choose one of euclidean, cosine"):
        NCM(distance="manhattan").check()
