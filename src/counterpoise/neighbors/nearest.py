"""Nearest neighbours, exact or approximate, behind scikit-learn's interface.

    neighbors = NearestNeighbors(n_neighbors=5, metric="cosine").fit(rows)
    distances, ids = neighbors.kneighbors()                   # of the rows themselves, each without itself
    SMOTE(k_neighbors=NearestNeighbors(n_neighbors=6))        # imbalanced-learn counts the sample itself

scikit-learn or FAISS does the searching, whichever is faster here for rows of this shape; what they round away is
put right afterwards, so that the answer does not depend on the library: equal rows are at distance 0, and of rows
at equal distances the lower row comes first.
"""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from counterpoise.errors import SettingsError
from counterpoise.finite import check_finite
from counterpoise.neighbors.clusters import Clusters
from counterpoise.neighbors.distances import Doubles, Ids, Rows, Space
from counterpoise.neighbors.probe import callers_threads, fastest
from counterpoise.neighbors.search import Searcher
from counterpoise.seeding import RandomState, root_seed

_METRICS = ("euclidean", "cosine")
_SMALL = 10_000  # rows, below which clusters do not pay


class NearestNeighbors(BaseEstimator):
    """The rows nearest to a query, in place of :class:`sklearn.neighbors.NearestNeighbors`.

    Parameters
    ----------
    n_neighbors : int, default=5
        Number of neighbours where :meth:`kneighbors` is not told otherwise.
    metric : {"euclidean", "cosine"}, default="euclidean"
        A row of zeros is at cosine distance 1 from every row, as in scikit-learn.
    exact : bool, default=True
        False searches only the clusters of rows nearest to a query, which pays from some ten thousand queries
        on. Fewer than 10,000 rows, sparse rows, and rows that form no clusters are searched exactly all the
        same; ``recall_`` is then 1.
    recall : float, default=0.95
        Share of the true neighbours that an approximate search is to find, in the mean over queries that are
        like the rows. Not read when ``exact``.
    random_state : int, RandomState, Generator or None, default=0
        Of the clusters. Not read when ``exact``.

    Attributes
    ----------
    library_ : {"faiss", "scikit-learn", "faiss-clusters"}
        What searches. For dense rows the faster of the first two, raced once per machine and kind of shape.
    recall_ : float
        1 for an exact search; else the recall of ``n_neighbors`` on 512 rows that had no part in building it.
    n_features_in_, n_samples_fit_ : int

    Notes
    -----
    Rows are taken in float32. Distances are added up in float64 and equal if they agree to twelve digits.
    For an approximate search, ties are broken among the rows that it found. Memory beyond the rows is bounded;
    a copy of them is kept for cosine distances or for rows far from the origin, and one more for clusters.

    Examples
    --------
    >>> neighbors = NearestNeighbors(n_neighbors=2).fit([[0.0], [1.0], [2.0], [9.0]])
    >>> neighbors.kneighbors([[1.0]])
    (array([[0., 1.]]), array([[1, 0]]))
    >>> neighbors.kneighbors(return_distance=False).tolist()
    [[1, 2], [0, 2], [1, 0], [2, 1]]
    """

    def __init__(
        self,
        n_neighbors: int = 5,
        *,
        metric: str = "euclidean",
        exact: bool = True,
        recall: float = 0.95,
        random_state: RandomState = 0,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.exact = exact
        self.recall = recall
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> NearestNeighbors:
        """Take the rows among which neighbours are looked for.

        Parameters
        ----------
        X : array-like or sparse matrix of numbers, shape (n, d)
        y : None, default=None
            Not read.

        Raises
        ------
        DataError
            For a number that is not finite or beyond float32; says where.
        SettingsError
            For a setting out of range.
        """
        self._check_settings()
        rows = self._rows(X, first=True)
        self.n_samples_fit_ = rows.shape[0]
        self.recall_ = 1.0
        space = Space(self.metric, rows)
        if sp.issparse(rows):
            self.library_ = "scikit-learn"
        else:
            self.library_ = fastest(space.placed, self.n_neighbors)
        self._searcher = Searcher(space, self.library_)
        if not self.exact and not sp.issparse(rows) and len(rows) >= max(_SMALL, self.n_neighbors + 1):
            self._approximate()
        return self

    def _approximate(self) -> None:
        placed, seed = self._searcher.space.placed, root_seed(self.random_state)
        with callers_threads():
            clusters = Clusters(placed, self.n_neighbors, self.recall, seed)
        if clusters.worth_it:
            self._searcher.clusters = clusters
            self.library_, self.recall_ = "faiss-clusters", clusters.recall

    def kneighbors(
        self, X: Any = None, n_neighbors: int | None = None, return_distance: bool = True
    ) -> tuple[Doubles, Ids] | Ids:
        """Distances to the nearest rows and their numbers, nearest first.

        Parameters
        ----------
        X : array-like or sparse matrix of numbers, shape (q, d), or None, default=None
            Queries. None: the rows themselves, each without itself (though with its duplicates).
        n_neighbors : int or None, default=None
            None takes the constructor's.
        return_distance : bool, default=True

        Returns
        -------
        distances : ndarray of float64, shape (q, n_neighbors)
            Only if ``return_distance``.
        ids : ndarray of int64, shape (q, n_neighbors)

        Raises
        ------
        DataError
            For a number that is not finite or beyond float32; says where.
        SettingsError
            If there are fewer rows than neighbours asked for.
        """
        check_is_fitted(self)
        k = self.n_neighbors if n_neighbors is None else n_neighbors
        _check_count("n_neighbors", k)
        itself = X is None
        if k > self.n_samples_fit_ - itself:
            others = " others" if itself else ""
            raise SettingsError(
                f"n_neighbors is {k}, but a query has only {self.n_samples_fit_ - itself}{others} of the "
                f"{self.n_samples_fit_} rows to choose from; ask for fewer or fit more rows."
            )
        queries = self._searcher.space.rows if itself else self._rows(X, first=False)
        own = np.arange(self.n_samples_fit_) if itself else None
        with callers_threads():
            distances, ids = self._searcher.nearest(queries, own, int(k))
        return (distances, ids) if return_distance else ids

    def kneighbors_graph(
        self, X: Any = None, n_neighbors: int | None = None, mode: str = "connectivity"
    ) -> sp.csr_matrix:
        """Sparse matrix ``(q, n)`` of neighbours.

        Parameters
        ----------
        X : array-like or sparse matrix of numbers, shape (q, d), or None, default=None
        n_neighbors : int or None, default=None
            As for :meth:`kneighbors`.
        mode : {"connectivity", "distance"}, default="connectivity"
            Ones, or distances; a distance of 0 is stored too.
        """
        if mode not in ("connectivity", "distance"):
            raise SettingsError(f"mode is {mode!r}; choose 'connectivity' or 'distance'.")
        distances, ids = self.kneighbors(X, n_neighbors)
        values = np.ones(ids.size) if mode == "connectivity" else distances.ravel()
        bounds = np.arange(0, ids.size + 1, ids.shape[1])
        return sp.csr_matrix((values, ids.ravel(), bounds), shape=(len(ids), self.n_samples_fit_))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _check_settings(self) -> None:
        _check_count("n_neighbors", self.n_neighbors)
        if self.metric not in _METRICS:
            raise SettingsError(f"metric is {self.metric!r}; choose 'euclidean' or 'cosine'.")
        if not isinstance(self.recall, Real) or not 0 < self.recall <= 1:
            raise SettingsError(f"recall is {self.recall!r}; it must be above 0 and at most 1.")

    def _rows(self, X: Any, first: bool) -> Rows:
        """Rows in float32: C-contiguous, or CSR that holds float32 numbers in float64 where the fit was sparse."""
        given = validate_data(
            self,
            X,
            reset=first,
            accept_sparse="csr",
            dtype=[np.float32, np.float64],
            order="C",
            ensure_all_finite=False,
        )
        check_finite(given)
        if given.dtype == np.float64:
            with np.errstate(over="ignore"):
                rows = given.astype(np.float32)
            check_finite(rows, "is what float32, which ends at 3e38, made of it; rescale it")
        else:
            rows = given
        sparse = sp.issparse(rows) if first else sp.issparse(self._searcher.space.rows)
        if sparse:
            return sp.csr_matrix(rows, dtype=np.float64)
        return rows.toarray() if sp.issparse(rows) else rows


def _check_count(name: str, value: Any) -> None:
    if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
        raise SettingsError(f"{name} is {value!r}; give an int of 1 or more.")
