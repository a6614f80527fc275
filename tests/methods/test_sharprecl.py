"""SharpReCL against its equations in loops, each part switched off alone, and what it falls back to."""

from __future__ import annotations

import warnings
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from contrastive_helpers import context_of, data_of, features_of, model_and_batch, state_of, total
from sharprecl_equations import by_the_equations
from torch.nn.functional import normalize

from counterpoise.errors import CounterpoiseWarning, SettingsError
from counterpoise.losses.supervised_contrastive import SupervisedContrastiveLoss
from counterpoise.methods import sharprecl
from counterpoise.methods.feature_queue import FeatureQueue
from counterpoise.methods.logit_adjustment import LogitAdjustment
from counterpoise.methods.registry import METHODS
from counterpoise.methods.sharprecl import SharpReCL, class_means
from counterpoise.methods.supcon import SupCon
from counterpoise.mixing.hard_targets import hard_targets
from counterpoise.training import loop

SWITCHES = [
    {},
    {"compensation": False},
    {"prototypes": False},
    {"prototypes": "mean"},
    {"n_positives": 0},
    {"n_negatives": 0},
    {"n_positives": 0, "n_negatives": 0},
    {"hard_from": 0.0, "hard_to": 0.0},
    {"hard_from": 1.0, "hard_to": 1.0},
    {"alpha": 0.0},
    {"beta": 0.0},
    {"scale": 1.0},
    {"weight": 0.25},
    {"candidates": 3},
]


@pytest.mark.parametrize("epoch", [0, 3])
@pytest.mark.parametrize("switched", SWITCHES, ids=str)
def test_the_loss_is_that_of_the_equations_whatever_is_switched_off(switched, epoch) -> None:
    method = SharpReCL(**switched)
    model, batch = model_and_batch(method)
    classification, contrastive = by_the_equations(method, model, batch, state_of(epoch))
    found = total(method, model, batch, state_of(epoch))
    assert found == pytest.approx((classification + method.weight * contrastive).item(), rel=1e-5)


def test_its_gradient_is_that_of_the_equations_through_built_targets_too() -> None:
    method = SharpReCL(compensation=False)
    model, batch = model_and_batch(method)
    _, expected = by_the_equations(method, model, batch, state_of(1))
    features = features_of(model, batch)
    losses = method.contrast(features, model.parts, model.head, batch, state_of(1))
    found = losses @ batch.weights / len(batch.labels)
    moved = {"head.weight": model.head.weight, **dict(model.parts.rows.named_parameters(prefix="rows"))}
    own, theirs = (torch.autograd.grad(loss, list(moved.values())) for loss in (found, expected))
    for name, one, other in zip(moved, own, theirs, strict=True):
        assert other.abs().max() > 1e-4, name
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-6, msg=name)


@pytest.mark.parametrize("prototypes", [True, "mean"])
def test_in_mixed_precision_given_features_are_compared_as_they_are(prototypes) -> None:
    """At a low temperature cosines in bfloat16, of three digits, would make another loss."""
    method = SharpReCL(temperature=0.05, prototypes=prototypes)
    model, batch = model_and_batch(method)
    features, given = features_of(model, batch).detach(), model.parts.prototypes(model.head).detach()
    parts = SimpleNamespace(prototypes=lambda head: given)
    plain = method.contrast(features, parts, model.head, batch, state_of())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = method.contrast(features, parts, model.head, batch, state_of())
    assert mixed.dtype == torch.float32
    torch.testing.assert_close(mixed, plain, rtol=1e-6, atol=0)


@pytest.mark.parametrize("prototypes", [True, "mean", False])
def test_past_features_stand_beside_targets_and_prototypes(prototypes) -> None:
    method = SharpReCL(queue=3, prototypes=prototypes)
    model, batch = model_and_batch(method)
    features = normalize(torch.randn(4, 100, generator=torch.Generator().manual_seed(1)), dim=1)
    kinds, counts = torch.tensor([0, 2, 2, 1]), torch.tensor([0.5, 1.0, 2.0, 1.5])
    method._past = FeatureQueue.empty(3, 3, 100, torch.device("cpu"))
    method._past.push(features, kinds, counts)
    past = list(zip(features, kinds.tolist(), counts.tolist(), strict=True))
    expected = float(sum(by_the_equations(method, model, batch, state_of(1), past)))
    assert total(method, model, batch, state_of(1)) == pytest.approx(expected, rel=1e-5)


CLASSIFICATION = ("compensation", "scale")


