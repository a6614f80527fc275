"""SMOTE inside the training: who is repeated, whose neighbours are drawn, and what each half of a point costs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from mixtext_helpers import SETTINGS, context_of, data_of
from sklearn.neighbors import NearestNeighbors
from torch.nn.functional import cross_entropy

from counterpoise.errors import SettingsError
from counterpoise.methods.hard_smote import HardSmote
from counterpoise.methods.neighbor_mixing import NeighborMixing, neighbors_of
from counterpoise.methods.random_oversample import RandomOversample
from counterpoise.methods.registry import METHODS, make_method
from counterpoise.methods.soft_smote import SoftSmote

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
    assert found.shape == (30, k)
    for i in range(30):
        group = np.flatnonzero(labels == labels[i]) if own_class else np.arange(30)
        others = group[group != i]
        if not len(others):
            assert found[i].tolist() == [i] * k
            continue
        few = min(k, len(others))
        true = others[NearestNeighbors(n_neighbors=few).fit(rows[others]).kneighbors(rows[i : i + 1])[1][0]]
        assert set(found[i].tolist()) == set(true.tolist())
        assert max(np.bincount(found[i])) <= -(-k // few)


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
        a = torch.where(
            batch.rows < len(data),
            1.0,
            torch.rand(len(batch.rows), generator=state.generator("mixing", "cpu")),
        )
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


def test_names() -> None:
    assert isinstance(make_method("hard_smote"), HardSmote)
    assert isinstance(make_method("soft_smote"), SoftSmote)
