"""Pretrained vision models: opened, refused, prepared for; their vectors, kept on the disk."""

from __future__ import annotations

import hashlib
import json
import shutil
from importlib.util import find_spec

import numpy as np
import PIL.Image
import pytest
import torch
from safetensors.torch import load_file, save_file

from counterpoise.errors import CounterpoiseWarning, MissingExtraError, ModelError, SettingsError
from counterpoise.images.mapped import MappedImages
from counterpoise.images.preparation import (
    IMAGENET_DEVIATION,
    IMAGENET_MEAN,
    Preparation,
    unknown_processor,
)
from counterpoise.images.vision_checkpoints import VisionCheckpoint
from counterpoise.images.vision_features import FrozenVision
from counterpoise.pretrained.vectors import ROWS
from tiny_encoders import tiny_encoder
from tiny_images import make_images
from tiny_vision import DEVIATION, MEAN, PREPARATION, tiny_vision

KINDS = ("vit", "dinov2", "swin", "convnext", "resnet")


@pytest.fixture
def copied(tmp_path):
    """A copy of the model's folder, to be spoilt."""
    return shutil.copytree(tiny_vision(), tmp_path / "model")


def levels(height: int, width: int, count: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (count, 3, height, width), generator=generator).float()


def preparation(**changed) -> Preparation:
    return Preparation.described({**PREPARATION, **changed}, {})


