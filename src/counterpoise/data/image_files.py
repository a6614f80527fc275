"""Any source to images and labels: ``read_images`` takes all of it for training, ``stream_images`` pieces for scoring.

    table = read_images("photos")                  # photos/cat/1.jpg, photos/cat/2.jpg, photos/dog/1.png
    ImageClassifier().fit(table.images, table.labels)

    for piece in stream_images("new.parquet", image="photo"):
        piece.images, piece.table                  # the table has every column of the input but the images

A source is a folder of images, a Parquet file or a folder saved by Hugging Face ``datasets`` with a column of them, or
the name of a known set of images. A path that exists wins over a known name. Nothing is decoded here;
:func:`counterpoise.images.python_inputs.as_images` does that.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from counterpoise.data.columns import choose
from counterpoise.data.image_columns import choose_image_column, image_cells, image_columns
from counterpoise.data.image_folders import is_image_folder, labelled_folder, unlabelled_folder
from counterpoise.data.image_sets import is_known, load_images, splits_of_set
from counterpoise.data.image_table import ImageTable
from counterpoise.data.rows import Rows, joined, regrouped
from counterpoise.data.sources import open_source, refuse_split
from counterpoise.data.values import groups_of, labels_of, times_of
from counterpoise.errors import DataError, SettingsError

_ROWS_PER_PIECE = 256  # a piece is decoded at a time, and photographs are large


def read_images(
    source: str | os.PathLike[str],
    *,
    image: str | None = None,
    label: str | None = None,
    group: str | None = None,
    time: str | None = None,
    split: str | None = None,
    default_split: str = "train",
    data_dir: str | os.PathLike[str] | None = None,
    needs_label: bool = True,
    expected: Sequence[str] = (),
) -> ImageTable:
    """Read a whole source.

    Parameters
    ----------
    source : path or str
        A folder whose folders are named after the classes and hold images (by their endings,
        :data:`counterpoise.data.image_columns.ENDINGS`; hidden files are passed over), a Parquet file, a saved dataset,
        ``-`` for Parquet on standard input, or the name of a known set.
    image : str or None, default=None
        Column that holds images: files as bytes, or the structs ``{"bytes", "path"}`` of Hugging Face ``datasets``.
        None takes the only one there is, and says so in the notes.
    label, group, time, split : str or None, default=None
    default_split : str, default="train"
    data_dir : path or None, default=None
    needs_label : bool, default=True
        As in :func:`counterpoise.data.readers.read`. A folder or known set of images has no columns to name. Of a known
        set without the default split the first one is read.
    expected : sequence of str, default=()
        The column of images to take rather than guess, if it is there: the one a model was fitted to.

    Returns
    -------
    ImageTable
        Of a folder in the order of the class names and then of the file names.

    Raises
    ------
    DataError
        When there is no such source, a class or a row has no image, or a column is missing or cannot be guessed.
    SettingsError
        For a split there is not, and for columns of what has none.
    """
    named = {"image": image, "label": label, "group": group, "time": time}
    whole = _without_columns(source, named, split, default_split, data_dir, needs_label)
    if whole is not None:
        return whole
    opened = open_source(source, split=split, default_split=default_split)
    rows = joined(opened.pieces, opened.name)
    column, notes = choose_image_column(rows.table, opened.name, image=image, expected=expected)
    if column in (label, group, time):
        raise DataError(f"{opened.name}: column {column!r} is named twice; name it for one thing only")
    taken = [each for each in (group, time) if each is not None]
    columns = choose(rows.table, opened.name, text=column, label=label, needs_label=needs_label, taken=taken)
    return replace(
        _piece(rows, column, opened.name, opened.notes + notes + columns.notes),
        labels=None if columns.label is None else labels_of(rows, columns.label, opened.name),
        groups=None if group is None else groups_of(rows, group, opened.name),
        times=None if time is None else times_of(rows, time, opened.name),
    )


def stream_images(
    source: str | os.PathLike[str],
    *,
    image: str | None = None,
    split: str | None = None,
    default_split: str = "test",
    data_dir: str | os.PathLike[str] | None = None,
    expected: Sequence[str] = (),
    rows_per_piece: int = _ROWS_PER_PIECE,
) -> Iterator[ImageTable]:
    """Read a source piece by piece, in memory that does not grow with it; known sets, which are small, are held whole.

    Parameters
    ----------
    source : path or str
    image, split : str or None, default=None
    default_split : str, default="test"
    data_dir : path or None, default=None
    expected : sequence of str, default=()
        As in :func:`read_images`; of a folder all images are taken, whether they lie in it or in folders inside it.
    rows_per_piece : int, default=256
        Images in each piece but the last, which may have fewer.

    Yields
    ------
    ImageTable
        Without labels.

    Raises
    ------
    DataError, SettingsError
        As in :func:`read_images`, when the reading gets there.
    """
    whole = _without_columns(source, {"image": image}, split, default_split, data_dir, needs_label=False)
    if whole is not None:
        for start in range(0, len(whole), rows_per_piece):
            yield _cut(whole, slice(start, start + rows_per_piece))
        return
    opened = open_source(source, split=split, default_split=default_split, rows_per_piece=rows_per_piece)
    column, notes = None, opened.notes
    for rows in regrouped(opened.pieces, opened.name, rows_per_piece):
        if column is None:
            column, guessed = choose_image_column(rows.table, opened.name, image=image, expected=expected)
            notes += guessed
        yield _piece(rows, column, opened.name, notes)


def _without_columns(
    source: str | os.PathLike[str],
    named: dict[str, str | None],
    split: str | None,
    default_split: str,
    data_dir: str | os.PathLike[str] | None,
    needs_label: bool,
) -> ImageTable | None:
    """A folder or a known set of images; None for a table."""
    path = Path(source).expanduser()
    given = [f"--{option}" for option, column in named.items() if column is not None]
    if is_known(str(source)) and not path.exists():
        _refuse_columns(given, f"{source} is a known set of images")
        splits = splits_of_set(str(source))
        found = load_images(
            str(source), split or (default_split if default_split in splits else None), data_dir
        )
        return found if needs_label else replace(found, labels=None)
    if not is_image_folder(path):
        return None
    _refuse_columns(given, f"{path} is a folder of images, whose classes are its folders")
    refuse_split(split, str(path))
    return labelled_folder(path) if needs_label else unlabelled_folder(path)


def _refuse_columns(given: list[str], what: str) -> None:
    if given:
        raise SettingsError(f"{given[0]} names a column, and {what}; leave it out")


def _piece(rows: Rows, column: str, name: str, notes: tuple[str, ...]) -> ImageTable:
    images, names, files = image_cells(rows, column, name)
    # Further images, such as masks, would not go into most files either.
    others = rows.table.drop_columns(list({column, *image_columns(rows.table)}))
    return ImageTable(images, None, names, files, others, name, notes, (column,))


def _cut(table: ImageTable, rows: slice) -> ImageTable:
    return replace(
        table,
        images=table.images[rows],
        labels=None if table.labels is None else table.labels[rows],
        names=table.names[rows],
        files=table.files[rows],
        table=table.table[rows],
    )
