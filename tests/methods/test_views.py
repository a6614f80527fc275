"""Views of texts: edited ones, given ones, and what is said of those that cannot be had."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from counterpoise.errors import DataError, SettingsError
from counterpoise.methods.registry import METHODS
from counterpoise.methods.views import EDITS, ViewMaker
from tiny_texts import make_texts

TEXTS = make_texts((20, 10), seed=4)[0]


def given(views: dict[str, str]) -> np.ndarray:
    return np.array([views.get(text) for text in TEXTS], dtype=object)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "views.parquet"
    views = [f"{text} again" for text in TEXTS]
    views[3] = None
    views[7] = "  "
    pq.write_table(pa.table({"text": TEXTS, "other": views, "augmented": views[::-1]}), path)
    return path


@pytest.mark.parametrize("name", EDITS)
def test_edits_make_one_view_of_each_text_by_the_seed(name) -> None:
    maker = ViewMaker(name, rate=0.5, model=EDITS["mask_fill"]().model if name == "mask_fill" else None)
    maker.check()
    views = maker.of(TEXTS, 0)
    assert views.shape == TEXTS.shape
    assert np.mean(views != TEXTS) > 0.8
    for text, view in zip(TEXTS, views, strict=True):
        assert len(set(text.split()) & set(view.split())) > 0
    np.testing.assert_array_equal(maker.of(TEXTS, 0), views)
    assert (maker.of(TEXTS, 1) != views).any()
    assert name in METHODS


def test_views_of_a_file_are_found_by_their_texts(file) -> None:
    rows = np.array([5, 1, 1, 29])
    maker = ViewMaker(file, "other")
    maker.check()
    assert maker.of(TEXTS[rows], 0).tolist() == [f"{text} again" for text in TEXTS[rows]]


def test_missing_and_blank_views_are_counted_with_the_first_text(file) -> None:
    with pytest.raises(DataError) as error:
        ViewMaker(file, "other").of(TEXTS, 0)
    assert f"2 of 30 texts have none in column 'other' of {file}" in str(error.value)
    assert repr(TEXTS[3][:60]) in str(error.value)
    assert "view='word_dropout'" in str(error.value)


def test_a_key_goes_by_what_is_given_and_not_by_its_name(file, tmp_path) -> None:
    other = tmp_path / "moved.parquet"
    other.write_bytes(file.read_bytes())
    assert ViewMaker(file, "other").identity() == ViewMaker(str(other), "other").identity()
    assert ViewMaker(file, "other").identity() != ViewMaker(file).identity()
    mapping = {text: f"{text} again" for i, text in enumerate(TEXTS) if i not in (3, 7)}
    assert ViewMaker(mapping).identity() == ViewMaker(file, "other").identity()
    assert ViewMaker("word_dropout").identity() == ""


@pytest.mark.parametrize(
    ("view", "message"),
    [
        ("word_dropot", "did you mean 'word_dropout'"),
        ("nowhere/views.csv", "there is no file 'nowhere/views.csv'"),
        ("-", "view is '-'"),
        (None, "view is None; give one of 'word_dropout'"),
    ],
)
def test_what_is_neither_is_refused(view, message) -> None:
    with pytest.raises((SettingsError, DataError), match=message):
        ViewMaker(view).check()


def test_a_column_that_is_not_there_is_refused(file) -> None:
    with pytest.raises(DataError, match="has no column 'augmnted', only 'text', 'other', 'augmented'"):
        ViewMaker(file, "augmnted").check()


@pytest.mark.parametrize("name", ["trec", "ohsumed_titles"])
def test_views_of_a_known_set_are_looked_for_where_the_variable_says(name, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("COUNTERPOISE_DATA", str(tmp_path))
    with pytest.raises(DataError, match=f"there are none of {name} where COUNTERPOISE_DATA says") as error:
        ViewMaker(name).check()
    assert f"a folder that has {name}/train_augmented.parquet" in str(error.value)


@pytest.mark.parametrize("name", ["sms_spam", "ag_news"])
def test_a_known_set_without_views_is_said_to_have_none(name, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("COUNTERPOISE_DATA", str(tmp_path))
    with pytest.raises(DataError) as error:
        ViewMaker(name).check()
    assert str(error.value).startswith(
        f"views: {name} comes with none, only trec and ohsumed_titles do; give a"
    )
    assert "COUNTERPOISE_DATA" not in str(error.value)


def test_a_masked_language_model_has_to_be_named() -> None:
    with pytest.raises(SettingsError, match="name it as view_model"):
        ViewMaker("mask_fill").check()


@pytest.mark.real_data
@pytest.mark.parametrize(("name", "rows"), [("trec", 5452), ("ohsumed_titles", 3358)])
def test_sets_that_come_with_views(name, rows) -> None:
    import os
    from pathlib import Path

    from counterpoise.data.readers import read

    texts = read(name, split="train").texts
    path = Path(os.environ["COUNTERPOISE_DATA"]) / name / "train_augmented.parquet"
    views = ViewMaker(path).of(texts, 0)
    assert len(views) == rows
    assert np.mean(views == texts) < 0.05
