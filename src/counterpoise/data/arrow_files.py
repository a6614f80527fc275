"""Parquet files and the folders that Hugging Face ``datasets`` saves, in pieces, by Arrow alone.

``parquet_rows(file, name)`` and ``saved_dataset_rows(folder, split)`` yield
:class:`~counterpoise.data.rows.Rows`. A folder written by ``Dataset.save_to_disk`` or
``DatasetDict.save_to_disk`` holds Arrow IPC streams and small JSON files, so the ``datasets`` package itself
is not needed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from counterpoise.data.near import listed, near_match
from counterpoise.data.rows import FROM_ONE, Rows
from counterpoise.errors import DataError, SettingsError

PARQUET_MAGIC = b"PAR1"


def parquet_rows(file: Any, name: str, rows_per_piece: int) -> Iterator[Rows]:
    """Read a Parquet file.

    Parameters
    ----------
    file : path or binary file object that can seek
        The file.
    name : str
        What messages call it.
    rows_per_piece : int
        Rows decoded at a time.

    Raises
    ------
    DataError
        When it is cut off, damaged or no Parquet file.
    """
    first = 0
    try:
        with pa.parquet.ParquetFile(file, pre_buffer=False) as opened:
            for batch in opened.iter_batches(batch_size=rows_per_piece, use_threads=False):
                yield Rows(pa.Table.from_batches([batch]), first, FROM_ONE)
                first += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        what = str(error).splitlines()[0]
        raise DataError(
            f"{name} is a cut-off or damaged Parquet file ({what}); fetch or write it again"
        ) from error
    if not first:
        raise DataError(f"{name} is a Parquet file without rows; give one with at least one")


def is_saved_dataset(folder: Path) -> bool:
    """Whether a folder was saved by ``datasets``."""
    return (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file()


def saved_splits(folder: Path) -> tuple[str, ...] | None:
    """The splits of a folder saved by ``datasets``: none for a single Dataset.

    Raises
    ------
    DataError
        When the folder was not saved by ``datasets``.
    """
    if (folder / "dataset_dict.json").is_file():
        return tuple(_json(folder / "dataset_dict.json")["splits"])
    if (folder / "state.json").is_file():
        return None
    raise DataError(
        f"{folder} is a folder that was not saved by Hugging Face datasets (it has no state.json and no "
        "dataset_dict.json) and holds no images; give a file, a folder made by save_to_disk, or one with a folder of "
        "images for each class"
    )


def saved_dataset_rows(folder: Path, splits: tuple[str, ...], rows_per_piece: int) -> Iterator[Rows]:
    """Read a folder saved by ``datasets``.

    Parameters
    ----------
    folder : Path
        Made by ``save_to_disk``.
    splits : tuple of str
        The splits to read one after another; empty for a single Dataset.
    rows_per_piece : int
        Most rows in one piece.

    Raises
    ------
    DataError
        When a file is missing, damaged, or selected by an indices file.
    """
    first = 0
    for part in [folder / split for split in splits] or [folder]:
        for file in _data_files(part):
            for batch in _batches(file):
                for start in range(0, batch.num_rows, rows_per_piece):
                    cut = batch.slice(start, rows_per_piece)
                    yield Rows(pa.Table.from_batches([cut]), first, FROM_ONE)
                    first += cut.num_rows
    if not first:
        raise DataError(f"{folder} is a saved dataset without rows; give one with at least one")


def class_names(field: pa.Field, schema: pa.Schema) -> list[str] | None:
    """Class names of a column that ``datasets`` stored as numbers (its ClassLabel feature), if it is one."""
    stored = (schema.metadata or {}).get(b"huggingface")
    if stored is None:
        return None
    feature = json.loads(stored).get("info", {}).get("features", {}).get(field.name)
    return (
        feature.get("names") if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" else None
    )


def chosen_splits(splits: tuple[str, ...], wanted: str, name: str) -> tuple[str, ...]:
    """The splits that ``wanted`` means: itself, or every one for ``"all"``.

    Raises
    ------
    SettingsError
        When there is no such split; the message lists those there are.
    """
    if wanted == "all":
        return splits
    if wanted not in splits:
        raise SettingsError(
            f"{name} has no split {wanted!r}, only {listed(splits)}; choose one with --split, or "
            f"--split all{near_match(wanted, splits)}"
        )
    return (wanted,)


def _json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as JSON ({error}); save the dataset again") from error


def _data_files(part: Path) -> list[Path]:
    state = _json(part / "state.json")
    if state.get("_indices_data_files"):
        raise DataError(
            f"{part} selects its rows by an indices file; load it and save it again with datasets"
        )
    return [part / entry["filename"] for entry in state.get("_data_files", [])]


def _batches(file: Path) -> Iterator[pa.RecordBatch]:
    try:
        with pa.memory_map(str(file)) as mapped, pa.ipc.open_stream(mapped) as reader:
            yield from reader
    except FileNotFoundError as error:
        raise DataError(f"{file} is missing from the saved dataset; save it again") from error
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"{file} is a cut-off or damaged Arrow file ({error}); save the dataset again"
        ) from error
