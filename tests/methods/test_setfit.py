"""SetFit: its batches, its two stages written out by hand, how it is judged and saved, and what it refuses."""

from __future__ import annotations

import shutil
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from stage_helpers import COUNTS, make_context, make_data

from counterpoise import TextClassifier
from counterpoise.backbones.base import Batch, Network
from counterpoise.backbones.registry import BACKBONES
from counterpoise.errors import SettingsError
from counterpoise.estimators.loading import load_model
from counterpoise.losses.cosine_pairs import CosinePairLoss
from counterpoise.methods.base import Data
from counterpoise.methods.network_predictor import NetworkPredictor
from counterpoise.methods.setfit import SetFit
from counterpoise.metrics.calibration import softmax
from counterpoise.seeding import derive_seed, generator
from counterpoise.training import loop
from tiny_encoders import tiny_encoder


class TestBatches:
    @given(
        st.lists(st.integers(1, 40), min_size=2, max_size=12),
        st.integers(1, 70),
        st.integers(1, 9),
        st.integers(0, 2**32),
    )
    def test_all_classes_alike_and_at_least_the_papers_pairs(self, counts, batch_size, pairs, seed) -> None:
        labels = np.repeat(np.arange(len(counts)), counts)
        found = SetFit(pairs=pairs).batches(
            labels, np.ones(len(labels)), batch_size, np.random.default_rng(seed)
        )
        sizes = {len(rows) for rows in found}
        assert len(sizes) == 1
        assert sizes.pop() <= max(batch_size, 4)
        for rows in found:
            own = np.bincount(labels[rows], minlength=len(counts))
            share = own.max()
            assert set(own.tolist()) <= {0, share}
            assert np.count_nonzero(own) >= 2
            assert share >= min(2, max(counts))
            if batch_size >= 2 * len(counts):
                assert (own > 0).all()
        drawn = sum(map(len, found))
        wanted = max(len(labels), 4 * pairs * len(counts))
        assert wanted <= drawn < wanted + len(found[0])

    def test_rows_of_a_class_come_equally_often(self) -> None:
        labels = np.repeat([0, 1], [100, 7])
        found = np.concatenate(SetFit().batches(labels, np.ones(107), 32, generator(0)))
        for label in (0, 1):
            times = np.bincount(found, minlength=107)[labels == label]
            assert times.max() - times.min() <= 1

    def test_few_rows_are_small_batches_rather_than_copies(self) -> None:
        """Eight rows of two classes, the paper's smallest case: 160 rows in ten steps, not in three."""
        found = SetFit().batches(np.repeat([0, 1], 8), np.ones(16), 64, generator(0))
        assert len(found) == 10
        assert all(len(set(rows.tolist())) == 16 for rows in found)

    def test_classes_that_do_not_fit_in_take_turns(self) -> None:
        labels = np.repeat(np.arange(30), 5)
        found = SetFit(pairs=40).batches(labels, np.ones(150), 20, generator(0))
        in_batch = np.array([np.bincount(labels[rows], minlength=30) for rows in found])
        assert set(in_batch.ravel().tolist()) == {0, 2}
        often = (in_batch > 0).mean(axis=0)
        assert often.min() > 0.2
        assert often.max() < 0.5, "about a third of the batches each"

    def test_copies_of_a_rare_row_are_not_put_together(self) -> None:
        """By length they would be: rows of one length in one batch are then the same row."""
        labels, lengths = np.repeat([0, 1], [300, 8]), np.r_[np.arange(300), np.arange(8)]
        for rows in SetFit().batches(labels, lengths, 16, generator(0)):
            assert len(set(rows[labels[rows] == 1].tolist())) >= 4


