"""TF-IDF and logistic regression against scikit-learn put together by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from counterpoise.errors import SettingsError
from counterpoise.methods.base import Context, Data
from counterpoise.methods.tfidf_lr import TfidfLR


@pytest.mark.parametrize("balanced", [True, False])
@pytest.mark.parametrize("counts", [(60, 15), (40, 20, 8)])
def test_it_is_balanced_logistic_regression(counts, balanced, texts_of) -> None:
    texts, labels = texts_of(counts)
    data = Data(texts, labels, len(counts), np.full(len(texts), 2.5))
    predictor = TfidfLR(C=3.0, balanced=balanced).fit(data, Context(0))
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\S+")
    features = vectorizer.fit_transform(texts)
    reference = LogisticRegression(C=3.0, max_iter=1000, class_weight="balanced" if balanced else None)
    reference.fit(features, labels)
    logits = predictor.logits(texts)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    np.testing.assert_allclose(
        powers / powers.sum(axis=1, keepdims=True), reference.predict_proba(features), atol=2e-3
    )
    prior = np.full(len(counts), 1 / len(counts)) if balanced else np.array(counts) / sum(counts)
    np.testing.assert_allclose(predictor.training_prior, prior)


@pytest.mark.parametrize(
    "setting", [{"C": 0}, {"C": -1.0}, {"max_ngram": 0}, {"min_df": 0}, {"min_df": 1000}]
)
def test_settings_out_of_range_are_refused(setting, texts_of) -> None:
    texts, labels = texts_of((10, 5))
    refused = TfidfLR(**setting).check if "min_df" not in setting or setting["min_df"] < 1 else None
    data = Data(texts, labels, 2, np.ones(15))
    with pytest.raises(SettingsError, match=next(iter(setting))):
        refused() if refused else TfidfLR(**setting).fit(data, Context(0))


def test_the_new_texts_of_a_sampler_are_learnt_from_and_the_words_stay_those_of_the_real_ones(
    texts_of,
) -> None:
    texts, labels = texts_of((60, 6))
    data = Data(texts, labels, 2, np.ones(len(texts)))
    plain = TfidfLR().fit(data, Context(0))
    swapped, again = (TfidfLR(sampler="word_swap").fit(data, Context(0)) for _ in range(2))
    assert swapped.vectorizer.vocabulary_ == plain.vectorizer.vocabulary_
    np.testing.assert_array_equal(swapped.vectorizer.idf_, plain.vectorizer.idf_)
    assert not np.allclose(swapped.coefficients, plain.coefficients, atol=1e-3)
    np.testing.assert_array_equal(swapped.coefficients, again.coefficients)


def test_copies_change_nothing_where_classes_weigh_alike(texts_of) -> None:
    texts, labels = texts_of((60, 6))
    data = Data(texts, labels, 2, np.ones(len(texts)))
    plain = TfidfLR().fit(data, Context(0))
    copied = TfidfLR(sampler="random_oversample").fit(data, Context(0))
    np.testing.assert_allclose(copied.logits(texts), plain.logits(texts), atol=0.3)


def test_an_unknown_sampler_is_refused() -> None:
    with pytest.raises(SettingsError, match="sampler is 'nosuch'; choose one of random_oversample"):
        TfidfLR(sampler="nosuch").check()
