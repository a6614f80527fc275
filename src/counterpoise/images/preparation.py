"""What a pretrained vision model wants done to pixels: a size, a cut, and its own mean and deviation."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from typing import Any

from torch import Tensor
from torch.nn import functional

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
"""Of red, green and blue from 0 to 1, as commonly taken where a model does not say."""

_KINDS = {0: "nearest-exact", 2: "bilinear", "nearest": "nearest-exact", "bilinear": "bilinear"}
_SQUEEZED_FROM = 384  # ConvNeXT cuts the middle out of smaller images, and squeezes those of this size

_SHORTER_SIDE = {"default_to_square": False}
_CUT = {"do_center_crop": True, "crop_size": 224}
_PROCESSORS: dict[str, dict[str, Any]] = {
    "Beit": {},
    "Bit": {**_SHORTER_SIDE, **_CUT},
    "CLIP": {**_SHORTER_SIDE, **_CUT},
    "ConvNext": {**_SHORTER_SIDE, "crop_pct": 0.875},
    "DINOv3ViT": {},
    "DeiT": _CUT,
    "EfficientNet": {"include_top": True},
    "Levit": {**_SHORTER_SIDE, **_CUT, "crop_pct": 0.875},
    "MobileNetV1": {**_SHORTER_SIDE, **_CUT},
    "MobileNetV2": {**_SHORTER_SIDE, **_CUT},
    "MobileViT": {
        **_SHORTER_SIDE,
        **_CUT,
        "crop_size": 256,
        "do_flip_channel_order": True,
        "do_normalize": False,
    },
    "PoolFormer": {**_SHORTER_SIDE, **_CUT, "crop_pct": 0.9},
    "Pvt": {},
    "Segformer": {},
    "Siglip": _SHORTER_SIDE,
    "TimmWrapper": {},
    "ViT": {},
}
"""Processors of transformers, and what each does where a file does not say so."""


@dataclass(frozen=True)
class Preparation:
    """From levels of 0 to 255 to what a model reads.

    Attributes
    ----------
    size : tuple of int, int or None
        Height and width that images are resized to, or of the shorter side, the other one in proportion; None leaves
        them.
    cut : tuple of int or None
        Height and width of the middle, which is cut out then.
    resampling : {"bicubic", "bilinear", "nearest-exact"}
        Averaging where images shrink.
    mean, scale : tuple of float
        Of each channel, in levels: what is subtracted, and what that is divided by.
    reversed : bool, default=False
        Whether blue comes first and red last.
    """

    size: tuple[int, int] | int | None
    cut: tuple[int, int] | None
    resampling: str
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    # Not in the words for it, by which saved models know what was done to their pixels before there was the choice.
    reversed: bool = field(default=False, repr=False)

    @classmethod
    def described(cls, described: dict[str, Any] | None, config: dict[str, Any]) -> Preparation:
        """Read it from a checkpoint's files.

        Parameters
        ----------
        described : dict or None
            Of ``preprocessor_config.json``; what is missing there is what the processor does that it names, else the
            model's own ``image_size``, bicubic, and the mean and deviation of ImageNet.
        config : dict
            Of the model; timm's models have their description in it.
        """
        found = _completed(described or _by_timm(config.get("pretrained_cfg") or {}))
        size = _size(found) if found.get("do_resize", True) else None
        if size is None and found.get("do_resize", True):
            size = _square(config.get("image_size"))
        cut = _square(found.get("crop_size")) if found.get("do_center_crop", False) else None
        if isinstance(size, int) and found.get("crop_pct"):
            larger = int(size / found["crop_pct"])
            if cut is not None:
                size = larger
            else:
                cut = (size, size)
                size = larger if size < _SQUEEZED_FROM else cut
        mean, scale = _standardisation(found)
        resampling = _KINDS.get(found.get("resample", 3), "bicubic")
        return cls(size, cut, resampling, mean, scale, bool(found.get("do_flip_channel_order", False)))

    @classmethod
    def restored(cls, state: dict[str, Any]) -> Preparation:
        """The inverse of :attr:`state`, whose tuples JSON has made lists."""
        plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in state.items()}
        return cls(**plain)

    @property
    def state(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)

    def sized(self, levels: Tensor) -> Tensor:
        """Resize and cut levels ``(B, C, H, W)`` of float32, on their device, their channels in the model's order."""
        before = levels.shape[2], levels.shape[3]
        after = self._resized(*before)
        if after != before:
            averaging = self.resampling != "nearest-exact"
            levels = functional.interpolate(levels, after, mode=self.resampling, antialias=averaging)
            levels = levels.clamp(0, 255)  # bicubic goes beyond
        if self.reversed:
            levels = levels.flip(1)
        if self.cut is None:
            return levels
        height, width = (min(side, cut) for side, cut in zip(after, self.cut, strict=True))
        top, left = (after[0] - height) // 2, (after[1] - width) // 2
        return levels[:, :, top : top + height, left : left + width]

    def standardised(self, levels: Tensor) -> Tensor:
        """Levels ``(B, C, H, W)`` with the model's mean at 0 and its deviation at 1."""
        return (levels - levels.new_tensor(self.mean).view(-1, 1, 1)) / levels.new_tensor(self.scale).view(
            -1, 1, 1
        )

    def _resized(self, height: int, width: int) -> tuple[int, int]:
        if not isinstance(self.size, int):
            return self.size or (height, width)
        shorter = min(height, width)
        return self.size * height // shorter, self.size * width // shorter


