"""Neighbours by runs of characters: the same contrast over TF-IDF, common runs left out, saved models whole."""

from __future__ import annotations

import numpy as np
import pytest

from counterpoise import TextClassifier
from counterpoise.errors import DataError, SettingsError
from counterpoise.estimators.loading import load_model
from counterpoise.methods import char_neighbors
from counterpoise.methods.base import Context, Data
from counterpoise.methods.char_neighbors import CharNeighbors, rarer_runs
from counterpoise.methods.neighbor_contrast import NeighborContrast
from counterpoise.text.tfidf import character_tfidf, learn_rows, rows_of
from tiny_texts import make_texts


def texts(counts: tuple[int, ...], seed: int = 4) -> Data:
    made, labels = make_texts(counts, seed)
    return Data(made, labels, len(counts), np.ones(len(labels)))


def test_it_is_the_contrast_of_character_tfidf() -> None:
    data = texts((60, 25, 7))
    found = CharNeighbors(k=3).fit(data, Context(0))
    vectorizer = character_tfidf(6)
    rows = rarer_runs(vectorizer, learn_rows(vectorizer, data.inputs))[1].astype(np.float32)
    expected = NeighborContrast.fitted(rows, data.labels, data.balanced().weights, 3)
    np.testing.assert_allclose(found.logits(data.inputs), expected.logits(rows), rtol=1e-5, atol=1e-5)
    assert found.contrast.slope > 0


class TestRarerRuns:
    def test_the_commonest_go_until_texts_share_few_enough(self) -> None:
        # Of 4 texts "aaa" is in all, "bbb" in three: pairs, each with itself too, share (16 + 9 + 1 + 1) / 16 words.
        made = np.array(["aaa bbb", "aaa bbb", "aaa bbb ccc", "aaa ddd"], dtype=object)
        vectorizer = character_tfidf(3)
        rows = learn_rows(vectorizer, made)
        words = [word for word in vectorizer.vocabulary_ if word.strip() == word]
        assert sorted(words) == ["aaa", "bbb", "ccc", "ddd"]
        runs = len(vectorizer.vocabulary_) // 4  # of each word
        for shared, left in ((27 / 16, "aaa bbb ccc ddd"), (26 / 16, "bbb ccc ddd"), (2 / 16, "ccc ddd")):
            fewer, kept = rarer_runs(vectorizer, rows, shared * runs)
            assert {run.strip() for run in fewer.vocabulary_ if run.strip() == run} == set(left.split())
            np.testing.assert_allclose(kept.toarray(), rows_of(fewer, made).toarray(), atol=1e-12)

    def test_one_is_always_left(self) -> None:
        made = np.array(["aaa", "aaa"], dtype=object)
        vectorizer = character_tfidf(3)
        fewer, kept = rarer_runs(vectorizer, learn_rows(vectorizer, made), 0.1)
        assert len(fewer.vocabulary_) == 1
        np.testing.assert_allclose(kept.toarray(), 1)

    def test_a_method_that_leaves_some_away_is_saved_whole(self, monkeypatch, tmp_path) -> None:
        monkeypatch.setattr(char_neighbors.rarer_runs, "__defaults__", (0.5,))
        data = texts((60, 20))
        fitted = TextClassifier("char_neighbors", random_state=0).fit(data.inputs, data.labels)
        whole = character_tfidf(6)
        learn_rows(whole, data.inputs)
        assert len(fitted.fitted_.predictor.vectorizer.vocabulary_) < len(whole.vocabulary_)
        fitted.save(tmp_path / "m")
        loaded = load_model(tmp_path / "m")
        np.testing.assert_array_equal(loaded.predict_proba(data.inputs), fitted.predict_proba(data.inputs))


def test_a_misspelt_word_is_near_its_own(texts_of) -> None:
    made, labels = texts_of((120, 30))
    found = CharNeighbors().fit(Data(made, labels, 2, np.ones(150)), Context(0))
    spelt, other = (found.logits(np.array([text], dtype=object))[0] for text in ("ssign1aa", "unheard"))
    assert spelt[1] - spelt[0] > other[1] - other[0]


@pytest.mark.parametrize("n_classes", [2, 5])
def test_saved_and_loaded(n_classes, tmp_path) -> None:
    data = texts((40, *[12] * (n_classes - 1)))
    fitted = TextClassifier("char_neighbors", random_state=0).fit(data.inputs, data.labels)
    fitted.save(tmp_path / "m")
    loaded = load_model(tmp_path / "m")
    unseen = np.array([*data.inputs[:5], "!", "quite unheard of"], dtype=object)
    np.testing.assert_array_equal(loaded.predict_proba(unseen), fitted.predict_proba(unseen))


def test_rows_of_a_class_that_weigh_differently_are_refused() -> None:
    data = texts((20, 5))
    data.weights[0] = 3.0
    with pytest.raises(
        DataError, match="char_neighbors is not defined for rows of a class that weigh differently"
    ):
        CharNeighbors().fit(data, Context(0))
    data.weights[:] = np.where(data.labels == 1, 3.0, 1.0)
    assert np.isfinite(CharNeighbors(balanced=False).fit(data, Context(0)).logits(data.inputs)).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"k": 0}, "k is 0"),
        ({"max_rows": 99}, "max_rows is 99"),
        ({"max_ngram": 2}, "max_ngram is 2"),
        ({"balanced": 1}, "balanced is 1"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message) -> None:
    with pytest.raises(SettingsError, match=message):
        CharNeighbors(**settings).check()
