"""What people do with the classifiers: search, pipelines, containers, weights, groups, thresholds."""

from __future__ import annotations

import copy
import pickle

import datasets
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.metrics import average_precision_score
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from counterpoise import ArrayClassifier, TextClassifier
from counterpoise.errors import CounterpoiseError, DataError, SettingsError
from counterpoise.training import loop
from tiny_networks import NETWORK, TINY, TRAINING

pytestmark = pytest.mark.filterwarnings("ignore::counterpoise.errors.CounterpoiseWarning")

MLP = {**TRAINING, **TINY["mlp"]}


@pytest.mark.parametrize(
    ("classifier", "grid"),
    [
        (TextClassifier("word_swap", **NETWORK), {"method__rate": [0.2, 0.5]}),
        (TextClassifier("erm", **NETWORK), {"backbone__n_filters": [2, 4], "learning_rate": [0.01]}),
        (TextClassifier(threshold=0.5, random_state=0), {"method__folds": [2, 3]}),
        (TextClassifier("tfidf_lr", random_state=0), {"method__C": [0.1, 10.0]}),
        (
            TextClassifier(random_state=0, **{k: NETWORK[k] for k in ("max_epochs", "precision")}),
            {"method": ["tfidf_lr", "focal"]},
        ),
    ],
    ids=["method", "backbone", "default", "linear", "methods"],
)
def test_grid_search(classifier, grid, spam) -> None:
    texts, labels = spam
    search = GridSearchCV(classifier, grid, cv=2, scoring="average_precision", error_score="raise")
    search.fit(texts, (labels == "spam").astype(int))
    for name, value in search.best_params_.items():
        assert search.best_estimator_.get_params()[name] == value
    assert search.best_estimator_.predict(texts[:4]).shape == (4,)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_pipelines_and_cross_validated_predictions(spam, arrays_of) -> None:
    texts, labels = spam
    shout = FunctionTransformer(lambda X: np.array([text.upper() for text in X], dtype=object))
    pipeline = make_pipeline(shout, TextClassifier(random_state=0))
    probabilities = cross_val_predict(pipeline, texts, labels, cv=3, method="predict_proba")
    assert average_precision_score(labels == "spam", probabilities[:, 1]) > 0.9
    X, y = arrays_of((60, 15))
    pipeline = make_pipeline(StandardScaler(), ArrayClassifier(**MLP))
    assert cross_val_predict(pipeline, X, y, cv=2).shape == (75,)


def test_clone_and_parameters_of_method_and_backbone() -> None:
    classifier = TextClassifier("word_swap", method__rate=0.25, backbone__dim=8, class_weight={"a": 2.0})
    copied = clone(classifier)
    assert copied.get_params() == classifier.get_params()
    assert copied.get_params()["method__rate"] == 0.25
    assert "method__rate=0.25" in repr(classifier)
    assert copied.set_params(method__rate=0.5, max_epochs=3) is copied
    assert (copied.method__rate, copied.max_epochs) == (0.5, 3)
    assert classifier.method__rate == 0.25
    with pytest.raises(TypeError, match="no parameter 'nonsense'"):
        TextClassifier(nonsense=1)
    with pytest.raises(ValueError, match="nonsense"):
        classifier.set_params(nonsense=1)
    assert TextClassifier().get_params()["method"] is None


@pytest.mark.parametrize(
    "names",
    [
        np.array(["ham", "spam"], dtype=object),
        np.array(["ham", "spam"]),
        np.array([0, 1]),
        np.array([-1, 7], dtype=np.int8),
        np.array([False, True]),
        np.array([1.0, 2.0]),
    ],
    ids=["object", "str", "int", "int8", "bool", "float"],
)
@pytest.mark.parametrize("method", ["tfidf_lr", "erm"])
def test_labels_come_back_as_they_were_given(names, method, texts_of, tmp_path) -> None:
    texts, numbers = texts_of((30, 12))
    classifier = TextClassifier(method, **(NETWORK if method == "erm" else {"random_state": 0}))
    classifier.fit(texts, names[numbers])
    predicted = classifier.predict(texts)
    assert set(predicted.tolist()) <= set(names.tolist())
    assert classifier.classes_.tolist() == names.tolist()
    assert predicted.dtype == classifier.classes_.dtype
    assert classifier.pos_label_ == names[1]
    classifier.save(tmp_path / "m")
    loaded = TextClassifier.load(tmp_path / "m")
    assert loaded.predict(texts).dtype == predicted.dtype
    np.testing.assert_array_equal(loaded.predict(texts), predicted)
    assert loaded.pos_label_ == classifier.pos_label_


