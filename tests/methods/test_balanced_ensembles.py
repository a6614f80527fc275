"""The two ensembles against imbalanced-learn's own, and what weights, seeds and saving mean to them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from imblearn.ensemble import BalancedRandomForestClassifier, EasyEnsembleClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import average_precision_score

from counterpoise.errors import DataError, SettingsError
from counterpoise.methods import easy_ensemble
from counterpoise.methods.balanced_forest import BalancedForest, in_proportion
from counterpoise.methods.base import Context, Data
from counterpoise.methods.easy_ensemble import EasyEnsemble
from counterpoise.methods.registry import METHODS
from counterpoise.metrics.calibration import softmax
from counterpoise.seeding import derive_seed

BOTH = pytest.mark.parametrize("name", ["balanced_forest", "easy_ensemble"])


def clouds(counts: tuple[int, ...], gap: float = 1.0, seed: int = 0, weights=None) -> Data:
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    rows = (rng.normal(size=(len(labels), 4)) + gap * labels[:, None]).astype(np.float32)
    return Data(rows, labels, len(counts), np.ones(len(labels)) if weights is None else weights)


def as_if_one_more(probabilities: np.ndarray, n: int) -> np.ndarray:
    """The mean of n members and one that finds all classes alike."""
    return (n * probabilities + 1 / probabilities.shape[1]) / (n + 1)


@pytest.mark.parametrize("counts", [(80, 12), (40, 20, 9)])
def test_the_forest_is_imbalanced_learns(counts) -> None:
    data = clouds(counts)
    predictor = BalancedForest(n_estimators=15, min_samples_leaf=2).fit(data, Context(4))
    reference = BalancedRandomForestClassifier(
        15, min_samples_leaf=2, random_state=derive_seed(4, "balanced_forest") % 2**32
    ).fit(data.inputs, data.labels)
    expected = as_if_one_more(reference.predict_proba(data.inputs), 15)
    np.testing.assert_allclose(softmax(predictor.logits(data.inputs)), expected, atol=1e-12)
    np.testing.assert_allclose(predictor.training_prior, np.full(len(counts), 1 / len(counts)))


def test_the_forest_reads_texts_as_tfidf(texts_of) -> None:
    texts, labels = texts_of((60, 12))
    predictor = BalancedForest(n_estimators=9).fit(Data(texts, labels, 2, np.ones(72)), Context(0))
    x = TfidfVectorizer(sublinear_tf=True, token_pattern=r"\S+").fit_transform(texts)
    reference = BalancedRandomForestClassifier(9, random_state=derive_seed(0, "balanced_forest") % 2**32)
    expected = as_if_one_more(reference.fit(x, labels).predict_proba(x), 9)
    np.testing.assert_allclose(softmax(predictor.logits(texts)), expected, atol=1e-12)
    assert predictor.embed(texts).shape == x.shape


@pytest.mark.parametrize("counts", [(60, 12), (30, 20, 9)])
def test_easy_ensemble_is_imbalanced_learns_where_weights_are_alike(counts, monkeypatch) -> None:
    """With the random states that the reference gave its parts."""
    data = clouds(counts)
    reference = EasyEnsembleClassifier(6, random_state=0).fit(data.inputs, data.labels)
    parts = {"draw": "sampler", "stumps": "classifier"}
    monkeypatch.setattr(
        easy_ensemble,
        "derive_seed",
        lambda seed, what, member: reference.estimators_[member].named_steps[parts[what]].random_state,
    )
    predictor = EasyEnsemble(n_estimators=6, rounds=50).fit(data, Context(0))
    expected = as_if_one_more(reference.predict_proba(data.inputs), 6)
    np.testing.assert_allclose(softmax(predictor.logits(data.inputs)), expected, atol=1e-12)


@BOTH
def test_the_scale_of_weights_does_not_matter_within_a_class(name) -> None:
    plain = clouds((60, 12))
    scaled = clouds((60, 12), weights=np.where(plain.labels == 1, 32.0, 0.125))
    one, two = (METHODS[name]().fit(data, Context(0)).logits(plain.inputs) for data in (plain, scaled))
    np.testing.assert_array_equal(one, two)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.floats(0.01, 10.0)), min_size=1, max_size=60), st.integers(0, 99)
)
def test_rows_come_as_often_as_they_weigh(rows, seed) -> None:
    labels, weights = np.array([label for label, _ in rows]), np.array([weight for _, weight in rows])
    taken = in_proportion(labels, weights, np.random.default_rng(seed))
    times = np.bincount(taken, minlength=len(rows))
    np.testing.assert_array_equal(labels[taken], labels)
    for label in np.unique(labels):
        own = labels == label
        due = weights[own] / weights[own].mean()
        assert (np.abs(times[own] - due) < 1 + 1e-9).all()


def test_rows_of_one_weight_are_taken_once_and_those_of_none_never() -> None:
    labels = np.repeat([0, 1], [1000, 7])
    taken = in_proportion(labels, np.where(labels == 0, 0.1, 3.0), np.random.default_rng(0))
    np.testing.assert_array_equal(taken, np.arange(1007))
    weights = (np.arange(1007) % 2).astype(float)
    assert set(in_proportion(labels, weights, np.random.default_rng(0)) % 2) == {1}


@BOTH
def test_heavy_rows_are_heeded(name) -> None:
    """Two kinds of minority rows, told apart by a feature; the light kind is hardly learnt."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 1], [200, 20, 20])
    rows = rng.normal(size=(240, 2)).astype(np.float32) * 0.2
    rows[200:220] += [0.0, 1.0]  # half of the majority is here too
    rows[:100] += [0.0, 1.0]
    settings = {"min_samples_leaf": 10} if name == "balanced_forest" else {}
    weights = np.ones(240)
    weights[200:220] = 1e-3
    probability = []
    for data in (Data(rows, labels, 2, np.ones(240)), Data(rows, labels, 2, weights)):
        logits = METHODS[name](**settings).fit(data, Context(0)).logits(np.float32([[0.0, 1.0]]))
        probability.append(softmax(logits)[0, 1])
    assert probability[1] < probability[0] - 0.1


