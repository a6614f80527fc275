"""A fit that ends midway leaves no model: never an earlier one with the classes of the new data."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from counterpoise import TextClassifier
from counterpoise.errors import DataError


@pytest.fixture
def classifier() -> TextClassifier:
    return TextClassifier("tfidf_lr", threshold=0.5, random_state=0)


def test_an_interrupted_fit_leaves_none(classifier, spam, monkeypatch, tmp_path) -> None:
    texts, labels = spam
    classifier.fit(texts, (labels == "spam").astype(int))

    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("counterpoise.estimators.base.fit_model", interrupted)
    turned = np.where(labels == "spam", "a rare one", "most")
    with pytest.raises(KeyboardInterrupt):
        classifier.fit(texts, turned)
    for call in (lambda: classifier.predict(texts), lambda: classifier.save(tmp_path / "m")):
        with pytest.raises(NotFittedError):
            call()
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("fitted_before", [True, False])
def test_a_refused_fit_leaves_none(classifier, fitted_before, spam) -> None:
    texts, labels = spam
    if fitted_before:
        classifier.fit(texts, labels)
    with pytest.raises(DataError, match="not among those fitted to"):
        classifier.fit(texts, labels, validation=(texts[:2], ["ham", "eggs"]))
    with pytest.raises(NotFittedError):
        classifier.predict(texts)
