"""Labelled images in files: a folder with one folder for each class, or a Parquet file with a column of images.

    table = read_images("photos")                  # photos/cat/1.jpg, photos/cat/2.jpg, photos/dog/1.png
    ImageClassifier().fit(table.images, table.labels)

Nothing is decoded here; :func:`counterpoise.images.python_inputs.as_images` does that.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from counterpoise.data.arrow_files import parquet_rows
from counterpoise.data.columns import choose
from counterpoise.data.near import listed
from counterpoise.data.rows import joined
from counterpoise.data.values import labels_of
from counterpoise.errors import DataError

ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".pgm", ".tif", ".tiff", ".webp")
"""What files of images end in, in lower or upper case."""
_ROWS_PER_PIECE = 1 << 16


@dataclass(frozen=True)
class ImageTable:
    """Labelled images, not decoded.

    Attributes
    ----------
    images : sequence
        As :func:`counterpoise.images.python_inputs.as_images` takes them.
    labels : ndarray of object, shape (n,)
        Class names as ``str``.
    names : tuple of str
        What messages call each image.
    notes : tuple of str
        Sentences for the screen: guessed columns, files that were left out.
    """

    images: Sequence[Any] | np.ndarray
    labels: np.ndarray
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)


def read_images(
    source: str | os.PathLike[str], *, image: str | None = None, label: str | None = None
) -> ImageTable:
    """Find labelled images.

    Parameters
    ----------
    source : path or str
        A folder whose folders are named after the classes and hold images (by their endings, :data:`ENDINGS`), or a
        Parquet file. Hidden files are passed over.
    image : str or None, default=None
        Column of a Parquet file that holds images: files as bytes, or the structs ``{"bytes", "path"}`` of Hugging
        Face ``datasets``. None takes the only one there is.
    label : str or None, default=None
        Column of the labels; None guesses, and says so in the notes.

    Returns
    -------
    ImageTable
        Of a folder in the order of the class names and then of the file names.

    Raises
    ------
    DataError
        When there is no such source, a class has no images, or a column is missing or cannot be guessed.
    """
    path = Path(source).expanduser()
    if path.is_dir():
        return _folder(path)
    if not path.is_file():
        raise DataError(
            f"there is no folder and no file {str(path)!r}; check the path, or load a known set with load_images"
        )
    return _parquet(path, image, label)


def _folder(folder: Path) -> ImageTable:
    classes = sorted(entry for entry in _visible(folder) if entry.is_dir())
    if not classes:
        raise DataError(f"{folder} holds no folders; put the images of each class into a folder of its name")
    images: list[str] = []
    labels: list[str] = []
    left_out = [entry for entry in _visible(folder) if not entry.is_dir()]
    for directory in classes:
        every = sorted(_visible(directory))
        found = [file for file in every if file.suffix.lower() in ENDINGS and file.is_file()]
        if not found:
            raise DataError(
                f"the class folder {directory} holds no images ({', '.join(ENDINGS)}); put some in or remove it"
            )
        left_out += [file for file in every if file.suffix.lower() not in ENDINGS or not file.is_file()]
        images += map(str, found)
        labels += [directory.name] * len(found)
    notes = [f"{len(images):,} images of {len(classes)} classes in {folder}"]
    if left_out:
        notes.append(f"{len(left_out)} others there were left out, such as {left_out[0]}")
    return ImageTable(images, np.array(labels, dtype=object), tuple(images), tuple(notes))


def _visible(folder: Path) -> list[Path]:
    return [entry for entry in folder.iterdir() if not entry.name.startswith(".")]


def _parquet(path: Path, image: str | None, label: str | None) -> ImageTable:
    rows = joined(parquet_rows(path, str(path), _ROWS_PER_PIECE), str(path))
    image = _image_column(rows.table, str(path)) if image is None else image
    try:
        columns = choose(rows.table, str(path), text=image, label=label)
    except DataError as error:
        raise DataError(str(error).replace("--label", "label=")) from error
    assert columns.label is not None
    values = rows.table.column(image)
    names = [f"{path}, {rows.where(i)}" for i in range(len(values))]
    if not _holds_images(values.type):
        raise DataError(f"{path}: the column {image!r} holds {values.type}; images are stored as bytes")
    cells = values.to_pylist()
    if not pa.types.is_struct(values.type):
        cells = [{"bytes": cell, "path": None} for cell in cells]
    for position, (cell, name) in enumerate(zip(cells, names, strict=True)):
        if cell is None or (cell.get("bytes") is None and cell.get("path") is None):
            raise DataError(f"{name} has no image in column {image!r}; fill it in or drop the row")
        names[position] = cell.get("path") or name
        cells[position] = {"bytes": cell.get("bytes"), "path": names[position]}
    labels = labels_of(rows, columns.label, str(path))
    return ImageTable(cells, labels, tuple(names), columns.notes)


def _image_column(table: pa.Table, name: str) -> str:
    found = [field.name for field in table.schema if _holds_images(field.type)]
    if len(found) == 1:
        return found[0]
    what = f"several columns that may hold images, {listed(found)}" if found else "no column of images"
    raise DataError(f"{name} has {what}; name one as image, out of {listed(table.column_names)}")


def _holds_images(kind: pa.DataType) -> bool:
    """Whether a column's type is bytes, or a struct with bytes in it."""
    if pa.types.is_struct(kind):
        return kind.get_field_index("bytes") >= 0
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind)