@pytest.mark.parametrize(
    ("by_class", "drawn"),
    [
        ((1, 1, 1), (12, 12, 12)),
        ((1, 3, 0.3), (6, 20, 2)),
        ((0.1, 0.2, 100), (1, 1, 12)),
        ((0.7, 0.7, 0.7), (12, 12, 12)),
    ],
)
def test_the_trees_draw_by_class_weights_what_there_is(by_class, drawn) -> None:
    data = clouds((40, 20, 12))
    forest = BalancedForest(n_estimators=3)
    trees, prior = forest.members(data.inputs, data.labels, data.weights, np.array(by_class), 0)
    np.testing.assert_array_equal(prior, drawn)
    assert {tree.tree_.n_node_samples[0] for tree in trees} == {sum(drawn)}


@BOTH
def test_class_weights_move_the_prior(name) -> None:
    data = clouds((80, 12))
    weighted = METHODS[name]().fit(data, Context(0, class_weight=np.array([1.0, 3.0])))
    plain = METHODS[name]().fit(data, Context(0))
    np.testing.assert_allclose(weighted.training_prior, [0.25, 0.75])
    np.testing.assert_allclose(plain.training_prior, [0.5, 0.5])
    one, other = (
        np.mean([member.predict_proba(data.inputs)[:, 1] for member in predictor.members])
        for predictor in (weighted, plain)
    )
    assert one > other + 0.005  # boosting forgets much of the weights that it starts with


@BOTH
def test_the_seed_decides(name) -> None:
    data = clouds((60, 12))
    one, two, other = (METHODS[name]().fit(data, Context(seed)).logits(data.inputs) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)


@BOTH
@pytest.mark.parametrize("counts", [(60, 10), (12,) * 7 + (5,), (9,) * 22 + (2,)])
def test_any_number_of_classes(name, counts, texts_of) -> None:
    texts, labels = texts_of(counts)
    for data in (Data(texts, labels, len(counts), np.ones(len(labels))), clouds(counts)):
        logits = METHODS[name]().fit(data, Context(0)).logits(data.inputs)
        assert logits.shape == (len(labels), len(counts))
        assert np.isfinite(logits).all()
        if len(counts) == 2:
            assert average_precision_score(data.labels, logits[:, 1] - logits[:, 0]) > 0.7


def test_a_draw_in_which_nothing_tells_the_classes_apart_is_refused() -> None:
    data = Data(np.zeros((12, 2), dtype=np.float32), np.repeat([0, 1], [9, 3]), 2, np.ones(12))
    with pytest.raises(
        DataError, match="in a draw of 6 rows, as many of each class, no feature tells"
    ) as error:
        EasyEnsemble().fit(data, Context(0))
    assert "\n" not in str(error.value)


@BOTH
def test_what_cannot_be_used_is_refused(name) -> None:
    data = clouds((20, 8))
    data.inputs[3, 1] = np.nan
    with pytest.raises(DataError, match="row 3, column 1 is NaN"):
        METHODS[name]().fit(data, Context(0))
    own = "rounds" if name == "easy_ensemble" else "min_samples_leaf"
    for setting in ("n_estimators", "max_ngram", "min_df", own):
        with pytest.raises(SettingsError, match=f"{setting} is 0; {name} needs an int of 1 or more"):
            METHODS[name](**{setting: 0}).check()


@BOTH
def test_a_fitted_one_is_not_taken_apart(name) -> None:
    predictor = METHODS[name]().fit(clouds((20, 8)), Context(0))
    with pytest.raises(SettingsError, match="cannot be saved"):
        predictor.state()
    assert not METHODS[name].can_be_saved
