"""Auto: what it chooses from, what it says, and that it does without what cannot be had."""

from __future__ import annotations

import shutil
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from counterpoise import TextClassifier
from counterpoise.crossfit import make_folds
from counterpoise.errors import MissingExtraError, SettingsError
from counterpoise.estimators.loading import load_model
from counterpoise.methods import auto
from counterpoise.methods.auto import Auto
from counterpoise.methods.base import Context, Data
from counterpoise.methods.blend import Blend
from counterpoise.methods.char_lr import CharLR
from counterpoise.methods.registry import make_method
from counterpoise.methods.row_sample import sample
from counterpoise.methods.subset_choice import Choice
from counterpoise.text.checkpoints import Checkpoint
from tiny_encoders import tiny_encoder
from tiny_texts import make_texts

ALL = ("encoder_lr", "encoder_neighbors", "tfidf_lr", "char_lr")


@pytest.fixture
def data() -> Data:
    texts, labels = make_texts((60, 20), seed=4)
    return Data(texts, labels, 2, np.ones(80))


@pytest.fixture
def choosing(monkeypatch):
    """Lets a test say what is chosen, and see what it is chosen by."""

    def of(*names: str) -> list:
        seen = []

        def choose(logits, labels, weights, minority, seed):
            seen.append((logits, labels, weights, minority))
            return Choice(names, {"+".join(names): 0.5}, "so it was said")

        monkeypatch.setattr(auto, "choose_subset", choose)
        return seen

    return of


@pytest.mark.parametrize("names", [ALL, ("tfidf_lr", "char_lr"), ("char_lr",)])
def test_it_is_the_blend_of_what_is_chosen(names, data, choosing) -> None:
    choosing(*names)
    found = Auto().fit(data, Context(0, minority=1))
    assert tuple(found.predictors) == names
    if len(names) > 1:
        expected = Blend(members=names).fit(data, Context(0)).logits(data.inputs)
        np.testing.assert_allclose(found.logits(data.inputs), expected, atol=1e-9)
    assert found.notes["chosen"] == list(names)
    assert found.notes["remarks"] == ["auto: so it was said"]


def test_members_are_compared_on_rows_they_were_not_fitted_to(data, choosing, monkeypatch) -> None:
    seen = choosing(*ALL)
    pairs = []
    for name, member in Auto().made().items():
        cls = next(cls for cls in type(member).mro() if "fit" in vars(cls))
        fit = cls.fit

        def spy(method, side, context, fit=fit, name=name):
            predictor = fit(method, side, context)
            logits = predictor.logits
            predictor.logits = lambda inputs: pairs.append((name, side, inputs)) or logits(inputs)
            return predictor

        monkeypatch.setattr(cls, "fit", spy)
    Auto().fit(data, Context(0, minority=1))
    assert {name for name, _, _ in pairs} == set(ALL)
    assert not any(set(side.inputs) & set(inputs) for _, side, inputs in pairs)
    ((logits, labels, weights, minority),) = seen
    assert tuple(logits) == ALL
    assert minority == 1
    assert sorted(labels.tolist()) == sorted(data.labels.tolist())
    assert all(one.shape == (80, 2) for one in logits.values())
    assert (weights == 1).all()


