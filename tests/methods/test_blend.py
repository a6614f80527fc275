"""Blends by hand and by optimisation, their members saved with them, and the frozen encoder that is one of them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression

from counterpoise import TextClassifier
from counterpoise.errors import SettingsError
from counterpoise.estimators.loading import load_model
from counterpoise.experiments.sources import closure, modules_of_run
from counterpoise.methods.base import Context, Data
from counterpoise.methods.blend import Blend, fitted_weights
from counterpoise.methods.blend_predictor import even_logits
from counterpoise.methods.encoder_lr import EncoderLR
from counterpoise.methods.frozen_encoder import unit
from counterpoise.methods.registry import make_method
from counterpoise.text.checkpoints import Checkpoint
from counterpoise.text.features import pretrained_features
from counterpoise.training.settings import TrainingSettings
from tiny_encoders import tiny_encoder
from tiny_texts import make_texts


@pytest.fixture
def data() -> Data:
    texts, labels = make_texts((60, 20), seed=4)
    return Data(texts, labels, 2, np.ones(80))


def test_encoder_lr_is_logistic_regression_on_its_vectors(data) -> None:
    predictor = EncoderLR(C=3.0).fit(data, Context(0))
    vectors = pretrained_features(Checkpoint.open(tiny_encoder()), list(data.inputs), cache=False)
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    np.testing.assert_allclose(predictor.embed(data.inputs), vectors, atol=1e-6)
    own = LogisticRegression(C=3.0, class_weight="balanced", max_iter=1000).fit(vectors, data.labels)
    logits = predictor.logits(data.inputs)
    np.testing.assert_allclose(logits[:, 1] - logits[:, 0], own.decision_function(vectors), atol=1e-3)
    np.testing.assert_allclose(predictor.training_prior, 0.5)
    plain = EncoderLR(balanced=False).fit(data, Context(0))
    np.testing.assert_allclose(plain.training_prior, [0.75, 0.25])


def test_vectors_of_no_length_stay() -> None:
    np.testing.assert_allclose(unit(np.array([[3.0, 4.0], [0.0, 0.0]])), [[0.6, 0.8], [0.0, 0.0]])


def test_equal_weights_are_the_mean_of_centred_logits(data) -> None:
    blend = Blend().fit(data, Context(0))
    members = [make_method(name).fit(data, Context(0)) for name in ("encoder_lr", "tfidf_lr", "char_lr")]
    logits = [member.logits(data.inputs) for member in members]
    expected = sum(z - z.mean(axis=1, keepdims=True) for z in logits) / 3
    np.testing.assert_allclose(blend.logits(data.inputs), expected, atol=1e-9)
    np.testing.assert_allclose(blend.training_prior, 0.5)


def test_class_weights_are_class_shares_of_the_whole_and_are_saved(data, tmp_path) -> None:
    """Members' own are divided out with all else that a member believes of the shares."""
    settings = {
        "random_state": 0,
        "method__members": "nb_lr,tfidf_lr",
        "prior_correction": False,
        "threshold": 0.5,
    }
    plain, weighted = (
        TextClassifier("blend", class_weight=given, **settings).fit(data.inputs, data.labels)
        for given in (None, {1: 20.0})
    )
    np.testing.assert_allclose(weighted.fitted_.predictor.training_prior, [1 / 21, 20 / 21])
    means = [classifier.predict_proba(data.inputs)[:, 1].mean() for classifier in (plain, weighted)]
    assert means[1] > means[0] + 0.1
    for classifier, name in ((plain, "plain"), (weighted, "weighted")):
        classifier.save(tmp_path / name)
        again = load_model(tmp_path / name)
        np.testing.assert_array_equal(again.predict_proba(data.inputs), classifier.predict_proba(data.inputs))
    assert "class_weight" not in plain.fitted_.predictor.state().tensors, "as in models saved before"


def test_members_under_other_priors_are_brought_to_one(data) -> None:
    """A member that weighs classes and one that does not are averaged under equal shares."""
    settings = {"tfidf_lr": {"balanced": False}}
    blend = Blend(members="nb_lr,tfidf_lr", settings=settings).fit(data, Context(0))
    plain = blend.predictors["tfidf_lr"]
    np.testing.assert_allclose(plain.training_prior, [0.75, 0.25])
    shifted = plain.logits(data.inputs) - np.log([0.75, 0.25])
    np.testing.assert_allclose(
        even_logits(plain, data.inputs), shifted - shifted.mean(axis=1, keepdims=True), atol=1e-12
    )


