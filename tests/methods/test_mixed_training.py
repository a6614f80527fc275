"""Mixup, Remix and MAMix as methods: what they fall back to, what their loss is made of, which prior they learn."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from mixtext_helpers import SETTINGS, context_of, data_of, model_and_batch, state_of
from torch.nn.functional import log_softmax, one_hot

from counterpoise.errors import CounterpoiseWarning, SettingsError
from counterpoise.losses.effective_number import effective_number_weights
from counterpoise.losses.ldam import LDAMLoss
from counterpoise.methods.cosine_head import cosines
from counterpoise.methods.deferred import DRW_BETA
from counterpoise.methods.erm import ERM
from counterpoise.methods.mamix import MAMix
from counterpoise.methods.mixed_training import MixedTraining
from counterpoise.methods.mixtext import MixText
from counterpoise.methods.mixup import Mixup
from counterpoise.methods.registry import METHODS, make_method
from counterpoise.methods.remix import Remix

MIXED = [name for name, cls in METHODS.items() if issubclass(cls, MixedTraining)]
EVERY = pytest.mark.parametrize("name", MIXED)


def test_which_they_are() -> None:
    assert MIXED == ["mixup", "remix", "mamix"]


@EVERY
@pytest.mark.parametrize("backbone", SETTINGS)
def test_without_mixing_it_is_plain_training_to_the_bit(name, backbone) -> None:
    data = data_of(backbone)
    plain = ERM().fit(data, context_of(backbone))
    found = make_method(name, {"alpha": 0.0}).fit(data, context_of(backbone))
    np.testing.assert_array_equal(found.logits(data.inputs), plain.logits(data.inputs))
    mixed = make_method(name).fit(data, context_of(backbone))
    assert not np.array_equal(mixed.logits(data.inputs), plain.logits(data.inputs))


@EVERY
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("rows", [1, 2, 7])
def test_the_loss_by_hand(name, late, rows) -> None:
    """Each half with its own row's weight, and late in training with that of its own class."""
    method = make_method(name, {"drw": 0.0 if late else False})
    model, batch, _ = model_and_batch("mlp", data_of("mlp", (20, 6, 3)), rows)
    model.eval()
    state = state_of(3)
    state.class_shares = torch.tensor([0.7, 0.2, 0.1])
    pairs = method.pairs(batch.labels, 30 * state.class_shares, state.generator("mixing", "cpu"))
    a, b = pairs.input_weight[:, None], pairs.label_weight
    log_p = log_softmax(
        model(batch._replace(inputs=a * batch.inputs + (1 - a) * batch.inputs[pairs.partner])), dim=1
    )
    weights = batch.weights
    if late:
        by_class = effective_number_weights(30 * state.class_shares, DRW_BETA)
        weights = weights * (by_class / (state.class_shares @ by_class))[batch.labels]
    shares = one_hot(batch.labels, 3).float()
    own = (b * weights)[:, None] * shares
    other = ((1 - b) * weights[pairs.partner])[:, None] * shares[pairs.partner]
    expected = -((own + other) * log_p).sum()
    torch.testing.assert_close(method.loss(model, batch, state) @ batch.weights, expected)


@pytest.mark.parametrize(("method", "name"), [(Remix(), "remix"), (MAMix(), "mamix")])
def test_class_sizes_are_those_of_the_training_data(method, name, monkeypatch) -> None:
    seen = []
    kept = type(method).pairs
    monkeypatch.setattr(
        type(method), "pairs", lambda self, y, counts, g: seen.append(counts) or kept(self, y, counts, g)
    )
    data = replace(data_of("mlp"), weights=np.ones(33))
    method.fit(data, context_of("mlp"))
    np.testing.assert_allclose(seen[0].numpy(), [26, 7], rtol=1e-5)


@EVERY
@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_label_mass_is_what_labels_get_in_the_long_run(name, alpha) -> None:
    """Also where the rarest class is to count more, which acts on each half of a mixed row by itself."""
    method = make_method(name, {"alpha": alpha})
    labels = torch.tensor([0] * 60 + [1] * 30 + [2] * 10)
    data = replace(data_of("mlp"), labels=labels.numpy(), n_classes=3, weights=np.ones(100))
    counts, generator = torch.tensor([60.0, 30.0, 10.0]), torch.Generator().manual_seed(0)
    total = torch.zeros(3)
    for _ in range(4_000):
        pairs = method.pairs(labels, counts, generator)
        total.index_add_(0, labels, pairs.label_weight)
        total.index_add_(0, labels[pairs.partner], 1 - pairs.label_weight)
    factors = np.array([1.0, 1.0, 5.0])
    weighted = replace(context_of("mlp"), class_weight=factors).weighted(data)
    for rows, by_class in ((data, np.ones(3)), (weighted, factors)):
        found, expected = method.label_mass(rows), total.numpy() * by_class
        np.testing.assert_allclose(found, expected / expected.sum(), atol=0.004)
        assert found.sum() == pytest.approx(1)
        if name == "mixup" or not alpha:
            np.testing.assert_allclose(found, rows.class_mass(), atol=1e-9)
        else:
            assert found[2] > rows.class_mass()[2] + 0.004


