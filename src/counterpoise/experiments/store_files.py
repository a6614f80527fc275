"""A store's file: what can be wrong with it, in one sentence each, and how SQLite is asked.

check_file(path, read_only=False)
with in_words(path, "written"):
    patiently(connection, "BEGIN IMMEDIATE", wait=30.0)
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from counterpoise.errors import CounterpoiseError, DataError, OutputError

MARK = 0x43_50_72_73
"""SQLite's ``application_id`` of a store: "CPrs"."""

FORMAT = 2
"""SQLite's ``user_version`` of a store: raised when an older Counterpoise could not read it any more. Stores of older
formats are read as they are, and get this one when they are opened for writing. Of format 1 all rows say which library
searched neighbours."""

_MAGIC = b"SQLite format 3\0"
_PAUSE = 0.02  # seconds
_READ_ONLY = "it or its folder is read-only; change the permissions or name another file"
_REASONS = {
    sqlite3.SQLITE_FULL: "the disk is full; make room and go on, all earlier rows are there",
    sqlite3.SQLITE_IOERR: "the disk does not take or give it; all rows written before are as safe as the disk",
    sqlite3.SQLITE_BUSY: "another process has kept it locked; end that one or wait, all rows in it are safe",
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_PERM: _READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: _READ_ONLY,
}


def check_file(path: Path, read_only: bool) -> None:
    """Refuse what is plainly no store before SQLite touches it.

    Raises
    ------
    DataError
        For what cannot be a store.
    OutputError
        For a place where none can be made.
    """
    try:
        if path.is_dir():
            raise DataError(f"{path} is a folder; name the file of a store")
        if path.exists():
            _check_start(path)
            if not (read_only or _writable(path)):
                raise OutputError(f"{path} cannot be written: {_READ_ONLY}")
        elif read_only:
            raise DataError(f"there is no store {path}; check the path")
        elif not path.parent.is_dir():
            raise OutputError(f"{path} cannot be made: there is no folder {path.parent}; make it first")
    except OutputError:  # which is an OSError too
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(f"{path} cannot be read ({reason}); change that or name another file") from error


def _check_start(path: Path) -> None:
    if not path.is_file():
        raise DataError(f"{path} is no regular file; name the file of a store")
    with path.open("rb") as file:
        start = file.read(len(_MAGIC))
    if start and start != _MAGIC:
        raise DataError(f"{path} is a file of another program, and was left as it is; name another file")


def _writable(path: Path) -> bool:
    """Whether the file can be written, and those made that SQLite keeps beside it meanwhile."""
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def connect(path: Path, read_only: bool, wait: float) -> sqlite3.Connection:
    """Open the file; a statement on its own is then a transaction of its own."""
    uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
    # SQLite reads by means of files beside the store, which it cannot make here. A store that its last writer has
    # left needs none.
    if read_only and not _writable(path) and not Path(f"{path.resolve()}-wal").exists():
        uri += "&immutable=1"
    return sqlite3.connect(uri, uri=True, timeout=wait, isolation_level=None)


def patiently(
    asked: sqlite3.Connection | sqlite3.Cursor, statement: str, wait: float, values: Sequence[Any] = ()
) -> sqlite3.Cursor:
    """Execute, and try again while another process is in the way.

    SQLite itself waits for a writer, but not while another process opens, closes or recovers the file.
    """
    until = time.monotonic() + wait
    while True:
        try:
            return asked.execute(statement, values)
        except sqlite3.OperationalError as error:
            if _kind(error) != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                raise
            time.sleep(_PAUSE)


@contextmanager
def in_words(path: Path, doing: str) -> Iterator[None]:
    """Turn an error of SQLite into a sentence about the file.

    Parameters
    ----------
    path : Path
    doing : str
        What cannot be done to it: ``"opened"``, ``"written"``, ``"read"``.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise _in_a_sentence(path, doing, error) from error


def _in_a_sentence(path: Path, doing: str, error: sqlite3.Error) -> CounterpoiseError:
    kind = _kind(error)
    if kind in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return DataError(
            f"{path} is damaged or no store of runs ({error}); take a copy of it, or name another file"
        )
    return OutputError(f"{path} cannot be {doing}: {_REASONS.get(kind, str(error))}")


def _kind(error: sqlite3.Error) -> int:
    """Primary result code, of which the rest of the code tells details; that of any error where there is none."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
