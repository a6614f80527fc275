"""JSON Lines in pieces of constant size, with one set of columns for the whole file.

A key may be missing in some rows (null there). A column is a string, integer, number or truth value column
when all its values are; a column of lists, objects or of several kinds is carried as JSON text, marked by the
field metadata ``{"counterpoise": "json"}`` so that a JSON Lines writer gives the values back as they were.
"""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from counterpoise.data.bytestreams import Utf8Stream
from counterpoise.data.rows import BY_LINE, Rows
from counterpoise.errors import DataError

JSON_TEXT = {b"counterpoise": b"json"}
"""Field metadata of a column whose strings are JSON."""

_ARROW = {
    "bool": pa.bool_(),
    "int": pa.int64(),
    "float": pa.float64(),
    "str": pa.string(),
    "json": pa.string(),
}
_INT64 = 2**63

Record = tuple[int, dict[str, Any]]


def json_line_rows(
    open_stream: Callable[[], Utf8Stream], *, rows_per_piece: int, again: bool
) -> Iterator[Rows]:
    """Read JSON Lines.

    Parameters
    ----------
    open_stream : callable
        Opens the text of the source.
    rows_per_piece : int
        Rows held at a time.
    again : bool
        Whether the source can be opened twice: then a first pass settles the columns. Otherwise the first
        piece does, and a later row that does not fit them is an error.

    Yields
    ------
    Rows
        With line numbers.

    Raises
    ------
    DataError
        For an empty source, a line that is no JSON object, a row that does not fit; the line is named.
    """
    stream = open_stream()
    name = stream.name
    schema: pa.Schema | None = None
    if again:
        schema, stream = _schema(_kinds(_records(stream))), open_stream()
    records, first = _records(stream), 0
    while piece := list(itertools.islice(records, rows_per_piece)):
        if schema is None:
            schema = _schema(_kinds(iter(piece)))
        elif not again:
            _check_fit(piece, schema, name)
        lines = np.array([line for line, _ in piece], dtype=np.int64)
        yield Rows(_table(piece, schema, name), first, BY_LINE, lines)
        first += len(piece)


def is_json_text(field: pa.Field) -> bool:
    """Whether the strings of a column are JSON, since its values were lists, objects or of several kinds."""
    return bool(field.metadata) and JSON_TEXT.items() <= field.metadata.items()


def in_words(value: Any) -> str:
    """What a JSON value is, for a message."""
    words = {dict: "an object", list: "an array", str: "a string", type(None): "null", bool: "a truth value"}
    return words.get(type(value), "a number")


def _records(stream: Utf8Stream) -> Iterator[Record]:
    empty = True
    for number, line in enumerate(io.BufferedReader(stream, 1 << 20), start=1):
        if line.isspace():
            continue
        empty = False
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise DataError(
                f"{stream.name}: line {number} is not complete JSON ({error.msg} at character "
                f"{error.colno}); JSON Lines has one object on each line"
            ) from None
        except ValueError as error:
            what = str(error).partition(";")[0]
            raise DataError(
                f"{stream.name}: line {number} cannot be read as JSON ({what}); write such a value as a string"
            ) from None
        except RecursionError:
            raise DataError(f"{stream.name}: line {number} is nested too deeply to be read") from None
        if not isinstance(record, dict):
            raise DataError(
                f"{stream.name}: line {number} holds {in_words(record)} where JSON Lines has an object such as "
                '{"text": "...", "label": "..."}'
            )
        yield number, record
    if empty:
        raise DataError(f"{stream.name} is empty; give a file with one JSON object on each line")


def _kind(value: Any) -> str:
    kind = type(value).__name__
    if kind == "int" and not -_INT64 <= value < _INT64:
        return "json"
    return kind if kind in _ARROW else "json"


def _kinds(records: Iterator[Record]) -> dict[str, str]:
    """One kind for each key, in the order in which the keys first come; keys with nulls only are strings."""
    seen: dict[str, set[str]] = {}
    for _, record in records:
        for key, value in record.items():
            kinds = seen.setdefault(key, set())
            if value is not None:
                kinds.add(_kind(value))
    return {key: _common(kinds) for key, kinds in seen.items()}


def _common(kinds: set[str]) -> str:
    if not kinds:
        return "str"
    if kinds == {"int", "float"}:
        return "float"
    return kinds.pop() if len(kinds) == 1 else "json"


def _schema(kinds: dict[str, str]) -> pa.Schema:
    return pa.schema(
        [
            pa.field(key, _ARROW[kind], metadata=JSON_TEXT if kind == "json" else None)
            for key, kind in kinds.items()
        ]
    )


def _check_fit(piece: list[Record], schema: pa.Schema, name: str) -> None:
    allowed = {field.name: _kinds_of(field) for field in schema}
    for line, record in piece:
        for key, value in record.items():
            if key not in allowed or (
                value is not None and allowed[key] and _kind(value) not in allowed[key]
            ):
                what = "a key" if key not in allowed else "a kind of value"
                raise DataError(
                    f"{name}: line {line} has {what} in {key!r} that the first rows do not have; save the "
                    "input to a file, which can be looked through first"
                )


def _kinds_of(field: pa.Field) -> set[str]:
    """Kinds of value that fit a field; none means any."""
    if is_json_text(field):
        return set()
    kind = next(kind for kind, arrow in _ARROW.items() if arrow == field.type)
    return {"int", "float"} if kind == "float" else {kind}


def _table(piece: list[Record], schema: pa.Schema, name: str) -> pa.Table:
    columns = []
    for field in schema:
        values = [record.get(field.name) for _, record in piece]
        if is_json_text(field):
            values = [None if value is None else json.dumps(value, ensure_ascii=False) for value in values]
        try:
            columns.append(pa.array(values, field.type))
        except UnicodeEncodeError:
            raise _lone_surrogate(piece, field.name, name) from None
    return pa.Table.from_arrays(columns, schema=schema)


def _encodable(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _lone_surrogate(piece: list[Record], column: str, name: str) -> DataError:
    line = next(line for line, record in piece if not _encodable(record.get(column)))
    return DataError(
        f"{name}: line {line}, column {column!r} holds half of a surrogate pair (\\ud800 to \\udfff alone), "
        "which is no character; remove it"
    )
