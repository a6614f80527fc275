"""Probabilities at the prior of the data, decisions at the threshold, and where that threshold comes from."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier

from counterpoise import TextClassifier
from counterpoise import fitting as fitting_room
from counterpoise.errors import DataError, SettingsError
from counterpoise.methods.registry import METHODS
from counterpoise.metrics.calibration import shift_prior, softmax
from tiny_networks import NETWORK, enough_epochs
from turns import later

pytestmark = pytest.mark.filterwarnings("ignore::counterpoise.errors.CounterpoiseWarning")


class Fixed:
    """A predictor of given logits, fitted under a given prior."""

    kind = "fixed"
    history: list[dict[str, float]] = []  # noqa: RUF012

    def __init__(self, logits: np.ndarray, training_prior: np.ndarray) -> None:
        self._logits, self.training_prior = logits, training_prior

    def logits(self, inputs: np.ndarray) -> np.ndarray:
        return self._logits[: len(inputs)]


@pytest.mark.parametrize("correct", [True, False])
def test_prior_correction_adds_the_log_of_both_priors(correct, monkeypatch, spam) -> None:
    """Known answer: logits of a balanced model, returned to 4 in 5 against 1 in 5."""
    texts, labels = spam
    logits = np.random.default_rng(0).normal(size=(len(texts), 2))
    monkeypatch.setattr(
        "counterpoise.methods.tfidf_lr.TfidfLR.fit", lambda *_: Fixed(logits, np.array([0.5, 0.5]))
    )
    classifier = TextClassifier("tfidf_lr", prior_correction=correct, threshold=0.5).fit(texts, labels)
    found = classifier.predict_proba(texts)
    odds = np.log(found[:, 1] / found[:, 0])
    np.testing.assert_allclose(odds, logits[:, 1] - logits[:, 0] + correct * np.log(25 / 100), atol=1e-9)


@pytest.mark.parametrize(
    "method",
    [
        "class_weight",
        "random_oversample",
        "balanced_batches",
        "logit_adjustment",
        "balanced_softmax",
        "crt",
        "lws",
        "word_swap",
    ],
)
def test_probabilities_return_to_the_prior_of_the_data(method, texts_of) -> None:
    """On average over the rows the corrected probability of the rare class is nearer its share."""
    texts, labels = texts_of((150, 15))
    settings = {**NETWORK, "threshold": 0.5}
    raw, mended = (
        TextClassifier(method, prior_correction=correct, **settings).fit(texts, labels)
        for correct in (False, True)
    )
    np.testing.assert_allclose(mended.fitted_.prior, [150 / 165, 15 / 165])
    prior = mended.fitted_.predictor.training_prior
    np.testing.assert_allclose(prior, [0.5, 0.5], atol=1e-6)
    logits = raw.fitted_.predictor.logits(texts)
    np.testing.assert_allclose(
        mended.predict_proba(texts), softmax(shift_prior(logits, [0.5, 0.5], [150, 15])), atol=1e-6
    )
    share = 15 / 165
    assert abs(mended.predict_proba(texts)[:, 1].mean() - share) < abs(
        raw.predict_proba(texts)[:, 1].mean() - share
    )


@pytest.mark.parametrize("threshold", ["tune", 0.0, 0.1, 0.5, 0.9, 1.0])
def test_decision_function_and_predict_agree_on_two_classes(threshold, texts_of) -> None:
    texts, labels = texts_of((80, 20))
    classifier = TextClassifier(threshold=threshold, random_state=0).fit(texts, labels)
    new, _ = texts_of((40, 40), seed=9)
    margins = classifier.decision_function(new)
    assert margins.shape == (80,)
    np.testing.assert_array_equal(margins > 0, classifier.predict(new) == 1)
    if threshold != "tune":
        np.testing.assert_array_equal(
            classifier.predict(new) == 1, classifier.predict_proba(new)[:, 1] > threshold
        )
    order = np.argsort(classifier.predict_proba(new)[:, 1])
    assert (np.diff(margins[order]) >= 0).all()


def test_decision_function_and_predict_agree_on_more_classes(texts_of) -> None:
    texts, labels = texts_of((60, 25, 12, 12))
    classifier = TextClassifier(random_state=0).fit(texts, labels)
    margins = classifier.decision_function(texts)
    assert margins.shape == (109, 4)
    np.testing.assert_array_equal(margins.argmax(axis=1), classifier.predict(texts))
    assert classifier.pos_label_ is None
    assert classifier.fitted_.choice.metric == "macro_f1"
    named = TextClassifier(pos_label=2, random_state=0).fit(texts, labels)
    assert (named.pos_label_, named.fitted_.choice.metric) == (2, "f1")
    assert "'2'" in named.threshold_note_


def test_where_the_threshold_is_tuned(texts_of, monkeypatch) -> None:
    """A validation side when it has 50 rows and 10 of each class, else out of fold, else not, with a reason."""
    calls: list[int] = []
    original = fitting_room.out_of_fold
    monkeypatch.setattr(fitting_room, "out_of_fold", lambda *a: calls.append(1) or original(*a))
    texts, labels = texts_of((480, 120), seed=5)
    settings = {**NETWORK, "max_epochs": 1}
    held_out = TextClassifier("erm", **settings).fit(texts, labels)
    assert held_out.fitted_.scored_on == "validation"
    assert held_out.fitted_.choice.n_rows == 60
    assert held_out.fitted_.choice.n_minority == 12
    assert "average_precision" in held_out.history_[0]
    assert not calls
    for classifier, rows in (
        (TextClassifier("erm", **settings).set_params(validation_fraction=0.0), slice(200)),
        (TextClassifier("erm", **settings), slice(200)),
        (TextClassifier("tfidf_lr", random_state=0), slice(None)),
    ):
        classifier.fit(texts[rows], labels[rows])
        assert classifier.fitted_.scored_on == "out-of-fold"
        assert classifier.fitted_.choice.n_rows == len(texts[rows])
        assert classifier.fitted_.choice.tuned
        assert all("average_precision" not in row for row in classifier.history_)
    assert len(calls) == 3
    few = TextClassifier(random_state=0).fit(texts[:40], labels[:40])
    assert not few.fitted_.choice.tuned
    assert "40 rows are too few" in few.threshold_note_
    np.testing.assert_array_equal(few.thresholds_, [0.5, 0.5])
    names = np.array(["ham", "spam"], dtype=object)[labels]
    rare = np.concatenate([np.flatnonzero(labels == 0)[:90], np.flatnonzero(labels == 1)[:4]])
    few = TextClassifier(random_state=0).fit(texts[rare], names[rare])
    assert "4 rows of class 'spam' are too few" in few.threshold_note_
    given = TextClassifier(threshold=0.3, random_state=0).fit(texts, labels)
    assert "0.3 was given" in given.threshold_note_
    np.testing.assert_allclose(given.thresholds_, [0.7, 0.3])


def test_held_out_rows_keep_groups_and_time_apart(texts_of, monkeypatch) -> None:
    texts, labels = texts_of((480, 120), seed=5)
    groups = np.arange(600) // 3
    seen: list[np.ndarray] = []
    original = fitting_room.holdout

    def note(*args, **kwargs):
        split = original(*args, **kwargs)
        seen.append(split)
        return split

    monkeypatch.setattr(fitting_room, "holdout", note)
    classifier = TextClassifier("erm", validation_fraction=0.2, **{**NETWORK, "max_epochs": 1})
    clone(classifier).fit(texts, labels, groups=groups)
    assert not set(groups[seen[0].train]) & set(groups[seen[0].test])
    time = np.random.default_rng(0).permutation(600)
    clone(classifier).fit(texts, labels, time=time)
    assert time[seen[1].train].max() < time[seen[1].test].min()


def test_no_threshold_predicts_the_most_probable_class(spam) -> None:
    texts, labels = spam
    classifier = TextClassifier(threshold=None, random_state=0).fit(texts, labels)
    np.testing.assert_array_equal(classifier.thresholds_, [0.5, 0.5])
    probable = classifier.classes_[classifier.predict_proba(texts).argmax(axis=1)]
    np.testing.assert_array_equal(classifier.predict(texts), probable)
    assert classifier.fitted_.scores == {}


@pytest.mark.parametrize("first", ["a rare one", "z rare one"])
def test_scikit_learn_decides_a_fitted_model_by_another_threshold(spam, first) -> None:
    """As the class's docstring says, whichever class comes first."""
    texts, labels = spam
    named = np.where(labels == "spam", first, "most").astype(object)
    model = TextClassifier("tfidf_lr", threshold=None, random_state=0).fit(texts, named)
    probability = model.predict_proba(texts)[:, list(model.classes_).index(first)]
    cut = float(np.median(probability[named == first])) - 1e-6
    other = FixedThresholdClassifier(
        FrozenEstimator(model), threshold=cut, pos_label=first, response_method="predict_proba"
    )
    np.testing.assert_array_equal(other.predict(texts) == first, probability > cut)
    assert not np.array_equal(other.predict(texts), model.predict(texts))


