"""The common checks: what every method owes. They run over the registry, so a new line there brings them all."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.metrics import average_precision_score

from counterpoise import ArrayClassifier, ImageClassifier, TextClassifier
from counterpoise.backbones.base import Batch, Network
from counterpoise.backbones.registry import BACKBONES
from counterpoise.errors import DataError, SettingsError
from counterpoise.estimators import base as estimator_base
from counterpoise.methods.base import Context, Data
from counterpoise.methods.registry import METHODS, make_method
from counterpoise.training import loop
from counterpoise.training.settings import TrainingSettings, TrainingState
from method_cases import (
    BY_TURNS,
    COVER,
    KINDS,
    LARGER,
    NETWORKS,
    SMALLEST,
    in_turn,
    its_turn,
    pairs,
    pairwise_cover,
    possible_cases,
    settings_of,
)
from tiny_networks import enough_epochs
from turns import later

CLASSIFIERS = {"text": TextClassifier, "array": ArrayClassifier, "image": ImageClassifier}
SOURCES = {"text": "texts_of", "array": "arrays_of", "image": "images_of"}
CITED = r"[A-Z]\w+( and [A-Z]\w+| et al\.)? \d{4}"
NEIGHBORS = ("encoder_neighbors", "char_neighbors")
"""Methods that see what lies near, which is what has the same fillers where these are most of a text."""


def test_the_cover_has_every_pair_in_a_fraction_of_the_cases() -> None:
    cases = possible_cases(METHODS["erm"])
    cover = pairwise_cover(cases)
    assert set().union(*map(pairs, cover)) == set().union(*map(pairs, cases))
    assert len(cover) < len(cases) / 8


def make_data(
    request: pytest.FixtureRequest, kind: str, counts: tuple[int, ...], seed: int = 0, **more: int
) -> Data:
    inputs, labels = request.getfixturevalue(SOURCES[kind])(counts, seed, **more)
    if kind == "array" and counts[1] > 1:
        # Not quite separable: one row of the first class near the second, or ADASYN would have nothing to do.
        inputs = inputs.copy()
        near, far = (inputs[labels == label].mean(axis=0) for label in (1, 0))
        inputs[np.flatnonzero(labels == 0)[0]] = 0.7 * near + 0.3 * far
    return Data(inputs, labels, len(counts), np.ones(len(labels)))


def make_context(kind: str, seed: int = 0, backbone: str | None = None, **training: Any) -> Context:
    name = backbone or SMALLEST[kind]
    training = {"max_epochs": 2, "batch_size": 32, "precision": "float32", "device": "cpu", **training}
    return Context(
        seed,
        minority=1,
        backbone=name,
        backbone_settings=settings_of(name),
        training=TrainingSettings(**training),
    )


@pytest.mark.filterwarnings("ignore::counterpoise.errors.CounterpoiseWarning")
@pytest.mark.parametrize(
    ("name", "case"),
    COVER,
    ids=lambda value: "-".join(map(str, value)) if isinstance(value, tuple) else value,
)
def test_fits_predicts_and_loads_the_same(
    name,
    case,
    request,
    tmp_path,
) -> None:
    """Finite losses and probabilities, and bit-equal probabilities after saving and loading."""
    counts = (90, 15) if case.n_classes == 2 else (9,) * 19 + (4,) * 3 + (2,)
    data = make_data(request, case.kind, counts)
    own = {} if case.backbone is None else settings_of(case.backbone)
    network = {f"backbone__{key}": value for key, value in own.items()}
    classifier = CLASSIFIERS[case.kind](
        name,
        case.backbone,
        class_weight=case.class_weight,
        precision=case.precision,
        prior_correction=case.prior_correction,
        threshold=case.threshold,
        threshold_folds=2,
        max_epochs=enough_epochs(name, 1),
        device="cpu",
        random_state=0,
        **network,
    )
    weights = np.random.default_rng(1).uniform(0.2, 3, len(data)) if case.sample_weight else None
    classifier.fit(data.inputs, data.labels, sample_weight=weights)
    probabilities = classifier.predict_proba(data.inputs)
    assert probabilities.shape == (len(data), case.n_classes)
    assert np.isfinite(probabilities).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-9)
    assert all(np.isfinite(row["loss"]) for row in classifier.history_)
    assert len(classifier.history_) == (enough_epochs(name, 1) if case.backbone else 0)
    if not METHODS[name].can_be_saved:
        with pytest.raises(SettingsError, match=f"a model of method {name!r} cannot be saved"):
            classifier.save(tmp_path / "model")
        assert not (tmp_path / "model").exists()
        return
    classifier.save(tmp_path / "model")
    loaded = type(classifier).load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict_proba(data.inputs), probabilities)
    np.testing.assert_array_equal(loaded.predict(data.inputs), classifier.predict(data.inputs))


@pytest.mark.parametrize(
    ("name", "backbone", "minority_rows", "n_classes"),
    later(
        [(*network, rows, n) for network in NETWORKS for rows, n in product((0, 1, 4), (2, 23))],
        lambda name, backbone, rows, n: in_turn(name, backbone) and (rows == 0) == (n == 2),
    ),
)
def test_loss_is_finite_and_its_gradient_reaches_the_backbone(
    name, backbone, minority_rows, n_classes, request
) -> None:
    """Also in a batch with no sample of the rarest class, and with one."""
    entry = BACKBONES[backbone]
    data = make_data(request, entry.inputs, (10,) * n_classes)
    method = make_method(name)
    encoder = entry.make_encoder(settings_of(backbone)).fit(data.inputs)
    network = entry.make_network(encoder, settings_of(backbone))
    model = Network(network, n_classes, method.modules(network.dim, n_classes))
    rare, rest = (np.flatnonzero(data.labels == 1), np.flatnonzero(data.labels != 1))
    rows = np.concatenate([rare[:minority_rows], rest[:9]])
    inputs, mask = encoder.encode(data.inputs).batch(rows)
    at = torch.from_numpy(rows)
    batch = Batch(inputs, mask, torch.from_numpy(data.labels[rows]), torch.ones(len(rows)), at)
    state = TrainingState(0, 3, torch.full((n_classes,), 1 / n_classes), 0)
    method.on_epoch(model, state)
    loss = method.loss(model, method.views(batch, state), state)
    assert loss.shape == (len(rows),)
    assert torch.isfinite(loss).all()
    loss.mean().backward()
    trained = {key: p for key, p in model.named_parameters() if p.requires_grad}
    for key, parameter in trained.items():
        assert parameter.grad is not None, key
        assert torch.isfinite(parameter.grad).all(), key
    assert any(p.grad.abs().max() > 0 for key, p in trained.items() if key.startswith("backbone."))


@pytest.mark.parametrize(("name", "kind", "backbone"), BY_TURNS)
@pytest.mark.parametrize(
    "counts",
    [(9, 1, *(8,) * 5, 5), pytest.param((40, 1), marks=pytest.mark.slow)],
    ids=["eight classes", "two classes"],
)
def test_one_minority_row_is_enough_to_train(name, kind, backbone, counts, request) -> None:
    data = make_data(request, kind, counts)
    context = make_context(kind, backbone=backbone, batch_size=8, max_epochs=enough_epochs(name, 2))
    predictor = make_method(name).fit(data, context)
    assert np.isfinite(predictor.logits(data.inputs)).all()
    assert np.isfinite(predictor.training_prior).all()
    assert (predictor.training_prior > 0).all()
    assert predictor.training_prior.sum() == pytest.approx(1)


@pytest.mark.parametrize(("name", "kind", "backbone"), BY_TURNS)
def test_the_seed_alone_decides(name, kind, backbone, request) -> None:
    """Bit-equal for one seed, whatever the global generators do; different for another."""
    data = make_data(request, kind, (40, 10))
    logits = []
    for seed, noise in ((0, 1), (0, 2), (1, 1)):
        np.random.seed(noise)
        torch.manual_seed(noise)
        context = make_context(kind, seed, backbone, max_epochs=enough_epochs(name, 2))
        logits.append(make_method(name).fit(data, context).logits(data.inputs))
    np.testing.assert_array_equal(logits[0], logits[1])
    # Of a pretrained network the seed moves features so little that they may have the same neighbours.
    alike = name == "feature_knn" and backbone in ("encoder", "vision")
    if make_method(name).trains_backbone(kind) and not alike:
        assert not np.array_equal(logits[0], logits[2])


@pytest.mark.parametrize(
    ("name", "kind", "backbone"),
    [
        *later([(name, kind, None) for name, kind in KINDS if METHODS[name].uses_backbone], its_turn),
        *LARGER,
    ],
)
def test_a_killed_training_goes_on_to_the_same_end(
    name, kind, backbone, request, tmp_path, monkeypatch
) -> None:
    """Killed once after the first epoch of whatever it trains, and once more an epoch later."""
    if not make_method(name).trains_backbone(kind):
        pytest.skip("trains no network on such data")
    data = make_data(request, kind, (40, 10))
    context = make_context(kind, backbone=backbone, max_epochs=4)
    whole = make_method(name).fit(data, context)
    context = replace(context, checkpoint=tmp_path / "a.safetensors")
    original = loop.save_checkpoint

    def dying(*arguments) -> None:
        original(*arguments)
        raise KeyboardInterrupt

    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr(loop, "save_checkpoint", dying)
            with pytest.raises(KeyboardInterrupt):
                make_method(name).fit(data, context)
    resumed = make_method(name).fit(data, context)
    np.testing.assert_array_equal(resumed.logits(data.inputs), whole.logits(data.inputs))
    np.testing.assert_array_equal(resumed.training_prior, whole.training_prior)


def long_enough(backbone: str | None) -> int:
    """Epochs in which a network learns what is easy: larger ones than the smallest of each kind are slower to."""
    return 12 if backbone is None else 24


@pytest.mark.parametrize(
    ("name", "kind", "backbone"),
    [
        # Methods that take weights are asked for more than this by test_rows_count_by_their_weights.
        *later(
            [(name, kind, None) for name, kind in KINDS],
            lambda name, kind, backbone: (
                its_turn(name, kind, backbone) and not METHODS[name].takes_sample_weight
            ),
        ),
        *LARGER,
    ],
)
def test_learns_a_separable_problem(name, kind, backbone, request) -> None:
    more = {"n_words": 3} if name in NEIGHBORS else {}
    train, test = (make_data(request, kind, (180, 20), seed, **more) for seed in (0, 1))
    context = make_context(kind, backbone=backbone, max_epochs=long_enough(backbone), learning_rate=0.02)
    predictor = make_method(name).fit(train, context)
    logits = predictor.logits(test.inputs)
    assert average_precision_score(test.labels, logits[:, 1] - logits[:, 0]) > 0.9


@pytest.mark.parametrize(("name", "kind", "backbone"), BY_TURNS)
def test_rows_count_by_their_weights(name, kind, backbone, request) -> None:
    """Two thirds of the rows are labelled wrongly and weigh a hundredth: what is learnt is what the others say."""
    train, test = (make_data(request, kind, (180, 60), seed) for seed in (0, 1))
    wrong = np.arange(len(train)) % 3 > 0
    contradicted = replace(
        train,
        labels=np.where(wrong, 1 - train.labels, train.labels),
        weights=np.where(wrong, 0.01, 1.0),
    )
    context = make_context(kind, backbone=backbone, max_epochs=long_enough(backbone), learning_rate=0.02)
    if not METHODS[name].takes_sample_weight:
        with pytest.raises(DataError, match="not defined for rows of a class that weigh differently"):
            make_method(name).fit(contradicted, context)
        return
    logits = make_method(name).fit(contradicted, context).logits(test.inputs)
    assert average_precision_score(test.labels, logits[:, 1] - logits[:, 0]) > 0.9


@pytest.mark.parametrize(
    ("name", "kind", "backbone"),
    [
        *later(
            [(name, BACKBONES[backbone].inputs, backbone) for name, backbone in NETWORKS],
            lambda name, kind, backbone: in_turn(name, backbone),
        ),
        *((name, kind, None) for name, kind in KINDS if not METHODS[name].uses_backbone),
    ],
)
def test_company_in_the_batch_does_not_matter(name, kind, backbone, request) -> None:
    """A row's logits are the same alone, among its kin and among longer rows."""
    data = make_data(request, kind, (30, 6))
    context = make_context(kind, backbone=backbone, max_epochs=enough_epochs(name, 1))
    predictor = make_method(name).fit(data, context)
    inputs = data.inputs
    if kind == "text":
        inputs = np.array([*data.inputs[:10], "sign1a", "sign1a " * 40, "unseen"], dtype=object)
    together = predictor.logits(inputs)
    alone = np.concatenate([predictor.logits(inputs[[i]]) for i in range(len(inputs))])
    # A vision model's many products are summed in another order in batches of another size.
    tolerance = 1e-5 if backbone == "vision" else 1e-6
    # LDAM's logits are cosines times 30, and so is what rounding leaves in them.
    size = getattr(make_method(name), "scale", None) or 1.0
    np.testing.assert_allclose(together, alone, atol=tolerance * max(size, 1.0), rtol=tolerance)


