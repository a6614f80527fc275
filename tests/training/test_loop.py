"""The training loop's arithmetic: accumulation, row weights, order of predictions, other people's random state."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim.optimizer import register_optimizer_step_pre_hook

from counterpoise import ArrayClassifier, ImageClassifier, TextClassifier
from counterpoise.backbones.base import Batch, Network
from counterpoise.backbones.mlp import MLP
from counterpoise.backbones.textcnn import TextCNN
from counterpoise.data.arrays import Dense
from counterpoise.errors import SettingsError
from counterpoise.methods.erm import ERM
from counterpoise.metrics.margins import class_margins
from counterpoise.text.batching import Ragged, bucketed_batches, within_budget
from counterpoise.training import precision
from counterpoise.training.loop import Rows, predict, train
from counterpoise.training.precision import resolve_precision
from counterpoise.training.settings import TrainingSettings, TrainingState
from tiny_texts import make_texts

LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=200).map(np.array)


@given(LENGTHS, st.integers(1, 70), st.integers(0, 5))
def test_bucketed_batches_hold_each_row_once(lengths, batch_size, seed) -> None:
    batches = bucketed_batches(lengths, batch_size, np.random.default_rng(seed))
    np.testing.assert_array_equal(np.sort(np.concatenate(batches)), np.arange(len(lengths)))
    assert max(map(len, batches)) <= batch_size
    assert len(batches) == -(-len(lengths) // batch_size)


def test_bucketed_batches_are_of_similar_length_and_change_their_company() -> None:
    lengths = np.random.default_rng(0).integers(1, 100, 3000)
    one, two = (bucketed_batches(lengths, 32, np.random.default_rng(seed)) for seed in (0, 1))
    padded = sum(len(batch) * lengths[batch].max() for batch in one)
    assert padded < 1.1 * lengths.sum()
    assert {frozenset(batch.tolist()) for batch in one} != {frozenset(batch.tolist()) for batch in two}
    longest = [lengths[batch].max() for batch in one]
    assert longest != sorted(longest)
    assert longest != sorted(longest, reverse=True)


@given(LENGTHS, st.integers(1, 300))
def test_parts_respect_the_budget_and_hold_each_row_once(lengths, budget) -> None:
    rows = np.arange(len(lengths))[::-1]
    parts = within_budget(rows, lengths, budget)
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.sort(rows))
    for part in parts:
        assert len(part) == 1 or len(part) * lengths[part].max() <= budget


class Batches(ERM):
    """Plain training in batches given beforehand."""

    def __init__(self, rows: list[list[int]] | None = None) -> None:
        self.rows = rows

    def batches(self, labels, lengths, batch_size, rng):
        return [np.array(rows) for rows in self.rows or [range(len(labels))]]


def network(seed: int = 0, n_classes: int = 2) -> Network:
    """An MLP without dropout."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Network(MLP(4, hidden=(6, 5)), n_classes, dropout=0.0)


def text_network() -> Network:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Network(TextCNN(torch.nn.Embedding(30, 6, padding_idx=0), n_filters=3), 2, dropout=0.0)


def ragged(n: int = 24) -> tuple[Ragged, np.ndarray]:
    rng = np.random.default_rng(1)
    lengths = rng.integers(1, 12, n)
    values = rng.integers(1, 30, lengths.sum()).astype(np.int32)
    return Ragged(values, np.concatenate([[0], np.cumsum(lengths)])), rng.integers(0, 2, n)


def trained(model: Network, rows: Rows, objective: ERM, **changes) -> dict[str, np.ndarray]:
    settings = {"max_epochs": 1, "batch_size": 64, "precision": "float32", "device": "cpu", **changes}
    train(model, objective, rows, settings=TrainingSettings(**settings), seed=0)
    return {name: value.detach().numpy().copy() for name, value in model.named_parameters()}


