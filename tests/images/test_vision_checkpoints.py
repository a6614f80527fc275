"""Pretrained vision models: opened, refused; their vectors, kept on the disk."""

from __future__ import annotations

import hashlib
import json
import shutil
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from counterpoise.errors import MissingExtraError, ModelError, SettingsError
from counterpoise.images.mapped import MappedImages
from counterpoise.images.vision_checkpoints import VisionCheckpoint
from counterpoise.images.vision_features import FrozenVision
from counterpoise.pretrained.vectors import ROWS
from tiny_encoders import tiny_encoder
from tiny_images import make_images
from tiny_vision import PREPARATION, tiny_vision

KINDS = ("vit", "dinov2", "swin", "convnext", "resnet")


class TestReader:
    @pytest.mark.parametrize(
        ("kind", "n_tokens", "pooling"),
        [
            ("vit", 1 + 4, "first"),
            ("dinov2", 1 + 4, "first"),
            ("swin", 4, "mean"),
            ("convnext", 4, "mean"),
            ("resnet", 1, "mean"),
        ],
    )
    def test_tokens_are_patches_or_positions(self, kind, n_tokens, pooling) -> None:
        reader = VisionCheckpoint.open(tiny_vision(kind)).reader(12, 12)
        assert (reader.dim, reader.pooling) == (16, pooling)
        pixels = torch.randn(3, 3, 8, 8)
        tokens = reader(pixels)
        assert tokens.shape == (3, n_tokens, 16)
        last = reader.model(pixel_values=pixels).last_hidden_state
        expected = last if last.dim() == 3 else torch.stack([m.reshape(16, -1).T for m in last])
        torch.testing.assert_close(tokens, expected)

    def test_maps_with_their_channels_last(self) -> None:
        class Swin(torch.nn.Module):
            """Some of timm's give maps so."""

            def forward(self, pixel_values):
                last = pixel_values.permute(0, 2, 3, 1)
                return type("", (), {"last_hidden_state": last, "pooler_output": last.mean(dim=(1, 2))})

        from counterpoise.images.vision_checkpoints import TokenReader

        reader = TokenReader(Swin(), torch.zeros(1, 3, 4, 5))
        assert reader.dim == 3
        pixels = torch.randn(2, 3, 4, 5)
        torch.testing.assert_close(reader(pixels), pixels.flatten(2).transpose(1, 2))

    @pytest.mark.parametrize("kind", ["vit", "resnet"])
    def test_taken_apart_and_put_together(self, kind) -> None:
        whole = VisionCheckpoint.open(tiny_vision(kind))
        again = VisionCheckpoint.restored(json.loads(json.dumps(whole.state)))
        full, empty = whole.reader(9, 9), again.reader(9, 9, weights=False)
        empty.load_state_dict(full.state_dict())
        pixels = torch.randn(2, 3, 8, 8)
        torch.testing.assert_close(empty(pixels), full(pixels), rtol=0, atol=0)

    def test_what_does_not_fit_is_refused(self, copied) -> None:
        described = {**PREPARATION, "size": {"height": 12, "width": 12}}
        (copied / "preprocessor_config.json").write_text(json.dumps(described))
        with pytest.raises(SettingsError, match="does not read images of 12 x 12 pixels, which its") as error:
            VisionCheckpoint.open(copied).reader(9, 9)
        assert "\n" not in str(error.value)


