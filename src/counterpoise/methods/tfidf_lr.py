"""TF-IDF and logistic regression with balanced weights: plain, fast, and hard to beat when a class is tiny."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from sklearn.feature_extraction.text import TfidfVectorizer

from counterpoise.errors import SettingsError
from counterpoise.methods.base import Context, Data, Method
from counterpoise.methods.linear_predictor import LinearPredictor
from counterpoise.methods.logistic import fit_logistic
from counterpoise.methods.sampled import sampled_method
from counterpoise.methods.setting_checks import check_flag, check_positive, check_whole
from counterpoise.samplers import SAMPLERS
from counterpoise.search_space import Range, Space
from counterpoise.text.tfidf import learn_rows, rows_of, word_tfidf


class TfidfLR(Method):
    """Logistic regression on TF-IDF of words and word pairs.

    Attributes
    ----------
    name : str
        For messages.
    features : callable
        ``(max_ngram, min_df) -> TfidfVectorizer`` of :mod:`counterpoise.text.tfidf`.
    shortest : int
        Least ``max_ngram``.

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
    name: ClassVar[str] = "tfidf_lr"
    shortest: ClassVar[int] = 1
    features: ClassVar[Callable[..., TfidfVectorizer]] = staticmethod(word_tfidf)
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
        check_positive(self.name, C=self.C)
        check_whole(self.name, at_least=self.shortest, max_ngram=self.max_ngram)
        check_whole(self.name, min_df=self.min_df)
        check_flag(self.name, balanced=self.balanced)
        if self.sampler is not None and self.sampler not in tuple(SAMPLERS):
            raise SettingsError(f"sampler is {self.sampler!r}; choose one of {', '.join(SAMPLERS)}")

    @property
    def trains_decoder(self) -> bool:
        """Whether the sampler does."""
        return (
            self.sampler is not None and sampled_method(SAMPLERS[self.sampler], self.sampler)().trains_decoder
        )

    def fit(self, data: Data, context: Context) -> LinearPredictor:
        """Fit; a validation side is not needed."""
        vectorizer = self.features(int(self.max_ngram), int(self.min_df))
        features = learn_rows(vectorizer, data.inputs)
        if self.sampler is not None:
            method = sampled_method(SAMPLERS[self.sampler], self.sampler)()
            data = method.resample(data, context.stream("resample"))
            features = rows_of(vectorizer, data.inputs)
        data = context.weighted(data.balanced() if self.balanced else data)
        weights = fit_logistic(features, data.labels, data.weights, self.C)
        return LinearPredictor(vectorizer, *weights, data.class_mass())