class TestPreparation:
    def test_mean_and_deviation_are_the_checkpoints_own(self) -> None:
        found = VisionCheckpoint.open(tiny_vision()).preparation
        given = levels(8, 8)
        mean, deviation = (torch.tensor(values).view(-1, 1, 1) for values in (MEAN, DEVIATION))
        torch.testing.assert_close(found.standardised(found.sized(given)), (given / 255 - mean) / deviation)

    def test_without_a_description(self, copied) -> None:
        """The size is the configuration's, mean and deviation are ImageNet's."""
        (copied / "preprocessor_config.json").unlink()
        found = VisionCheckpoint.open(copied).preparation
        assert (found.size, found.cut, found.resampling) == ((8, 8), None, "bicubic")
        assert found.mean == pytest.approx([255 * m for m in IMAGENET_MEAN])
        assert found.scale == pytest.approx([255 * d for d in IMAGENET_DEVIATION])
        assert Preparation.described(None, {}).sized(levels(7, 9)).shape == (2, 3, 7, 9), "no size is known"

    def test_a_description_inside_that_of_a_processor(self, copied) -> None:
        (copied / "preprocessor_config.json").unlink()
        whole = {"image_processor": PREPARATION, "processor_class": "X"}
        (copied / "processor_config.json").write_text(json.dumps(whole))
        assert VisionCheckpoint.open(copied).preparation == VisionCheckpoint.open(tiny_vision()).preparation

    @pytest.mark.parametrize(
        ("changed", "mean", "scale"),
        [
            ({"do_normalize": False}, [0, 0, 0], [255, 255, 255]),
            ({"do_rescale": False}, MEAN, DEVIATION),
            (
                {"rescale_factor": 1 / 127.5, "rescale_offset": True, "do_normalize": False},
                [127.5] * 3,
                [127.5] * 3,
            ),
            ({"image_mean": 0.5, "image_std": 0.5}, [127.5] * 3, [127.5] * 3),
        ],
    )
    def test_other_standardisations(self, changed, mean, scale) -> None:
        found = preparation(**changed)
        assert found.mean == pytest.approx(mean)
        assert found.scale == pytest.approx(scale)

    @pytest.mark.parametrize(
        ("changed", "size", "shape"),
        [
            ({}, (8, 8), (8, 8)),
            ({"size": 6}, (6, 6), (6, 6)),
            ({"size": {"height": 6, "width": 4}}, (6, 4), (6, 4)),
            ({"size": {"shortest_edge": 6}}, 6, (6, 9)),
            ({"size": {"shortest_edge": 6}, "do_center_crop": True, "crop_size": 4}, 6, (4, 4)),
            ({"size": {"shortest_edge": 7}, "crop_pct": 0.875}, 8, (7, 7)),
            ({"size": {"shortest_edge": 384}, "crop_pct": 0.875}, (384, 384), (384, 384)),
            ({"size": 7, "crop_pct": 0.875}, 8, (7, 7)),
            ({"size": 7, "image_processor_type": "ViTFeatureExtractor"}, (7, 7), (7, 7)),
            ({"size": 7, "feature_extractor_type": "ConvNextFeatureExtractor"}, 8, (7, 7)),
            ({"size": 6, "do_center_crop": True, "crop_size": 9}, (6, 6), (6, 6)),
            ({"do_resize": False}, None, (20, 30)),
        ],
        ids=str,
    )
    def test_sizes(self, changed, size, shape) -> None:
        found = preparation(**changed)
        assert found.size == size
        assert found.sized(levels(20, 30)).shape[2:] == shape
        assert Preparation.restored(json.loads(json.dumps(found.state))) == found

    @pytest.mark.parametrize(
        ("kind", "described"),
        [
            ("Beit", {"size": 16, "do_center_crop": True, "crop_size": 14}),
            ("Bit", {"size": 16, "crop_size": 14}),
            ("CLIP", {"size": 16, "crop_size": 14}),
            ("ConvNext", {"size": 16}),
            ("ConvNext", {"size": 16, "crop_pct": 0.8}),
            ("ConvNext", {"size": {"shortest_edge": 384}, "crop_pct": 0.875}),
            ("DeiT", {"size": 16, "crop_size": 14}),
            ("EfficientNet", {"size": 16, "crop_size": 14}),
            ("EfficientNet", {"size": 16, "include_top": False, "do_center_crop": True, "crop_size": 14}),
            ("EfficientNet", {"size": 16, "do_normalize": False}),
            ("EfficientNet", {"size": 16, "rescale_factor": 1 / 127.5, "rescale_offset": True}),
            ("Levit", {"size": 21, "crop_size": 21}),
            ("Levit", {"size": {"height": 16, "width": 14}, "crop_size": 12}),
            ("MobileNetV1", {"size": 16, "crop_size": 14}),
            ("MobileNetV2", {"size": 16, "crop_size": 14}),
            ("MobileViT", {"size": 16, "crop_size": 14}),
            ("MobileViT", {"size": 16, "crop_size": 14, "do_flip_channel_order": False}),
            ("PoolFormer", {"size": 16, "crop_size": 16}),
            ("PoolFormer", {"size": {"shortest_edge": 16}, "crop_size": 14, "crop_pct": 0.8}),
            ("Pvt", {"size": 16}),
            ("Segformer", {"size": 16}),
            ("Siglip", {"size": {"height": 16, "width": 14}}),
            ("ViT", {"size": 16}),
        ],
        ids=str,
    )
    def test_it_is_what_the_models_own_processor_does(self, kind, described) -> None:
        """By those of transformers, which round to whole levels in between; from files old and new."""
        import transformers

        described = {**described, "image_mean": MEAN, "image_std": DEVIATION, "resample": 3}
        processor = getattr(transformers, f"{kind}ImageProcessorPil")(**described)
        given = (levels(32, 40, 1) / 4 + 96).floor()
        expected = processor(given[0].byte(), return_tensors="pt")["pixel_values"]
        old = {**described, "feature_extractor_type": f"{kind}FeatureExtractor"}
        for file in (old, json.loads(json.dumps(processor.to_dict()))):
            found = Preparation.described(file, {})
            level = 1 / torch.tensor(found.scale).view(-1, 1, 1)
            off = ((found.standardised(found.sized(given)) - expected) / level).abs()
            assert off.max() < 1.5
            assert off.mean() < 0.5

    def test_processors_by_whatever_name(self) -> None:
        for name in ("LevitImageProcessor", "LevitImageProcessorFast", "LevitFeatureExtractor"):
            assert unknown_processor({"image_processor_type": name}) is None
        assert unknown_processor(None) is unknown_processor(PREPARATION) is None
        assert unknown_processor({"image_processor_type": "OwnImageProcessor"}) == "OwnImageProcessor"

    def test_a_processor_that_is_not_known_is_warned_of(self, copied) -> None:
        described = {**PREPARATION, "image_processor_type": "OwnImageProcessor"}
        (copied / "preprocessor_config.json").write_text(json.dumps(described))
        with pytest.warns(
            CounterpoiseWarning, match="prepared by OwnImageProcessor, which is not known here"
        ):
            found = VisionCheckpoint.open(copied)
        assert found.preparation == VisionCheckpoint.open(tiny_vision()).preparation

    def test_the_order_of_channels_is_part_of_the_digest_and_of_nothing_saved_before(self, copied) -> None:
        before = VisionCheckpoint.open(copied)
        assert "reversed" not in str(before.preparation)
        (copied / "preprocessor_config.json").write_text(
            json.dumps({**PREPARATION, "do_flip_channel_order": True})
        )
        assert VisionCheckpoint.open(copied).digest != before.digest
        state = before.preparation.state
        del state["reversed"]
        assert Preparation.restored(state) == before.preparation

    def test_the_description_of_timm(self) -> None:
        given = {"input_size": [3, 28, 28], "crop_pct": 0.875, "mean": MEAN, "std": DEVIATION}
        found = Preparation.described(None, {"pretrained_cfg": {**given, "interpolation": "bilinear"}})
        assert (found.size, found.cut, found.resampling) == (32, (28, 28), "bilinear")
        assert found.mean == pytest.approx([255 * m for m in MEAN])
        squeezed = Preparation.described(None, {"pretrained_cfg": {**given, "crop_mode": "squash"}})
        assert (squeezed.size, squeezed.resampling) == ((28, 28), "bicubic")

    @pytest.mark.parametrize(("kind", "resample"), [("bilinear", 2), ("bicubic", 3)])
    @pytest.mark.parametrize("side", [5, 17])
    def test_resized_as_pillow_does(self, kind, resample, side) -> None:
        """Which is what the checkpoints' own processors resize with, to whole levels."""
        given = (levels(12, 10, 1) / 4 + 96).floor()  # Pillow also clips half-way, where levels go beyond
        found = preparation(size=side, resample=resample).sized(given)[0].permute(1, 2, 0).numpy()
        picture = PIL.Image.fromarray(given[0].permute(1, 2, 0).numpy().astype(np.uint8))
        expected = np.asarray(picture.resize((side, side), PIL.Image.Resampling[kind.upper()]))
        np.testing.assert_allclose(found, expected, atol=1.01)
        beyond = preparation(size=side, resample=resample).sized(255.0 * (levels(12, 10) > 128))
        assert beyond.min() >= 0
        assert beyond.max() <= 255

    def test_the_middle_is_cut_out(self) -> None:
        given = torch.arange(36.0).view(1, 1, 6, 6).expand(1, 3, 6, 6)
        found = preparation(do_resize=False, do_center_crop=True, crop_size=2).sized(given)
        assert found[0, 0].tolist() == [[14, 15], [20, 21]]


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