@EVERY
def test_the_prior_follows_late_weights_where_they_were_reached(name) -> None:
    data, context = data_of("mlp"), context_of("mlp")
    made = [make_method(name, {"drw": drw}).fit(data, context) for drw in (False, 0.0, True)]
    never, always, late = (predictor.training_prior for predictor in made)
    np.testing.assert_allclose(never, make_method(name).label_mass(data))
    assert always[1] > never[1] + 0.1
    np.testing.assert_allclose(late, never, err_msg="two epochs end before four fifths of them")
    said = [" ".join(predictor.notes.get("remarks", [])) for predictor in made]
    assert said[:2] == ["", ""]
    assert f"{name}: of 2 epochs none begins after 0.8 of them, where late class weights set in" in said[2]
    validated = replace(
        context_of("mlp"),
        training=replace(context.training, max_epochs=10, learning_rate=0.1),
        validation=data,
    )
    predictor = make_method(name, {"drw": 0.9}).fit(data, validated)
    assert predictor.best_epoch < 10
    (remark,) = predictor.notes["remarks"]
    assert (
        f"{name}: epoch {predictor.best_epoch}, which was best on the validation side, comes before" in remark
    )


@EVERY
def test_a_share_of_the_layers_needs_a_backbone_that_has_them(name) -> None:
    with pytest.raises(SettingsError, match=r"depth is 0\.5, but backbone MLP mixes what it reads"):
        make_method(name, {"depth": 0.5}).fit(data_of("mlp"), context_of("mlp"))


def test_mixup_is_mixtexts_rule_where_that_does_not_turn_weights_round() -> None:
    """MixText takes a weight below a half from 1; for plain rows the loss has the same expectation."""
    model, batch, _ = model_and_batch("mlp", data_of("mlp"), 9)
    model.eval()
    same = 0
    for step in range(6):
        one = Mixup(alpha=0.75).loss(model, batch, state_of(step=step))
        two = MixText().loss(model, batch, state_of(step=step))
        same += bool(torch.allclose(one, two))
    assert 0 < same < 6


@EVERY
@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("alpha", -1.0, "a number of 0 or more"),
        ("depth", 1.5, "a share from 0 to 1"),
        ("max_margin", -0.1, "a number of 0 or more"),
        ("scale", 0.0, "a number above 0"),
        ("drw", 1.5, "needs true, false or a share"),
        ("drw", "late", "needs true, false or a share"),
        ("drw", 1, "drw is 1, which may mean true or false or a share of the epochs; give .* 1.0 .never."),
        ("drw", 0, "drw is 0, which may mean"),
    ],
)
def test_settings_out_of_range_are_refused(name, setting, value, message) -> None:
    with pytest.raises(SettingsError, match=message):
        make_method(name, {setting: value}).check()


@pytest.mark.parametrize(
    ("name", "setting", "value"),
    [("remix", "ratio", 0.5), ("remix", "threshold", 2), ("mamix", "power", -0.25)],
)
def test_own_settings_out_of_range_are_refused(name, setting, value) -> None:
    with pytest.raises(SettingsError, match=f"{setting} is {value}"):
        make_method(name, {setting: value}).check()


@EVERY
def test_with_margins_and_nothing_mixed_it_is_ldam_drw(name) -> None:
    data, context = data_of("mlp"), context_of("mlp")
    own = {"drw": 0.5, "max_margin": 0.3, "scale": 20.0}
    margins = make_method("ldam_drw", own).fit(data, context)
    found = make_method(name, {"alpha": 0.0, "ldam": True, **own}).fit(data, context)
    np.testing.assert_allclose(found.logits(data.inputs), margins.logits(data.inputs), atol=1e-4)
    np.testing.assert_array_equal(
        found.model.head.bias.detach(), margins.model.head.bias.detach(), err_msg="it is not to be trained"
    )


def test_margins_and_label_smoothing_do_not_go_together() -> None:
    context = context_of("mlp")
    smoothed = replace(context, training=replace(context.training, label_smoothing=0.1))
    Mixup().fit(data_of("mlp"), smoothed)
    with pytest.raises(SettingsError, match="set it to 0, or ldam to false"):
        Mixup(ldam=True).fit(data_of("mlp"), smoothed)


