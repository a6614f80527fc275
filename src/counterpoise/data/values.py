"""Arrow columns to the NumPy arrays the rest of the package works on, checked value by value.

``texts_of``, ``labels_of``, ``groups_of`` and ``times_of`` take :class:`~counterpoise.data.rows.Rows` and
either give a 1-D array or say which row of which column cannot be used, and why.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from counterpoise.data.arrow_files import class_names
from counterpoise.data.columns import OF_NUMBERS, all_numbers, as_strings, is_string
from counterpoise.data.json_lines import in_words, is_json_text
from counterpoise.data.python_inputs import TEXT_SEPARATOR
from counterpoise.data.rows import Rows
from counterpoise.errors import DataError


def texts_of(rows: Rows, columns: Sequence[str], name: str, *, refuse_numbers: bool = True) -> np.ndarray:
    """Texts of the rows.

    Parameters
    ----------
    rows : Rows
        The rows.
    columns : sequence of str
        Where the texts stand; several are joined with a line break, leaving out blank ones.
    name : str
        What messages call the source.
    refuse_numbers : bool, default=True
        Whether a string column of numbers only is an error. A stream asks for its first piece only.

    Returns
    -------
    ndarray of object, shape (n,)
        ``str``, none of them blank.

    Raises
    ------
    DataError
        For a column that is not of strings or holds numbers only, and for a null or blank text.
    """
    parts = []
    for column in columns:
        values = _values(rows, column, name, "text")
        if not is_string(values.type) and not pa.types.is_null(values.type):
            held = _kind(values.type)
            raise DataError(
                f"{name}: the text column {column!r} holds {held}, not texts; name another one "
                f"with --text, out of {', '.join(map(repr, rows.table.column_names))}"
                f"{f'; {OF_NUMBERS}' if held.startswith('numbers') else ''}"
            )
        values = as_strings(values)
        if refuse_numbers and all_numbers(values):
            raise DataError(
                f"{name}: every value in the text column {column!r} is a number; name another one with "
                f"--text, out of {', '.join(map(repr, rows.table.column_names))}; {OF_NUMBERS}"
            )
        parts.append(values)
    if len(parts) == 1:
        texts = parts[0]
    else:
        filled = [pc.if_else(_blank(part), pa.scalar(None, pa.large_string()), part) for part in parts]
        separator = pa.scalar(TEXT_SEPARATOR, pa.large_string())
        texts = pc.binary_join_element_wise(*filled, separator, null_handling="skip")
    bad = _first(_blank(texts))
    if bad is not None:
        what = "no text (null)" if texts[bad].as_py() is None else "an empty text"
        raise DataError(
            f"{name}: {rows.where(bad)} has {what} in column {' + '.join(map(repr, columns))}; fill it in or "
            "drop the row"
        )
    return np.asarray(texts.to_numpy(), dtype=object)


def labels_of(rows: Rows, column: str, name: str) -> np.ndarray:
    """Class names of the rows.

    Parameters
    ----------
    rows : Rows
        The rows.
    column : str
        Where the labels stand: strings, integers, truth values (``"True"``, ``"False"``), whole numbers
        stored as floats (``"3"``), or a ClassLabel of Hugging Face ``datasets``, whose names are taken.
    name : str
        What messages call the source.

    Returns
    -------
    ndarray of object, shape (n,)
        ``str``.

    Raises
    ------
    DataError
        For a missing or blank label, a fraction, or a column of anything else.
    """
    values = _values(rows, column, name, "label")
    names = class_names(rows.table.schema.field(column), rows.table.schema)
    if names is not None and pa.types.is_integer(values.type):
        values = _named(rows, column, values, names, name)
    elif pa.types.is_floating(values.type):
        values = _whole(rows, column, values, name)
    elif pa.types.is_boolean(values.type):
        values = pc.if_else(values, "True", "False")
    elif not (is_string(values.type) or pa.types.is_integer(values.type) or pa.types.is_null(values.type)):
        raise DataError(
            f"{name}: the label column {column!r} holds {_kind(values.type)}; a label is a string, a whole "
            "number or a truth value"
        )
    return _filled_in(rows, column, as_strings(values), name, "label")


def groups_of(rows: Rows, column: str, name: str) -> np.ndarray:
    """Group of each row as ``str``, shape (n,); rows of one group are never split.

    Raises
    ------
    DataError
        For a missing group or a column of lists.
    """
    values = _nan_as_null(_values(rows, column, name, "group"))
    if pa.types.is_nested(values.type):
        raise DataError(
            f"{name}: the group column {column!r} holds {_kind(values.type)}; give one value a row"
        )
    return _filled_in(rows, column, as_strings(values), name, "group")


def times_of(rows: Rows, column: str, name: str) -> np.ndarray:
    """Time of each row, shape (n,), of a dtype that sorts: float64, or datetime64[us].

    Takes numbers, dates, timestamps (with a zone: moved to UTC), and strings that are all numbers or all ISO
    8601 dates or times.

    Raises
    ------
    DataError
        For a missing time, or one that cannot be read.
    """
    values = _nan_as_null(_values(rows, column, name, "time"))
    if is_string(values.type):
        strings = _filled_in(rows, column, as_strings(values), name, "time")
        return _parsed_times(rows, strings, column, name)
    _refuse_nulls(rows, column, values, name, "time")
    if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        return np.asarray(values.to_numpy(), dtype=np.float64)
    if pa.types.is_date(values.type) or pa.types.is_timestamp(values.type):
        to_microseconds = pc.CastOptions(target_type=pa.timestamp("us"), allow_time_truncate=True)
        try:
            return np.asarray(values.cast(options=to_microseconds).to_numpy(), dtype="datetime64[us]")
        except pa.ArrowInvalid:
            raise DataError(
                f"{name}: the time column {column!r} holds a time that is too far away to be compared in "
                "microseconds; correct it, or give the years as numbers"
            ) from None
    raise DataError(
        f"{name}: the time column {column!r} holds {_kind(values.type)}; give dates, times or numbers"
    )


def _values(rows: Rows, column: str, name: str, role: str) -> pa.ChunkedArray:
    """Values of a column; of one that is carried as JSON text the strings, and nothing but strings may be there."""
    values = rows.table.column(column)
    if not is_json_text(rows.table.schema.field(column)):
        return values
    found = [None if value is None else json.loads(value) for value in values.to_pylist()]
    for i, value in enumerate(found):
        if not isinstance(value, str | None):
            raise DataError(
                f"{name}: {rows.where(i)} has {in_words(value)} in the {role} column {column!r}; write all of its "
                "values as strings, or name another one"
            )
    return pa.chunked_array([pa.array(found, pa.large_string())])


def _nan_as_null(values: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_floating(values.type):
        return values
    return pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)


def _parsed_times(rows: Rows, strings: np.ndarray, column: str, name: str) -> np.ndarray:
    if all_numbers(pa.chunked_array([pa.array(strings, pa.large_string())])):
        return strings.astype(np.float64)
    times = []
    for i, text in enumerate(strings):
        try:
            time = datetime.fromisoformat(text.strip())
            times.append(time if time.tzinfo is None else time.astimezone(UTC).replace(tzinfo=None))
        except (ValueError, OverflowError):
            raise DataError(
                f"{name}: {rows.where(i)} has {text!r} in the time column {column!r}; give numbers, or ISO "
                "dates and times such as 2026-03-01 or 2026-03-01 12:30:00"
            ) from None
    return np.array(times, dtype="datetime64[us]")


def _named(rows: Rows, column: str, values: pa.ChunkedArray, names: list[str], name: str) -> pa.ChunkedArray:
    bad = _first(pc.or_(pc.less(values, 0), pc.greater_equal(values, len(names))))
    if bad is not None:
        raise DataError(
            f"{name}: {rows.where(bad)} has {values[bad].as_py()} in the label column {column!r}, which "
            f"stands for none of its {len(names)} classes (-1 means unlabelled); drop the row"
        )
    return pc.take(pa.array(names, pa.large_string()), values)


def _whole(rows: Rows, column: str, values: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    values = _nan_as_null(values)
    _refuse_nulls(rows, column, values, name, "label")
    bad = _first(pc.or_(pc.invert(pc.is_finite(values)), pc.not_equal(pc.floor(values), values)))
    if bad is not None:
        raise DataError(
            f"{name}: {rows.where(bad)} has {values[bad].as_py()} in the label column {column!r}; a label is "
            "a class, not a measurement: give strings or whole numbers"
        )
    return values.cast(pa.int64())


def _filled_in(rows: Rows, column: str, strings: pa.ChunkedArray, name: str, role: str) -> np.ndarray:
    _refuse_nulls(rows, column, strings, name, role)
    bad = _first(_blank(strings))
    if bad is not None:
        raise DataError(
            f"{name}: {rows.where(bad)} has an empty {role} in column {column!r}; fill it in or drop it"
        )
    return np.asarray(strings.to_numpy(), dtype=object)


def _refuse_nulls(rows: Rows, column: str, values: pa.ChunkedArray, name: str, role: str) -> None:
    bad = _first(pc.is_null(values)) if values.null_count else None
    if bad is not None:
        raise DataError(
            f"{name}: {rows.where(bad)} has no {role} (null) in column {column!r}; fill it in or drop it"
        )


def _blank(strings: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whether each value is null, empty or nothing but white space."""
    return pc.fill_null(pc.or_(pc.equal(strings, ""), pc.utf8_is_space(strings)), True)


def _first(mask: pa.ChunkedArray) -> int | None:
    index = pc.index(mask, True).as_py()
    return None if index < 0 else index


def _kind(arrow_type: pa.DataType) -> str:
    """What a column of this type holds, in a user's words."""
    types = pa.types
    if types.is_integer(arrow_type) or types.is_floating(arrow_type) or types.is_decimal(arrow_type):
        return f"numbers ({arrow_type})"
    if types.is_nested(arrow_type):
        return f"lists or objects ({arrow_type})"
    return f"truth values ({arrow_type})" if types.is_boolean(arrow_type) else f"values of type {arrow_type}"
