"""What is special about each method that changes the loss or the rows' weights, beside the common checks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from counterpoise import ArrayClassifier
from counterpoise.backbones.base import Batch, Network
from counterpoise.backbones.mlp import MLP
from counterpoise.errors import SettingsError
from counterpoise.methods.base import Context, Data
from counterpoise.methods.ldam import LDAM
from counterpoise.methods.registry import make_method
from counterpoise.metrics.calibration import softmax
from counterpoise.training.settings import TrainingSettings, TrainingState

CLASSIFIER = {"max_epochs": 4, "device": "cpu", "precision": "float32", "random_state": 0, "threshold": 0.5}
MASS = torch.tensor([0.6, 0.3, 0.1])


def context(seed: int = 0, **training) -> Context:
    settings = {
        "max_epochs": 4,
        "batch_size": 16,
        "precision": "float32",
        "device": "cpu",
        "learning_rate": 0.01,
    }
    settings |= training
    return Context(seed, 1, "mlp", {"hidden": (8, 4)}, TrainingSettings(**settings))


def data_of(arrays_of, counts=(40, 10), weights=None) -> Data:
    values, labels = arrays_of(counts)
    return Data(values, labels, len(counts), np.ones(len(labels)) if weights is None else weights(labels))


def logits_of(name: str, data: Data, *, epochs: int = 4, **settings) -> np.ndarray:
    return make_method(name, settings).fit(data, context(max_epochs=epochs)).logits(data.inputs)


def network_and_batch(n_classes: int = 3) -> tuple[Network, Batch]:
    rng = np.random.default_rng(0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Network(MLP(4, hidden=(6, 5)), n_classes, dropout=0.0)
    inputs = torch.from_numpy(rng.standard_normal((9, 4)).astype(np.float32))
    return model, Batch(inputs, None, torch.arange(9) % n_classes, torch.ones(9), torch.arange(9))


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("focal", {"gamma": 0.0}),
        ("logit_adjustment", {"tau": 0.0}),
        ("logit_adjustment", {"tau": 0.0, "post_hoc": True}),
        ("class_balanced", {"beta": 0.0}),
    ],
    ids=str,
)
@pytest.mark.parametrize("counts", [(40, 10), (30, 15, 5)])
def test_what_is_turned_off_is_plain_training_to_the_bit(name, settings, counts, arrays_of) -> None:
    data = data_of(arrays_of, counts, weights=lambda labels: np.linspace(0.5, 2, len(labels)))
    plain, off = (make_method(*which).fit(data, context()) for which in (("erm",), (name, settings)))
    np.testing.assert_array_equal(off.logits(data.inputs), plain.logits(data.inputs))
    np.testing.assert_allclose(off.training_prior, plain.training_prior, rtol=1e-15)
    on = make_method(name).fit(data, context())
    assert np.abs(on.logits(data.inputs) - plain.logits(data.inputs)).max() > 1e-3


class TestFocal:
    def test_alpha_is_the_inverse_share_and_1_on_average(self) -> None:
        model, batch = network_and_batch()
        state = TrainingState(0, 4, MASS, 0)
        plain, balanced = (
            make_method("focal", {"alpha": alpha}).loss(model, batch, state) for alpha in (None, "balanced")
        )
        expected = np.array([1 / 0.6, 1 / 0.3, 1 / 0.1])
        expected *= 3 / expected.sum()
        np.testing.assert_allclose(
            (balanced / plain).detach().numpy(), np.tile(expected, 3), rtol=1e-5, atol=1e-6
        )

    def test_balanced_rows_are_balanced_to_the_prior_too(self, arrays_of) -> None:
        data = data_of(arrays_of)
        np.testing.assert_allclose(make_method("focal").training_prior(data), [0.8, 0.2])
        balanced = make_method("focal", {"alpha": "balanced"})
        np.testing.assert_allclose(balanced.training_prior(data), [0.5, 0.5])

    def test_without_focus_alpha_is_class_weight(self, arrays_of) -> None:
        """Up to the size of the gradient, which Adam takes out but for its epsilon."""
        data = data_of(arrays_of)
        one = logits_of("focal", data, gamma=0.0, alpha="balanced")
        np.testing.assert_allclose(one, logits_of("class_weight", data), atol=1e-3)
        assert np.abs(one - logits_of("erm", data)).max() > 0.02

    def test_an_unknown_alpha_is_refused(self) -> None:
        with pytest.raises(SettingsError, match=r"alpha is 0\.25; give 'balanced' or None"):
            make_method("focal", {"alpha": 0.25}).check()


class TestClassWeights:
    """They say what a class is to count, and not how large it is."""

    @pytest.mark.parametrize(
        ("name", "settings", "left"),
        [
            ("focal", {"alpha": "balanced"}, (1, 1)),
            ("logit_adjustment", {}, (1, 1)),
            ("logit_adjustment", {"post_hoc": True}, (1, 1)),
            ("logit_adjustment", {"tau": 0.5}, (0.8**0.5, 0.2**0.5)),
            ("balanced_softmax", {}, (1, 1)),
            ("bcl", {}, (1, 1)),
            ("sharprecl", {}, (1, 1)),
            ("drw", {"drw": 0.0}, (1 / sum(0.9999**k for k in range(40)) * 4, 1 / sum(0.9999**k for k in range(10)))),
            ("ldam", {}, (4, 1)),
        ],
    )  # fmt: skip
    def test_the_prior_is_what_the_method_leaves_times_them(self, name, settings, left, arrays_of) -> None:
        data = data_of(arrays_of)
        weighted = replace(context(), class_weight=np.array([1.0, 20.0])).weighted(data)
        expected = np.array(left) * [1, 20]
        found = make_method(name, settings).training_prior(weighted)
        np.testing.assert_allclose(found, expected / expected.sum(), rtol=1e-6)
        np.testing.assert_allclose(weighted.class_shares(), [0.8, 0.2])

    @pytest.mark.parametrize(
        ("name", "settings"),
        [
            ("focal", {"alpha": "balanced"}),
            ("logit_adjustment", {}),
            ("logit_adjustment", {"post_hoc": True}),
            ("bcl", {}),
            ("sharprecl", {"n_positives": 0, "n_negatives": 0}),
            ("drw", {"drw": 0.0}),
            ("mamix", {"drw": 0.0}),
            ("hard_smote", {"drw": 0.0}),
        ],
    )
    def test_a_class_that_counts_more_is_thought_more_likely(self, name, settings) -> None:
        """Of inputs that tell nothing, where all there is to learn is how much each class counts."""
        values = np.random.default_rng(0).standard_normal((100, 4)).astype(np.float32)
        data = Data(values, np.repeat([0, 1], [90, 10]), 2, np.ones(100))
        found = []
        for class_weight in (None, np.array([1.0, 20.0])):
            given = replace(context(max_epochs=8, learning_rate=0.02), class_weight=class_weight)
            predictor = make_method(name, settings).fit(data, given)
            found.append(softmax(predictor.logits(values))[:, 1].mean())
        assert found[1] > found[0] + 0.1

    @pytest.mark.parametrize("name", ["ldam_drw", "remix", "hard_smote", "sharprecl"])
    def test_they_change_no_size_that_a_loss_goes_by(self, name, arrays_of, monkeypatch) -> None:
        told = []
        cls = type(make_method(name))
        loss = cls.loss

        def listening(method, model, batch, state):
            sizes = method.shares(state) if name == "hard_smote" else state.class_shares
            told.append(sizes.numpy())
            return loss(method, model, batch, state)

        monkeypatch.setattr(cls, "loss", listening)
        weighted = replace(context(max_epochs=1), class_weight=np.array([1.0, 20.0]))
        make_method(name).fit(data_of(arrays_of), weighted)
        np.testing.assert_allclose(told[0], [0.8, 0.2], rtol=1e-6)


class TestDice:
    @pytest.mark.parametrize(
        "settings", [{"alpha": -1}, {"smoothing": 0}, {"denominator": "cubic"}], ids=lambda s: next(iter(s))
    )
    def test_settings_out_of_range_are_refused(self, settings) -> None:
        with pytest.raises(SettingsError, match=f"{next(iter(settings))} is"):
            make_method("dice", settings).check()

    def test_two_classes_are_not_trained_blindly(self, arrays_of) -> None:
        with pytest.raises(
            SettingsError, match=r"alpha is 1\.0, with which Dice loss cannot tell two classes"
        ):
            make_method("dice", {"alpha": 1.0}).fit(data_of(arrays_of), context())
        make_method("dice", {"alpha": 1.0}).fit(data_of(arrays_of, (20, 10, 5)), context(max_epochs=1))

    def test_settings_reach_the_loss(self, arrays_of) -> None:
        data = data_of(arrays_of)
        plain = logits_of("dice", data)
        for settings in ({"alpha": 0.1}, {"smoothing": 3.0}, {"denominator": "linear"}):
            assert np.abs(logits_of("dice", data, **settings) - plain).max() > 1e-4, settings

    def test_it_starts_at_the_class_shares_and_only_starts_there(self) -> None:
        model, _ = network_and_batch()
        method = make_method("dice")
        data = Data(np.zeros((10, 4), dtype=np.float32), np.repeat([0, 1, 2], [6, 3, 1]), 3, np.ones(10))
        method.start(model, data, None, context())
        torch.testing.assert_close(model.head.bias.detach(), MASS.log())
        with torch.no_grad():
            model.head.bias.fill_(7.0)
        for epoch in range(2):
            method.on_epoch(model, TrainingState(epoch, 4, MASS, 0))
        assert (model.head.bias == 7.0).all()


class TestLDAM:
    def test_logits_are_scaled_cosines_whatever_the_lengths(self) -> None:
        model, batch = network_and_batch()
        method = make_method("ldam", {"scale": 10.0})
        features, heads = model.embed(batch).detach().numpy(), model.head.weight.detach().numpy()
        lengths = np.linalg.norm(features, axis=1)[:, None] * np.linalg.norm(heads, axis=1)
        found = method.logits(model, batch).detach().numpy()
        np.testing.assert_allclose(found, 10 * features @ heads.T / lengths, atol=1e-5)
        with torch.no_grad():
            model.head.weight *= torch.tensor([[1.0], [20.0], [0.1]])
            model.head.bias += 5
        np.testing.assert_allclose(method.logits(model, batch).detach().numpy(), found, atol=1e-5)

    def test_the_bias_is_left_as_it_is(self, arrays_of) -> None:
        data = data_of(arrays_of)
        biases = [
            LDAM().fit(data, context(max_epochs=n, weight_decay=0.1)).model.head.bias.detach().numpy()
            for n in (1, 4)
        ]
        np.testing.assert_array_equal(*biases)

    def test_rows_weigh_by_effective_number_after_the_share_of_epochs(self) -> None:
        """Class sizes 60, 30 and 10 of 100 rows; the mean row weighs 1."""
        model, batch = network_and_batch()
        method = make_method("ldam", {"drw": 0.5})
        early, late = (
            method.loss(model, batch, TrainingState(epoch, 4, MASS, 0, 100)).detach().numpy()
            for epoch in (1, 2)
        )
        weights = np.array([1 / sum(0.9999**k for k in range(n)) for n in (60, 30, 10)])
        weights /= weights @ MASS.numpy()
        np.testing.assert_allclose(late, early * np.tile(weights, 3), rtol=1e-4)

    def test_the_number_of_rows_is_told(self, arrays_of) -> None:
        told: list[TrainingState] = []

        class Listens(LDAM):
            def on_epoch(self, model, state):
                super().on_epoch(model, state)
                told.append(state)

        Listens().fit(data_of(arrays_of), context(max_epochs=2))
        assert [state.n_rows for state in told] == [50, 50]

    def test_the_prior_is_that_of_the_weights_the_kept_epoch_has_seen(self, arrays_of) -> None:
        data = data_of(arrays_of)
        never, always = (LDAM(drw=drw).fit(data, context()) for drw in (1.0, 0.0))
        np.testing.assert_allclose(never.training_prior, [0.8, 0.2])
        weights = np.array([1 / sum(0.9999**k for k in range(n)) for n in (40, 10)])
        expected = np.array([0.8, 0.2]) * weights
        np.testing.assert_allclose(always.training_prior, expected / expected.sum(), rtol=1e-9)
        late = LDAM(drw=0.75).fit(data, context())
        np.testing.assert_allclose(late.training_prior, always.training_prior)
        assert LDAM(drw=0.8).fit(data, context()).training_prior == pytest.approx([0.8, 0.2])

    def test_settings_reach_the_loss(self, arrays_of) -> None:
        data = data_of(arrays_of)
        plain = logits_of("ldam", data)
        for settings in ({"max_margin": 0.1}, {"drw": 0.5}):
            assert np.abs(logits_of("ldam", data, **settings) - plain).max() > 1e-4, settings

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"max_margin": -1}, "max_margin is -1"),
            ({"scale": 0}, "scale is 0"),
            ({"drw": 1.5}, "drw is 1.5"),
        ],
    )
    def test_settings_out_of_range_are_refused(self, settings, message) -> None:
        with pytest.raises(SettingsError, match=message):
            make_method("ldam", settings).check()

    def test_drw_is_plain_until_it_is_late(self) -> None:
        """Class sizes 60, 30 and 10 of 100 rows, four epochs of five."""
        model, batch = network_and_batch()
        plain = functional.cross_entropy(model(batch), batch.labels, reduction="none").detach().numpy()
        weights = np.array([1 / sum(0.9999**k for k in range(n)) for n in (60, 30, 10)])
        weights /= weights @ MASS.numpy()
        for epoch, expected in ((3, plain), (4, plain * np.tile(weights, 3))):
            found = make_method("drw").loss(model, batch, TrainingState(epoch, 5, MASS, 0, 100))
            np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-4)

    def test_ldam_drw_is_ldam_with_late_weights(self) -> None:
        assert make_method("ldam_drw").get_params() == {**LDAM().get_params(), "drw": 0.8}
        model, batch = network_and_batch()
        late = TrainingState(4, 5, MASS, 0, 100)
        losses = [
            make_method(name, own).loss(model, batch, late)
            for name, own in (("ldam_drw", {}), ("ldam", {"drw": 0.8}))
        ]
        torch.testing.assert_close(*losses)


class TestClassBalanced:
    def test_beta_near_1_is_inverse_frequency(self, arrays_of) -> None:
        data = data_of(arrays_of, weights=lambda labels: np.linspace(0.5, 2, len(labels)))
        found = logits_of("class_balanced", data, beta=1 - 1e-9)
        np.testing.assert_allclose(found, logits_of("class_weight", data), atol=1e-4)

    def test_weights_by_hand_on_top_of_the_rows_own(self, arrays_of) -> None:
        """40 and 10 rows, the latter of weight 2: 50 rows of mean weight 1.2 are 33.3 and 16.7."""
        data = data_of(arrays_of, weights=lambda labels: np.where(labels, 2.0, 1.0))
        found = make_method("class_balanced", {"beta": 0.9}).resample(data, context())
        by_class = [0.1 / (1 - 0.9 ** (100 / 3)), 2 * 0.1 / (1 - 0.9 ** (50 / 3))]
        np.testing.assert_allclose(found.weights, np.array(by_class)[data.labels])

    @pytest.mark.parametrize("beta", [-0.1, 1.0])
    def test_a_beta_out_of_range_is_refused(self, beta) -> None:
        with pytest.raises(SettingsError, match="beta is"):
            make_method("class_balanced", {"beta": beta}).check()


class TestLogitAdjustment:
    def test_balanced_softmax_is_strength_1(self, arrays_of) -> None:
        data = data_of(arrays_of)
        found = logits_of("balanced_softmax", data)
        np.testing.assert_array_equal(found, logits_of("logit_adjustment", data, tau=1.0))
        assert make_method("balanced_softmax").get_params() == {}

    @pytest.mark.parametrize("tau", [0.5, 1.0])
    def test_post_hoc_subtracts_the_log_prior_of_plain_logits(self, tau, arrays_of) -> None:
        data = data_of(arrays_of, (40, 10, 5), weights=lambda labels: np.linspace(0.5, 2, len(labels)))
        found = logits_of("logit_adjustment", data, tau=tau, post_hoc=True)
        plain = logits_of("erm", data)
        np.testing.assert_allclose(found, plain - tau * np.log(data.class_mass()), atol=1e-5)

    @pytest.mark.parametrize("tau", [0.5, 1.0])
    def test_the_prior_correction_takes_a_post_hoc_adjustment_back(self, tau, arrays_of, tmp_path) -> None:
        values, labels = arrays_of((60, 20))
        settings = {"method__tau": tau, "method__post_hoc": True, **CLASSIFIER}
        plain = ArrayClassifier("erm", **CLASSIFIER).fit(values, labels)
        mended = ArrayClassifier("logit_adjustment", **settings).fit(values, labels)
        np.testing.assert_allclose(mended.predict_proba(values), plain.predict_proba(values), atol=1e-6)
        raw = ArrayClassifier("logit_adjustment", prior_correction=False, **settings).fit(values, labels)
        shifted = softmax(np.log(plain.predict_proba(values)) - tau * np.log([0.75, 0.25]))
        np.testing.assert_allclose(raw.predict_proba(values), shifted, atol=1e-6)
        raw.save(tmp_path / "m")
        loaded = ArrayClassifier.load(tmp_path / "m")
        np.testing.assert_array_equal(loaded.predict_proba(values), raw.predict_proba(values))
