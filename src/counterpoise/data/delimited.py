"""CSV and TSV in pieces of constant size, every value a string and exactly as it stood in the file.

``delimited_rows(stream, reopen=...)`` yields :class:`~counterpoise.data.rows.Rows`. Arrow does the parsing;
what is added here is the delimiter, and errors that say which row is broken. Values stay strings, so that
``00123`` and ``1e5`` come out of ``predict`` as they went in.
"""

from __future__ import annotations

import csv
import io
import itertools
import operator
import uuid
from collections.abc import Callable, Iterator

import pyarrow as pa
import pyarrow.csv

from counterpoise.data.bytestreams import UndecodableError, Utf8Stream
from counterpoise.data.near import listed
from counterpoise.data.rows import BELOW_HEADER, Rows
from counterpoise.errors import DataError

_HEADER_BYTES = 1 << 16
_DELIMITERS = (",", ";", "\t")

Reopen = Callable[[int], Utf8Stream]
"""Opens the same source again, up to a byte offset, to find out in which row that byte stands."""


def delimited_rows(
    stream: Utf8Stream,
    *,
    delimiter: str | None = None,
    reopen: Reopen | None = None,
    block_bytes: int,
) -> Iterator[Rows]:
    """Read a table with a header and delimited values.

    Parameters
    ----------
    stream : Utf8Stream
        The text of the file.
    delimiter : str or None
        None takes the most frequent one of comma, semicolon and tab in the header, comma when there is none.
    reopen : callable or None
        Lets an undecodable byte be placed in its row; standard input cannot be read again and has None.
    block_bytes : int
        How much is parsed at a time; also the longest row there may be. Arrow reads several blocks ahead.

    Yields
    ------
    Rows
        One for each block, all columns as strings.

    Raises
    ------
    DataError
        For an empty file, a row with too few or too many values, a quote that is never closed, an undecodable
        byte; the row is named.
    """
    try:
        head = stream.head(_HEADER_BYTES)
        if not head.strip():
            raise DataError(f"{stream.name} is empty; give a file with a header and rows")
        # Arrow would take an empty line for the header of one column.
        stream.read(len(head) - len(head.lstrip(b"\r\n")))
        head = stream.head(_HEADER_BYTES)
        delimiter = delimiter or _sniffed_delimiter(head)
        yield from _Parsing(stream, _header(head, delimiter, stream.name), delimiter, block_bytes).rows()
    except UndecodableError as error:
        if reopen is None:
            raise
        row = _data_row_of_byte(reopen(error.offset + 1), delimiter or ",")
        where = BELOW_HEADER.format(row) if row else "in the header"
        raise UndecodableError(f"{error} [{where}]", error.offset) from None


class _Parsing:
    """Arrow's streaming parser with the errors put into words."""

    def __init__(self, stream: Utf8Stream, header: list[str], delimiter: str, block_bytes: int) -> None:
        self.block_bytes = block_bytes
        self.stream, self.name, self.header, self.delimiter = stream, stream.name, header, delimiter
        # A last row of our own: when it does not come out as a row, an open quote has swallowed it.
        self.token = f"end-of-input-{uuid.uuid4().hex}"
        stream.trailer = (delimiter.join([self.token] * len(header)) + "\n").encode()
        self.done = 0
        self.broken: pa.csv.InvalidRow | None = None

    def rows(self) -> Iterator[Rows]:
        """Yield the blocks, holding one back: the last one ends in the row that is ours."""
        held: pa.RecordBatch | None = None
        for batch in self._batches():
            if held is not None:
                yield self._counted(held)
            held = batch
        if held is None or held.column(0)[-1].as_py() != self.token:
            raise self._open_quote(self.done + (0 if held is None else held.num_rows))
        held = held.slice(0, held.num_rows - 1)
        if self.done + held.num_rows == 0:
            raise DataError(
                f"{self.name} has a header ({listed(self.header)}) and no rows; give at least one"
            )
        if held.num_rows:
            yield self._counted(held)

    def _counted(self, batch: pa.RecordBatch) -> Rows:
        first, self.done = self.done, self.done + batch.num_rows
        return Rows(pa.Table.from_batches([batch]), first, BELOW_HEADER)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        def remember(row: pa.csv.InvalidRow) -> str:
            self.broken = row
            return "error"

        try:
            reader = pa.csv.open_csv(
                pa.PythonFile(self.stream, "r"),
                read_options=pa.csv.ReadOptions(use_threads=False, block_size=self.block_bytes),
                parse_options=pa.csv.ParseOptions(
                    delimiter=self.delimiter,
                    newlines_in_values=True,
                    ignore_empty_lines=len(self.header) > 1,  # of one column it is a row with an empty value
                    invalid_row_handler=remember,
                ),
                convert_options=pa.csv.ConvertOptions(
                    column_types=dict.fromkeys(self.header, pa.string()), strings_can_be_null=False
                ),
            )
            for batch in reader:
                if batch.num_rows:
                    yield batch
        except pa.ArrowInvalid as error:
            raise self._in_words(error) from error

    def _in_words(self, error: pa.ArrowInvalid) -> DataError:
        if self.broken is not None:
            row = self.broken
            where = BELOW_HEADER.format(row.number - 1)
            if self.token in row.text:
                return self._open_quote(row.number - 1)
            return DataError(
                f"{self.name}: {where} has {row.actual_columns} values where the header has "
                f"{row.expected_columns} ({listed(self.header)}); put values that contain {self.delimiter!r} "
                "or line breaks in double quotes"
            )
        if "cannot infer number of columns" in str(error):
            return self._open_quote(0)
        if "straddling" in str(error):
            return DataError(
                f"{self.name}: a row is longer than {self.block_bytes >> 20 or 1} MiB, most likely because a double "
                "quote is never closed; close it, or double the quotes that belong to the text"
            )
        return DataError(f"{self.name} cannot be read as delimited text ({error}); check the file")

    def _open_quote(self, row: int) -> DataError:
        where = BELOW_HEADER.format(row) if row else "the header"
        return DataError(
            f"{self.name}: {where} has a double quote that is never closed; close it, or double the quotes "
            "that belong to the text"
        )


def _sniffed_delimiter(head: bytes) -> str:
    first_line = head.lstrip().splitlines()[0].decode("utf-8", "replace")
    outside_quotes = "".join(first_line.split('"')[::2])
    counts = [outside_quotes.count(mark) for mark in _DELIMITERS]
    return _DELIMITERS[counts.index(max(counts))]


def _header(head: bytes, delimiter: str, name: str) -> list[str]:
    lines = io.StringIO(head.decode("utf-8", "ignore"), newline="")
    header = next((record for record in csv.reader(lines, delimiter=delimiter) if record), [])
    if len(head) == _HEADER_BYTES and lines.tell() >= _HEADER_BYTES:
        raise DataError(
            f"{name}: its first row is longer than 64 KiB; give a table whose first row is a header"
        )
    return header


def _data_row_of_byte(stream: Utf8Stream, delimiter: str) -> int:
    """Number from 1 of the data row in which the stream, cut off right after a byte, ends."""
    text = io.TextIOWrapper(io.BufferedReader(stream), encoding="utf-8", newline="")
    csv.field_size_limit(2**31 - 1)
    records = itertools.dropwhile(operator.not_, csv.reader(text, delimiter=delimiter))
    header = next(records, [])
    return sum(1 for record in records if record or len(header) == 1)
