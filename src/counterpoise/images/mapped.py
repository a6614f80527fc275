"""Images that lie on the disk: some rows of a memory-mapped array, chosen without reading a pixel.

>>> rows = MappedImages(np.zeros((5, 8, 8, 3), dtype=np.uint8))[np.array([4, 1])]
>>> len(rows), rows.shape, rows[:1].shape
(2, (2, 8, 8, 3), (1, 8, 8, 3))
"""

from __future__ import annotations

import tempfile
from typing import Any

import numpy as np


class MappedImages:
    """Images in a memory-mapped array, with as much of an array's ways as methods need.

    To choose rows (a fitting side, a resampled class) from a memory-mapped array would read them all into memory; here
    it chooses their numbers.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (N, H, W, 3)
        Usually a :class:`numpy.memmap`; never written to.
    rows : ndarray of int64, shape (n,), or None, default=None
        Which of them; None is all.
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(self, pixels: np.ndarray, rows: np.ndarray | None = None) -> None:
        self._pixels = pixels
        self._rows = np.arange(len(pixels)) if rows is None else rows

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def shape(self) -> tuple[int, ...]:
        """Like that of an array: ``(n, H, W, 3)``."""
        return (len(self), *self._pixels.shape[1:])

    def __getitem__(self, rows: Any) -> MappedImages:
        """Choose rows by numbers, a slice or truth values; nothing is read."""
        return MappedImages(self._pixels, np.atleast_1d(self._rows[rows]))

    def read(self, rows: np.ndarray | slice) -> np.ndarray:
        """Pixels of some rows, uint8 ``(B, H, W, 3)``, in memory."""
        return np.asarray(self._pixels[self._rows[rows]])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """All pixels, in memory."""
        return self.read(slice(None)).astype(dtype or self.dtype, copy=False)


def read_rows(images: np.ndarray | MappedImages, rows: np.ndarray | slice) -> np.ndarray:
    """Pixels of some rows, uint8 ``(B, H, W, 3)``, wherever the images lie."""
    return images.read(rows) if isinstance(images, MappedImages) else images[rows]


def temporary_map(shape: tuple[int, ...]) -> np.memmap:
    """A writable memory map of uint8 in a temporary file, which is gone when the map is.

    The file is made where :mod:`tempfile` makes files: the environment variable ``TMPDIR`` names another place.
    """
    # The map keeps a handle of its own; the file has no name any more, or loses it with the last handle.
    with tempfile.TemporaryFile(prefix="counterpoise-images-") as file:
        return np.memmap(file, dtype=np.uint8, mode="w+", shape=shape)