class TestRefused:
    def test_a_folder_that_is_not_there(self) -> None:
        with pytest.raises(SettingsError, match=r"there is no vision model folder \./none"):
            VisionCheckpoint.open("./none")

    def test_a_name_without_network(self) -> None:
        with pytest.raises(
            SettingsError, match=r"could not be had from the Hugging Face Hub .*--set backbone__name=FOLDER"
        ):
            VisionCheckpoint.open("nobody/no-such-model")

    @pytest.mark.skipif(find_spec("timm") is not None, reason="timm is there")
    def test_a_model_of_timm_without_timm(self, copied) -> None:
        (copied / "config.json").write_text(json.dumps({"model_type": "timm_wrapper", "architecture": "a"}))
        with pytest.raises(MissingExtraError, match=r"model needs timm, .* with pip install timm$"):
            VisionCheckpoint.open(copied)

    def test_a_model_of_texts(self) -> None:
        with pytest.raises(SettingsError, match="is a model of kind 'bert' and no vision model") as error:
            VisionCheckpoint.open(tiny_encoder())
        assert "\n" not in str(error.value)

    @pytest.mark.parametrize("kind", ["imagegpt", "vit_mae", "clip", "detr", "gpt2"])
    def test_models_that_give_no_tokens_of_an_image(self, kind, copied) -> None:
        (copied / "config.json").write_text(json.dumps({"model_type": kind}))
        with pytest.raises(SettingsError, match=f"{kind}.*no vision model that can be a backbone"):
            VisionCheckpoint.open(copied)

    def test_other_channels(self, copied) -> None:
        config = json.loads((copied / "config.json").read_text())
        (copied / "config.json").write_text(json.dumps({**config, "num_channels": 1}))
        with pytest.raises(SettingsError, match="does not read red, green and blue"):
            VisionCheckpoint.open(copied)

    def test_code_that_comes_with_it(self, copied) -> None:
        config = json.loads((copied / "config.json").read_text())
        own = {"model_type": "mine", "auto_map": {"AutoConfig": "mine.Config", "AutoModel": "mine.Model"}}
        (copied / "config.json").write_text(json.dumps({**config, **own}))
        (copied / "mine.py").write_text("raise SystemExit('it was run')")
        with pytest.raises(SettingsError, match="could not be read"):
            VisionCheckpoint.open(copied)

    @pytest.mark.parametrize("kind", KINDS)
    def test_weights_that_are_missing(self, kind, tmp_path) -> None:
        """All but the pooler's have to be there; those of a batch norm's count need not."""
        folder = shutil.copytree(tiny_vision(kind), tmp_path / "model")
        weights = load_file(folder / "model.safetensors")
        kept = {k: v for k, v in weights.items() if not k.startswith("pooler") and v.is_floating_point()}
        save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
        expected = VisionCheckpoint.open(tiny_vision(kind)).reader(8, 8)(torch.ones(1, 3, 8, 8))
        found = VisionCheckpoint.open(folder).reader(8, 8)(torch.ones(1, 3, 8, 8))
        torch.testing.assert_close(found, expected, rtol=0, atol=0)
        gone = max(kept)
        save_file(
            {k: v for k, v in kept.items() if k != gone},
            folder / "model.safetensors",
            metadata={"format": "pt"},
        )
        with pytest.raises(SettingsError, match=rf"1 of the .* of vision model .* missing \({gone} is one\)"):
            VisionCheckpoint.open(folder).reader(8, 8)

    def test_weights_that_may_hold_code(self, copied) -> None:
        (copied / "model.safetensors").rename(copied / "pytorch_model.bin")
        opened = VisionCheckpoint.open(copied)
        for ask in (lambda: opened.reader(8, 8), lambda: opened.digest):
            with pytest.raises(SettingsError, match=r"vision model .* has no weights in safetensors"):
                ask()

    def test_without_transformers(self, monkeypatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "transformers", None)
        with pytest.raises(
            MissingExtraError, match=r"pretrained vision models need .*counterpoise\[encoders\]"
        ):
            VisionCheckpoint.open(tiny_vision())


