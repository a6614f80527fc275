"""Any source to texts and labels: ``read`` takes all of it for training, ``stream`` pieces of it for scoring.

    data = read("reviews.csv", text="body", label="topic")
    data.texts, data.labels, data.notes

    for chunk in stream("new.jsonl.gz", text="body"):
        chunk.texts, chunk.table        # the table has every column of the input, unchanged

A source is a path (CSV, TSV, JSON Lines, Parquet, the text ones also as .gz or .zst; a folder saved by
Hugging Face ``datasets``), ``-`` for standard input, or the name of a known data set. A path that exists wins
over a known name. What is wrong with the data is said here, once, with the row and the column.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from counterpoise.data.columns import choose
from counterpoise.data.rows import joined, regrouped
from counterpoise.data.sources import Opened, open_source, splits_of
from counterpoise.data.values import groups_of, labels_of, texts_of, times_of

__all__ = ["Chunk", "TextTable", "read", "splits_of", "stream"]

_ROWS_PER_CHUNK = 8192


@dataclass(frozen=True)
class TextTable:
    """All rows of a source.

    Attributes
    ----------
    texts : ndarray of object, shape (n,)
        ``str``, none of them blank.
    labels : ndarray of object, shape (n,), or None
        Class names as ``str``; None when no label was asked for.
    groups : ndarray of object, shape (n,), or None
        Group names as ``str``.
    times : ndarray, shape (n,), or None
        float64 or datetime64[us].
    text_columns : tuple of str
        Where the texts were taken from; several were joined with a line break.
    label_column : str or None
        Where the labels were taken from.
    table : pyarrow.Table
        Every column of the source.
    source : str
        What messages call it.
    notes : tuple of str
        Sentences for the screen: guessed columns, the split that was read, what a name stands for.
    """

    texts: np.ndarray
    labels: np.ndarray | None
    groups: np.ndarray | None
    times: np.ndarray | None
    text_columns: tuple[str, ...]
    label_column: str | None
    table: pa.Table
    source: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Chunk:
    """Consecutive rows of a stream.

    Attributes
    ----------
    texts : ndarray of object, shape (n,)
        ``str``, none of them blank.
    table : pyarrow.Table
        Every column of the source in its order; those of CSV and TSV are strings, as they stood in the file.
    first_row : int
        Index of the first of these rows in the source, from 0.
    text_columns : tuple of str
        Where the texts were taken from.
    notes : tuple of str
        As in :class:`TextTable`; the same in every chunk.
    """

    texts: np.ndarray
    table: pa.Table
    first_row: int
    text_columns: tuple[str, ...]
    notes: tuple[str, ...]


def read(
    source: str | os.PathLike[str],
    *,
    text: str | Sequence[str] | None = None,
    label: str | None = None,
    group: str | None = None,
    time: str | None = None,
    split: str | None = None,
    default_split: str = "train",
    encoding: str | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    needs_label: bool = True,
    expected: Sequence[str] = (),
) -> TextTable:
    """Read a whole source.

    Parameters
    ----------
    source : path or str
        See the module; ``-`` is standard input.
    text : str, sequence of str or None, default=None
        Text column, or several to join with a line break. None guesses and says so in the notes.
    label : str or None, default=None
        Label column. None guesses and says so, unless ``needs_label`` is False.
    group, time : str or None, default=None
        Columns of groups (rows of one are never split) and of times.
    split : str or None, default=None
        For sources that have splits: one of them, or ``"all"``. A single file has none, and takes only None
        or ``"all"``.
    default_split : str, default="train"
        The split read when ``split`` is None, where there are splits. ``evaluate`` says ``"test"``.
    encoding : str or None, default=None
        Encoding of a text file; None is UTF-8, or what a byte order mark says.
    data_dir : path or None, default=None
        Folder of the known sets; see :mod:`counterpoise.data.catalog`.
    expected : sequence of str, default=()
        Text columns to take rather than guess, if the source has them all: those a model was fitted to.
    needs_label : bool, default=True
        False leaves ``labels`` None unless ``label`` is named.

    Returns
    -------
    TextTable

    Raises
    ------
    DataError
        When the source is missing, empty or broken, a column does not exist or cannot be guessed, or a value
        cannot be used; source, row and column are named.
    SettingsError
        For an unknown encoding or a split there is not.
    """
    opened = open_source(
        source,
        split=split,
        default_split=default_split,
        encoding=encoding,
        data_dir=data_dir,
        rows_per_piece=None,
    )
    rows = joined(opened.pieces, opened.name)
    taken = [column for column in (group, time) if column is not None]
    if needs_label and label is None:
        label = opened.label
    columns = choose(
        rows.table,
        opened.name,
        text=text or opened.text,
        label=label,
        needs_label=needs_label,
        taken=taken,
        expected=expected,
    )
    return TextTable(
        texts=texts_of(rows, columns.text, opened.name),
        labels=None if columns.label is None else labels_of(rows, columns.label, opened.name),
        groups=None if group is None else groups_of(rows, group, opened.name),
        times=None if time is None else times_of(rows, time, opened.name),
        text_columns=columns.text,
        label_column=columns.label,
        table=rows.table,
        source=opened.name,
        notes=opened.notes + columns.notes,
    )


def stream(
    source: str | os.PathLike[str],
    *,
    text: str | Sequence[str] | None = None,
    split: str | None = None,
    default_split: str = "test",
    encoding: str | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    expected: Sequence[str] = (),
    rows_per_chunk: int = _ROWS_PER_CHUNK,
) -> Iterator[Chunk]:
    """Read a source piece by piece, in memory that does not grow with it.

    Two kinds of source are held whole all the same: known sets, which are small, and Parquet on standard
    input, which cannot be read from front to end.

    Parameters
    ----------
    source : path or str
    text : str, sequence of str or None, default=None
    split : str or None, default=None
    default_split : str, default="test"
    encoding : str or None, default=None
    data_dir : path or None, default=None
    expected : sequence of str, default=()
        As in :func:`read`; a guess of the text column goes by the first chunk.
    rows_per_chunk : int, default=8192
        Rows in each chunk but the last, which may have fewer.

    Yields
    ------
    Chunk

    Raises
    ------
    DataError, SettingsError
        As in :func:`read`, when the reading gets there.
    """
    opened: Opened = open_source(
        source,
        split=split,
        default_split=default_split,
        encoding=encoding,
        data_dir=data_dir,
        rows_per_piece=rows_per_chunk,
    )
    columns = None
    for rows in regrouped(opened.pieces, opened.name, rows_per_chunk):
        first = columns is None
        if columns is None:
            columns = choose(
                rows.table, opened.name, text=text or opened.text, needs_label=False, expected=expected
            )
        texts = texts_of(rows, columns.text, opened.name, refuse_numbers=first)
        yield Chunk(texts, rows.table, rows.first_row, columns.text, opened.notes + columns.notes)
