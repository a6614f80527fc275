"""The classifiers by what they take, and loading one when one does not know of which class it is."""

from __future__ import annotations

from pathlib import Path

from counterpoise.errors import ModelError
from counterpoise.estimators.array import ArrayClassifier
from counterpoise.estimators.image import ImageClassifier
from counterpoise.estimators.text import TextClassifier
from counterpoise.persistence import read_model

CLASSIFIERS: dict[str, type[TextClassifier] | type[ArrayClassifier] | type[ImageClassifier]] = {
    "text": TextClassifier,
    "array": ArrayClassifier,
    "image": ImageClassifier,
}
"""The classifier of each kind of input."""


def load_model(
    folder: str | Path, *, allow_sending: bool = False, pretrained: str | Path | None = None
) -> TextClassifier | ArrayClassifier | ImageClassifier:
    """Load a saved classifier of any class.

    Parameters
    ----------
    folder : path
        As written by ``save`` or ``counterpoise fit -o``.
    allow_sending : bool, default=False
        Consent, where the model asks a language model at an address, to send there what it is to predict.
    pretrained : path or None, default=None
        Where the frozen pretrained model is that a model was fitted with, if that is not where it was; another one is
        refused when it is first asked.

    Returns
    -------
    TextClassifier, ArrayClassifier or ImageClassifier

    Raises
    ------
    ModelError
        When the folder does not hold a whole, unchanged model, or the folder of the frozen pretrained model that it was
        fitted with is not there.
    """
    config, state = read_model(folder)
    for estimator in CLASSIFIERS.values():
        if config["estimator"] == estimator.__name__:
            return estimator._restored(config, state, allow_sending, pretrained)
    raise ModelError(f"{folder} holds a {config['estimator']}, which this version does not know")
