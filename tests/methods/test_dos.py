"""Deep over-sampling: rounds, who comes up how often, and the losses against sums written out one by one."""

from __future__ import annotations

import warnings
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mixtext_helpers import SETTINGS, context_of, data_of
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import adjusted_rand_score
from sklearn.neighbors import NearestNeighbors
from torch.nn.functional import cross_entropy

from counterpoise.errors import CounterpoiseWarning, SettingsError
from counterpoise.methods.abstract_labels import n_groups_of
from counterpoise.methods.dos import DOS
from counterpoise.methods.erm import ERM
from counterpoise.methods.overloading import Overloading
from counterpoise.methods.registry import make_method
from counterpoise.mixing.convex import convex_weights
from counterpoise.training import loop
from counterpoise.training.settings import TrainingState


def data() -> object:
    """36 rows of two overlapping classes, 6 of the rarer."""
    found = data_of("mlp", (30, 6))
    return replace(found, weights=np.ones(36))


def wide(**training):
    """A context with features enough for groups."""
    return replace(context_of("mlp", **training), backbone_settings={"hidden": (8, 8)})


def test_epochs_are_dealt_to_rounds_alike() -> None:
    assert [DOS().round_of(epoch, 10) for epoch in range(10)] == [0, 0, 0, 1, 1, 2, 2, 2, 3, 3]
    assert [DOS(rounds=1).round_of(epoch, 3) for epoch in range(3)] == [0, 0, 1]


class TestOverloading:
    def test_rare_rows_come_up_as_often_as_the_largest_class(self) -> None:
        plan = Overloading.of(np.array([100, 60, 50, 10, 1]), 3, 0, 1.0)
        assert plan.k.tolist() == [0, 0, 3, 3, 3]
        assert plan.times.tolist() == [1, 1, 2, 10, 100]
        twice = Overloading.of(np.array([100, 50, 10]), 3, 1, 2.0)
        assert (twice.k.tolist(), twice.times.tolist()) == ([1, 3, 3], [1, 4, 20])

    def test_no_row_is_left_out(self) -> None:
        assert Overloading.of(np.array([100, 10]), 5, 0, 0.0).times.tolist() == [1, 1]

    def test_balanced_classes_have_one_k_and_come_up_once(self) -> None:
        plan = Overloading.of(np.array([100, 51, 99]), 4, 0, 7.0)
        assert (plan.k.tolist(), plan.times.tolist()) == ([4, 4, 4], [1, 1, 1])

    def test_rows_of_an_epoch(self) -> None:
        labels = np.repeat([0, 1, 2], [70, 20, 3])
        rows = Overloading.of(np.bincount(labels), 5, 0, 1.0).rows(labels, np.random.default_rng(0))
        times = np.bincount(rows, minlength=93)
        assert (times[:70] == 1).all()
        assert np.bincount(labels[rows]).tolist() == [70, 70, 70]
        assert set(times[70:90]) == {3, 4}
        assert sorted(times[90:]) == [23, 23, 24]
        again = Overloading.of(np.bincount(labels), 5, 0, 1.0).rows(labels, np.random.default_rng(1))
        assert (np.bincount(again, minlength=93)[70:] != times[70:]).any()


