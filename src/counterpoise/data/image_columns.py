"""Columns that hold images: files as bytes, or the structs ``{"bytes", "path"}`` of Hugging Face ``datasets``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

import pyarrow as pa

from counterpoise.data.columns import check_column
from counterpoise.data.near import listed
from counterpoise.data.rows import Rows
from counterpoise.errors import DataError

ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".pgm", ".tif", ".tiff", ".webp")
"""What files of images end in, in lower or upper case."""

_BEGINNINGS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"RIFF", b"II*\0", b"MM\0*", b"P5", b"P6")
_LOOKED_AT = 8


def is_image_name(name: str) -> bool:
    """Whether a file is named as images are."""
    return PurePath(name).suffix.lower() in ENDINGS


def holds_images(kind: pa.DataType) -> bool:
    """Whether images may stand in a column of this type: bytes, or a struct with bytes in it."""
    if pa.types.is_struct(kind):
        return kind.get_field_index("bytes") >= 0
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind)


def image_columns(table: pa.Table) -> list[str]:
    """Columns whose first values are images, by the bytes they begin with or the names they have.

    Bytes may be anything, sounds and checksums among them, so the type alone does not tell.
    """
    return [
        field.name
        for field, column in zip(table.schema, table.columns, strict=True)
        if holds_images(field.type) and any(map(_is_image, column.slice(0, _LOOKED_AT).to_pylist()))
    ]


def choose_image_column(
    table: pa.Table, name: str, *, image: str | None = None, expected: Sequence[str] = ()
) -> tuple[str, tuple[str, ...]]:
    """Settle the column of images.

    Parameters
    ----------
    table : pyarrow.Table
        All rows, or the first ones of a stream.
    name : str
        What messages call the source.
    image : str or None, default=None
        As given; None takes the only one there is.
    expected : sequence of str, default=()
        The column to take rather than guess, if it is there: the one a model was fitted to.

    Returns
    -------
    column : str
    notes : tuple of str
        A sentence where it was guessed.

    Raises
    ------
    DataError
        When there is no such column, or none or several would do.
    """
    names = table.column_names
    if image is None and expected and set(expected) <= set(names):
        (image,) = expected
    if image is not None:
        check_column(names, image, name)
        kind = table.schema.field(image).type
        if not holds_images(kind):
            raise DataError(f"{name}: the column {image!r} holds {kind}; images are stored as bytes")
        return image, ()
    # Where nothing begins as images do, the one column of bytes is taken, and decoding says what is wrong.
    found = image_columns(table) or [field.name for field in table.schema if holds_images(field.type)]
    if len(found) != 1:
        what = f"several columns that may hold images, {listed(found)}" if found else "no column of images"
        raise DataError(f"{name} has {what}; name one with --image, out of {listed(names)}")
    return found[0], (f"image column: {found[0]!r} (guessed)",)


def image_cells(
    rows: Rows, column: str, name: str
) -> tuple[list[dict[str, Any]], tuple[str, ...], tuple[str | None, ...]]:
    """Images of a column, with what messages call them, and their paths where they have some.

    Raises
    ------
    DataError
        For a row without an image.
    """
    values = rows.table.column(column)
    stored = values.to_pylist()
    if not pa.types.is_struct(values.type):
        stored = [{"bytes": cell} for cell in stored]
    cells, names, files = [], [], []
    for position, cell in enumerate(stored):
        content, path = (None, None) if cell is None else (cell.get("bytes"), cell.get("path"))
        where = f"{name}, {rows.where(position)}"
        if content is None and path is None:
            raise DataError(f"{where} has no image in column {column!r}; fill it in or drop the row")
        files.append(path)
        names.append(path or where)
        cells.append({"bytes": content, "path": path or where})
    return cells, tuple(names), tuple(files)


def _is_image(cell: Any) -> bool:
    content, path = (cell.get("bytes"), cell.get("path")) if isinstance(cell, dict) else (cell, None)
    if content is None:
        return isinstance(path, str) and is_image_name(path)
    return isinstance(content, bytes) and content.startswith(_BEGINNINGS)