@pytest.mark.parametrize("switched", [each for each in SWITCHES if each and "weight" not in each], ids=str)
def test_a_switch_changes_its_own_term_alone(switched) -> None:
    whole, part = SharpReCL(), SharpReCL(**switched)
    model, batch = model_and_batch(whole)

    def terms(method: SharpReCL) -> tuple[float, float]:
        joint = total(method, model, batch, state_of(1))
        alone = total(method.set_params(weight=0.0), model, batch, state_of(1))
        return alone, joint - alone

    (classification, contrastive), (own_classification, own_contrastive) = terms(whole), terms(part)
    if set(switched) <= set(CLASSIFICATION):
        assert own_classification != pytest.approx(classification, rel=1e-4)
        assert own_contrastive == pytest.approx(contrastive, rel=1e-4)
    else:
        assert own_classification == classification
        assert own_contrastive != pytest.approx(contrastive, rel=1e-4)


def test_with_all_parts_off_it_is_supcon() -> None:
    settings = {"temperature": 0.2, "weight": 0.5}
    method = SharpReCL(
        n_positives=0, n_negatives=0, prototypes=False, compensation=False, beta=0.0, **settings
    )
    model, batch = model_and_batch(method)
    expected = total(SupCon(**settings), model, batch, state_of())
    assert total(method, model, batch, state_of()) == pytest.approx(expected, rel=1e-6)


def test_without_contrast_its_prior_is_logit_adjustments() -> None:
    method = SharpReCL(weight=0.0)
    model, batch = model_and_batch(method)
    expected = sum(total(LogitAdjustment(), model, each, state_of()) for each in (batch, *batch.views)) / 2
    assert total(method, model, batch, state_of()) == pytest.approx(expected, rel=1e-6)
    assert method.training_prior(data_of()).tolist() == [1 / 3] * 3
    kept = SharpReCL(compensation=False).training_prior(data_of())
    np.testing.assert_allclose(kept, data_of().class_mass())


def test_what_classes_are_called_does_not_matter() -> None:
    """The authors' code, with the weight of class 0 for all, fails this."""
    method = SharpReCL(n_positives=0, n_negatives=0)
    model, batch = model_and_batch(method)
    order = torch.tensor([2, 0, 1])  # the new number of each class
    losses = [total(method, model, batch, state_of())]
    back = order.argsort()
    with torch.no_grad():
        model.head.weight.copy_(model.head.weight[back].clone())
        model.head.bias.copy_(model.head.bias[back].clone())
    state = state_of()
    state.class_shares = state.class_shares[back]
    renamed = batch._replace(
        labels=order[batch.labels], views=(batch.views[0]._replace(labels=order[batch.labels]),)
    )
    losses.append(total(method, model, renamed, state))
    assert losses[1] == pytest.approx(losses[0], rel=1e-6)


def test_the_rarer_a_class_the_more_its_anchors_weigh() -> None:
    """Against the loss in which all weigh alike, class by class, prototypes left out so that rows are all there is."""
    weighed, alike = SharpReCL(prototypes=False), SharpReCL(prototypes=False, beta=0.0)
    model, batch = model_and_batch(weighed, rows=39)
    features = features_of(model, batch)
    one, other = (
        method.contrast(features, model.parts, model.head, batch, state_of()) for method in (weighed, alike)
    )
    times = [float((one / other)[batch.labels == c].mean()) for c in range(3)]
    assert times[0] < times[1] < times[2]
    effective = [(1 - 0.9999**n) / (1 - 0.9999) for n in (120, 60, 20)]
    np.testing.assert_allclose(times, [sum(effective) / 3 / n for n in effective], rtol=1e-4)


def test_the_hard_share_rises_from_epoch_to_epoch(monkeypatch) -> None:
    shares = []

    def watched(*args, hard_share, **kwargs):
        shares.append(hard_share)
        return hard_targets(*args, hard_share=hard_share, **kwargs)

    monkeypatch.setattr(sharprecl, "hard_targets", watched)
    SharpReCL(hard_from=0.2, hard_to=0.8).fit(data_of(), context_of(max_epochs=3, batch_size=39))
    np.testing.assert_allclose(shares, [0.2, 0.4, 0.6])
    assert all(a < b for a, b in pairwise(shares))


@pytest.mark.parametrize("n_classes", [2, 23])
def test_a_prototype_is_made_of_its_own_class_alone(n_classes) -> None:
    """Batch norm over the rows of two classes would make them opposite, whatever they are."""
    parts = SharpReCL().modules(6, n_classes)
    head = torch.nn.Linear(6, n_classes)
    found = parts.prototypes(head)
    np.testing.assert_allclose(found.norm(dim=1).detach().numpy(), 1, rtol=1e-6)
    with torch.no_grad():
        head.weight[1:].mul_(-2).add_(0.3)
    changed = parts.prototypes(head)
    torch.testing.assert_close(changed[0], found[0])
    assert not torch.allclose(changed[1], found[1], atol=1e-3)