@pytest.mark.parametrize("members", ["tfidf_lr,erm", "erm,tfidf_lr"])
def test_the_embedding_is_that_of_a_member_that_trains_a_network(data, members) -> None:
    context = Context(0, 1, "textcnn", {"dim": 8, "n_filters": 4}, TrainingSettings(max_epochs=1))
    blend = Blend(members=members).fit(data, context)
    expected = blend.predictors["erm"].embed(data.inputs)
    np.testing.assert_array_equal(blend.embed(data.inputs), expected)


def test_weights_by_number(data) -> None:
    one = Blend(members="encoder_lr,tfidf_lr", weights=(0, 2)).fit(data, Context(0)).logits(data.inputs)
    alone = make_method("tfidf_lr").fit(data, Context(0)).logits(data.inputs)
    np.testing.assert_allclose(one, alone - alone.mean(axis=1, keepdims=True), atol=1e-9)


class TestFittedWeights:
    def test_no_other_weights_lose_less(self) -> None:
        rng = np.random.default_rng(0)
        labels = rng.integers(0, 3, 400)
        truth = np.eye(3)[labels]
        logits = np.stack(
            [truth * s + rng.normal(0, n, truth.shape) for s, n in ((1.0, 1.0), (0.5, 2.0), (0.0, 1.0))]
        )
        weights = rng.uniform(0.5, 2.0, 400)

        def loss(w):
            found = log_softmax(np.tensordot(w, logits, 1), axis=1)[np.arange(400), labels]
            return -(weights * found).sum() / weights.sum()

        best = fitted_weights(logits, labels, weights)
        assert (best >= 0).all()
        for other in best + rng.normal(0, 0.05, (200, 3)):
            assert loss(best) <= loss(np.maximum(other, 0)) + 1e-9
        assert best[0] > best[1] > best[2]
        np.testing.assert_allclose(best[2], 0, atol=0.1)

    def test_members_that_are_wrong_count_nothing(self) -> None:
        labels = np.array([0, 1] * 50)
        right = np.eye(2)[labels] * 0.5
        found = fitted_weights(np.stack([right, right[:, ::-1]]), labels, np.ones(100))
        assert found[1] == 0
        (
            np.testing.assert_allclose(fitted_weights(right[None, :, ::-1], labels, np.ones(100)), 1),
            "none is left",
        )

    def test_they_are_fitted_to_texts_that_members_have_not_seen(self, data, monkeypatch) -> None:
        seen = []
        fit = EncoderLR.fit

        def spy(method, side, context):
            predictor = fit(method, side, context)
            logits = predictor.logits

            def told(inputs):
                seen.append((set(side.inputs), set(inputs)))
                return logits(inputs)

            monkeypatch.setattr(predictor, "logits", told, raising=False)
            return predictor

        monkeypatch.setattr(EncoderLR, "fit", spy)
        Blend(weights="crossfit").fit(data, Context(0))
        assert len(seen) == 3
        assert not any(fitted & asked for fitted, asked in seen)
        assert set.union(*(asked for _, asked in seen)) == set(data.inputs)


@pytest.mark.parametrize("weights", ["equal", "crossfit", (1.0, 2.0, 0.5)])
def test_saved_with_all_its_words(weights, data, tmp_path) -> None:
    members = ("tfidf_lr", "encoder_lr", "erm")
    small = {
        "backbone__dim": 8,
        "backbone__n_filters": 4,
        "max_epochs": 1,
        "precision": "float32",
        "device": "cpu",
    }
    blend = TextClassifier(
        "blend",
        "textcnn",
        method__members=members,
        method__weights=weights,
        random_state=0,
        threshold=0.5,
        **small,
    )
    blend.fit(data.inputs, data.labels)
    blend.save(tmp_path / "m")
    loaded = load_model(tmp_path / "m")
    np.testing.assert_array_equal(loaded.predict_proba(data.inputs), blend.predict_proba(data.inputs))
    config = json.loads((tmp_path / "m" / "config.json").read_text())
    kinds = [member["kind"] for member in config["predictor"]["members"]]
    assert kinds == ["linear", "encoder_linear", "network"]


def test_a_network_is_trained_only_where_a_member_does() -> None:
    assert not Blend().trains_backbone("text")
    assert Blend(members="erm,tfidf_lr").trains_backbone("text")


