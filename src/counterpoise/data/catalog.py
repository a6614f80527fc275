"""Named data sets: ``load("sms_spam")`` finds the rows, checks that they are the ones meant, and says so.

A set is taken from the folder given as ``data_dir`` (on the command line ``--data-dir``), else from the one
that the environment variable ``COUNTERPOISE_DATA`` names, else from the cache, else from the Hugging Face Hub
where a copy is known. A folder holds ``<folder>/<split>.parquet`` with columns ``text`` and ``label``.
Whatever the way, the content hash has to be the one written down in
:mod:`counterpoise.data.catalog_entries`: results are comparable only on the same rows.

>>> find("ag_news").name
'ag_news_7600'
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from counterpoise.data import hub
from counterpoise.data.arrow_files import chosen_splits
from counterpoise.data.atomic import atomic_path
from counterpoise.data.catalog_entries import ENTRIES, Entry
from counterpoise.data.near import listed, near_match
from counterpoise.errors import DataError, SettingsError

DATA_VARIABLE = "COUNTERPOISE_DATA"
BUILT_IN = "demo"


@dataclass(frozen=True)
class Loaded:
    """Rows of a named set.

    Attributes
    ----------
    table : pyarrow.Table
        Columns ``text`` and ``label``, both strings.
    notes : tuple of str
        Sentences for the screen: what the name stands for, which split, where from.
    """

    table: pa.Table
    notes: tuple[str, ...]


def entries() -> tuple[Entry, ...]:
    """Every named set, by name, the built-in corpus included."""
    return ENTRIES


def is_known(name: str) -> bool:
    """Whether there is a set of this name or alias."""
    return any(name == entry.name or name in entry.aliases for entry in ENTRIES)


def find(name: str) -> Entry:
    """The set of that name or alias.

    Raises
    ------
    SettingsError
        When there is none; the message lists the names.
    """
    for entry in ENTRIES:
        if name == entry.name or name in entry.aliases:
            return entry
    names = [entry.name for entry in ENTRIES]
    raise SettingsError(f"no data set is named {name!r}; there are {listed(names)}{near_match(name, names)}")


def load(name: str, split: str = "train", data_dir: str | os.PathLike[str] | None = None) -> Loaded:
    """Rows of a named set, content checked.

    Parameters
    ----------
    name : str
        Name or alias.
    split : str, default="train"
        A split of the set, or ``"all"`` for every one, the training split first.
    data_dir : path or None, default=None
        Folder to look in; None asks ``COUNTERPOISE_DATA``, then the cache, then the Hub.

    Returns
    -------
    Loaded

    Raises
    ------
    SettingsError
        For a name or split there is not.
    DataError
        When the rows cannot be had, or are not the ones meant.
    MissingExtraError
        When they would have to be fetched and the package ``datasets`` is not installed.
    """
    entry = find(name)
    wanted = chosen_splits(entry.splits, split, entry.name)
    notes = [entry.aliases[name]] if name in entry.aliases else []
    parts = []
    for one in wanted:
        table, note = _built_in() if entry.name == BUILT_IN else _table(entry, one, data_dir)
        parts.append(table)
        notes.append(f"{entry.name}, {one} split: {table.num_rows:,} rows, {note}")
    return Loaded(pa.concat_tables(parts), tuple(notes))


def views_file(name: str, data_dir: str | os.PathLike[str] | None = None) -> Path | None:
    """File of second views that lies beside the training split of a named set, columns ``text`` and ``augmented``.

    Parameters
    ----------
    name : str
        Name or alias.
    data_dir : path or None, default=None
        As for :func:`load`.

    Returns
    -------
    Path or None
        None where there is none, or no such set; no set has its views anywhere else.
    """
    if not is_known(name):
        return None
    folder, _ = data_folder(data_dir)
    path = folder / find(name).folder / "train_augmented.parquet"
    return path if path.is_file() else None


def content_hash(rows: Iterable[str | bytes], labels: Iterable[str]) -> str:
    """Hash of labelled texts or stored images that does not depend on their order.

    The sum modulo 2**256 of the SHA-256 of label, NUL and text in UTF-8, or image as it is stored, over the rows:
    repeated rows count, the order does not, and neither do file format and compression.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    total = 0
    for row, label in zip(rows, labels, strict=True):
        content = row.encode() if isinstance(row, str) else row
        total += int.from_bytes(hashlib.sha256(f"{label}\0".encode() + content).digest(), "big")
    return f"{total % 2**256:064x}"