@pytest.mark.parametrize(("name", "method"), METHODS.items())
def test_states_its_needs(name, method) -> None:
    assert 0 < len(method.summary) <= 100
    assert "\n" not in method.summary
    assert not re.search(r"\d{4}", method.summary), "papers have a place of their own"
    assert re.fullmatch(rf"({CITED}(, {CITED})*)?", method.paper)
    assert method.inputs
    assert method.inputs <= {"text", "array", "image"}
    assert isinstance(method.uses_backbone, bool)
    assert isinstance(method.can_be_saved, bool)
    assert method.uses_backbone or not any(map(method().trains_backbone, method.inputs))
    assert (method.__doc__ or "").strip(), f"{name} has no docstring"


@pytest.mark.parametrize("name", METHODS)
def test_settings_can_be_read_changed_and_copied(name) -> None:
    method = make_method(name)
    settings = method.get_params()
    assert clone(method).get_params() == settings
    for key, value in settings.items():
        if isinstance(value, float):
            changed = clone(method).set_params(**{key: value / 2})
            assert changed.get_params()[key] == value / 2
            assert clone(changed).get_params()[key] == value / 2
            assert make_method(name, {key: value / 2}).get_params() == changed.get_params()
    assert method.get_params() == settings
    assert repr(method)
    with pytest.raises(SettingsError, match="has no setting 'nonsense'"):
        make_method(name, {"nonsense": 1})


