"""SMOTE inside the training: who is repeated, whose neighbours are drawn, and what each half of a point costs."""

from __future__ import annotations

import warnings
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from mixtext_helpers import SETTINGS, context_of, data_of
from sklearn.neighbors import NearestNeighbors
from torch.nn.functional import cross_entropy

from counterpoise.errors import CounterpoiseWarning, SettingsError
from counterpoise.estimators.array import ArrayClassifier
from counterpoise.losses.effective_number import effective_number_weights
from counterpoise.methods.base import Data
from counterpoise.methods.deferred import DRW_BETA
from counterpoise.methods.drw import DRW
from counterpoise.methods.hard_smote import HardSmote
from counterpoise.methods.neighbor_mixing import NeighborMixing, neighbors_of
from counterpoise.methods.random_oversample import RandomOversample
from counterpoise.methods.registry import METHODS, make_method
from counterpoise.methods.soft_smote import SoftSmote
from counterpoise.training.settings import TrainingState

NAMES = [name for name, cls in METHODS.items() if issubclass(cls, NeighborMixing)]
EVERY = pytest.mark.parametrize("method", [HardSmote, SoftSmote])


def test_which_they_are() -> None:
    assert NAMES == ["hard_smote", "soft_smote"]


@pytest.mark.parametrize("own_class", [True, False])
@pytest.mark.parametrize("k", [1, 3, 9])
def test_neighbours_are_the_true_ones(own_class, k) -> None:
    rng = np.random.default_rng(0)
    rows, labels = rng.normal(size=(30, 4)).astype(np.float32), np.repeat([0, 1, 2, 3], [20, 7, 2, 1])
    found = neighbors_of(rows, labels, k, own_class=own_class)
    most = min(k, 19) if own_class else k
    assert found.shape == (30, most)
    for i in range(30):
        group = np.flatnonzero(labels == labels[i]) if own_class else np.arange(30)
        others = group[group != i]
        if not len(others):
            assert found[i].tolist() == [i] + [-1] * (most - 1)
            continue
        few = min(k, len(others))
        true = others[NearestNeighbors(n_neighbors=few).fit(rows[others]).kneighbors(rows[i : i + 1])[1][0]]
        assert found[i, few:].tolist() == [-1] * (most - few)
        assert set(found[i, :few].tolist()) == set(true.tolist())


class Watched:
    """Notes what a training saw at each step."""

    def __init__(self, method, monkeypatch) -> None:
        self.steps: list[dict] = []
        kept = type(method).loss

        def loss(owner, model, batch, state):
            (other,) = batch.views
            mixed = {}
            whole = model.mixed
            monkeypatch.setattr(
                model, "mixed", lambda b, pairs, depth: mixed.update(pairs=pairs) or whole(b, pairs, depth)
            )
            losses = kept(owner, model, batch, state)
            monkeypatch.setattr(model, "mixed", whole)
            self.steps.append({"batch": batch, "other": other, **mixed, "losses": losses.detach()})
            return losses

        monkeypatch.setattr(type(method), "loss", loss)


@EVERY
@pytest.mark.parametrize("backbone", ["mlp", "textcnn"])
def test_repeated_rows_alone_are_mixed_each_with_a_neighbour_of_its_source(
    method, backbone, monkeypatch
) -> None:
    made, data = method(k=3), data_of(backbone)
    watched = Watched(made, monkeypatch)
    made.fit(data, context_of(backbone, max_epochs=3))
    n = len(data)
    sources = made._sources
    assert np.bincount(data.labels[sources]).tolist() == [26, 26]
    assert sources[:n].tolist() == list(range(n))
    weights = []
    for step in watched.steps:
        rows, chosen = step["batch"].rows.numpy(), step["other"].rows.numpy()
        given = rows < n
        assert (step["pairs"].input_weight[given] == 1).all()
        np.testing.assert_array_equal(chosen[given], rows[given])
        for row, near in zip(rows[~given], chosen[~given], strict=True):
            assert near != sources[row]
            if method is HardSmote:
                assert data.labels[near] == data.labels[sources[row]]
        np.testing.assert_array_equal(step["other"].labels.numpy(), data.labels[chosen])
        weights.append(step["pairs"].input_weight[~given])
    drawn = torch.cat(weights)
    assert len(drawn.unique()) == len(drawn), "each its own weight, anew at every step"
    assert 0 <= drawn.min() < 0.2 < 0.8 < drawn.max() <= 1
    partners = [{}, {}, {}]
    for number, step in enumerate(watched.steps):
        seen = zip(step["batch"].rows.tolist(), step["other"].rows.tolist(), strict=True)
        partners[number * 3 // len(watched.steps)] |= dict(seen)
    assert partners[0] != partners[1] != partners[2], "another neighbour in another epoch"


@EVERY
def test_points_of_about_the_same_length_come_together(method, monkeypatch) -> None:
    """A point is padded to the longer of its two rows, and a batch to its longest point."""
    texts = np.array(["a" + " b" * (i % 12) for i in range(40)], dtype=object)
    data = Data(texts, np.repeat([0, 1], [30, 10]), 2, np.ones(40))
    made = method(k=3)
    watched = Watched(made, monkeypatch)
    context = context_of("textcnn", max_epochs=1)
    made.fit(data, replace(context, training=replace(context.training, batch_size=8)))
    spans = []
    for step in watched.steps:
        own, near = made._sources[step["batch"].rows.numpy()], step["other"].rows.numpy()
        longest = np.maximum(own % 12, near % 12)
        spans.append((int(longest.min()), int(longest.max())))
    assert len(spans) == 8
    spans.sort()
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))


