"""Texts and labels as Python users hold them: lists, NumPy, pandas, polars, Arrow, Hugging Face ``datasets``.

>>> as_texts(["a first text", "a second"]).tolist()
['a first text', 'a second']
>>> as_labels(["ham", "spam"]).tolist()
['ham', 'spam']

None of those packages is imported here: an object's package is told by the module of its type.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from counterpoise.errors import DataError

TEXT_SEPARATOR = "\n"
"""What stands between the values of several text columns: a line break, as between a title and its body."""


def as_texts(X: Any) -> np.ndarray:
    """Texts as a 1-D array of ``str``.

    Parameters
    ----------
    X : sequence of str
        A list, tuple or NumPy array of strings; a pandas or polars Series; a pandas or Arrow array; a column of a
        Hugging Face dataset; or a table of one of those packages, whose columns, when several, are joined
        with line breaks.

    Returns
    -------
    ndarray of object, shape (n_samples,)

    Raises
    ------
    DataError
        For a single string, bytes, numbers, lists, missing or blank texts (the first position is named), and
        when there is no text at all.
    """
    columns = _columns(X, "texts")
    checked = [_checked_texts(column, allow_blank=len(columns) > 1) for column in columns]
    if len(checked) == 1:
        texts = checked[0]
    else:
        texts = [
            TEXT_SEPARATOR.join(part for part in row if part.strip()) for row in zip(*checked, strict=True)
        ]
        texts = _checked_texts(texts)
    if not texts:
        raise DataError("there are no texts (0 samples); give at least one")
    return _object_array(texts)


def as_labels(y: Any) -> np.ndarray:
    """Labels as a 1-D array: strings as ``str`` objects, integers, truth values and whole floats as they are.

    Parameters
    ----------
    y : sequence of labels
        What :func:`as_texts` takes, of one column; a NumPy array of shape ``(n, 1)`` is flattened with a
        warning, as scikit-learn does.

    Returns
    -------
    ndarray, shape (n_samples,)
        Of dtype object when the labels are strings, and otherwise of the dtype they came with.

    Raises
    ------
    DataError
        For missing labels, fractions, strings mixed with numbers, several columns, no label at all.
    """
    columns = _columns(y, "labels")
    if len(columns) != 1:
        raise DataError(
            f"labels have {len(columns)} columns; give one (several labels for one text are not supported)"
        )
    values = columns[0]
    if isinstance(y, np.ndarray) and y.ndim == 2:
        from sklearn.exceptions import DataConversionWarning

        message = "A column-vector y was passed when a 1d array was expected"
        warnings.warn(f"{message}; it is flattened.", DataConversionWarning, stacklevel=2)
    if not len(values):
        raise DataError("there are no labels (0 samples); give at least one")
    if isinstance(values, np.ndarray) and values.dtype.kind in "iub":
        return values
    for position, value in enumerate(values):
        if _is_missing(value):
            raise DataError(f"the label at position {position} is missing ({value!r}); fill it in or drop it")
    kinds = {_label_kind(value) for value in values}
    if kinds == {"string"}:
        return _object_array([str(value) for value in values])
    if kinds <= {"number", "truth value"}:
        return _numbers(values)
    raise DataError(f"labels are {' and '.join(sorted(kinds))}s; give strings only, or whole numbers only")


def _columns(data: Any, what: str) -> list[Any]:
    """The columns of whatever was given, each a sequence that can be measured and walked."""
    package = type(data).__module__.partition(".")[0]
    if isinstance(data, str | bytes):
        raise DataError(f"{what} are one {type(data).__name__}; give a list of them, such as [{data[:20]!r}]")
    if package == "polars" and hasattr(data, "collect"):
        raise DataError(
            f"{what} are a polars {type(data).__name__}, which holds no values yet; call .collect() on it"
        )
    if package == "pandas" and (
        hasattr(data, "to_frame") or hasattr(data, "iloc")
    ):  # its arrays have neither
        frame = data.to_frame() if data.ndim == 1 else data
        return [frame.iloc[:, i].to_numpy() for i in range(frame.shape[1])]
    if package == "polars":
        frame = data.to_frame() if len(data.shape) == 1 else data
        return [column.to_list() for column in frame.get_columns()]
    if package == "pyarrow":
        return [column.to_pylist() for column in (data.columns if hasattr(data, "columns") else [data])]
    if package == "datasets" and hasattr(data, "column_names"):
        return [list(data[name]) for name in data.column_names]
    if isinstance(data, np.ndarray) or hasattr(data, "__array__"):
        return _array_columns(np.asarray(data), what)
    if (
        isinstance(data, dict | set | frozenset)
        or not hasattr(data, "__len__")
        or not hasattr(data, "__iter__")
    ):
        raise DataError(
            f"{what} are of type {type(data).__name__}; give a list, an array, a Series or a column"
        )
    return [list(data)]


def _array_columns(data: np.ndarray, what: str) -> list[Any]:
    if data.ndim == 2:
        return [data[:, i] for i in range(data.shape[1])]
    if data.ndim != 1:
        raise DataError(f"{what} are an array of {data.ndim} dimensions; give one with 1")
    return [data]


def _is_missing(value: Any) -> bool:
    # pandas' NA and NaT are known by name, since pandas may be absent; NaN differs from itself.
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float | np.floating) and bool(value != value)


def _checked_texts(values: Sequence[Any], allow_blank: bool = False) -> list[str]:
    texts: list[str] = []
    for position, value in enumerate(values):
        text = "" if allow_blank and _is_missing(value) else value
        if _is_missing(text):
            raise DataError(f"the text at position {position} is missing ({value!r}); fill it in or drop it")
        if not isinstance(text, str):
            shown = repr(value)[:40]
            raise DataError(
                f"the text at position {position} is of type {type(value).__name__} ({shown}); give strings"
            )
        if not (allow_blank or text.strip()):
            raise DataError(f"the text at position {position} is empty; fill it in or drop it")
        texts.append(str(text))
    return texts


def _label_kind(value: Any) -> str:
    if isinstance(value, str):
        return "string"
    if isinstance(value, bool | np.bool_):
        return "truth value"
    if isinstance(value, int | float | np.number):
        return "number"
    return f"{type(value).__name__} object"


def _numbers(values: Sequence[Any]) -> np.ndarray:
    numbers = np.asarray(values)
    if numbers.dtype == object:
        numbers = np.array(list(values))
    if numbers.dtype.kind == "f":
        bad = np.flatnonzero(~np.isfinite(numbers) | (numbers != np.floor(numbers)))
        if bad.size:
            raise DataError(
                f"Unknown label type: continuous; the label at position {bad[0]} is {numbers[bad[0]]}, and a "
                "label is a class, not a measurement: give strings or whole numbers"
            )
    return numbers


def _object_array(strings: list[str]) -> np.ndarray:
    array = np.empty(len(strings), dtype=object)
    array[:] = strings
    return array
