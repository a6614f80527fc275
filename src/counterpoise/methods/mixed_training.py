"""The base of methods that train on rows mixed in pairs, each by a rule of the Mixup family."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np
import torch
from scipy import stats
from torch import Tensor
from torch.nn import functional

from counterpoise.backbones.base import Batch, Network
from counterpoise.backbones.registry import Encoder
from counterpoise.errors import SettingsError
from counterpoise.losses.ldam import SCALE, LDAMLoss
from counterpoise.methods.base import Context, Data
from counterpoise.methods.cosine_head import cosines, freeze_bias
from counterpoise.methods.deferred import DeferredReweighting
from counterpoise.methods.setting_checks import check_flag, check_not_negative, check_share
from counterpoise.mixing.pairs import Pairs
from counterpoise.search_space import Range, Space
from counterpoise.training.settings import TrainingSettings, TrainingState

_GRID = 1000  # quantiles of the weight's distribution, over which labels are averaged


class MixedTraining(DeferredReweighting):
    """Train on rows mixed in pairs: ``a x_i + (1 - a) x_j``, paid for with ``b l(y_i) + (1 - b) l(y_j)``.

    Each row is paired with another one of its batch, drawn anew at every step; ``a`` is one draw from
    ``Beta(alpha, alpha)`` for the whole batch, and ``b`` is the rule's. Row weights, and late class weights, act on
    each half by itself. Only mixed rows go through the network, once.

    Images and arrays are mixed as they are, texts as word vectors or, in a trained encoder, as hidden states after a
    share ``depth`` of its layers.

    Parameters
    ----------
    alpha : float, default=1.0
        Of the Beta distribution; 1 is uniform, 0 mixes nothing and is plain training.
    depth : float, default=0.0
        Share of a trained encoder's layers that rows go through before they are mixed; other backbones mix what they
        read.
    drw : bool or float, default=False
        Late class weights; see :class:`counterpoise.methods.deferred.DeferredReweighting`.
    ldam : bool, default=False
        Whether ``l`` is the loss of :class:`counterpoise.methods.ldam.LDAM`, over cosines, with its default margins and
        scale, in place of cross-entropy.

    Raises
    ------
    SettingsError
        From ``check``, if a setting is out of range; before training, if the backbone cannot mix.
    """

    search_space: ClassVar[Space] = {"alpha": Range(0.1, 4.0, log=True)}

    def __init__(
        self, *, alpha: float = 1.0, depth: float = 0.0, drw: bool | float = False, ldam: bool = False
    ) -> None:
        self.alpha = alpha
        self.depth = depth
        self.drw = drw
        self.ldam = ldam

    def check(self) -> None:
        """Refuse settings out of range."""
        super().check()
        name = type(self).__name__.lower()
        check_not_negative(name, alpha=self.alpha)
        check_share(name, depth=self.depth)
        check_flag(name, ldam=self.ldam)

    def check_training(self, training: TrainingSettings, kind: str) -> None:
        """Refuse label smoothing where margins belong to one true class."""
        super().check_training(training, kind)
        if self.ldam and training.label_smoothing:
            raise SettingsError(
                f"label_smoothing is {training.label_smoothing!r}, but LDAM's margins belong to one true class; set it "
                "to 0, or ldam to false"
            )

    @abstractmethod
    def pairs(self, labels: Tensor, counts: Tensor, generator: torch.Generator) -> Pairs:
        """Pair the rows of a batch.

        Parameters
        ----------
        labels : Tensor of int64, shape (B,)
        counts : Tensor of float32, shape (C,)
            Rows of each class in the training data, by their weights.
        generator : torch.Generator
            On the device of the labels.
        """

    @abstractmethod
    def label_weight(self, input_weight: Tensor, own: Tensor, other: Tensor) -> Tensor:
        """Weight of a row's own label, given its weight as an input and the sizes of both classes."""

    def start(self, model: Network, data: Data, encoder: Encoder, context: Context) -> None:
        """Refuse a backbone that cannot mix."""
        model.backbone.check_mixing()

    def loss(self, model: Network, batch: Batch, state: TrainingState) -> Tensor:
        """Loss ``(B,)`` of each row: what its label costs in the two mixed rows that it is part of."""
        generator = state.generator("mixing", batch.labels.device)
        pairs = self.pairs(batch.labels, state.class_mass * state.n_rows, generator)
        late = self.late_weights(state)

        def cost(logits: Tensor, labels: Tensor) -> Tensor:
            return functional.cross_entropy(logits, labels, weight=late, reduction="none")

        if not self.ldam:
            return pairs.loss(cost, model.mixed(batch, pairs, self.depth).float(), batch.labels)
        features = model.backbone.mixed(batch, pairs, self.depth)
        margins = LDAMLoss(state.class_mass)

        def cost_with_margin(logits: Tensor, labels: Tensor) -> Tensor:
            loss = margins(logits, labels)
            return loss if late is None else loss * late[labels]

        return pairs.loss(cost_with_margin, cosines(model, features), batch.labels)

    def logits(self, model: Network, batch: Batch) -> Tensor:
        """Logits ``(B, C)``; those of LDAM are scaled cosines."""
        return SCALE * cosines(model, model.embed(batch)) if self.ldam else model(batch)

    def on_epoch(self, model: Network, state: TrainingState) -> None:
        """Leave the bias out of a classifier of cosines."""
        if self.ldam:
            freeze_bias(model)

    def label_mass(self, data: Data) -> np.ndarray:
        """Share of each class in the mixed labels, over all pairs of rows and all weights."""
        mass = torch.from_numpy(data.class_mass())
        counts = mass * len(data)
        quantiles = (np.arange(_GRID) + 0.5) / _GRID
        drawn = stats.beta.ppf(quantiles, self.alpha, self.alpha) if self.alpha else np.ones(1)
        kept = torch.zeros(len(mass), len(mass), dtype=torch.float64)
        for weight in torch.from_numpy(drawn):
            full = weight.expand(len(mass), len(mass))
            kept += self.label_weight(full, counts[:, None].expand_as(full), counts.expand_as(full))
        kept /= len(drawn)
        # A row of class i meets one of class j as often as the other way round.
        return (mass * ((kept + 1 - kept.T) @ mass)).numpy()
