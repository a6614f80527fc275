"""Images are brought to what a pretrained vision model was trained on."""

from __future__ import annotations

import json

import numpy as np
import PIL.Image
import pytest
import torch

from counterpoise.errors import CounterpoiseWarning
from counterpoise.images.preparation import (
    IMAGENET_DEVIATION,
    IMAGENET_MEAN,
    Preparation,
    unknown_processor,
)
from counterpoise.images.vision_checkpoints import VisionCheckpoint
from tiny_vision import DEVIATION, MEAN, PREPARATION, tiny_vision


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
