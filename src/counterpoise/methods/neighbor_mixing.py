"""The base of methods that fill classes up with rows mixed with a neighbour, which is SMOTE inside the training."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from counterpoise.backbones.base import Batch, Network
from counterpoise.backbones.registry import Encoded, Encoder
from counterpoise.errors import CounterpoiseWarning
from counterpoise.losses.ldam import SCALE
from counterpoise.methods.base import Context, Data
from counterpoise.methods.deferred import class_weights
from counterpoise.methods.mixed_loss import MixedLoss
from counterpoise.methods.network_predictor import NetworkPredictor
from counterpoise.methods.random_oversample import RandomOversample
from counterpoise.methods.setting_checks import check_whole
from counterpoise.methods.unlabelled import joined
from counterpoise.mixing.pairs import Pairs
from counterpoise.neighbors.within import nearest_within
from counterpoise.oversampling.interpolation import too_few
from counterpoise.search_space import Range, Space
from counterpoise.text.batching import bucketed_batches
from counterpoise.training.loop import predict
from counterpoise.training.settings import TrainingState


class NeighborMixing(MixedLoss, RandomOversample):
    """Repeat rows of the smaller classes until the classes balance, and mix each repeated one with a neighbour.

    Rows as they were given are not mixed. A repeated row gets, in every epoch, one of its ``k`` nearest neighbours and
    a weight from 0 to 1, all alike likely: SMOTE's point between two rows (Chawla et al. 2002), made anew each time.
    Neighbours are looked for in the network's own representation of the rows, again every ``refresh``
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
    drw : bool or float, default=False
        Late class weights; see :class:`counterpoise.methods.deferred.DeferredReweighting`. Repeating rows balances the
        classes already, and weights on top would count rarity twice. So from then on each given row comes up once, as
        it is, and weighs by the effective number of its class in the given data: points between rows teach the
        representation, and where to cut is learnt from real rows (our reading; the paper's phases, Cao et al. 2019,
        algorithm 1, know no repeated rows).
    ldam : bool, default=False
        Whether the loss is that of :class:`counterpoise.methods.ldam.LDAM`, over cosines, with margins by the classes'
        sizes in the given data, in place of cross-entropy.
    max_margin : float, default=0.5
        Margin of the rarest class there; not read without ``ldam``.
    scale : float, default=30.0
        What cosines are multiplied by there; not read without ``ldam``.

    Raises
    ------
    SettingsError
        From ``check``, if a setting is out of range; before training, if the backbone cannot mix.
    """

    search_space: ClassVar[Space] = {"k": Range(1, 20)}
    soft: ClassVar[bool]
    """Whether neighbours are of any class and lend their label too; else they are of the row's own class."""
    rule: ClassVar[Callable[..., Pairs]]
    """The rule of the family in :mod:`counterpoise.mixing.smote`."""

    _sources: np.ndarray
    _given: Data
    _neighbors: np.ndarray
    _partners: np.ndarray
    _tables: _Tables
    _pairs: Pairs
    _late = False
    _encoded: Encoded | None = None

    def __init__(
        self,
        *,
        k: int = 5,
        refresh: int = 2,
        depth: float = 0.0,
        drw: bool | float = False,
        ldam: bool = False,
        max_margin: float = 0.5,
        scale: float = SCALE,
    ) -> None:
        self.k = k
        self.refresh = refresh
        self.depth = depth
        self.drw = drw
        self.ldam = ldam
        self.max_margin = max_margin
        self.scale = scale

    def check(self) -> None:
        """Refuse settings out of range."""
        super().check()
        check_whole(self.name, k=self.k, refresh=self.refresh)

    def resample(self, data: Data, context: Context) -> Data:
        """Append repeated rows, and remember which row each is of."""
        numbered = Data(np.arange(len(data)), data.labels, data.n_classes, data.weights)
        self._sources = super().resample(numbered, context).inputs
        given = context.weighted(numbered)
        scaled = given.weights / given.weights[self._sources].mean()  # as the loop scales them
        self._given = replace(given, weights=scaled)
        return data.take(self._sources)

    def start(self, model: Network, data: Data, encoder: Encoder, context: Context) -> None:
        """Refuse a backbone that cannot mix, and keep the rows that were given, which neighbours are drawn from."""
        model.backbone.check_mixing(self.depth)
        self.warn_of_equal_sizes(self._given)
        if not self.soft:
            self._warn_of_few(context)
        device = model.head.weight.device
        self._encoded = encoder.encode(data.inputs[: len(self._given)], device)
        self._tables = _Tables.of(self._given, self._sources, device)

    def _warn_of_few(self, context: Context) -> None:
        """Say so where a class that is filled up has no ``k`` neighbours of its own."""
        counts = np.bincount(self._given.labels, minlength=self._given.n_classes)
        few = np.flatnonzero((counts > 0) & (counts <= self.k) & (counts < counts.max()))
        if len(few):
            said = too_few(counts[few], self.k, context.names_of(few))
            warnings.warn(f"{self.name}: {said}", CounterpoiseWarning, stacklevel=2)

    def on_epoch(self, model: Network, state: TrainingState) -> None:
        """Look for neighbours, every ``refresh`` epochs, and draw a partner and a weight for each row.

        All at once, as every row comes up once: a step looks up what was drawn, and moves nothing between devices but
        the numbers of its rows, as every step does.
        """
        super().on_epoch(model, state)
        if self._encoded is None:
            return
        self._late = self.is_late(state)
        if state.epoch % self.refresh == 0:
            rows = predict(model, self._encoded, lambda model, batch: model.embed(batch))
            self._neighbors = neighbors_of(rows, self._given.labels, self.k, own_class=not self.soft)
        tables = self._tables
        pairs = type(self).rule(
            tables.labels[tables.sources],
            tables.shares,
            state.generator("mixing", tables.labels.device),
            torch.from_numpy(self._neighbors).to(tables.labels.device)[tables.sources],
            mixed=tables.repeated,
        )
        self._pairs = pairs._replace(partner=torch.where(tables.repeated, pairs.partner, tables.sources))
        self._partners = self._pairs.partner.cpu().numpy()

    def batches(
        self, labels: np.ndarray, lengths: np.ndarray, batch_size: int, rng: np.random.Generator
    ) -> list[np.ndarray]:
        """All rows once, but late in training those alone that were given; those together that are as long mixed."""
        if self._encoded is not None:
            lengths = np.maximum(lengths, self._encoded.lengths[self._partners])
        return bucketed_batches(lengths[: len(self._given)] if self._late else lengths, batch_size, rng)

    def views(self, batch: Batch, state: TrainingState) -> Batch:
        """Add a neighbour of each row, which is the row itself where it is not to be mixed."""
        if self._encoded is None:
            return batch._replace(views=(batch,))
        inputs, mask = self._encoded.batch(self._partners[state.numbers_of(batch)])
        at = self._pairs.partner[batch.rows]
        other = Batch(inputs, mask, self._tables.labels[at], self._tables.weights[at], at)
        return batch._replace(views=(other,))

    def loss(self, model: Network, batch: Batch, state: TrainingState) -> Tensor:
        """Loss ``(B,)`` of each row, those that are repeated being mixed with their neighbours."""
        (other,) = batch.views
        n, device = len(batch.labels), batch.labels.device
        itself = torch.ones(n, device=device)
        weight = itself if self._encoded is None else self._pairs.input_weight[batch.rows]
        label_weight = itself if self._encoded is None else self._pairs.label_weight[batch.rows]
        pairs = Pairs(torch.arange(n, 2 * n, device=device), weight, label_weight)
        inputs, mask = joined([(batch.inputs, batch.mask), (other.inputs, other.mask)])
        nothing = torch.empty(0, device=device)
        outputs = self.outputs(model, Batch(inputs, mask, nothing, nothing, nothing), pairs)
        cost = self.cost(state)
        own = label_weight * cost(outputs, batch.labels)
        if not self.soft:
            return own
        # The loop multiplies by the row's weight, but this half has its neighbour's.
        return own + (1 - label_weight) * cost(outputs, other.labels) * other.weights / batch.weights

    def shares(self, state: TrainingState) -> Tensor:
        """Share of each class in the given data: repeated rows make no class larger."""
        return state.class_shares if self._encoded is None else self._tables.shares

    def late_weights(self, state: TrainingState) -> Tensor | None:
        """Weights of the classes ``(C,)`` by the given data, 1 on average over its rows; None before they set in."""
        if self._encoded is None or not self._late:
            return None
        return class_weights(self._tables.shares, len(self._given)) / self._tables.weights.mean()

    def late_mass(self, data: Data) -> np.ndarray:
        """What each class counts among the given rows under late weights."""
        given = self._given
        return given.class_mass() * class_weights(torch.from_numpy(given.class_shares()), len(given)).numpy()

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
            if self.soft and not self.kept_late(predictor, context):
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