def _impossible() -> list[tuple[str, str, dict[str, Any], str]]:
    found: list[tuple[str, str, dict[str, Any], str]] = []
    for name, method in METHODS.items():
        for kind in CLASSIFIERS:
            if kind not in method.inputs:
                found.append((name, kind, {}, "does not take"))
                continue
            foreign = next(b for b, entry in BACKBONES.items() if entry.inputs != kind)
            if method().trains_backbone(kind):
                found.append((name, kind, {"backbone": foreign}, f"{foreign!r} reads"))
                found.append((name, kind, {"backbone": "bert"}, "there is no backbone 'bert'"))
                found.append((name, kind, {"backbone__nonsense": 1}, "has no setting 'nonsense'"))
            else:
                found.append((name, kind, {"backbone": "textcnn"}, "uses no backbone"))
                found.append((name, kind, {"backbone__dim": 8}, "uses no backbone"))
            found.append((name, kind, {"method__nonsense": 1}, "has no setting 'nonsense'"))
    return found


@pytest.mark.parametrize(("name", "kind", "settings", "message"), _impossible())
def test_impossible_combinations_are_refused_before_any_work(
    name, kind, settings, message, request, monkeypatch
) -> None:
    def working(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("work was begun")

    monkeypatch.setattr(estimator_base, "fit_model", working)
    data = make_data(request, kind, (20, 5))
    with pytest.raises(SettingsError, match=message) as error:
        CLASSIFIERS[kind](name, **settings).fit(data.inputs, data.labels)
    assert "\n" not in str(error.value)
