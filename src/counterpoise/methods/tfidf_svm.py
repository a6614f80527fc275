"""TF-IDF and a linear support vector machine, whose decision values become probabilities by Platt scaling."""

from __future__ import annotations

import warnings
from contextlib import suppress
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from sklearn.svm import LinearSVC

from counterpoise.crossfit import Split, make_folds
from counterpoise.errors import CounterpoiseWarning, DataError
from counterpoise.groups import text_groups
from counterpoise.methods.base import Context, Data, Method
from counterpoise.methods.linear_predictor import LinearPredictor, one_row_a_class
from counterpoise.methods.setting_checks import check_flag, check_positive, check_whole
from counterpoise.metrics.platt import platt
from counterpoise.search_space import Range, Space
from counterpoise.seeding import derive_seed
from counterpoise.text.tfidf import learn_rows, word_tfidf

FOLDS = 3
"""Of the decision values that the probabilities are fitted to."""


class TfidfSVM(Method):
    """Linear support vector machine on TF-IDF of words and word pairs, with honest probabilities.

    The margin weighs the texts that are hard to tell apart and forgets the others (Joachims, "Text Categorization
    with Support Vector Machines", ECML 1998, is the classic account). Its decision values are no log-odds: a sigmoid
    for each class is fitted to those of texts that the machine was not fitted to, each fold holding out near repeats
    together, at the texts' own class shares.

    Parameters
    ----------
    C : float, default=1.0
        Weight of the errors against the margin, as in scikit-learn, whose default it is; TF-IDF rows have length 1.
    max_ngram : int, default=2
        Longest run of words that is a feature.
    min_df : int, default=1
        Texts a feature must occur in. A rare class cannot afford to lose its rare words.
    balanced : bool, default=True
        Whether classes get the same total weight in the machine; the sigmoids are fitted without it.

    Notes
    -----
    Of more than two classes, each has a machine and a sigmoid of its own against the rest.
    """

    summary = "TF-IDF and a balanced linear SVM with cross-fitted Platt scaling; no network"
    paper = "Joachims 1998, Platt 1999"
    inputs = frozenset({"text"})
    uses_backbone = False
    search_space: ClassVar[Space] = {"C": Range(0.03, 10.0, log=True), "max_ngram": Range(1, 3)}

    def __init__(self, *, C: float = 1.0, max_ngram: int = 2, min_df: int = 1, balanced: bool = True) -> None:
        self.C = C
        self.max_ngram = max_ngram
        self.min_df = min_df
        self.balanced = balanced

    def check(self) -> None:
        """Refuse settings out of range."""
        check_positive("tfidf_svm", C=self.C)
        check_whole("tfidf_svm", max_ngram=self.max_ngram, min_df=self.min_df)
        check_flag("tfidf_svm", balanced=self.balanced)

    def fit(self, data: Data, context: Context) -> LinearPredictor:
        """Fit; a validation side is not needed.

        Warns
        -----
        CounterpoiseWarning
            If no split keeps a class on both sides, so that its sigmoid rests on texts the machine was fitted to.
        """
        vectorizer = word_tfidf(int(self.max_ngram), int(self.min_df))
        features = learn_rows(vectorizer, data.inputs)
        natural = context.weighted(data)
        weights = context.weighted(data.balanced() if self.balanced else data).weights
        machine = self._machine(features, data.labels, weights, context.seed)
        decisions = machine.decision_function(features)
        for number, (train, test) in enumerate(_splits(data, derive_seed(context.seed, "folds"))):
            seed = derive_seed(context.seed, "fold", number)
            fitted = self._machine(features[train], data.labels[train], weights[train], seed)
            decisions[test] = fitted.decision_function(features[test])
        columns = decisions.reshape(len(data), -1)
        classes = [1] if data.n_classes == 2 else range(data.n_classes)
        lines = [
            platt(column, data.labels == label, natural.weights)
            for column, label in zip(columns.T, classes, strict=True)
        ]
        slopes, shifts = np.array(lines).T
        return LinearPredictor(
            vectorizer,
            *one_row_a_class(machine.coef_ * slopes[:, None], machine.intercept_ * slopes + shifts),
            natural.class_mass(),
            one_vs_rest=data.n_classes > 2,
        )

    def _machine(
        self, features: sp.csr_matrix, labels: np.ndarray, weights: np.ndarray, seed: int
    ) -> LinearSVC:
        # Coordinate descent visits the rows in random order, so a seed is part of the result; more rounds than
        # scikit-learn's 1,000, which balanced weights of a rare class use up.
        machine = LinearSVC(C=self.C, max_iter=20_000, random_state=seed % 2**32)
        return machine.fit(features, labels, sample_weight=weights / weights.mean())


def _splits(data: Data, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Folds that hold out every class that can be held out; the others are fitted to in all of them."""
    groups = text_groups(data.inputs)
    n_groups = np.array([len(np.unique(groups[data.labels == c])) for c in range(data.n_classes)])
    can = n_groups > 1
    parted, kept = np.flatnonzero(can[data.labels]), np.flatnonzero(~can[data.labels])
    n_folds = min(FOLDS, len(np.unique(groups[parted])))
    splits: list[Split] = []
    if len(parted):
        with (
            warnings.catch_warnings(),
            suppress(DataError),
        ):  # groups that tie classes together may allow no split
            warnings.simplefilter(
                "ignore", CounterpoiseWarning
            )  # a class is judged by the folds that test it
            splits = make_folds(data.labels[parted], n_folds, groups=groups[parted], seed=seed)
    untold = data.n_classes if not splits else int((~can).sum())
    if untold:
        warnings.warn(
            f"{untold} of {data.n_classes} classes cannot be cross-fitted, for which a class needs two texts that do "
            "not repeat each other: tfidf_svm takes their probabilities from texts it was fitted to; give more texts",
            CounterpoiseWarning,
            stacklevel=3,
        )
    return [(np.concatenate([parted[train], kept]), parted[test]) for train, test in splits]
