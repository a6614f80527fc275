"""Files of texts or images, scored by a saved model: one of any size piece by piece, many of them on a Ray cluster.

counts = score_file("model", "new.csv", "scored.csv")
scorer = FileScorer, (content_of("model"), {})
for source, counts, error in map_files(*scorer, {"new/1.parquet": "scored/1.parquet"}, address="auto"):
    ...
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from counterpoise.data.writers import TableWriter
from counterpoise.errors import DataError
from counterpoise.estimators.file_inputs import Piece, load_file_model, pieces
from counterpoise.estimators.image import ImageClassifier
from counterpoise.estimators.text import TextClassifier
from counterpoise.metrics.thresholds import decide


def score_file(
    classifier: TextClassifier | ImageClassifier,
    source: str,
    output: str,
    *,
    on_piece: Callable[[Piece], None] | None = None,
    **reading: Any,
) -> dict[str, int]:
    """Score one file: its columns without images, then prediction and probability.

    Parameters
    ----------
    classifier : TextClassifier or ImageClassifier
    source, output : str
        ``-`` is standard input and output. The output appears whole or not at all; if it is Parquet the threshold is
        in its metadata.
    on_piece : callable or None, default=None
        Called with each piece before it is scored.
    **reading
        ``text``, ``split``, ``encoding``, ``data_dir`` of :func:`counterpoise.data.readers.stream`, or ``image`` and
        the same of :func:`counterpoise.data.image_files.stream_images`.

    Returns
    -------
    dict of str to int
        How many rows were given each class.

    Raises
    ------
    DataError
        For a file that cannot be read, that holds what the model does not take, or has a column of that name already.
    """
    counts: dict[str, int] = {str(name): 0 for name in classifier.classes_}
    with TableWriter(output, metadata=score_metadata(classifier)) as out:
        for piece in pieces(classifier, source, **reading):
            if on_piece is not None:
                on_piece(piece)
            table = scored(classifier, piece, source)
            out.write(table)
            for name in table.column("prediction").to_pylist():
                counts[str(name)] += 1
    return counts


class FileScorer:
    """Scores files by a model that may come from another machine: a worker of :func:`counterpoise.cluster.map_files`.

    Parameters
    ----------
    content : dict of str to bytes
        The files of the model's folder (:func:`content_of`).
    reading : dict
        See :func:`score_file`.
    allow_sending : bool, default=False
    pretrained : str or None, default=None
        See :func:`counterpoise.estimators.loading.load_model`.
    threshold : float or None, default=None
        See :func:`counterpoise.estimators.file_inputs.load_file_model`.
    """

    def __init__(
        self,
        content: dict[str, bytes],
        reading: dict[str, Any],
        allow_sending: bool = False,
        pretrained: str | None = None,
        threshold: float | None = None,
    ) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for name, written in content.items():
                (Path(folder) / name).write_bytes(written)
            self.classifier = load_file_model(
                folder, allow_sending=allow_sending, pretrained=pretrained, threshold=threshold
            )
        self.reading = reading

    def __call__(self, source: str, output: str) -> dict[str, int]:
        """Score one file; see :func:`score_file`."""
        return score_file(self.classifier, source, output, **self.reading)


def content_of(
    model: str | Path, pretrained: str | None = None, threshold: float | None = None
) -> dict[str, bytes]:
    """The files of a saved model, checked by loading them.

    Parameters
    ----------
    model : path
    pretrained : str or None, default=None
        See :func:`counterpoise.estimators.loading.load_model`.
    threshold : float or None, default=None
        See :func:`counterpoise.estimators.file_inputs.load_file_model`.

    Returns
    -------
    dict of str to bytes
        By name.

    Raises
    ------
    ModelError, SettingsError
    """
    load_file_model(model, pretrained=pretrained, threshold=threshold)
    return {path.name: path.read_bytes() for path in sorted(Path(model).iterdir()) if path.is_file()}


def scored(classifier: TextClassifier | ImageClassifier, piece: Piece, source: str) -> pa.Table:
    """The rows of a piece with the new columns behind their own.

    Raises
    ------
    DataError
        When there is a column of that name already.
    """
    probabilities = classifier.predict_proba(piece.inputs)
    decisions = classifier.classes_[decide(probabilities, classifier.thresholds_)]
    new = {"prediction": pa.array(decisions.tolist())}
    if len(classifier.classes_) == 2:
        at = int((classifier.classes_ == classifier.pos_label_).argmax())
        new["probability"] = pa.array(probabilities[:, at])
    else:
        for i, name in enumerate(classifier.classes_):
            new[f"probability_{name}"] = pa.array(probabilities[:, i])
    table = piece.table
    for name, column in new.items():
        if name in table.column_names:
            raise DataError(f"{source} has a column {name!r} already; rename or drop it, then score again")
        table = table.append_column(name, column)
    return table


def score_metadata(classifier: TextClassifier | ImageClassifier) -> dict[str, str]:
    """What the scores mean, for the schema of a Parquet file."""
    by_class = {str(c): float(t) for c, t in zip(classifier.classes_, classifier.thresholds_, strict=True)}
    metadata = {
        "counterpoise.method": classifier._method_name,
        "counterpoise.thresholds": json.dumps(by_class),
    }
    if classifier.pos_label_ is not None and len(by_class) == 2:
        rare = str(classifier.pos_label_)
        metadata |= {"counterpoise.class": rare, "counterpoise.threshold": json.dumps(by_class[rare])}
    return metadata
