"""Samplers on every container, with their bookkeeping, and inside imbalanced-learn's Pipeline."""

from __future__ import annotations

import pickle
from typing import Any

import datasets
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from imblearn.pipeline import Pipeline
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score

from counterpoise import (
    MISO,
    LanguageModelWriter,
    MarkovWriter,
    MaskFill,
    WordInsertion,
    WordReplacement,
    WordSwap,
)
from counterpoise.errors import DataError, SettingsError
from counterpoise.methods.registry import METHODS
from counterpoise.methods.sampled import SampledMethod
from counterpoise.oversampling.anchors import anchor_schema, anchors_from
from counterpoise.oversampling.base import draw_sources
from counterpoise.samplers import SAMPLERS
from counterpoise.text.tokenizers import words_and_gaps

TEXTS = [
    "win a cash prize now!",
    "see you at home",
    "are you there yet?",
    "claim your free entry",
    "lunch at noon",
    "call me later today",
    "he said it was fine",
]
LABELS = ["spam", "ham", "ham", "spam", "ham", "ham", "ham"]
OWN_WORDS = (LanguageModelWriter, MaskFill, WordInsertion, WordReplacement)
"""Samplers whose injected words come from no text in particular."""
EVERY = pytest.mark.parametrize("sampler", [cls(random_state=0) for cls in SAMPLERS.values()], ids=SAMPLERS)


def every_with(names: str, values: list[Any], ids: list[str] | None = None) -> pytest.MarkDecorator:
    """Every sampler with each of the values; in `make test` with one of them, by turns."""
    return pytest.mark.parametrize(
        f"sampler, {names}",
        [
            pytest.param(
                cls(random_state=0),
                *(value if isinstance(value, tuple) else (value,)),
                id=f"{name}-{ids[j] if ids else j}",
                marks=[] if (i - j) % len(values) == 0 else pytest.mark.slow,
            )
            for i, (name, cls) in enumerate(SAMPLERS.items())
            for j, value in enumerate(values)
        ],
    )


@EVERY
def test_lists_give_lists_and_the_classes_balance(sampler) -> None:
    texts, labels = clone(sampler).fit_resample(TEXTS, LABELS)
    assert type(texts) is type(labels) is list
    assert texts[:7] == TEXTS
    assert labels[:7] == LABELS
    assert labels[7:] == ["spam"] * 3
    assert all(type(value) is str for value in texts + labels)


@every_with("dtype", [object, str, np.int64, np.int8, bool])
def test_arrays_give_arrays_of_their_dtype(sampler, dtype) -> None:
    y = np.array([label if dtype in (object, str) else label == "spam" for label in LABELS], dtype=dtype)
    texts, labels = clone(sampler).fit_resample(np.array(TEXTS, dtype=object), y)
    assert labels.dtype == (object if dtype in (object, str) else dtype)
    assert len(texts) == len(labels) == 10
    assert (labels[7:] == y[0]).all()


@every_with("index", [range(7), range(10, 17), list("abcdefg"), [5, 3, 1, 0, 2, 4, 9]])
def test_pandas_keep_index_and_name(sampler, index) -> None:
    X, y = (
        pd.Series(TEXTS, index=list(index), name="body"),
        pd.Series(LABELS, index=list(index), name="topic"),
    )
    texts, labels = clone(sampler).fit_resample(X, y)
    assert (texts.name, labels.name) == ("body", "topic")
    assert texts.index[:7].tolist() == labels.index[:7].tolist() == list(index)
    assert texts.index.is_unique
    assert texts.index.equals(labels.index)
    assert texts.iloc[:7].tolist() == TEXTS
    assert len(texts) == len(labels) == 10
    frame, _ = clone(sampler).fit_resample(X.to_frame(), y)
    assert frame.columns.tolist() == ["body"]
    pd.testing.assert_series_equal(frame["body"], texts)


@every_with(
    "container",
    [
        pl.Series,
        pa.array,
        lambda v: pa.chunked_array([v]),
        lambda v: datasets.Dataset.from_dict({"c": v})["c"],
    ],
    ids=["polars", "arrow", "chunked", "datasets"],
)
def test_other_containers(sampler, container) -> None:
    texts, labels = clone(sampler).fit_resample(container(TEXTS), container(LABELS))
    plain, _ = clone(sampler).fit_resample(TEXTS, LABELS)
    assert list(texts) == plain
    assert list(labels) == LABELS + ["spam"] * 3