def unknown_processor(described: dict[str, Any] | None) -> str | None:
    """Name of the processor that a description is of, if it is none whose ways are known here."""
    named = _processor(described or {})
    return named if named and _kind(named) not in _PROCESSORS else None


def _processor(found: dict[str, Any]) -> str:
    return str(found.get("image_processor_type") or found.get("feature_extractor_type") or "")


def _kind(processor: str) -> str:
    return re.sub(r"(ImageProcessor|FeatureExtractor)(Fast|Pil)?$", "", processor)


def _completed(found: dict[str, Any]) -> dict[str, Any]:
    """A description, with what its processor does where it says nothing."""
    own = _PROCESSORS.get(_kind(_processor(found)), {})
    return {**own, **{key: value for key, value in found.items() if value is not None}}


def _size(found: dict[str, Any]) -> tuple[int, int] | int | None:
    given = found.get("size")
    if isinstance(given, dict) and given.get("shortest_edge"):
        return int(given["shortest_edge"])
    # Files without the name of a processor say by crop_pct that nothing is squeezed.
    if isinstance(given, int) and not found.get("default_to_square", "crop_pct" not in found):
        return given
    return _square(given)


def _square(given: Any) -> tuple[int, int] | None:
    """Height and width, however they are written."""
    if isinstance(given, dict):
        given = [given.get("height"), given.get("width")]
    if isinstance(given, int):
        given = [given, given]
    if isinstance(given, list | tuple) and len(given) == 2 and all(given):
        return int(given[0]), int(given[1])
    return None


def _standardisation(found: dict[str, Any]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    factor = found.get("rescale_factor", 1 / 255) if found.get("do_rescale", True) else 1.0
    offset = 1.0 if found.get("rescale_offset", False) else 0.0
    mean: tuple[float, ...] = (0.0,) * 3
    deviation: tuple[float, ...] = (1.0,) * 3
    if found.get("do_normalize", True):
        mean = _channels(found.get("image_mean"), IMAGENET_MEAN)
        deviation = _channels(found.get("image_std"), IMAGENET_DEVIATION)
    if found.get("include_top", False):  # EfficientNet divides once more
        again = _channels(found.get("image_std"), IMAGENET_DEVIATION)
        deviation = tuple(d * s for d, s in zip(deviation, again, strict=True))
    return tuple((m + offset) / factor for m in mean), tuple(d / factor for d in deviation)


def _channels(given: Any, default: tuple[float, ...]) -> tuple[float, ...]:
    if given is None:
        return default
    return tuple(map(float, given)) if isinstance(given, list | tuple) else (float(given),) * 3


def _by_timm(given: dict[str, Any]) -> dict[str, Any]:
    """Timm's description in the words of the others."""
    if not given.get("input_size"):
        return {}
    _, height, width = given["input_size"]
    squeezed = given.get("crop_mode") == "squash"
    return {
        "size": [height, width]
        if squeezed
        else {"shortest_edge": int(height / given.get("crop_pct", 0.875))},
        "do_center_crop": not squeezed,
        "crop_size": [height, width],
        "resample": given.get("interpolation", "bicubic"),
        "image_mean": given.get("mean"),
        "image_std": given.get("std"),
    }
