"""A row of several classes is learnt, counted and weighted as rows of one class each, with its shares as weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from counterpoise.backbones.base import Network
from counterpoise.backbones.mlp import MLP
from counterpoise.data.arrays import Dense
from counterpoise.errors import ModelError
from counterpoise.methods.base import Context, Data
from counterpoise.methods.erm import ERM
from counterpoise.training.loop import Rows, train
from counterpoise.training.settings import TrainingSettings, TrainingState

N = 20
VALUES = np.random.default_rng(0).standard_normal((N, 4)).astype(np.float32)
LABELS = np.arange(N) % 3
SOFT = np.random.default_rng(1).dirichlet([1, 1, 1], N)
WEIGHTS = np.linspace(0.5, 2, N)
CLASS_WEIGHT = np.array([1.0, 3.0, 0.5])


class AtOnce(ERM):
    """Plain training on all rows in one step."""

    def batches(self, labels, lengths, batch_size, rng):
        return [np.arange(len(labels))]


def trained(rows: Rows, objective: ERM, **changes) -> dict[str, np.ndarray]:
    """Parameters of a network without dropout."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Network(MLP(4, hidden=(6, 5)), 3, dropout=0.0)
    settings = TrainingSettings(**{"precision": "float32", "device": "cpu", **changes})
    train(model, objective, rows, settings=settings, seed=0)
    return {name: value.detach().numpy() for name, value in model.named_parameters()}


def soft_data() -> Data:
    return Data(VALUES, LABELS, 3, WEIGHTS, soft_labels=SOFT)


def parted(data: Data) -> Data:
    """Each row three times, as one class each."""
    rows = np.repeat(np.arange(N), 3)
    return Data(data.inputs[rows], np.tile(np.arange(3), N), 3, data.weights[rows] * SOFT.ravel())


@pytest.mark.parametrize("class_weight", [None, CLASS_WEIGHT])
def test_data_count_and_weigh_a_soft_row_as_its_parts(class_weight) -> None:
    context = Context(seed=0, class_weight=class_weight)
    soft, parts = context.weighted(soft_data()), context.weighted(parted(soft_data()))
    np.testing.assert_allclose(soft.class_mass(), parts.class_mass())
    np.testing.assert_allclose(soft.class_shares(), parts.class_shares())
    assert soft.weights.sum() == pytest.approx(parts.weights.sum())
    np.testing.assert_allclose(soft.soft_labels.sum(axis=1), 1)
    np.testing.assert_allclose(soft.balanced().class_mass(), [1 / 3] * 3)
    np.testing.assert_allclose(soft.balanced().weights.sum(), parts.balanced().weights.sum())
    few = soft.take(np.array([3, 1]))
    np.testing.assert_array_equal(few.soft_labels, soft.soft_labels[[3, 1]])


@pytest.mark.parametrize("class_weight", [None, CLASS_WEIGHT])
def test_a_soft_row_is_learnt_as_its_parts(class_weight) -> None:
    told: list[TrainingState] = []

    class Listens(AtOnce):
        def loss(self, model, batch, state):
            told.append(state)
            return super().loss(model, batch, state)

    context = Context(seed=0, class_weight=class_weight)
    found = []
    for data in (soft_data(), parted(soft_data())):
        data = context.weighted(data)
        rows = Rows(Dense(data.inputs), data.labels, data.weights, data.class_weight, data.soft_labels)
        found.append(trained(rows, Listens(), max_epochs=20))
    for name, value in found[0].items():
        np.testing.assert_allclose(value, found[1][name], atol=1e-6, err_msg=name)
    hard = replace(context.weighted(soft_data()), soft_labels=None)
    rows = Rows(Dense(VALUES), hard.labels, hard.weights, hard.class_weight)
    plain = trained(rows, AtOnce(), max_epochs=20)
    assert any(np.abs(value - plain[name]).max() > 1e-3 for name, value in found[0].items())
    torch.testing.assert_close(told[0].class_shares, told[-1].class_shares)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_whole_labels_are_soft_ones_too_and_are_smoothed_alike(smoothing) -> None:
    hard = Rows(Dense(VALUES), LABELS, WEIGHTS)
    found = [
        trained(rows, AtOnce(), max_epochs=5, label_smoothing=smoothing)
        for rows in (hard, replace(hard, soft_labels=np.eye(3)[LABELS]))
    ]
    for name, value in found[0].items():
        np.testing.assert_allclose(value, found[1][name], atol=1e-6, err_msg=name)


def test_soft_rows_of_a_method_reach_its_loss_and_its_prior() -> None:
    seen: list[torch.Tensor] = []

    class Softens(ERM):
        soft_targets = True

        def resample(self, data, context):
            return replace(data, soft_labels=SOFT)

        def loss(self, model, batch, state):
            seen.append((batch.rows, batch.labels))
            return super().loss(model, batch, state)

    context = Context(seed=0, backbone="mlp", class_weight=CLASS_WEIGHT)
    predictor = Softens().fit(Data(VALUES, LABELS, 3, WEIGHTS), context)
    expected = SOFT * CLASS_WEIGHT
    expected /= expected.sum(axis=1, keepdims=True)
    rows, labels = seen[0]
    torch.testing.assert_close(labels, torch.from_numpy(expected[rows.numpy()]).float())
    mass = WEIGHTS @ SOFT * CLASS_WEIGHT
    np.testing.assert_allclose(predictor.training_prior, mass / mass.sum())


def test_a_checkpoint_knows_its_soft_labels(tmp_path) -> None:
    torch.manual_seed(0)
    for number, soft in enumerate((SOFT, SOFT, SOFT[::-1])):
        model = Network(MLP(4, hidden=(3,)), 3, dropout=0.0)
        model.load_state_dict({name: torch.full_like(p, 0.1) for name, p in model.state_dict().items()})
        rows = Rows(Dense(VALUES), LABELS, WEIGHTS, soft_labels=soft)
        settings = TrainingSettings(max_epochs=1, precision="float32", device="cpu")
        given = {"settings": settings, "seed": 0, "checkpoint": tmp_path / "c.safetensors"}
        if number < 2:
            train(model, ERM(), rows, **given)
        else:
            with pytest.raises(ModelError, match="other data or settings"):
                train(model, ERM(), rows, **given)
