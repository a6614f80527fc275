"""Stages in which all classes count alike: their batches, resuming, saving, and what all methods with one owe."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score
from stage_helpers import COUNTS, make_context, make_data, watch

from counterpoise.backbones.mlp import MLP
from counterpoise.errors import SettingsError
from counterpoise.methods import balanced_stage
from counterpoise.methods.balanced_batches import BalancedBatches
from counterpoise.methods.balanced_stage import BalancedSteps
from counterpoise.methods.erm import ERM
from counterpoise.methods.network_predictor import NetworkPredictor
from counterpoise.methods.registry import make_method
from counterpoise.metrics.calibration import shift_prior, softmax
from counterpoise.seeding import generator
from counterpoise.training import loop

METHODS = {
    "crt": {"head_epochs": 3},
    "crt unfrozen": {"head_epochs": 3, "unfreeze": True},
    "tau_norm": {},
    "lws": {"head_epochs": 3},
    "ncm": {},
    "two_stage": {"head_epochs": 3},
}
STAGED = ["crt", "crt unfrozen", "lws", "two_stage"]


def method_of(name: str):
    return make_method(name.split()[0], METHODS[name])


@given(
    st.lists(st.integers(1, 90), min_size=2, max_size=23),
    st.integers(2, 70),
    st.integers(0, 2**32),
)
def test_an_epoch_is_as_many_balanced_steps_as_plain_training_takes(counts, batch_size, seed) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    share = max(batch_size // len(counts), 1)
    found = BalancedSteps().batches(labels, np.ones(len(labels)), batch_size, np.random.default_rng(seed))
    for rows in found:
        drawn = np.bincount(labels[rows], minlength=len(counts))
        if batch_size >= len(counts):
            np.testing.assert_array_equal(drawn, share)
        else:
            assert drawn.max() == 1
            assert batch_size / 2 <= len(rows) <= batch_size
    assert len(found) == -(-len(labels) // batch_size)
    drawn = np.bincount(labels[np.concatenate(found)], minlength=len(counts))
    assert np.ptp(drawn) <= 1, "classes take turns where a batch does not hold all"


def test_more_classes_than_a_batch_holds_take_turns_and_the_largest_is_seen_whole() -> None:
    labels = np.repeat(np.arange(7), (9, 6, 4, 3, 2, 1, 1))
    found = BalancedBatches().batches(labels, np.arange(26), 3, np.random.default_rng(0))
    assert {len(rows) for rows in found} == {2, 3}
    np.testing.assert_array_equal(np.bincount(labels[np.concatenate(found)]), 9)
    assert set(range(9)) <= set(np.concatenate(found).tolist())


def test_every_row_comes_up_in_the_long_run() -> None:
    labels = np.repeat([0, 1], [500, 3])
    seen = [BalancedSteps().batches(labels, np.ones(503), 32, generator(0, epoch)) for epoch in range(12)]
    assert set(np.concatenate([rows for batches in seen for rows in batches]).tolist()) == set(range(503))


def test_the_head_is_judged_and_stopped_by_the_validation_side(monkeypatch) -> None:
    """The epoch that is kept is the best one, by scikit-learn's average precision of the final predictor."""
    data, side = make_data("textcnn", (120, 12)), make_data("textcnn", (60, 20), 1)
    histories = watch(monkeypatch, balanced_stage, "train")
    context = make_context("textcnn", side, patience=2, max_epochs=2)
    predictor = make_method("crt", {"head_epochs": 40}).fit(data, context)
    (history,) = histories
    scores = [row["average_precision"] for row in history.epochs]
    assert len(scores) == history.best_epoch + 2 < 40
    assert history.best_epoch == int(np.argmax(scores)) + 1
    logits = predictor.logits(side.inputs)
    expected = average_precision_score(side.labels, softmax(logits)[:, 1])
    assert max(scores) == pytest.approx(expected, abs=1e-6)
    assert len(predictor.history) == 2, "the history is that of the first stage"


class Killed(Exception):
    pass


@pytest.mark.parametrize("name", METHODS)
def test_a_training_killed_after_any_epoch_goes_on_where_it_was(name, tmp_path, monkeypatch) -> None:
    """The same bits as uninterrupted, no epoch trained twice; checkpoints lie beside the one that was named."""
    data, side = make_data("mlp", (60, 12)), make_data("mlp", (30, 8), 1)
    saves: list[int] = []
    fatal = [0]
    original = loop.save_checkpoint

    def dying(*args):
        original(*args)
        saves.append(1)
        if len(saves) == fatal[0]:
            raise Killed

    monkeypatch.setattr(loop, "save_checkpoint", dying)

    def fit(folder):
        folder.mkdir(exist_ok=True)
        saves.clear()
        context = make_context(
            validation=side, patience=9, checkpoint=folder / "model.checkpoint.safetensors"
        )
        return method_of(name).fit(data, context)

    whole = fit(tmp_path / "whole").logits(data.inputs)
    total = len(saves)
    assert total == (6 if name in STAGED else 3)
    for death in range(1, total + 1):
        folder = tmp_path / str(death)
        fatal[0] = death
        with pytest.raises(Killed):
            fit(folder)
        fatal[0] = 0
        np.testing.assert_array_equal(fit(folder).logits(data.inputs), whole)
        assert len(saves) == total - death
        assert all(file.name.startswith("model.checkpoint") for file in folder.iterdir())


