"""Images that are there more than once, so that a split can keep them on one side."""

from __future__ import annotations

import hashlib

import numpy as np

from counterpoise.images.mapped import MappedImages, read_rows

_AT_ONCE = 1024


def repeated_image_groups(images: np.ndarray | MappedImages) -> np.ndarray:
    """Number the groups of images whose pixels are the same.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, H, W, 3), or MappedImages

    Returns
    -------
    ndarray of int64, shape (n,)
        Group of each image, numbered from 0 in order of first appearance.

    Examples
    --------
    >>> repeated_image_groups(np.array([7, 3, 7], dtype=np.uint8).reshape(3, 1, 1, 1))
    array([0, 1, 0])
    """
    number: dict[bytes, int] = {}
    groups = np.empty(len(images), dtype=np.int64)
    for start in range(0, len(images), _AT_ONCE):
        for row, pixels in enumerate(read_rows(images, slice(start, start + _AT_ONCE)), start):
            content = hashlib.blake2b(pixels.tobytes(), digest_size=16).digest()
            groups[row] = number.setdefault(content, len(number))
    return groups
