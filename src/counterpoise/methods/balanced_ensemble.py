"""Many small balanced fits in place of one: the base of the ensembles that under-sample, and their predictor."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from typing import Any, ClassVar, Protocol

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer

from counterpoise.errors import SettingsError
from counterpoise.finite import check_finite
from counterpoise.methods.base import Context, Data, Method
from counterpoise.methods.predictors import SavedState
from counterpoise.methods.setting_checks import check_whole
from counterpoise.text.tfidf import learn_rows, rows_of, word_tfidf


class Probable(Protocol):
    """What gives probabilities of rows."""

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities ``(n, C)``."""


class BalancedEnsemble(Method):
    """Base of ensembles in which each member learns from as many rows of every class.

    No member sees more of the large classes than there are rows of the rarest, but all of them together do. Texts are
    rows of TF-IDF; arrays are taken as they are, since trees ask for no common scale.

    The models hold trees, which can be stored only by pickle, so they cannot be saved.

    Attributes
    ----------
    name : str
        For messages.
    n_estimators : int
        Members.
    max_ngram, min_df : int
        Longest run of words that is a feature of TF-IDF, and texts it must occur in; not read for arrays.
    """

    uses_backbone = False
    can_be_saved = False
    takes_sparse = True
    name: ClassVar[str]
    n_estimators: int
    max_ngram: int
    min_df: int

    def check(self) -> None:
        """Refuse settings out of range."""
        check_whole(self.name, n_estimators=self.n_estimators, max_ngram=self.max_ngram, min_df=self.min_df)

    @abstractmethod
    def members(
        self, rows: Any, labels: np.ndarray, weights: np.ndarray, by_class: np.ndarray, seed: int
    ) -> tuple[list[Probable], np.ndarray]:
        """Fit the members.

        Parameters
        ----------
        rows : ndarray or csr_matrix, shape (n, d)
        labels : ndarray of int64, shape (n,)
        weights : ndarray of float64, shape (n,)
            1 on average over each class.
        by_class : ndarray of float64, shape (C,)
            What each class is to weigh on top of the balance.
        seed : int

        Returns
        -------
        members : list
        prior : ndarray of float64, shape (C,)
            Class shares, or their multiple, that the members were fitted under.
        """

    def fit(self, data: Data, context: Context) -> EnsemblePredictor:
        """Fit; a validation side is not needed.

        Raises
        ------
        DataError
            For numbers that are not finite.
        SettingsError
            When no word occurs in ``min_df`` texts.
        """
        vectorizer = None
        rows: Any = data.inputs
        if data.kind == "text":
            vectorizer = word_tfidf(int(self.max_ngram), int(self.min_df))
            rows = learn_rows(vectorizer, data.inputs)
        else:
            check_finite(rows)
        mean = np.bincount(data.labels, data.weights) / np.bincount(data.labels)
        by_class = context.weighted(data).class_factors()
        weights = data.weights / mean[data.labels]
        with warnings.catch_warnings():
            # Of a draw of one or two rows a class, scikit-learn asks whether the classes are meant to be numbers.
            warnings.filterwarnings("ignore", message="The number of unique classes is greater than 50%")
            seed = context.stream(self.name).seed
            members, prior = self.members(rows, data.labels, weights, by_class, seed)
        return EnsemblePredictor(vectorizer, members, prior / prior.sum())


class EnsemblePredictor:
    """The mean of what the members of an ensemble say.

    Parameters
    ----------
    vectorizer : TfidfVectorizer or None
        Fitted, for texts; None for arrays.
    members : list
        With ``predict_proba``, all over classes 0 to C - 1.
    training_prior : ndarray of float64, shape (C,)
    """

    kind: ClassVar[str] = "ensemble"

    def __init__(
        self, vectorizer: TfidfVectorizer | None, members: list[Probable], training_prior: np.ndarray
    ) -> None:
        self.vectorizer = vectorizer
        self.members = members
        self.training_prior = training_prior
        self.history: list[dict[str, float]] = []

    def logits(self, inputs: np.ndarray) -> np.ndarray:
        """Logarithms of the mean probabilities, ``(n, C)`` of float64, as if one more member knew the prior alone.

        Trees that are sure, and agree, would else give a probability of 0, which no other prior can move.
        """
        rows = self.embed(inputs)
        total = self.training_prior + sum(member.predict_proba(rows) for member in self.members)
        return np.log(total / (len(self.members) + 1))

    def embed(self, inputs: np.ndarray) -> np.ndarray | csr_matrix:
        """What the members see: TF-IDF, sparse ``(n, n_features)``, or the arrays themselves, sparse or not."""
        return inputs if self.vectorizer is None else rows_of(self.vectorizer, inputs)

    def state(self) -> SavedState:
        """Refuse, since trees are no tensors.

        Raises
        ------
        SettingsError
            Always.
        """
        raise SettingsError("an ensemble of trees cannot be saved without pickle; fit it where it is used")

    @classmethod
    def from_state(cls, state: SavedState, method: Any) -> EnsemblePredictor:
        """Refuse, as :meth:`state`."""
        raise SettingsError("an ensemble of trees cannot be loaded, since none can be saved")