@pytest.mark.parametrize(
    "container",
    [
        list,
        tuple,
        pd.Series,
        lambda v: pd.DataFrame({"c": v}),
        pl.Series,
        pa.array,
        lambda v: datasets.Dataset.from_dict({"c": list(v)})["c"],
        pd.array,
    ],
    ids=["list", "tuple", "pandas", "frame", "polars", "arrow", "datasets", "pandas array"],
)
def test_containers_of_texts_and_labels(container, spam) -> None:
    texts, labels = spam
    asked = TextClassifier("tfidf_lr", threshold=0.5, random_state=0)
    expected = clone(asked).fit(texts, labels).predict_proba(texts)
    classifier = asked.fit(container(texts.tolist()), container(labels.tolist()))
    np.testing.assert_array_equal(classifier.predict_proba(container(texts.tolist())), expected)


@pytest.mark.parametrize("method", ["tfidf_lr", "class_weight", "word_swap", "logit_adjustment"])
def test_a_row_of_weight_zero_is_no_row(method, spam) -> None:
    texts, labels = spam
    settings = {"random_state": 0} if method == "tfidf_lr" else NETWORK
    weights = np.linspace(0.5, 2, len(texts))
    weights[::6] = 0
    kept = weights > 0
    groups = np.arange(len(texts)) // 2
    one = TextClassifier(method, **settings).fit(texts, labels, sample_weight=weights, groups=groups)
    two = TextClassifier(method, **settings).fit(
        texts[kept], labels[kept], sample_weight=weights[kept], groups=groups[kept]
    )
    np.testing.assert_array_equal(one.predict_proba(texts), two.predict_proba(texts))
    np.testing.assert_array_equal(one.thresholds_, two.thresholds_)
    np.testing.assert_array_equal(one.class_counts_, two.class_counts_)


@pytest.mark.parametrize(
    "classifier",
    [TextClassifier("tfidf_lr", random_state=0), TextClassifier("erm", **NETWORK)],
    ids=["lr", "erm"],
)
def test_weights_and_class_weights(classifier, spam) -> None:
    texts, labels = spam
    by_class = {"ham": 1.0, "spam": 30.0}
    plain = clone(classifier).set_params(prior_correction=False, method__balanced=False)
    if classifier.method == "erm":
        plain = clone(classifier).set_params(prior_correction=False)
    rows = np.array([by_class[label] for label in labels])
    one = (
        clone(plain).set_params(class_weight=by_class, threshold=0.5).fit(texts, labels).predict_proba(texts)
    )
    two = clone(plain).set_params(threshold=0.5).fit(texts, labels, sample_weight=rows).predict_proba(texts)
    three = clone(plain).set_params(threshold=0.5).fit(texts, labels).predict_proba(texts)
    np.testing.assert_allclose(one, two, atol=1e-7)
    assert one[:, 1].mean() > three[:, 1].mean()


def test_balanced_class_weight_is_scikit_learns(spam) -> None:
    texts, labels = spam
    counts = {name: (labels == name).sum() for name in ("ham", "spam")}
    named = {name: len(labels) / (2 * count) for name, count in counts.items()}
    one, two = (
        TextClassifier("erm", class_weight=weight, threshold=0.5, **NETWORK)
        .fit(texts, labels)
        .predict_proba(texts)
        for weight in ("balanced", named)
    )
    np.testing.assert_allclose(one, two, atol=1e-7)


