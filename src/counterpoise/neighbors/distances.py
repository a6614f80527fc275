"""Distances between rows: exact for given pairs, and what rounding may have done to those of a fast search.

    space = Space("cosine", rows)
    placed = space.place(queries)                         # whose squared Euclidean distances order as the metric does
    keys = space.keys(queries, of, ids)                   # exact for the pairs (queries[of], rows[ids])
    space.lengths(keys)                                   # what the user sees

A fast search expands ``|x - y|**2`` to ``|x|**2 + |y|**2 - 2 x.y``, which loses what the terms have in common:
equal rows come out at 1e-4, or at different distances. So a search only proposes rows; their order is decided by
*keys*: squared Euclidean distances added up from differences in float64, or cosine distances in float64, both
rounded to twelve digits, so that distances that are equal on paper are equal here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

Rows: TypeAlias = Any
"""C-contiguous ndarray of float32, or CSR matrix of float64."""
Floats: TypeAlias = "npt.NDArray[np.floating[Any]]"
Doubles: TypeAlias = "npt.NDArray[np.float64]"
Ids: TypeAlias = "npt.NDArray[np.int64]"

_PAIRS_NUMBERS = 32_768  # float64 numbers at once: what a core's nearest caches hold
_ROWS_NUMBERS = 250_000
_SPARSE_PAIRS = 20_000
_DIGITS = 2**40  # about 1e12
_SAFE = 2.0**20  # rows no longer than it, and queries 2**42 times as long, have squares that float32 holds
_FAR = 2.0**42  # times the longest row: from there all rows are equally far to twelve digits


class Space:
    """Rows under one metric.

    Parameters
    ----------
    metric : {"euclidean", "cosine"}
        A row of zeros is at cosine distance 1 from all rows, as in scikit-learn.
    rows : C-contiguous ndarray of float32 or CSR matrix of float64, shape (n, d)

    Attributes
    ----------
    placed : ndarray of float32 or CSR matrix of float64, shape (n, d) or (n, d + 1)
        The rows themselves where that is good enough. Else, for Euclidean distances, with the mean taken off
        and scaled by a power of two; for cosine, at length 1. Rows of zeros then stand on an axis of their own.
    """

    def __init__(self, metric: str, rows: Rows) -> None:
        self.metric, self.rows = metric, rows
        self._shift = np.zeros(rows.shape[1])
        self._scale, self._far = 1.0, np.inf
        self._norms = _norms(rows)
        self._empty_rows = metric == "cosine" and not self._norms.all()
        if metric == "euclidean" and not sp.issparse(rows):
            self._settle_shift_and_scale()
        self.placed = self._place(rows, self._norms == 0)

    def _settle_shift_and_scale(self) -> None:
        mean = self.rows.mean(axis=0, dtype=np.float64)
        spread = np.mean(self._norms**2) - mean @ mean
        if mean @ mean > spread:
            self._shift = mean
        largest = float(self._norms.max(initial=0.0))
        self._far = _FAR * largest
        if largest > _SAFE or 0 < largest < 1 / _SAFE:
            self._scale = float(2.0 ** -np.round(np.log2(largest)))

    def place(self, queries: Rows) -> Rows:
        """Queries beside :attr:`placed`; those of :meth:`indifferent` may have no place."""
        return self._place(queries, np.zeros(queries.shape[0], dtype=bool))

    def indifferent(self, queries: Rows) -> npt.NDArray[np.bool_]:
        """Which queries have all rows at one distance, to twelve digits: far outside, or without a direction."""
        norms = _norms(queries)
        return norms == 0 if self.metric == "cosine" else norms > self._far

    def _place(self, rows: Rows, on_own_axis: npt.NDArray[np.bool_]) -> Rows:
        if sp.issparse(rows):
            return self.exact_places(rows, on_own_axis)
        if self.metric == "euclidean" and self._scale == 1 and not self._shift.any():
            return rows
        placed = np.empty((len(rows), rows.shape[1] + self._empty_rows), dtype=np.float32)
        with np.errstate(over="ignore"):
            for part in _parts(rows):
                placed[part] = self.exact_places(rows[part], on_own_axis[part])
        return placed

    def exact_places(self, rows: Rows, on_own_axis: npt.NDArray[np.bool_] | None = None) -> Rows:
        """Places in float64; rows marked ``on_own_axis`` are the index's rows of zeros under cosine."""
        if on_own_axis is None:
            on_own_axis = np.zeros(rows.shape[0], dtype=bool)
        axis = on_own_axis[:, None].astype(np.float64)
        if self.metric == "euclidean" and sp.issparse(rows):
            return rows
        if self.metric == "euclidean":
            shifted = rows - self._shift
            return shifted if self._scale == 1 else shifted * self._scale
        norms = _norms(rows)
        inverse = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
        if sp.issparse(rows):
            unit = (sp.diags(inverse) @ rows).tocsr()
            return sp.hstack([unit, sp.csr_matrix(axis)], format="csr") if self._empty_rows else unit
        unit = rows * inverse[:, None]
        return np.hstack([unit, axis]) if self._empty_rows else unit

    def keys(self, queries: Rows, of: Ids, ids: Ids) -> Doubles:
        """Keys of the pairs ``queries[of[i]]``, ``rows[ids[i]]``: equal rows get equal keys, and 0 to each other."""
        sums = np.empty(len(ids))
        step = _SPARSE_PAIRS if sp.issparse(queries) else max(8, _PAIRS_NUMBERS // queries.shape[1])
        for start in range(0, len(ids), step):
            part = slice(start, start + step)
            rows, others = _taken(self.rows, ids[part]), _taken(queries, of[part])
            sums[part] = _squares(rows - others) if self.metric == "euclidean" else _dots(rows, others)
        if self.metric == "euclidean":
            return _rounded_mantissa(sums)
        lengths = _norms(queries)[of] * self._norms[ids]
        cosines = np.divide(sums, lengths, out=np.zeros(len(ids)), where=lengths > 0)
        return np.maximum(np.rint((1 - cosines) * _DIGITS) / _DIGITS, 0.0)

    def lengths(self, keys: Doubles) -> Doubles:
        """Distances of the metric from keys."""
        return np.sqrt(keys) if self.metric == "euclidean" else keys

    def placed_squared(self, keys: Doubles) -> Doubles:
        """Squared Euclidean distances between places from keys."""
        return keys * self._scale**2 if self.metric == "euclidean" else 2 * keys

    def slack(self, placed: Rows, keys: Doubles, roundoff: float) -> Doubles:
        """How far rounding can carry the squared distance of any row within ``keys`` of a query.

        The expanded form of a sum over ``d`` products has an error of at most ``d`` units of the last place of
        ``(|x| + |y|)**2`` (Higham 2002, section 3.1), and a row ``y`` within ``t`` of ``x`` is no longer than
        ``|x| + t``. Places carry a rounding of their own, and so do keys.

        Parameters
        ----------
        placed : ndarray or CSR matrix, shape (q, d)
            Places of the queries.
        keys : ndarray of float64, shape (q,)
        roundoff : float
            Of the arithmetic that added the products up.

        References
        ----------
        Higham, "Accuracy and Stability of Numerical Algorithms", second edition, SIAM 2002.
        """
        size = 2 * _norms(placed) + np.sqrt(self.placed_squared(keys))
        own = 2.0**-24 if placed.dtype == np.float32 else 2.0**-53
        return (placed.shape[1] * roundoff + 8 * max(roundoff, own) + 2 / _DIGITS) * size**2 + 1e-35

    def blocks(self, places: Rows) -> Iterator[tuple[int, Doubles]]:
        """Squared distances in float64 from places to the rows from ``start`` on; block by block, in order."""
        sizes = _squares(places)
        for part in _parts(self.rows):
            rows = self.exact_places(self.rows[part], self._norms[part] == 0)
            squared = places @ rows.T
            squared = squared.toarray() if sp.issparse(squared) else squared
            squared *= -2
            squared += sizes[:, None]
            squared += _squares(rows)
            yield part.start, squared


def _parts(rows: Rows) -> Iterator[slice]:
    step = max(1, min(8192, _ROWS_NUMBERS // max(1, rows.shape[1])))
    for start in range(0, rows.shape[0], step):
        yield slice(start, min(start + step, rows.shape[0]))


def _norms(rows: Rows) -> Doubles:
    if sp.issparse(rows):
        return np.sqrt(_squares(rows))
    return np.sqrt(np.concatenate([_squares(_wide(rows[part])) for part in _parts(rows)] or [np.empty(0)]))


def _wide(rows: Rows) -> Rows:
    return rows if sp.issparse(rows) else rows.astype(np.float64, copy=False)


def _taken(rows: Rows, ids: Ids) -> Rows:
    return rows[ids] if sp.issparse(rows) else rows.take(ids, axis=0).astype(np.float64)


def _squares(rows: Rows) -> Doubles:
    return _dots(rows, rows)


def _dots(one: Rows, other: Rows) -> Doubles:
    """Products of rows with like rows, each added up in the same order wherever it stands."""
    if sp.issparse(one):
        return np.asarray(one.multiply(other).sum(axis=1), dtype=np.float64).ravel()
    return np.einsum("pd,pd->p", one, other)


def _rounded_mantissa(values: Doubles) -> Doubles:
    """Positive values to 40 of their 52 binary digits."""
    bits = values.view(np.int64)
    return ((bits + (1 << 11)) & ~((1 << 12) - 1)).view(np.float64)
