"""One image, whatever it comes as, to red, green and blue.

>>> import numpy as np
>>> decode(np.array([[0.0, 1.0]]), "a grey one").tolist()
[[[0, 0, 0], [255, 255, 255]]]
"""

from __future__ import annotations

import io
import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from counterpoise.errors import DataError, MissingExtraError

WHITE = 255
CHANNELS = (1, 3, 4)
"""Channels that an array of pixels may have: grey; red, green and blue; the same with alpha."""
_FILES = (str, os.PathLike, bytes, bytearray, memoryview)


def decode(image: Any, name: str) -> np.ndarray:
    """Decode one image to uint8 ``(H, W, 3)``.

    Grey becomes three equal channels; what is transparent lies over white; 16 bits become 8; a photograph is turned
    as its EXIF tag says. Of an animation the first picture is taken.

    Parameters
    ----------
    image : path, str, bytes, PIL.Image.Image, dict or array
        A file, what is in it, an image of Pillow, ``{"bytes": ..., "path": ...}`` as Hugging Face ``datasets`` stores
        one, or pixels ``(H, W)`` or ``(H, W, 1 | 3 | 4)`` as :func:`as_rgb` takes them.
    name : str
        What messages call it; a file is called by its path.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)

    Raises
    ------
    DataError
        When it cannot be read, or is no image.
    MissingExtraError
        When Pillow is not installed and is needed.
    """
    if isinstance(image, dict):
        content = image.get("bytes")
        return decode(image.get("path") if content is None else content, name_of(image, name))
    if isinstance(image, np.ndarray):
        if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in CHANNELS):
            raise DataError(
                f"{name} is an array of shape {image.shape}; give one of shape (height, width) or (height, width, 3)"
            )
        return as_rgb(image if image.ndim == 3 else image[:, :, None], name)
    if isinstance(image, _FILES) or type(image).__module__.partition(".")[0] == "PIL":
        return _read(image, name_of(image, name))
    found = "missing (None)" if image is None else f"of type {type(image).__name__}"
    raise DataError(f"{name} is {found}; give a path, bytes, an image of Pillow or an array")


def name_of(image: Any, position: str) -> str:
    """What messages call an image: its path where it has one, else where it stands."""
    if isinstance(image, dict):
        image = image.get("path")
    return f"the image {os.fspath(image)}" if isinstance(image, str | os.PathLike) else position


def as_rgb(pixels: np.ndarray, name: str) -> np.ndarray:
    """Bring pixels of any channels and numbers to uint8 ``(..., H, W, 3)``.

    Parameters
    ----------
    pixels : ndarray, shape (..., H, W, 1 | 3 | 4)
        Integers from 0 to 255, floats from 0 to 1, or truth values (black and white).
    name : str
        For messages.

    Raises
    ------
    DataError
        For numbers out of range or that are none.
    """
    if not pixels.size:
        raise DataError(f"{name} has no pixels (shape {pixels.shape}); leave it out")
    kind = pixels.dtype.kind
    if kind == "b":
        pixels = pixels * np.uint8(255)
    elif kind == "f":
        low, high = float(pixels.min()), float(pixels.max())
        if not (low >= 0 and high <= 1):  # NaN compares as neither
            raise DataError(
                f"{name} has floats from {low:g} to {high:g}; give floats from 0 to 1, or uint8 from 0 to 255"
            )
        pixels = np.rint(pixels * 255).astype(np.uint8)
    elif pixels.dtype != np.uint8:
        if kind not in "iu":
            raise DataError(f"{name} has values of type {pixels.dtype}; give uint8, or floats from 0 to 1")
        if pixels.min() < 0 or pixels.max() > 255:
            raise DataError(
                f"{name} has integers from {pixels.min()} to {pixels.max()}; give uint8 from 0 to 255, or floats "
                "from 0 to 1"
            )
        pixels = pixels.astype(np.uint8)
    if pixels.shape[-1] == 1:
        return np.repeat(pixels, 3, axis=-1)
    return _over_white(pixels) if pixels.shape[-1] == 4 else pixels


def pillow() -> Any:
    """The package ``PIL``.

    Raises
    ------
    MissingExtraError
    """
    try:
        import PIL.Image
        import PIL.ImageOps
    except ImportError as error:
        raise MissingExtraError(
            'images are decoded and resized by Pillow; install it with pip install "counterpoise[images]"'
        ) from error
    return PIL


def _read(image: Any, name: str) -> np.ndarray:
    library = pillow()
    try:
        with _opened(library, image) as opened:
            return _converted(opened, name)
    except FileNotFoundError as error:
        raise DataError(f"{name} does not exist; check the path") from error
    except IsADirectoryError as error:
        raise DataError(f"{name} is a folder; give the path of an image") from error
    except library.UnidentifiedImageError as error:
        if _is_empty(image):
            raise DataError(f"{name} is empty (0 bytes); fetch it again or leave it out") from error
        raise DataError(f"{name} is in no format that Pillow knows; convert it to PNG or JPEG") from error
    except DataError:
        raise
    # Of broken files Pillow's decoders raise many kinds: OSError, SyntaxError, struct.error, one for bombs.
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DataError(f"{name} cannot be decoded ({reason}); fetch it again or leave it out") from error


def _is_empty(image: Any) -> bool:
    """Whether a file, or what was read of one, has no content."""
    return not image if isinstance(image, bytes | bytearray | memoryview) else not os.path.getsize(image)


def _opened(library: Any, image: Any) -> AbstractContextManager[Any]:
    """Pillow's image of a file or its content, to be closed; one that the caller holds stays open."""
    if not isinstance(image, _FILES):
        return nullcontext(image)
    return library.Image.open(Path(image) if isinstance(image, str | os.PathLike) else io.BytesIO(image))


def _converted(image: Any, name: str) -> np.ndarray:
    image = pillow().ImageOps.exif_transpose(image)
    if image.mode.startswith("I") or image.mode == "F":
        return as_rgb(_shallow(np.asarray(image), name)[:, :, None], name)
    if image.has_transparency_data:
        return _over_white(np.asarray(image.convert("RGBA")))
    return np.array(image.convert("RGB"))


def _shallow(grey: np.ndarray, name: str) -> np.ndarray:
    """Grey levels of 16 bits in 8, rounded; floats as they are, and wider integers that 8 bits hold."""
    if grey.dtype.kind == "f":
        return grey
    # 16 bits say what the brightest may be, 32 do not: they go by what is there, as levels in an array do.
    if grey.dtype.itemsize > 2 and grey.min() >= 0 and grey.max() <= 255:
        return grey.astype(np.uint8)
    if grey.min() < 0 or grey.max() > 65535:
        raise DataError(
            f"{name} has grey levels from {grey.min()} to {grey.max()}; bring them to 16 or 8 bits"
        )
    return ((grey.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)


def _over_white(pixels: np.ndarray) -> np.ndarray:
    """Red, green and blue of pixels with alpha that lie over white, rounded."""
    alpha = pixels[..., 3:].astype(np.uint32)
    return ((pixels[..., :3] * alpha + WHITE * (255 - alpha) + 127) // 255).astype(np.uint8)
