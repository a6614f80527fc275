"""Images as Python users hold them: arrays, lists of files or of Pillow's images, columns of tables and datasets.

>>> as_images(np.zeros((5, 8, 8), dtype=np.uint8)).shape
(5, 8, 8, 3)

None of the packages is imported here: an object's package is told by the module of its type.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import numpy as np

from counterpoise.errors import DataError
from counterpoise.images.decoding import CHANNELS
from counterpoise.images.mapped import MappedImages
from counterpoise.images.stacking import stack


def as_images(
    X: Any, size: int | None = None, *, expected: tuple[int, int] | None = None
) -> np.ndarray | MappedImages:
    """Images as one array.

    Parameters
    ----------
    X : images
        An array ``(n, H, W)`` or ``(n, H, W, 1 | 3 | 4)`` of uint8 (or other integers from 0 to 255) or of floats
        from 0 to 1; or a list, a column of pandas, polars, Arrow or Hugging Face ``datasets``, or a table of one
        column, of paths, bytes, images of Pillow, arrays or ``{"bytes": ..., "path": ...}``.
    size : int or None, default=None
    expected : tuple of int or None, default=None
        As in :func:`counterpoise.images.stacking.stack`.

    Returns
    -------
    ndarray of uint8, shape (n, H, W, 3), or MappedImages
        The latter for what is in that form already, memory-mapped arrays too, and for what takes too much memory.

    Raises
    ------
    DataError
        For what is no images; see also :func:`counterpoise.images.stacking.stack`.
    MissingExtraError
        When Pillow is not installed and is needed.
    """
    if isinstance(X, MappedImages) and X.shape[1:3] == ((size, size) if size else expected or X.shape[1:3]):
        return X
    cells = _cells(X)
    if not isinstance(cells, np.ndarray) or cells.dtype == object:
        return stack(cells, size, expected=expected)
    pixels = _checked_array(cells)
    found = pixels.shape[1:3]
    wanted = (size, size) if size else expected or found
    if found != wanted or pixels.dtype != np.uint8 or pixels.shape[3] != 3 or not len(pixels):
        return stack(pixels, size, expected=expected)
    return MappedImages(pixels) if isinstance(pixels, np.memmap) else pixels


def _cells(X: Any) -> Any:
    """Something with a length that can be walked, one image a step; or an array."""
    package = type(X).__module__.partition(".")[0]
    if isinstance(X, str | bytes | os.PathLike) or package == "PIL":
        raise DataError(f"X is one {type(X).__name__}, and not a list of images; give [X]")
    if package == "polars" and hasattr(X, "collect"):
        raise DataError(f"X is a polars {type(X).__name__}, which holds no images yet; call .collect() on it")
    if package in ("pandas", "polars", "pyarrow") and len(getattr(X, "shape", ())) == 2:
        if X.shape[1] != 1:
            raise DataError(f"X is a table of {X.shape[1]} columns; give the one that holds the images")
        X = X.iloc[:, 0] if package == "pandas" else X.columns[0] if package == "pyarrow" else X.to_series()
    if package == "polars":
        return X.to_list()
    if package == "pyarrow":
        return X.to_pylist()
    if package == "datasets" and hasattr(X, "column_names"):
        raise DataError(f"X is a dataset of the columns {', '.join(X.column_names)}; give the one of images")
    if isinstance(X, np.ndarray) or hasattr(X, "__array__"):
        return X if isinstance(X, np.ndarray) else np.asarray(X)
    if not isinstance(X, Iterable) or not hasattr(X, "__len__") or isinstance(X, dict | set | frozenset):
        raise DataError(f"X is of type {type(X).__name__}; give a list, an array or a column of images")
    return X


def _checked_array(array: np.ndarray) -> np.ndarray:
    """An array of numbers as ``(n, H, W, channels)``."""
    shape = array.shape
    if array.ndim == 4 and shape[3] in CHANNELS:
        return array
    if array.ndim == 4 and shape[1] in CHANNELS:
        raise DataError(
            f"X has shape {shape}, with the channels second; move them to the end: X.transpose(0, 2, 3, 1)"
        )
    if array.ndim == 3 and shape[2] in CHANNELS:
        raise DataError(
            f"X has shape {shape}, which is one image of {shape[2]} channels; give X[None] or a list"
        )
    if array.ndim == 3:
        return array[..., None]
    raise DataError(
        f"X is an array of shape {shape}, which holds no images; give (n, height, width) or (n, height, width, 3), or "
        "take ArrayClassifier for rows of numbers"
    )
