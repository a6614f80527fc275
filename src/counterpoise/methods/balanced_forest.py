"""Balanced random forest: every tree grows on a bootstrap with as many rows of each class (Chen et al. 2004)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from counterpoise.methods.balanced_ensemble import BalancedEnsemble, Probable
from counterpoise.methods.setting_checks import check_whole
from counterpoise.search_space import Range, Space


class BalancedForest(BalancedEnsemble):
    """Random forest whose trees draw, with replacement, as many rows of each class as the rarest has.

    Chen, Liaw and Breiman, "Using Random Forest to Learn Imbalanced Data", technical report 666, University of
    California, Berkeley, 2004; the forest is imbalanced-learn's. Splits look at the square root of all features.

    Class weights change how many rows of each class a tree draws, at most as many as there are. Trees that are grown
    out have nothing left to weigh in their leaves, so where rows of a class differ in weight, as many rows as it
    has are first taken from it in proportion to their weights, and the trees draw from these.

    Parameters
    ----------
    n_estimators : int, default=100
        Trees; imbalanced-learn's number. More make it steadier, never worse.
    min_samples_leaf : int, default=1
        Rows of a leaf at least; 1 grows every tree out, as in the report, more give milder probabilities.
    max_ngram : int, default=1
        Longest run of words that is a feature of TF-IDF. Word pairs are so many that a split, which looks at few
        features, would seldom be offered a good one. Not read for arrays.
    min_df : int, default=1
        Texts a feature must occur in. Not read for arrays.
    """

    summary = "trees on balanced bootstraps; texts as TF-IDF; cannot be saved"
    paper = "Chen et al. 2004"
    name = "balanced_forest"
    search_space: ClassVar[Space] = {
        "n_estimators": Range(50, 500, log=True),
        "min_samples_leaf": Range(1, 10),
    }

    def __init__(
        self, *, n_estimators: int = 100, min_samples_leaf: int = 1, max_ngram: int = 1, min_df: int = 1
    ) -> None:
        self.n_estimators = n_estimators
        self.min_samples_leaf = min_samples_leaf
        self.max_ngram = max_ngram
        self.min_df = min_df

    def check(self) -> None:
        """Refuse settings out of range."""
        check_whole(self.name, min_samples_leaf=self.min_samples_leaf)
        super().check()

    def members(
        self, rows: Any, labels: np.ndarray, weights: np.ndarray, by_class: np.ndarray, seed: int
    ) -> tuple[list[Probable], np.ndarray]:
        """The trees, and how many rows of each class they drew."""
        from imblearn.ensemble import BalancedRandomForestClassifier

        counts = np.bincount(labels)
        # Leaves that hold one class do not feel a class's weight; only what is drawn moves their votes.
        wanted = by_class * (counts / by_class).min()
        drawn = np.clip(np.floor(wanted + 1e-9), 1, counts).astype(np.int64)
        forest = BalancedRandomForestClassifier(
            n_estimators=int(self.n_estimators),
            min_samples_leaf=int(self.min_samples_leaf),
            sampling_strategy=dict(enumerate(drawn.tolist())),
            replacement=True,
            bootstrap=False,
            random_state=seed % 2**32,
        )
        taken = in_proportion(labels, weights, np.random.default_rng(seed))
        return list(forest.fit(rows[taken], labels[taken]).estimators_), drawn


def in_proportion(labels: np.ndarray, weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rows in proportion to their weights, as many of each class as it has (systematic sampling).

    Parameters
    ----------
    labels : ndarray of int64, shape (n,)
    weights : ndarray of float64, shape (n,)
    rng : Generator

    Returns
    -------
    ndarray of int64, shape (n,)
        Each row as often as its weight is a multiple of its class's mean, rounded down or up at random; where all of
        a class weigh the same, each once.
    """
    taken = np.empty(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        up_to = np.cumsum(weights[own])
        # A start above 0 and below 1, so that equal weights give every row once whatever the rounding.
        steps = (np.arange(len(own)) + rng.uniform(0.01, 0.99)) / len(own) * up_to[-1]
        taken[own] = own[np.searchsorted(up_to, steps)]
    return taken
