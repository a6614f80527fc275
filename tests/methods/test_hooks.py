"""The hooks of a gradient method are called when, and as often as, the contract says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from mixtext_helpers import context_of, data_of
from torch import nn

from counterpoise.methods.base import Context, Data
from counterpoise.methods.erm import ERM
from counterpoise.methods.gradient import GradientMethod
from counterpoise.methods.network_predictor import NetworkPredictor
from counterpoise.training.settings import TrainingSettings


class Spy(GradientMethod):
    """Plain training over a part of its own, writing down every call."""

    summary = "notes its calls"

    def __init__(self) -> None:
        self.calls: list[tuple[str, object]] = []

    def resample(self, data, context):
        self.calls.append(("resample", len(data)))
        return data.take(np.arange(len(data) // 2))

    def modules(self, dim, n_classes):
        self.calls.append(("modules", (dim, n_classes)))
        return nn.Linear(dim, n_classes)

    def batches(self, labels, lengths, batch_size, rng):
        assert len(labels) == len(lengths)
        self.calls.append(("batches", (len(labels), batch_size)))
        return super().batches(labels, lengths, batch_size, rng)

    def views(self, batch, state):
        self.calls.append(("views", len(batch.labels)))
        return batch._replace(views=(batch, batch))

    def loss(self, model, batch, state):
        assert model.training
        assert len(batch.views) == 2
        self.calls.append(("loss", state.epoch))
        logits = self.logits(model, batch)
        return nn.functional.cross_entropy(logits, batch.labels, reduction="none")

    def on_epoch(self, model, state):
        self.calls.append(("on_epoch", (state.epoch, state.progress)))

    def logits(self, model, batch):
        if not model.training:
            assert not torch.is_grad_enabled()
            self.calls.append(("logits", batch.inputs.shape[0]))
        return model.parts(model.embed(batch))

    def start(self, model, data, encoder, context):
        self.calls.append(("start", len(data)))

    def finish(self, model, data, encoder, context):
        assert not model.training
        self.calls.append(("finish", len(data)))
        with torch.no_grad():
            model.parts.bias += 100 * torch.arange(2)

    def names(self, *wanted: str) -> list[object]:
        return [value for name, value in self.calls if name in wanted]


@pytest.fixture
def spied(texts_of):
    texts, labels = texts_of((60, 20))
    spy = Spy()
    settings = {"dim": 8, "vectors": "random", "n_filters": 2}
    context = Context(
        0,
        1,
        "textcnn",
        settings,
        TrainingSettings(max_epochs=3, batch_size=16, precision="float32", device="cpu"),
    )
    data = Data(texts, labels, 2, np.ones(80))
    predictor = spy.fit(data, context)
    return spy, predictor, texts


def test_hooks_are_called_in_their_turn(spied) -> None:
    spy, _, _ = spied
    assert spy.names("resample") == [80]
    assert spy.names("modules") == [(6, 2)]
    assert spy.names("batches") == [(40, 16)] * 3
    assert spy.names("on_epoch") == [(0, 0), (1, 1 / 3), (2, 2 / 3)]
    assert sorted(spy.names("views")) == sorted([16, 16, 8] * 3)
    assert spy.names("loss") == [0] * 3 + [1] * 3 + [2] * 3
    assert spy.names("start") == spy.names("finish") == [40]
    order = [name for name, _ in spy.calls]
    assert order[:6] == ["resample", "modules", "start", "on_epoch", "batches", "views"]
    assert order[-1] == "finish"


def test_every_step_trains_the_parts_and_each_row_is_seen_once_an_epoch(spied) -> None:
    _, predictor, _ = spied
    fresh = nn.Linear(6, 2)
    assert predictor.model.parts.weight.shape == fresh.weight.shape
    optimised = {name for name, p in predictor.model.named_parameters() if p.requires_grad}
    assert {"parts.weight", "parts.bias"} <= optimised
    assert [row["epoch"] for row in predictor.history] == [1, 2, 3]
    assert predictor.history[-1]["loss"] < predictor.history[0]["loss"]


def test_prediction_goes_through_the_hook_and_what_finish_changed(spied) -> None:
    spy, predictor, texts = spied
    spy.calls.clear()
    logits = predictor.logits(texts)
    assert sum(spy.names("logits")) == 80
    assert (logits[:, 1] - logits[:, 0] > 50).all()


def test_parts_are_saved_and_loaded(spied) -> None:
    _, predictor, texts = spied
    again = NetworkPredictor.from_state(predictor.state(), Spy())
    np.testing.assert_array_equal(again.logits(texts), predictor.logits(texts))


def test_word_vectors_are_drawn_by_the_seed(texts_of) -> None:
    texts, labels = texts_of((20, 10))
    settings = {"dim": 4, "vectors": "random", "train_vectors": False, "n_filters": 2}
    training = TrainingSettings(max_epochs=1, precision="float32", device="cpu")
    data = Data(texts, labels, 2, np.ones(30))
    one, two = (
        ERM().fit(data, Context(seed, 1, "textcnn", settings, training)).model.backbone.embedding.weight
        for seed in (0, 1)
    )
    assert not torch.equal(one, two)


class Adds(ERM):
    """Plain training on ten more rows of a word that no real row has."""

    def resample(self, data: Data, context: Context) -> Data:
        return replace(
            data,
            inputs=np.concatenate([data.inputs, np.array(["zebra zebra"] * 10, dtype=object)]),
            labels=np.concatenate([data.labels, np.ones(10, dtype=np.int64)]),
            weights=np.concatenate([data.weights, np.ones(10)]),
        )


def test_a_samplers_texts_have_no_vote_on_the_vocabulary() -> None:
    data, context = data_of("textcnn"), context_of("textcnn")
    more, plain = (method.fit(data, context) for method in (Adds(), ERM()))
    assert more.state().vocabulary == plain.state().vocabulary
