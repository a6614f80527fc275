"""Files of the Hub: those in its cache without a question, the others once, all of one commit that is kept."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from counterpoise import ImageClassifier, TextClassifier
from counterpoise.errors import SettingsError
from counterpoise.estimators.loading import load_model
from counterpoise.images.vision_checkpoints import VisionCheckpoint
from counterpoise.oversampling.mask_fill import MaskFill
from counterpoise.oversampling.masked_model import MaskedModel
from counterpoise.pretrained import hub
from counterpoise.text.causal_model import CausalModel
from counterpoise.text.checkpoints import Checkpoint
from fake_hub import NAME, NEW, OLD, put, serving, unplug, use_cache
from tiny_causal_model import causal_model
from tiny_encoders import tiny_encoder
from tiny_images import make_images
from tiny_masked_model import save_model
from tiny_vision import tiny_vision

CPU = torch.device("cpu")
FAST = {"random_state": 0, "threshold": 0.5, "max_epochs": 1, "precision": "float32", "device": "cpu"}
ENCODER = {"backbone": "encoder", "backbone__name": NAME}


@pytest.fixture
def cache(monkeypatch, tmp_path) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "vectors"))
    return use_cache(monkeypatch, tmp_path / "hub")


def changed(source: str, folder: Path) -> Path:
    """A copy of a checkpoint with other weights."""
    copy = Path(shutil.copytree(source, folder))
    weights = {
        k: v * 1.5 if v.is_floating_point() else v for k, v in load_file(copy / "model.safetensors").items()
    }
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    return copy


class TestTheCommitIsKept:
    """A saved model has the 40 digits, and finds its own when ``main`` has moved on."""

    @pytest.mark.parametrize(
        ("method", "settings"),
        [
            ("encoder_lr", {"method__encoder": NAME}),
            ("erm", ENCODER),
            ("erm", {**ENCODER, "backbone__frozen": False}),
        ],
        ids=["encoder_lr", "frozen", "trained"],
    )
    def test_of_an_encoder(self, method, settings, spam, cache, tmp_path) -> None:
        texts, labels = spam
        put(cache, tiny_encoder())
        fitted = TextClassifier(method, **settings, **FAST).fit(texts, labels)
        fitted.save(tmp_path / "model")
        kept = json.loads((tmp_path / "model" / "config.json").read_text())["predictor"]["encoder"]
        assert kept["revision"] == OLD
        put(cache, changed(tiny_encoder(), tmp_path / "other"), NEW)
        assert Checkpoint.open(NAME).revision == NEW
        loaded = load_model(tmp_path / "model")
        np.testing.assert_array_equal(loaded.predict_proba(texts), fitted.predict_proba(texts))

    def test_of_a_vision_model(self, cache, tmp_path) -> None:
        images, labels = make_images((20, 8))
        put(cache, tiny_vision())
        fitted = ImageClassifier("erm", "vision", backbone__name=NAME, **FAST).fit(images, labels)
        fitted.save(tmp_path / "model")
        kept = json.loads((tmp_path / "model" / "config.json").read_text())["predictor"]["encoder"]
        assert kept["revision"] == OLD
        put(cache, changed(tiny_vision(), tmp_path / "other"), NEW)
        assert VisionCheckpoint.open(NAME).revision == NEW
        loaded = load_model(tmp_path / "model")
        np.testing.assert_array_equal(loaded.predict_proba(images), fitted.predict_proba(images))

    def test_of_a_causal_model(self, spam, cache, tmp_path) -> None:
        texts, labels = spam
        put(cache, causal_model())
        fitted = TextClassifier("llm_zero_shot", method__model=NAME, **FAST).fit(texts, labels)
        fitted.save(tmp_path / "model")
        kept = json.loads((tmp_path / "model" / "config.json").read_text())["predictor"]["settings"]
        assert kept["revision"] == OLD
        put(cache, changed(causal_model(), tmp_path / "other"), NEW)
        assert CausalModel(NAME, None, CPU).revision == NEW
        loaded = load_model(tmp_path / "model")
        np.testing.assert_array_equal(loaded.predict_proba(texts[:4]), fitted.predict_proba(texts[:4]))

    def test_of_a_masked_model(self, cache, tmp_path) -> None:
        source = save_model(tmp_path / "made")
        put(cache, source)
        old = MaskFill(model=NAME).identity()
        put(cache, changed(source, tmp_path / "other"), NEW)
        assert MaskFill(model=NAME).identity() != old
        assert MaskFill(model=NAME, revision=OLD).identity() == old
        weights = [
            MaskedModel.load(NAME, CPU, revision)
            ._model.state_dict()["bert.embeddings.LayerNorm.weight"]
            .mean()
            for revision in (OLD, None)
        ]
        assert weights == [pytest.approx(1.0), pytest.approx(1.5)]


class TestWithoutNetwork:
    @pytest.fixture(autouse=True)
    def _no_time(self, monkeypatch) -> None:
        monkeypatch.setattr("time.sleep", lambda _: pytest.fail("it was tried again"))

    @pytest.mark.parametrize("known", [True, False], ids=["all known", "some files unknown"])
    def test_what_is_in_the_cache_is_opened(self, known, cache, monkeypatch, capfd) -> None:
        absent = [file for file in Checkpoint.files if not Path(tiny_encoder(), file).exists()]
        put(cache, tiny_encoder(), absent=tuple(absent) if known else ())
        asked = unplug(monkeypatch)
        opened = Checkpoint.open(NAME)
        assert opened.revision == OLD
        assert opened.digest == Checkpoint.open(tiny_encoder()).digest
        assert opened.model().config.hidden_size == 16
        assert bool(asked) != known
        count = len(asked)
        Checkpoint.open(NAME)
        assert len(asked) == count, "it may take the Hub seconds not to answer"
        assert "huggingface" not in capfd.readouterr().err

    @pytest.mark.parametrize(
        "open_it",
        [
            lambda: VisionCheckpoint.open(NAME).reader(8, 8),
            lambda: CausalModel(NAME, None, CPU)._model(),
            lambda: MaskedModel.load(NAME, CPU),
        ],
        ids=["vision", "causal", "masked"],
    )
    def test_models_of_other_kinds(self, open_it, request, cache, monkeypatch, tmp_path) -> None:
        kind = request.node.callspec.id
        source = {"vision": tiny_vision, "causal": causal_model}.get(
            kind, lambda: save_model(tmp_path / "made")
        )
        put(cache, source())
        unplug(monkeypatch)
        assert open_it() is not None

    def test_what_is_not_is_one_sentence(self, cache, monkeypatch, capfd) -> None:
        unplug(monkeypatch)
        with pytest.raises(SettingsError) as error:
            Checkpoint.open(NAME)
        assert "acme/tiny could not be had from the Hugging Face Hub ([Errno -2] Name or" in str(error.value)
        assert "\n" not in str(error.value)
        assert capfd.readouterr().err == ""

    def test_weights_that_are_not_are_one_sentence(self, cache, monkeypatch) -> None:
        """And not taken for weights of another format."""
        (put(cache, tiny_encoder()) / "model.safetensors").unlink()
        unplug(monkeypatch)
        opened = Checkpoint.open(NAME)
        for ask in (opened.model, lambda: opened.digest):
            with pytest.raises(
                SettingsError, match=r"could not be had from the Hugging Face Hub \(.*Name or"
            ):
                ask()

    def test_weights_that_are_known_not_to_be_there(self, cache, monkeypatch) -> None:
        absent = ("model.safetensors", "model.safetensors.index.json")
        (put(cache, tiny_encoder(), absent=absent) / "model.safetensors").unlink()
        unplug(monkeypatch)
        with pytest.raises(SettingsError, match="has no weights in safetensors"):
            Checkpoint.open(NAME).model()

    def test_a_commit_needs_no_branch(self, cache, monkeypatch) -> None:
        put(cache, tiny_encoder())
        shutil.rmtree(cache / "models--acme--tiny" / "refs")
        unplug(monkeypatch)
        assert Checkpoint.open(NAME, OLD).revision == OLD
        with pytest.raises(SettingsError, match="could not be had"):
            Checkpoint.open(NAME)


class TestFetched:
    def test_once_and_then_no_more(self, cache, monkeypatch) -> None:
        with serving(monkeypatch, tiny_encoder()) as asked:
            opened = Checkpoint.open(NAME)
            assert not any("model.safetensors" in line for line in asked), "not before they are needed"
            branch = [line for line in asked if "/resolve/main/" in line]
            assert branch == [f"HEAD /{NAME}/resolve/main/config.json"], "all else is of the commit"
            assert opened.digest == Checkpoint.open(tiny_encoder()).digest
            opened.model()
            count = len(asked)
            again = Checkpoint.open(NAME)
            again.model()
            assert again.revision == opened.revision == OLD
            assert len(asked) == count
        unplug(monkeypatch)
        assert Checkpoint.open(NAME).model() is not None

    def test_the_cache_comes_before_a_newer_commit(self, cache, monkeypatch, tmp_path) -> None:
        absent = tuple(file for file in Checkpoint.files if not Path(tiny_encoder(), file).exists())
        put(cache, tiny_encoder(), absent=absent)
        with serving(monkeypatch, changed(tiny_encoder(), tmp_path / "other"), NEW) as asked:
            assert Checkpoint.open(NAME).revision == OLD
            assert Checkpoint.open(NAME, NEW).revision == NEW
            assert asked
            assert Checkpoint.open(NAME).revision == OLD, "which was not asked for by its branch"

    def test_files_that_the_cache_does_not_know_bring_all_of_the_newest_commit(
        self, cache, monkeypatch, tmp_path
    ) -> None:
        put(cache, tiny_encoder())
        newer = changed(tiny_encoder(), tmp_path / "other")
        (newer / "modules.json").write_text(json.dumps([{"type": "x.models.Normalize"}]))
        with serving(monkeypatch, newer, NEW):
            opened = Checkpoint.open(NAME)
            assert (opened.revision, opened.normalized) == (NEW, True)
            assert opened.digest == Checkpoint.open(newer).digest

    def test_weights_in_parts(self, cache, monkeypatch, tmp_path) -> None:
        folder = Path(shutil.copytree(tiny_encoder(), tmp_path / "parts"))
        weights = load_file(folder / "model.safetensors")
        (folder / "model.safetensors").unlink()
        halves = {"a.safetensors": list(weights)[::2], "b.safetensors": list(weights)[1::2]}
        for file, names in halves.items():
            save_file({name: weights[name] for name in names}, folder / file, metadata={"format": "pt"})
        index = {
            "metadata": {},
            "weight_map": {name: file for file, names in halves.items() for name in names},
        }
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))
        with serving(monkeypatch, folder):
            found = Checkpoint.open(NAME).model().state_dict()
        assert all(torch.equal(found[name], value) for name, value in weights.items())

    def test_a_tokenizer_of_older_files(self, cache, monkeypatch, tmp_path) -> None:
        """Vocabularies are fetched where there is no tokenizer.json, and only then."""
        folder = Path(save_model(tmp_path / "made"))
        words = Checkpoint.open(folder).tokenizer.get_vocab()
        (folder / "vocab.txt").write_text("\n".join(sorted(words, key=words.__getitem__)))
        with serving(monkeypatch, folder, NEW) as asked:
            Checkpoint.open(NAME)
            assert not any("vocab.txt" in line for line in asked)
        (folder / "tokenizer.json").unlink()
        shutil.rmtree(cache)
        with serving(monkeypatch, folder) as asked:
            assert Checkpoint.open(NAME).tokenizer.get_vocab() == words
            assert any("vocab.txt" in line for line in asked)

    def test_a_hub_that_breaks_down_is_one_sentence(self, cache, monkeypatch, caplog) -> None:
        """It is asked again by huggingface_hub itself, of which the screen sees nothing."""
        slept: list[float] = []
        monkeypatch.setattr("time.sleep", slept.append)
        with (
            serving(monkeypatch, tiny_encoder(), status=503),
            pytest.raises(SettingsError, match=r"could not be had from the Hugging Face Hub") as error,
        ):
            Checkpoint.open(NAME)
        assert slept
        assert "it has no" not in str(error.value)
        assert "\n" not in str(error.value)
        assert not caplog.records

    def test_a_model_without_configuration(self, cache, monkeypatch, tmp_path) -> None:
        (tmp_path / "none").mkdir()
        (tmp_path / "none" / "README.md").write_text("nothing")
        with (
            serving(monkeypatch, tmp_path / "none"),
            pytest.raises(SettingsError, match=r"could not be had .*\(it has no config\.json\)"),
        ):
            Checkpoint.open(NAME)


def test_the_level_of_its_log_is_put_back(cache, monkeypatch) -> None:
    unplug(monkeypatch)
    logger = logging.getLogger("huggingface_hub")
    monkeypatch.setattr(logger, "level", logging.INFO)
    with pytest.raises(Exception, match="Name or service"):
        hub.Snapshot(NAME, cache, OLD).fetch("config.json")
    assert logger.level == logging.INFO