@dataclass(frozen=True)
class _Tables:
    """What a step looks up, on the device.

    Attributes
    ----------
    labels : Tensor of int64, shape (n,)
    weights : Tensor of float32, shape (n,)
        Of the given rows.
    sources : Tensor of int64, shape (N,)
        Which given row each row of the training is.
    repeated : Tensor of bool, shape (N,)
        Which of them are there again.
    shares : Tensor of float32, shape (C,)
        Of the classes among the given rows, by their sample weights.
    """

    labels: Tensor
    weights: Tensor
    sources: Tensor
    repeated: Tensor
    shares: Tensor

    @classmethod
    def of(cls, given: Data, sources: np.ndarray, device: torch.device) -> _Tables:
        arrays = (
            given.labels,
            given.weights.astype(np.float32),
            sources,
            np.arange(len(sources)) >= len(given),
            given.class_shares().astype(np.float32),
        )
        return cls(*(torch.from_numpy(array).to(device) for array in arrays))


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
    ndarray of int64, shape (n, m)
        ``m`` is ``k``, or what the row that has most of them has. A row with fewer has -1 after them, one without any
        has itself.
    """
    found = nearest_within(rows, labels if own_class else np.zeros(len(rows), dtype=np.int64), k)
    alone = found[:, 0] < 0
    found[alone, 0] = np.flatnonzero(alone)
    return found[:, (found >= 0).any(axis=0)]
