"""The base of methods that train on rows mixed in pairs, each by a rule of the Mixup family."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np
import torch
from scipy import stats
from torch import Tensor

from counterpoise.backbones.base import Batch, Network
from counterpoise.backbones.registry import Encoder
from counterpoise.losses.ldam import SCALE
from counterpoise.methods.base import Context, Data
from counterpoise.methods.mixed_loss import MixedLoss
from counterpoise.methods.setting_checks import check_not_negative
from counterpoise.mixing.pairs import Pairs
from counterpoise.search_space import Range, Space
from counterpoise.seeding import derive_seed
from counterpoise.training.norm_statistics import batch_norms, renew_norm_statistics
from counterpoise.training.settings import TrainingState

_GRID = 1000  # quantiles of the weight's distribution, over which labels are averaged
_FEWEST = 10  # batches that statistics of batch norm are taken of, however short the training


class MixedTraining(MixedLoss):
    """Train on rows mixed in pairs: ``a x_i + (1 - a) x_j``, paid for with ``b l(y_i) + (1 - b) l(y_j)``.

    Each row is paired with another one of its batch, drawn anew at every step; ``a`` is one draw from
    ``Beta(alpha, alpha)`` for the whole batch, and ``b`` is the rule's. Row weights, and late class weights, act on
    each half by itself. Only mixed rows go through the network, once; when the training is over, batch norm is given
    the statistics of rows as they are.

    Images and arrays are mixed as they are, texts as word vectors or, in a trained encoder, as hidden states after a
    share ``depth`` of its layers.

    Parameters
    ----------
    alpha : float, default=1.0
        Of the Beta distribution; 1 is uniform, 0 mixes nothing and is plain training.
    depth : float, default=0.0
        Share of a trained encoder's layers that rows go through before they are mixed; other backbones mix what they
        read, and refuse another share than 0.
    drw : bool or float, default=False
        Late class weights; see :class:`counterpoise.methods.deferred.DeferredReweighting`.
    ldam : bool, default=False
        Whether ``l`` is the loss of :class:`counterpoise.methods.ldam.LDAM`, over cosines, in place of cross-entropy.
    max_margin : float, default=0.5
        Margin of the rarest class there; not read without ``ldam``.
    scale : float, default=30.0
        What cosines are multiplied by there; not read without ``ldam``.

    Raises
    ------
    SettingsError
        From ``check``, if a setting is out of range; before training, if the backbone cannot mix.

    Warns
    -----
    CounterpoiseWarning
        If sample weights make classes equally large for what goes by their sizes: a rule, margins, late weights.
    """

    rule_by_sizes: ClassVar[bool] = True
    """Whether the rule looks at how large classes are, by the sample weights of their rows."""
    search_space: ClassVar[Space] = {"alpha": Range(0.1, 4.0, log=True)}

    def __init__(
        self,
        *,
        alpha: float = 1.0,
        depth: float = 0.0,
        drw: bool | float = False,
        ldam: bool = False,
        max_margin: float = 0.5,
        scale: float = SCALE,
    ) -> None:
        self.alpha = alpha
        self.depth = depth
        self.drw = drw
        self.ldam = ldam
        self.max_margin = max_margin
        self.scale = scale

    def check(self) -> None:
        """Refuse settings out of range."""
        super().check()
        check_not_negative(self.name, alpha=self.alpha)

    def by_sizes(self) -> list[str]:
        """The rule too, where it is one of those."""
        own = [f"{self.name} is Mixup"] if self.rule_by_sizes else []
        return [*own, *super().by_sizes()]

    @abstractmethod
    def pairs(self, labels: Tensor, counts: Tensor, generator: torch.Generator) -> Pairs:
        """Pair the rows of a batch.

        Parameters
        ----------
        labels : Tensor of int64, shape (B,)
        counts : Tensor of float32, shape (C,)
            Rows of each class in the training data, by their sample weights.
        generator : torch.Generator
            On the device of the labels.
        """

    @abstractmethod
    def label_weight(self, input_weight: Tensor, own: Tensor, other: Tensor) -> Tensor:
        """Weight of a row's own label, given its weight as an input and the sizes of both classes."""

    def start(self, model: Network, data: Data, encoder: Encoder, context: Context) -> None:
        """Refuse a backbone that cannot mix."""
        model.backbone.check_mixing(self.depth)
        super().start(model, data, encoder, context)

    def finish(self, model: Network, data: Data, encoder: Encoder, context: Context) -> None:
        """Give batch norm the statistics of rows as they are, which it has not seen."""
        super().finish(model, data, encoder, context)
        if self.alpha and batch_norms(model):  # else there is no need to encode all rows once more
            training = context.training
            encoded = encoder.encode(data.inputs, training.torch_device())
            # A batch costs about a third of a step, so a fifth as many cost a fifteenth of the training.
            steps = training.max_epochs * -(-len(data) // training.batch_size)
            seed, most = derive_seed(context.seed, "statistics"), max(steps // 5, _FEWEST)
            renew_norm_statistics(model, encoded, training.batch_size, seed, most)

    def loss(self, model: Network, batch: Batch, state: TrainingState) -> Tensor:
        """Loss ``(B,)`` of each row: what its label costs in the two mixed rows that it is part of."""
        generator = state.generator("mixing", batch.labels.device)
        pairs = self.pairs(batch.labels, state.class_shares * state.n_rows, generator)
        return pairs.loss(self.cost(state), self.outputs(model, batch, pairs), batch.labels)

    def label_mass(self, data: Data) -> np.ndarray:
        """Share of each class in the mixed labels, over all pairs of rows and all weights."""
        mass, shares = torch.from_numpy(data.class_mass()), torch.from_numpy(data.class_shares())
        counts = shares * len(data)
        quantiles = (np.arange(_GRID) + 0.5) / _GRID
        drawn = stats.beta.ppf(quantiles, self.alpha, self.alpha) if self.alpha else np.ones(1)
        kept = torch.zeros(len(mass), len(mass), dtype=torch.float64)
        for weight in torch.from_numpy(drawn):
            full = weight.expand(len(mass), len(mass))
            kept += self.label_weight(full, counts[:, None].expand_as(full), counts.expand_as(full))
        kept /= len(drawn)
        # A row of class i meets one of class j as often as the other way round, whatever they weigh.
        learnt = (mass * ((kept + 1 - kept.T) @ shares)).numpy()
        # Without class weights they sum to 1 as they are.
        return learnt if data.class_weight is None else learnt / learnt.sum()