def test_what_a_run_hangs_on() -> None:
    modules = closure(*modules_of_run("blend", {"members": ["nb_lr", "miso_edit"]}, None))
    assert {"counterpoise.methods.nb_lr", "counterpoise.miso.variants"} <= set(modules)
    assert "counterpoise.methods.tfidf_svm" not in modules
    digest = Checkpoint.open(tiny_encoder()).digest
    assert digest in make_method("blend").identity()
    assert make_method("blend", {"members": ["nb_lr", "tfidf_lr"]}).identity() == ""


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"members": "tfidf_lr"}, "name two or more different methods"),
        ({"members": "tfidf_lr,tfidf_lr"}, "name two or more different methods"),
        ({"members": "tfidf_lr,blend"}, "cannot have the member 'blend'"),
        ({"members": "tfidf_lr,auto"}, "cannot have the member 'auto'"),
        ({"members": "tfidf_lr,nosuch"}, "cannot have the member 'nosuch'"),
        ({"weights": "best"}, "weights is 'best'"),
        ({"weights": (1.0,)}, r"weights is \(1\.0,\); give 'equal', 'crossfit' or 3 finite numbers"),
        *(
            ({"weights": weights}, r"^weights is .*; give 'equal', 'crossfit' or 3 finite numbers")
            for weights in (
                *([1, 1, value] for value in ("a", None, float("nan"), float("inf"), [1])),
                *(3, None, {}, [1, 2], [1, 2, 3, 4]),
            )
        ),
        *(
            ({"members": members}, "^members is .*; give a list of names, or one string with commas")
            for members in (5, None, ["tfidf_lr", 5], [["tfidf_lr", "nb_lr"]])
        ),
        *(
            ({"settings": given}, "^settings is .*; give a dict of settings for each member")
            for given in ([1], "C", 5, {"tfidf_lr": 5}, {"tfidf_lr": [1]})
        ),
        ({"settings": {5: {}}}, "settings name 5, which is no member"),
        ({"weights": (0.0, 0.0, 0.0)}, "not all of them 0"),
        ({"weights": (-1.0, 2.0, 1.0)}, "of 0 or more"),
        ({"settings": {"nb_lr": {}}}, "is no member of the blend"),
        ({"settings": {"tfidf_lr": {"D": 3}}}, "member 'tfidf_lr' has no setting 'D'"),
        ({"settings": {"tfidf_lr": {"C": -3}}}, "C is -3"),
        ({"encoder": "./none"}, "there is no encoder folder"),
    ],
)
def test_refused(settings, message) -> None:
    with pytest.raises(SettingsError, match=message) as error:
        Blend(**settings).check()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("settings", [{"members": 5}, {"members": "nosuch,erm"}, {"settings": [1]}])
def test_what_can_be_no_member_is_refused_by_all_that_ask_the_members(settings) -> None:
    """The command line asks whether a network is trained before it checks."""
    blend = Blend(**settings)
    for ask in (blend.made, lambda: blend.trains_backbone("text"), lambda: blend.check_savable("blend")):
        with pytest.raises(SettingsError):
            ask()


@pytest.mark.parametrize("weights", [np.array([1.0, 3.0, 0.0]), [1, 3, 2], (1, 1, np.float32(3)), (0, 0, 1)])
def test_numbers_of_any_type_are_taken(weights) -> None:
    Blend(weights=weights).check()


def test_a_blend_can_be_saved_if_all_its_members_can(data, tmp_path) -> None:
    Blend().check_savable("blend")
    classifier = TextClassifier("blend", method__members="balanced_forest,tfidf_lr", threshold=0.5)
    for refused in (
        classifier.check_savable,
        lambda: classifier.fit(data.inputs, data.labels).save(tmp_path / "m"),
    ):
        with pytest.raises(
            SettingsError, match="a blend with the member 'balanced_forest' cannot be saved"
        ) as error:
            refused()
        assert "\n" not in str(error.value)
    assert np.isfinite(classifier.predict_proba(data.inputs)).all()
    assert not (tmp_path / "m").exists()


def test_its_weights_are_fitted_with_all_classes_alike(monkeypatch) -> None:
    texts, labels = make_texts((60, 12), 0)
    seen = []

    def fitted(logits, labels, weights):
        seen.append((labels, weights))
        return np.array([0.5, 0.5])

    monkeypatch.setattr("counterpoise.methods.blend.fitted_weights", fitted)
    Blend(members="tfidf_lr,char_lr", weights="crossfit").fit(Data(texts, labels, 2, np.ones(72)), Context(0))
    ((labels, weights),) = seen
    one, other = np.bincount(labels, weights)
    assert one == pytest.approx(other)
