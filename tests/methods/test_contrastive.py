"""What the contrastive methods share, and SupCon, BCL and KCL term by term."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from contrastive_helpers import context_of, data_of, features_of, model_and_batch, state_of, total
from torch.nn.functional import cross_entropy

from counterpoise import TextClassifier, load_model
from counterpoise.errors import DataError, SettingsError
from counterpoise.losses.supervised_contrastive import SupervisedContrastiveLoss
from counterpoise.methods.bcl import BCL
from counterpoise.methods.contrastive import ContrastiveMethod
from counterpoise.methods.kcl import KCL, drawn_positives
from counterpoise.methods.registry import METHODS, make_method
from counterpoise.methods.supcon import SupCon
from counterpoise.training.loop import Rows, train

CONTRASTIVE = [name for name, cls in METHODS.items() if issubclass(cls, ContrastiveMethod)]
EVERY = pytest.mark.parametrize("name", CONTRASTIVE)


def test_which_they_are() -> None:
    assert CONTRASTIVE == ["supcon", "bcl", "kcl", "sharprecl"]


class TestTerms:
    def test_supcon_is_cross_entropy_of_both_views_and_the_loss_of_all_anchors(self) -> None:
        method = SupCon(temperature=0.2, weight=0.7)
        model, batch = model_and_batch(method)
        weights = batch.weights
        costs = sum(
            cross_entropy(model(each), batch.labels, reduction="none") @ weights
            for each in (batch, *batch.views)
        )
        anchors = SupervisedContrastiveLoss(0.2)(
            features_of(model, batch), batch.labels.repeat(2), counts=weights.repeat(2)
        )
        expected = float(costs / 24 + 0.7 * (anchors @ weights.repeat(2)) / 24)
        assert total(method, model, batch, state_of()) == pytest.approx(expected, rel=1e-5)

    def test_bcl_by_hand(self) -> None:
        """Class-averaging over batch and prototypes, own class less the anchor; the log prior in cross-entropy."""
        method = BCL(temperature=0.2, weight=0.7)
        model, batch = model_and_batch(method)
        batch = batch._replace(weights=torch.ones(12))
        labels = batch.labels.repeat(2)
        prior = state_of().class_shares.log()
        costs = sum(cross_entropy(model(each) + prior, batch.labels) for each in (batch, *batch.views)) / 2
        prototypes = model.parts.prototypes(model.head)
        features = features_of(model, batch)
        found = []
        for i in range(24):
            inside = 0.0
            for c in range(3):
                members = [j for j in range(24) if labels[j] == c and j != i]
                scores = [*(features[members] @ features[i]), prototypes[c] @ features[i]]
                inside += sum(math.exp(s / 0.2) for s in scores) / len(scores)
            own = [j for j in range(24) if labels[j] == labels[i] and j != i]
            scores = [*(features[own] @ features[i]), prototypes[labels[i]] @ features[i]]
            found.append(sum(math.log(inside) - float(s) / 0.2 for s in scores) / len(scores))
        expected = float(costs) + 0.7 * sum(found) / 24
        assert total(method, model, batch, state_of()) == pytest.approx(expected, rel=1e-5)

    def test_bcl_knows_the_prior_it_has_taken_out(self) -> None:
        assert BCL().training_prior(data_of()).tolist() == [1 / 3] * 3
        assert SupCon().training_prior(data_of()).sum() == pytest.approx(1)

    @pytest.mark.parametrize("k", [1, 3, 50])
    def test_kcl_has_the_other_view_and_k_more_of_the_class(self, k) -> None:
        labels = torch.tensor([0, 0, 0, 0, 1, 1, 2]).repeat(2)
        chosen = drawn_positives(labels, k, torch.Generator().manual_seed(0))
        for i in range(14):
            other = (i + 7) % 14
            assert chosen[i, other]
            assert not chosen[i, i]
            same = int((labels == labels[i]).sum())
            assert int(chosen[i].sum()) == 1 + min(k, same - 2)
            assert (labels[chosen[i]] == labels[i]).all()

    def test_kcl_draws_all_of_the_class_alike_and_anew_at_every_step(self) -> None:
        labels = torch.tensor([0] * 6 + [1]).repeat(2)
        generator = torch.Generator().manual_seed(0)
        times = sum(drawn_positives(labels, 2, generator).double() for _ in range(4_000))
        further = [j for j in range(14) if labels[j] == 0 and j not in (0, 7)]
        np.testing.assert_allclose(times[0, further].numpy(), 4_000 * 2 / 10, rtol=0.1)
        model, batch = model_and_batch(KCL(k=1))
        losses = [total(KCL(k=1), model, batch, state_of(step=step)) for step in (0, 1, 0)]
        assert losses[0] == losses[2] != losses[1]

    def test_kcl_with_k_past_all_is_supcon(self) -> None:
        model, batch = model_and_batch(SupCon())
        assert total(KCL(k=99), model, batch, state_of()) == pytest.approx(
            total(SupCon(), model, batch, state_of()), rel=1e-6
        )

    @EVERY
    def test_a_weight_of_0_leaves_cross_entropy_over_two_views(self, name) -> None:
        method = make_method(name, {"weight": 0.0})
        model, batch = model_and_batch(method)
        pooled = torch.cat([model(each) for each in (batch, *batch.views)])
        costs = method.classification(pooled, batch.labels.repeat(2), state_of())
        expected = float(costs @ batch.weights.repeat(2)) / 24
        assert total(method, model, batch, state_of()) == pytest.approx(expected, rel=1e-6)

    @EVERY
    def test_dropout_lies_before_head_and_features(self, name) -> None:
        """With all but nothing left of a representation, neither has anything to go by but its biases."""
        method = make_method(name)
        model, batch = model_and_batch(method)
        pooled = []
        model.parts.rows[0].register_forward_pre_hook(lambda module, inputs: pooled.append(inputs[0]))
        model.dropout = torch.nn.Dropout(1.0).train()
        method.loss(model, batch, state_of())
        assert not pooled[0].any()

    @EVERY
    def test_a_batch_of_one_row_is_trained_on(self, name) -> None:
        method = make_method(name)
        data = data_of()
        rows = Rows(_encoded(data)[0], data.labels, data.weights)
        model, _ = model_and_batch(method)
        history = train(model, method, rows, settings=context_of(batch_size=1, max_epochs=1).training, seed=0)
        assert math.isfinite(history.epochs[0]["loss"])

    @EVERY
    def test_a_class_that_the_batch_lacks_or_has_once(self, name) -> None:
        method = make_method(name)
        model, batch = model_and_batch(method)
        for labels in ([0] * 12, [0] * 11 + [2]):
            losses = method.loss(model, batch._replace(labels=torch.tensor(labels)), state_of())
            assert torch.isfinite(losses).all()


def _encoded(data):
    from counterpoise.backbones.registry import find_backbone

    encoder = find_backbone("mlp").make_encoder({}).fit(data.inputs)
    return encoder.encode(data.inputs), encoder


@EVERY
@pytest.mark.parametrize("backbone", ["mlp", "textcnn"])
def test_a_training_killed_after_an_epoch_ends_as_if_it_never_had_been(
    name, backbone, tmp_path, monkeypatch
) -> None:
    """Views are made again, draws go by epoch and step, and batch norm's averages are in the checkpoint."""
    data, context = data_of(backbone), context_of(backbone, max_epochs=3)
    whole = make_method(name).fit(data, context)
    kept = ContrastiveMethod.on_epoch

    def killed(self, model, state):
        if state.epoch == 2:
            raise KeyboardInterrupt
        kept(self, model, state)

    context = replace(context, checkpoint=tmp_path / "a.safetensors")
    with monkeypatch.context() as patch:
        patch.setattr(ContrastiveMethod, "on_epoch", killed)
        with pytest.raises(KeyboardInterrupt):
            make_method(name).fit(data, context)
    resumed = make_method(name).fit(data, context)
    np.testing.assert_array_equal(resumed.logits(data.inputs), whole.logits(data.inputs))
    assert resumed.history == whole.history