def data_folder(data_dir: str | os.PathLike[str] | None) -> tuple[Path, bool]:
    """Where named sets are, and whether that was named, by an argument or the variable, and is not the cache."""
    named = data_dir or os.environ.get(DATA_VARIABLE)
    return (Path(named).expanduser(), True) if named else (cache_folder(), False)


def cache_folder() -> Path:
    """Where fetched sets are kept: ``counterpoise`` under ``XDG_CACHE_HOME``, else under ``~/.cache``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "counterpoise"


def _built_in() -> tuple[pa.Table, str]:
    from counterpoise.data.demo import make_corpus

    texts, labels = make_corpus()
    return pa.table({"text": texts, "label": labels}), "made by this package"


def _table(entry: Entry, split: str, data_dir: str | os.PathLike[str] | None) -> tuple[pa.Table, str]:
    path = file_of(entry, split, data_dir)
    if path.is_file():
        return _read(path, entry, split), f"from {path}"
    assert entry.hub is not None
    table = hub.fetch(entry, split)
    _check(table, entry, split, f"the copy {entry.hub.id} on the Hugging Face Hub")
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        pa.parquet.write_table(table, temporary, compression="zstd")
    return (
        table,
        f"fetched from {entry.hub.id} and kept in {path}; source: {entry.source}; licence: {entry.licence}",
    )


def file_of(entry: Entry, split: str, data_dir: str | os.PathLike[str] | None) -> Path:
    """Where a split of a set is, or goes when it is fetched from the Hub.

    Raises
    ------
    DataError
        When there is no such file in the named folder; or, where none is named, neither in the cache nor on the Hub.
    """
    folder, named = data_folder(data_dir)
    inside = Path(entry.folder) / f"{split}.parquet"
    path = folder / inside
    if path.is_file():
        return path
    if named:
        whose = "the data directory" if data_dir else DATA_VARIABLE
        raise DataError(
            f"{entry.name} is not in {whose}: there is no file {path}; put it there or name another"
        )
    if entry.hub is None:
        raise DataError(
            f"{entry.name} is not here and no copy on the Hugging Face Hub is known to be the same; set "
            f"{DATA_VARIABLE} or --data-dir to a folder with {inside} (source: {entry.source})"
        )
    return path


def read_columns(path: Path, columns: list[str]) -> pa.Table:
    """Columns of a known set's file.

    Raises
    ------
    DataError
        When it cannot be read or lacks them.
    """
    try:
        table = pa.parquet.read_table(path, columns=columns).replace_schema_metadata()
    except (pa.ArrowException, OSError) as error:
        what = str(error).splitlines()[0]
        raise DataError(f"{path} is no readable Parquet file ({what}); copy it again or remove it") from error
    if table.column_names != columns:
        raise DataError(f"{path} lacks the columns {' and '.join(map(repr, columns))}; copy it again")
    return table


def check_content(found: str, n_rows: int, entry: Entry, split: str, where: str) -> None:
    """Refuse rows that are not those of a set.

    Parameters
    ----------
    found : str
        Their :func:`content_hash`.
    n_rows : int
    entry : Entry
    split : str
    where : str
        What messages call their place.

    Raises
    ------
    DataError
    """
    expected = entry.content_hashes[split]
    if found != expected:
        raise DataError(
            f"{where} does not hold the rows of {entry.name} ({split}): content hash {found} of "
            f"{n_rows:,} rows, expected {expected} of {entry.rows[split]:,}; give a right copy, or "
            "name the file itself as the source to use it as it is"
        )


def _read(path: Path, entry: Entry, split: str) -> pa.Table:
    table = read_columns(path, ["text", "label"])
    _check(table, entry, split, str(path))
    return table


def _check(table: pa.Table, entry: Entry, split: str, where: str) -> None:
    found = content_hash(table.column("text").to_numpy(), table.column("label").to_numpy())
    check_content(found, table.num_rows, entry, split, where)
