"""gamma: how many of a sample's nearest neighbours are of another class.

    sides, rare = minority_sides(labels, "spam")
    found = measure_difficulty(held_out, held_out_sides, training, training_sides, k=5)
    found.share, found.difficult, found.ranked()

A minority sample is difficult when its gamma is above 0 (Tian et al., EMNLP 2021, section 7.1). This file counts
in an embedding it is given; which embedding can be trusted is the matter of :mod:`counterpoise.difficulty`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from numbers import Integral
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from counterpoise.data.near import listed, near_match
from counterpoise.errors import DataError, SettingsError
from counterpoise.neighbors import NearestNeighbors
from counterpoise.seeding import generator

Ints: TypeAlias = NDArray[np.int64]
Embedding: TypeAlias = Any
"""Rows to compare, ``(n, d)``: an ndarray, or a sparse matrix."""

MAJORITY_ASKED = 2000
"""Majority samples looked up by default: their share is then known to two points or better."""

_CELLS_AT_ONCE = 4_000_000


@dataclass(frozen=True, eq=False)
class Difficulty:
    """Samples with their nearest neighbours.

    Attributes
    ----------
    rows : ndarray of int64, shape (m,)
        Which samples were looked up.
    labels : ndarray, shape (m,)
        Their classes.
    neighbours : ndarray of int64, shape (m, k)
        Rows of the nearest samples, the nearest first; -1 where there are fewer than k.
    distances : ndarray of float32, shape (m, k)
        To each neighbour, cosine or Euclidean; infinite where there is none.
    hostile : ndarray of bool, shape (m, k)
        Whether the neighbour is of another class (of the minority, for a sample of the majority).
    """

    rows: Ints
    labels: NDArray[Any]
    neighbours: Ints
    distances: NDArray[np.float32]
    hostile: NDArray[np.bool_]

    @property
    def k(self) -> int:
        """Neighbours looked at."""
        return self.neighbours.shape[1]

    @property
    def gamma(self) -> Ints:
        """Number of hostile neighbours of each sample, ``(m,)``."""
        return self.hostile.sum(axis=1, dtype=np.int64)

    @property
    def degree(self) -> NDArray[np.float64]:
        """Share of each sample's neighbours that are hostile, ``(m,)``; 0 without any neighbour."""
        return self.gamma / np.maximum((self.neighbours >= 0).sum(axis=1), 1)

    @property
    def difficult(self) -> Ints:
        """Rows of the samples with at least one hostile neighbour."""
        return self.rows[self.gamma > 0]

    @property
    def share(self) -> float | None:
        """Share of samples with at least one hostile neighbour; None without samples."""
        return float((self.gamma > 0).mean()) if len(self.rows) else None

    def ranked(self) -> Ints:
        """Positions from the most difficult sample to the least: by gamma, then by the nearest hostile one."""
        nearest = np.where(self.hostile, self.distances, np.inf).min(axis=1, initial=np.inf)
        return np.lexsort((self.rows, nearest, -self.gamma))

    def take(self, positions: NDArray[Any]) -> Difficulty:
        """Some of the samples, by position or mask."""
        return Difficulty(*(getattr(self, field.name)[positions] for field in fields(self)))

    @classmethod
    def joined(cls, parts: Sequence[Difficulty]) -> Difficulty:
        """The samples of several measurements with one k, in the order of their rows."""
        columns = ([getattr(part, field.name) for part in parts] for field in fields(cls))
        whole = cls(*(np.concatenate(column) for column in columns))
        return whole.take(np.argsort(whole.rows, kind="stable"))


class Sides(NamedTuple):
    """Who is set against whom: ``sides (n,)`` differ between hostile samples, ``rare (n,)`` is the minority."""

    sides: Ints
    rare: NDArray[np.bool_]


def minority_sides(labels: NDArray[Any], minority: Any = None) -> Sides:
    """Tell the minority from the rest.

    Parameters
    ----------
    labels : ndarray, shape (n,)
    minority : label or None, default=None
        The class set against all others; None sets every class below the largest against all others.

    Returns
    -------
    Sides
        With classes of one size and none named, no sample is of the minority.

    Raises
    ------
    SettingsError
        When there is no such class.
    """
    names, sides, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if minority is None:
        return Sides(sides.astype(np.int64), (counts < counts.max(initial=0))[sides])
    rare = np.array([label == minority for label in labels], dtype=bool)
    if not rare.any():
        known = [str(name) for name in names]
        raise SettingsError(
            f"there is no class {minority!r}; there are {listed(known)}{near_match(str(minority), known)}"
        )
    return Sides(rare.astype(np.int64), rare)


