"""Over-sampling with points rather than texts: the base of SMOTE, its kin, and whatever else interpolates.

Between two numeric rows there are others, which a network can be trained on. Between two texts there is none; so texts
are put into a space of numbers first, and a linear classifier is trained on the points there.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from numbers import Real
from typing import Any, ClassVar

import numpy as np
import torch
from scipy.sparse import csr_matrix, diags_array

from counterpoise.data.arrays import Standardizer
from counterpoise.errors import SettingsError
from counterpoise.methods.base import Context, Data
from counterpoise.methods.gradient import GradientMethod
from counterpoise.methods.linear_predictor import LinearPredictor
from counterpoise.methods.logistic import fit_logistic
from counterpoise.methods.network_predictor import NetworkPredictor
from counterpoise.methods.setting_checks import check_positive, check_whole
from counterpoise.methods.sparse_linear import SparseLinearPredictor, common_scale
from counterpoise.oversampling.interpolation import interpolate
from counterpoise.search_space import Range
from counterpoise.text.tfidf import learn_rows, word_tfidf

SPACES = ("tfidf", "embedding")
"""Where texts can be points."""


class FeatureSpaceMethod(GradientMethod):
    """Base of methods that add points between the rows of a class; a subclass says which, and how many.

    On arrays the new rows are made among standardised features, as the network sees them, and the network is
    trained on all of them. Sparse arrays, whose zeros stay, are brought to one scale, and logistic regression is fitted
    to them and the points among them. On texts there is a choice of ``space``: TF-IDF with logistic regression, which
    trains no network, or the embedding of a backbone trained plainly, whose head is then fitted anew to the embeddings
    and the points among them. Label smoothing is of the network's training: the head that is fitted anew learns from
    whole labels, and where no network is trained it is refused.

    It fulfils :class:`counterpoise.oversampling.interpolation.Rule`.

    Attributes
    ----------
    name : str
        For messages.
    balance : float
        How much of the gap between each class and the largest is filled.
    space : {"tfidf", "embedding"}
        For texts; not read for arrays.
    C : float
        Inverse strength of the ridge penalty of the linear classifier, for rows of length 1, to which embeddings and
        sparse rows are brought in the mean; not read for dense arrays.
    max_ngram : int
        Longest run of words that is a feature of TF-IDF.
    """

    # Images that are near pixel by pixel need not show anything alike, so there is no point in points between them.
    inputs: ClassVar[frozenset[str]] = frozenset({"text", "array"})
    takes_sparse = True
    name: ClassVar[str]
    linear_space: ClassVar[Mapping[str, Range]] = {
        "balance": Range(0.1, 1.0),
        "C": Range(0.3, 100.0, log=True),
    }
    balance: float
    space: str
    C: float
    max_ngram: int

    @property
    @abstractmethod
    def k(self) -> int:
        """Neighbours within the class, on the way to one of which a new row lies."""

    @abstractmethod
    def maker(self, k: int, n_rows: int) -> Any:
        """imbalanced-learn's sampler for a class in which each row has ``k`` neighbours, of ``n_rows`` in all."""

    def amount(self, rows: Any, labels: np.ndarray, label: int, count: int, k: int) -> int | None:
        """How many of ``count`` new rows the sampler will make; None where no row of the class is fit for it."""
        return count

    def say_left(self, n_left: int, n_smaller: int) -> None:
        """Tell the user, by warning or error, that some of the smaller classes got no rows."""

    def check(self) -> None:
        """Refuse settings out of range."""
        check_positive(self.name, C=self.C)
        check_whole(self.name, max_ngram=self.max_ngram)
        if not (isinstance(self.balance, Real) and 0 < self.balance <= 1):
            raise SettingsError(f"balance is {self.balance!r}; {self.name} needs a share above 0, at most 1")
        if self.space not in SPACES:
            raise SettingsError(f"space is {self.space!r}; choose one of {', '.join(SPACES)}")

    def trains_backbone(self, kind: str) -> bool:
        """On dense arrays, and on texts in the embedding space."""
        return kind == "array" or (kind == "text" and self.space == "embedding")

    def fit(  # type: ignore[override]
        self, data: Data, context: Context
    ) -> LinearPredictor | SparseLinearPredictor | NetworkPredictor:
        """Fit; see :meth:`counterpoise.methods.base.Method.fit`.

        Raises
        ------
        SettingsError
            For label smoothing where no network is trained.
        DataError
            For numbers that are not finite.

        Warns
        -----
        CounterpoiseWarning
            As :func:`counterpoise.oversampling.interpolation.interpolate`.
        """
        if data.kind == "array":
            return super().fit(data, context)
        if not self.trains_backbone(data.kind):
            self.check_training(context.training, data.kind)
            return (self._fit_sparse if data.kind == "sparse" else self._fit_words)(data, context)
        predictor = super().fit(data, context)
        self._refit_head(predictor, data, context)
        return predictor

    def resample(self, data: Data, context: Context) -> Data:
        """Add rows to arrays; texts are left as they are, and become points after the training."""
        if data.kind == "text":
            return data
        # A neighbour by kilometres must not be one by metres: distances are taken where all features weigh alike.
        scaler = Standardizer().fit(data.inputs)
        points = self._with_points(scaler.encode(data.inputs).values.numpy(), data, context.seed)
        new = scaler.decode(points.inputs[len(data) :])
        return replace(points, inputs=np.concatenate([data.inputs, new]))

    def _with_points(self, rows: Any, data: Data, seed: int) -> Data:
        """Rows of any space, one for each of the data's, with points added."""
        filled = interpolate(rows, data.labels, data.weights, self, share=self.balance, seed=seed)
        if filled.left:
            self.say_left(len(filled.left), filled.n_smaller)
        return replace(data, inputs=filled.rows, labels=filled.labels, weights=filled.weights)

    def _fit_points(
        self, rows: Any, data: Data, context: Context
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Coefficients, intercepts and class shares of a logistic regression on rows and the points among them."""
        points = context.weighted(self._with_points(rows, data, context.stream("resample").seed))
        weights = fit_logistic(points.inputs, points.labels, points.weights, self.C)
        return *weights, points.class_mass()

    def _fit_words(self, data: Data, context: Context) -> LinearPredictor:
        vectorizer = word_tfidf(int(self.max_ngram))
        return LinearPredictor(
            vectorizer, *self._fit_points(learn_rows(vectorizer, data.inputs), data, context)
        )

    def _fit_sparse(self, data: Data, context: Context) -> SparseLinearPredictor:
        scale = common_scale(data.inputs)
        rows = csr_matrix(data.inputs.astype(np.float64) @ diags_array(scale))
        return SparseLinearPredictor(scale, *self._fit_points(rows, data, context))

    def _refit_head(self, predictor: NetworkPredictor, data: Data, context: Context) -> None:
        rows = predictor.embed(data.inputs)
        # Of length 1 in the mean, as TF-IDF is, so that one C means the same whatever the backbone's scale.
        scale = 1 / max(float(np.linalg.norm(rows, axis=1).mean()), 1e-12)
        coefficients, intercepts, prior = self._fit_points(rows * scale, data, context)
        head = predictor.model.head
        with torch.no_grad():
            head.weight.copy_(torch.from_numpy(coefficients * scale))
            head.bias.copy_(torch.from_numpy(intercepts))
        predictor.training_prior = prior
