"""The store of a grid: one SQLite file of rows, that survives being killed and is shared by processes.

    with Store("sms.runs") as store:
        waiting = [run for key, run in runs.items() if key not in store.done(runs)]
        store.write(result)                                        # whole, or not at all
        store.fail(run, surroundings, error)                       # a failed run may be tried again
        records = store.rows()
        predictions = store.predictions(records[0].key)

A row that :meth:`Store.write` has returned from is on the disk. Without a process in it the store is a single file,
that can be copied and read by anything that reads SQLite; no texts are in it. Metrics are JSON, predictions are
zlib-compressed little-endian arrays (:mod:`counterpoise.experiments.packing`), probabilities row by row.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from counterpoise.errors import DataError, OutputError
from counterpoise.experiments.packing import COLUMNS, packed, unpacked
from counterpoise.experiments.results import Predictions, Record, Result, described, now
from counterpoise.experiments.runs import Run, canonical
from counterpoise.experiments.store_files import FORMAT, MARK, check_file, connect, in_words, patiently
from counterpoise.experiments.store_tables import ADDED, TABLES
from counterpoise.experiments.surroundings import Surroundings
from counterpoise.probes import processor_name

_LONGEST_ERROR = 2_000  # characters


class Store:
    """Rows of runs in one file.

    Parameters
    ----------
    path : path
        Made when it does not exist or is empty, as a process that was killed while making it leaves it.
    read_only : bool, default=False
        Refuse to write, and to make a store where there is none; a file that cannot be written can be read.
    wait : float, default=30.0
        Seconds to wait for another process that is writing.

    Raises
    ------
    DataError
        When the file is no store, or one of a newer version; it is left as it was.
    OutputError
        When it cannot be made or written.

    Notes
    -----
    To be used by the thread and the process that made it; other processes open the file again.
    """

    def __init__(self, path: str | Path, *, read_only: bool = False, wait: float = 30.0) -> None:
        self.path = Path(path).expanduser()
        self.read_only, self.wait = read_only, wait
        check_file(self.path, read_only)
        with in_words(self.path, "opened"):
            self._connection = connect(self.path, read_only, wait)
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise
            self._file = self.path.stat()

    def close(self) -> None:
        """Leave the store; the last process to leave makes it a single file again."""
        with in_words(self.path, "closed"):
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def done(self, keys: Iterable[str]) -> set[str]:
        """Those of some keys whose rows are here."""
        return set(keys) & {key for (key,) in self._read("SELECT key FROM runs WHERE status = 'done'")}

    def failed(self) -> dict[str, str]:
        """Why runs failed, by key."""
        return dict(self._read("SELECT key, error FROM runs WHERE status = 'failed' ORDER BY rowid"))

    def failed_at(self) -> dict[str, str]:
        """When runs failed, by key."""
        return dict(self._read("SELECT key, finished_at FROM runs WHERE status = 'failed'"))

    def rows(self, keys: Iterable[str] | None = None, *, status: str | None = "done") -> list[Record]:
        """What is known of runs, in the order in which they were written.

        Parameters
        ----------
        keys : iterable of str or None, default=None
            None takes all.
        status : {"done", "failed"} or None, default="done"
            None takes both.
        """
        wanted = None if keys is None else set(keys)
        there = self._columns()
        names = [name for name, column in _COLUMNS.items() if column in there]
        found = self._read(f"SELECT {', '.join(_COLUMNS[name] for name in names)} FROM runs ORDER BY rowid")
        records = (_record(dict(zip(names, row, strict=True))) for row in found)
        return [
            record
            for record in records
            if (wanted is None or record.key in wanted) and status in (None, record.status)
        ]

    def predictions(self, key: str) -> Predictions:
        """What a run said of each test sample.

        Raises
        ------
        DataError
            When its row is not here.
        """
        names = ("classes", *COLUMNS)
        found = self._one(f"SELECT {', '.join(names)} FROM predictions WHERE key = ?", key)
        return unpacked(dict(zip(names, found, strict=True)))

    def curves(self, key: str) -> dict[str, Any]:
        """Curves of a run.

        Raises
        ------
        DataError
            When its row is not here.
        """
        return json.loads(self._one("SELECT curves FROM curves WHERE key = ?", key)[0])

    def result(self, key: str) -> Result:
        """The whole row of a finished run, as it was handed in.

        Raises
        ------
        DataError
            When its row is not here.
        """
        predictions, curves = self.predictions(key), self.curves(key)
        (known,) = self.rows([key])
        return Result(
            run=known.run,
            surroundings=known.surroundings,
            metrics=known.metrics,
            predictions=predictions,
            curves=curves,
            fit_seconds=known.fit_seconds or 0.0,
            predict_seconds=known.predict_seconds or 0.0,
            peak_memory=known.peak_memory,
            fitting_rows=known.fitting_rows,
            notes=known.notes,
            machine=known.machine,
            finished_at=known.finished_at,
        )

    def write(self, result: Result) -> bool:
        """Write the row of a finished run, whole; it replaces a failure of the same run.

        Parameters
        ----------
        result : Result

        Returns
        -------
        bool
            False when another process has written the same row before.

        Raises
        ------
        DataError
            When a row of this key is here that differs, which would mean that the key lacks something; it is kept.
        OutputError
            When the row cannot be written; nothing of it is then here.
        """
        key = result.key
        with self._transaction():
            if not self._make_room(key):
                self._check_same(key, result)
                return False
            self._insert(
                "runs",
                key=key,
                fields=canonical(result.run.fields),
                surroundings=canonical(result.surroundings.fields),
                status="done",
                metrics=canonical(result.metrics),
                notes=canonical(result.notes),
                fit_seconds=float(result.fit_seconds),
                predict_seconds=float(result.predict_seconds),
                peak_memory=result.peak_memory,
                machine=result.machine,
                finished_at=result.finished_at,
                error=None,
                fitting_rows=result.fitting_rows,
            )
            self._insert("predictions", key=key, **packed(result.predictions))
            self._insert("curves", key=key, curves=canonical(result.curves))
        return True

    def fail(self, run: Run, surroundings: Surroundings, error: BaseException | str) -> bool:
        """Write that a run failed; a later failure of it replaces this one.

        Parameters
        ----------
        run : Run
        surroundings : Surroundings
        error : exception or str
            Of an exception its kind, message and last line of code are kept, of all 2,000 characters at most.

        Returns
        -------
        bool
            False when its row is here, which another process had more luck with; it is kept.
        """
        key = run.key_in(surroundings)
        with self._transaction():
            if not self._make_room(key):
                return False
            self._insert(
                "runs",
                key=key,
                fields=canonical(run.fields),
                surroundings=canonical(surroundings.fields),
                status="failed",
                metrics="{}",
                notes="[]",
                machine=processor_name(),
                finished_at=now(),
                error=described(error)[:_LONGEST_ERROR],
            )
        return True

    def claim(self, key: str) -> bool:
        """Take a run on, so that no other process that shares the store does.

        Parameters
        ----------
        key : str

        Returns
        -------
        bool
            False when its row is here, or a process that is alive has claimed it. A claim ends with the row or
            failure that is written, with :meth:`release`, or with the process.
        """
        with self._transaction():
            if self.done([key]):
                return False
            holder = self._read("SELECT process, started FROM claims WHERE key = ?", key)
            if holder and holder[0] != _this_process() and _alive(*holder[0]):
                return False
            self._execute("INSERT OR REPLACE INTO claims VALUES (?, ?, ?)", key, *_this_process())
        return True

    def release(self, keys: Iterable[str]) -> None:
        """Give claims of this process up."""
        with self._transaction():
            for key in keys:
                self._execute("DELETE FROM claims WHERE key = ? AND process = ?", key, os.getpid())

    def _prepare(self) -> None:
        """Check whose file it is, before anything in it is changed; make the tables in an empty one."""
        if self._is_new():
            if self.read_only:
                raise DataError(f"{self.path} is empty; no run has been written to it")
            with self._transaction(opening=True):
                # Again, now that no other process can be at it.
                if self._is_new():
                    for statement in TABLES.split(";")[:-1]:
                        self._execute(statement)
                    self._execute(f"PRAGMA application_id = {MARK}")
                    self._execute(f"PRAGMA user_version = {FORMAT}")
        if self._pragma("application_id") != MARK:
            raise DataError(
                f"{self.path} is a database of another program, and was left as it is; name another file"
            )
        if (version := self._pragma("user_version")) > FORMAT:
            raise DataError(
                f"{self.path} has format {version}, and this version of Counterpoise reads {FORMAT}; "
                "install a newer one"
            )
        if not self.read_only:
            # A row takes seconds to days to make, so the disk may take its milliseconds to have it for certain.
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
                patiently(self._connection, f"PRAGMA {pragma}", self.wait)
            if version < FORMAT or ADDED.keys() - self._columns():
                with self._transaction(opening=True):
                    for name in ADDED.keys() - self._columns():
                        self._execute(f"ALTER TABLE runs ADD COLUMN {name} {ADDED[name]}")
                    self._execute(f"PRAGMA user_version = {FORMAT}")

    def _columns(self) -> set[str]:
        """Of the table of runs."""
        return {name for _, name, *_ in self._read("PRAGMA table_info(runs)")}

    def _is_new(self) -> bool:
        marks = self._pragma("application_id"), self._pragma("user_version")
        return marks == (0, 0) and not self._read("SELECT 1 FROM sqlite_master LIMIT 1")

    def _pragma(self, name: str) -> int:
        return self._read(f"PRAGMA {name}")[0][0]

    def _read(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with in_words(self.path, "read"), closing(self._connection.cursor()) as cursor:
            return patiently(cursor, query, self.wait, values).fetchall()

    def _one(self, query: str, key: str) -> tuple[Any, ...]:
        found = self._read(query, key)
        if not found:
            raise DataError(f"{self.path} has no finished run with key {key}; `rows()` lists what it has")
        return found[0]

    def _execute(self, statement: str, *values: Any) -> None:
        self._connection.execute(statement, values)

    @contextmanager
    def _transaction(self, opening: bool = False) -> Iterator[None]:
        """All that the block writes, or nothing of it."""
        if self.read_only:
            raise OutputError(f"{self.path} was opened for reading; open it for writing to add a run")
        with in_words(self.path, "written"):
            # Reserved at the start, so that what is looked up in the block holds until its end.
            patiently(self._connection, "BEGIN IMMEDIATE", self.wait)
            try:
                if not opening:
                    self._check_there()
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _check_there(self) -> None:
        """Refuse to write into a file that has lost its name, where nobody would find the row."""
        try:
            there = self.path.stat()
        except FileNotFoundError:
            there = None
        if there is None or (there.st_dev, there.st_ino) != (self._file.st_dev, self._file.st_ino):
            raise OutputError(
                f"{self.path} was deleted or replaced while it was in use; put it back, or start again"
            )

    def _make_room(self, key: str) -> bool:
        """Take away a claim and a failure; False when there is a row."""
        self._execute("DELETE FROM claims WHERE key = ?", key)
        if self._read("SELECT 1 FROM runs WHERE key = ? AND status = 'done'", key):
            return False
        self._execute("DELETE FROM runs WHERE key = ?", key)
        return True

    def _insert(self, table: str, **columns: Any) -> None:
        places = ", ".join(f":{name}" for name in columns)
        self._connection.execute(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", columns)

    def _check_same(self, key: str, result: Result) -> None:
        there = self.result(key)
        if differences := there.differences(result):
            raise DataError(
                f"{self.path} has another row for run {key} (it differs in {', '.join(differences)}, and was made at "
                f"{there.finished_at} on {there.machine}), which was kept; one of the two was not made as its key says"
            )


# Columns by the attribute of a record that they become.
_COLUMNS = {name: "fields" if name == "run" else name for name in Record.__dataclass_fields__}


def _record(columns: dict[str, Any]) -> Record:
    columns["run"] = Run.from_fields(json.loads(columns["run"]))
    columns["surroundings"] = Surroundings.from_fields(json.loads(columns["surroundings"]))
    columns["metrics"] = json.loads(columns["metrics"])
    columns["notes"] = tuple(json.loads(columns["notes"]))
    return Record(**columns)


def _this_process() -> tuple[int, float]:
    return os.getpid(), psutil.Process().create_time()


def _alive(process: int, started: float) -> bool:
    """Whether the process lives; another one may have its number by now."""
    try:
        return abs(psutil.Process(process).create_time() - started) < 1.0
    except psutil.Error:
        return False
