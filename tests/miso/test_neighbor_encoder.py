"""MISO's neighbours in the vectors of a pretrained encoder: difficulty, partners, the run's key, saved models."""

from __future__ import annotations

import shutil
import sys

import numpy as np
import pytest

from counterpoise import MISO, TextClassifier
from counterpoise.difficulty import difficult_samples
from counterpoise.errors import MissingExtraError, ModelError, SettingsError
from counterpoise.estimators.loading import load_model
from counterpoise.experiments.runs import Run
from counterpoise.experiments.surroundings import Surroundings
from counterpoise.methods.base import Context
from counterpoise.methods.registry import make_method
from counterpoise.miso.variants import MisoEdit
from counterpoise.oversampling.anchors import anchors_from
from counterpoise.text.checkpoints import Checkpoint
from counterpoise.text.features import pretrained_features
from counterpoise.training.settings import TrainingSettings
from tiny_encoders import tiny_encoder
from tiny_miso import QUICK
from tiny_texts import make_texts


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, np.ndarray]:
    texts, labels = make_texts((60, 16), 4)
    return texts, np.where(labels == 1, "rare", "plain").astype(object)


@pytest.mark.parametrize("sampler", [MisoEdit, MISO])
def test_difficulty_and_partners_are_those_of_the_encoder(sampler, data) -> None:
    texts, labels = data
    vectors = pretrained_features(Checkpoint.open(tiny_encoder()), list(texts))
    expected = difficult_samples(texts, labels, minority="rare", k=1, embed=vectors).difficult
    plain = difficult_samples(texts, labels, minority="rare", k=1).difficult
    assert not np.array_equal(expected, plain)
    quick = {} if sampler is MisoEdit else QUICK
    settings = {
        "sources": "difficult",
        "k": 1,
        "scope": 2,
        "tau": "fixed",
        "sampling_strategy": {"rare": 26},
        **quick,
    }
    made = sampler(neighbor_encoder=tiny_encoder(), random_state=0, **settings)
    made.fit_resample(texts, labels)
    assert made.prepared_["rare"].field.sources.tolist() == sorted(expected.tolist())
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    others = np.flatnonzero(labels == "plain")
    width = made.prepared_["rare"].field.pairing.width(60 / 16)
    for anchor in anchors_from(made.anchors_):
        near = others[np.argsort(-unit[others] @ unit[anchor.source_row])]
        assert anchor.partner_rows[0] in near[:width]


def test_the_encoder_is_in_the_key_of_a_run(tmp_path) -> None:
    keys = set()
    for encoder in (None, tiny_encoder(), tiny_encoder(n_layers=3)):
        settings = {"neighbor_encoder": encoder}
        identity = "" if encoder is None else Checkpoint.open(encoder).identity
        assert make_method("miso_edit", settings).identity() == identity
        run = Run(
            dataset="d",
            content="c",
            minority="rare",
            keep=None,
            n_folds=2,
            seed=0,
            fold=0,
            method="miso_edit",
            method_settings=settings,
            backbone="textcnn",
            backbone_settings={},
            estimator={"precision": "float32", "device": "cpu"},
        )
        here = Surroundings.here(run)
        assert here.versions.get("encoder", "") == identity
        keys.add(run.key_in(here))
    assert len(keys) == 3


def test_an_encoder_that_cannot_be_had_is_refused_before_any_work(data, monkeypatch) -> None:
    with pytest.raises(SettingsError, match="there is no encoder folder /nowhere"):
        MisoEdit(neighbor_encoder="/nowhere").fit_resample(*data)
    with pytest.raises(SettingsError, match="encoder is 5"):
        MISO(neighbor_encoder=5).check()
    with pytest.raises(SettingsError, match="device 'tpu' is not on this machine"):
        MisoEdit(neighbor_encoder=tiny_encoder(), device="tpu").check()
    MisoEdit(device="tpu").check()
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtraError, match=r"counterpoise\[encoders\]"):
        MISO(neighbor_encoder=tiny_encoder()).check()


def test_a_training_goes_on_with_the_same_encoder_only(data, tmp_path) -> None:
    folder = tmp_path / "encoder"
    shutil.copytree(tiny_encoder(), folder)
    settings = {"neighbor_encoder": str(folder), "checkpoint": tmp_path / "m.safetensors", "random_state": 0}
    MISO(**QUICK, **settings).fit(*data)
    shutil.rmtree(folder)
    shutil.copytree(tiny_encoder(n_layers=3), folder)
    with pytest.raises(ModelError, match="other data or settings"):
        MISO(**QUICK, **settings).fit(*data)


def test_as_a_method_it_is_on_the_classifiers_device() -> None:
    method = make_method("miso_edit")
    assert "device" not in method.get_params()
    assert method._sampler(Context(seed=0, training=TrainingSettings(device="cpu"))).device == "cpu"


def test_a_saved_model_names_the_encoder_and_predicts_without_it(data, tmp_path, monkeypatch) -> None:
    shutil.copytree(tiny_encoder(), tmp_path / "encoder")
    monkeypatch.chdir(tmp_path)
    model = TextClassifier(
        "miso_edit",
        method__neighbor_encoder="encoder",
        max_epochs=1,
        threshold=0.5,
        validation_fraction=0.0,
        random_state=0,
    ).fit(*data)
    model.save("model")
    shutil.rmtree("encoder")
    loaded = load_model("model")
    assert loaded.get_params()["method__neighbor_encoder"] == str(tmp_path / "encoder")
    np.testing.assert_array_equal(loaded.predict_proba(data[0]), model.predict_proba(data[0]))
