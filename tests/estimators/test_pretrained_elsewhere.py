"""Models over a frozen pretrained one in a folder: loaded from any working directory, or after it has moved."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from counterpoise import ImageClassifier, TextClassifier, load_model
from counterpoise.errors import ModelError, SettingsError
from tiny_causal_model import save_causal_model
from tiny_encoders import tiny_encoder
from tiny_images import make_images
from tiny_networks import TRAINING
from tiny_vision import tiny_vision

FROZEN = {
    "encoder_lr": {"method": "encoder_lr", "method__encoder": "./inside"},
    "encoder_neighbors": {"method": "encoder_neighbors", "method__encoder": "inside"},
    "blend": {"method": "blend", "method__members": "encoder_lr,tfidf_lr", "method__encoder": "inside"},
    "network": {"method": "erm", "backbone": "encoder", "backbone__name": "./inside"},
}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The working directory, with an encoder inside; the cache is empty, so that weights are read."""
    shutil.copytree(tiny_encoder(), tmp_path / "here" / "inside")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "here"


@pytest.mark.parametrize("settings", FROZEN.values(), ids=FROZEN)
def test_a_model_loads_and_predicts_elsewhere(settings, here, spam, monkeypatch) -> None:
    texts, labels = spam
    classifier = TextClassifier(**settings, threshold=0.5, **TRAINING).fit(texts, labels)
    expected = classifier.predict_proba(texts)
    classifier.save("model")
    monkeypatch.chdir(here.parent / "elsewhere")
    monkeypatch.setenv("XDG_CACHE_HOME", str(here.parent / "another cache"))
    loaded = load_model(here / "model")
    np.testing.assert_array_equal(loaded.predict_proba(texts), expected)
    params = json.loads((here / "model" / "config.json").read_text())["params"]
    (where,) = (params[name] for name in ("method__encoder", "backbone__name") if name in params)
    assert where == str(here / "inside")
    classifier.save(here / "model")
    np.testing.assert_array_equal(load_model(here / "model").predict_proba(texts), expected)


def test_a_model_of_images_predicts_elsewhere(here, monkeypatch) -> None:
    shutil.copytree(tiny_vision(), here / "vision")
    images, labels = make_images((30, 12))
    settings = {"backbone": "vision", "backbone__name": "vision", "threshold": 0.5}
    classifier = ImageClassifier("erm", **settings, **TRAINING).fit(images, labels)
    expected = classifier.predict_proba(images)
    classifier.save("model")
    monkeypatch.chdir(here.parent / "elsewhere")
    np.testing.assert_array_equal(load_model(here / "model").predict_proba(images), expected)


@pytest.mark.parametrize("settings", FROZEN.values(), ids=FROZEN)
def test_a_folder_that_has_moved(settings, here, spam) -> None:
    texts, labels = spam
    classifier = TextClassifier(**settings, threshold=0.5, **TRAINING).fit(texts, labels)
    expected = classifier.predict_proba(texts)
    classifier.save("model")
    moved = (here / "inside").rename(here / "moved")
    for load in (load_model, TextClassifier.load):
        with pytest.raises(ModelError, match=rf"there is no folder {here}/inside, .* pretrained=FOLDER"):
            load("model")
        with pytest.raises(ModelError, match=r"there is no folder \./none"):
            load("model", pretrained="./none")
        again = load("model", pretrained=moved)
        np.testing.assert_array_equal(again.predict_proba(texts), expected)
    again.save("model")
    np.testing.assert_array_equal(load_model("model").predict_proba(texts), expected)
    other = load_model("model", pretrained=tiny_encoder("roberta"))
    with pytest.raises(ModelError, match="are not those that this model was fitted with"):
        other.predict_proba(texts)


def test_a_model_without_a_pretrained_one_is_given_none(spam, tmp_path) -> None:
    TextClassifier("tfidf_lr", threshold=0.5, random_state=0).fit(*spam).save(tmp_path / "model")
    with pytest.raises(SettingsError, match="the model has no frozen pretrained model"):
        load_model(tmp_path / "model", pretrained=tiny_encoder())


def test_a_language_model_in_a_folder_is_found_elsewhere(here, monkeypatch) -> None:
    save_causal_model(here / "writer")
    texts, labels = ["win cash", "see you at six"] * 6, [1, 0] * 6
    settings = {"method__model": "writer", "threshold": 0.5, "random_state": 0}
    classifier = TextClassifier("llm_zero_shot", **settings).fit(texts, labels)
    expected = classifier.predict_proba(texts)
    classifier.save("model")
    monkeypatch.chdir(here.parent / "elsewhere")
    monkeypatch.setenv("XDG_CACHE_HOME", str(here.parent / "another cache"))
    np.testing.assert_array_equal(load_model(here / "model").predict_proba(texts), expected)
