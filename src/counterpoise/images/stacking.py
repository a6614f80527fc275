"""Many images to one array of one size, decoded side by side.

>>> import numpy as np
>>> stack([np.zeros((4, 6)), np.ones((4, 6))]).shape
(2, 4, 6, 3)
>>> stack([np.zeros((4, 6)), np.ones((9, 9))], size=3).shape
(2, 3, 3, 3)
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sized
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice
from typing import Any

import numpy as np

from counterpoise.errors import DataError
from counterpoise.images.decoding import decode, name_of, pillow
from counterpoise.images.mapped import MappedImages, temporary_map
from counterpoise.progress import bar

MOST_IN_MEMORY = 2**30
"""Bytes of decoded images that are held in memory; more of them lie in a temporary file."""
_AT_ONCE = 256


def stack(
    images: Iterable[Any],
    size: int | None = None,
    *,
    expected: tuple[int, int] | None = None,
) -> np.ndarray | MappedImages:
    """Decode images and stack them.

    Parameters
    ----------
    images : iterable with a length
        Of whatever :func:`counterpoise.images.decoding.decode` takes.
    size : int or None, default=None
        Height and width of each: an image is resized until its shorter side is that long and the middle cut out. None
        takes them as they are, all of one size.
    expected : tuple of int, or None, default=None
        Height and width that each has to have; None takes those of the first.

    Returns
    -------
    ndarray of uint8, shape (n, H, W, 3), or MappedImages
        The latter above :data:`MOST_IN_MEMORY`.

    Raises
    ------
    DataError
        For an image that cannot be read, one of another size than the others, and none at all. It is named by its
        path or its position.
    MissingExtraError
        When Pillow is not installed and is needed.
    """
    assert isinstance(images, Sized)
    count, source = len(images), iter(images)
    if not count:
        raise DataError("there are no images (0 samples); give at least one")
    start = next(source)
    first = _sized(decode(start, _name(start, 0)), size)
    shape = first.shape[:2] if expected is None else expected
    stacked = room_for((count, *shape, 3))

    def place(numbered: tuple[int, Any]) -> None:
        position, image = numbered
        name = _name(image, position)
        pixels = first if position == 0 else _sized(decode(image, name), size)
        if pixels.shape[:2] != shape:
            raise DataError(_another_size(name, pixels.shape, shape, expected is not None))
        stacked[position] = pixels

    numbered = enumerate(chain([start], source))
    with bar("decoding images", count) as progress, ThreadPoolExecutor(_cores()) as pool:
        # In pieces, so that images which the source makes as it goes do not pile up.
        while piece := list(islice(numbered, _AT_ONCE)):
            for _ in pool.map(place, piece):
                pass
            progress.advance(len(piece))
    return MappedImages(stacked) if isinstance(stacked, np.memmap) else stacked


def room_for(shape: tuple[int, ...]) -> np.ndarray:
    """An empty array of uint8, in memory or, above :data:`MOST_IN_MEMORY`, in a temporary file."""
    return np.empty(shape, dtype=np.uint8) if np.prod(shape) <= MOST_IN_MEMORY else temporary_map(shape)


def _sized(pixels: np.ndarray, size: int | None) -> np.ndarray:
    if size is None or pixels.shape[:2] == (size, size):
        return pixels
    library = pillow()
    # Pillow widens the filter when it makes an image smaller, so that nothing flickers between the pixels taken.
    method = library.Image.Resampling.BICUBIC
    return np.asarray(library.ImageOps.fit(library.Image.fromarray(pixels), (size, size), method))


def _another_size(name: str, found: tuple[int, ...], shape: tuple[int, ...], fitted: bool) -> str:
    whose = "the model was fitted to images of" if fitted else "the first one is"
    end = " and fit again" if fitted else " to bring them all to one size"
    return (
        f"{name} is {found[0]} x {found[1]} pixels (height x width), but {whose} {shape[0]} x {shape[1]}; resize it, "
        f"or set image_size (--image-size){end}"
    )


def _name(image: Any, position: int) -> str:
    return name_of(image, f"the image at position {position}")


def _cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
