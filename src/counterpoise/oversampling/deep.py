"""Deep over-sampling's synthetic targets as a sampler: points between the neighbours of a row (Ando and Huang 2017).

Ando and Huang, "Deep Over-sampling Framework for Classifying Imbalanced Data", ECML-PKDD 2017 (arXiv 1704.07515),
section 3.3: with weights of sum 1, the loss of equation 8 is least at the mean of a row's neighbours by those weights.
The method ``dos`` trains a network towards such points; here they are rows of their own, for whatever is fitted to
embeddings afterwards.

>>> import numpy as np
>>> X = np.concatenate([np.zeros((6, 2)), np.ones((3, 2))])
>>> rows, labels = DeepOversampler(random_state=0).fit_resample(X, np.repeat([0, 1], [6, 3]))
>>> labels.tolist(), rows[9:].tolist()
([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1], [[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]])
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import scipy.sparse as sp
from imblearn.over_sampling.base import BaseOverSampler

from counterpoise.errors import CounterpoiseWarning
from counterpoise.neighbors.within import nearest_within
from counterpoise.oversampling.base import check_count, draw_sources
from counterpoise.seeding import RandomState, generator, root_seed


class DeepOversampler(BaseOverSampler):
    """Fill smaller classes up with points between the neighbours of their rows, for embeddings and other arrays.

    Where SMOTE takes a point on the way from a row to one neighbour, this takes one in the midst of its ``k_neighbors``
    nearest rows of the class, by weights drawn from Dirichlet's law with parameters of 1. It stays further inside the
    class.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default="auto"
        As in imbalanced-learn: ``"auto"`` brings every class but the largest up to the largest.
    k_neighbors : int, default=5
        The paper has 3 to 10. A class with fewer rows has fewer neighbours; of a single row there are copies.
    random_state : int, RandomState, Generator or None, default=None

    Attributes
    ----------
    sampling_strategy_ : dict
        For each class that was resampled, the number of new rows.
    sample_indices_ : ndarray of int64, shape (n_new,)
        For each returned row, the row of the input it is; -1 for a new one.
    source_rows_ : ndarray of int64, shape (n_new,)
        The same, with the row whose neighbours a new one lies between in place of -1.

    Raises
    ------
    SettingsError
        From ``fit_resample``, if ``k_neighbors`` is no int of 1 or more.
    ValueError
        From scikit-learn, for a number that is not finite.

    Warns
    -----
    CounterpoiseWarning
        If a class has too few rows for its neighbours.
    """

    def __init__(
        self, *, sampling_strategy: Any = "auto", k_neighbors: int = 5, random_state: RandomState = None
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.k_neighbors = k_neighbors
        self.random_state = random_state

    def fit_resample(self, X: Any, y: Any, **params: Any) -> tuple[Any, Any]:
        """Balance a data set.

        Parameters
        ----------
        X : array-like, sparse matrix or pandas frame of numbers, shape (n, d)
        y : sequence of n labels
        **params
            None is known; imbalanced-learn passes them on.

        Returns
        -------
        X_resampled, y_resampled
            Of the kinds given, the given rows first.
        """
        check_count("k_neighbors", self.k_neighbors)
        return super().fit_resample(X, y, **params)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.sampler_tags.sample_indices = True
        return tags

    def _fit_resample(self, X: Any, y: np.ndarray) -> tuple[Any, np.ndarray]:
        seed = root_seed(self.random_state)
        sources, blocks, labels = [], [X], [y]
        for label, count in self.sampling_strategy_.items():
            own = np.flatnonzero(y == label)
            drawn = draw_sources(np.arange(len(own)), count, generator(seed, "sources", label))
            sources.append(own[drawn])
            blocks.append(
                _weights(X[own], drawn, self.k_neighbors, generator(seed, "weights", label)) @ X[own]
            )
            labels.append(np.full(count, label, dtype=y.dtype))
            if len(own) <= self.k_neighbors:
                shown = np.asarray(label).tolist()
                told = (
                    f"{len(own)} rows; all the others are taken"
                    if len(own) > 1
                    else "one; its new rows are copies"
                )
                warnings.warn(
                    f"{self.k_neighbors} neighbours were asked for, but class {shown!r} has only {told}",
                    CounterpoiseWarning,
                    stacklevel=3,
                )
        given = np.arange(len(y))
        new = np.concatenate([np.empty(0, dtype=np.int64), *sources])
        self.sample_indices_ = np.concatenate([given, np.full(len(new), -1)])
        self.source_rows_ = np.concatenate([given, new])
        rows = sp.vstack(blocks, format=X.format) if sp.issparse(X) else np.concatenate(blocks)
        return rows.astype(X.dtype, copy=False), np.concatenate(labels)


def _weights(rows: Any, drawn: np.ndarray, k: int, rng: np.random.Generator) -> sp.csr_matrix:
    """Weights ``(m, n)`` of the rows of a class for one new point each time one of them is drawn."""
    dense = rows.toarray() if sp.issparse(rows) else rows
    near = nearest_within(dense.astype(np.float32), np.zeros(len(dense), dtype=np.int64), k)[drawn]
    near[:, 0] = np.where(near[:, 0] < 0, drawn, near[:, 0])  # a row alone in its class
    there = near >= 0
    weights = rng.standard_exponential(near.shape) * there
    weights /= weights.sum(axis=1, keepdims=True)
    at = (np.repeat(np.arange(len(drawn)), there.sum(axis=1)), near[there])
    return sp.csr_matrix((weights[there], at), shape=(len(drawn), len(dense)))
