"""Texts of several columns: as many, of the same names and in the same order, when predicting."""

from __future__ import annotations

import datasets
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from counterpoise import TextClassifier, load_model
from counterpoise.data.python_inputs import as_texts

TABLES = {
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
    "arrow": pa.table,
    "datasets": datasets.Dataset.from_dict,
}


@pytest.fixture(scope="module")
def columns(spam) -> dict[str, list[str]]:
    texts = list(spam[0])
    return {"title": texts[::-1], "body": texts}


@pytest.fixture
def classifier() -> TextClassifier:
    return TextClassifier("tfidf_lr", threshold=0.5, random_state=0)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_tables_of_other_columns_are_refused(table, classifier, columns, spam, tmp_path) -> None:
    whole = table(columns)
    classifier.fit(whole, spam[1])
    assert classifier.n_features_in_ == 2
    assert classifier.feature_names_in_.tolist() == ["title", "body"]
    expected = classifier.predict_proba(whole)
    classifier.save(tmp_path / "m")
    for each in (classifier, load_model(tmp_path / "m")):
        np.testing.assert_array_equal(each.predict_proba(whole), expected)
        np.testing.assert_array_equal(each.predict_proba(as_texts(whole)), expected)
        with pytest.raises(ValueError, match="seen at fit time, yet now missing:\n- body"):
            each.predict(table({"title": columns["title"]}))
        with pytest.raises(ValueError, match="unseen at fit time:\n- text"):
            each.predict(table({"title": columns["title"], "text": columns["body"]}))
        with pytest.raises(ValueError, match="must be in the same order"):
            each.predict(table({"body": columns["body"], "title": columns["title"]}))


def test_arrays_of_another_width_are_refused(classifier, columns, spam) -> None:
    both = np.array(list(columns.values()), dtype=object).T
    classifier.fit(both, spam[1])
    with pytest.raises(ValueError, match="X has 1 features, but TextClassifier is expecting 2 features"):
        classifier.predict(both[:, :1])


def test_texts_that_are_one_each_have_no_columns(classifier, columns, spam) -> None:
    classifier.fit(pd.DataFrame(columns), spam[1]).fit(columns["body"], spam[1])
    assert not hasattr(classifier, "n_features_in_")
    assert not hasattr(classifier, "feature_names_in_")
    assert classifier.predict(pd.DataFrame({"text": columns["body"]})).shape == (125,)