@EVERY
def test_a_frame_of_several_columns_is_refused(sampler) -> None:
    frame = pd.DataFrame({"title": TEXTS, "body": TEXTS})
    with pytest.raises(DataError, match="2 columns"):
        clone(sampler).fit_resample(frame, LABELS)


@every_with(
    "strategy, made",
    [
        ("auto", 3),
        (0.8, 2),
        ({"spam": 4}, 2),
        ({"spam": 2, "ham": 5}, 0),
        ({"ham": 6}, 1),
        (lambda y: {"spam": 9}, 7),
    ],
)
def test_sampling_strategies(sampler, strategy, made) -> None:
    sampler = clone(sampler).set_params(sampling_strategy=strategy)
    texts, labels = sampler.fit_resample(TEXTS, LABELS)
    assert len(texts) == len(labels) == 7 + made
    assert sum(sampler.sampling_strategy_.values()) == made
    assert len(sampler.anchors_) == made


@EVERY
def test_another_word_for_a_strategy_is_refused_in_plain_words(sampler) -> None:
    sampler = clone(sampler).set_params(sampling_strategy="foo")
    with pytest.raises(SettingsError, match=r"sampling_strategy is 'foo'; choose one of auto, .*dict$"):
        sampler.fit_resample(TEXTS, LABELS)


@EVERY
def test_several_classes_all_reach_the_largest(sampler, texts_of) -> None:
    texts, labels = texts_of((20, 9, 1, 20))
    sampler = clone(sampler)
    _, resampled = sampler.fit_resample(texts, labels)
    assert np.bincount(resampled).tolist() == [20] * 4
    assert sampler.anchors_["label"].to_pylist() == resampled[50:].tolist()
    assert labels[sampler.anchors_["source_row"].to_numpy()].tolist() == resampled[50:].tolist()


@EVERY
def test_bookkeeping_leads_back_to_the_sources(sampler, texts_of) -> None:
    texts, labels = texts_of((50, 8))
    sampler = clone(sampler)
    new_texts, new_labels = sampler.fit_resample(texts, labels)
    n = len(texts)
    np.testing.assert_array_equal(sampler.sample_indices_, [*range(n), *[-1] * 42])
    np.testing.assert_array_equal(sampler.source_rows_[:n], np.arange(n))
    np.testing.assert_array_equal(new_texts[:n], texts)
    np.testing.assert_array_equal(labels[sampler.source_rows_], new_labels)
    assert sampler.source_rows_[n:].tolist() == sampler.anchors_["source_row"].to_pylist()
    assert sampler.anchors_["text"].to_pylist() == new_texts[n:].tolist()
    used = np.bincount(sampler.source_rows_[n:], minlength=n)[labels == 1]
    learnt = isinstance(
        sampler, MISO | LanguageModelWriter
    )  # writes from difficult samples alone, and drops what repeats
    if not learnt:
        assert used.max() - used.min() <= 1, "sources are not used equally often"
    for anchor in anchors_from(sampler.anchors_):
        own, _ = words_and_gaps(texts[anchor.source_row])
        lent = {word for row in anchor.partner_rows for word in words_and_gaps(texts[row])[0]}
        assert set(anchor.kept) <= set(own)
        if not isinstance(sampler, OWN_WORDS):
            assert set(anchor.injected) <= lent
        majority = [row for row in anchor.partner_rows if labels[row] == 0]
        both = set(anchor.kept) & {word for row in majority for word in words_and_gaps(texts[row])[0]}
        assert both <= set(anchor.shared) <= set(anchor.kept) if learnt else set(anchor.shared) == both
        assert sorted(anchor.kept + anchor.injected) == sorted(words_and_gaps(anchor.text)[0])
        assert list(anchor.partner_rows[: len(majority)]) == majority, "the majority comes first"
        if not isinstance(sampler, MarkovWriter | LanguageModelWriter):  # which learn from other texts too
            assert len(majority) == len(anchor.partner_rows)


