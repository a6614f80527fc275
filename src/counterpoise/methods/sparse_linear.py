"""A linear model over sparse arrays, whose features keep their zeros and are brought to one scale."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp

from counterpoise.methods.predictors import SavedState


def common_scale(rows: sp.csr_matrix) -> np.ndarray:
    """What each feature is multiplied by, ``(d,)`` of float64.

    Features come to lie between -1 and 1, so that none counts for its unit, and rows have length 1 in the mean, as
    those of TF-IDF have, so that one inverse penalty means the same for all.

    Parameters
    ----------
    rows : csr_matrix, shape (n, d)
    """
    largest = np.asarray(abs(rows).max(axis=0).todense(), dtype=np.float64).ravel()
    scale = 1 / np.where(largest > 0, largest, 1.0)
    lengths = sp.linalg.norm(rows @ sp.diags_array(scale), axis=1)
    return scale / max(float(lengths.mean()), 1e-12)


class SparseLinearPredictor:
    """A linear model over sparse arrays.

    Parameters
    ----------
    scale : ndarray of float64, shape (d,)
        Of :func:`common_scale`.
    coefficients : ndarray of float64, shape (C, d)
        Of scaled features.
    intercepts : ndarray of float64, shape (C,)
    training_prior : ndarray of float64, shape (C,)
    """

    kind: ClassVar[str] = "sparse_linear"

    def __init__(
        self, scale: np.ndarray, coefficients: np.ndarray, intercepts: np.ndarray, training_prior: np.ndarray
    ) -> None:
        self.scale = scale
        self.coefficients = coefficients
        self.intercepts = intercepts
        self.training_prior = training_prior
        self.history: list[dict[str, float]] = []

    def logits(self, inputs: Any) -> np.ndarray:
        """Logits ``(n, C)`` of float64."""
        return self.embed(inputs) @ self.coefficients.T + self.intercepts

    def embed(self, inputs: Any) -> sp.csr_matrix:
        """Scaled rows, sparse ``(n, d)``, of dense ones too."""
        return sp.csr_matrix(sp.csr_matrix(inputs, dtype=np.float64) @ sp.diags_array(self.scale))

    def state(self) -> SavedState:
        """Take the predictor apart."""
        names = ("scale", "coefficients", "intercepts", "training_prior")
        return SavedState({}, {name: getattr(self, name) for name in names})

    @classmethod
    def from_state(cls, state: SavedState, method: Any) -> SparseLinearPredictor:
        """Put a predictor together again."""
        return cls(**state.tensors)