@EVERY
@pytest.mark.parametrize("backbone", ["mlp", "textcnn"])
def test_late_each_given_row_comes_up_once_as_it_is_and_weighs_by_its_class(
    method, backbone, monkeypatch
) -> None:
    made, data = method(k=3, drw=0.5), data_of(backbone)
    watched = Watched(made, monkeypatch)
    context = context_of(backbone, max_epochs=4)
    predictor = made.fit(data, context)
    rows = [step["batch"].rows.numpy() for step in watched.steps]
    early, late, count = [], [], 0
    for step, at in zip(watched.steps, rows, strict=True):
        (early if count < 2 * 52 else late).append(step)
        count += len(at)
    assert count == 2 * 52 + 2 * 33
    assert sorted(np.concatenate([step["batch"].rows for step in late])) == sorted([*range(33)] * 2)
    assert all((step["pairs"].input_weight == 1).all() for step in late)
    assert any((step["pairs"].input_weight < 1).any() for step in early)
    mass = data.class_mass()
    weights = effective_number_weights(torch.from_numpy(mass * 33), DRW_BETA).numpy()
    np.testing.assert_allclose(predictor.training_prior, mass * weights / (mass @ weights), rtol=1e-6)
    state = TrainingState(3, 4, torch.tensor([0.5, 0.5]), 0, 52)
    made._encoded = object()  # as within the training
    found = made.late_weights(state).numpy()
    assert found[1] / found[0] == pytest.approx(weights[1] / weights[0], rel=1e-5)
    given = torch.cat(
        [step["batch"].weights * torch.from_numpy(found)[step["batch"].labels] for step in late]
    )
    assert given.mean().item() == pytest.approx(1, rel=1e-5), "1 on average over the rows"


@EVERY
def test_before_the_weights_it_is_trained_as_without_them(method) -> None:
    data, context = data_of("mlp"), context_of("mlp", max_epochs=4)
    plain = method().fit(data, context)
    never = method(drw=1.0).fit(data, context)
    np.testing.assert_array_equal(never.logits(data.inputs), plain.logits(data.inputs))
    np.testing.assert_array_equal(never.training_prior, plain.training_prior)
    late = method(drw=0.5).fit(data, context)
    assert [row["loss"] for row in late.history[:2]] == [row["loss"] for row in plain.history[:2]]
    assert late.history[2]["loss"] != plain.history[2]["loss"]


@EVERY
def test_weights_from_the_start_are_late_weights_alone(method) -> None:
    """Nothing is repeated, so that it is the method of plain training with class weights."""
    data = replace(data_of("mlp"), weights=np.ones(33))
    context = context_of("mlp", max_epochs=3)
    found = method(drw=0.0).fit(data, context)
    alone = DRW(drw=0.0).fit(data, context)
    np.testing.assert_allclose(found.training_prior, alone.training_prior, rtol=1e-5)
    np.testing.assert_allclose(found.logits(data.inputs), alone.logits(data.inputs), atol=1e-5)


@EVERY
def test_margins_go_by_the_classes_as_they_were_given(method, monkeypatch) -> None:
    from counterpoise.methods import mixed_loss

    seen = []
    kept = mixed_loss.LDAMLoss

    def noted(prior, max_margin, scale):
        seen.append((prior.tolist(), max_margin, scale))
        return kept(prior, max_margin, scale)

    monkeypatch.setattr(mixed_loss, "LDAMLoss", noted)
    data = replace(data_of("mlp"), weights=np.ones(33))
    found = method(ldam=True, max_margin=0.3, scale=12.0).fit(data, context_of("mlp"))
    assert seen[0] == (pytest.approx([26 / 33, 7 / 33]), 0.3, 12.0)
    assert np.abs(found.logits(data.inputs)).max() <= 12


@EVERY
def test_what_a_point_costs(method, monkeypatch) -> None:
    """Its own label whole if hard; if soft each label by its weight, and by the weight of the row that it is of."""
    made = method()
    data = data_of("mlp")
    seen = []
    kept = method.loss

    def loss(owner, model, batch, state):
        model.eval()
        found = kept(owner, model, batch, state)
        (other,) = batch.views
        a = owner._pairs.input_weight[batch.rows]
        logits = model(batch._replace(inputs=a[:, None] * batch.inputs + (1 - a)[:, None] * other.inputs))
        own = cross_entropy(logits, batch.labels, reduction="none") * batch.weights
        theirs = cross_entropy(logits, other.labels, reduction="none") * other.weights
        expected = own if method is HardSmote else a * own + (1 - a) * theirs
        torch.testing.assert_close(found * batch.weights, expected)
        seen.append(float(batch.weights.sum()))
        return found

    monkeypatch.setattr(method, "loss", loss)
    context = replace(context_of("mlp"), class_weight=np.array([1.0, 3.0]))
    made.fit(data, context)
    assert len(seen) > 5


