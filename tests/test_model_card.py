"""The card of a saved model: what its scores are of, what was chosen on those rows, and what of the data is in it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from counterpoise import ArrayClassifier, TextClassifier
from counterpoise.methods import auto
from counterpoise.methods.subset_choice import Choice
from tiny_arrays import make_arrays
from tiny_networks import NETWORK, TINY, TRAINING
from tiny_texts import make_texts

pytestmark = pytest.mark.filterwarnings("ignore::counterpoise.errors.CounterpoiseWarning")

THEIR_SHARES = "On the rows that were given for validation, at their own class shares."
BOTH = "Stopping epoch and threshold were chosen on these very rows, so the scores are optimistic."
THRESHOLD = (
    "The tuned threshold was chosen on these very rows, so `f1_tuned`, `precision_tuned`\n"
    "and `recall_tuned` are optimistic."
)
EPOCH = "The stopping epoch was chosen on these very rows, so the scores are optimistic."
NEITHER = "Neither a stopping epoch nor a threshold was chosen on these rows."
LINEAR = {"method": "tfidf_lr", "random_state": 0}


def card_of(classifier, tmp_path) -> str:
    classifier.save(tmp_path / "model")
    return (tmp_path / "model" / "README.md").read_text()


@pytest.mark.parametrize(
    ("settings", "n_given", "says"),
    [
        ({"method": "erm", **NETWORK}, (70, 30), BOTH),
        ({"method": "erm", "threshold": 0.3, **NETWORK}, (70, 30), EPOCH),
        (LINEAR, (70, 30), THRESHOLD),
        (LINEAR, (30, 10), NEITHER),
    ],
    ids=["network", "network, threshold given", "linear", "linear, few rows"],
)
def test_what_was_chosen_on_given_rows(settings, n_given, says, tmp_path) -> None:
    classifier = TextClassifier(**settings).fit(*make_texts((80, 20)), validation=make_texts(n_given, seed=1))
    card = card_of(classifier, tmp_path)
    assert THEIR_SHARES in card
    assert [sentence for sentence in (BOTH, THRESHOLD, EPOCH, NEITHER) if sentence in card] == [says]
    again = TextClassifier.load(tmp_path / "model")
    assert card_of(again, tmp_path) == card


def test_rows_that_were_held_out_have_the_shares_of_the_others(tmp_path) -> None:
    classifier = ArrayClassifier(**TRAINING, **TINY["mlp"]).fit(*make_arrays((480, 120)))
    card = card_of(classifier, tmp_path)
    assert (
        f"On validation rows, at the fitting side's own class shares. Class of interest: `1`. {BOTH}" in card
    )


MEMBERS = "Members of the blend and threshold were chosen on these very rows, so all scores are optimistic."
ALONE = "The members of the blend were chosen on these very rows, so all scores are optimistic."
BLEND = ("encoder_lr", "encoder_neighbors", "tfidf_lr", "char_lr")


@pytest.fixture
def choosing(monkeypatch):
    """Lets a test say which members are better without the rest."""

    def of(*names: str) -> None:
        choice = Choice(names, {"+".join(BLEND): 0.8, "+".join(names): 0.8}, "so it was\nsaid")
        monkeypatch.setattr(auto, "choose_subset", lambda *given: choice)

    return of


@pytest.mark.parametrize(("names", "says"), [(("tfidf_lr", "char_lr"), MEMBERS), (BLEND, THRESHOLD)])
def test_scores_of_chosen_members_are_optimistic(names, says, choosing, spam, tmp_path) -> None:
    choosing(*names)
    classifier = TextClassifier("auto", random_state=0).fit(*spam)
    assert classifier.fitted_.scored_on == "out-of-fold"
    card = card_of(classifier, tmp_path)
    assert [sentence for sentence in (MEMBERS, ALONE, THRESHOLD, NEITHER) if sentence in card] == [says]
    choice = replace(classifier.fitted_.choice, tuned=False)
    classifier.fitted_ = replace(classifier.fitted_, choice=choice)
    assert (ALONE in card_of(classifier, tmp_path)) == (says == MEMBERS)


def test_members_chosen_on_other_rows_make_no_score_optimistic(choosing, spam, tmp_path) -> None:
    choosing("tfidf_lr")
    texts, numbers = make_texts((70, 30), seed=1)
    named = np.array(["ham", "spam"], dtype=object)[numbers]
    classifier = TextClassifier("auto", random_state=0).fit(*spam, validation=(texts, named))
    assert tuple(classifier.fitted_.predictor.predictors) == ("tfidf_lr",)
    card = card_of(classifier, tmp_path)
    assert THRESHOLD in card
    assert MEMBERS not in card


def test_the_card_and_the_classifier_have_the_remarks(choosing, spam, tmp_path) -> None:
    choosing("tfidf_lr", "char_lr")
    classifier = TextClassifier("auto", random_state=0, threshold=0.5).fit(*spam)
    assert classifier.remarks_ == ("auto: so it was\nsaid",)
    assert "\n## Remarks\n\n- auto: so it was said\n" in card_of(classifier, tmp_path)
    assert TextClassifier.load(tmp_path / "model").remarks_ == classifier.remarks_


def test_what_says_nothing_has_no_remarks(spam, tmp_path) -> None:
    classifier = TextClassifier("tfidf_lr", threshold=0.5).fit(*spam)
    assert classifier.remarks_ == ()
    assert "Remarks" not in card_of(classifier, tmp_path)


def test_a_vocabulary_is_spoken_of_where_there_is_one(spam, tmp_path) -> None:
    for method, words in (("tfidf_lr", True), ("encoder_lr", False)):
        card = card_of(TextClassifier(method, threshold=0.5, random_state=0).fit(*spam), tmp_path)
        assert "The folder holds no text of the training data" in card
        assert ("its vocabulary lists the\nwords" in card) == words
        assert bool((tmp_path / "model" / "vocabulary.txt").read_text()) == words
