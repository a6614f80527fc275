"""Log-count ratios by hand, and the whole against scikit-learn put together by hand."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from counterpoise.errors import SettingsError
from counterpoise.methods.base import Context, Data
from counterpoise.methods.linear_predictor import LinearPredictor
from counterpoise.methods.nb_lr import NaiveBayesLR, log_count_ratios
from counterpoise.metrics.calibration import softmax


def test_ratios_by_hand() -> None:
    """Three words; one text of the class has the first two, two others have the last, one also the second."""
    features = sp.csr_matrix([[1, 1, 0], [0, 0, 1], [0, 1, 1]], dtype=float)
    own = np.array([True, False, False])
    found = log_count_ratios(features, own, np.ones(3), 1.0)
    p, q = np.array([2, 2, 1]) / 5, np.array([1, 2, 3]) / 6
    np.testing.assert_allclose(found, np.log(p / q), rtol=1e-12)
    np.testing.assert_allclose(log_count_ratios(features, ~own, np.ones(3), 1.0), -found, rtol=1e-12)


def test_a_weight_of_two_counts_a_text_twice() -> None:
    features = sp.csr_matrix([[1, 1, 0], [0, 0, 1], [0, 1, 1], [0, 1, 1]], dtype=float)
    own = np.array([True, False, False, False])
    twice = log_count_ratios(features[:3], own[:3], np.array([1.0, 1.0, 2.0]), 0.75)
    np.testing.assert_allclose(twice, log_count_ratios(features, own, np.ones(4), 1.0), rtol=1e-12)


def by_hand(texts: np.ndarray, own: np.ndarray, C: float, class_weight: dict[bool, float]) -> np.ndarray:
    x = CountVectorizer(ngram_range=(1, 2), binary=True, token_pattern=r"\S+").fit_transform(texts).toarray()
    p, q = 1 + x[own].sum(axis=0), 1 + x[~own].sum(axis=0)
    ratios = np.log((p / p.sum()) / (q / q.sum()))
    model = LogisticRegression(C=C, max_iter=1000, class_weight=class_weight).fit(x * ratios, own)
    return model.predict_proba(x * ratios)[:, 1]


def test_it_is_logistic_regression_on_scaled_words(texts_of) -> None:
    texts, labels = texts_of((60, 12))
    predictor = NaiveBayesLR(C=0.5).fit(Data(texts, labels, 2, np.full(72, 3.0)), Context(0))
    expected = by_hand(texts, labels == 1, 0.5, {False: 72 / 120, True: 72 / 24})
    np.testing.assert_allclose(softmax(predictor.logits(texts))[:, 1], expected, atol=2e-3)
    np.testing.assert_allclose(predictor.training_prior, [0.5, 0.5])


def test_of_several_classes_each_stands_against_the_rest(texts_of) -> None:
    texts, labels = texts_of((30, 20, 10))
    predictor = NaiveBayesLR(balanced=False).fit(Data(texts, labels, 3, np.ones(60)), Context(0))
    for label in range(3):
        expected = by_hand(texts, labels == label, 1.0, {False: 1.0, True: 1.0})
        np.testing.assert_allclose(np.exp(predictor.logits(texts))[:, label], expected, atol=2e-3)
    again = LinearPredictor.from_state(predictor.state(), None)
    np.testing.assert_array_equal(again.logits(texts), predictor.logits(texts))


@pytest.mark.parametrize(
    "setting", [{"C": 0}, {"alpha": 0}, {"alpha": float("nan")}, {"max_ngram": 1.5}, {"min_df": True}]
)
def test_settings_out_of_range_are_refused(setting) -> None:
    with pytest.raises(SettingsError, match=f"{next(iter(setting))} is .*; nb_lr needs"):
        NaiveBayesLR(**setting).check()
