"""Folders of images: one folder for each class, or images that have no label yet.

A folder made by Hugging Face ``datasets`` is none of these, whatever is in it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from counterpoise.data.arrow_files import is_saved_dataset
from counterpoise.data.image_columns import ENDINGS, is_image_name
from counterpoise.data.image_table import ImageTable
from counterpoise.errors import DataError


def is_image_folder(path: Path) -> bool:
    """Whether there are images in a folder, or in folders inside it."""
    if not path.is_dir() or is_saved_dataset(path):
        return False
    inside = _visible(path)
    return any(map(_is_image, inside)) or any(
        _is_image(file) for folder in inside if folder.is_dir() for file in _visible(folder)
    )


def labelled_folder(folder: Path) -> ImageTable:
    """Images of a folder whose folders are named after the classes; hidden files are passed over.

    Returns
    -------
    ImageTable
        In the order of the class names and then of the file names.

    Raises
    ------
    DataError
        When it has no folders, or one of them no images.
    """
    classes = sorted(entry for entry in _visible(folder) if entry.is_dir())
    if not classes:
        raise DataError(f"{folder} holds no folders; put the images of each class into a folder of its name")
    images: list[str] = []
    labels: list[str] = []
    left_out = [entry for entry in _visible(folder) if not entry.is_dir()]
    for directory in classes:
        every = _visible(directory)
        found = [file for file in every if _is_image(file)]
        if not found:
            raise DataError(
                f"the class folder {directory} holds no images ({', '.join(ENDINGS)}); put some in or remove it"
            )
        left_out += [file for file in every if not _is_image(file)]
        images += map(str, found)
        labels += [directory.name] * len(found)
    return _table(folder, images, labels, left_out, f"{len(images):,} images of {len(classes)} classes")


def unlabelled_folder(folder: Path) -> ImageTable:
    """Images in a folder and in folders inside it, whatever those are called; hidden files are passed over.

    Returns
    -------
    ImageTable
        Those of the folder itself first, in the order of their names.

    Raises
    ------
    DataError
        When there are none.
    """
    inside = _visible(folder)
    folders = [entry for entry in inside if entry.is_dir()]
    every = [entry for entry in inside if not entry.is_dir()] + [
        entry for each in folders for entry in _visible(each)
    ]
    images = [str(file) for file in every if _is_image(file)]
    if not images:
        raise DataError(
            f"{folder} holds no images ({', '.join(ENDINGS)}); put some in or name another folder"
        )
    return _table(folder, images, None, [e for e in every if not _is_image(e)], f"{len(images):,} images")


def _table(
    folder: Path, images: list[str], labels: list[str] | None, left_out: list[Path], found: str
) -> ImageTable:
    notes = [f"{found} in {folder}"]
    if left_out:
        notes.append(f"{len(left_out)} others there were left out, such as {left_out[0]}")
    try:
        files = pa.array(images, pa.string())
    except UnicodeEncodeError as error:
        raise DataError(
            f"{folder}: the name of {error.object!r} is not UTF-8; rename it, or the folder that it is in"
        ) from None
    names = tuple(images)
    return ImageTable(
        images,
        None if labels is None else np.array(labels, dtype=object),
        names,
        names,
        pa.table({"file": files}),
        str(folder),
        tuple(notes),
    )


def _visible(folder: Path) -> list[Path]:
    """What is in a folder, by name."""
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))


def _is_image(path: Path) -> bool:
    return is_image_name(path.name) and path.is_file()
