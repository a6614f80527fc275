"""A run: one cell of a grid of data set, imbalance, method, backbone, fold and seed, and the key of its row.

>>> run = Run(
...     dataset="sms_spam", content=content_hash(["win cash", "see you"], ["spam", "ham"]), minority="spam", keep="10%",
...     method="tfidf_lr", method_settings={}, backbone=None, backbone_settings={}, estimator={"threshold": 0.5},
...     n_folds=5, fold=0, seed=0,
... )
>>> run.keep, Run.from_fields(run.fields) == run
(0.1, True)
>>> run.key                                                                        # doctest: +SKIP
'0d9a8d6f2b6f9e2d3c41'

The same key gives the same row: to the bit with one thread on one machine, timings and memory apart.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import fields as fields_of
from numbers import Integral, Real
from typing import Any

import numpy as np

from counterpoise.data.imbalance import parse_keep
from counterpoise.errors import SettingsError
from counterpoise.experiments.surroundings import Surroundings

_DIGITS = 20  # 80 bits: a million runs meet with a chance of one in a million millions
_NUMBER_TYPES = {"b": "|u1", "i": "<i8", "u": "<u8", "f": "<f8", "M": "<M8[ns]"}


@dataclass(frozen=True, eq=False, kw_only=True)
class Run:
    """One cell of a grid, pure in its inputs. Equal if all fields are; settings are copied and made JSON values.

    Attributes
    ----------
    dataset : str
        Name of the data, for people.
    content : str
        :func:`content_hash` of the data.
    minority : str or None
        The class that matters; None when all do.
    keep : str, int, float or None
        How much of the minority, or of all classes, the fitting side keeps; held as
        :func:`counterpoise.data.imbalance.parse_keep` reads it, so that ``"10%"`` and ``0.1`` are the same run.
    method : str
    method_settings : dict
        Without the prefix ``method__``. A default left out and a default spelt out are different runs.
    backbone : str or None
    backbone_settings : dict
        Without the prefix ``backbone__``.
    estimator : dict
        Further settings of the classifier: threshold, max_epochs, precision. No checkpoint, which changes no row.
    n_folds, fold : int
        ``fold`` counts from 0.
    seed : int
        The root seed of folds, thinning and fits.
    trials : int, default=0
        Settings tried on the fitting side before the fit (:mod:`counterpoise.experiments.tuning`); 0 takes them as
        they are.
    thinned_as : str, int, float or None, default=None
        Of a run that keeps all of the minority: the share or count that those keep which it is held against. It is
        judged as they are too, by metrics with the suffix ``_thinned``, for which the minority of the test side weighs
        the share that they keep of the same fitting side. None leaves these metrics out; it is in no key.

    Raises
    ------
    SettingsError
        For a fold that is not one of the folds, a setting that JSON cannot hold, and ``thinned_as`` where something is
        thinned or that is a profile, which has no one share.
    """

    dataset: str
    content: str
    minority: str | None
    keep: str | float | None
    method: str
    method_settings: dict[str, Any]
    backbone: str | None
    backbone_settings: dict[str, Any]
    estimator: dict[str, Any]
    n_folds: int
    fold: int
    seed: int
    trials: int = 0
    thinned_as: str | float | None = None

    def __post_init__(self) -> None:
        for name in (field.name for field in fields_of(self)):
            value = getattr(self, name)
            if name in ("keep", "thinned_as") and value is not None:
                value = parse_keep(value)
            object.__setattr__(self, name, json_value(value, name))
        if self.thinned_as is not None and (self.keep is not None or isinstance(self.thinned_as, str)):
            raise SettingsError(
                f"thinned_as is {self.thinned_as!r} and keep {self.keep!r}; give a share or count of one class, and no "
                "keep beside it"
            )
        if not 0 <= self.fold < self.n_folds:
            raise SettingsError(
                f"fold is {self.fold}, but folds are counted from 0 to {self.n_folds - 1}; give one of these"
            )

    @property
    def fields(self) -> dict[str, Any]:
        """All fields as JSON values, settings copied."""
        return json.loads(self._canonical)

    @property
    def settings(self) -> dict[str, Any]:
        """All settings that were given, as a classifier takes them: its own, ``method__x`` and ``backbone__x``."""
        return {
            **self.estimator,
            **{f"method__{name}": value for name, value in self.method_settings.items()},
            **{f"backbone__{name}": value for name, value in self.backbone_settings.items()},
        }

    @classmethod
    def from_fields(cls, values: Mapping[str, Any]) -> Run:
        """The inverse of :attr:`fields`."""
        return cls(**values)

    @property
    def key(self) -> str:
        """The key in this process: 20 hexadecimal digits."""
        return self.key_in(Surroundings.here(self))

    def key_in(self, surroundings: Surroundings) -> str:
        """The key of the row that this run gives in some surroundings.

        Parameters
        ----------
        surroundings : Surroundings
            Those of the process that executes the run, which need not be this one.

        Returns
        -------
        str
            20 hexadecimal digits of the SHA-256 of all fields of both.
        """
        text = canonical({"run": self.fields, "surroundings": surroundings.fields})
        return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]

    @property
    def _canonical(self) -> str:
        values = {field.name: getattr(self, field.name) for field in fields_of(self)}
        # It came later: runs without it keep the keys that they have had.
        return canonical({k: v for k, v in values.items() if k != "thinned_as" or v is not None})

    # By what is written rather than by value: 1, 1.0 and True are equal in Python and other settings to a method.
    def __eq__(self, other: object) -> bool:
        return self._canonical == other._canonical if isinstance(other, Run) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._canonical)


def canonical(value: Any) -> str:
    """JSON without spaces, keys sorted: the one way to write a value that consists of JSON values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def json_value(value: Any, name: str) -> Any:
    """Copy of a value as JSON holds it: arrays and tuples as lists, NumPy numbers as Python's.

    Parameters
    ----------
    value : object
    name : str
        What messages call it.

    Raises
    ------
    SettingsError
        For what JSON cannot hold or would confuse: other objects, numbers that are not finite, and keys that
        are no strings, since 1 and ``"1"`` would become the same key.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real) and math.isfinite(value):
        return float(value)
    if isinstance(value, np.ndarray):
        return json_value(value.tolist(), name)
    if isinstance(value, list | tuple):
        return [json_value(each, name) for each in value]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: json_value(each, f"{name}[{key!r}]") for key, each in value.items()}
    wanted = "finite numbers, strings, booleans, None, and lists and dicts (by string) of these"
    raise SettingsError(f"{name} of a run is {value!r}; a run takes {wanted}")


def content_hash(inputs: Any, labels: Any, groups: Any = None, time: Any = None, test: Any = None) -> str:
    """Hash of the data that a grid runs on; the order of rows counts, since folds depend on it.

    Parameters
    ----------
    inputs : sequence of n str, or ndarray of numbers, shape (n, ...)
    labels : sequence of n strings, integers or booleans
    groups, time : sequence of n values or None
        None is something else than any column.
    test : sequence of n bool or None
        Which rows are the test side, where that is given.

    Returns
    -------
    str
        20 hexadecimal digits, equal on every platform.
    """
    digest = hashlib.sha256()
    columns = [("texts", inputs), ("labels", labels), ("groups", groups), ("time", time)]
    for name, column in [*columns, *([] if test is None else [("test", test)])]:
        digest.update(f"{name} {'absent' if column is None else len(column)}\n".encode())
        if column is not None:
            _add(digest, column)
    return digest.hexdigest()[:_DIGITS]


def _add(digest: Any, values: Any) -> None:
    # NumPy would give each of a list of texts the room of the longest.
    listed = not isinstance(values, np.ndarray) and all(isinstance(value, str) for value in values)
    column = np.array(values, dtype=object) if listed else np.asarray(values)
    if column.ndim > 1:
        digest.update(f"{column.dtype.str} {column.shape}\n".encode())
        digest.update(np.ascontiguousarray(column).data)
        return
    if kept := _NUMBER_TYPES.get(column.dtype.kind):
        digest.update(f"{column.dtype.kind}\n".encode())
        digest.update(np.ascontiguousarray(column, dtype=kept).tobytes())
        return
    for value in column.tolist():
        # With its length before it, so that no two columns run together to the same bytes.
        kind, said = ("str", value) if isinstance(value, str) else (type(value).__name__, repr(value))
        written = said.encode("utf-8", "surrogatepass")
        digest.update(f"{kind} {len(written)}\n".encode())
        digest.update(written)
