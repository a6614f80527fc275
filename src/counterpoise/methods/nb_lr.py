"""Naive-Bayes features with logistic regression: each word by how much more often one class uses it.

Wang and Manning, "Baselines and Bigrams: Simple, Good Sentiment and Topic Classification", ACL 2012, section 2.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import scipy.sparse as sp

from counterpoise.methods.base import Context, Data, Method
from counterpoise.methods.linear_predictor import LinearPredictor, one_row_a_class
from counterpoise.methods.logistic import fit_logistic
from counterpoise.methods.setting_checks import check_flag, check_positive, check_whole
from counterpoise.search_space import Range, Space
from counterpoise.text.tfidf import learn_rows, word_presence


class NaiveBayesLR(Method):
    """Logistic regression on word presence, every word scaled by its log-count ratio between class and rest.

    The ridge penalty then spares the words that part the classes when simply counted, which is what a class of few
    texts allows to be known. The paper fits a linear SVM to the same features and calls it NBSVM; logistic
    regression gives probabilities, and its penalty stands in for the paper's interpolation with naive Bayes.

    Parameters
    ----------
    C : float, default=1.0
        Inverse strength of the ridge penalty; the paper's, for rows of ones and zeros without a common length.
    alpha : float, default=1.0
        Added to every count, as if each word had been seen so often in each class; 1 is the paper's.
    max_ngram : int, default=2
        Longest run of words that is a feature.
    min_df : int, default=1
        Texts a feature must occur in. A rare class cannot afford to lose its rare words.
    balanced : bool, default=True
        Whether classes get the same total weight in the regression; counts are those of the texts.

    Notes
    -----
    Of more than two classes, each has ratios and a regression of its own against the rest.
    """

    summary = "naive-Bayes log-count ratios and logistic regression; no network"
    paper = "Wang and Manning 2012"
    inputs = frozenset({"text"})
    uses_backbone = False
    search_space: ClassVar[Space] = {
        "C": Range(0.03, 30.0, log=True),
        "alpha": Range(0.1, 3.0, log=True),
        "max_ngram": Range(1, 3),
    }

    def __init__(
        self,
        *,
        C: float = 1.0,
        alpha: float = 1.0,
        max_ngram: int = 2,
        min_df: int = 1,
        balanced: bool = True,
    ) -> None:
        self.C = C
        self.alpha = alpha
        self.max_ngram = max_ngram
        self.min_df = min_df
        self.balanced = balanced

    def check(self) -> None:
        """Refuse settings out of range."""
        check_positive("nb_lr", C=self.C, alpha=self.alpha)
        check_whole("nb_lr", max_ngram=self.max_ngram, min_df=self.min_df)
        check_flag("nb_lr", balanced=self.balanced)

    def fit(self, data: Data, context: Context) -> LinearPredictor:
        """Fit; a validation side is not needed."""
        vectorizer = word_presence(int(self.max_ngram), int(self.min_df))
        features = learn_rows(vectorizer, data.inputs)
        weighted = context.weighted(data.balanced() if self.balanced else data)
        parts = [
            self._against_the_rest(features, data.labels == label, data.weights, weighted.weights)
            for label in ([1] if data.n_classes == 2 else range(data.n_classes))
        ]
        coefficients, intercepts = (np.stack(part) for part in zip(*parts, strict=True))
        return LinearPredictor(
            vectorizer,
            *one_row_a_class(coefficients, intercepts),
            weighted.class_mass(),
            one_vs_rest=data.n_classes > 2,
        )

    def _against_the_rest(
        self, features: sp.csr_matrix, own: np.ndarray, counted: np.ndarray, weights: np.ndarray
    ) -> tuple[np.ndarray, float]:
        """Coefficients ``(d,)`` and intercept of the log-odds of one class."""
        ratios = log_count_ratios(features, own, counted, self.alpha)
        scaled = features @ sp.diags(ratios)
        coefficients, intercepts = fit_logistic(scaled, own.astype(np.int64), weights, self.C)
        # Both rows say the same of two classes; the odds are their difference.
        return (coefficients[1] - coefficients[0]) * ratios, intercepts[1] - intercepts[0]


def log_count_ratios(
    features: sp.csr_matrix, own: np.ndarray, weights: np.ndarray, alpha: float
) -> np.ndarray:
    """Logarithm of how much larger each feature's share of all counts is in one class than in the rest.

    ``log((p / |p|) / (q / |q|))`` with ``p`` and ``q`` the counts of each side plus ``alpha`` (section 2.1).

    Parameters
    ----------
    features : csr_matrix, shape (n, d)
        Counts, or ones and zeros.
    own : ndarray of bool, shape (n,)
    weights : ndarray of float64, shape (n,)
        How often each row counts, scaled to 1 on average.
    alpha : float

    Returns
    -------
    ndarray of float64, shape (d,)
    """
    mass = weights / weights.mean()
    ours, theirs = (alpha + features.T @ np.where(side, mass, 0.0) for side in (own, ~own))
    return np.log(ours / ours.sum()) - np.log(theirs / theirs.sum())
