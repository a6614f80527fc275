"""Runs of characters and logistic regression against scikit-learn put together by hand, and what they are for."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score

from counterpoise import TextClassifier, load_model
from counterpoise.errors import SettingsError
from counterpoise.methods.base import Context, Data
from counterpoise.methods.char_lr import CharLR
from counterpoise.methods.tfidf_lr import TfidfLR


def test_it_is_balanced_logistic_regression_on_runs_inside_words(texts_of) -> None:
    texts, labels = texts_of((60, 15))
    data = Data(texts, labels, 2, np.ones(75))
    predictor = CharLR(C=3.0, max_ngram=4).fit(data, Context(0))
    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 4), sublinear_tf=True)
    features = vectorizer.fit_transform(texts)
    reference = LogisticRegression(C=3.0, max_iter=1000, class_weight="balanced").fit(features, labels)
    logits = predictor.logits(texts)
    np.testing.assert_allclose(logits[:, 1] - logits[:, 0], reference.decision_function(features), atol=2e-3)
    assert predictor.vectorizer.vocabulary_ == vectorizer.vocabulary_
    np.testing.assert_allclose(predictor.training_prior, 0.5)


def test_forms_of_a_word_are_recognised_that_no_text_has_shown() -> None:
    """Both classes have words of their own; the test side has other forms of them, which no word of training is."""
    usual = [
        f"the {a} went {b} again" for a in ("train", "bus", "ship", "cab") for b in ("north", "south", "home")
    ]
    train = [*usual * 3, *["they refund it", "refunds are due", "a refunded bill"] * 2]
    rare = ["refunding", "nonrefundable tickets", "REFUNDER wanted"]
    labels = np.repeat([0, 1], [36, 6])
    data = Data(np.array(train, dtype=object), labels, 2, np.ones(42))
    others = [
        "trainers busing",
        "shipped northwards",
        "southern cabbie",
        "homes",
        "ships",
        "trained",
        "northern",
        "cabs",
    ]
    test, truth = np.array([*others, *rare], dtype=object), np.repeat([0, 1], [8, 3])
    scores = {}
    for method in (CharLR(), TfidfLR()):
        logits = method.fit(data, Context(0)).logits(test)
        scores[type(method)] = average_precision_score(truth, logits[:, 1] - logits[:, 0])
    assert scores[CharLR] == 1.0
    assert scores[TfidfLR] == pytest.approx(3 / 11)  # all alike


@pytest.mark.parametrize("setting", [{"max_ngram": 2}, {"C": 0}, {"min_df": 0}, {"min_df": 1000}])
def test_settings_out_of_range_are_refused(setting, texts_of) -> None:
    texts, labels = texts_of((10, 5))
    with pytest.raises(SettingsError, match=next(iter(setting))) as error:
        TextClassifier("char_lr", **{f"method__{k}": v for k, v in setting.items()}).fit(texts, labels)
    if setting == {"min_df": 1000}:
        assert "no run of characters occurs in so many" in str(error.value)
    if setting == {"max_ngram": 2}:
        assert "char_lr needs an int of 3 or more" in str(error.value)


def test_runs_with_spaces_and_odd_signs_survive_saving(tmp_path) -> None:
    texts = ["tab\tbed", "line\u2028apart", " a  b ", "免费 iPhone 免费", "é\x85è", "plain words here"] * 4
    labels = np.array(["ham", "spam"] * 12, dtype=object)
    classifier = TextClassifier("char_lr", threshold=0.5, random_state=0).fit(texts, labels)
    classifier.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict_proba(texts), classifier.predict_proba(texts))