class TestFeatures:
    @pytest.mark.parametrize("kind", KINDS)
    def test_they_are_pooled_last_layers(self, kind) -> None:
        images, _ = make_images((3, 2))
        found = FrozenVision(tiny_vision(kind), cache=False).features(images)
        checkpoint = VisionCheckpoint.open(tiny_vision(kind))
        reader = checkpoint.reader(12, 12)
        pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float()
        with torch.no_grad():
            tokens = reader(checkpoint.preparation.standardised(checkpoint.preparation.sized(pixels)))
        expected = tokens[:, 0] if kind in ("vit", "dinov2") else tokens.mean(dim=1)
        np.testing.assert_allclose(found, expected, atol=1e-5)
        highest = FrozenVision(tiny_vision(kind), cache=False, pooling="max").features(images)
        np.testing.assert_allclose(highest, tokens.amax(dim=1), atol=1e-5)

    @pytest.mark.parametrize("kind", ["vit", "convnext"])
    def test_company_changes_no_bit(self, kind) -> None:
        images, _ = make_images((ROWS + 5, 3))
        model = FrozenVision(tiny_vision(kind), cache=False)
        whole = model.features(images)
        np.testing.assert_array_equal(model.features(images[::-1])[::-1], whole)
        np.testing.assert_array_equal(model.features(MappedImages(images)), whole)
        for i in (0, ROWS + 1):
            np.testing.assert_array_equal(model.features(images[i : i + 1])[0], whole[i])

    def test_each_image_is_read_once(self, monkeypatch, tmp_path) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        images, _ = make_images((4, 2))
        read: list[int] = []
        computed = FrozenVision._computed

        def counting(self, inputs, rows, missing, device):
            read.append(len(missing))
            return computed(self, inputs, rows, missing, device)

        monkeypatch.setattr(FrozenVision, "_computed", counting)
        twice = FrozenVision(tiny_vision()).features(np.concatenate([images, images[::-1]]))
        np.testing.assert_array_equal(twice[:6], twice[:5:-1])
        again = FrozenVision(tiny_vision()).features(images[[5, 0]])
        np.testing.assert_array_equal(again, twice[[5, 0]])
        assert read == [6]
        other = FrozenVision(tiny_vision(), pooling="mean").features(images)
        assert not np.array_equal(other, twice[:6])
        assert read == [6, 6]

    def test_the_digest_knows_the_configuration(self, copied) -> None:
        before = VisionCheckpoint.open(copied).digest
        config = json.loads((copied / "config.json").read_text())
        (copied / "config.json").write_text(json.dumps({**config, "transformers_version": "5.0.0"}))
        assert VisionCheckpoint.open(copied).digest == before
        (copied / "config.json").write_text(json.dumps({**config, "layer_norm_eps": 0.1}))
        assert VisionCheckpoint.open(copied).digest != before

    def test_models_of_before_know_weights_and_preprocessing(self, copied) -> None:
        images, _ = make_images((2, 1))
        preparation = VisionCheckpoint.open(copied).preparation
        weights = hashlib.sha256((copied / "model.safetensors").read_bytes()).hexdigest()[:20]
        digest = hashlib.sha256(f"{weights} {preparation}".encode()).hexdigest()[:20]
        assert FrozenVision(str(copied), digest=digest, cache=False).features(images).shape == (3, 16)
        (copied / "preprocessor_config.json").write_text(json.dumps({**PREPARATION, "image_mean": [0, 0, 0]}))
        with pytest.raises(ModelError, match="the configuration or the preprocessing of vision model"):
            FrozenVision(str(copied), digest=digest, cache=False).features(images)

    def test_other_weights_or_preprocessing_have_another_digest(self, copied) -> None:
        before = VisionCheckpoint.open(tiny_vision()).digest
        assert VisionCheckpoint.open(copied).digest == before
        (copied / "preprocessor_config.json").write_text(json.dumps({**PREPARATION, "image_mean": [0, 0, 0]}))
        assert VisionCheckpoint.open(copied).digest != before
        shutil.copy(f"{tiny_vision()}/preprocessor_config.json", copied)
        content = bytearray((copied / "model.safetensors").read_bytes())
        content[-1] ^= 1
        (copied / "model.safetensors").write_bytes(bytes(content))
        assert VisionCheckpoint.open(copied).digest != before
