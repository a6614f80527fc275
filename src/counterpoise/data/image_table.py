"""Images as they are read, before anything is decoded: with labels for training, piece by piece for scoring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa


@dataclass(frozen=True)
class ImageTable:
    """Images of a source, not decoded.

    Attributes
    ----------
    images : sequence
        As :func:`counterpoise.images.python_inputs.as_images` takes them.
    labels : ndarray of object, shape (n,), or None
        Class names as ``str``; None when no label was asked for.
    names : tuple of str
        What messages call each image.
    files : tuple of str or None
        Path of each where it has one; None where its row is all that tells it from others.
    table : pyarrow.Table
        What else is known of each: the other columns of a table, or the column ``file``.
    source : str
        What messages call the source.
    notes : tuple of str
        Sentences for the screen: guessed columns, files that were left out.
    columns : tuple of str
        Where the images were taken from; empty where that is no column.
    groups : ndarray of object, shape (n,), or None
        Group names as ``str``.
    times : ndarray, shape (n,), or None
        float64 or datetime64[us].
    """

    images: Sequence[Any] | np.ndarray
    labels: np.ndarray | None
    names: tuple[str, ...]
    files: tuple[str | None, ...]
    table: pa.Table
    source: str
    notes: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    groups: np.ndarray | None = None
    times: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.names)