@pytest.mark.parametrize("name", ["remix", "mamix"])
def test_weights_under_which_classes_are_equally_large_make_it_mixup_and_are_warned_of(name) -> None:
    data = replace(data_of("mlp"), weights=np.ones(33))
    balanced, context = data.balanced(), context_of("mlp")
    with pytest.warns(CounterpoiseWarning, match=f"^{name}: under the sample weights given all classes are"):
        found = make_method(name).fit(balanced, context)
    with warnings.catch_warnings():
        warnings.simplefilter("error", CounterpoiseWarning)
        mixed = Mixup().fit(balanced, context)
        other = make_method(name).fit(data, context)
        alike = replace(data, labels=np.arange(33) % 2).take(np.arange(32))
        make_method(name).fit(alike, context)
    np.testing.assert_allclose(found.logits(data.inputs), mixed.logits(data.inputs), atol=1e-5)
    assert not np.allclose(
        other.logits(data.inputs), Mixup().fit(data, context_of("mlp")).logits(data.inputs)
    )


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("drw", {}, "so late weights are alike; leave them out"),
        ("ldam", {}, "so margins are alike; leave"),
        ("ldam_drw", {}, "so margins are alike and late weights are alike; leave"),
        ("mixup", {"drw": True}, "so late weights are alike; leave"),
        ("remix", {"drw": True}, "so remix is Mixup and late weights are alike; leave"),
        ("hard_smote", {"drw": True}, "so late weights are alike; leave"),
        ("soft_smote", {"ldam": True}, "so margins are alike; leave"),
    ],
)
def test_whatever_goes_by_sizes_says_so_where_weights_hide_them(name, settings, said) -> None:
    data = replace(data_of("mlp"), weights=np.ones(33))
    with pytest.warns(CounterpoiseWarning, match=f"all classes are equally large, {said}"):
        make_method(name, settings).fit(data.balanced(), context_of("mlp"))
    with warnings.catch_warnings():
        warnings.simplefilter("error", CounterpoiseWarning)
        for class_weight in (None, np.array([33 / 52, 33 / 14])):
            make_method(name, settings).fit(data, replace(context_of("mlp"), class_weight=class_weight))


@pytest.mark.parametrize("name", ["mixup", "ldam_drw", "soft_smote", "dos", "sharprecl"])
def test_what_a_step_is_given_keeps_its_digits_in_bfloat16(name, monkeypatch) -> None:
    """Weights, shares and labels are not layers, and eight bits do not hold them."""
    seen, cls = [], METHODS[name]
    kept = cls.loss

    def watched(self, model, batch, state):
        loss = kept(self, model, batch, state)
        seen.append((state.class_shares, batch.weights, loss, torch.is_autocast_enabled("cpu")))
        return loss

    monkeypatch.setattr(cls, "loss", watched)
    data = data_of("mlp")
    make_method(name).fit(data, context_of("mlp", precision="bfloat16", max_epochs=4))
    for mass, weights, _, autocast in seen:
        assert autocast
        assert weights.dtype == torch.float32
        np.testing.assert_allclose(mass.sum(), 1, rtol=1e-6)
    given = set(np.float32(data.weights / data.weights.mean()).tolist())
    assert name == "soft_smote" or {w for _, weights, _, _ in seen for w in weights.tolist()} <= given


def test_an_epochs_loss_is_summed_in_full_digits(monkeypatch) -> None:
    class Fixed(ERM):
        def loss(self, model, batch, state):
            return super().loss(model, batch, state) * 0 + 1.001

    predictor = Fixed().fit(data_of("mlp"), context_of("mlp", precision="bfloat16"))
    assert [row["loss"] for row in predictor.history] == pytest.approx([1.001, 1.001], rel=1e-6)


def test_cosines_keep_their_digits_under_autocast() -> None:
    model = torch.nn.Module()
    model.dropout, model.head = torch.nn.Identity(), torch.nn.Linear(8, 3)
    features = model.head.weight.detach() + 0.01 * torch.arange(8)
    expected = cosines(model, features)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(cosines(model, features), expected)


@pytest.mark.parametrize("name", ["mixup", "remix", "mamix"])
def test_margins_are_of_the_mixed_inputs(name) -> None:
    method = make_method(name, {"ldam": True, "max_margin": 0.3, "scale": 8.0})
    model, batch, _ = model_and_batch("mlp", data_of("mlp", (20, 6, 3)), 7)
    model.eval()
    state = state_of(3)
    state.class_shares = torch.tensor([0.7, 0.2, 0.1])
    pairs = method.pairs(batch.labels, state.class_shares * state.n_rows, state.generator("mixing", "cpu"))
    a = pairs.input_weight[:, None]
    mixed = batch._replace(inputs=a * batch.inputs + (1 - a) * batch.inputs[pairs.partner])
    expected = pairs.loss(
        LDAMLoss(state.class_shares, 0.3, 8.0), cosines(model, model.embed(mixed)), batch.labels
    )
    torch.testing.assert_close(method.loss(model, batch, state), expected)


@pytest.mark.parametrize("name", ["remix", "mamix"])
def test_late_weights_act_on_the_mass_that_the_rule_gives_labels(name) -> None:
    data = replace(data_of("mlp"), weights=np.ones(33))
    made = make_method(name, {"drw": 0.0})
    found = made.fit(data, context_of("mlp")).training_prior
    weights = np.array([1 / sum(DRW_BETA**k for k in range(n)) for n in (26, 7)])
    mass = made.label_mass(data) * weights
    np.testing.assert_allclose(found, mass / mass.sum(), rtol=1e-6)
    assert abs(found[1] - (data.class_mass() * weights / (data.class_mass() @ weights))[1]) > 0.01
