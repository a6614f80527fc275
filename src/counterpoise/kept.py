"""Values on the disk that are dear to compute, by a key of all that decides them; several processes may use them.

kept = Kept("features", digest)
kept.add({key: vector.tobytes()})
kept.find([key, other])
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path

_ASKED_AT_ONCE = 500  # values in one question to SQLite


class Kept:
    """A file of values under ``XDG_CACHE_HOME`` or ``~/.cache``, in ``counterpoise``.

    Parameters
    ----------
    room : str
        What is kept: a folder there, and the table in the file; letters only.
    digest : str
        Of what computes the values; each has a file of its own.
    """

    def __init__(self, room: str, digest: str) -> None:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        self.path = Path(base) / "counterpoise" / room / f"{digest}.sqlite"
        self._table = room

    def find(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Those that are known; what cannot be read is not."""
        found: dict[bytes, bytes] = {}
        with suppress(OSError, sqlite3.Error):
            if not self.path.exists():
                return found
            with closing(sqlite3.connect(self.path, timeout=60)) as connection:
                for start in range(0, len(keys), _ASKED_AT_ONCE):
                    some = keys[start : start + _ASKED_AT_ONCE]
                    marks = ",".join("?" * len(some))
                    found |= connection.execute(f"SELECT * FROM {self._table} WHERE key IN ({marks})", some)
        return found

    def add(self, values: Mapping[bytes, bytes]) -> None:
        """Keep some; a disk that is full or read-only costs the next process its time, and no result."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=60)) as connection, connection:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute(
                    f"CREATE TABLE IF NOT EXISTS {self._table} (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID"
                )
                connection.executemany(f"INSERT OR IGNORE INTO {self._table} VALUES (?, ?)", values.items())
        except (OSError, sqlite3.Error):
            return