@pytest.mark.parametrize(("given", "expected"), [(2e-5, 4e-4), (None, 1e-3)])
@pytest.mark.parametrize("name", ["crt", "crt unfrozen", "two_stage"])
def test_the_head_of_a_slow_backbone_learns_as_fast_in_both_stages(
    name, given, expected, monkeypatch
) -> None:
    """A pretrained backbone's rate is a twentieth of its head's, in whichever stage the head is trained."""
    monkeypatch.setattr(MLP, "learning_rate", 5e-5)
    optimizers = watch(monkeypatch, loop, "make_optimizer")
    method_of(name).fit(make_data("mlp", (20, 5)), make_context(max_epochs=1, learning_rate=given))
    assert len(optimizers) == 2
    for optimizer in optimizers:
        assert optimizer.param_groups[-1]["lr"] == pytest.approx(expected)


@pytest.mark.parametrize("n_classes", COUNTS)
@pytest.mark.parametrize("backbone", ["mlp", "textrnn"])
@pytest.mark.parametrize("name", METHODS)
def test_many_classes_one_with_one_row(name, backbone, n_classes) -> None:
    """Finite, a prior of shares above 0, and the same logits from the saved state."""
    data = make_data(backbone, COUNTS[n_classes])
    assert data.labels.max() + 1 == len(COUNTS[n_classes]) == n_classes
    predictor = method_of(name).fit(data, make_context(backbone, minority=None))
    logits = predictor.logits(data.inputs)
    assert logits.shape == (len(data), n_classes)
    assert np.isfinite(logits).all()
    assert (predictor.training_prior > 0).all()
    assert predictor.training_prior.sum() == pytest.approx(1)
    again = NetworkPredictor.from_state(predictor.state(), method_of(name))
    np.testing.assert_array_equal(again.logits(data.inputs), logits)
    assert again.notes == predictor.notes
    np.testing.assert_allclose(again.training_prior, predictor.training_prior)


@pytest.mark.parametrize("name", METHODS)
def test_the_prior_of_the_logits(name) -> None:
    """Equal shares after a balanced end, but for row weights; the data's own after a plain one."""
    data = make_data("mlp", (60, 12), weighted=True)
    data.weights[data.labels == 1] *= 5
    context = make_context(class_weight=np.array([1.0, 2.0]))
    prior = method_of(name).fit(data, context).training_prior
    by_class = [data.weights[data.labels == label] * (1, 2)[label] for label in (0, 1)]
    if name == "two_stage":
        expected = np.array([rows.sum() for rows in by_class])
    else:
        expected = np.array([rows.mean() for rows in by_class])
    if name not in ("tau_norm", "ncm"):  # measured instead; see below
        np.testing.assert_allclose(prior, expected / expected.sum())


@pytest.mark.parametrize(
    "settings", [("tau_norm", {"tau": t}) for t in (0.0, 0.5, 1.0)] + [("ncm", {})], ids=str
)
def test_a_measured_prior_returns_the_mean_probability_of_each_class_to_its_share(settings) -> None:
    """On the validation side, by sample weights and not by class weights."""
    data = make_data("textcnn", COUNTS[8], weighted=True)
    side = make_data("textcnn", (40, 11, 10, 9, 8, 8, 8, 8), 1, weighted=True)
    context = make_context("textcnn", side, minority=None, class_weight=np.linspace(1, 4, 8))
    predictor = make_method(*settings).fit(data, context)
    shifted = shift_prior(predictor.logits(side.inputs), predictor.training_prior, side.class_mass())
    mean = np.average(softmax(shifted), axis=0, weights=side.weights)
    np.testing.assert_allclose(mean, side.class_mass(), atol=1e-4)


def gaussians(n: int, share: float, seed: int):
    """Rows of one feature, N(-1, 1) and N(1, 1): balanced log-odds of class 1 are ``2 x`` exactly."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(n) < n * share).astype(np.int64)
    inputs = (rng.standard_normal(n) + 2 * labels - 1).astype(np.float32)[:, None]
    data = make_data("mlp", (1, 1))
    return type(data)(inputs, labels, 2, np.ones(n))


@pytest.mark.parametrize("name", ["crt", "crt unfrozen", "lws", "ncm"])
def test_the_logits_are_log_odds_under_equal_shares(name) -> None:
    """Against Bayes' rule: 0 between the classes, where plain training says -3; prior correction returns it."""
    data = gaussians(3000, 0.05, 0)
    context = make_context(max_epochs=5, batch_size=64)
    settings = {"head_epochs": 10} if "head_epochs" in METHODS[name] else {}
    middle = np.linspace(-0.2, 0.2, 9, dtype=np.float32)[:, None]

    def log_odds(logits) -> float:
        return float(np.mean(logits[:, 1] - logits[:, 0]))

    plain = log_odds(ERM().fit(data, context).logits(middle))
    assert plain < -2
    predictor = method_of(name).set_params(**settings).fit(data, context)
    balanced = predictor.logits(middle)
    if name != "ncm":  # whose shares are measured
        assert abs(log_odds(balanced)) < 0.8
    corrected = shift_prior(balanced, predictor.training_prior, data.class_mass())
    assert abs(log_odds(corrected) - np.log(0.05 / 0.95)) < 0.8


@pytest.mark.parametrize("name", METHODS)
def test_the_global_generator_of_torch_is_left_alone(name) -> None:
    data = make_data("mlp", (20, 5))
    torch.manual_seed(5)
    before = torch.get_rng_state()
    method_of(name).fit(data, make_context(max_epochs=1))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", ["crt", "lws", "two_stage"])
@pytest.mark.parametrize("epochs", [0, -1, 2.0, True, "many", None])
def test_epochs_that_are_none_are_refused(name, epochs) -> None:
    with pytest.raises(SettingsError, match=f"head_epochs is .*; {name} needs an int of 1 or more"):
        make_method(name, {"head_epochs": epochs}).check()