def test_a_checkpoint_without_a_seed_is_refused(spam, tmp_path) -> None:
    with pytest.raises(SettingsError, match="needs a random_state"):
        TextClassifier("erm", checkpoint=tmp_path / "c").fit(*spam)


@pytest.mark.parametrize("first", ["a rare one", "z rare one"])
def test_a_given_threshold_is_of_the_class_that_matters_wherever_it_sorts(spam, first) -> None:
    texts, labels = spam
    named = np.where(labels == "spam", first, "most").astype(object)
    classifier = TextClassifier(threshold=None, random_state=0).fit(texts, named)
    rare = list(classifier.classes_).index(first)
    # A cut in the midst of the rare texts, which its complement is not.
    cut = float(np.median(classifier.predict_proba(texts)[named == first, rare])) - 1e-6
    assert abs(cut - 0.5) > 0.05
    classifier.set_params(threshold=cut).fit(texts, named)
    assert classifier.thresholds_[rare] == pytest.approx(cut)
    probability = classifier.predict_proba(texts)[:, rare]
    np.testing.assert_array_equal(classifier.predict(texts) == first, probability > cut)
    assert ((probability > cut) != (probability > 1 - cut)).any(), (
        "the two cut-offs must differ on these texts"
    )


WEIGHTS_ARE_THE_PRIOR = ("encoder_lda", "llm_zero_shot")
"""Methods that learn the same from weighted classes, and to which weights are class shares and nothing else."""