def test_a_neighbours_weight_is_the_loops_own_for_its_row(monkeypatch) -> None:
    made, data = SoftSmote(), data_of("mlp")
    watched = Watched(made, monkeypatch)
    made.fit(data, replace(context_of("mlp"), class_weight=np.array([1.0, 3.0])))
    of_row = {}
    for step in watched.steps:
        of_row |= dict(zip(step["batch"].rows.tolist(), step["batch"].weights.tolist(), strict=True))
    for step in watched.steps:
        for row, weight in zip(step["other"].rows.tolist(), step["other"].weights.tolist(), strict=True):
            assert weight == pytest.approx(of_row[row], rel=1e-5)


@EVERY
def test_neighbours_are_looked_for_again_every_few_epochs(method, monkeypatch) -> None:
    from counterpoise.methods import neighbor_mixing

    calls = []
    kept = neighbor_mixing.neighbors_of

    def looked(rows, labels, k, *, own_class):
        calls.append((rows.copy(), len(labels), k, own_class))
        return kept(rows, labels, k, own_class=own_class)

    monkeypatch.setattr(neighbor_mixing, "neighbors_of", looked)
    data = data_of("mlp")
    method(k=4, refresh=2).fit(data, context_of("mlp", max_epochs=5))
    assert [(n, k, own) for _, n, k, own in calls] == [(33, 4, method is HardSmote)] * 3
    assert not np.allclose(calls[0][0], calls[1][0]), "the network's own representation, as it is by then"


def test_the_prior_of_hard_labels_is_balanced_and_soft_ones_lend_theirs(monkeypatch) -> None:
    data = replace(data_of("mlp"), weights=np.ones(33))
    assert HardSmote().fit(data, context_of("mlp")).training_prior == pytest.approx([0.5, 0.5])
    made = SoftSmote(refresh=999)
    watched = Watched(made, monkeypatch)
    prior = made.fit(data, context_of("mlp", max_epochs=300, patience=300)).training_prior
    mass = np.zeros(2)
    for step in watched.steps:
        a = step["pairs"].label_weight.numpy()
        mass += np.bincount(step["batch"].labels.numpy(), a, 2)
        mass += np.bincount(step["other"].labels.numpy(), 1 - a, 2)
    np.testing.assert_allclose(prior, mass / mass.sum(), atol=0.003)


@EVERY
@pytest.mark.parametrize("backbone", SETTINGS)
def test_it_trains_on_every_backbone_and_keeps_no_rows(method, backbone) -> None:
    data = data_of(backbone)
    predictor = method().fit(data, context_of(backbone))
    assert np.isfinite(predictor.logits(data.inputs)).all()
    assert predictor.hooks._encoded is None
    plain = RandomOversample().fit(data, context_of(backbone))
    assert not np.array_equal(predictor.logits(data.inputs), plain.logits(data.inputs))


@EVERY
def test_a_share_of_the_layers_needs_a_backbone_that_has_them(method) -> None:
    with pytest.raises(SettingsError, match=r"depth is 0\.5, but backbone MLP mixes what it reads"):
        method(depth=0.5).fit(data_of("mlp"), context_of("mlp"))


@EVERY
@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("k", 0, "an int of 1"),
        ("refresh", 1.5, "an int of 1"),
        ("depth", -1, "a share from 0 to 1"),
        ("depth", 2, "a share from 0 to 1"),
    ],
)
def test_settings_out_of_range_are_refused(method, setting, value, message) -> None:
    with pytest.raises(SettingsError, match=message):
        method(**{setting: value}).check()


def test_classes_without_enough_neighbours_of_their_own_are_told() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [30, 4, 1])
    values = rng.normal(size=(35, 3)).astype(np.float32)
    settings = {"max_epochs": 1, "threshold": None, "precision": "float32", "random_state": 0}
    with pytest.warns(
        CounterpoiseWarning, match="hard_smote: 5 .* but classes '1', '2' have only 1 to 4 rows"
    ):
        ArrayClassifier("hard_smote", **settings).fit(values, labels)
    with pytest.warns(
        CounterpoiseWarning, match="hard_smote: 5 .* but class '2' has only 1 row, which has none"
    ):
        ArrayClassifier("hard_smote", **settings).fit(values[labels != 1], labels[labels != 1])
    with warnings.catch_warnings():
        warnings.simplefilter("error", CounterpoiseWarning)
        ArrayClassifier("soft_smote", **settings).fit(values, labels)
        ArrayClassifier("hard_smote", **settings, method__k=3).fit(values[:34], labels[:34])


def test_names() -> None:
    assert isinstance(make_method("hard_smote"), HardSmote)
    assert isinstance(make_method("soft_smote"), SoftSmote)
