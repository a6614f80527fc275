"""TF-IDF and logistic regression with balanced weights: plain, fast, and hard to beat when a class is tiny."""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from counterpoise.errors import SettingsError
from counterpoise.methods.base import Context, Data, Method
from counterpoise.methods.predictors import SavedState
from counterpoise.methods.sampled import sampled_method
from counterpoise.samplers import SAMPLERS
from counterpoise.search_space import Range, Space
from counterpoise.text.tfidf import word_tfidf
from counterpoise.text.tokenizers import tokenize


class TfidfLR(Method):
    """Logistic regression on TF-IDF of words and word pairs.

    Parameters
    ----------
    C : float, default=10.0
        Inverse strength of the ridge penalty, as in scikit-learn; TF-IDF rows have length 1, for which 1.0 is
        too strong.
    max_ngram : int, default=2
        Longest run of words that is a feature.
    min_df : int, default=1
        Texts a feature must occur in. A rare class cannot afford to lose its rare words.
    balanced : bool, default=True
        Whether classes get the same total weight.
    sampler : str or None, default=None
        Name of a text sampler in :data:`counterpoise.samplers.SAMPLERS`, such as ``"miso"``, whose new texts are
        learnt from as well, at its default settings. Features and their weights stay those of the real texts.
    """

    summary = "TF-IDF and balanced logistic regression; no network"
    inputs = frozenset({"text"})
    uses_backbone = False
    search_space: ClassVar[Space] = {"C": Range(0.3, 100.0, log=True), "max_ngram": Range(1, 3)}

    def __init__(
        self,
        *,
        C: float = 10.0,
        max_ngram: int = 2,
        min_df: int = 1,
        balanced: bool = True,
        sampler: str | None = None,
    ) -> None:
        self.C = C
        self.max_ngram = max_ngram
        self.min_df = min_df
        self.balanced = balanced
        self.sampler = sampler

    def check(self) -> None:
        """Refuse settings out of range."""
        if not (isinstance(self.C, Real) and self.C > 0):
            raise SettingsError(f"C is {self.C!r}; tfidf_lr needs a number above 0")
        for name in ("max_ngram", "min_df"):
            value = getattr(self, name)
            if not isinstance(value, Integral) or value < 1:
                raise SettingsError(f"{name} is {value!r}; tfidf_lr needs an int of 1 or more")
        if self.sampler is not None and self.sampler not in SAMPLERS:
            raise SettingsError(f"sampler is {self.sampler!r}; choose one of {', '.join(SAMPLERS)}")

    def fit(self, data: Data, context: Context) -> LinearPredictor:
        """Fit; a validation side is not needed."""
        vectorizer = word_tfidf(int(self.max_ngram), int(self.min_df))
        try:
            features = vectorizer.fit_transform(tokenize(data.inputs).to_list())
        except ValueError as error:
            raise SettingsError(
                f"min_df is {self.min_df}, and no word occurs in so many of {len(data)} texts; lower it"
            ) from error
        if self.sampler is not None:
            method = sampled_method(SAMPLERS[self.sampler], self.sampler)()
            data = method.resample(data, context.stream("resample"))
            features = vectorizer.transform(tokenize(data.inputs).to_list())
        if self.balanced:
            data = replace(data, weights=data.weights / data.class_mass()[data.labels])
        data = context.weighted(data)
        model = LogisticRegression(C=self.C, max_iter=1000)
        model.fit(features, data.labels, sample_weight=data.weights / data.weights.mean())
        coefficients, intercepts = model.coef_, model.intercept_
        if len(model.classes_) == 2:
            # One row of log-odds as two of logits, so that all numbers of classes are one case from here on.
            coefficients = np.vstack([-coefficients / 2, coefficients / 2])
            intercepts = np.concatenate([-intercepts / 2, intercepts / 2])
        return LinearPredictor(vectorizer, coefficients, intercepts, data.class_mass())


class LinearPredictor:
    """A linear model over TF-IDF.

    Parameters
    ----------
    vectorizer : TfidfVectorizer
        Fitted, over lists of tokens.
    coefficients : ndarray of float64, shape (C, n_features)
    intercepts : ndarray of float64, shape (C,)
    training_prior : ndarray of float64, shape (C,)
    """

    kind: ClassVar[str] = "linear"

    def __init__(
        self,
        vectorizer: TfidfVectorizer,
        coefficients: np.ndarray,
        intercepts: np.ndarray,
        training_prior: np.ndarray,
    ) -> None:
        self.vectorizer = vectorizer
        # As they are saved, so that a loaded model gives the same probabilities to the last bit.
        self.coefficients = coefficients.astype(np.float32)
        self.intercepts = intercepts.astype(np.float32)
        self.training_prior = training_prior
        self.history: list[dict[str, float]] = []

    def features(self, inputs: np.ndarray) -> csr_matrix:
        """TF-IDF of texts, sparse ``(n, n_features)``."""
        return self.vectorizer.transform(tokenize(inputs).to_list())

    def logits(self, inputs: np.ndarray) -> np.ndarray:
        """Logits ``(n, C)`` of float64."""
        return self.features(inputs) @ self.coefficients.T + self.intercepts

    def embed(self, inputs: np.ndarray) -> csr_matrix:
        """TF-IDF of texts, sparse ``(n, n_features)``: what this model sees of them."""
        return self.features(inputs)

    def state(self) -> SavedState:
        """Take the predictor apart."""
        words = sorted(self.vectorizer.vocabulary_, key=self.vectorizer.vocabulary_.__getitem__)
        tensors = {
            "coefficients": self.coefficients,
            "intercepts": self.intercepts,
            "idf": self.vectorizer.idf_,
            "training_prior": self.training_prior,
        }
        return SavedState({"max_ngram": self.vectorizer.ngram_range[1]}, tensors, words)

    @classmethod
    def from_state(cls, state: SavedState, method: Any) -> LinearPredictor:
        """Put a predictor together again."""
        tensors = state.tensors
        vectorizer = word_tfidf(state.config["max_ngram"], 1, {w: i for i, w in enumerate(state.vocabulary)})
        vectorizer.idf_ = tensors["idf"]
        return cls(vectorizer, tensors["coefficients"], tensors["intercepts"], tensors["training_prior"])
