"""The texts that lie nearest by the runs of characters inside their words, class by class."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

from counterpoise.methods.base import Context, Data, Method
from counterpoise.methods.neighbor_contrast import NeighborContrast
from counterpoise.methods.predictors import SavedState
from counterpoise.methods.row_sample import one_of_repeated, sample
from counterpoise.methods.setting_checks import check_flag, check_whole
from counterpoise.search_space import Range, Space
from counterpoise.seeding import generator
from counterpoise.text.characters import SHORTEST
from counterpoise.text.tfidf import character_tfidf, learn_rows, put_together, rows_of, taken_apart

SHARED = 10.0
"""Runs that two texts may have in common on average, which bounds the time that it takes to compare them all."""


class CharNeighbors(Method):
    """How near the nearest texts of each class are, in TF-IDF of runs of characters inside words.

    As :class:`counterpoise.methods.encoder_neighbors.EncoderNeighbors`, in a space that needs nothing pretrained: texts
    are near that share rare words, parts of them, or their misspellings. Of long texts the commonest runs are left
    out, which tell least of who is near and cost most. Its place is beside linear models of the same features, in a
    blend.

    A saved model holds the features of the texts that are compared with.

    Parameters
    ----------
    k : int, default=5
        Nearest texts of each class; of a class with fewer all but one.
    max_rows : int, default=20000
        Texts at most that others are compared with, all those of rare classes among them.
    max_ngram : int, default=6
        Characters of the longest run that is a feature; see :class:`counterpoise.methods.char_lr.CharLR`.
    balanced : bool, default=True
        Whether classes get the same total weight where slope and intercepts are fitted.

    Raises
    ------
    DataError
        From ``fit``, for sample weights that differ within a class.
    """

    summary = "how near the nearest texts of each class are by runs of characters; no network"
    paper = "Loftsgaarden and Quesenberry 1965"
    inputs = frozenset({"text"})
    uses_backbone = False
    takes_sample_weight = False
    search_space: ClassVar[Space] = {"k": Range(1, 20, log=True)}

    def __init__(
        self, *, k: int = 5, max_rows: int = 20_000, max_ngram: int = 6, balanced: bool = True
    ) -> None:
        self.k = k
        self.max_rows = max_rows
        self.max_ngram = max_ngram
        self.balanced = balanced

    def check(self) -> None:
        """Refuse settings out of range."""
        check_whole("char_neighbors", k=self.k)
        check_whole("char_neighbors", at_least=100, max_rows=self.max_rows)
        check_whole("char_neighbors", at_least=SHORTEST, max_ngram=self.max_ngram)
        check_flag("char_neighbors", balanced=self.balanced)

    def fit(self, data: Data, context: Context) -> CharNeighborPredictor:
        """Take texts in, and fit slope and intercepts; a validation side is not needed."""
        self.check_data(data)
        told = one_of_repeated(sample(data, int(self.max_rows), generator(context.seed, "rows")))
        vectorizer = character_tfidf(int(self.max_ngram))
        vectorizer, rows = rarer_runs(vectorizer, learn_rows(vectorizer, told.inputs))
        told = context.weighted(told.balanced() if self.balanced else told)
        contrast = NeighborContrast.fitted(rows.astype(np.float32), told.labels, told.weights, int(self.k))
        return CharNeighborPredictor(vectorizer, contrast, told.class_mass())


def rarer_runs(
    vectorizer: TfidfVectorizer, rows: csr_matrix, shared: float = SHARED
) -> tuple[TfidfVectorizer, csr_matrix]:
    """Leave the commonest features out, so that texts share no more than so many of the others on average.

    Parameters
    ----------
    vectorizer : TfidfVectorizer
        Fitted, of :mod:`counterpoise.text.tfidf`.
    rows : csr_matrix of float64, shape (n, n_features)
        The texts that it was fitted to.
    shared : float, default=10
        Features in common to two texts, in the mean over all pairs.

    Returns
    -------
    vectorizer, rows
        The same with the features that are left, one at least; rows have length 1 again.
    """
    in_texts = np.bincount(rows.indices, minlength=rows.shape[1]).astype(np.float64)
    order = np.argsort(in_texts, kind="stable")
    n_left = max(
        int(np.searchsorted(np.cumsum(in_texts[order] ** 2), shared * rows.shape[0] ** 2, "right")), 1
    )
    if n_left == len(order):
        return vectorizer, rows
    left = np.sort(order[:n_left])
    config, learnt, runs = taken_apart(vectorizer)
    fewer = put_together(config, {"idf": learnt["idf"][left]}, [runs[i] for i in left])
    return fewer, normalize(rows[:, left])


class CharNeighborPredictor:
    """Texts that others are compared with, by runs of characters.

    Parameters
    ----------
    vectorizer : TfidfVectorizer
        Fitted, of :mod:`counterpoise.text.tfidf`.
    contrast : NeighborContrast
    training_prior : ndarray of float64, shape (C,)
    """

    kind: ClassVar[str] = "char_neighbors"

    def __init__(
        self, vectorizer: TfidfVectorizer, contrast: NeighborContrast, training_prior: np.ndarray
    ) -> None:
        self.vectorizer = vectorizer
        self.contrast = contrast
        self.training_prior = training_prior
        self.history: list[dict[str, float]] = []

    def logits(self, inputs: np.ndarray) -> np.ndarray:
        """Logits ``(n, C)`` of float64."""
        return self.contrast.logits(self.embed(inputs))

    def embed(self, inputs: np.ndarray) -> csr_matrix:
        """Texts by their runs of characters, sparse ``(n, n_features)``."""
        return rows_of(self.vectorizer, inputs)

    def state(self) -> SavedState:
        """Take the predictor apart."""
        config, tensors = self.contrast.state()
        features, learnt, runs = taken_apart(self.vectorizer)
        tensors |= learnt | {"training_prior": self.training_prior}
        return SavedState({**config, **features}, tensors, runs)

    @classmethod
    def from_state(cls, state: SavedState, method: Any) -> CharNeighborPredictor:
        """Put a predictor together again."""
        vectorizer = put_together(state.config, state.tensors, state.vocabulary)
        contrast = NeighborContrast.restored(state.config, state.tensors)
        return cls(vectorizer, contrast, state.tensors["training_prior"])
