"""Predictions as a store keeps them: each array little-endian, as small as its values allow, compressed."""

from __future__ import annotations

import json
import zlib
from typing import Any

import numpy as np

from counterpoise.experiments.results import Predictions
from counterpoise.experiments.runs import canonical

COLUMNS = {
    "rows": "<i8",
    "labels": "<i4",
    "decided": "<i4",
    "probabilities": "<f4",
    "rare": "|u1",
    "hostile": "<i2",
}
"""How each array of :class:`counterpoise.experiments.results.Predictions` is kept, before zlib."""


def packed(predictions: Predictions) -> dict[str, Any]:
    """Columns of the table ``predictions``: ``classes`` as JSON, each array as bytes or None."""
    columns: dict[str, Any] = {"classes": canonical(list(predictions.classes))}
    for name, kind in COLUMNS.items():
        values = getattr(predictions, name)
        columns[name] = None if values is None else zlib.compress(values.astype(kind).tobytes())
    return columns


def unpacked(columns: dict[str, Any]) -> Predictions:
    """The inverse of :func:`packed`."""
    arrays = {
        name: None if columns[name] is None else np.frombuffer(zlib.decompress(columns[name]), kind)
        for name, kind in COLUMNS.items()
    }
    classes = tuple(json.loads(columns["classes"]))
    probabilities = arrays.pop("probabilities")
    assert probabilities is not None  # a column that is never empty
    return Predictions(classes=classes, probabilities=probabilities.reshape(-1, len(classes)), **arrays)  # type: ignore[arg-type]