def by_hand(data: Data, context: Any, method: SetFit) -> tuple[Network, np.ndarray, LogisticRegression]:
    """Both stages without a loop of ours; of ours are the random streams, the batches and the loss of a batch."""
    entry = BACKBONES[context.backbone]
    encoder = entry.make_encoder(context.backbone_settings).fit(data.inputs, context.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(context.seed, "weights"))
        model = Network(entry.make_network(encoder, context.backbone_settings), data.n_classes)
    encoded, labels = encoder.encode(data.inputs), torch.from_numpy(data.labels)
    weights = torch.from_numpy(data.weights / data.weights.mean()).float()
    seed = derive_seed(context.seed, "training")
    trained = [p for p in model.backbone.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=context.training.learning_rate, weight_decay=0.0, fused=True)
    nothing = torch.empty(0)
    model.train()
    with torch.random.fork_rng(devices=[]):
        for epoch in range(context.training.max_epochs):
            torch.manual_seed(derive_seed(seed, "torch", epoch) % 2**63)
            rng = generator(seed, "batches", epoch)
            for rows in method.batches(data.labels, encoded.lengths, context.training.batch_size, rng):
                vectors = model.dropout(model.embed(Batch(*encoded.batch(rows), nothing, nothing, nothing)))
                at = torch.from_numpy(rows)
                loss = CosinePairLoss()(vectors, labels[at], weights[at], at)
                optimizer.zero_grad()
                (loss * weights[at]).mean().backward()
                optimizer.step()
    model.eval()
    with torch.no_grad():
        vectors = model.embed(Batch(*encoded.batch(np.arange(len(data))), nothing, nothing, nothing))
    unit = (vectors / vectors.norm(dim=1, keepdim=True)).numpy()
    head = LogisticRegression(C=method.C, max_iter=1000)
    counts = data.weights
    if method.balanced:
        counts = counts / np.bincount(data.labels, counts)[data.labels]
    return model, unit, head.fit(unit, data.labels, sample_weight=counts / counts.mean())


@pytest.mark.parametrize("balanced", [True, False])
@pytest.mark.parametrize("backbone", ["mlp", "textcnn", "textrnn"])
def test_it_is_contrastive_training_then_logistic_regression(backbone, balanced) -> None:
    data = make_data(backbone, (50, 12, 5), weighted=True)
    context, method = make_context(backbone, minority=None), SetFit(pairs=5, C=3.0, balanced=balanced)
    model, unit, head = by_hand(data, context, method)
    found = method.fit(data, context)
    for name, value in model.backbone.state_dict().items():
        torch.testing.assert_close(found.model.backbone.state_dict()[name], value, atol=2e-5, rtol=2e-4)
    expected = head.predict_proba(unit)
    np.testing.assert_allclose(softmax(found.logits(data.inputs)), expected, atol=2e-3)
    mass = np.bincount(data.labels, data.weights)
    np.testing.assert_allclose(found.training_prior, np.full(3, 1 / 3) if balanced else mass / mass.sum())


def test_training_brings_classes_together() -> None:
    data = make_data("textrnn", (60, 15))
    cosines = []
    for epochs in (1, 12):
        predictor = SetFit().fit(data, make_context("textrnn", max_epochs=epochs, learning_rate=0.02))
        rows = predictor.embed(data.inputs)
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        same = data.labels[:, None] == data.labels
        cosines.append(((rows @ rows.T)[same].mean(), (rows @ rows.T)[~same].mean()))
    (near, far), (nearer, farther) = cosines
    assert nearer - farther > near - far + 0.2


def test_each_epoch_is_judged_by_a_head_of_its_own_and_the_best_is_kept() -> None:
    data, side = make_data("textcnn", (120, 12)), make_data("textcnn", (60, 20), 1)
    context = make_context("textcnn", side, patience=2, max_epochs=40)
    predictor = SetFit().fit(data, context)
    scores = [row["average_precision"] for row in predictor.history]
    assert len(scores) == predictor.best_epoch + 2 < 40
    assert predictor.best_epoch == int(np.argmax(scores)) + 1
    logits = predictor.logits(side.inputs)
    expected = average_precision_score(side.labels, logits[:, 1] - logits[:, 0])
    assert max(scores) == pytest.approx(expected, abs=1e-6)
    alone = SetFit().fit(data, make_context("textcnn", max_epochs=predictor.best_epoch))
    np.testing.assert_array_equal(predictor.logits(data.inputs), alone.logits(data.inputs))


class Killed(Exception):
    pass


@pytest.mark.parametrize("judged", [True, False])
def test_a_training_killed_after_any_epoch_goes_on_where_it_was(judged, tmp_path, monkeypatch) -> None:
    data = make_data("mlp", (60, 12))
    side = make_data("mlp", (30, 8), 1) if judged else None
    fatal, saves = [0], [0]
    original = loop.save_checkpoint

    def dying(*args):
        original(*args)
        saves[0] += 1
        if saves[0] == fatal[0]:
            raise Killed

    monkeypatch.setattr(loop, "save_checkpoint", dying)

    def fit(folder):
        folder.mkdir(exist_ok=True)
        saves[0] = 0
        context = make_context(validation=side, patience=9, checkpoint=folder / "c.safetensors")
        return SetFit().fit(data, context).logits(data.inputs)

    whole = fit(tmp_path / "whole")
    for death in (1, 2, 3):
        fatal[0] = death
        with pytest.raises(Killed):
            fit(tmp_path / str(death))
        fatal[0] = 0
        np.testing.assert_array_equal(fit(tmp_path / str(death)), whole)
        assert saves[0] == 3 - death