class TestOnFoldsOfTheThreshold:
    @pytest.mark.parametrize("names", [ALL, ("tfidf_lr", "char_lr")])
    @pytest.mark.parametrize("class_weight", [None, np.array([1.0, 20.0])])
    def test_its_predictions_are_those_of_the_chosen(self, names, class_weight, data, choosing) -> None:
        seen = choosing(*names)
        splits = make_folds(data.labels.astype(str), 4, seed=1)
        context = Context(0, minority=1, class_weight=class_weight)
        predictor, rows, logits = Auto().fit_on_folds(data, context, splits)
        assert tuple(predictor.predictors) == names
        assert sorted(rows.tolist()) == list(range(80))
        np.testing.assert_array_equal(seen[0][1], data.labels[rows])
        blend = Blend(members=names)
        for train, test in splits:
            expected = blend.fit(data.take(train), context).logits(data.inputs[test])
            np.testing.assert_allclose(logits[np.isin(rows, test)], expected, atol=1e-9)

    def test_with_few_rows_of_the_class_all_are_blended(self, choosing) -> None:
        seen = choosing("char_lr")
        texts, labels = make_texts((60, 9), seed=4)
        data = Data(texts, labels, 2, np.ones(69))
        splits = make_folds(labels.astype(str), 3, seed=1)
        predictor, rows, _ = Auto().fit_on_folds(data, Context(0, minority=1), splits)
        assert not seen
        assert tuple(predictor.predictors) == ALL
        assert "9 rows of a class are too few" in predictor.notes["remarks"][0]
        assert len(rows) == 69

    def test_one_pass_over_the_folds_serves_choice_and_threshold(self, data, monkeypatch) -> None:
        sides = []
        fit = CharLR.fit
        monkeypatch.setattr(
            CharLR, "fit", lambda self, side, context: sides.append(side) or fit(self, side, context)
        )
        classifier = TextClassifier("auto", random_state=0, threshold_folds=3).fit(data.inputs, data.labels)
        assert classifier.fitted_.choice.tuned
        assert classifier.fitted_.scored_on == "out-of-fold"
        assert classifier.fitted_.choice.n_rows == 80
        assert len(sides) in (3, 4), "once a fold, and once for all rows if it was chosen"

    def test_groups_are_kept_apart(self, data, monkeypatch) -> None:
        groups = np.arange(80) // 4
        parted = []
        cross = auto.crossfitted_logits
        monkeypatch.setattr(
            auto,
            "crossfitted_logits",
            lambda m, d, c, splits: parted.extend(splits) or cross(m, d, c, splits),
        )
        TextClassifier("auto", random_state=0).fit(data.inputs, data.labels, groups=groups)
        assert len(parted) == 3
        assert not any(set(groups[train]) & set(groups[test]) for train, test in parted)

    def test_of_many_rows_some_are_compared_and_all_predicted(self, data, choosing) -> None:
        seen = choosing(*ALL)
        many = data.take(np.tile(np.arange(80), 2))
        splits = make_folds(many.labels.astype(str), 3, groups=np.tile(np.arange(80), 2), seed=1)
        _, rows, logits = Auto(max_rows=100).fit_on_folds(many, Context(0, minority=1), splits)
        assert len(rows) == len(logits) == 160
        assert np.bincount(seen[0][1]).tolist() == [60, 40]
        assert all(len(one) == 100 for one in seen[0][0].values())

    def test_rows_that_stand_for_many_have_their_masses_as_in_fit(self, data, choosing) -> None:
        seen = choosing(*ALL)
        many = data.take(np.tile(np.arange(80), 2))
        splits = make_folds(many.labels.astype(str), 3, groups=np.tile(np.arange(80), 2), seed=1)
        Auto(max_rows=100).fit_on_folds(many, Context(0, minority=1), splits)
        Auto(max_rows=100).fit(many, Context(0, minority=1))
        assert len(seen) == 2
        for _, labels, weights, _ in seen:
            mass = np.bincount(labels, weights)
            np.testing.assert_allclose(mass / mass.sum(), many.class_mass())

    def test_a_class_that_folds_in_time_do_not_judge(self, data) -> None:
        """The rare class ends before the first test side begins."""
        order = np.argsort(data.labels == 0, kind="stable")
        texts, labels = data.inputs[order], data.labels[order]
        more, _ = make_texts((90, 1), seed=9)
        texts, labels = (
            np.append(texts, more[:90]),
            np.append(labels, np.tile([0, 1], 45) * (np.arange(90) < 4)),
        )
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            fitted = TextClassifier("auto", random_state=0).fit(texts, labels, time=np.arange(len(texts)))
        notes = fitted.fitted_.predictor.notes
        assert "too few to compare" in notes["remarks"][-1]
        assert notes["scores"] == {}


def test_few_rows_of_the_class_are_not_compared(choosing) -> None:
    seen = choosing("char_lr")
    texts, labels = make_texts((60, 9), seed=4)
    found = Auto().fit(Data(texts, labels, 2, np.ones(69)), Context(0, minority=1))
    assert not seen
    assert tuple(found.predictors) == ALL
    assert "9 rows of a class are too few" in found.notes["remarks"][0]


@pytest.mark.parametrize("error", [MissingExtraError("no transformers"), SettingsError("no such encoder")])
def test_without_an_encoder_it_does_without_and_says_so(error, data, monkeypatch) -> None:
    def gone(*_):
        raise error

    monkeypatch.setattr(Checkpoint, "open", gone)
    method = Auto()
    method.check()
    assert method.identity() == ""
    found = method.fit(data, Context(0, minority=1))
    assert tuple(found.predictors) == ("tfidf_lr", "char_lr", "char_neighbors")
    assert str(error) in found.notes["remarks"][0]
    with pytest.raises(type(error)):
        Auto(encoder="named").check()


