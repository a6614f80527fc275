"""The built-in corpus: the same everywhere, readable, overlapping, hard for plain training and mendable."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from counterpoise.crossfit import make_folds, out_of_fold
from counterpoise.data.demo import make_corpus
from counterpoise.errors import SettingsError
from counterpoise.metrics.scores import score
from counterpoise.metrics.thresholds import tune_threshold


@pytest.fixture(scope="module")
def corpus() -> tuple[np.ndarray, np.ndarray]:
    return make_corpus()


def test_a_seed_gives_the_same_corpus_everywhere(corpus) -> None:
    texts, labels = corpus
    digest = hashlib.sha256("\n".join([*texts, *labels]).encode()).hexdigest()
    assert digest[:16] == "1c9106ebba2e777c"
    assert make_corpus(400, 1)[0].tolist() != make_corpus(400, 2)[0].tolist()


def test_size_classes_and_types(corpus) -> None:
    texts, labels = corpus
    assert texts.dtype == labels.dtype == object
    assert len(texts) == 6000
    assert (labels == "fraud").sum() == 150
    assert set(labels) == {"fraud", "routine"}
    assert (make_corpus(40)[1] == "fraud").sum() == 1
    with pytest.raises(SettingsError, match="39"):
        make_corpus(39)


def test_texts_are_short_readable_and_nearly_all_different(corpus) -> None:
    texts, _ = corpus
    lengths = np.array([len(text.split()) for text in texts])
    assert lengths.min() >= 8
    assert np.percentile(lengths, 5) >= 10
    assert np.percentile(lengths, 95) <= 30
    assert len(set(texts)) > 0.99 * len(texts)
    joined = "".join(texts)
    assert not set("{}_/\n") & set(joined)
    assert "  " not in joined
    assert " ," not in joined
    assert all(text[0].isupper() or text[0].isdigit() for text in texts)


def test_classes_overlap_in_words(corpus) -> None:
    texts, labels = corpus
    words = {c: {w for t in texts[labels == c] for w in t.lower().split()} for c in ("fraud", "routine")}
    assert len(words["fraud"] - words["routine"]) < 0.02 * len(words["fraud"])
    for cue in ("card", "password", "not", "transfer", "unknown", "code", "pin"):
        share = {c: np.mean([cue in t.lower().split() for t in texts[labels == c]]) for c in words}
        n = {c: share[c] * (labels == c).sum() for c in words}
        assert n["routine"] > n["fraud"], f"{cue} gives the class away"


def test_plain_training_fails_and_weights_with_a_threshold_help(corpus) -> None:
    texts, labels = corpus
    y = (labels == "fraud").astype(int)
    splits = make_folds(y, 5)

    def cross_fit(class_weight):
        def fit_predict(train, test):
            model = make_pipeline(TfidfVectorizer(), LogisticRegression(class_weight=class_weight))
            return model.fit(texts[train], y[train]).predict_proba(texts[test])

        return out_of_fold(fit_predict, splits, len(y), 2)[0]

    plain, balanced = cross_fit(None), cross_fit("balanced")
    row = score(y, plain, 1)
    assert row["f1"] < 0.2
    assert 0.45 < row["average_precision"] < 0.8
    assert 0.55 < tune_threshold(y, balanced, minority=1).score < 0.9
