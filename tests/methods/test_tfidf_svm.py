"""The linear machine against scikit-learn's own, and that its probabilities come from texts it had not seen."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import average_precision_score
from sklearn.svm import LinearSVC
from sklearn.utils.class_weight import compute_sample_weight

from counterpoise.errors import CounterpoiseWarning, SettingsError
from counterpoise.groups import text_groups
from counterpoise.methods import tfidf_svm
from counterpoise.methods.base import Context, Data
from counterpoise.methods.tfidf_svm import TfidfSVM
from counterpoise.metrics.calibration import softmax


def make_data(texts: np.ndarray, labels: np.ndarray) -> Data:
    return Data(texts, labels, int(labels.max()) + 1, np.ones(len(labels)))


@pytest.mark.parametrize("balanced", [True, False])
@pytest.mark.parametrize("counts", [(60, 12), (30, 20, 10)])
def test_it_orders_texts_as_scikit_learns_machine(counts, balanced, texts_of) -> None:
    texts, labels = texts_of(counts)
    predictor = TfidfSVM(balanced=balanced).fit(make_data(texts, labels), Context(0))
    x = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\S+").fit_transform(texts)
    # As weights of the rows: class_weight would leave the rest of each one-against-rest problem at weight 1.
    weights = compute_sample_weight("balanced" if balanced else None, labels)
    machine = LinearSVC(random_state=0).fit(x, labels, sample_weight=weights)
    decisions = machine.decision_function(x).reshape(len(texts), -1)
    logits = predictor.logits(texts)
    if len(counts) == 2:
        odds = logits[:, [1]] - logits[:, [0]]
    else:
        odds = np.log(np.exp(logits) / (1 - np.exp(logits)))
    for ours, theirs in zip(odds.T, decisions.T, strict=True):
        slope, intercept = np.polyfit(theirs, ours, 1)
        assert slope > 0
        np.testing.assert_allclose((ours - intercept) / slope, theirs, atol=2e-3)
    np.testing.assert_allclose(predictor.training_prior, np.array(counts) / sum(counts))


def drawn(n: int, noise: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Texts whose one telling word is wrong with a probability, among many words that occur once or twice."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.3).astype(np.int64)
    told = np.where(rng.random(n) < noise, 1 - labels, labels)
    texts = [f"sign{t} " + " ".join(f"w{i}" for i in rng.integers(0, 1000, 8)) for t in told]
    return np.array(texts, dtype=object), labels


def test_probabilities_are_those_of_unseen_texts() -> None:
    """A machine that knows its texts by heart is as sure of new ones as it is right."""
    texts, labels = drawn(400, 0.25, 0)
    new, truth = drawn(2000, 0.25, 1)
    probabilities = softmax(TfidfSVM(C=10.0).fit(make_data(texts, labels), Context(0)).logits(new))[:, 1]
    log_loss = -np.where(truth == 1, np.log(probabilities), np.log1p(-probabilities)).mean()
    share = truth.mean()
    assert probabilities.mean() == pytest.approx(truth.mean(), abs=0.05)
    assert log_loss < -(share * np.log(share) + (1 - share) * np.log1p(-share))
    assert average_precision_score(truth, probabilities) > 1.3 * truth.mean()


@pytest.mark.parametrize("counts", [(40, 9), (30, 10, 1)])
def test_repeats_are_held_out_together_and_lonely_classes_are_always_fitted_to(counts, texts_of) -> None:
    texts, labels = texts_of(counts)
    data = make_data(np.concatenate([texts, texts[:20]]), np.concatenate([labels, labels[:20]]))
    groups = text_groups(data.inputs)
    alone = np.array([len(np.unique(groups[data.labels == c])) == 1 for c in range(data.n_classes)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        splits = tfidf_svm._splits(data, 0)
    assert len(splits) == tfidf_svm.FOLDS
    tested = np.sort(np.concatenate([test for _, test in splits]))
    np.testing.assert_array_equal(tested, np.flatnonzero(~alone[data.labels]))
    for train, test in splits:
        assert not set(groups[train]) & set(groups[test])
        assert set(data.labels[train]) == set(range(data.n_classes))
        assert len(train) + len(test) == len(data)


def test_a_class_that_cannot_be_cross_fitted_is_said(texts_of) -> None:
    texts, labels = texts_of((30, 10, 1))
    with pytest.warns(CounterpoiseWarning, match="1 of 3 classes cannot be cross-fitted"):
        TfidfSVM().fit(make_data(texts, labels), Context(0))
    with pytest.warns(CounterpoiseWarning, match="2 of 2 classes cannot be cross-fitted"):
        logits = TfidfSVM().fit(make_data(texts[:2], np.array([0, 1])), Context(0)).logits(texts)
    assert np.isfinite(logits).all()


@pytest.mark.filterwarnings("ignore::counterpoise.errors.CounterpoiseWarning")
@pytest.mark.parametrize("counts", [(40, 8), (12,) * 8, (9,) * 22 + (2,)])
def test_any_number_of_classes(counts, texts_of) -> None:
    texts, labels = texts_of(counts)
    probabilities = softmax(TfidfSVM().fit(make_data(texts, labels), Context(0)).logits(texts))
    assert (probabilities.argmax(axis=1) == labels).mean() > 0.9


@pytest.mark.parametrize("setting", [{"C": -1}, {"max_ngram": 0}, {"min_df": 0.5}])
def test_settings_out_of_range_are_refused(setting) -> None:
    with pytest.raises(SettingsError, match=f"{next(iter(setting))} is .*; tfidf_svm needs"):
        TfidfSVM(**setting).check()
