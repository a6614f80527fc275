"""Tables written as they come: CSV, TSV, JSON Lines or Parquet, to a file or to standard output.

    with TableWriter("scored.csv.gz") as out:
        for chunk in chunks:
            out.write(chunk)

The format follows from the name; a file appears under its name only when everything is in it. What writes
anything else whole or not at all, :func:`~counterpoise.data.atomic.atomic_path` and
:func:`~counterpoise.data.atomic.atomic_folder`, can be had from here too.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from counterpoise.data.atomic import atomic_folder, atomic_path, in_words
from counterpoise.data.columns import is_string
from counterpoise.data.json_lines import is_json_text
from counterpoise.data.near import listed
from counterpoise.errors import OutputError, SettingsError

__all__ = ["STANDARD_OUTPUT", "TableWriter", "atomic_folder", "atomic_path", "json_text", "output_format"]

STANDARD_OUTPUT = "-"
_FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}


def output_format(path: str | os.PathLike[str]) -> tuple[str, str | None]:
    """Format and compression that a name means.

    Parameters
    ----------
    path : path
        ``-`` (standard output) means CSV.

    Returns
    -------
    tuple of str and (str or None)
        ``"csv"``, ``"tsv"``, ``"jsonl"`` or ``"parquet"``, and ``"gzip"``, ``"zstd"`` or None.

    Raises
    ------
    SettingsError
        For a name of no known format, or compressed Parquet, which compresses by itself.
    """
    if str(path) == STANDARD_OUTPUT:
        return "csv", None
    suffixes = [suffix.lower() for suffix in Path(path).suffixes]
    compression = _COMPRESSIONS.get(suffixes[-1]) if suffixes else None
    if compression:
        suffixes.pop()
    chosen = _FORMATS.get(suffixes[-1]) if suffixes else None
    if chosen is None:
        raise SettingsError(
            f"{path}: no output format has that ending; use {listed(_FORMATS)}, text ones also .gz, .zst"
        )
    if chosen == "parquet" and compression:
        raise SettingsError(
            f"{path}: Parquet is compressed by itself; leave {suffixes[-1]} as the last ending"
        )
    return chosen, compression


class _Sink(Protocol):
    def write(self, table: pa.Table) -> None: ...
    def close(self) -> None: ...
    def abandon(self) -> None: ...


class TableWriter:
    """Context manager that writes tables one after another into one file.

    Parameters
    ----------
    path : path
        The file, or ``-`` for standard output; :func:`output_format` says what its name means.
    metadata : mapping of str to str or None, default=None
        Stored in the schema of a Parquet file; the other formats have no place for it.

    Raises
    ------
    OutputError
        When the file cannot be written; nothing is left behind.
    SettingsError
        When the name means no format.
    """

    def __init__(self, path: str | os.PathLike[str], *, metadata: Mapping[str, str] | None = None) -> None:
        self.path = path
        self.format, self.compression = output_format(path)
        self.metadata = dict(metadata or {})
        self._stack = ExitStack()
        self._sink: _Sink | None = None
        self._schema: pa.Schema | None = None
        self._file: Any = None

    def __enter__(self) -> TableWriter:
        """Open the temporary file."""
        with ExitStack() as stack:
            if str(self.path) == STANDARD_OUTPUT:
                stack.enter_context(in_words("standard output"))
                raw: BinaryIO = sys.stdout.buffer
                stack.callback(raw.flush)
            else:
                temporary = stack.enter_context(atomic_path(self.path))
                raw = stack.enter_context(temporary.open("wb"))
            self._file = raw
            if self.compression:
                # Arrow's sinks close what they wrap; the file is closed by the stack, after its flush.
                self._file = stack.enter_context(
                    pa.CompressedOutputStream(pa.PythonFile(_Open(raw), "w"), self.compression)
                )
            self._stack = stack.pop_all()
        return self

    def write(self, table: pa.Table) -> None:
        """Append rows.

        Parameters
        ----------
        table : pyarrow.Table
            The first one settles the columns; later ones are cast to them.

        Raises
        ------
        OutputError
            When the columns differ or do not fit the format.
        """
        table = table.replace_schema_metadata(self.metadata if self.format == "parquet" else None)
        if self._sink is None:
            self._schema = table.schema
            self._sink = self._open_sink(table.schema)
        elif table.schema != self._schema:
            try:
                table = table.cast(self._schema)
            except (pa.ArrowException, ValueError) as error:
                raise OutputError(
                    f"{self.path} cannot be written: its rows change columns midway ({error})"
                ) from error
        self._sink.write(table)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        """Put the file in its place, or remove it when something went wrong."""
        if kind is None:
            try:
                if self._sink is None:
                    self.write(pa.table({}))
                assert self._sink is not None
                self._sink.close()
            except BaseException as late:
                if self._sink is not None:
                    self._sink.abandon()
                if not self._stack.__exit__(type(late), late, late.__traceback__):
                    raise
                return None
        elif self._sink is not None:
            self._sink.abandon()
        return self._stack.__exit__(kind, error, trace)

    def _open_sink(self, schema: pa.Schema) -> _Sink:
        if self.format == "jsonl":
            return _JsonLines(self._file, schema, self.path)
        if self.format == "parquet":
            return _Parquet(self._file, schema)
        return _Delimited(self._file, "\t" if self.format == "tsv" else ",")


class _Open:
    """A file object whose ``close`` leaves the real one open, and which can be told to take no more."""

    closed = False

    def __init__(self, raw: BinaryIO) -> None:
        self.raw: BinaryIO | None = raw

    def write(self, data: bytes) -> int:
        return len(data) if self.raw is None else self.raw.write(data)

    def flush(self) -> None:
        if self.raw is not None:
            self.raw.flush()

    def close(self) -> None:
        self.flush()


class _Parquet:
    def __init__(self, file: Any, schema: pa.Schema) -> None:
        self._file = _Open(file)
        self._writer = pa.parquet.ParquetWriter(pa.PythonFile(self._file, "w"), schema, compression="zstd")

    def write(self, table: pa.Table) -> None:
        self._writer.write_table(table)

    def close(self) -> None:
        self._writer.close()

    def abandon(self) -> None:
        # Arrow's writer wants to add its footer whenever it is let go; by then the file is gone.
        self._file.raw = None
        with contextlib.suppress(pa.ArrowException, OSError, ValueError):
            self._writer.close()


class _Delimited:
    """Quotes only what needs it, so that values of a CSV file go through as they stood; nulls become empty."""

    def __init__(self, file: Any, delimiter: str) -> None:
        self._file, self._delimiter = file, delimiter
        self._special = f'["\r\n{delimiter}]'
        self._header = True

    def write(self, table: pa.Table) -> None:
        if self._header:
            names = pa.table({str(i): [name] for i, name in enumerate(table.column_names)})
            self._file.write(self._lines(names))
            self._header = False
        self._file.write(self._lines(_flat(table)))

    def _lines(self, table: pa.Table) -> bytes:
        if not table.num_columns or not table.num_rows:
            return b""
        columns = [self._quoted(column) for column in table.columns]
        if len(columns) == 1:  # an empty line would be no row at all
            columns = [pc.if_else(pc.equal(columns[0], ""), '""', columns[0])]
        lines = pc.binary_join_element_wise(*columns, pa.scalar(self._delimiter, pa.large_string()))
        return ("\n".join(lines.to_pylist()) + "\n").encode()

    def _quoted(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        values = pc.fill_null(column.cast(pa.large_string()), "")
        needs = pc.match_substring_regex(values, self._special)
        if not pc.any(needs).as_py():
            return values
        doubled = pc.replace_substring(values, '"', '""')
        mark, nothing = pa.scalar('"', pa.large_string()), pa.scalar("", pa.large_string())
        return pc.if_else(needs, pc.binary_join_element_wise(mark, doubled, mark, nothing), values)

    def close(self) -> None: ...

    def abandon(self) -> None: ...


class _JsonLines:
    def __init__(self, file: Any, schema: pa.Schema, path: object) -> None:
        self._file = file
        if len(set(schema.names)) < len(schema.names):
            raise OutputError(
                f"{path} cannot be written: two columns have the same name; write CSV, or rename one"
            )
        self._json = [is_json_text(field) for field in schema]
        self._names = schema.names

    def write(self, table: pa.Table) -> None:
        columns: list[list[Any]] = []
        for column, is_json in zip(table.columns, self._json, strict=True):
            values = column.to_pylist()
            columns.append([None if v is None else json.loads(v) for v in values] if is_json else values)
        rows = (dict(zip(self._names, row, strict=True)) for row in zip(*columns, strict=True))
        self._file.write("".join(json_text(row) + "\n" for row in rows).encode())

    def close(self) -> None: ...

    def abandon(self) -> None: ...


def _flat(table: pa.Table) -> pa.Table:
    """Columns that CSV can hold: dictionaries as their values, and what is no text to Arrow as JSON text."""
    columns = []
    for column in table.columns:
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if not _has_text(column.type):
            texts = [None if value is None else json_text(value) for value in column.to_pylist()]
            column = pa.chunked_array([pa.array(texts, pa.string())])
        columns.append(column)
    return pa.Table.from_arrays(columns, table.column_names)


def _has_text(kind: pa.DataType) -> bool:
    """Whether Arrow makes a string of every value: not of lists and objects, nor of bytes that are no UTF-8."""
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    plain = pa.types.is_primitive(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind)
    return is_string(kind) or (plain and not pa.types.is_interval(kind))


def json_text(value: Any) -> str:
    """JSON of a Python value, on one line; what JSON lacks becomes null (NaN) or a string (dates, bytes)."""
    with contextlib.suppress(ValueError):
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_plain)
    return json.dumps(_finite(value), ensure_ascii=False, default=_plain)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plain(value: Any) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
