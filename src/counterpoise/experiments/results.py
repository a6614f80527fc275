"""What a finished run hands to the store, and what the store tells of a run.

    result = Result(run, surroundings, metrics={"f1": 0.8}, predictions=predictions, curves={}, fit_seconds=3.1,
                    predict_seconds=0.2, peak_memory=peak_memory())
    result.key, result.differences(other)

No text of the data is in either: metrics, predictions and curves are numbers and names of classes, notes and errors
are sentences of this package.
"""

from __future__ import annotations

import math
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from counterpoise.errors import CounterpoiseError, DataError
from counterpoise.experiments.runs import Run, canonical
from counterpoise.experiments.surroundings import Surroundings
from counterpoise.probes import processor_name


def now() -> str:
    """Date and time in UTC, ISO 8601 to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def described(error: BaseException | str) -> str:
    """An error as a store keeps it: the sentence of one of ours, else its kind, message and last line of code."""
    if isinstance(error, str):
        return error
    if isinstance(error, CounterpoiseError):
        return str(error)
    message = f"{type(error).__name__}: {error}"
    # Code and line alone: a whole traceback would be the machine's paths, and its values may be texts.
    last = traceback.extract_tb(error.__traceback__)[-1:]
    return "".join([message, *(f" ({Path(at.filename).name}:{at.lineno}, {at.name})" for at in last)])


@dataclass(frozen=True, eq=False, kw_only=True)
class Predictions:
    """What a run said of each sample of its test side, and what is known of them.

    Attributes
    ----------
    rows : ndarray of int64, shape (n,)
        Rows of the data.
    labels, decided : ndarray of int64, shape (n,)
        Class numbers: the true ones, and those decided at the tuned thresholds.
    probabilities : ndarray of float32, shape (n, C)
    rare : ndarray of bool, shape (n,)
        Whether it is of the minority (:func:`counterpoise.gamma.minority_sides`).
    hostile : ndarray of int64, shape (n,), or None
        How many of its 5 nearest samples of the fitting side, in the run's own embedding, are of another class; -1 for
        a sample that was not looked up. None for a method without an embedding of its own.
    classes : tuple of str
        Names by class number.

    Raises
    ------
    DataError
        For arrays that do not fit each other.
    """

    rows: np.ndarray
    labels: np.ndarray
    decided: np.ndarray
    probabilities: np.ndarray
    rare: np.ndarray
    hostile: np.ndarray | None
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        for name, kind in COLUMNS.items():
            if getattr(self, name) is None:
                continue
            values = np.asarray(getattr(self, name))
            if kind is np.int64 and values.dtype.kind not in "iu":
                raise DataError(f"{name} of predictions are of type {values.dtype}; give whole numbers")
            object.__setattr__(self, name, values.astype(kind))
        shapes = {name: np.shape(getattr(self, name)) for name in COLUMNS if getattr(self, name) is not None}
        n = len(self.rows)
        if shapes.pop("probabilities") != (n, len(self.classes)) or set(shapes.values()) != {(n,)}:
            raise DataError(
                f"predictions of {len(self.classes)} classes have rows {shapes['rows']}, labels {shapes['labels']} and "
                f"probabilities {np.shape(self.probabilities)}; give one row each, and a column a class"
            )


COLUMNS = {
    "rows": np.int64,
    "labels": np.int64,
    "decided": np.int64,
    "probabilities": np.float32,
    "rare": np.bool_,
    "hostile": np.int64,
}
"""Arrays of :class:`Predictions` and what they hold."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Result:
    """A finished run.

    Attributes
    ----------
    run : Run
    surroundings : Surroundings
        Of the process that executed it.
    metrics : dict of str to float or None
        None where one is undefined or not finite. Timings are not among them, but have attributes of their own.
    predictions : Predictions
    curves : dict
        Numbers by name, in lists and dicts, such as the loss of each epoch, None where not finite; no timings.
    fit_seconds, predict_seconds : float
    peak_memory : int or None
        Bytes; see :func:`counterpoise.experiments.memory.peak_memory`.
    fitting_rows : int or None
        Rows of the fitting side before thinning.
    notes : tuple of str
        What a reader should know, such as a class that is never predicted.
    machine, finished_at : str
        Processor, and UTC to the second; by default of the process and moment of making this object.

    Raises
    ------
    DataError
        For a metric or curve with something else than numbers and None.
    """

    run: Run
    surroundings: Surroundings
    metrics: dict[str, float | None]
    predictions: Predictions
    curves: dict[str, Any]
    fit_seconds: float
    predict_seconds: float
    peak_memory: int | None = None
    fitting_rows: int | None = None
    notes: tuple[str, ...] = ()
    machine: str = field(default_factory=processor_name)
    finished_at: str = field(default_factory=now)

    def __post_init__(self) -> None:
        for name in ("metrics", "curves"):
            object.__setattr__(self, name, _numbers(getattr(self, name), name))

    @property
    def key(self) -> str:
        """The key of the run in the surroundings that it had."""
        return self.run.key_in(self.surroundings)

    def differences(self, other: Result) -> list[str]:
        """What of the row differs, to the bit, from that of another result; timings, memory and machine apart."""
        names = [
            name
            for name in ("metrics", "curves", "notes")
            if canonical(getattr(self, name)) != canonical(getattr(other, name))
        ]
        mine, theirs = self.predictions, other.predictions
        if mine.classes != theirs.classes:
            names.append("classes")
        for name in COLUMNS:
            pair = getattr(mine, name), getattr(theirs, name)
            if not _same(*pair):
                names.append(name)
        return names


@dataclass(frozen=True, eq=False, kw_only=True)
class Record:
    """What a store tells of a run, without predictions and curves.

    Attributes
    ----------
    key : str
    run : Run
    surroundings : Surroundings
    status : {"done", "failed"}
    metrics : dict of str to float or None
        Empty for a failed run, whose seconds and memory are None.
    notes : tuple of str
    fit_seconds, predict_seconds : float or None
    peak_memory : int or None
    machine, finished_at : str
    error : str or None
        Why it failed.
    fitting_rows : int or None, default=None
        None for a failed run, and in rows that were made before it was kept.
    """

    key: str
    run: Run
    surroundings: Surroundings
    status: str
    metrics: dict[str, float | None]
    notes: tuple[str, ...]
    fit_seconds: float | None
    predict_seconds: float | None
    peak_memory: int | None
    machine: str
    finished_at: str
    error: str | None
    fitting_rows: int | None = None


def _same(mine: np.ndarray | None, theirs: np.ndarray | None) -> bool:
    if mine is None or theirs is None:
        return mine is theirs
    return mine.shape == theirs.shape and mine.tobytes() == theirs.tobytes()


def _numbers(value: Any, name: str) -> Any:
    """Copy of nested lists and dicts of numbers; one that is not finite, as a loss can be, becomes None."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): _numbers(each, name) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_numbers(each, name) for each in value]
    if value is None or isinstance(value, int | float):
        return value if value is None or math.isfinite(value) else None
    raise DataError(
        f"{name} of a result hold {type(value).__name__}; give numbers, so that no text is stored"
    )
