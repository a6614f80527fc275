"""Approximate neighbours for many queries at once: only the clusters nearest to a query are searched.

    clusters = Clusters(rows, k=5, recall=0.95, seed=0)       # k-means, then as many clusters as the recall needs
    ids = clusters.search(queries, 5)

The inverted-file index of Sivic and Zisserman (2003) as FAISS builds it, with the loops turned round: FAISS
goes from query to query and reads each list from memory again, which at 384 features keeps the arithmetic
waiting; here all queries that look into a cluster are multiplied with its rows in one product. FAISS has that
too, in ``faiss.contrib.big_batch_search``, which prints as it goes; product quantisation was slower
than either, build included.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import faiss
import numpy as np
import numpy.typing as npt

from counterpoise.neighbors.probe import search
from counterpoise.seeding import derive_seed, generator

Floats: TypeAlias = "npt.NDArray[np.floating[Any]]"
Ids: TypeAlias = "npt.NDArray[np.int64]"

_CLUSTERS = 0.5  # times the root of the number of rows: of .3 to 1.5, the fastest on vectors of passages
_ITERATIONS = 6
_TRAINING_ROWS = 64  # a cluster; more do not make the clusters better to search
_CHOOSING, _MEASURING = 1024, 512  # rows, as queries, that tell how many clusters are needed, and the recall
_SURE = 1.645  # standard errors: the recall of all rows is as wished with a probability of .95
_WORTH_IT = 0.4  # of all clusters; with more of them to search, everything is as quick


class Clusters:
    """Rows by cluster.

    Parameters
    ----------
    rows : C-contiguous ndarray of float32, shape (n, d)
        2,000 at least. Neighbours are those of smallest Euclidean distance.
    k : int
        Number of neighbours whose recall counts.
    recall : float
        Share of them to be found, in the mean over queries like the rows.
    seed : int
        Of k-means and of the rows that the recall is measured on.

    Attributes
    ----------
    recall : float
        Measured on a sample of rows, as queries, that had no part in choosing the number of clusters to search.
    n_searched : int
        Clusters searched for a query: the fewest that reach the wished recall on a sample by 1.645 standard errors.
    worth_it : bool
        Whether so few clusters have to be searched that it pays.

    References
    ----------
    Sivic and Zisserman, "Video Google: a text retrieval approach to object matching in videos", ICCV 2003.
    """

    def __init__(self, rows: Floats, k: int, recall: float, seed: int) -> None:
        n, d = rows.shape
        kmeans = faiss.Kmeans(
            d,
            round(_CLUSTERS * np.sqrt(n)),
            niter=_ITERATIONS,
            seed=derive_seed(seed, "neighbors", "clusters") % 2**31,
            max_points_per_centroid=_TRAINING_ROWS,
            min_points_per_centroid=1,
        )
        kmeans.train(rows)
        self._centres: Floats = np.asarray(kmeans.centroids)
        home = search("faiss", self._centres, rows, 1)[1][:, 0]
        # By cluster, and by row within one: neighbours in memory for the product.
        self._ids = np.argsort(home, kind="stable")
        self._rows = rows[self._ids]
        self._bounds = np.searchsorted(home[self._ids], np.arange(len(self._centres) + 1))
        self._settle(rows, home, k, recall, seed)

    def _settle(self, rows: Floats, home: Ids, k: int, recall: float, seed: int) -> None:
        drawn = generator(seed, "neighbors", "recall").choice(
            len(rows), _CHOOSING + _MEASURING, replace=False
        )
        ids = search("faiss", rows, rows[drawn], k + 1)[1]
        order = search("faiss", self._centres, rows[drawn], len(self._centres))[1]
        place = np.argsort(order, axis=1)
        # Sorts the query itself to the front, from where it is dropped.
        others = np.take_along_axis(
            ids, np.argsort(ids != drawn[:, None], axis=1, kind="stable")[:, 1:], axis=1
        )
        needed = np.take_along_axis(place, home[others], axis=1)
        chosen_on, measured_on = needed[:_CHOOSING], needed[_CHOOSING:]
        for n_searched in range(1, len(self._centres) + 1):
            found = (chosen_on < n_searched).mean(axis=1)
            if found.mean() - _SURE * found.std() / np.sqrt(len(found)) >= recall:
                break
        self.n_searched = n_searched
        self.recall = float((measured_on < n_searched).mean())
        self.worth_it = n_searched <= _WORTH_IT * len(self._centres)

    def search(self, queries: Floats, k: int) -> Ids:
        """Rows ``(q, k)``, nearest first; -1 where the clusters searched hold fewer than ``k``."""
        nearest = search("faiss", self._centres, queries, self.n_searched)[1].ravel()
        order = np.argsort(nearest, kind="stable")
        bounds = np.searchsorted(nearest[order], np.arange(len(self._centres) + 1))
        best = faiss.ResultHeap(len(queries), k)
        for cluster, (start, stop) in enumerate(zip(self._bounds, self._bounds[1:], strict=False)):
            asking = order[bounds[cluster] : bounds[cluster + 1]] // self.n_searched
            if len(asking) and stop > start:
                rows = self._rows[start:stop]
                squared, ids = search("faiss", rows, queries[asking], min(k, len(rows)))
                best.add_result_subset(asking, squared, self._ids[start:stop][ids])
        best.finalize()
        return best.I
