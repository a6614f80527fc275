"""SMOTE and its kin as methods: in which space the points are, what is trained on them, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from imblearn.over_sampling import ADASYN, SMOTE, BorderlineSMOTE
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from counterpoise import ArrayClassifier, TextClassifier
from counterpoise.errors import CounterpoiseWarning, DataError, SettingsError
from counterpoise.experiments.grid import _settings_of
from counterpoise.methods.adasyn import Adasyn
from counterpoise.methods.base import Context, Data
from counterpoise.methods.borderline_smote import BorderlineSmote
from counterpoise.methods.erm import ERM
from counterpoise.methods.registry import METHODS
from counterpoise.methods.smote import Smote
from counterpoise.metrics.calibration import softmax
from counterpoise.seeding import derive_seed
from counterpoise.text.checkpoints import Checkpoint
from counterpoise.text.features import pretrained_features
from counterpoise.training.settings import TrainingSettings
from tiny_encoders import tiny_encoder
from tiny_networks import NETWORK

KIN = {
    "smote": (Smote, SMOTE),
    "borderline_smote": (BorderlineSmote, BorderlineSMOTE),
    "adasyn": (Adasyn, ADASYN),
}
EVERY = pytest.mark.parametrize("name", KIN)
TRAINING = TrainingSettings(max_epochs=2, batch_size=16, precision="float32", device="cpu")


def clouds(counts: tuple[int, ...], gap: float = 1.0, seed: int = 0) -> Data:
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    rows = rng.normal(size=(len(labels), 5)) + gap * labels[:, None]
    return Data(rows.astype(np.float32), labels, len(counts), np.ones(len(labels)))


def texts(make, counts: tuple[int, ...], seed: int = 0) -> Data:
    made, labels = make(counts, seed)
    return Data(made, labels, len(counts), np.ones(len(labels)))


def context(backbone: str = "textcnn", **more) -> Context:
    settings = (
        {"dim": 8, "vectors": "random", "n_filters": 4} if backbone == "textcnn" else {"hidden": (8, 4)}
    )
    return Context(0, 1, backbone, settings, TRAINING, **more)


@EVERY
def test_on_texts_it_is_imbalanced_learn_on_tfidf_and_logistic_regression(name, texts_of) -> None:
    ours, theirs = KIN[name]
    data = texts(texts_of, (70, 14))
    predictor = ours(C=3.0).fit(data, context())
    x = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\S+").fit_transform(
        data.inputs
    )
    sampler = theirs(random_state=derive_seed(derive_seed(0, "resample"), 1) % 2**32)
    points, labels = sampler.fit_resample(x, data.labels)
    expected = LogisticRegression(C=3.0, max_iter=1000).fit(points, labels).predict_proba(x)
    np.testing.assert_allclose(softmax(predictor.logits(data.inputs)), expected, atol=2e-3)
    np.testing.assert_allclose(predictor.training_prior, np.bincount(labels) / len(labels))


@EVERY
def test_on_arrays_all_features_weigh_alike(name) -> None:
    """Another unit for a feature changes that feature of the new rows and nothing else."""
    method, data = KIN[name][0](), clouds((40, 12))
    units = np.float32([1, 1024, 1 / 64, 1, 1])
    scaled = Data(data.inputs * units, data.labels, 2, data.weights)
    plain, other = (method.resample(d, context("mlp")) for d in (data, scaled))
    assert len(plain) > 60
    np.testing.assert_array_equal(plain.inputs[:52], data.inputs)
    assert plain.inputs.dtype == np.float32
    np.testing.assert_array_equal(plain.labels, other.labels)
    np.testing.assert_allclose(plain.inputs, other.inputs / units, rtol=1e-4, atol=1e-5)


def test_a_share_of_the_gap(texts_of) -> None:
    assert Smote(balance=0.5).resample(clouds((40, 12)), context("mlp")).class_mass()[1] == pytest.approx(
        26 / 66
    )
    predictor = Smote(balance=0.5).fit(texts(texts_of, (40, 12)), context())
    np.testing.assert_allclose(predictor.training_prior, [40 / 66, 26 / 66])
    weighted = Smote().fit(texts(texts_of, (40, 12)), context(class_weight=np.array([1.0, 3.0])))
    np.testing.assert_allclose(weighted.training_prior, [0.25, 0.75])


def test_in_the_embedding_the_head_alone_is_fitted_anew(texts_of) -> None:
    data = texts(texts_of, (60, 10))
    plain, ours = (method.fit(data, context()) for method in (ERM(), Smote(space="embedding", C=2.0)))
    for (key, expected), found in zip(
        plain.model.state_dict().items(), ours.model.state_dict().values(), strict=True
    ):
        assert torch.equal(found, expected) != key.startswith("head."), key
    rows = plain.embed(data.inputs)
    rows = rows / np.linalg.norm(rows, axis=1).mean()
    sampler = SMOTE(random_state=derive_seed(derive_seed(0, "resample"), 1) % 2**32)
    points, labels = sampler.fit_resample(rows, data.labels)
    reference = LogisticRegression(C=2.0, max_iter=1000).fit(points, labels)
    np.testing.assert_allclose(softmax(ours.logits(data.inputs)), reference.predict_proba(rows), atol=2e-3)
    np.testing.assert_allclose(ours.training_prior, [0.5, 0.5])
    assert [row["epoch"] for row in ours.history] == [1, 2]


@pytest.mark.parametrize("name", KIN)
def test_on_a_frozen_encoder_they_work_on_its_vectors(name, texts_of) -> None:
    """Standardised, brought to length 1 in the mean, filled up, and a head fitted to them; no weight of it moves."""
    ours, theirs = KIN[name]
    data = texts(texts_of, (60, 10))
    made = ours(space="embedding", C=2.0)
    settings = {"name": tiny_encoder()}
    predictor = made.fit(data, Context(0, 1, "encoder", settings, TRAINING))
    assert {key for key, _ in predictor.model.named_parameters()} == {"head.weight", "head.bias"}
    vectors = pretrained_features(Checkpoint.open(tiny_encoder()), list(data.inputs), cache=False)
    rows = StandardScaler().fit_transform(vectors).astype(np.float32)
    np.testing.assert_allclose(predictor.embed(data.inputs), rows, atol=1e-4)
    scale = np.linalg.norm(rows, axis=1).mean()
    sampler = theirs(random_state=derive_seed(derive_seed(0, "resample"), 1) % 2**32)
    points, labels = sampler.fit_resample(rows / scale, data.labels)
    reference = LogisticRegression(C=2.0, max_iter=1000).fit(points, labels)
    expected = reference.predict_proba(rows / scale)
    np.testing.assert_allclose(softmax(predictor.logits(data.inputs)), expected, atol=5e-3)


def test_the_embedding_space_goes_through_a_classifier_and_back(texts_of, tmp_path) -> None:
    made, labels = texts_of((60, 12))
    classifier = TextClassifier("smote", method__space="embedding", **NETWORK).fit(made, labels)
    assert classifier.trains_backbone
    classifier.save(tmp_path / "model")
    loaded = TextClassifier.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict_proba(made), classifier.predict_proba(made))


def test_a_backbone_is_refused_where_none_is_trained(texts_of) -> None:
    made, labels = texts_of((20, 5))
    with pytest.raises(
        SettingsError, match="no backbone on text data with the settings it has, but 'textcnn'"
    ):
        TextClassifier("smote", "textcnn").fit(made, labels)
    assert not TextClassifier("smote").trains_backbone
    assert ArrayClassifier("smote").trains_backbone
    assert _settings_of("smote", "textcnn", {}, "text").network is None
    assert _settings_of("smote", "textcnn", {"method__space": "embedding"}, "text").network == "textcnn"


@pytest.mark.filterwarnings("ignore::counterpoise.errors.CounterpoiseWarning")
@EVERY
@pytest.mark.parametrize("counts", [(40, 8), (12,) * 7 + (5,), (9,) * 22 + (2,)])
def test_any_number_of_classes(name, counts, texts_of) -> None:
    data = texts(texts_of, counts)
    predictor = KIN[name][0]().fit(data, context())
    assert (predictor.logits(data.inputs).argmax(axis=1) == data.labels).mean() > 0.9
    rows = clouds(counts)
    assert np.isfinite(KIN[name][0]().fit(rows, context("mlp")).logits(rows.inputs)).all()


def test_adasyn_without_a_difficult_row_names_smote() -> None:
    data = clouds((40, 12), gap=50.0)
    with pytest.raises(
        DataError, match=r"1 of 1 smaller classes have no difficult row.*; use smote"
    ) as error:
        Adasyn().fit(data, context("mlp"))
    assert "\n" not in str(error.value)
    with pytest.raises(DataError, match="use smote"):
        ArrayClassifier("adasyn", random_state=0).fit(data.inputs, data.labels)


def test_adasyn_with_some_easy_classes_warns_of_them() -> None:
    data = clouds((40, 12, 12), gap=0.0)
    data.inputs[data.labels == 2] += 50
    with pytest.warns(CounterpoiseWarning, match="1 of 2 smaller classes have no difficult row"):
        found = Adasyn().resample(data, context("mlp"))
    assert np.bincount(found.labels)[2] == 12


def test_without_a_border_training_goes_on_plainly_and_that_is_said() -> None:
    data = clouds((40, 12), gap=50.0)
    with pytest.warns(
        CounterpoiseWarning, match=r"1 of 1 smaller classes have no row in danger.*; use smote"
    ):
        ours = BorderlineSmote().fit(data, context("mlp"))
    np.testing.assert_array_equal(
        ours.logits(data.inputs), ERM().fit(data, context("mlp")).logits(data.inputs)
    )


@EVERY
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused(name, value) -> None:
    data = clouds((20, 8))
    data.inputs[7, 3] = value
    with pytest.raises(DataError, match=r"row 7, column 3 is (NaN|inf)") as error:
        KIN[name][0]().fit(data, context("mlp"))
    with pytest.raises(DataError) as through_the_door:
        ArrayClassifier("erm").fit(data.inputs, data.labels)
    assert str(through_the_door.value) == str(error.value)
    assert "\n" not in str(error.value)


@EVERY
@pytest.mark.parametrize(
    ("setting", "value"),
    [
        *(("balance", value) for value in (0, 1.5, -1, "auto", float("nan"))),
        ("space", "words"),
        ("C", 0),
        ("max_ngram", 0),
        ("neighbours", 0),
        ("neighbours", 2.5),
    ],
)
def test_settings_out_of_range_are_refused(name, setting, value) -> None:
    if setting == "neighbours":
        setting = "n_neighbors" if name == "adasyn" else "k_neighbors"
    with pytest.raises(SettingsError, match=f"^{setting} is"):
        METHODS[name](**{setting: value}).check()


def test_danger_needs_a_whole_number_of_neighbours() -> None:
    with pytest.raises(SettingsError, match="m_neighbors is 0; borderline_smote needs an int of 1 or more"):
        BorderlineSmote(m_neighbors=0).check()
