"""The base of methods that fill classes up with rows mixed with a neighbour, which is SMOTE inside the training."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from counterpoise.backbones.base import Batch, Network
from counterpoise.backbones.registry import Encoded, Encoder
from counterpoise.methods.base import Context, Data
from counterpoise.methods.network_predictor import NetworkPredictor
from counterpoise.methods.random_oversample import RandomOversample
from counterpoise.methods.setting_checks import check_share, check_whole
from counterpoise.methods.unlabelled import joined
from counterpoise.mixing.pairs import Pairs
from counterpoise.neighbors.within import nearest_within
from counterpoise.search_space import Range, Space
from counterpoise.training.loop import predict
from counterpoise.training.settings import TrainingState


class NeighborMixing(RandomOversample):
    """Repeat rows of the smaller classes until the classes balance, and mix each repeated one with a neighbour.

    Rows as they were given are not mixed. A repeated row gets, at every step, one of its ``k`` nearest neighbours and a
    weight from 0 to 1, all alike likely: SMOTE's point between two rows (Chawla et al. 2002), made anew whenever it is
    asked for. Neighbours are looked for in the network's own representation of the rows, again every ``refresh``
    epochs; rows are mixed as other methods of the family mix them, arrays and images as they are, texts as word vectors
    or, in a trained encoder, after a share ``depth`` of its layers.

    Parameters
    ----------
    k : int, default=5
        Neighbours (SMOTE's own); a row has fewer where there are no more.
    refresh : int, default=2
        Epochs after which neighbours are looked for again.
    depth : float, default=0.0
        Share of a trained encoder's layers that rows go through before they are mixed.

    Raises
    ------
    SettingsError
        From ``check``, if a setting is out of range; before training, if the backbone cannot mix.
    """

    search_space: ClassVar[Space] = {"k": Range(1, 20)}
    soft: ClassVar[bool]
    """Whether neighbours are of any class and lend their label too; else they are of the row's own class."""

    _sources: np.ndarray
    _labels: np.ndarray
    _weights: np.ndarray
    _neighbors: np.ndarray
    _encoded: Encoded | None = None

    def __init__(self, *, k: int = 5, refresh: int = 2, depth: float = 0.0) -> None:
        self.k = k
        self.refresh = refresh
        self.depth = depth

    def check(self) -> None:
        """Refuse settings out of range."""
        name = type(self).__name__
        check_whole(name, k=self.k, refresh=self.refresh)
        check_share(name, depth=self.depth)

    def resample(self, data: Data, context: Context) -> Data:
        """Append repeated rows, and remember which row each is of."""
        numbered = Data(np.arange(len(data)), data.labels, data.n_classes, data.weights)
        self._sources = super().resample(numbered, context).inputs
        self._labels, weights = data.labels, context.weighted(data).weights
        self._weights = weights / weights[self._sources].mean()  # as the loop scales them
        return data.take(self._sources)

    def start(self, model: Network, data: Data, encoder: Encoder, context: Context) -> None:
        """Refuse a backbone that cannot mix, and keep the rows that were given, which neighbours are drawn from."""
        model.backbone.check_mixing()
        self._encoded = encoder.encode(data.inputs[: len(self._labels)], model.head.weight.device)

    def on_epoch(self, model: Network, state: TrainingState) -> None:
        """Look for neighbours, every ``refresh`` epochs."""
        if self._encoded is not None and state.epoch % self.refresh == 0:
            rows = predict(model, self._encoded, lambda model, batch: model.embed(batch))
            self._neighbors = neighbors_of(rows, self._labels, self.k, own_class=not self.soft)

    def views(self, batch: Batch, state: TrainingState) -> Batch:
        """Add a neighbour of each row, which is the row itself where it is not to be mixed."""
        if self._encoded is None:
            return batch._replace(views=(batch,))
        rows = state.numbers_of(batch)
        sources = self._sources[rows]
        draw = torch.rand(len(rows), generator=state.generator("neighbours", "cpu")).numpy()
        chosen = self._neighbors[sources, (draw * self._neighbors.shape[1]).astype(np.int64)]
        chosen = np.where(rows < len(self._labels), sources, chosen)
        inputs, mask = self._encoded.batch(chosen)
        device = batch.labels.device
        labels = torch.from_numpy(self._labels[chosen]).to(device)
        weights = torch.from_numpy(self._weights[chosen]).float().to(device)
        at = torch.from_numpy(chosen).to(device)
        return batch._replace(views=(Batch(inputs, mask, labels, weights, at),))

    def loss(self, model: Network, batch: Batch, state: TrainingState) -> Tensor:
        """Loss ``(B,)`` of each row, those that are repeated being mixed with their neighbours."""
        (other,) = batch.views
        n, device = len(batch.labels), batch.labels.device
        drawn = torch.rand(n, generator=state.generator("mixing", device), device=device)
        weight = (
            torch.where(batch.rows < len(self._labels), 1.0, drawn) if self._encoded is not None else drawn
        )
        label_weight = weight if self.soft else torch.ones_like(weight)
        pairs = Pairs(torch.arange(n, 2 * n, device=device), weight, label_weight)
        inputs, mask = joined([(batch.inputs, batch.mask), (other.inputs, other.mask)])
        nothing = torch.empty(0, device=device)
        logits = model.mixed(Batch(inputs, mask, nothing, nothing, nothing), pairs, self.depth).float()
        own = label_weight * functional.cross_entropy(logits, batch.labels, reduction="none")
        if not self.soft:
            return own
        # The loop multiplies by the row's weight, but this half has its neighbour's.
        lent = (1 - label_weight) * functional.cross_entropy(logits, other.labels, reduction="none")
        return own + lent * other.weights / batch.weights

    def memory(self) -> dict[str, Tensor]:
        """The neighbours found last."""
        return {"neighbors": torch.from_numpy(self._neighbors)}

    def remember(self, memory: dict[str, Tensor]) -> None:
        """Take the neighbours back."""
        self._neighbors = memory["neighbors"].cpu().numpy()

    def fit(self, data: Data, context: Context) -> NetworkPredictor:
        """Train; see :meth:`counterpoise.methods.base.Method.fit`."""
        try:
            predictor = super().fit(data, context)
            if self.soft:
                predictor.training_prior = self._label_mass(context.weighted(data))
            return predictor
        finally:
            self._encoded = None  # the predictor keeps this method, and must not keep the rows

    def _label_mass(self, data: Data) -> np.ndarray:
        """Share of each class in the labels learnt from: half of a repeated row's goes to its neighbours' classes."""
        repeated = self._sources[len(data) :]
        near = self._neighbors[repeated]
        mass = np.bincount(data.labels, data.weights, data.n_classes)
        mass += np.bincount(data.labels[repeated], data.weights[repeated] / 2, data.n_classes)
        lent = data.weights[near] / (2 * near.shape[1])
        mass += np.bincount(data.labels[near].ravel(), lent.ravel(), data.n_classes)
        return mass / mass.sum()


def neighbors_of(rows: np.ndarray, labels: np.ndarray, k: int, *, own_class: bool) -> np.ndarray:
    """Nearest rows of each row, itself left out.

    Parameters
    ----------
    rows : ndarray of float32, shape (n, d)
    labels : ndarray of int64, shape (n,)
    k : int
    own_class : bool
        Whether only rows of the same class are looked at.

    Returns
    -------
    ndarray of int64, shape (n, k)
        Where there are fewer than ``k`` they are gone round; a row without any has itself.
    """
    found = nearest_within(rows, labels if own_class else np.zeros(len(rows), dtype=np.int64), k)
    few = (found >= 0).sum(axis=1, keepdims=True)
    round_again = np.take_along_axis(found, np.arange(k) % np.maximum(few, 1), axis=1)
    return np.where(few, round_again, np.arange(len(rows))[:, None])