@pytest.mark.filterwarnings("ignore::counterpoise.errors.CounterpoiseWarning")
@pytest.mark.parametrize(
    ("k", "k_majority", "own_member", "law"),
    [
        (3, 0, True, "dirichlet"),
        (3, 2, False, "dirichlet"),
        (9, 0, False, "uniform"),
        (9, 2, True, "dirichlet"),
    ],
)
def test_the_losses_by_hand(k, k_majority, own_member, law, monkeypatch) -> None:
    """At every step: who the neighbours are, in the embedding that the round began with, and what each costs."""
    found, began, checked = data(), {}, []
    kept = DOS.loss

    def loss(self, model, batch, state):
        model.dropout.p = 0.0
        started = [e for e in range(1, 5) if self.round_of(e, 5) > self.round_of(e - 1, 5)]
        if state.epoch < started[0]:
            torch.testing.assert_close(
                kept(self, model, batch, state), cross_entropy(model(batch), batch.labels, reduction="none")
            )
            return kept(self, model, batch, state)
        if state.epoch in started and state.epoch not in began:  # the first step of a round
            whole = model.backbone.layers(self._encoded.values).detach().numpy()
            began[state.epoch] = whole
        points = began[max(e for e in started if e <= state.epoch)]
        features, logits = model.embed(batch), model(batch)
        near = np.full((36, max(k, k_majority)), -1)
        for label, asked in ((0, k_majority), (1, k)):
            own = np.flatnonzero(found.labels == label)
            few = min(asked, len(own) - 1)
            if few:
                ids = NearestNeighbors(n_neighbors=few).fit(points[own]).kneighbors(return_distance=False)
                near[own, :few] = own[ids]
        there, generator = torch.from_numpy(near >= 0)[batch.rows], state.generator("neighbours", "cpu")
        w = convex_weights(there, generator, law)
        expected = []
        for i, row in enumerate(batch.rows.tolist()):
            y, f = batch.labels[i : i + 1], features[i]
            amounts, costs = ([1.0], [cross_entropy(logits[i : i + 1], y)]) if own_member else ([], [])
            drawn = torch.zeros(())
            for j, other in enumerate(near[row]):
                if other < 0:
                    continue
                v = torch.from_numpy(points[other])
                square = ((f - v) ** 2).sum()
                drawn = drawn + w[i, j] * square
                amounts.append(torch.exp(-w[i, j] * square))
                costs.append(cross_entropy(model.head(v)[None], y))
            if not amounts:
                amounts, costs = [1.0], [cross_entropy(logits[i : i + 1], y)]
            expected.append(
                sum(a * c for a, c in zip(amounts, costs, strict=True)) / sum(amounts) + 0.3 * drawn
            )
        got = kept(self, model, batch, state)
        torch.testing.assert_close(
            got, torch.stack([torch.as_tensor(e) for e in expected]), rtol=1e-4, atol=1e-5
        )
        checked.append((state.epoch, len(expected)))
        return got

    monkeypatch.setattr(DOS, "loss", loss)
    method = DOS(k=k, k_majority=k_majority, rounds=2, weight=0.3, own_member=own_member, law=law)
    method.fit(found, context_of("mlp", max_epochs=5))
    assert sum(n for epoch, n in checked if epoch == 2) == 60
    assert len(began) == 2


@pytest.mark.parametrize("backbone", SETTINGS)
def test_without_neighbours_and_overloading_it_is_plain_training_to_the_bit(backbone) -> None:
    found = data_of(backbone)
    plain = ERM().fit(found, context_of(backbone))
    none = DOS(k=0, overload=0.0, rounds=1).fit(found, context_of(backbone))
    np.testing.assert_array_equal(none.logits(found.inputs), plain.logits(found.inputs))
    np.testing.assert_allclose(none.training_prior, plain.training_prior)
    some = DOS(rounds=1).fit(found, context_of(backbone))
    assert not np.array_equal(some.logits(found.inputs), plain.logits(found.inputs))


@pytest.mark.parametrize("kind", [True, "random"])
def test_abstract_labels_that_weigh_nothing_are_none_to_the_bit(kind) -> None:
    found, context = data(), wide(max_epochs=4)
    without = DOS().fit(found, context).logits(found.inputs)
    nothing = DOS(abstract_labels=kind, group_weight=0.0, subspace_weight=0.0).fit(found, context)
    np.testing.assert_array_equal(nothing.logits(found.inputs), without)
    alone = DOS(k=0).fit(found, context).logits(found.inputs)
    for setting in ({"group_weight": 0.0}, {"subspace_weight": 0.0}):
        for k, plain in ((5, without), (0, alone)):
            guided = DOS(k=k, abstract_labels=kind, **setting).fit(found, context)
            assert not np.array_equal(guided.logits(found.inputs), plain)


