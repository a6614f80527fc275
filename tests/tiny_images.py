"""Images whose classes are told by the colour of a square."""

from __future__ import annotations

from itertools import product

import numpy as np

SIDE, SQUARE = 12, 6
_FIRST = [(200, 0, 0), (0, 0, 200), (0, 200, 0)]
COLOURS = np.array(_FIRST + [c for c in product((0, 100, 200), repeat=3) if any(c) and c not in _FIRST])
"""Of 26 classes, those of the first ones far apart."""


def make_images(counts: tuple[int, ...], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Dim noise of 12 x 12 pixels with a square of 6 somewhere, of a colour for each class; shuffled."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    images = rng.integers(0, 40, (len(labels), SIDE, SIDE, 3), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        top, left = rng.integers(0, SIDE - SQUARE + 1, 2)
        image[top : top + SQUARE, left : left + SQUARE] = COLOURS[label] + rng.integers(0, 40, 3)
    return images, labels
