"""Crops and mirror images: every result is one of those that can be worked out by hand, all alike likely."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from counterpoise.images.augmentation import crop_and_flip, default_padding


def images(count: int, height: int = 5, width: int = 6, dtype: torch.dtype = torch.uint8) -> torch.Tensor:
    one = torch.arange(1, 3 * height * width + 1).reshape(1, 3, height, width)
    return one.repeat(count, 1, 1, 1).to(dtype)


def every_view(image: torch.Tensor, padding: int, flip: bool) -> dict[bytes, int]:
    """All crops of the padded image, and of those all mirror images, each with a number."""
    height, width = image.shape[1:]
    padded = functional.pad(image, (padding,) * 4)
    views = []
    for top in range(2 * padding + 1):
        for left in range(2 * padding + 1):
            crop = padded[:, top : top + height, left : left + width]
            views += [crop, crop.flip(2)] if flip else [crop]
    return {view.contiguous().numpy().tobytes(): number for number, view in enumerate(views)}


@pytest.mark.parametrize("flip", [True, False])
@pytest.mark.parametrize("padding", [0, 1, 2])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_each_view_is_a_shifted_or_mirrored_image_and_all_are_alike_likely(padding, flip, dtype) -> None:
    torch.manual_seed(0)
    batch = images(5000, dtype=dtype)
    known = every_view(batch[0], padding, flip)
    found = crop_and_flip(batch, padding=padding, flip=flip)
    assert found.shape == batch.shape
    assert found.dtype == dtype
    counts = np.zeros(len(known))
    for view in found.contiguous().numpy():
        counts[known[view.tobytes()]] += 1  # a KeyError is an image that cannot be
    expected = 5000 / len(known)
    assert np.abs(counts - expected).max() < 5 * np.sqrt(expected)


def test_images_are_drawn_one_by_one() -> None:
    torch.manual_seed(0)
    first, second = crop_and_flip(images(64), padding=2), crop_and_flip(images(64), padding=2)
    assert len({view.contiguous().numpy().tobytes() for view in first}) > 30
    assert not torch.equal(first, second)
    torch.manual_seed(0)
    assert torch.equal(crop_and_flip(images(64), padding=2), first)


def test_each_row_keeps_its_own_image() -> None:
    levels = torch.arange(1, 9, dtype=torch.uint8).view(8, 1, 1, 1).expand(8, 3, 4, 4)
    found = crop_and_flip(levels, padding=1)
    assert found.amax(dim=(1, 2, 3)).tolist() == list(range(1, 9))
    assert all(set(view.unique().tolist()) <= {0, level} for level, view in enumerate(found, 1))


def test_channels_last_order_stays() -> None:
    batch = images(8).contiguous(memory_format=torch.channels_last)
    assert crop_and_flip(batch, padding=1).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    ("size", "padding"), [((32, 32), 4), ((64, 64), 8), ((28, 40), 4), ((4, 4), 1), ((2, 9), 1)]
)
def test_padding_is_an_eighth_of_the_shorter_side(size, padding) -> None:
    assert default_padding(*size) == padding
