"""tau-normalisation at its limits, its choice of tau, and the shares under which its logits are log-odds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import average_precision_score
from stage_helpers import COUNTS, make_context, make_data

from counterpoise.errors import SettingsError
from counterpoise.methods.erm import ERM
from counterpoise.methods.tau_norm import TauNorm, rescaled
from counterpoise.metrics.calibration import shift_prior, softmax

WEIGHTS = hnp.arrays(np.float64, (4, 3), elements=st.floats(0.1, 10) | st.floats(-10, -0.1))


def head_of(method, data, context):
    head = method.fit(data, context).model.head
    return head.weight.detach().double().numpy(), head.bias.detach().double().numpy()


@given(WEIGHTS, st.floats(0, 1))
def test_lengths_to_the_power_of_what_tau_leaves(weight, tau) -> None:
    found = rescaled(weight, tau)
    length = np.sqrt((weight**2).sum(axis=1))
    np.testing.assert_allclose(np.sqrt((found**2).sum(axis=1)), length ** (1 - tau), rtol=1e-9)
    np.testing.assert_allclose(found * length[:, None] ** tau, weight, rtol=1e-9)


def test_a_case_by_hand() -> None:
    weight = np.array([[3.0, 4.0], [0.0, 1.0], [0.0, -16.0]])
    np.testing.assert_allclose(rescaled(weight, 1.0), [[0.6, 0.8], [0, 1], [0, -1]])
    np.testing.assert_allclose(rescaled(weight, 0.5), [[3 / 5**0.5, 4 / 5**0.5], [0, 1], [0, -4]])
    np.testing.assert_array_equal(rescaled(weight, 0.0), weight)


@pytest.mark.parametrize("backbone", ["mlp", "textcnn"])
def test_tau_0_is_plain_training_without_its_bias_and_tau_1_has_lengths_of_1(backbone) -> None:
    data, context = make_data(backbone, COUNTS[8]), make_context(backbone, minority=None)
    plain = ERM().fit(data, context)
    bias = plain.model.head.bias.detach().numpy()
    assert np.abs(bias).min() > 1e-3
    none = TauNorm(tau=0.0).fit(data, context)
    np.testing.assert_allclose(none.logits(data.inputs), plain.logits(data.inputs) - bias, atol=1e-5)
    one = TauNorm(tau=1.0).fit(data, context)
    weight = one.model.head.weight.detach().numpy()
    np.testing.assert_allclose(np.linalg.norm(weight, axis=1), 1, rtol=1e-6)
    angles = plain.model.head.weight.detach().numpy()
    angles = angles / np.linalg.norm(angles, axis=1, keepdims=True)
    np.testing.assert_allclose(one.logits(data.inputs), plain.embed(data.inputs) @ angles.T, atol=1e-5)
    for predictor in (none, one):
        assert not predictor.model.head.bias.any()
        np.testing.assert_array_equal(predictor.embed(data.inputs), plain.embed(data.inputs))


@pytest.mark.parametrize("minority", [None, 5, 7])
def test_tau_is_the_best_on_the_validation_side(minority) -> None:
    """By scikit-learn's average precision of every tau, tried on the plain model."""
    data = make_data("textcnn", COUNTS[8])
    side = make_data("textcnn", (12, 11, 10, 9, 8, 8, 8, 8), 1, weighted=True)
    context = make_context("textcnn", side, minority=minority, max_epochs=6)
    plain = ERM().fit(data, context)
    weight = plain.model.head.weight.detach().double().numpy()
    features = plain.embed(side.inputs).astype(np.float64)
    scores = []
    for tau in np.linspace(0, 1, 11):
        p = softmax(features @ (weight / np.linalg.norm(weight, axis=1)[:, None] ** tau).T)
        classes = range(8) if minority is None else [minority]
        scores.append(
            np.mean(
                [
                    average_precision_score(side.labels == c, p[:, c], sample_weight=side.weights)
                    for c in classes
                ]
            )
        )
    assert np.ptp(scores) > 1e-3
    found = TauNorm().fit(data, context)
    best = np.flatnonzero(np.isclose(scores, max(scores), atol=1e-9, rtol=0))
    assert found.notes["tau"] == pytest.approx(best[0] / 10)
    assert TauNorm(tau=0.25).fit(data, context).notes["tau"] == 0.25


def test_tau_is_half_where_nothing_honest_can_choose_it() -> None:
    data = make_data("mlp", (30, 10, 6))
    assert TauNorm().fit(data, make_context()).notes["tau"] == 0.5
    lacking = make_data("mlp", (20, 20), 1)
    lacking = type(lacking)(lacking.inputs, lacking.labels, 3, lacking.weights)
    predictor = TauNorm().fit(data, make_context(validation=lacking))
    assert predictor.notes["tau"] == 0.5
    assert (predictor.training_prior > 0).all()


class Settled(TauNorm):
    """The bias of plain training brought to its optimum on the fitting side, by Newton's method."""

    def finish(self, model, data, encoder, context):
        with torch.no_grad():
            features = model.embed(_batch(encoder, data)).double()
            z = features @ model.head.weight.double().T
            bias = model.head.bias.double().clone()
            target = torch.from_numpy(data.class_mass())
            for _ in range(50):
                p = torch.softmax(z + bias, dim=1)
                hessian = torch.diag(p.mean(dim=0)) - p.T @ p / len(p)
                bias -= torch.linalg.pinv(hessian, rtol=1e-12) @ (p.mean(dim=0) - target)
            model.head.bias.copy_(bias)
            self.plain_ = torch.softmax(z + bias, dim=1).numpy()


def _batch(encoder, data):
    from counterpoise.backbones.base import Batch

    inputs, mask = encoder.encode(data.inputs).batch(np.arange(len(data)))
    return Batch(inputs, mask, *[torch.empty(0)] * 3)


def test_with_tau_0_prior_correction_gives_back_plain_training() -> None:
    """Where plain training's bias is at its optimum: what was dropped stands in the shares of the logits."""
    data = make_data("textcnn", (60, 25, 12))
    method = Settled(tau=0.0)
    predictor = method.fit(data, make_context("textcnn", minority=None))
    corrected = softmax(
        shift_prior(predictor.logits(data.inputs), predictor.training_prior, data.class_mass())
    )
    np.testing.assert_allclose(corrected, method.plain_, atol=1e-4)


def test_two_classes_move_by_equal_and_opposite_steps() -> None:
    """So that the lengths of their weights hardly differ, as the docstring says."""
    data = make_data("mlp", (60, 8))
    sums, moved = [], []
    for epochs in (1, 6):
        weight, _ = head_of(ERM(), data, make_context(max_epochs=epochs))
        sums.append(weight.sum(axis=0))
        moved.append(weight[0])
    np.testing.assert_allclose(sums[0], sums[1], atol=1e-5)
    assert np.abs(moved[0] - moved[1]).max() > 0.05


@pytest.mark.parametrize("tau", [-0.1, 1.1, float("nan"), "best"])
def test_a_tau_out_of_range_is_refused(tau) -> None:
    with pytest.raises(SettingsError, match=r"tau is .*; tau_norm needs a number from 0 to 1"):
        TauNorm(tau=tau).check()
