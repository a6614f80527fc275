"""Networks that train in a blink, for fixtures and for what is parametrized before fixtures exist.

TextClassifier("erm", **NETWORK)
"""

from __future__ import annotations

from typing import Any

_WORDS = {"backbone__dim": 8, "backbone__vectors": "random"}
TINY: dict[str, dict[str, Any]] = {
    "textcnn": {**_WORDS, "backbone__n_filters": 4},
    "textrnn": {**_WORDS, "backbone__hidden": 4},
    "mlp": {"backbone__hidden": (8, 4)},
    "resnet": {"backbone__depth": 8},
    "convnet": {"backbone__channels": (4,), "backbone__hidden": (16,), "backbone__kernel": 3},
}
"""Settings that make each backbone a toy."""

TRAINING: dict[str, Any] = {
    "max_epochs": 2,
    "batch_size": 16,
    "precision": "float32",
    "device": "cpu",
    "threshold_folds": 2,
    "random_state": 0,
}
"""Settings of a classifier that make its training short and alike everywhere."""

NETWORK = {**TRAINING, **TINY["textcnn"]}
"""A whole :class:`counterpoise.TextClassifier` of that kind."""


def enough_epochs(method: str, epochs: int) -> int:
    """That many, or as many as the method needs with its default settings: an epoch for each of its rounds."""
    return max(epochs, {"dos": 4}.get(method, 1))
