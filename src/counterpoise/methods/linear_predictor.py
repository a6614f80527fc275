"""The predictor of every linear model over words, and the form in which all of them leave their weights."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import CountVectorizer

from counterpoise.methods.predictors import SavedState
from counterpoise.text.tfidf import put_together, rows_of, taken_apart


def one_row_a_class(coefficients: np.ndarray, intercepts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights with one row a class, so that all numbers of classes are one case from here on.

    Parameters
    ----------
    coefficients : ndarray of float64, shape (C, d) or (1, d)
        One row of log-odds, as scikit-learn gives it for two classes, becomes two rows of logits.
    intercepts : ndarray of float64, shape (C,) or (1,)

    Returns
    -------
    coefficients : ndarray of float64, shape (C, d)
    intercepts : ndarray of float64, shape (C,)
    """
    if len(coefficients) > 1:
        return coefficients, intercepts
    return np.vstack([-coefficients / 2, coefficients / 2]), np.concatenate([-intercepts / 2, intercepts / 2])


class LinearPredictor:
    """A linear model over words.

    Parameters
    ----------
    vectorizer : CountVectorizer or TfidfVectorizer
        Fitted, of :mod:`counterpoise.text.tfidf`.
    coefficients : ndarray of float64, shape (C, n_features)
    intercepts : ndarray of float64, shape (C,)
    training_prior : ndarray of float64, shape (C,)
    one_vs_rest : bool, default=False
        Whether each class was fitted against the rest by itself. What is linear are then the log-odds of each
        class, of which the logits are the logarithms of its probability; otherwise the logits themselves.
    """

    kind: ClassVar[str] = "linear"

    def __init__(
        self,
        vectorizer: CountVectorizer,
        coefficients: np.ndarray,
        intercepts: np.ndarray,
        training_prior: np.ndarray,
        one_vs_rest: bool = False,
    ) -> None:
        self.vectorizer = vectorizer
        # As they are saved, so that a loaded model gives the same probabilities to the last bit.
        self.coefficients = coefficients.astype(np.float32)
        self.intercepts = intercepts.astype(np.float32)
        self.training_prior = training_prior
        self.one_vs_rest = one_vs_rest
        self.history: list[dict[str, float]] = []

    def logits(self, inputs: np.ndarray) -> np.ndarray:
        """Logits ``(n, C)`` of float64."""
        linear = self.embed(inputs) @ self.coefficients.T + self.intercepts
        return -np.logaddexp(0, -linear) if self.one_vs_rest else linear

    def embed(self, inputs: np.ndarray) -> csr_matrix:
        """Texts by their words, sparse ``(n, n_features)``: what this model sees of them."""
        return rows_of(self.vectorizer, inputs)

    def state(self) -> SavedState:
        """Take the predictor apart."""
        config, learnt, words = taken_apart(self.vectorizer)
        tensors = {
            "coefficients": self.coefficients,
            "intercepts": self.intercepts,
            "training_prior": self.training_prior,
        }
        return SavedState({**config, "one_vs_rest": self.one_vs_rest}, tensors | learnt, words)

    @classmethod
    def from_state(cls, state: SavedState, method: Any) -> LinearPredictor:
        """Put a predictor together again."""
        config, tensors = state.config, state.tensors
        return cls(
            put_together(config, tensors, state.vocabulary),
            tensors["coefficients"],
            tensors["intercepts"],
            tensors["training_prior"],
            config.get("one_vs_rest", False),  # models saved before there was any have none
        )