@pytest.mark.parametrize(
    "name",
    later([(name,) for name in METHODS], lambda name: list(METHODS).index(name) % 3 == 0),
)
def test_class_weights_act_on_every_method(name, spam) -> None:
    """A class that counts more is thought more likely, and seldom for that alone."""
    texts, labels = spam
    settings = {"threshold": 0.5, "random_state": 0, "prior_correction": False}
    if METHODS[name]().trains_backbone("text"):
        settings |= {**NETWORK, "max_epochs": enough_epochs(name, NETWORK["max_epochs"])}
    found, corrected = [], []
    for class_weight in (None, {"spam": 20.0}):
        fitted = TextClassifier(name, class_weight=class_weight, **settings).fit(texts, labels).fitted_
        found.append(fitted.probabilities(texts))
        corrected.append(fitted.under_prior(found[-1]))
    assert found[1][:, 1].mean() > found[0][:, 1].mean() + 1e-4
    moved = np.abs(corrected[1] - corrected[0]).max()
    if name in WEIGHTS_ARE_THE_PRIOR:
        assert moved < 1e-6, "the correction takes the weights out again, whole"
    else:
        assert moved > 1e-4


class TestGivenValidation:
    def test_its_rows_choose_in_the_classes_fitted_to(self, texts_of) -> None:
        texts, labels = texts_of((80, 20), seed=5)
        names = np.array(["ham", "spam"], dtype=object)
        given, theirs = texts_of((70, 30), seed=6)
        classifier = TextClassifier("erm", **{**NETWORK, "max_epochs": 2})
        classifier.fit(texts, names[labels], validation=(list(given), list(names[theirs])))
        assert classifier.fitted_.scored_on == "validation"
        assert classifier.fitted_.choice.n_rows == 100
        assert classifier.fitted_.choice.n_minority == 30
        assert all("average_precision" in row for row in classifier.history_)
        assert classifier.class_counts_.tolist() == [80, 20]

    def test_rows_of_other_classes_and_lone_texts_are_refused(self, texts_of) -> None:
        texts, labels = texts_of((20, 8), seed=5)
        with pytest.raises(
            DataError, match="labels that are not among those fitted to: 2, 3; leave their rows"
        ):
            TextClassifier().fit(texts, labels, validation=(texts[:4], [0, 2, 3, 1]))
        with pytest.raises(DataError, match="validation has 4 rows and 2 labels"):
            TextClassifier().fit(texts, labels, validation=(texts[:4], [0, 1]))