def test_a_scale_holds_at_prediction_time_too() -> None:
    predictor = SharpReCL(scale=3.0).fit(data_of(), context_of())
    np.testing.assert_allclose(np.linalg.norm(predictor.logits(data_of().inputs), axis=1), 3, rtol=1e-5)


def test_a_class_that_weighs_next_to_nothing_counts_as_one_row() -> None:
    """The effective number of less than one row would be as small, and its prototype's part of the loss as large."""
    method = SharpReCL()
    model, batch = model_and_batch(method)
    losses = []
    for mass in (1 / 200, 1e-12):
        state = state_of()
        state.class_shares = torch.tensor([0.6, 0.4 - mass, mass])
        losses.append(total(method, model, batch, state) - total(SharpReCL(weight=0.0), model, batch, state))
    assert losses[1] == pytest.approx(losses[0], rel=0.02)


@pytest.mark.parametrize("prototypes", [True, False])
@pytest.mark.parametrize("weights", ["none counts", "one class does not"])
def test_rows_that_weigh_nothing_are_as_if_they_were_not_there(prototypes, weights) -> None:
    method = SharpReCL(prototypes=prototypes)
    model, batch = model_and_batch(method)
    counts = batch.labels != 0 if weights == "one class does not" else torch.zeros(len(batch.labels))
    batch = batch._replace(weights=counts.float())
    losses = method.contrast(features_of(model, batch), model.parts, model.head, batch, state_of())
    assert torch.isfinite(losses).all()
    assert (weights == "none counts") == bool((losses @ batch.weights) == 0)


def test_without_prototypes_nothing_is_compared_with_them_even_where_a_batch_is_of_one_class() -> None:
    method = SharpReCL(prototypes=False)
    model, batch = model_and_batch(method)
    batch = batch._replace(labels=torch.zeros_like(batch.labels))
    method.contrast(features_of(model, batch), model.parts, model.head, batch, state_of()).sum().backward()
    assert model.head.weight.grad is None or not model.head.weight.grad.any()


def test_a_mean_prototype_of_a_class_that_the_batch_lacks_is_the_classifiers() -> None:
    features, instead = torch.eye(3)[:2], normalize(torch.ones(3, 3), dim=1)
    found = class_means(features, torch.tensor([1, 1]), torch.tensor([1.0, 3.0]), instead=instead)
    torch.testing.assert_close(found[1], normalize(torch.tensor([1.0, 3.0, 0.0]), dim=0))
    torch.testing.assert_close(found[[0, 2]], instead[[0, 2]])


def test_past_features_are_compared_with_as_further_targets() -> None:
    off = {"n_positives": 0, "n_negatives": 0, "prototypes": False, "compensation": False, "beta": 0.0}
    method = SharpReCL(queue=3, temperature=0.2, **off)
    model, batch = model_and_batch(method)
    past = normalize(torch.randn(5, 100, generator=torch.Generator().manual_seed(1)), dim=1)
    kinds = torch.tensor([0, 2, 2, 2, 2])
    method._past = FeatureQueue.empty(3, 3, 100, torch.device("cpu"))
    much = torch.tensor([0.5, 1.0, 1.0, 2.0, 1.0])
    method._past.push(past, kinds, much)
    features = features_of(model, batch)
    left = [0, 2, 3, 4]  # of the four of class 2 the first has been pushed out
    labels, counts = batch.labels.repeat(2), batch.weights.repeat(2)
    amounts = torch.cat([counts, much[left]]).repeat(len(labels), 1)
    amounts[range(len(labels)), range(len(labels))] = 0
    expected = SupervisedContrastiveLoss(0.2).of_cosines(
        features @ torch.cat([features, past[left]]).T,
        amounts,
        labels[:, None] == torch.cat([labels, kinds[left]]),
    )
    found = method.contrast(features, model.parts, model.head, batch, state_of())
    torch.testing.assert_close(found, expected.view(2, -1).mean(dim=0))
    again = method.contrast(features, model.parts, model.head, batch, state_of())
    assert not torch.allclose(again, found), "the batch itself is in the queue by now"


def test_no_features_are_kept() -> None:
    method = SharpReCL(queue=2)
    method.fit(data_of(), context_of())
    assert method._past is None


def test_a_training_that_was_killed_goes_on_with_its_queue(tmp_path, monkeypatch) -> None:
    method, data, context = SharpReCL(queue=3), data_of(), context_of(max_epochs=4)
    whole = method.fit(data, context).logits(data.inputs)
    original, written = loop.save_checkpoint, []

    def dying(*args):
        original(*args)
        written.append(args)
        if len(written) == 2:
            raise KeyboardInterrupt

    context = replace(context, checkpoint=tmp_path / "checkpoint")
    with monkeypatch.context() as patch:
        patch.setattr(loop, "save_checkpoint", dying)
        with pytest.raises(KeyboardInterrupt):
            method.fit(data, context)
    np.testing.assert_array_equal(method.fit(data, context).logits(data.inputs), whole)