@every_with(
    "dtype, kind", [(object, pa.string()), (str, pa.string()), (np.int8, pa.int8()), (bool, pa.bool_())]
)
def test_anchors_are_a_table_of_the_same_columns_even_without_rows(sampler, dtype, kind) -> None:
    y = np.array([label if dtype in (object, str) else label == "spam" for label in LABELS], dtype=dtype)
    for texts, labels in ((TEXTS, y), ([TEXTS[0], TEXTS[1]], y[:2])):
        sampler = clone(sampler)
        sampler.fit_resample(texts, labels)
        found, common = sampler.anchors_.schema, anchor_schema(kind)
        assert pa.schema(list(found)[: len(common)]) == common
        assert len(found) == len(common) or isinstance(sampler, LanguageModelWriter)
        assert sampler.anchors_["label"].to_pylist() == [y[0].item() if dtype is not object else y[0]] * len(
            sampler.anchors_
        )
    assert len(sampler.anchors_) == 0


@EVERY
def test_a_sampler_that_has_written_can_be_pickled_and_cloned(sampler) -> None:
    sampler = clone(sampler).set_params(random_state=3)
    sampler.fit_resample(TEXTS, LABELS)
    same = pickle.loads(pickle.dumps(sampler))
    assert same.anchors_ == sampler.anchors_
    if isinstance(sampler, MISO):
        assert same.sample(3) == sampler.sample(3)
    assert clone(sampler).get_params() == sampler.get_params()


@given(
    st.lists(st.text("ab c é你!?", min_size=1).filter(str.strip), min_size=2, max_size=8),
    st.text("xy z", min_size=1).filter(str.strip),
    st.floats(0.01, 0.99),
)
def test_word_swap_replaces_its_share_and_keeps_the_rest(majority, minority, rate) -> None:
    sampler = WordSwap(rate=rate, random_state=0)
    sampler.fit_resample([minority, *majority], [1, *[0] * len(majority)])
    own, _ = words_and_gaps(minority)
    for anchor in anchors_from(sampler.anchors_):
        lent, _ = words_and_gaps(majority[anchor.partner_rows[0] - 1])
        wanted = max(round(rate * len(own)), int(len(own) > 1))
        assert len(anchor.injected) == min(wanted, len(lent))
        assert len(anchor.kept) + len(anchor.injected) == len(own)
        left = iter(own)
        assert all(word in left for word in anchor.kept), "kept words are out of order"
        left = iter(lent)
        assert all(word in left for word in anchor.injected), "injected words are out of order"
        assert anchor.text.strip()


def test_word_swap_keeps_what_stands_between_words() -> None:
    sampler = WordSwap(random_state=1)
    sampler.fit_resample(["  WIN,  now\tor\nnever ", "one two", "three four"], ["a", "b", "b"])
    assert words_and_gaps(sampler.anchors_["text"][0].as_py())[1] == ["  ", "  ", "\t", "\n", " "]


def test_one_word_texts_and_chinese() -> None:
    sampler = WordSwap(rate=0.3, random_state=0)
    sampler.fit_resample(["free", "hi", "yo"], [1, 0, 0])
    assert sampler.anchors_["text"].to_pylist() == ["free"]
    sampler = WordSwap(rate=0.5, random_state=0)
    sampler.fit_resample(["免费领奖", "今天见面吗", "我在家"], [1, 0, 0])
    (anchor,) = anchors_from(sampler.anchors_)
    assert len(anchor.text) == 4
    assert len(anchor.kept) == len(anchor.injected) == 2
    assert set(anchor.kept) <= set("免费领奖")


@pytest.mark.parametrize("rate", [0, 1, -0.5, 3, float("nan")])
def test_word_swap_refuses_a_rate_out_of_range(rate) -> None:
    with pytest.raises(SettingsError, match="rate is"):
        WordSwap(rate=rate).fit_resample(TEXTS, LABELS)


