"""What a source is and how to open it: a file of some format, a saved folder, standard input, a known name.

``open_source("reviews.csv.gz")`` gives an :class:`Opened`, whose ``pieces`` are
:class:`~counterpoise.data.rows.Rows` whatever the format was. The first bytes decide between Parquet and
text; the ending of the name, where there is one, decides what kind of text it is.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from counterpoise.data import catalog, image_sets
from counterpoise.data.arrow_files import (
    PARQUET_MAGIC,
    chosen_splits,
    parquet_rows,
    saved_dataset_rows,
    saved_splits,
)
from counterpoise.data.bytestreams import ByteSource, Utf8Stream
from counterpoise.data.delimited import delimited_rows
from counterpoise.data.image_folders import is_image_folder
from counterpoise.data.json_lines import json_line_rows
from counterpoise.data.near import listed, near_match
from counterpoise.data.rows import FROM_ONE, Rows
from counterpoise.errors import DataError, SettingsError

STANDARD_INPUT = "-"
PARQUET_ENDINGS = (".parquet", ".pq")
_JSON_ENDINGS = (".jsonl", ".ndjson", ".json")
_WHOLE = 1 << 62
_ROWS_PER_PARQUET_BATCH = 1 << 16
# Arrow reads up to 32 blocks of CSV ahead, which counts when streaming; no row may be longer than a block.
_STREAM_BLOCK_BYTES, _READ_BLOCK_BYTES = 1 << 20, 1 << 26


@dataclass(frozen=True)
class Opened:
    """A source that can be read.

    Attributes
    ----------
    name : str
        What messages call it.
    pieces : iterator of Rows
        Its rows; may be walked once.
    notes : tuple of str
        Sentences for the screen.
    text, label : str or None
        Columns that need no guess, as those of known sets.
    """

    name: str
    pieces: Iterator[Rows]
    notes: tuple[str, ...] = ()
    text: str | None = None
    label: str | None = None


def open_source(
    source: str | os.PathLike[str],
    *,
    split: str | None = None,
    default_split: str = "train",
    encoding: str | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    rows_per_piece: int | None = None,
) -> Opened:
    """Open a source.

    Parameters
    ----------
    source : path or str
        A path, ``-``, or a known name; a path that exists comes first.
    split : str or None, default=None
        See :func:`counterpoise.data.readers.read`.
    default_split : str, default="train"
        Read when ``split`` is None and the source has splits.
    encoding : str or None, default=None
        Of text formats.
    data_dir : path or None, default=None
        Of known sets.
    rows_per_piece : int or None, default=None
        About how many rows to hold at a time; None when the whole is wanted anyway.

    Raises
    ------
    DataError, SettingsError
        When there is no such source, or no such split in it. Errors in the rows come from ``pieces``.
    """
    if str(source) == STANDARD_INPUT:
        refuse_split(split, "standard input")
        return Opened("standard input", _file_rows(None, encoding, rows_per_piece))
    path = Path(source).expanduser()
    if path.is_dir():
        return _open_folder(path, split, default_split, rows_per_piece)
    if path.exists():
        refuse_split(split, str(path))
        return Opened(str(path), _file_rows(path, encoding, rows_per_piece))
    name = str(source).strip()
    if not catalog.is_known(name):
        raise _nothing_there(name, path)
    loaded = catalog.load(name, split or default_split, data_dir)
    return Opened(name, iter([Rows(loaded.table, 0, FROM_ONE)]), loaded.notes, "text", "label")


def splits_of(source: str | os.PathLike[str]) -> tuple[str, ...]:
    """Splits that a source has; none for a file, a pipe, a single saved Dataset or a folder of images.

    Raises
    ------
    DataError
        When there is no such source.
    """
    path = Path(source).expanduser()
    if path.is_dir():
        return () if is_image_folder(path) else saved_splits(path) or ()
    if str(source) == STANDARD_INPUT or path.exists():
        return ()
    if image_sets.is_known(str(source)):
        return image_sets.splits_of_set(str(source))
    if not catalog.is_known(str(source)):
        raise _nothing_there(str(source), path)
    return catalog.find(str(source)).splits


def refuse_split(split: str | None, name: str) -> None:
    """Refuse a split of what has none; ``"all"`` is all of it.

    Raises
    ------
    SettingsError
    """
    if split not in (None, "all"):
        raise SettingsError(f"{name} has no splits, so there is no {split!r}; leave --split out")


def _nothing_there(name: str, path: Path) -> DataError:
    if image_sets.is_known(name):
        return DataError(f"{name} is a known set of images, and texts are read here; give texts")
    known = [entry.name for entry in (*catalog.entries(), *image_sets.image_entries())]
    beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    hint = near_match(path.name, beside) or near_match(name, known)
    if path.suffix or os.sep in name:
        return DataError(f"there is no file {name!r}; check the path{hint}")
    return DataError(f"there is no file and no data set named {name!r}; known sets are {listed(known)}{hint}")


def _open_folder(path: Path, split: str | None, default_split: str, rows_per_piece: int | None) -> Opened:
    splits = saved_splits(path)
    rows = rows_per_piece or _ROWS_PER_PARQUET_BATCH
    if splits is None:
        refuse_split(split, str(path))
        return Opened(str(path), saved_dataset_rows(path, (), rows))
    if split is None and len(splits) == 1:
        split = splits[0]
    wanted = chosen_splits(splits, split or default_split, str(path))
    return Opened(str(path), saved_dataset_rows(path, wanted, rows), (f"split: {' + '.join(wanted)}",))


def _file_rows(path: Path | None, encoding: str | None, rows_per_piece: int | None) -> Iterator[Rows]:
    """Rows of a file, or of standard input when ``path`` is None."""
    source = ByteSource.of_standard_input() if path is None else ByteSource.of_path(path)
    suffixes = [] if path is None else [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in (".gz", ".zst"):
        suffixes.pop()
    suffix = suffixes[-1] if suffixes else ""
    again = path if path is not None and path.is_file() else None  # a pipe gives each byte once
    if source.head(len(PARQUET_MAGIC)) == PARQUET_MAGIC:
        # A plain file is read in place; Parquet cannot be read from front to end, so the rest is taken whole.
        file = again if again and source.compression is None else io.BytesIO(source.read_all())
        return parquet_rows(file, source.name, rows_per_piece or _ROWS_PER_PARQUET_BATCH)
    if suffix in PARQUET_ENDINGS:
        what = f"begins with {source.head(8)!r}" if source.head(1) else "is empty"
        raise DataError(f"{source.name} is no Parquet file: it {what}; give a Parquet file or another ending")
    stream = Utf8Stream(source, encoding)
    if stream.start.startswith("[") and suffix in ("", *_JSON_ENDINGS):
        raise DataError(
            f"{source.name} holds one JSON array; write one object on each line (JSON Lines) instead"
        )
    if suffix in _JSON_ENDINGS or (suffix not in (".csv", ".tsv") and stream.start.startswith("{")):
        return _json_lines(again, stream, encoding, rows_per_piece)
    reopen = None
    if again is not None:
        reopen = lambda stop: Utf8Stream(ByteSource.of_path(again), encoding, stop_at=stop)  # noqa: E731
    return delimited_rows(
        stream,
        delimiter="\t" if suffix == ".tsv" else None,
        reopen=reopen,
        block_bytes=_READ_BLOCK_BYTES if rows_per_piece is None else _STREAM_BLOCK_BYTES,
    )


def _json_lines(
    again: Path | None, stream: Utf8Stream, encoding: str | None, rows_per_piece: int | None
) -> Iterator[Rows]:
    if again is None or rows_per_piece is None:
        return json_line_rows(lambda: stream, rows_per_piece=rows_per_piece or _WHOLE, again=False)
    return json_line_rows(
        lambda: Utf8Stream(ByteSource.of_path(again), encoding), rows_per_piece=rows_per_piece, again=True
    )