def test_the_contrastive_loss_moves_the_classifier() -> None:
    method = SharpReCL()
    model, batch = model_and_batch(method)
    features = features_of(model, batch).detach()
    method.contrast(features, model.parts, model.head, batch, state_of()).sum().backward()
    assert model.head.weight.grad.abs().max() > 0


class TestWhatIsSaid:
    def test_of_parts_that_are_off(self) -> None:
        predictor = SharpReCL(n_positives=0, weight=1.0).fit(data_of(), context_of())
        assert predictor.notes["remarks"] == ["sharprecl: n_positives is 0, so no positives are built"]
        assert "remarks" not in SharpReCL(candidates=3).fit(data_of(), context_of()).notes

    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            # 3 batches of 26, 9 and 4 rows, each in two views: 17.3, 6 and 2.7, and a prototype of each class.
            ({}, ["eggs (4), ham (7) and spam (18)"]),
            ({"candidates": 18}, ["eggs (4) and ham (7)"]),
            ({"prototypes": False}, ["eggs (3), ham (6) and spam (17)"]),
            ({"candidates": 4}, []),
            ({"hard_from": 0.0, "hard_to": 0.0}, []),
            ({"n_positives": 0}, []),
            ({"weight": 0.0}, []),
        ],
        ids=str,
    )
    def test_of_classes_with_fewer_members_than_candidates(self, settings, said) -> None:
        method = SharpReCL(**settings)
        context = replace(context_of(max_epochs=1), class_names=("spam", "ham", "eggs"))
        found = method.fit(data_of(), context).notes.get("remarks", [])
        assert [remark for remark in found if " is 0, so " not in remark] == [
            f"sharprecl: on average a batch's pool has fewer members of {classes} than the {method.candidates} "
            "candidates for hard positives, so every member is one"
            for classes in said
        ]

    def test_of_many_such_classes_the_rarest(self) -> None:
        context = context_of(max_epochs=1)
        (remark,) = SharpReCL().fit(data_of(counts=(9, 8, 7, 6, 5, 4, 3)), context).notes["remarks"]
        assert "fewer members of 6 (3), 5 (4), 4 (4), 3 (5), 2 (6) and 2 more than" in remark

    def test_of_a_batch_that_compares_with_nothing(self) -> None:
        with pytest.warns(
            CounterpoiseWarning, match="sharprecl: a batch of one row has nothing of another class"
        ):
            METHODS["sharprecl"](prototypes=False, hard_from=0, hard_to=0).fit(
                data_of(), context_of(batch_size=1)
            )
        with pytest.warns(CounterpoiseWarning, match="supcon: a batch of one row"):
            METHODS["supcon"]().fit(data_of(), context_of(batch_size=1))
        with warnings.catch_warnings():
            warnings.simplefilter("error", CounterpoiseWarning)
            for method in (
                SharpReCL(candidates=2),
                SharpReCL(prototypes=False, queue=2, candidates=2),
                SupCon(weight=0.0),
            ):
                method.fit(data_of(), context_of(batch_size=1))

    def test_of_a_pool_smaller_than_the_candidates_once(self) -> None:
        said = []
        for batch_size in (2, 3):
            with pytest.warns(CounterpoiseWarning, match="fewer members than the 20 candidates") as caught:
                SharpReCL().fit(data_of(), context_of(batch_size=batch_size))
            said += [str(each.message) for each in caught if each.category is CounterpoiseWarning]
        assert (len(said), len(set(said))) == (2, 1), (
            "in the same words for each fit, so that notes join them"
        )
        with warnings.catch_warnings():
            warnings.simplefilter("error", CounterpoiseWarning)
            SharpReCL().fit(data_of(), context_of(batch_size=16))
            SharpReCL(hard_from=0.0, hard_to=0.0).fit(data_of(), context_of(batch_size=2))


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("n_positives", -1, "needs an int of 0 or more"),
        ("n_negatives", 2.5, "needs an int of 0 or more"),
        ("candidates", 0, "needs an int of 1 or more"),
        ("hard_from", 1.5, "a share from 0 to 1"),
        ("hard_to", -0.5, "a share from 0 to 1"),
        ("alpha", -1, "a number of 0 or more"),
        ("prototypes", None, "true, false or 'mean'"),
        ("queue", -1, "needs an int of 0 or more"),
        ("compensation", 1, "true or false"),
        ("beta", 1.0, "0 or more, below 1"),
        ("scale", 0.0, "a number above 0"),
    ],
)
def test_settings_out_of_range_are_refused(setting, value, message) -> None:
    with pytest.raises(SettingsError, match=message):
        SharpReCL(**{setting: value}).check()