@pytest.mark.parametrize(
    "method",
    ["tfidf_lr", "word_swap", *(pytest.param(name, marks=pytest.mark.slow) for name in ("erm", "focal"))],
)
def test_pickle_and_deepcopy(method, spam) -> None:
    texts, labels = spam
    classifier = TextClassifier(method, **({"random_state": 0} if method == "tfidf_lr" else NETWORK)).fit(
        texts, labels
    )
    expected = classifier.predict_proba(texts)
    for twin in (pickle.loads(pickle.dumps(classifier)), copy.deepcopy(classifier)):
        np.testing.assert_array_equal(twin.predict_proba(texts), expected)
        assert twin.get_params() == classifier.get_params()
        np.testing.assert_array_equal(twin.fit(texts, labels).predict_proba(texts), expected)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"threshold": "best"}, "threshold is 'best'"),
        ({"threshold": 1.5}, "threshold is 1.5"),
        ({"threshold": False}, "threshold is False"),
        ({"threshold": np.array([0.3, 0.7])}, "threshold is array"),
        ({"threshold_folds": 1}, "threshold_folds is 1"),
        ({"threshold_folds": "3"}, "threshold_folds is '3'"),
        ({"threshold_folds": 2.5}, "threshold_folds is 2.5"),
        ({"threshold_metric": "accuracy"}, "metric 'accuracy' is unknown"),
        ({"threshold_metric": [[0, 1]]}, "cost matrix has shape"),
        ({"validation_fraction": 1.0}, "validation_fraction is 1.0"),
        ({"validation_fraction": "0.1"}, "validation_fraction is '0.1'"),
        ({"class_weight": "even"}, "class_weight is 'even'"),
        ({"class_weight": [1, 50]}, r"class_weight is \[1, 50\]"),
        ({"class_weight": np.array([1.0, 50.0])}, "class_weight is array"),
        ({"class_weight": 7}, "class_weight is 7"),
        ({"class_weight": {"spam": "a"}}, "class_weight has {'spam': 'a'}"),
        ({"class_weight": {"eggs": 2}}, "class_weight names {'eggs'}"),
        ({"class_weight": {"spam": 0}}, "class_weight has {'spam': 0}"),
        ({"class_weight": {"spam": -1}}, "class_weight has {'spam': -1}"),
        ({"pos_label": "eggs"}, "pos_label is 'eggs'"),
        ({"pos_label": ["ham", "spam"]}, r"pos_label is \['ham', 'spam'\]"),
        ({"pos_label": np.array(["ham", "spam"])}, "pos_label is array"),
        ({"max_epochs": 0}, "max_epochs is 0"),
        ({"method": "magic"}, "there is no method 'magic'"),
        ({"method": "erm", "device": "tpu"}, "'tpu' is not on this machine"),
    ],
    ids=str,
)
def test_settings_are_refused_before_any_work(settings, message, spam, monkeypatch) -> None:
    def working(*args, **kwargs):
        raise AssertionError("work was begun")

    monkeypatch.setattr("counterpoise.estimators.base.fit_model", working)
    with pytest.raises(SettingsError, match=message):
        TextClassifier(**settings).fit(*spam)


def test_numbers_of_numpy_are_numbers(spam) -> None:
    given = {"validation_fraction": np.float32(0.1), "threshold_folds": np.int64(2)}
    classifier = TextClassifier("tfidf_lr", threshold=np.float32(0.25), **given, random_state=0).fit(*spam)
    assert classifier.thresholds_.tolist() == [0.75, 0.25]
    assert classifier.set_params(threshold=np.int64(1)).fit(*spam).thresholds_.tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X, y: (X, y[:-1], {}), "125 rows and 124 labels"),
        (lambda X, y: (X, np.array(["ham"] * 125), {}), "only one class, 'ham'"),
        (lambda X, y: (X, y, {"groups": [1, 2]}), "125 rows and 2 values of groups"),
        (lambda X, y: (X, y, {"time": [1, 2]}), "125 rows and 2 values of time"),
        (lambda X, y: (X, None, {}), "requires y to be passed"),
        (lambda X, y: (X, np.linspace(0, 1, 125), {}), "continuous"),
        (lambda X, y: (X, y, {"sample_weight": np.where(y == "ham", 1.0, 0.0)}), "only one class, 'ham'"),
    ],
    ids=["length", "one class", "groups", "time", "no labels", "numbers", "one class weighs"],
)
def test_data_that_cannot_be_used_are_refused(change, message, spam) -> None:
    X, y, more = change(*spam)
    with pytest.raises(DataError, match=message):
        TextClassifier(random_state=0).fit(X, y, **more)


@pytest.mark.parametrize(
    "weights", [np.zeros(125), -np.ones(125), np.full(125, np.nan), np.ones(3)], ids=["0", "-", "nan", "3"]
)
def test_weights_that_cannot_be_used_are_refused(weights, spam) -> None:
    with pytest.raises(ValueError, match=r"weight|Negative|NaN"):
        TextClassifier(random_state=0).fit(*spam, sample_weight=weights)


def test_unfitted_classifiers_say_so(spam) -> None:
    from sklearn.exceptions import NotFittedError

    for call in ("predict", "predict_proba", "decision_function", "embed"):
        with pytest.raises(NotFittedError):
            getattr(TextClassifier(), call)(spam[0])


def test_embeddings(spam, arrays_of) -> None:
    texts, labels = spam
    network = TextClassifier("erm", threshold=0.5, **NETWORK).fit(texts, labels)
    assert network.embed(texts).shape == (125, 12)
    assert network.embed(texts).dtype == np.float32
    linear = TextClassifier(random_state=0).fit(texts, labels)
    assert linear.embed(texts).shape[0] == 125
    X, y = arrays_of((40, 20))
    assert ArrayClassifier(threshold=0.5, **MLP).fit(X, y).embed(X).shape == (60, 4)


