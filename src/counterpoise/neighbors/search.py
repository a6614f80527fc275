"""The nearest rows for certain, from libraries that round: propose, check, and look again where in doubt.

    searcher = Searcher(Space("euclidean", rows), "faiss")
    distances, ids = searcher.nearest(queries, None, 5)

A library is asked for a few rows more than wanted. What they are worth is decided by exact distances; and if the
last of them is farther than the last one wanted by more than rounding can account for, no row left out can belong
to the answer. Where it is not (ties at the last place, mostly), more rows are asked for, and at last all rows are
looked at in float64. So ties go to the lower row and the answer is the same whichever library proposes.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from counterpoise.neighbors.clusters import Clusters
from counterpoise.neighbors.distances import Doubles, Ids, Rows, Space
from counterpoise.neighbors.probe import ROUNDING, search

Found: TypeAlias = "tuple[Doubles, Ids, npt.NDArray[np.bool_]]"
"""Keys and rows of the nearest, ``(q, k)``, and for which queries rows may have been missed."""

_SPARE, _MORE = 3, 64  # rows asked for beyond those wanted, at first and where in doubt
_TIES = 64  # rows beyond k that are told apart where many are equally far within float64's rounding
_QUERIES = 4096  # at once
_QUERIES_BY_CLUSTER = 32_768
_DOUBTFUL = 256


class Searcher:
    """Nearest rows of a space.

    Parameters
    ----------
    space : Space
    library : {"faiss", "scikit-learn"}
        The latter, if rows are sparse.

    Attributes
    ----------
    clusters : Clusters or None
        If set, what they propose is taken without doubt: the search is approximate.
    """

    def __init__(self, space: Space, library: str) -> None:
        self.space = space
        self.library = library
        self.clusters: Clusters | None = None

    def nearest(self, queries: Rows, own: Ids | None, k: int) -> tuple[Doubles, Ids]:
        """Distances and rows of the ``k`` nearest, ``(q, k)``.

        Parameters
        ----------
        queries : ndarray of float32 or CSR matrix of float64, shape (q, d)
            Of the kind of the space's rows.
        own : ndarray of int64, shape (q,), or None
            For each query a row that is left out.
        k : int
            At most as many as there are rows to choose from.
        """
        n = queries.shape[0]
        keys, ids = np.empty((n, k)), np.empty((n, k), dtype=np.int64)
        indifferent = self.space.indifferent(queries)
        pending = ~indifferent
        looks = [(self._look, _QUERIES), (self._look_farther, _DOUBTFUL), (self._look_at_all, _DOUBTFUL)]
        if self.clusters is not None:
            looks = [(self._look_into_clusters, _QUERIES_BY_CLUSTER)]
        for look, at_once in looks:
            rows = np.flatnonzero(pending)
            for start in range(0, len(rows), at_once):
                some = _slice_if_possible(rows[start : start + at_once])
                left_out = None if own is None else own[some]
                keys[some], ids[some], pending[some] = look(queries[some], left_out, k, keys[some, -1])
        for query in np.flatnonzero(indifferent):
            lowest = np.arange(k)
            ids[query] = lowest if own is None else lowest + (lowest >= own[query])
            keys[query] = self.space.keys(queries[query : query + 1], np.zeros(k, dtype=np.int64), ids[query])
        return self.space.lengths(keys), ids

    def _look(self, queries: Rows, own: Ids | None, k: int, limit: Doubles) -> Found:
        return self._check(queries, own, k, _SPARE)

    def _look_farther(self, queries: Rows, own: Ids | None, k: int, limit: Doubles) -> Found:
        return self._check(queries, own, k, _MORE)

    def _check(self, queries: Rows, own: Ids | None, k: int, spare: int) -> Found:
        """Have the library propose, and see of which queries the answer is certain."""
        n = self.space.rows.shape[0]
        m = min(k + (own is not None) + spare, n)
        placed = self.space.place(queries)
        squared, ids = search(self.library, self.space.placed, placed, m)
        keys, ids = self._best(queries, own, k, ids)
        if m == n:
            return keys, ids, np.zeros(len(ids), dtype=bool)
        farthest = keys[:, -1]
        slack = self.space.slack(placed, farthest, ROUNDING[self.library])
        return keys, ids, squared[:, -1] - slack <= self.space.placed_squared(farthest)

    def _look_into_clusters(self, queries: Rows, own: Ids | None, k: int, limit: Doubles) -> Found:
        assert self.clusters is not None
        m, placed = k + (own is not None), self.space.place(queries)
        ids = self.clusters.search(placed, m)
        short = np.flatnonzero((ids < 0).any(axis=1))
        if len(short):
            ids[short] = search(self.library, self.space.placed, placed[short], m)[1]
        return *self._best(queries, own, k, ids), np.zeros(len(ids), dtype=bool)

    def _best(self, queries: Rows, own: Ids | None, k: int, ids: Ids) -> tuple[Doubles, Ids]:
        """The best ``k`` of the rows ``(q, m)`` by their keys."""
        of = np.repeat(np.arange(len(ids)), ids.shape[1])
        keys = self.space.keys(queries, of, ids.ravel()).reshape(ids.shape)
        if own is not None:
            keys[ids == own[:, None]] = np.inf
        order = np.lexsort((ids, keys), axis=-1)[:, :k]
        return np.take_along_axis(keys, order, axis=1), np.take_along_axis(ids, order, axis=1)

    def _look_at_all(self, queries: Rows, own: Ids | None, k: int, limit: Doubles) -> Found:
        """The nearest rows within the keys ``limit``, which at least ``k`` rows are, by a search in float64.

        Rows that lie at the limit within its rounding may be many (equal rows, one-hot features): of them, the
        lowest ``k + 64`` at least are told apart by their keys.
        """
        n = len(limit)
        places = self.space.exact_places(queries)
        slack = self.space.slack(places, limit, 2.0**-53)
        inside = self.space.placed_squared(limit) - slack
        full = np.zeros(n, dtype=np.int64)  # rows met within the limit
        pairs = []
        for start, squared in self.space.blocks(places):
            if own is not None:
                here = (own >= start) & (own < start + squared.shape[1])
                squared[here, own[here] - start] = np.inf
            # Fewer than k rows lie inside the true limit; a loose one would let everything in.
            loose = np.count_nonzero(squared < inside[:, None], axis=1) >= k
            if loose.any():
                inside[loose] = np.partition(squared[loose], k - 1, axis=1)[:, k - 1] - slack[loose]
                full[loose] = 0
            # Once enough are met, rows of later blocks come too late if they are only at the limit.
            reach = np.where(full < k + _TIES, inside + 2 * slack, inside)
            of, column = np.nonzero(squared <= reach[:, None])
            full += np.bincount(of, minlength=n)
            pairs.append((of, column + start))
        of, ids = (np.concatenate(column) for column in zip(*pairs, strict=True))
        keys = self.space.keys(queries, of, ids)
        order = np.lexsort((keys, of))  # stable, and rows ascend
        nearest = order[np.searchsorted(of[order], np.arange(n))[:, None] + np.arange(k)]
        return keys[nearest], ids[nearest], np.zeros(n, dtype=bool)


def _slice_if_possible(rows: Ids) -> Ids | slice:
    """Consecutive rows as a slice, which copies nothing."""
    return slice(int(rows[0]), int(rows[-1]) + 1) if rows[-1] - rows[0] + 1 == len(rows) else rows
