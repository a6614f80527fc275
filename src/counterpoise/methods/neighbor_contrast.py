"""How near the nearest rows of each class are, as evidence of which class a row is of.

A linear classifier asks on which side of a plane a text lies; this asks what lies around it. A rare class of several
small topics has no plane of its own, but each of its topics has neighbours.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix, issparse
from scipy.special import logsumexp

from counterpoise.neighbors import NearestNeighbors

_RIDGE = 0.01
"""Penalty on the squared slope and intercepts, beside the loss of all rows: what keeps separable classes finite."""

_UNFITTED = 10.0
"""Slope where fewer than two classes have two rows, and so nothing tells how much nearness says."""

_SPARSE = ("data", "indices", "indptr")


class NeighborContrast:
    """Rows of several classes, and how much being near them says.

    The logit of class ``c`` is ``slope * s_c + intercept_c``, where ``s_c`` is the mean cosine similarity to the ``k``
    nearest rows of the class.

    Parameters
    ----------
    rows : ndarray of float32 or csr_matrix, shape (n, d)
    labels : ndarray of int64, shape (n,)
        All of 0 to C - 1 occur.
    k : int
        Of a class with fewer rows all but one, so that its own rows and others have as many neighbours in it.
    slope : float, default=1.0
    intercepts : ndarray of float64, shape (C,), or None, default=None
        None is 0 for each.
    """

    def __init__(
        self,
        rows: Any,
        labels: np.ndarray,
        k: int,
        slope: float = 1.0,
        intercepts: np.ndarray | None = None,
    ) -> None:
        self.rows, self.labels, self.k = rows, labels, k
        self.n_classes = int(labels.max()) + 1
        self.slope = slope
        self.intercepts = np.zeros(self.n_classes) if intercepts is None else intercepts

    @classmethod
    def fitted(cls, rows: Any, labels: np.ndarray, weights: np.ndarray, k: int) -> NeighborContrast:
        """Take rows in, and fit slope and intercepts to how near each is to the others.

        Parameters
        ----------
        rows, labels, k
            As for the class. No two rows should be versions of one text: the near one would tell of itself.
        weights : ndarray of float64, shape (n,)
            What each row counts in the loss that slope and intercepts are fitted by.
        """
        made = cls(rows, labels, k)
        # Of a class of one row nothing tells how near its others would be: it gets the mean intercept, which is 0.
        several = np.flatnonzero(np.bincount(labels, minlength=made.n_classes) > 1)
        if len(several) < 2:
            made.slope = _UNFITTED
            return made
        told = np.isin(labels, several)
        found = made.own_nearness()[told][:, several]
        made.slope, made.intercepts[several] = fit_slope(
            found, np.searchsorted(several, labels[told]), weights[told]
        )
        return made

    @cached_property
    def _classes(self) -> list[NearestNeighbors]:
        return [
            NearestNeighbors(metric="cosine").fit(self.rows[np.flatnonzero(self.labels == c)])
            for c in range(self.n_classes)
        ]

    def _near(self, c: int, queries: Any) -> np.ndarray:
        """Mean similarity ``(n,)`` to the nearest rows of a class; None asks for each of its rows without itself."""
        neighbors = self._classes[c]
        count = max(min(self.k, neighbors.n_samples_fit_ - 1), 1)
        return 1 - neighbors.kneighbors(queries, count)[0].mean(axis=1)

    def own_nearness(self) -> np.ndarray:
        """Nearness ``(n, C)`` of each row to the others; NaN where a class has no other row."""
        found = np.full((self.rows.shape[0], self.n_classes), np.nan)
        for c in range(self.n_classes):
            own = np.flatnonzero(self.labels == c)
            others = np.flatnonzero(self.labels != c)
            if len(own) > 1:
                found[own, c] = self._near(c, None)
            if len(others):
                found[others, c] = self._near(c, self.rows[others])
        return found

    def nearness(self, queries: Any) -> np.ndarray:
        """Mean cosine similarity ``(n, C)`` of float64 to the nearest rows of each class."""
        if not queries.shape[0]:
            return np.empty((0, self.n_classes))
        return np.column_stack([self._near(c, queries) for c in range(self.n_classes)])

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """JSON values and arrays that :meth:`restored` needs."""
        tensors = {
            "labels": self.labels,
            "slope": np.array([self.slope]),
            "intercepts": self.intercepts,
        }
        if issparse(self.rows):
            tensors |= {name: getattr(self.rows, name) for name in _SPARSE}
        else:
            tensors["rows"] = self.rows
        return {"k": self.k, "n_features": self.rows.shape[1]}, tensors

    @classmethod
    def restored(cls, config: dict[str, Any], tensors: dict[str, np.ndarray]) -> NeighborContrast:
        """The inverse of :meth:`state`, whose arrays may stand among others."""
        labels = tensors["labels"]
        rows: Any = tensors.get("rows")
        if rows is None:
            parts = tuple(tensors[name] for name in _SPARSE)
            rows = csr_matrix(parts, shape=(len(labels), config["n_features"]))
        return cls(rows, labels, config["k"], float(tensors["slope"][0]), tensors["intercepts"])

    def logits(self, queries: Any) -> np.ndarray:
        """Logits ``(n, C)`` of float64."""
        return self.slope * self.nearness(queries) + self.intercepts


def fit_slope(evidence: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> tuple[float, np.ndarray]:
    """Fit logits ``slope * evidence + intercepts`` to labels: Platt's calibration, for any number of classes.

    Parameters
    ----------
    evidence : ndarray of float64, shape (n, C)
    labels : ndarray of int64, shape (n,)
    weights : ndarray of float64, shape (n,)
        Scaled to 1 on average, so that the slight penalty means the same whatever their scale.

    Returns
    -------
    slope : float
        0 or more: what is near a class is never taken as evidence against it.
    intercepts : ndarray of float64, shape (C,)
        Summing to 0.
    """
    n, n_classes = evidence.shape
    share = weights / weights.mean()
    # From the middle, so that slope and intercepts hardly pull at each other.
    middle = evidence.mean(axis=0)
    moved = evidence - middle
    hit = np.zeros_like(moved)
    hit[np.arange(n), labels] = 1

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        logits = values[0] * moved + values[1:]
        total = logsumexp(logits, axis=1)
        error = share[:, None] * (np.exp(logits - total[:, None]) - hit)
        value = share @ total - (share[:, None] * hit * logits).sum() + _RIDGE / 2 * values @ values
        gradient = np.concatenate([[(error * moved).sum()], error.sum(axis=0)]) + _RIDGE * values
        return float(value), gradient

    start = np.zeros(1 + n_classes)
    bounds = [(0.0, None)] + [(None, None)] * n_classes
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 1000}).x
    intercepts = found[1:] - found[0] * middle
    return float(found[0]), intercepts - intercepts.mean()