@EVERY
def test_the_seed_decides(sampler, texts_of) -> None:
    texts, labels = texts_of((40, 6))
    one, two, other = (
        clone(sampler).set_params(random_state=s).fit_resample(texts, labels)[0] for s in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, two)
    assert one.tolist() != other.tolist()
    drawn = [clone(sampler).set_params(random_state=np.random.RandomState(3)) for _ in range(2)]
    np.testing.assert_array_equal(*(s.fit_resample(texts, labels)[0] for s in drawn))


@EVERY
def test_what_cannot_be_used_is_refused(sampler) -> None:
    with pytest.raises(DataError, match=r"all 7 labels are 'ham'; over-sampling needs at least two"):
        clone(sampler).fit_resample(TEXTS, ["ham"] * 7)
    with pytest.raises(DataError, match="7 texts and 6 labels"):
        clone(sampler).fit_resample(TEXTS, LABELS[:6])
    with pytest.raises(DataError, match="position 1 is empty"):
        clone(sampler).fit_resample(["a", " "], [0, 1])
    with pytest.raises(DataError, match="position 0"):
        clone(sampler).fit_resample([1, 2], [0, 1])


def test_given_data_are_not_changed() -> None:
    X, y = np.array(TEXTS, dtype=object), np.array(LABELS, dtype=object)
    WordSwap(random_state=0).fit_resample(X, y)
    assert X.tolist() == TEXTS
    assert y.tolist() == LABELS


@given(st.integers(1, 9), st.integers(0, 40))
def test_sources_are_drawn_equally_often(n, count) -> None:
    drawn = draw_sources(np.arange(n), count, np.random.default_rng(0))
    used = np.bincount(drawn, minlength=n)
    assert len(drawn) == count
    assert used.max() - used.min() <= 1


class Remembers(LogisticRegression):
    """Notes the rows it was fitted and asked to score."""

    fitted: list[int] = []  # noqa: RUF012
    scored: list[list[str]] = []  # noqa: RUF012

    def fit(self, X, y, sample_weight=None):
        self.fitted.append(X.shape[0])
        return super().fit(X, y)


@EVERY
def test_inside_a_pipeline_only_the_fitting_side_is_resampled(sampler, texts_of) -> None:
    """The test sides of cross-validation hold real texts only, and all of them."""
    texts, labels = texts_of((60, 12))
    seen: list[list[str]] = []

    class Vectorizer(CountVectorizer):
        def transform(self, raw_documents):
            seen.append(list(raw_documents))
            return super().transform(raw_documents)

    Remembers.fitted = []
    pipeline = Pipeline([("balance", clone(sampler)), ("words", Vectorizer()), ("classify", Remembers())])
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    scores = cross_val_score(
        pipeline, texts, labels, cv=folds, scoring="average_precision", error_score="raise"
    )
    assert (scores > 0.9).all()
    assert Remembers.fitted == [80, 80, 80]
    assert sorted(text for side in seen for text in side) == sorted(texts.tolist())


def test_pipelines_can_be_searched(texts_of) -> None:
    texts, labels = texts_of((40, 10))
    pipeline = Pipeline(
        [("balance", WordSwap(random_state=0)), ("words", CountVectorizer()), ("lr", LogisticRegression())]
    )
    search = GridSearchCV(pipeline, {"balance__rate": [0.2, 0.5]}, cv=2, error_score="raise").fit(
        texts, labels
    )
    assert search.best_params_["balance__rate"] in (0.2, 0.5)
    assert search.best_estimator_.predict(texts[:3]).shape == (3,)


def test_a_sampler_as_a_method_keeps_weights_with_their_rows(texts_of) -> None:
    from counterpoise.methods.base import Context, Data

    texts, labels = texts_of((20, 5))
    weights = np.arange(25) + 1.0
    for name, method in METHODS.items():
        if not issubclass(method, SampledMethod):
            continue
        resampled = method().resample(Data(texts, labels, 2, weights), Context(seed=0))
        assert len(resampled) == 40, name
        np.testing.assert_array_equal(resampled.weights[:25], weights)
        settings = {**method()._settings, "random_state": 0}
        sampler = method.sampler(**settings)
        sampler.fit_resample(texts, labels)
        np.testing.assert_array_equal(resampled.weights, weights[sampler.source_rows_])
        assert resampled.labels.dtype == labels.dtype