def test_the_token_budget_reaches_the_training(spam, monkeypatch) -> None:
    seen, original = set(), loop.within_budget
    monkeypatch.setattr(
        loop,
        "within_budget",
        lambda rows, lengths, budget: seen.add(budget) or original(rows, lengths, budget),
    )
    TextClassifier("erm", threshold=0.5, token_budget=60, **NETWORK).fit(*spam)
    assert seen == {60}
    with pytest.raises(SettingsError, match="token_budget is 0"):
        TextClassifier("erm", token_budget=0).fit(*spam)


def test_array_classifier_remembers_its_columns(arrays_of, tmp_path) -> None:
    X, y = arrays_of((40, 20))
    frame = pd.DataFrame(X, columns=list("abcdef"))
    classifier = ArrayClassifier(threshold=0.5, **MLP).fit(frame, y)
    assert classifier.feature_names_in_.tolist() == list("abcdef")
    classifier.save(tmp_path / "m")
    loaded = ArrayClassifier.load(tmp_path / "m")
    assert loaded.n_features_in_ == 6
    np.testing.assert_array_equal(loaded.predict_proba(frame), classifier.predict_proba(frame))
    with pytest.raises(ValueError, match="feature names should match"):
        loaded.predict(frame[list("fedcba")])
    with pytest.raises(ValueError, match="6 features"):
        loaded.predict(X[:, :3])


def test_method_none_takes_the_default(spam, arrays_of) -> None:
    chosen = TextClassifier(random_state=0).fit(*spam).fitted_.predictor.notes["chosen"]
    assert set(chosen) <= {"encoder_lr", "encoder_neighbors", "tfidf_lr", "char_lr"}
    classifier = ArrayClassifier(threshold=0.5, **MLP).fit(*arrays_of((30, 10)))
    np.testing.assert_allclose(classifier.fitted_.predictor.training_prior, [0.5, 0.5])


def test_errors_are_ours(spam) -> None:
    assert issubclass(SettingsError, CounterpoiseError)
    with pytest.raises(CounterpoiseError):
        TextClassifier(method__folds=-1).fit(*spam)
    with pytest.raises(CounterpoiseError):
        TextClassifier("tfidf_lr", method__C=-1).fit(*spam)
    with pytest.raises(CounterpoiseError):
        TextClassifier("tfidf_lr", method__min_df=1000).fit(*spam)


@pytest.mark.parametrize(
    ("name", "settings", "says"),
    [
        ("focal", {"method__gamma": -1}, "gamma"),
        ("class_weight", {"method__power": -1}, "power"),
        ("word_swap", {"method__rate": 1.5}, "rate"),
        ("word_swap", {"method__sampling_strategy": {"spam": 9}}, "sampling_strategy"),
        ("tfidf_lr", {"method__max_ngram": "a"}, "max_ngram"),
        ("erm", {"device": "cpu:x"}, "device"),
        ("erm", {"batch_size": 16.0}, "batch_size"),
    ],
)
def test_settings_out_of_range_are_refused_before_the_data_are_looked_at(name, settings, says) -> None:
    with pytest.raises(SettingsError, match=says):
        TextClassifier(name, **settings).fit(None, None)


def test_an_impossible_sampling_strategy_is_a_setting_to_mend(spam) -> None:
    with pytest.raises(SettingsError, match=r"sampling_strategy 0\.0001"):
        TextClassifier("word_swap", method__sampling_strategy=0.0001, **NETWORK).fit(*spam)


def test_a_diverged_training_is_no_model(spam) -> None:
    with pytest.raises(SettingsError, match=r"diverged in epoch 1 .*lower learning_rate"):
        TextClassifier("erm", **{**NETWORK, "learning_rate": 1e30}).fit(*spam)


@pytest.mark.parametrize("column", ["groups", "time"])
def test_missing_groups_and_times_are_refused(column, spam) -> None:
    texts, labels = spam
    values = np.arange(len(texts), dtype=float)
    values[3] = np.nan
    with pytest.raises(DataError, match=f"row 3 has no value of {column}"):
        TextClassifier(random_state=0).fit(texts, labels, **{column: values})


def test_a_loaded_model_keeps_its_card_when_saved_again(spam, tmp_path) -> None:
    TextClassifier(random_state=0).fit(*spam).save(tmp_path / "one", data="reviews", columns=["body"])
    TextClassifier.load(tmp_path / "one").save(tmp_path / "two")
    for name in ("README.md", "config.json"):
        assert (tmp_path / "one" / name).read_text() == (tmp_path / "two" / name).read_text()
