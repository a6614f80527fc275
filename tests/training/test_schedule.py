"""Learning rates over a training, and the optimisers, against what they should be by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim.optimizer import register_optimizer_step_pre_hook

from counterpoise import ArrayClassifier
from counterpoise.backbones.base import Batch, Network
from counterpoise.backbones.mlp import MLP
from counterpoise.data.arrays import Dense
from counterpoise.errors import SettingsError
from counterpoise.methods.erm import ERM
from counterpoise.training.loop import Rows, train
from counterpoise.training.schedule import Schedule
from counterpoise.training.settings import TrainingSettings

ROWS = Rows(
    Dense(np.random.default_rng(0).standard_normal((20, 4)).astype(np.float32)),
    np.arange(20) % 2,
    np.ones(20),
)


def network() -> Network:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Network(MLP(4, hidden=(6, 5)), 2, dropout=0.0)


def rates_of(model: Network, **settings) -> list[float]:
    """Learning rate of the first group at each step."""
    rates: list[float] = []
    handle = register_optimizer_step_pre_hook(
        lambda optimizer, *_: rates.append(optimizer.param_groups[0]["lr"])
    )
    try:
        train(
            model,
            ERM(),
            ROWS,
            settings=TrainingSettings(batch_size=10, precision="float32", device="cpu", **settings),
            seed=0,
        )
    finally:
        handle.remove()
    return rates


def test_known_factors() -> None:
    assert [Schedule("linear").factor(begun, begun + 0.25) for begun in (0, 0.25, 0.75)] == [1, 0.75, 0.25]
    assert Schedule("cosine").factor(0.5, 0.6) == pytest.approx(0.5)
    assert Schedule("cosine").factor(0.25, 0.5) == pytest.approx((1 + math.cos(math.pi / 4)) / 2)
    assert [Schedule("constant", 0.5).factor(0, done) for done in (0.125, 0.5, 0.9)] == [0.25, 1, 1]
    assert [Schedule("linear", 0.5).factor(begun, begun + 0.25) for begun in (0.25, 0.5, 0.75)] == [1, 1, 0.5]
    assert Schedule("linear", 0.5).factor(0.4, 0.6) == 1, "the step in which the warm-up ends"
    drops = Schedule([(0.5, 0.1), (0.75, 0.02)])
    assert [drops.factor(begun, begun) for begun in (0.49, 0.5, 0.74, 0.75, 0.99)] == [
        1,
        0.1,
        0.1,
        0.02,
        0.02,
    ]


@given(
    st.sampled_from(["constant", "linear", "cosine", "step"]),
    st.floats(0, 0.5),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_rates_rise_in_the_warmup_and_never_after(shape, warmup, one, two) -> None:
    one, two = sorted((one, two))
    schedule = Schedule(shape, warmup)
    first, second = schedule.factor(one, one), schedule.factor(two, two)
    assert 0 <= first <= 1
    if two < warmup:
        assert first <= second
    elif one >= warmup:
        assert first >= second - 1e-12


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"schedule": "zigzag"}, "schedule is 'zigzag'; choose one of constant, linear, cosine, step"),
        ({"schedule": ""}, "schedule is ''"),
        ({"schedule": []}, r"schedule is \[\]"),
        ({"schedule": [0.5, 0.1]}, "give pairs"),
        ({"schedule": [(0.5, -1)]}, "give pairs"),
        ({"schedule": [(0.5, 0.1), (0.5, 0.01)]}, "drops at 0.5, 0.5 of the training; give rising shares"),
        ({"schedule": [(1.5, 0.1)]}, "drops at 1.5"),
        ({"warmup": 1}, "warmup is 1"),
        ({"warmup": -0.1}, "warmup is -0.1"),
        ({"optimizer": "lion"}, "optimizer is 'lion'; choose one of adam, sgd"),
    ],
)
def test_what_is_out_of_range_is_refused_before_any_work(settings, message) -> None:
    with pytest.raises(SettingsError, match=message):
        ArrayClassifier("erm", **settings).fit([[0.0], [1.0]] * 10, [0, 1] * 10)


def test_drops_fall_on_the_first_step_that_begins_there() -> None:
    assert rates_of(network(), max_epochs=5, schedule="step") == pytest.approx([1e-3] * 8 + [1e-5, 1e-7])
    assert rates_of(network(), max_epochs=10, schedule="step")[15:] == pytest.approx(
        [1e-3, 1e-5, 1e-5, 1e-7, 1e-7]
    )


def test_warmup_reaches_the_full_rate_and_every_group_follows() -> None:
    rates = rates_of(network(), max_epochs=4, warmup=0.5, learning_rate=0.8)
    assert rates == pytest.approx([0.2, 0.4, 0.6, 0.8, 0.8, 0.8, 0.8, 0.8])


class Pretends(MLP):
    """A backbone with a warm-up of its own, as pretrained ones have."""

    warmup = 0.5


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [0.5, 1, 1, 0.5]),
        ({"warmup": 0.0}, [1, 0.75, 0.5, 0.25]),
        ({"schedule": "constant"}, [0.5, 1, 1, 1]),
        ({"schedule": "constant", "warmup": 0.0}, [1, 1, 1, 1]),
    ],
)
def test_what_is_not_given_is_the_backbones_own(settings, expected) -> None:
    model = Network(Pretends(4, hidden=(6, 5)), 2, dropout=0.0)
    rates = rates_of(model, max_epochs=2, learning_rate=1.0, **settings)
    assert rates == pytest.approx(expected)


def test_sgd_by_hand() -> None:
    """``v = 0.9 v + g + decay p``, ``p -= rate v``, on whole batches, at a rate 100 times Adam's."""
    decay, model, ours = 2e-4, network(), network()
    train(
        ours,
        ERM(),
        ROWS,
        settings=TrainingSettings(
            max_epochs=3, optimizer="sgd", weight_decay=decay, precision="float32", device="cpu"
        ),
        seed=0,
    )
    nothing = torch.empty(0)
    batch = Batch(ROWS.encoded.values, None, nothing, nothing, nothing)
    speed = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    for _ in range(3):
        model.zero_grad()
        torch.nn.functional.cross_entropy(model(batch), torch.from_numpy(ROWS.labels)).backward()
        with torch.no_grad():
            for name, p in model.named_parameters():
                speed[name] = 0.9 * speed[name] + p.grad + decay * p
                p -= 0.1 * speed[name]
    for (name, ours_p), p in zip(ours.named_parameters(), model.parameters(), strict=True):
        np.testing.assert_allclose(ours_p.detach(), p.detach(), atol=1e-6, err_msg=name)


def test_a_given_rate_is_sgds_own() -> None:
    assert rates_of(network(), max_epochs=1, optimizer="sgd", learning_rate=0.02) == [0.02, 0.02]
    assert rates_of(network(), max_epochs=1, optimizer="sgd") == pytest.approx([0.1, 0.1])


def test_a_schedule_is_saved_with_the_model(tmp_path) -> None:
    rows, labels = [[0.0], [1.0], [0.1], [1.1]] * 20, [0, 1, 0, 1] * 20
    classifier = ArrayClassifier(
        "erm", max_epochs=2, schedule=[(0.5, 0.1)], optimizer="sgd", threshold=None, random_state=0
    ).fit(rows, labels)
    classifier.save(tmp_path / "model")
    again = ArrayClassifier.load(tmp_path / "model")
    assert [tuple(drop) for drop in again.schedule] == [(0.5, 0.1)]
    assert again.optimizer == "sgd"