def test_groups_keep_their_numbers_from_round_to_round(monkeypatch) -> None:
    """However the clustering numbers them, which here changes in each round."""
    found, seen, turns = data(), [], iter((np.array([0, 1, 2]), np.array([1, 2, 0]), np.array([2, 0, 1])))
    first = np.where(found.labels == 1, 2, np.arange(36) % 2)
    monkeypatch.setattr("counterpoise.methods.dos.find_groups", lambda *given: next(turns)[first])
    kept = DOS.on_epoch

    def on_epoch(self, model, state) -> None:
        kept(self, model, state)
        seen.append(self._memory.get("groups"))

    monkeypatch.setattr(DOS, "on_epoch", on_epoch)
    DOS(abstract_labels=True).fit(found, wide(max_epochs=4))
    assert seen[0] is None
    for groups in seen[1:]:
        np.testing.assert_array_equal(groups.numpy(), first)


@pytest.mark.parametrize("kind", [True, "random"])
@pytest.mark.filterwarnings("ignore::counterpoise.errors.CounterpoiseWarning")
def test_twelve_classes_in_groups(kind, monkeypatch) -> None:
    """Three groups of whole classes; they follow the representation, random ones by other classes than theirs."""
    found = replace(data_of("mlp", (24, *[8] * 5, *[4] * 6)), weights=np.ones(88))
    context = replace(context_of("mlp", max_epochs=3), backbone_settings={"hidden": (16, 16)})
    seen, kept = [], DOS.on_epoch

    def on_epoch(self, model, state) -> None:
        kept(self, model, state)
        seen.append((self._memory.get("groups"), self._memory.get("features"), model.parts))

    monkeypatch.setattr(DOS, "on_epoch", on_epoch)
    guided = DOS(rounds=2, k=2, abstract_labels=kind).fit(found, context)
    assert seen[0][0] is None
    assert seen[1][2].out_features == n_groups_of(12) == 3
    by_class = []
    for groups, features, _ in seen[1:]:
        of_class = [set(groups[found.labels == c].tolist()) for c in range(12)]
        assert all(len(own) == 1 for own in of_class), "a class is not parted"
        by_class.append([own.pop() for own in of_class])
        assert set(by_class[-1]) == {0, 1, 2}
        means = np.stack([features.numpy()[found.labels == c].mean(axis=0) for c in range(12)])
        together = AgglomerativeClustering(3).fit_predict(means)
        assert sorted(np.bincount(together)) == sorted(np.bincount(by_class[-1])), "random ones are as large"
        assert (adjusted_rand_score(together, by_class[-1]) == 1) == (kind is True)
    assert np.isfinite(guided.logits(found.inputs)).all()
    plain = DOS(rounds=2, k=2).fit(found, context)
    assert not np.array_equal(guided.logits(found.inputs), plain.logits(found.inputs))


@pytest.mark.parametrize("settings", [{}, {"abstract_labels": True}])
def test_a_training_killed_within_a_round_goes_on_alike(settings, tmp_path, monkeypatch) -> None:
    found = data()
    context = wide(max_epochs=6)
    method = {"rounds": 1, **settings}
    whole = DOS(**method).fit(found, context)
    original, written = loop.save_checkpoint, []

    def dying(*arguments) -> None:
        original(*arguments)
        written.append(1)
        if len(written) == 5:  # in the midst of epochs 4 to 6, which are one round
            raise KeyboardInterrupt

    context = replace(context, checkpoint=tmp_path / "checkpoint")
    with monkeypatch.context() as patch:
        patch.setattr(loop, "save_checkpoint", dying)
        with pytest.raises(KeyboardInterrupt):
            DOS(**method).fit(found, context)
    resumed = DOS(**method).fit(found, context)
    np.testing.assert_array_equal(resumed.logits(found.inputs), whole.logits(found.inputs))
    assert resumed.history == whole.history


def test_the_prior_is_that_of_the_rows_as_they_came_up() -> None:
    found = data()
    late = DOS().fit(found, context_of("mlp", max_epochs=4))
    np.testing.assert_allclose(late.training_prior, [0.5, 0.5])
    half = DOS(overload=0.4).fit(found, context_of("mlp", max_epochs=4))
    np.testing.assert_allclose(half.training_prior, [30 / 42, 12 / 42])
    weighted = replace(found, weights=np.where(found.labels, 2.0, 1.0))
    np.testing.assert_allclose(
        DOS().fit(weighted, context_of("mlp", max_epochs=4)).training_prior, [1 / 3, 2 / 3]
    )