def gradients(model: Network, rows: Rows, budget: int) -> dict[str, np.ndarray]:
    """What the optimiser of one whole-batch step was given."""
    seen: dict[str, np.ndarray] = {}

    def note(optimizer, args, kwargs) -> None:
        for name, parameter in model.named_parameters():
            seen[name] = parameter.grad.numpy().copy()

    handle = register_optimizer_step_pre_hook(note)
    try:
        trained(model, rows, Batches(), token_budget=budget)
    finally:
        handle.remove()
    return seen


@pytest.mark.parametrize("budget", [1, 20, 60, 111])
def test_a_batch_over_the_budget_has_the_gradient_of_the_whole(budget) -> None:
    encoded, labels = ragged()
    rows = Rows(encoded, labels, np.linspace(0.5, 2, len(labels)))
    whole, parts = gradients(text_network(), rows, 10_000), gradients(text_network(), rows, budget)
    assert max(np.abs(value).max() for value in whole.values()) > 1e-3
    for name, value in whole.items():
        np.testing.assert_allclose(parts[name], value, atol=1e-7, err_msg=name)


def test_the_gradient_is_that_of_the_weighted_mean() -> None:
    """By hand: sum of w_i l_i over n, with weights of mean 1."""
    encoded, labels = ragged()
    weights = np.linspace(1, 9, len(labels))
    seen = gradients(text_network(), Rows(encoded, labels, weights), 10_000)
    model = text_network()
    inputs, mask = encoded.batch(np.arange(len(labels)))
    nothing = torch.empty(0)
    loss = torch.nn.functional.cross_entropy(
        model(Batch(inputs, mask, nothing, nothing, nothing)), torch.from_numpy(labels), reduction="none"
    )
    (loss @ torch.from_numpy(weights / weights.mean()).float() / len(labels)).backward()
    for name, parameter in model.named_parameters():
        np.testing.assert_allclose(seen[name], parameter.grad.numpy(), atol=1e-7, err_msg=name)


def test_weight_two_is_a_row_given_twice() -> None:
    values = np.random.default_rng(0).standard_normal((20, 4)).astype(np.float32)
    labels = np.arange(20) % 2
    weights = np.where(np.arange(20) < 5, 2.0, 1.0)
    twice = np.concatenate([np.arange(20), np.arange(5)])
    weighted = trained(network(), Rows(Dense(values), labels, weights), Batches(), max_epochs=20)
    repeated = trained(
        network(), Rows(Dense(values[twice]), labels[twice], np.ones(25)), Batches(), max_epochs=20
    )
    plain = trained(network(), Rows(Dense(values), labels, np.ones(20)), Batches(), max_epochs=20)
    for name, value in weighted.items():
        np.testing.assert_allclose(value, repeated[name], atol=1e-6, err_msg=name)
    assert any(np.abs(value - plain[name]).max() > 1e-4 for name, value in weighted.items())


@given(scale=st.sampled_from([1e-6, 0.5, 1024.0]))
def test_the_scale_of_weights_does_not_matter(scale) -> None:
    values = np.random.default_rng(0).standard_normal((20, 4)).astype(np.float32)
    weights = np.linspace(1, 2, 20)
    results = [
        trained(network(), Rows(Dense(values), np.arange(20) % 2, weights * s), Batches())
        for s in (1.0, scale)
    ]
    for name, value in results[0].items():
        np.testing.assert_allclose(value, results[1][name], atol=1e-6)


def test_class_shares_and_progress_are_told(arrays_of) -> None:
    told: list[TrainingState] = []

    class Listens(ERM):
        def loss(self, model, batch, state):
            told.append(state)
            return super().loss(model, batch, state)

    values, labels = arrays_of((12, 4))
    rows = Rows(Dense(values[:, :4]), labels, np.where(labels, 9.0, 1.0))
    trained(network(), rows, Listens(), max_epochs=2)
    np.testing.assert_allclose(told[0].class_shares.numpy(), [12 / 48, 36 / 48], rtol=1e-6)
    assert [state.progress for state in told] == [0.0, 0.5]


