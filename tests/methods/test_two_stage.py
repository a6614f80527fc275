"""Two-stage fine-tuning: the head first, from balanced batches and a frozen backbone; then plain training of all."""

from __future__ import annotations

import copy

import torch
from stage_helpers import make_context, make_data, train_by_hand

from counterpoise.methods.erm import ERM
from counterpoise.methods.two_stage import TwoStage
from counterpoise.seeding import derive_seed
from counterpoise.training.loop import Rows, train


class Halting(TwoStage):
    """Keeps the network as it was before and after the first stage."""

    def start(self, model, data, encoder, context):
        self.before_ = copy.deepcopy(model)
        super().start(model, data, encoder, context)
        self.after_ = copy.deepcopy(model)


def test_it_is_a_balanced_stage_of_the_head_and_then_plain_training() -> None:
    data = make_data("textcnn", (70, 12, 5), weighted=True)
    context = make_context("textcnn", minority=None)
    method = Halting(head_epochs=4)
    predictor = method.fit(data, context)
    expected = train_by_hand(method.before_, predictor.encoder, data, context, 4, frozen=True)
    for name, value in method.after_.state_dict().items():
        torch.testing.assert_close(value, expected[name], atol=2e-5, rtol=2e-4, msg=name)
    model = method.after_.train()
    train(
        model,
        ERM(),
        Rows(predictor.encoder.encode(data.inputs), data.labels, data.weights),
        settings=context.training,
        seed=derive_seed(context.seed, "training"),
    )
    for name, value in predictor.model.state_dict().items():
        assert torch.equal(value, model.state_dict()[name]), name


def test_it_starts_from_the_very_network_that_plain_training_starts_from() -> None:
    data = make_data("mlp", (30, 10))
    starts = []
    for base in (TwoStage, ERM):

        class Noted(base):
            def start(self, model, data, encoder, context):
                starts.append(copy.deepcopy(model.state_dict()))
                super().start(model, data, encoder, context)

        Noted().fit(data, make_context(max_epochs=1))
    for name, value in starts[0].items():
        assert torch.equal(value, starts[1][name]), name