def test_rows_draw_together() -> None:
    """The claim of the paper: with neighbours rows of the rare class end nearer to each other."""
    found, context = data(), context_of("mlp", max_epochs=40, learning_rate=0.01)

    def width(predictor) -> float:
        rows = predictor.embed(found.inputs)
        rare, rest = rows[found.labels == 1], rows[found.labels == 0]
        return rare.std(axis=0).sum() / np.linalg.norm(rare.mean(axis=0) - rest.mean(axis=0))

    assert width(DOS().fit(found, context)) < 0.8 * width(
        make_method("random_oversample").fit(found, context)
    )


def test_classes_too_small_for_their_neighbours_are_warned_of() -> None:
    for k in (6, 9):
        for names, rare in (((), "1"), (("ham", "spam"), "spam")):
            said = f"dos: {k} neighbours were asked for, but class {rare!r} has only 6 rows; all the others .* lower k"
            context = replace(context_of("mlp", max_epochs=2), class_names=names)
            with pytest.warns(CounterpoiseWarning, match=said):
                make_method("dos", {"k": k, "rounds": 1}).fit(data(), context)
    with warnings.catch_warnings():
        warnings.simplefilter("error", CounterpoiseWarning)
        DOS(k=5, rounds=1).fit(data(), context_of("mlp", max_epochs=2))


def test_no_rows_are_kept() -> None:
    method = DOS()
    method.fit(data(), context_of("mlp", max_epochs=4))
    assert method._encoded is None
    assert not method._memory


def test_too_few_epochs_for_the_rounds_are_refused() -> None:
    for epochs in (1, 3):
        with pytest.raises(SettingsError, match=f"max_epochs is {epochs}, but dos .* set it to 4 or more"):
            DOS().fit(data(), context_of("mlp", max_epochs=epochs))
    assert DOS(rounds=1).fit(data(), context_of("mlp", max_epochs=2)).history[1]["within_classes"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"k": -1}, "k is -1"),
        ({"k_majority": 1.5}, "k_majority is 1.5"),
        ({"rounds": 0}, "rounds is 0"),
        ({"overload": -1}, "overload is -1"),
        ({"weight": float("nan")}, "weight is nan"),
        ({"law": "beta"}, "law is 'beta'; choose one of dirichlet, uniform"),
        ({"own_member": 1}, "own_member is 1"),
        ({"abstract_labels": "yes"}, "abstract_labels is 'yes'; dos needs true, false or 'random'"),
        ({"group_weight": -1}, "group_weight is -1"),
        ({"subspace_weight": -1}, "subspace_weight is -1"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message) -> None:
    with pytest.raises(SettingsError, match=message):
        make_method("dos", settings).check()


def test_a_representation_too_narrow_for_groups_is_refused() -> None:
    context = replace(context_of("mlp", max_epochs=4), backbone_settings={"hidden": (8, 4)})
    with pytest.raises(
        SettingsError, match="has 4 features, too few for blocks of 3 groups; abstract labels need 6"
    ):
        DOS(abstract_labels=True).fit(data(), context)


def test_before_it_starts_it_knows_no_rows() -> None:
    """The loop's hooks can be called on a method that has embedded nothing."""
    DOS().on_epoch(None, TrainingState(3, 4, torch.ones(2) / 2, 0))  # type: ignore[arg-type]


def test_what_groups_add_to_the_loss_by_hand() -> None:
    """Three groups guessed alike, log 3; of the squares 9 and 16 the second lies outside."""
    method = DOS(abstract_labels=True, group_weight=2.0, subspace_weight=3.0)
    method._memory, method._allowed = {"groups": torch.tensor([0])}, torch.tensor([[True, False]])
    model = SimpleNamespace(parts=lambda features: torch.zeros(1, 3))
    found = method._guided(model, torch.tensor([[3.0, 4.0]]), torch.tensor([0]))
    assert found.item() == pytest.approx(2 * np.log(3) + 3 * 16 / 25)
