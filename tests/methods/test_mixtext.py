"""MixText without unlabelled texts (TMix): what it falls back to, and what its loss is made of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from mixtext_helpers import EXTRA, SETTINGS, context_of, data_of, model_and_batch, next_row, state_of
from torch.nn.functional import log_softmax, one_hot

from counterpoise.errors import SettingsError
from counterpoise.methods import mixtext
from counterpoise.methods.erm import ERM
from counterpoise.methods.mixtext import DEPTHS, MixText, _depth
from counterpoise.mixing import mixup as mixup_module
from counterpoise.mixing.pairs import Pairs


@pytest.fixture
def fixed_pairs(monkeypatch) -> None:
    monkeypatch.setattr(mixtext, "mixup", next_row)


class TestFallsBack:
    @pytest.mark.parametrize("name", SETTINGS)
    def test_without_mixing_it_is_plain_training_to_the_bit(self, name) -> None:
        """A weight of 1, at every depth and with rows of unequal lengths; no draw of its own touches dropout's."""
        data = data_of(name)
        if name != "mlp":
            data = replace(
                data, inputs=np.array([t[: 20 + 9 * (i % 5)] for i, t in enumerate(data.inputs)], object)
            )
        plain = ERM().fit(data, context_of(name))
        found = MixText(alpha=0.0).fit(data, context_of(name))
        np.testing.assert_array_equal(found.logits(data.inputs), plain.logits(data.inputs))
        assert found.history == plain.history
        mixed = MixText().fit(data, context_of(name))
        assert not np.array_equal(mixed.logits(data.inputs), plain.logits(data.inputs))


class TestLabelledLoss:
    @pytest.mark.parametrize("n_classes", [2, 5])
    @pytest.mark.parametrize("rows", [1, 2, 7])
    def test_by_hand(self, rows, n_classes, fixed_pairs) -> None:
        """Cross-entropy with mixed labels, each half with its own row's weight; also of a single row and odd ones."""
        data = data_of("mlp", (6,) * n_classes)
        model, batch, _ = model_and_batch("mlp", data, rows)
        model.eval()
        after = torch.arange(1, rows + 1) % rows
        mixed = batch._replace(inputs=0.75 * batch.inputs + 0.25 * batch.inputs[after])
        log_p = log_softmax(model(mixed), dim=1)
        shares, weights = one_hot(batch.labels, n_classes).float(), batch.weights[:, None]
        targets = 0.75 * weights * shares + 0.25 * weights[after] * shares[after]
        found = MixText().loss(model, batch, state_of(n_classes))
        assert found.shape == (rows,)
        torch.testing.assert_close(found @ batch.weights, -(targets * log_p).sum())

    def test_soft_labels_are_mixed_like_class_numbers(self, fixed_pairs) -> None:
        model, batch, _ = model_and_batch("mlp", data_of("mlp"), 7)
        model.eval()
        soft = batch._replace(labels=one_hot(batch.labels, 2).float())
        hard = MixText().loss(model, batch, state_of())
        torch.testing.assert_close(MixText().loss(model, soft, state_of()), hard)

    def test_each_step_and_epoch_has_draws_of_its_own_and_the_same_ones_again(self) -> None:
        model, batch, _ = model_and_batch("mlp", data_of("mlp"), 9)
        model.eval()

        def loss(epoch: int, step: int) -> list[float]:
            return MixText().loss(model, batch, state_of(epoch=epoch, step=step)).tolist()

        seen = [loss(epoch, step) for epoch in (0, 1) for step in (0, 1)]
        assert len({tuple(values) for values in seen}) == 4
        assert loss(1, 0) == seen[2]

    def test_the_loop_counts_the_steps(self) -> None:
        seen: list[tuple[int, int]] = []

        class Listens(MixText):
            soft_targets = True

            def loss(self, model, batch, state):
                seen.append((state.epoch, state.step))
                return super().loss(model, batch, state)

        Listens().fit(data_of("mlp"), context_of("mlp", batch_size=16))
        assert seen == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]

    def test_rows_remain_mostly_themselves(self, monkeypatch) -> None:
        model, batch, _ = model_and_batch("mlp", data_of("mlp"), 9)
        made: list[Pairs] = []
        monkeypatch.setattr(
            mixtext, "mixup", lambda *a, **k: made.append(mixup_module.mixup(*a, **k)) or made[-1]
        )
        for step in range(30):
            MixText(alpha=2.0).loss(model, batch, state_of(step=step))
        weights = [pairs.input_weight[0].item() for pairs in made]
        assert 0.5 <= min(weights) < 0.6 < max(weights) < 1

    def test_each_depth_is_drawn(self) -> None:
        drawn = [_depth(state_of(step=step)) for step in range(60)]
        assert set(drawn) == set(DEPTHS)
        assert min(drawn.count(depth) for depth in DEPTHS) > 8

    def test_class_weights_reach_the_loss(self) -> None:
        data = data_of("textcnn")
        logits = [
            MixText()
            .fit(data, replace(context_of("textcnn"), class_weight=np.array(weight)))
            .logits(data.inputs)
            for weight in ([1.0, 1.0], [1.0, 30.0])
        ]
        margins = [(each[:, 1] - each[:, 0]).mean() for each in logits]
        assert margins[1] > margins[0] + 0.1


class TestResume:
    @pytest.mark.parametrize("unlabelled", [None, list(EXTRA)])
    def test_a_training_that_was_cut_short_ends_with_the_same_weights(self, unlabelled, tmp_path) -> None:
        class Dies(MixText):
            soft_targets = True

            def on_epoch(self, model, state):
                if state.epoch == 2:
                    raise KeyboardInterrupt

        Dies.__name__ = "MixText"  # a checkpoint knows its owner by name
        data = data_of("textcnn")
        whole = MixText(unlabelled=unlabelled).fit(data, context_of("textcnn", max_epochs=4))
        context = context_of("textcnn", max_epochs=4, checkpoint=tmp_path / "checkpoint")
        with pytest.raises(KeyboardInterrupt):
            Dies(unlabelled=unlabelled).fit(data, context)
        resumed = MixText(unlabelled=unlabelled).fit(data, context)
        np.testing.assert_array_equal(resumed.logits(data.inputs), whole.logits(data.inputs))


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("alpha", -0.1),
        ("alpha", float("nan")),
        ("alpha", float("inf")),
        ("temperature", 0.0),
        ("n_views", 0),
        ("unlabelled_per_row", 1.5),
        ("unlabelled_weight", -1.0),
        ("view_weight", "much"),
        ("word_dropout", 1.0),
        ("word_dropout", -0.1),
        ("margin", -0.5),
        ("margin_weight", -0.5),
    ],
)
def test_settings_out_of_range_are_refused(setting, value) -> None:
    with pytest.raises(SettingsError, match=f"^{setting} is") as error:
        MixText(**{setting: value}).check()
    assert "\n" not in str(error.value)


def test_nothing_is_mixed_with_a_row_at_prediction_time(monkeypatch) -> None:
    data = data_of("textcnn")
    predictor = MixText().fit(data, context_of("textcnn"))
    expected = predictor.logits(data.inputs)
    monkeypatch.setattr(mixup_module, "symmetric_beta", lambda *_: pytest.fail("a weight was drawn"))
    np.testing.assert_array_equal(predictor.logits(data.inputs), expected)