def test_history_holds_the_mean_loss() -> None:
    values = np.random.default_rng(0).standard_normal((20, 4)).astype(np.float32)
    rows = Rows(Dense(values), np.arange(20) % 2, np.ones(20))
    model = network()
    before = predict(model, rows.encoded, lambda m, b: m(b))
    log_p = torch.log_softmax(torch.from_numpy(before), dim=1).numpy()
    history = train(
        model,
        Batches(),
        rows,
        settings=TrainingSettings(max_epochs=1, precision="float32", device="cpu"),
        seed=0,
    )
    assert history.epochs[0]["loss"] == pytest.approx(-log_p[np.arange(20), rows.labels].mean(), abs=1e-6)


@pytest.mark.parametrize(("batch_size", "budget"), [(256, 65536), (5, 65536), (256, 30), (7, 1)])
def test_predictions_come_in_the_order_of_the_rows(batch_size, budget) -> None:
    encoded, _ = ragged(50)
    model = text_network().train()
    rows = predict(model, encoded, lambda m, b: b.rows[:, None], batch_size=batch_size, token_budget=budget)
    np.testing.assert_array_equal(rows[:, 0], np.arange(50))
    assert model.training, "the mode was not given back"
    logits = predict(model, encoded, lambda m, b: m(b), batch_size=batch_size, token_budget=budget)
    alone = [predict(model, encoded_row(encoded, i), lambda m, b: m(b))[0] for i in range(50)]
    np.testing.assert_allclose(logits, alone, atol=1e-6)


def encoded_row(encoded: Ragged, row: int) -> Ragged:
    ids = encoded.batch(np.array([row]))[0].numpy().ravel()
    return Ragged(ids, np.array([0, len(ids)]))


def test_predictions_respect_the_budget() -> None:
    encoded, _ = ragged(50)
    sizes: list[tuple[int, int]] = []

    def note(model, batch):
        sizes.append(tuple(batch.inputs.shape))
        return model(batch)

    predict(text_network(), encoded, note, token_budget=30)
    assert all(rows == 1 or rows * width <= 30 for rows, width in sizes)


def test_global_random_states_are_left_alone(spam, tiny) -> None:
    np.random.seed(5)
    torch.manual_seed(5)
    before = np.random.get_state(), torch.get_rng_state()
    texts, labels = spam
    TextClassifier("word_swap", max_epochs=1, precision="float32", random_state=0, **tiny["textcnn"]).fit(
        texts, labels
    )
    np.testing.assert_array_equal(before[0][1], np.random.get_state()[1])
    assert before[0][2] == np.random.get_state()[2]
    assert torch.equal(before[1], torch.get_rng_state())


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"max_epochs": 0}, "max_epochs is 0"),
        ({"batch_size": 1.5}, "batch_size is 1.5"),
        ({"learning_rate": 0}, "learning_rate is 0"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"max_epochs": True}, "max_epochs is True"),
        ({"weight_decay": -1}, "weight_decay is -1"),
        ({"weight_decay": "0.1"}, "weight_decay is '0.1'"),
        ({"label_smoothing": "0.1"}, "label_smoothing is '0.1'"),
        ({"patience": 0}, "patience is 0"),
        ({"precision": "float16"}, "precision is 'float16'"),
    ],
)
def test_settings_out_of_range_are_refused(setting, message) -> None:
    with pytest.raises(SettingsError, match=message):
        TrainingSettings(**setting)


def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(SettingsError, match="'tpu' is not on this machine"):
        TrainingSettings(device="tpu").torch_device()