class TestViews:
    def test_features_are_replaced_by_their_mean_at_the_rate_and_anew_at_every_step(self) -> None:
        method = SupCon(view_rate=0.3)
        _, batch = model_and_batch(method)
        batch = batch._replace(inputs=torch.ones(400, 50), views=())
        second, other, again = (
            method.views(batch, state_of(step=step)).views[0].inputs for step in (0, 1, 0)
        )
        assert set(second.unique().tolist()) == {0.0, 1.0}
        assert float((second == 0).float().mean()) == pytest.approx(0.3, abs=0.01)
        assert torch.equal(second, again)
        assert not torch.equal(second, other)

    def test_of_texts_they_are_made_once_from_the_rows_trained_on_and_let_go(self, monkeypatch) -> None:
        data, seen = data_of("textcnn"), []
        kept = ContrastiveMethod.start

        def start(self, model, data, encoder, context):
            kept(self, model, data, encoder, context)
            seen.append((list(data.inputs), self._second, encoder))

        monkeypatch.setattr(ContrastiveMethod, "start", start)
        method = SupCon(view_rate=0.5)
        predictor = method.fit(data, context_of("textcnn"))
        (texts, encoded, encoder), *rest = seen
        assert not rest
        assert texts == data.inputs.tolist()
        shorter = encoded.lengths < encoder.encode(data.inputs).lengths
        assert shorter.mean() > 0.9
        assert predictor.hooks._second is None

    def test_given_ones_are_taken_whatever_order_the_rows_have(self) -> None:
        data = data_of("textcnn")
        views = {text: f"seen{i} seen{i}" for i, text in enumerate(data.inputs)}
        method = SupCon(view=views)
        encoded = []
        kept = method.start

        def start(model, data, encoder, context):
            kept(model, data, encoder, context)
            wanted = encoder.encode(np.array([views[t] for t in data.inputs], dtype=object))
            np.testing.assert_array_equal(method._second.values, wanted.values)
            encoded.append(True)

        method.start = start
        method.fit(data.take(np.arange(len(data))[::-1]), context_of("textcnn"))
        assert encoded

    def test_views_that_lack_half_of_the_rows_are_counted(self) -> None:
        data = data_of("textcnn")
        views = {text: ("" if i % 2 else text) for i, text in enumerate(data.inputs)}
        with pytest.raises(DataError, match="19 of 39 texts have none in the mapping, the first of them"):
            SupCon(view=views).fit(data, context_of("textcnn"))

    @EVERY
    def test_a_saved_model_is_without_them(self, name, spam, tiny, tmp_path) -> None:
        texts, labels = spam
        views = {text: f"secretword {text}" for text in texts}
        network = tiny["textcnn"]
        classifier = TextClassifier(name, max_epochs=1, random_state=0, method__view=views, **network)
        classifier.fit(texts, labels).save(tmp_path / "model")
        said = "".join(p.read_text() for p in (tmp_path / "model").iterdir() if p.suffix in (".json", ".md"))
        assert "secretword" not in said
        loaded = load_model(tmp_path / "model")
        np.testing.assert_array_equal(loaded.predict_proba(texts), classifier.predict_proba(texts))


@EVERY
@pytest.mark.parametrize("view", [{"a": "b"}, "word_shuffle"])
def test_views_of_texts_are_refused_where_there_are_none(name, view) -> None:
    with pytest.raises(
        SettingsError, match="say how texts get a second view, and these are arrays; leave them out"
    ):
        make_method(name, {"view": view}).fit(data_of(), context_of())


@EVERY
@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("temperature", 0, "needs a number above 0"),
        ("weight", -1.0, "needs a number of 0 or more"),
        ("weight", math.inf, "needs a number of 0 or more"),
        ("view_rate", 1.0, "give a share above 0 and below 1"),
        ("view", 7, "view is 7; give one of 'word_dropout'"),
        ("view", "mask_fill", "name it as view_model"),
        ("view_model", "some/model", "view='mask_fill' alone asks; view is 'word_dropout'"),
    ],
)
def test_settings_out_of_range_are_refused(name, setting, value, message) -> None:
    with pytest.raises(SettingsError, match=message):
        make_method(name, {setting: value}).check()
