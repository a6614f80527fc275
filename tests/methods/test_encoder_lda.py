"""Discriminant analysis over a frozen encoder: against scikit-learn, against Bayes' rule, and what it refuses."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.covariance import ledoit_wolf
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.preprocessing import StandardScaler

from counterpoise import TextClassifier
from counterpoise.errors import DataError, SettingsError
from counterpoise.estimators.loading import load_model
from counterpoise.methods.base import Context, Data
from counterpoise.methods.encoder_lda import EncoderLDA
from counterpoise.methods.encoder_lr import EncoderLR
from counterpoise.metrics.calibration import softmax
from counterpoise.text.checkpoints import Checkpoint
from counterpoise.text.features import pretrained_features
from tiny_encoders import tiny_encoder
from tiny_texts import make_texts


def texts(counts: tuple[int, ...], seed: int = 4) -> Data:
    made, labels = make_texts(counts, seed)
    return Data(made, labels, len(counts), np.ones(len(labels)))


def vectors_of(data: Data) -> np.ndarray:
    found = pretrained_features(Checkpoint.open(tiny_encoder()), list(data.inputs), cache=False)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@pytest.mark.parametrize("counts", [(60, 20), (30, 25, 20, 16, 12, 9, 6, 3)], ids=len)
def test_unbalanced_it_is_scikit_learns(counts) -> None:
    """Probabilities under the shares of the rows, by the other solver that shrinks."""
    data = texts(counts)
    predictor = EncoderLDA(balanced=False).fit(data, Context(0))
    rows = vectors_of(data).astype(np.float64)
    expected = LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto").fit(rows, data.labels)
    np.testing.assert_allclose(
        softmax(predictor.logits(data.inputs)), expected.predict_proba(rows), rtol=1e-3, atol=1e-4
    )
    np.testing.assert_allclose(predictor.training_prior, np.array(counts) / sum(counts))
    np.testing.assert_allclose(predictor.embed(data.inputs), rows, atol=1e-6)


def test_balanced_it_is_the_same_under_equal_priors() -> None:
    """The discriminants written out: shrunk covariances weighted by the shares of the classes, priors nowhere else."""
    counts = (60, 25, 7)
    data = texts(counts)
    predictor = EncoderLDA().fit(data, Context(0))
    rows, covariance, means = vectors_of(data).astype(np.float64), 0.0, []
    for label, count in enumerate(counts):
        own = rows[data.labels == label]
        scale = StandardScaler().fit(own).scale_
        covariance += count / 92 * ledoit_wolf((own - own.mean(axis=0)) / scale)[0] * np.outer(scale, scale)
        means.append(own.mean(axis=0))
    directions = np.linalg.solve(covariance, np.array(means).T)
    linear = rows @ directions - 0.5 * np.diag(means @ directions)
    np.testing.assert_allclose(
        log_softmax(predictor.logits(data.inputs), axis=1), log_softmax(linear, axis=1), rtol=1e-3, atol=1e-3
    )
    np.testing.assert_allclose(predictor.training_prior, 1 / 3)
    weighted = EncoderLDA().fit(data, Context(0, class_weight=np.array([1.0, 1.0, 4.0])))
    np.testing.assert_allclose(weighted.training_prior, [1 / 6, 1 / 6, 4 / 6])
    moved = weighted.logits(data.inputs) - predictor.logits(data.inputs)
    # Intercepts are kept in float32, so that much of a large one is lost.
    lost = 2 * np.finfo(np.float32).eps * np.abs(predictor.intercepts).max()
    np.testing.assert_allclose(moved - moved[:, :1], np.tile([0, 0, np.log(4)], (92, 1)), atol=lost)
    assert lost < 1e-3


def test_where_classes_are_normal_it_is_bayes_rule() -> None:
    """N(m, S) and N(-m, S): log-odds under equal shares are 2 m S^-1 x, however rare the class."""
    rng = np.random.default_rng(0)
    labels = (np.arange(40_000) < 2_000).astype(np.int64)
    mean, spread = np.array([0.5, -0.2, 0.1]), np.array([1.0, 0.5, 2.0])
    rows = rng.standard_normal((40_000, 3)) * spread + np.where(labels[:, None], mean, -mean)
    data = Data(rows, labels, 2, np.ones(40_000)).balanced()
    coefficients, intercepts = EncoderLDA().linear(rows, data)
    np.testing.assert_allclose(coefficients[1] - coefficients[0], 2 * mean / spread**2, rtol=0.15)
    assert intercepts[1] - intercepts[0] == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("counts", [(30, 1), (12, 9, *[3] * 20, 1), (1, 2)], ids=len)
def test_a_class_of_one_row(counts) -> None:
    data = texts(counts)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        predictor = EncoderLDA().fit(data, Context(0))
    assert np.isfinite(predictor.logits(data.inputs)).all()


def test_saved_and_loaded(spam, tmp_path) -> None:
    made, labels = spam
    fitted = TextClassifier("encoder_lda", threshold=0.5, random_state=0).fit(made, labels)
    fitted.save(tmp_path / "m")
    np.testing.assert_array_equal(load_model(tmp_path / "m").predict_proba(made), fitted.predict_proba(made))
    assert (tmp_path / "m" / "model.safetensors").stat().st_size < 2_000, "the encoder is not in it"


@pytest.mark.parametrize("method", ["encoder_lr", "encoder_lda"])
def test_an_encoder_may_be_named_by_a_path(method, spam, tmp_path) -> None:
    named, at_path = (
        TextClassifier(method, method__encoder=encoder, random_state=0).fit(*spam)
        for encoder in (tiny_encoder(), Path(tiny_encoder()))
    )
    at_path.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert loaded.get_params()["method__encoder"] == tiny_encoder()
    np.testing.assert_array_equal(loaded.predict_proba(spam[0]), named.predict_proba(spam[0]))


@pytest.mark.parametrize(
    "method", [{"method": "encoder_lda"}, {"method": "blend", "method__members": "encoder_lda,nb_lr"}]
)
def test_rows_that_weigh_differently_are_refused_before_any_work(method, spam, monkeypatch) -> None:
    made, labels = spam
    weights = np.linspace(0.5, 2, len(made))
    with monkeypatch.context() as patch:
        patch.setattr("counterpoise.estimators.base.fit_model", lambda *_, **__: pytest.fail("work began"))
        with pytest.raises(
            DataError, match=r"weights are from 0.5 to 2, but encoder_lda is not defined"
        ) as error:
            TextClassifier(**method).fit(made, labels, sample_weight=weights)
    assert "\n" not in str(error.value)
    same = TextClassifier(**method, threshold=0.5, random_state=0)
    twice = same.fit(made, labels, sample_weight=np.full(len(made), 2.0)).predict_proba(made)
    np.testing.assert_allclose(twice, same.fit(made, labels).predict_proba(made))


def test_as_many_classes_as_rows_are_refused() -> None:
    with pytest.raises(DataError, match="3 rows of 3 classes, and encoder_lda needs more rows than classes"):
        EncoderLDA().fit(texts((1, 1, 1)), Context(0))


@pytest.mark.parametrize("method", [EncoderLDA, EncoderLR])
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_length": 0}, "max_length is 0"),
        ({"pooling": "sum"}, "pooling is 'sum'"),
        ({"encoder": 5}, "encoder is 5; give the name of one on the Hugging Face Hub, or a folder"),
        ({"encoder": ""}, "encoder is ''; give the name"),
        ({"revision": 5}, "revision is 5; give a commit, branch or tag of the Hub as a str, or None"),
        ({"encoder": "./none"}, "there is no encoder folder"),
        ({"encoder": "nobody/no-such-encoder"}, r"could not be had .*\(--encoder FOLDER\)"),
    ],
)
def test_settings_out_of_range_are_refused(method, settings, message) -> None:
    with pytest.raises(SettingsError, match=message):
        method(**settings).check()


def test_logistic_regression_needs_a_strength() -> None:
    with pytest.raises(SettingsError, match="C is 0; encoder_lr needs a number above 0"):
        EncoderLR(C=0).check()
