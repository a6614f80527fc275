"""What a finished run hands to the store, and what the store tells of a run.

    result = Result(run, surroundings, metrics={"f1": 0.8}, rows=test, probabilities=probabilities, curves={},
                    fit_seconds=3.1, predict_seconds=0.2, peak_memory=peak_memory())
    result.key, result.differences(other)

No text of the data is in either: metrics and curves are numbers, notes and errors are sentences of this package.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np

from counterpoise.errors import DataError
from counterpoise.experiments.runs import Run, canonical
from counterpoise.experiments.surroundings import Surroundings
from counterpoise.probes import processor_name


def now() -> str:
    """Date and time in UTC, ISO 8601 to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def peak_memory() -> int | None:
    """Most memory that this process has held at a time, in bytes; None where the platform does not tell.

    It never falls, so it is a run's own only in a process that has run nothing larger before.
    """
    try:
        import resource
    except ImportError:
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


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
    rows : ndarray of int64, shape (n,)
        Rows of the data that were predicted.
    probabilities : ndarray of float32, shape (n, C)
    curves : dict
        Numbers by name, in lists and dicts, such as the loss of each epoch, None where not finite; no timings.
    fit_seconds, predict_seconds : float
    peak_memory : int or None
        Bytes; see :func:`peak_memory`.
    notes : tuple of str
        What a reader should know, such as a class that is never predicted.
    machine, finished_at : str
        Processor, and UTC to the second; by default of the process and moment of making this object.

    Raises
    ------
    DataError
        For arrays that do not fit each other, or a metric or curve with something else than numbers and None.
    """

    run: Run
    surroundings: Surroundings
    metrics: dict[str, float | None]
    rows: np.ndarray
    probabilities: np.ndarray
    curves: dict[str, Any]
    fit_seconds: float
    predict_seconds: float
    peak_memory: int | None = None
    notes: tuple[str, ...] = ()
    machine: str = field(default_factory=processor_name)
    finished_at: str = field(default_factory=now)

    def __post_init__(self) -> None:
        rows, probabilities = np.asarray(self.rows), np.asarray(self.probabilities, dtype=np.float32)
        if rows.ndim != 1 or rows.dtype.kind not in "iu" or probabilities.ndim != 2:
            raise DataError(
                f"a result has rows of shape {rows.shape} and type {rows.dtype} and probabilities of shape "
                f"{probabilities.shape}; give row numbers (n,) and probabilities (n, C)"
            )
        if len(rows) != len(probabilities):
            raise DataError(
                f"a result has {len(rows)} row numbers and {len(probabilities)} rows of probabilities; give one each"
            )
        object.__setattr__(self, "rows", rows.astype(np.int64))
        object.__setattr__(self, "probabilities", probabilities)
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
        for name in ("rows", "probabilities"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine.shape != theirs.shape or mine.tobytes() != theirs.tobytes():
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