def test_an_encoder_without_weights_takes_no_part_either(data, monkeypatch, tmp_path) -> None:
    """Of a fetch that was broken off the cache may have the configuration and the tokenizer alone."""
    whole, opened = Path(tiny_encoder()), Checkpoint.open
    for file in whole.iterdir():
        if file.suffix != ".safetensors":
            shutil.copy(file, tmp_path)
    monkeypatch.setattr(Checkpoint, "open", staticmethod(lambda *_: opened(tmp_path)))
    method = Auto()
    method.check()
    assert method.identity() == ""
    found = method.fit(data, Context(0, minority=1))
    assert tuple(found.predictors) == ("tfidf_lr", "char_lr", "char_neighbors")
    assert "has no weights in safetensors" in found.notes["remarks"][0]


def test_where_rows_weigh_differently_neighbours_take_no_part(data, choosing) -> None:
    seen = choosing("char_lr")
    weights = np.linspace(0.5, 2, len(data))
    found = Auto().fit(replace(data, weights=weights), Context(0, minority=1))
    assert tuple(seen[0][0]) == ("encoder_lr", "tfidf_lr", "char_lr")
    assert found.notes["remarks"][0].startswith("auto: encoder_neighbors takes no part")


def test_who_names_a_backbone_alone_is_told_of_a_method_that_takes_one(data) -> None:
    with pytest.raises(SettingsError, match=r"method 'auto' uses no backbone.* such as 'class_weight'"):
        TextClassifier(backbone="textrnn").fit(data.inputs, data.labels)
    TextClassifier("class_weight", backbone="textrnn")._checked_settings()


def test_a_named_encoder_that_cannot_be_had_is_refused() -> None:
    with pytest.raises(SettingsError, match="there is no encoder folder"):
        Auto(encoder="./none").check()


def test_its_key_hangs_on_the_encoder() -> None:
    digest = Checkpoint.open(tiny_encoder()).digest
    assert digest in make_method("auto").identity()


def test_saved_with_what_was_chosen(data, choosing, tmp_path) -> None:
    choosing("tfidf_lr", "char_lr")
    classifier = TextClassifier("auto", random_state=0, threshold=0.5).fit(data.inputs, data.labels)
    classifier.save(tmp_path / "m")
    loaded = load_model(tmp_path / "m")
    np.testing.assert_array_equal(loaded.predict_proba(data.inputs), classifier.predict_proba(data.inputs))
    assert tuple(loaded.fitted_.predictor.predictors) == ("tfidf_lr", "char_lr")
    assert loaded.fitted_.predictor.notes == classifier.fitted_.predictor.notes


class TestSample:
    def test_few_rows_are_all_taken(self, data) -> None:
        assert sample(data, 80, np.random.default_rng(0)) is data

    def test_small_classes_are_whole_and_masses_stay(self) -> None:
        labels = np.repeat([0, 1, 2], [500, 300, 20])
        weights = np.random.default_rng(0).uniform(0.5, 2, 820)
        texts = np.array([f"t{i}" for i in range(820)], dtype=object)
        data = Data(texts, labels, 3, weights)
        found = sample(data, 220, np.random.default_rng(1))
        assert np.bincount(found.labels).tolist() == [100, 100, 20]
        np.testing.assert_allclose(found.class_mass(), data.class_mass(), atol=1e-12)
        assert [int(text[1:]) for text in found.inputs] == sorted(int(text[1:]) for text in found.inputs)
        assert set(found.inputs) <= set(texts)
        assert len(set(found.inputs)) == 220

    def test_what_small_classes_leave_goes_to_the_larger(self) -> None:
        labels = np.repeat([0, 1], [900, 10])
        data = Data(np.array([f"t{i}" for i in range(910)], dtype=object), labels, 2, np.ones(910))
        assert np.bincount(sample(data, 200, np.random.default_rng(0)).labels).tolist() == [190, 10]


@pytest.mark.parametrize(
    ("settings", "message"), [({"folds": 1}, "folds is 1"), ({"max_rows": 99}, "max_rows is 99")]
)
def test_refused(settings, message) -> None:
    with pytest.raises(SettingsError, match=message):
        Auto(**settings).check()
