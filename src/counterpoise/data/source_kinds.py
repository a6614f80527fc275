"""Whether a source holds texts or images: the one place that decides.

>>> source_kind("cifar10"), source_kind("reviews.csv")
('image', 'text')

Images are a known set of images, a folder with images in it or in its folders, and a Parquet file or saved dataset
with a column of images. Everything else is texts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from counterpoise.data import catalog, image_sets
from counterpoise.data.arrow_files import (
    PARQUET_MAGIC,
    is_saved_dataset,
    parquet_rows,
    saved_dataset_rows,
    saved_splits,
)
from counterpoise.data.image_columns import image_columns, is_image_name
from counterpoise.data.image_folders import is_image_folder
from counterpoise.data.rows import Rows
from counterpoise.data.sources import PARQUET_ENDINGS, open_source
from counterpoise.errors import DataError, SettingsError

TEXT, IMAGE = "text", "image"
_ROWS_LOOKED_AT = 8


def source_kind(
    source: str | os.PathLike[str],
    *,
    text: str | Sequence[str] | None = None,
    image: str | None = None,
    expected: Sequence[str] = (),
    otherwise: str = TEXT,
) -> str:
    """Tell what a source holds, without reading it.

    Parameters
    ----------
    source : path or str
        As commands take it.
    text, image : str, sequence of str (text only) or None, default=None
        Columns that the user named; one of them settles it for a table.
    expected : sequence of str, default=()
        Columns that a model was fitted to.
    otherwise : {"text", "image"}, default="text"
        What is said of a table with all of the expected columns, and where nothing can be told: of standard input and
        pipes, which cannot be looked at twice, of what is not there and of an empty folder, of which the reader
        complains.

    Returns
    -------
    str
        ``"text"`` or ``"image"``.

    Raises
    ------
    SettingsError
        When both columns are named, or one where there is none of that kind.
    DataError
        For a single image, and a file that is named as Parquet and is none, or damaged.
    """
    if text and image is not None:
        raise SettingsError("--text and --image were both given; a model takes one or the other, so drop one")
    path = Path(source).expanduser()
    if what := _images_without_columns(path, str(source)):
        if text or image is not None:
            raise SettingsError(
                f"{'--text' if text else '--image'} names a column, and {source} is {what}; leave it out"
            )
        return IMAGE
    known = catalog.is_known(str(source)) and not path.exists()
    stays = path.is_file() or path.is_dir()  # a pipe gives each byte once, and the reader wants them all
    if image is not None:
        if known or (stays and not _is_table(path)):
            raise SettingsError(
                f"--image names a column of a Parquet file or saved dataset, and {source} is neither; leave it out"
            )
        return IMAGE
    if text:
        return TEXT
    if path.is_dir() and not is_saved_dataset(path):
        return otherwise
    if not stays:
        return TEXT if known else otherwise
    if path.is_file() and is_image_name(path.name):
        raise DataError(f"{path} is a single image; give the folder that it is in")
    if not _is_table(path):
        if path.is_file() and path.suffix.lower() in PARQUET_ENDINGS:
            open_source(path)  # which says what is wrong with it
        return TEXT
    table = next(_first_rows(path)).table
    if expected and set(expected) <= set(table.column_names):
        return otherwise
    return IMAGE if image_columns(table) else TEXT


def refuse_options_of_others(
    kind: str, source: str, *, encoding: str | None = None, image_size: int | None = None
) -> None:
    """Refuse options that the other kind of source has.

    Raises
    ------
    SettingsError
    """
    if kind == IMAGE and encoding is not None:
        raise SettingsError(f"--encoding is for text files, and {source} holds images; leave it out")
    if kind == TEXT and image_size is not None:
        raise SettingsError(f"--image-size is for images, and {source} holds texts; leave it out")


def _images_without_columns(path: Path, name: str) -> str:
    if is_image_folder(path):
        return "a folder of images"
    return "a known set of images" if image_sets.is_known(name) and not path.exists() else ""


def _is_table(path: Path) -> bool:
    """Whether columns may hold bytes."""
    if path.is_dir():
        return is_saved_dataset(path)
    try:
        with path.open("rb") as file:
            return file.read(len(PARQUET_MAGIC)) == PARQUET_MAGIC
    except OSError:
        return False


def _first_rows(path: Path) -> Iterator[Rows]:
    if path.is_dir():
        return saved_dataset_rows(path, saved_splits(path) or (), _ROWS_LOOKED_AT)
    return parquet_rows(path, str(path), _ROWS_LOOKED_AT)
