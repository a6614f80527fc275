"""NCM, nearest class mean: plain training, then each class is where its rows are on average (Kang et al. 2020).

Kang, Xie, Rohrbach, Yan, Gordo, Feng and Kalantidis, "Decoupling Representation and Classifier for Long-Tailed
Recognition", ICLR 2020, section 4, "Nearest Class Mean classifier": by cosine, or by Euclidean distance of
representations brought to length 1. The authors' code can also centre them first; the paper does not speak of it.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor, nn
from torch.nn import functional

from counterpoise.backbones.base import Batch, Network
from counterpoise.errors import SettingsError
from counterpoise.methods.balanced_batches import BalancedBatches
from counterpoise.methods.base import Context, Data
from counterpoise.methods.gradient import GradientMethod
from counterpoise.methods.network_predictor import NetworkPredictor
from counterpoise.methods.validation import whole_side
from counterpoise.metrics.calibration import implied_prior
from counterpoise.metrics.temperature import fit_sharpness
from counterpoise.search_space import Choice, Space

DISTANCES = ("euclidean", "cosine")


class ClassMeans(nn.Module):
    """Logits of rows by their squared distance from class means: ``offset - sharpness * distance``.

    Rows are brought to length 1. Where means are too, the squared distance is ``2 - 2 * cosine``.

    Parameters
    ----------
    dim, n_classes : int
    """

    means: Tensor
    offset: Tensor
    sharpness: Tensor

    def __init__(self, dim: int, n_classes: int) -> None:
        super().__init__()
        self.register_buffer("means", torch.zeros(n_classes, dim))
        self.register_buffer("offset", torch.zeros(n_classes))
        self.register_buffer("sharpness", torch.zeros(()))

    @property
    def measured(self) -> bool:
        """Whether there are means yet."""
        return bool(self.sharpness > 0)

    def forward(self, embeddings: Tensor) -> Tensor:
        """Logits ``(B, C)`` of representations ``(B, d)``, but for what a row adds to all classes alike."""
        rows, squares = functional.normalize(embeddings, dim=1), (self.means**2).sum(dim=1)
        # Seen from the midst of the means, since in what classes share the last digits of their difference drown.
        nearness = 2 * rows @ (self.means - self.means.mean(dim=0)).T - (squares - squares.mean())
        return self.offset + self.sharpness * nearness


class NCM(GradientMethod):
    """Train plainly, then replace the head by the mean of each class over the fitting side.

    Means know nothing of class sizes, so that each class counts alike (but for row weights). The one number that
    makes logits of distances, their sharpness, is fitted with all classes alike on the validation side. Where there is
    none, or it lacks a class, it is fitted on the fitting side, each row against the mean of the others of its
    class; a row that is the only one of its class is left out. The backbone has seen these rows, so the
    probabilities are then somewhat too sure.

    If all classes were equally wide and round, the logits would be log-odds under equal shares. They are not, so
    the shares are measured on the same rows: those that return the mean probability of each class to its share.

    Training stops early by the plain head, which learns the representation.

    Parameters
    ----------
    distance : {"euclidean", "cosine"}, default="euclidean"
        To the mean of a class's rows, each of them at length 1. Euclidean is the default of the authors' code; the
        cosine forgets how widely the rows of a class are spread, which shortens their mean.

    Raises
    ------
    SettingsError
        From ``check``, for another distance.
    """

    search_space: ClassVar[Space] = {"distance": Choice(DISTANCES)}
    summary = "plain training, then the nearest class mean (NCM)"
    paper = "Kang et al. 2020"

    def __init__(self, *, distance: str = "euclidean") -> None:
        self.distance = distance

    def check(self) -> None:
        """Refuse an unknown distance."""
        if self.distance not in DISTANCES:
            raise SettingsError(f"distance is {self.distance!r}; choose one of {', '.join(DISTANCES)}")

    def modules(self, dim: int, n_classes: int) -> ClassMeans:
        """The class means, not measured yet."""
        return ClassMeans(dim, n_classes)

    def logits(self, model: Network, batch: Batch) -> Tensor:
        """Logits ``(B, C)`` by class means, or by the head as long as there are none."""
        classes = _classes(model)
        return classes(model.embed(batch)) if classes.measured else model(batch)

    def fit(self, data: Data, context: Context) -> NetworkPredictor:
        """Train plainly, and measure means, sharpness and shares; see :meth:`counterpoise.methods.base.Method.fit`."""
        predictor = super().fit(data, context)
        rows = _unit(predictor.embed(data.inputs))
        sums, mass = _class_sums(rows, data)
        means = self._placed(sums / mass[:, None])
        side = whole_side(context, data.n_classes)
        if side is None:
            judges, others = data, mass[data.labels] - data.weights
            known = others > 1e-9 * mass[data.labels]
            # A row alone in its class has but itself to be compared with.
            rest = np.where(known[:, None], sums[data.labels] - data.weights[:, None] * rows, rows)
            own = self._placed(rest / np.where(known, others, 1)[:, None])
            nearness = _nearness(rows, means)
            nearness[np.arange(len(rows)), data.labels] = ((2 * rows - own) * own).sum(axis=1)
        else:
            judges, known = side, np.ones(len(side), dtype=bool)
            nearness = _nearness(_unit(predictor.embed(side.inputs)), means)
        offset = np.log(BalancedBatches().training_prior(context.weighted(data)))
        weights = context.weighted(judges).weights
        sharpness = fit_sharpness(nearness[known], judges.labels[known], weights[known], offset)
        classes = _classes(predictor.model)
        classes.means.copy_(torch.from_numpy(means))
        classes.offset.copy_(torch.from_numpy(offset))
        classes.sharpness.fill_(sharpness)
        predictor.training_prior = implied_prior(offset + sharpness * nearness, judges.labels, judges.weights)
        return predictor

    def _placed(self, means: np.ndarray) -> np.ndarray:
        """Means as the distance wants them: for the cosine at length 1."""
        return _unit(means) if self.distance == "cosine" else means


def _classes(model: Network) -> ClassMeans:
    """The class means that :meth:`NCM.modules` gave the network."""
    assert isinstance(model.parts, ClassMeans)
    return model.parts


def _class_sums(rows: np.ndarray, data: Data) -> tuple[np.ndarray, np.ndarray]:
    """Weighted sums ``(C, d)`` of the rows of each class, and their weights ``(C,)``."""
    shape = (data.n_classes, len(data))
    belongs = csr_matrix((data.weights, (data.labels, np.arange(len(data)))), shape=shape)
    return belongs @ rows, np.bincount(data.labels, data.weights, data.n_classes)


def _nearness(rows: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Minus the squared distances ``(n, C)``, but for the rows' own squared length, which all classes share."""
    return 2 * rows @ means.T - (means**2).sum(axis=1)


def _unit(rows: np.ndarray) -> np.ndarray:
    """Rows at length 1, in float64; one of zeros stays."""
    rows = rows.astype(np.float64)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(length > 0, length, 1)
