"""What a saved classifier takes from files: texts or images, whole or piece by piece, and nothing of the other kind.

classifier = load_file_model("model")
for piece in pieces(classifier, "new.csv"):
    classifier.predict_proba(piece.inputs)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from counterpoise.data.image_files import read_images, stream_images
from counterpoise.data.image_table import ImageTable
from counterpoise.data.readers import TextTable, read, stream
from counterpoise.data.source_kinds import IMAGE, TEXT, refuse_options_of_others, source_kind
from counterpoise.errors import DataError, ModelError, SettingsError
from counterpoise.estimators.array import ArrayClassifier
from counterpoise.estimators.image import ImageClassifier
from counterpoise.estimators.loading import load_model
from counterpoise.estimators.text import TextClassifier
from counterpoise.metrics.thresholds import given_threshold


def load_file_model(
    folder: str | Path,
    *,
    allow_sending: bool = False,
    pretrained: str | Path | None = None,
    threshold: float | None = None,
) -> TextClassifier | ImageClassifier:
    """Load a saved classifier of texts or images, as :func:`counterpoise.estimators.loading.load_model` does.

    Parameters
    ----------
    folder : path
    allow_sending : bool, default=False
    pretrained : path or None, default=None
        As there.
    threshold : float or None, default=None
        Probability of the class that matters above which it is predicted, for a model of two classes; None keeps the
        threshold that the model was saved with.

    Raises
    ------
    ModelError
        Also for a classifier of arrays, which files of texts and images cannot feed.
    SettingsError
        For a threshold that is no number from 0 to 1, or a model of more classes.
    """
    model = load_model(folder, allow_sending=allow_sending, pretrained=pretrained)
    if isinstance(model, ArrayClassifier):
        raise ModelError(
            f"{folder} holds a classifier of arrays; the command line takes those of texts and images, use "
            "Python for it"
        )
    if threshold is not None:
        _decide_at(model, threshold, folder)
    return model


def _decide_at(model: TextClassifier | ImageClassifier, threshold: float, folder: str | Path) -> None:
    if not 0 <= threshold <= 1:
        raise SettingsError(f"--threshold is {threshold:g}; give a number from 0 to 1")
    n_classes = len(model.classes_)
    if n_classes > 2:
        raise SettingsError(
            f"--threshold {threshold:g} is for a model of two classes, and {folder} tells {n_classes} apart; leave it "
            "out"
        )
    model.fitted_ = replace(model.fitted_, choice=given_threshold(threshold, model._minority))


@dataclass(frozen=True)
class Piece:
    """Rows of a source that are scored at a time.

    Attributes
    ----------
    inputs : sequence of n texts, or of n images that are not decoded
    table : pyarrow.Table
        The columns that go into the output.
    notes : tuple of str
        Sentences for the screen.
    """

    inputs: Any
    table: pa.Table
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.inputs)


def check_kind(
    classifier: TextClassifier | ImageClassifier,
    source: str,
    *,
    text: list[str] | None = None,
    image: str | None = None,
    encoding: str | None = None,
) -> None:
    """Refuse texts for a classifier of images, images for one of texts, and options that the other kind has.

    Raises
    ------
    DataError, SettingsError
    """
    kind = classifier.kind
    if (text and kind == IMAGE) or (image is not None and kind == TEXT):
        raise SettingsError(
            f"{'--text' if text else '--image'} names a column of {'text' if text else 'image'}s, and the model takes "
            f"{kind}s; leave it out"
        )
    found = source_kind(source, text=text, image=image, expected=classifier.columns_, otherwise=kind)
    if found != kind:
        raise DataError(
            f"{source} holds {found}s, and the model takes {kind}s; give {kind}s, or a model fitted to {found}s"
        )
    refuse_options_of_others(kind, source, encoding=encoding)


def pieces(
    classifier: TextClassifier | ImageClassifier,
    source: str,
    *,
    text: list[str] | None = None,
    image: str | None = None,
    encoding: str | None = None,
    **reading: Any,
) -> Iterator[Piece]:
    """Read what a classifier takes from a source, piece by piece; parameters as for :func:`score_file`."""
    check_kind(classifier, source, text=text, image=image, encoding=encoding)
    reading["expected"] = classifier.columns_
    if classifier.kind == IMAGE:
        for images in stream_images(source, image=image, **reading):
            yield Piece(images.images, images.table, images.notes)
    else:
        for chunk in stream(source, text=text, encoding=encoding, **reading):
            yield Piece(chunk.texts, chunk.table, chunk.notes)


def read_for(
    classifier: TextClassifier | ImageClassifier,
    source: str,
    *,
    text: list[str] | None = None,
    image: str | None = None,
    encoding: str | None = None,
    **reading: Any,
) -> tuple[Any, TextTable | ImageTable]:
    """Read the whole of what a classifier takes; the inputs, and all that is known of them.

    Parameters
    ----------
    classifier : TextClassifier or ImageClassifier
    source : str
    text : list of str or None, default=None
    image, encoding : str or None, default=None
    **reading
        Of :func:`counterpoise.data.readers.read`, or of :func:`counterpoise.data.image_files.read_images`.
    """
    check_kind(classifier, source, text=text, image=image, encoding=encoding)
    reading["expected"] = classifier.columns_
    if classifier.kind == IMAGE:
        images = read_images(source, image=image, **reading)
        return images.images, images
    texts = read(source, text=text, encoding=encoding, **reading)
    return texts.texts, texts
