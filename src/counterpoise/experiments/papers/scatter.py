"""What the papers' figures show: rows of a data set in a plane, for :mod:`counterpoise.report.embedding` to draw."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Scatter:
    """Rows in the plane of the two directions in which an embedding varies most.

    Attributes
    ----------
    title : str
    points : dict of str to ndarray of float64, shape (n, 2)
        By kind of row.
    marks : dict of str to ndarray of float64, shape (m, 2)
        What stands for a kind of row, such as its prototype.
    marked : str, default=""
        What the marks are, in words.
    """

    title: str
    points: dict[str, np.ndarray]
    marks: dict[str, np.ndarray] = field(default_factory=dict)
    marked: str = ""


def plane(embedded: np.ndarray) -> np.ndarray:
    """Principal components, each with its largest entry positive, so that the picture is always the same way up."""
    centred = embedded.astype(np.float64) - embedded.mean(axis=0, dtype=np.float64)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    two = directions[:2]
    two = two * np.sign(two[np.arange(len(two)), np.abs(two).argmax(axis=1)])[:, None]
    return centred @ two.T
