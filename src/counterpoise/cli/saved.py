"""Saved models as the commands take them: of texts only."""

from __future__ import annotations

from pathlib import Path

from counterpoise.errors import ModelError
from counterpoise.estimators.loading import load_model
from counterpoise.estimators.text import TextClassifier


def load_text_model(folder: Path) -> TextClassifier:
    """Load a saved classifier of texts.

    Raises
    ------
    ModelError
        Also for a classifier of arrays, which files of texts cannot feed.
    """
    model = load_model(folder)
    if not isinstance(model, TextClassifier):
        raise ModelError(
            f"{folder} holds a classifier of arrays; the command line takes those of texts, use Python for it"
        )
    return model