def asked_rows(rare: NDArray[np.bool_], side: Ints, majority_asked: int, seed: int) -> Ints:
    """Rows to look up: all of the minority on a side, and some of the others, drawn at random; ascending."""
    others = side[~rare[side]]
    drawn = generator(seed, "majority asked").permutation(others)[:majority_asked]
    return np.sort(np.concatenate([side[rare[side]], drawn]))


def measure_difficulty(
    queries: Embedding,
    query_labels: NDArray[Any],
    index: Embedding,
    index_labels: NDArray[Any],
    *,
    k: int = 5,
    metric: str = "cosine",
    same: tuple[Ints, Ints] | None = None,
    rows: Ints | None = None,
) -> Difficulty:
    """Look samples up among others, in an embedding of both.

    Parameters
    ----------
    queries : ndarray or sparse matrix, shape (m, d)
        What to judge: held-out samples, or samples of the index together with ``same``.
    query_labels : ndarray, shape (m,)
    index : ndarray or sparse matrix, shape (n, d)
        What to judge by: the real samples of a training side. New texts (anchors) do not belong here, since they
        would lower the difficulty by their number alone.
    index_labels : ndarray, shape (n,)
    k : int, default=5
        Neighbours to look at, at most n; the paper does not say how many.
    metric : {"cosine", "euclidean"}, default="cosine"
        Cosine, since the length of a pooled representation mostly says how long the text is.
    same : tuple of two ndarrays of int64, shapes (m,) and (n,), or None, default=None
        Groups of queries and of index rows (copies of a text, texts of an author). A neighbour of the query's own
        group is passed over, the query itself first of all.
    rows : ndarray of int64, shape (m,), or None, default=None
        Row numbers of the queries to put into the result; None numbers them from 0.

    Returns
    -------
    Difficulty
        Its ``neighbours`` are rows of ``index``.

    Raises
    ------
    DataError
        Without any row in the index.
    SettingsError
        If ``k`` is not an int of 1 or more.
    """
    n, m = index.shape[0], queries.shape[0]
    if not n:
        raise DataError("there are no samples to look for neighbours among; give some")
    k = min(checked_k(k), n)
    own, groups = (np.full(m, -1), np.arange(n)) if same is None else same
    finder = NearestNeighbors(n_neighbors=k, metric=metric).fit(index)
    neighbours, distances = _nearest_others(finder, queries, k, own, groups)
    hostile = (index_labels[neighbours] != query_labels[:, None]) & (neighbours >= 0)
    return Difficulty(np.arange(m) if rows is None else rows, query_labels, neighbours, distances, hostile)


def checked_k(k: Any) -> int:
    """``k`` if it is an int of 1 or more.

    Raises
    ------
    SettingsError
        Otherwise.
    """
    if not isinstance(k, Integral) or isinstance(k, bool) or k < 1:
        raise SettingsError(f"k is {k!r}; give an int of 1 or more")
    return int(k)


def _nearest_others(
    finder: NearestNeighbors, queries: Embedding, k: int, own: Ints, groups: Ints
) -> tuple[Ints, NDArray[np.float32]]:
    """The k nearest rows of other groups than the query's; more are asked for only where its copies crowd."""
    n, m = len(groups), len(own)
    neighbours = np.full((m, k), -1, dtype=np.int64)
    distances = np.full((m, k), np.inf, dtype=np.float32)
    order = np.sort(groups)
    copies = np.searchsorted(order, own, side="right") - np.searchsorted(order, own, side="left")
    wanted = min(n, k + int(copies.max(initial=0) > 0))
    left = np.arange(m)
    while len(left):
        step = max(1, _CELLS_AT_ONCE // wanted)
        lacking = []
        for start in range(0, len(left), step):
            some = left[start : start + step]
            near, found = finder.kneighbors(queries[some], n_neighbors=wanted)
            others = groups[found] != own[some, None]
            first = np.argsort(~others, axis=1, kind="stable")[:, :k]
            valid = np.take_along_axis(others, first, axis=1)
            neighbours[some] = np.where(valid, np.take_along_axis(found, first, axis=1), -1)
            distances[some] = np.where(valid, np.take_along_axis(near, first, axis=1), np.inf)
            lacking.append(some[valid.sum(axis=1) < np.minimum(k, n - copies[some])])
        left = np.concatenate(lacking)
        wanted = min(n, 2 * wanted)
    return neighbours, distances
