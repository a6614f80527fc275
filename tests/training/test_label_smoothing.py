"""Label smoothing reaches every loss that is defined for soft targets and is refused by every other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from counterpoise import ArrayClassifier, TextClassifier
from counterpoise.backbones.base import Batch
from counterpoise.errors import SettingsError
from counterpoise.methods.base import Context, Data
from counterpoise.methods.erm import ERM
from counterpoise.methods.gradient import GradientMethod
from counterpoise.methods.registry import METHODS, make_method
from counterpoise.training.settings import TrainingSettings
from tiny_networks import NETWORK, enough_epochs
from turns import later

SPACES = ["smote", "borderline_smote", "adasyn"]
SOFT = [name for name, method in METHODS.items() if method.soft_targets]
HARD = [name for name in METHODS if name not in SOFT]
OWN_LOSS = ["focal", "dice", "logit_adjustment", "balanced_softmax"]


def context(backbone: str = "mlp", **training) -> Context:
    settings = {
        "max_epochs": 3,
        "batch_size": 16,
        "precision": "float32",
        "device": "cpu",
        "learning_rate": 0.01,
    }
    settings |= training
    network = {"mlp": {"hidden": (8, 4)}, "textcnn": {"dim": 8, "vectors": "random", "n_filters": 4}}[
        backbone
    ]
    return Context(0, 1, backbone, network, TrainingSettings(**settings))


def data_of(arrays_of, counts=(30, 20, 10)) -> Data:
    values, labels = arrays_of(counts)
    return Data(values, labels, len(counts), np.linspace(0.5, 2, len(labels)))


def test_plain_training_is_torchs_label_smoothing(arrays_of) -> None:
    class Torchs(ERM):
        def loss(self, model, batch, state):
            return cross_entropy(model(batch), batch.labels, reduction="none", label_smoothing=0.2)

    data = data_of(arrays_of)
    expected = Torchs().fit(data, context())
    found = ERM().fit(data, context(label_smoothing=0.2))
    np.testing.assert_allclose(found.logits(data.inputs), expected.logits(data.inputs), atol=1e-4)
    for row, other in zip(found.history, expected.history, strict=True):
        assert row["loss"] == pytest.approx(other["loss"], rel=1e-5)
    plain = ERM().fit(data, context())
    assert np.abs(plain.logits(data.inputs) - found.logits(data.inputs)).max() > 1e-2


def test_the_loss_is_handed_shares_and_class_numbers_without_smoothing(arrays_of) -> None:
    seen: list[Batch] = []

    class Listens(ERM):
        soft_targets = True

        def loss(self, model, batch, state):
            seen.append(batch)
            return super().loss(model, batch, state)

    data = data_of(arrays_of)
    Listens().fit(data, context(label_smoothing=0.3, max_epochs=1))
    labels = torch.from_numpy(data.labels)[seen[0].rows]
    shares = torch.full((len(labels), 3), 0.1).scatter(1, labels[:, None], 0.8)
    torch.testing.assert_close(seen[0].labels, shares)
    seen.clear()
    Listens().fit(data, context(max_epochs=1))
    assert torch.equal(seen[0].labels, torch.from_numpy(data.labels)[seen[0].rows])


def _where_it_acts() -> list[Any]:
    kinds = {
        name: [
            *(["array"] if "array" in METHODS[name].inputs else []),
            *(["text"] if METHODS[name]().trains_backbone("text") else []),
        ]
        for name in SOFT
    }
    found = later(
        [(name, kind, {}) for name, own in kinds.items() for kind in own],
        lambda name, kind, _: kinds[name][SOFT.index(name) % len(kinds[name])] == kind,
    )
    found += [(name, "text", {"space": "embedding"}) for name in SPACES]
    return [*found, ("blend", "text", {"members": "erm,focal"})]


@pytest.mark.parametrize(("name", "kind", "settings"), _where_it_acts(), ids=str)
@pytest.mark.filterwarnings("ignore::counterpoise.errors.CounterpoiseWarning")
def test_it_acts_on_every_method_whose_loss_is_defined_for_it(
    name, kind, settings, arrays_of, texts_of
) -> None:
    data = data_of(arrays_of if kind == "array" else texts_of, (30, 10))
    if not METHODS[name].takes_sample_weight:
        data = replace(data, weights=np.ones(len(data)))
    backbone, epochs = {"array": "mlp", "text": "textcnn"}[kind], enough_epochs(name, 3)
    plain, smooth = (
        make_method(name, settings).fit(data, context(backbone, label_smoothing=share, max_epochs=epochs))
        for share in (0.0, 0.2)
    )
    assert np.isfinite(smooth.logits(data.inputs)).all()
    # Votes of neighbours may be the same in another representation.
    what = "embed" if name == "feature_knn" else "logits"
    one, other = (getattr(predictor, what)(data.inputs) for predictor in (plain, smooth))
    assert np.abs(one - other).max() > 1e-4


def test_which_methods_say_they_are_defined_for_it() -> None:
    contrastive = ["supcon", "bcl", "kcl", "sharprecl"]
    rest = ["ldam", "ldam_drw", "remix", "mamix", "hard_smote", "soft_smote", "setfit", *contrastive, "blend"]
    assert [name for name in HARD if METHODS[name].uses_backbone] == rest
    assert set(OWN_LOSS) < set(SOFT)


@pytest.mark.parametrize("name", HARD)
def test_it_is_refused_in_one_sentence_before_the_data_are_looked_at(name) -> None:
    with pytest.raises(SettingsError, match=r"label_smoothing is 0\.1, but .* set it to 0") as error:
        TextClassifier(name, label_smoothing=0.1).fit(None, None)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", SPACES)
def test_it_is_refused_where_no_network_is_trained_and_taken_where_one_is(name, arrays_of, texts_of) -> None:
    said = "trains no network on text data with the settings it has; set it to 0"
    with pytest.raises(SettingsError, match=said):
        TextClassifier(name, label_smoothing=0.1).fit(None, None)
    with pytest.raises(SettingsError, match=said):
        make_method(name).fit(data_of(texts_of, (20, 10)), context("textcnn", label_smoothing=0.1))
    TextClassifier(name, method__space="embedding", label_smoothing=0.1)._checked_settings()
    ArrayClassifier(name, label_smoothing=0.1)._checked_settings()


@pytest.mark.parametrize(
    ("members", "said"),
    [("erm,tfidf_lr", "tfidf_lr trains no network on text data; set"), ("ldam,erm", "ldam has no loss")],
)
def test_a_blend_takes_it_where_all_its_members_do(members, said, texts_of) -> None:
    texts, labels = texts_of((20, 10))
    settings = {"label_smoothing": 0.1, **NETWORK}
    with pytest.raises(SettingsError, match=said):
        TextClassifier("blend", method__members=members, **settings).fit(None, None)
    with pytest.raises(SettingsError, match=said):
        make_method("blend", {"members": members}).fit(
            data_of(texts_of, (20, 10)), context("textcnn", label_smoothing=0.1)
        )
    TextClassifier("blend", method__members="erm,focal", **settings).fit(texts, labels)


def test_a_method_on_its_own_refuses_it_too(arrays_of) -> None:
    with pytest.raises(SettingsError, match="ldam has no loss that is defined for soft targets"):
        make_method("ldam").fit(data_of(arrays_of), context(label_smoothing=0.1))


def test_a_loss_of_ones_own_is_not_defined_for_it_unless_it_says_so() -> None:
    class Own(GradientMethod):
        def loss(self, model, batch, state):
            return super().loss(model, batch, state)

    class Says(Own):
        soft_targets = True

        def loss(self, model, batch, state):
            return super().loss(model, batch, state)

    class Heir(Says):
        pass

    assert [cls.soft_targets for cls in (GradientMethod, Own, Says, Heir)] == [True, False, True, True]


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_shares_out_of_range_are_refused(share) -> None:
    with pytest.raises(SettingsError, match="label_smoothing is"):
        TrainingSettings(label_smoothing=share)


def test_it_is_a_parameter_of_the_classifiers_and_saved(arrays_of, tmp_path) -> None:
    values, labels = arrays_of((40, 20))
    settings = {"max_epochs": 3, "device": "cpu", "precision": "float32", "random_state": 0, "threshold": 0.5}
    plain, smooth = (
        ArrayClassifier("erm", label_smoothing=share, **settings).fit(values, labels) for share in (0.0, 0.3)
    )
    assert np.abs(plain.predict_proba(values) - smooth.predict_proba(values)).max() > 1e-3
    smooth.save(tmp_path / "m")
    loaded = ArrayClassifier.load(tmp_path / "m")
    assert loaded.label_smoothing == 0.3
    np.testing.assert_array_equal(loaded.predict_proba(values), smooth.predict_proba(values))