@pytest.mark.parametrize("n_classes", COUNTS)
@pytest.mark.parametrize("backbone", ["mlp", "textcnn"])
def test_many_classes_one_with_one_row(backbone, n_classes) -> None:
    data = make_data(backbone, COUNTS[n_classes])
    predictor = SetFit().fit(data, make_context(backbone, minority=None))
    logits = predictor.logits(data.inputs)
    assert np.isfinite(logits).all()
    assert (logits.argmax(axis=1) == data.labels).mean() > 1.5 / n_classes
    again = NetworkPredictor.from_state(predictor.state(), SetFit())
    np.testing.assert_array_equal(again.logits(data.inputs), logits)


def test_class_weights_reach_the_head_and_its_prior() -> None:
    data = make_data("mlp", (60, 12), weighted=True)
    weights = np.array([1.0, 3.0])
    balanced = SetFit().fit(data, make_context(class_weight=weights))
    np.testing.assert_allclose(balanced.training_prior, [0.25, 0.75])
    plain = SetFit(balanced=False).fit(data, make_context(class_weight=weights))
    mass = np.bincount(data.labels, data.weights) * weights
    np.testing.assert_allclose(plain.training_prior, mass / mass.sum())
    for predictor in (balanced, plain):
        # The gradient of logistic regression by its unpenalised intercept: mean probabilities are the prior.
        rows = data.weights * weights[data.labels]
        if predictor is balanced:
            rows = rows / np.bincount(data.labels, data.weights)[data.labels]
        mean = np.average(softmax(predictor.logits(data.inputs)), axis=0, weights=rows)
        np.testing.assert_allclose(mean, predictor.training_prior, atol=1e-3)


class TestEncoder:
    def classifier(self, **settings: Any) -> TextClassifier:
        training = {"max_epochs": 1, "batch_size": 16, "precision": "float32", "device": "cpu"}
        settings = {
            "backbone__name": tiny_encoder(),
            "threshold": 0.5,
            "random_state": 0,
            **training,
            **settings,
        }
        return TextClassifier("setfit", "encoder", **settings)

    def test_saved_whole(self, spam, tmp_path) -> None:
        texts, labels = spam
        mine = shutil.copytree(tiny_encoder(), tmp_path / "encoder")
        fitted = self.classifier(backbone__name=str(mine), backbone__frozen=False).fit(texts, labels)
        expected = fitted.predict_proba(texts)
        fitted.save(tmp_path / "model")
        shutil.rmtree(mine)
        np.testing.assert_array_equal(load_model(tmp_path / "model").predict_proba(texts), expected)
        names = {path.name for path in (tmp_path / "model").iterdir()}
        assert names == {"model.safetensors", "config.json", "vocabulary.txt", "README.md"}

    @pytest.mark.parametrize("method", [{}, {"method__members": "tfidf_lr,setfit"}])
    def test_a_frozen_one_is_refused_before_any_work(self, method, spam, monkeypatch) -> None:
        monkeypatch.setattr(
            "counterpoise.estimators.base.fit_model", lambda *_, **__: pytest.fail("work began")
        )
        asked = self.classifier()
        if method:
            asked = asked.set_params(method="blend", **method)
        with pytest.raises(
            SettingsError, match="setfit trains the backbone, but 'encoder' is frozen"
        ) as error:
            asked.fit(*spam)
        assert "backbone__frozen=false" in str(error.value)
        assert "\n" not in str(error.value)

    def test_smoothed_labels_are_refused(self, spam) -> None:
        with pytest.raises(SettingsError, match=r"setfit has no loss that is defined for soft targets"):
            self.classifier(backbone__frozen=False, label_smoothing=0.1).fit(*spam)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pairs": 0}, "pairs is 0; setfit needs an int of 1 or more"),
        ({"pairs": 2.5}, "pairs is 2.5"),
        ({"C": 0}, "C is 0"),
        ({"balanced": "no"}, "balanced is 'no'; setfit needs true or false"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message) -> None:
    with pytest.raises(SettingsError, match=message):
        SetFit(**settings).check()
