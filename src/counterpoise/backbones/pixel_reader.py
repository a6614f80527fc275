"""The base of networks over images: pixels augmented in training, then standardised."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from counterpoise.backbones.base import Batch, VectorReader
from counterpoise.errors import SettingsError
from counterpoise.images.augmentation import crop_and_flip, default_padding
from counterpoise.images.pixels import PixelSpec


class PixelReader(VectorReader):
    """Base of backbones over images; they read standardised pixels ``(B, C, H, W)`` in channels-last order.

    Parameters
    ----------
    spec : PixelSpec
    augment : bool
        Whether each image is shifted and mirrored at random whenever it is trained on. Nothing is drawn at prediction
        time.
    flip : bool
        Whether augmentation mirrors.
    padding : int or None
        Pixels by which it shifts at most; None is an eighth of the shorter side (4 of 32).
    """

    inputs: ClassVar[str] = "image"
    dropout: ClassVar[float] = 0.0
    mean: Tensor
    scale: Tensor

    def __init__(self, spec: PixelSpec, *, augment: bool, flip: bool, padding: int | None) -> None:
        super().__init__()
        self.augment, self.flip = augment, flip
        self.padding = default_padding(spec.height, spec.width) if padding is None else padding
        # The encoder saves them.
        for name, values in (("mean", spec.mean), ("scale", spec.scale)):
            self.register_buffer(name, torch.tensor(values).view(1, -1, 1, 1), persistent=False)

    def vectors(self, batch: Batch) -> Tensor:
        """Pixels as the network reads them: augmented in training, and with channels of mean 0 and deviation 1."""
        pixels = batch.inputs
        if self.augment and self.training:
            pixels = crop_and_flip(pixels, padding=self.padding, flip=self.flip)
        return (self.sized(pixels.float()) - self.mean) / self.scale

    def sized(self, levels: Tensor) -> Tensor:
        """Levels from 0 to 255, ``(B, C, H, W)`` of float32, in the size that is read: by default their own."""
        return levels


def check_augmentation(settings: dict[str, Any]) -> None:
    """Refuse settings of augmentation out of range.

    Raises
    ------
    SettingsError
    """
    for name in ("augment", "flip"):
        if not isinstance(settings.get(name, True), bool):
            raise SettingsError(f"{name} is {settings[name]!r}; give true or false")
    padding = settings.get("padding")
    if padding is not None and (not isinstance(padding, int) or isinstance(padding, bool) or padding < 0):
        raise SettingsError(f"padding is {padding!r}; give pixels, an int of 0 or more, or None")