def test_the_probe_is_asked_once_and_remembered(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cpu, answers = torch.device("cpu"), iter([5.0, 0.01])
    monkeypatch.setattr("counterpoise.training.precision._speed_ratio", lambda: next(answers))
    assert [resolve_precision("auto", cpu) for _ in range(3)] == ["bfloat16"] * 3
    (tmp_path / "counterpoise" / "precision.json").write_text("{broken")
    assert resolve_precision("auto", cpu) == "float32"
    assert resolve_precision("float32", cpu) == "float32"
    assert resolve_precision("bfloat16", cpu) == "bfloat16"


def test_networks_that_would_not_gain_are_not_asked_about(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("counterpoise.training.precision._speed_ratio", lambda: 5.0)
    assert resolve_precision("auto", torch.device("cpu"), gains=False) == "float32"
    texts, labels = make_texts((40, 20), seed=0)
    found = {
        name: TextClassifier("erm", name, max_epochs=1, random_state=0, threshold=0.5).fit(texts, labels)
        for name in ("textcnn", "textrnn")
    }
    assert [model.fitted_.predictor.precision for model in found.values()] == ["float32", "bfloat16"]


def test_each_step_starts_from_a_gradient_of_zero() -> None:
    encoded, labels = ragged()
    rows = Rows(encoded, labels, np.ones(len(labels)))
    halves = [list(range(12)), list(range(12, 24))]
    seen: list[np.ndarray] = []
    handle = register_optimizer_step_pre_hook(lambda *_: seen.append(model.head.bias.grad.numpy().copy()))
    try:
        model = text_network()
        trained(model, rows, Batches([halves[0], halves[1]]), learning_rate=1e-9)
        model = text_network()
        trained(model, rows, Batches([halves[1]]), learning_rate=1e-9)
    finally:
        handle.remove()
    np.testing.assert_allclose(seen[1], seen[2], atol=1e-6)
    assert np.abs(seen[0] - seen[1]).max() > 1e-3


def test_every_epoch_deals_other_batches() -> None:
    dealt: list[list[list[int]]] = []

    class Dealt(ERM):
        def batches(self, labels, lengths, batch_size, rng):
            batches = super().batches(labels, lengths, batch_size, rng)
            dealt.append([batch.tolist() for batch in batches])
            return batches

    encoded, labels = ragged()
    trained(text_network(), Rows(encoded, labels, np.ones(24)), Dealt(), max_epochs=3, batch_size=8)
    assert dealt[0] != dealt[1] != dealt[2] != dealt[0]


def test_margins_are_tracked_when_asked_for(arrays_of) -> None:
    """After the last epoch they are those of the trained network on the rows as they were given."""
    rows, labels = arrays_of((30, 10))
    settings = {"max_epochs": 3, "threshold": None, "random_state": 0, "prior_correction": False}
    plain = ArrayClassifier("random_oversample", **settings).fit(rows, labels)
    tracked = ArrayClassifier("random_oversample", track_margins=True, **settings).fit(rows, labels)
    np.testing.assert_array_equal(tracked.predict_proba(rows), plain.predict_proba(rows))
    assert "margin_0" not in plain.history_[0]
    assert [set(row) for row in tracked.history_] == [{"epoch", "loss", "margin_0", "margin_1"}] * 3
    expected = class_margins(labels, np.log(tracked.predict_proba(rows)))
    last = tracked.history_[-1]
    np.testing.assert_allclose([last["margin_0"], last["margin_1"]], expected, rtol=1e-4)


def test_margins_of_the_kept_epoch_are_of_the_network_that_is_returned(images_of) -> None:
    """Also where a method changes it when the training is over, as Mixup does with batch norm."""
    images, labels = images_of((24, 8))
    settings = {"max_epochs": 3, "threshold": None, "random_state": 0, "prior_correction": False}
    settings |= {"backbone__depth": 8, "precision": "float32", "validation_fraction": 0.0}
    tracked = ImageClassifier("mixup", "resnet", track_margins=True, **settings).fit(images, labels)
    last = tracked.history_[-1]
    expected = class_margins(labels, np.log(tracked.predict_proba(images)))
    np.testing.assert_allclose([last["margin_0"], last["margin_1"]], expected, rtol=1e-4)


def test_the_ratio_is_how_many_times_faster_bfloat16_is(monkeypatch) -> None:
    laps = iter([0.0, 6.0] * 7 + [0.0, 2.0] * 7)
    monkeypatch.setattr(precision, "time", SimpleNamespace(perf_counter=lambda: next(laps)))
    assert precision._speed_ratio() == 3.0
