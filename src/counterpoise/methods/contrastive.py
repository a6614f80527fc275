"""The base of methods that train with cross-entropy and a contrastive loss over two views of each row together."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from counterpoise.backbones.base import Batch, Network
from counterpoise.backbones.registry import Encoded, Encoder
from counterpoise.errors import CounterpoiseWarning, SettingsError
from counterpoise.losses.logit_adjustment import LogitAdjustedLoss
from counterpoise.methods.base import Context, Data
from counterpoise.methods.gradient import GradientMethod
from counterpoise.methods.network_predictor import NetworkPredictor
from counterpoise.methods.setting_checks import check_not_negative, check_positive
from counterpoise.methods.views import ViewMaker
from counterpoise.oversampling.base import check_proper_share
from counterpoise.search_space import Range, Space
from counterpoise.seeding import derive_seed
from counterpoise.training.settings import TrainingState


class Projections(nn.Module):
    """What turns representations, and the classifier's own rows, into the features that are compared.

    Parameters
    ----------
    dim : int
        Width of the representations.
    feature_dim : int
        Width of the features.
    prototypes : bool
        Whether there are features of classes too, their prototypes, made of the classifier's weights.
    """

    def __init__(self, dim: int, feature_dim: int, *, prototypes: bool) -> None:
        super().__init__()
        self.rows = _projection(dim, feature_dim, nn.BatchNorm1d(dim))
        # Batch norm over as many rows as there are classes makes every unit of two classes 1 or -1.
        self.classes = _projection(dim, feature_dim, nn.LayerNorm(dim)) if prototypes else None

    def prototypes(self, head: nn.Linear) -> Tensor:
        """Features ``(C, d)`` of length 1 of the classes; the gradient reaches the head."""
        assert self.classes is not None
        return functional.normalize(self.classes(head.weight).float(), dim=1)


class ContrastiveMethod(GradientMethod):
    """Train with cross-entropy and a contrastive loss together; a method says what is compared with what.

    Each row comes in two views. Of a text the second is an edited one, made once, before training, from the rows that
    are trained on; of an array it has some features replaced by their means, others at every step; of an image it is
    the image again, shifted and mirrored anew as the backbone's ``augment`` has it. Both views go
    through backbone and dropout, whence the head makes logits and a projection (linear, batch norm, ReLU, linear) makes
    features, which are used in training alone. The loss is the mean cross-entropy of both views plus ``weight`` times
    the contrastive loss.

    Where a batch is over the token budget, rows are compared within what is computed at once. The budget counts the
    first views alone, so a step holds twice as much.

    Parameters
    ----------
    temperature : float, default=0.1
        Of the contrastive loss; see :class:`counterpoise.losses.supervised_contrastive.SupervisedContrastiveLoss`.
    weight : float, default=1.0
        Of the contrastive loss beside 1 for cross-entropy; 0 leaves cross-entropy over two views.
    view : str, path or mapping of str to str, default="word_dropout"
        How texts get a second view: ``"word_dropout"``, ``"word_replacement"``, ``"word_insertion"``,
        ``"word_shuffle"`` or ``"mask_fill"`` edit them; a mapping, a file or a known set's name (``"trec"``) has views
        that are there already. It is no part of a saved model.
    view_column : str, default="augmented"
        Where a file holds the views.
    view_rate : float, default=0.1
        Share of the words that are edited, or of the features that are replaced.
    view_model : str or None, default=None
        The masked language model of ``"mask_fill"``, by name or folder.

    Raises
    ------
    SettingsError
        From ``check``, for settings out of range.
    DataError
        From ``check``, if a file of views cannot be read; from ``fit``, if it lacks texts.
    """

    search_space: ClassVar[Space] = {
        "temperature": Range(0.05, 1.0, log=True),
        "weight": Range(0.1, 3.0, log=True),
    }
    private: ClassVar[frozenset[str]] = frozenset({"view", "view_model"})
    feature_dim: ClassVar[int] = 128
    has_prototypes: ClassVar[bool] = False
    compensation: bool = False
    """Whether cross-entropy is of logits with the log prior added, which makes them those of classes alike frequent."""

    _second: Encoded | None = None

    def __init__(
        self,
        *,
        temperature: float = 0.1,
        weight: float = 1.0,
        view: Any = "word_dropout",
        view_column: str = "augmented",
        view_rate: float = 0.1,
        view_model: str | None = None,
    ) -> None:
        self.temperature = temperature
        self.weight = weight
        self.view = view
        self.view_column = view_column
        self.view_rate = view_rate
        self.view_model = view_model

    def check(self) -> None:
        """Refuse settings out of range, and views that cannot be had."""
        name = self.name
        check_positive(name, temperature=self.temperature)
        check_not_negative(name, weight=self.weight)
        check_proper_share("view_rate", self.view_rate)
        self._maker().check()

    def identity(self) -> str:
        """Hash of given views, or of the model that makes some; a name does not tell them."""
        return self._maker().identity()

    def modules(self, dim: int, n_classes: int) -> nn.Module:
        """The projections."""
        return Projections(dim, self.feature_dim, prototypes=self.has_prototypes)

    def fit(self, data: Data, context: Context) -> NetworkPredictor:
        """Train; see :meth:`counterpoise.methods.base.Method.fit`."""
        try:
            return super().fit(data, context)
        finally:
            self._second = None  # the predictor keeps this method, and must not keep the texts

    def start(self, model: Network, data: Data, encoder: Encoder, context: Context) -> None:
        """Make the second view of each text, and say so if rows have nothing to be compared with.

        Raises
        ------
        SettingsError
            For a view of texts that is asked for where there are none.
        """
        if data.kind != "text" and (self.view, self.view_model) != ("word_dropout", None):
            raise SettingsError(
                f"{self.name}: view and view_model say how texts get a second view, and these are "
                f"{data.kind}s; leave them out"
            )
        if self.weight and not self.has_company() and min(context.training.batch_size, len(data)) == 1:
            warnings.warn(
                f"{self.name}: a batch of one row has nothing of another class to be compared with; "
                "give larger batches",
                CounterpoiseWarning,
                stacklevel=2,
            )
        if data.kind == "text":
            views = self._maker().of(data.inputs, derive_seed(context.seed, "views"))
            self._second = encoder.encode(views, model.head.weight.device)

    def views(self, batch: Batch, state: TrainingState) -> Batch:
        """Add the second view of each row."""
        inputs, mask = batch.inputs, batch.mask
        if self._second is not None:
            inputs, mask = self._second.batch(state.numbers_of(batch))
        elif inputs.is_floating_point():
            draw = torch.rand(
                inputs.shape, generator=state.generator("views", inputs.device), device=inputs.device
            )
            inputs = inputs * (
                draw >= self.view_rate
            )  # 0 is the mean: the backbone's inputs are standardised
        return batch._replace(views=(batch._replace(inputs=inputs, mask=mask),))

    def loss(self, model: Network, batch: Batch, state: TrainingState) -> Tensor:
        """Loss ``(B,)`` of each row: cross-entropy of both views, and what the row is compared with."""
        pooled = torch.cat([model.dropout(model.embed(each)) for each in (batch, *batch.views)])
        costs = self.classification(model.head(pooled), batch.labels.repeat(2), state)
        loss = costs.view(2, -1).mean(dim=0)
        if not self.weight:
            return loss
        projections = model.parts
        assert isinstance(projections, Projections)
        features = functional.normalize(projections.rows(pooled).float(), dim=1)
        return loss + self.weight * self.contrast(features, projections, model.head, batch, state)

    def classification(self, logits: Tensor, labels: Tensor, state: TrainingState) -> Tensor:
        """Cross-entropy ``(2 B,)`` of both views, with the log prior in it where there is ``compensation``."""
        if not self.compensation:
            return functional.cross_entropy(logits, labels, reduction="none")
        return LogitAdjustedLoss(state.class_shares)(logits, labels)

    def training_prior(self, data: Data) -> np.ndarray:
        """All classes alike, but for class weights, where the loss takes the data's prior out of the logits."""
        if not self.compensation:
            return super().training_prior(data)
        factors = data.class_factors()
        return factors / factors.sum()

    def has_company(self) -> bool:
        """Whether a row that is alone in its batch is compared with anything but its own views."""
        return self.has_prototypes

    @abstractmethod
    def contrast(
        self, features: Tensor, projections: Projections, head: nn.Linear, batch: Batch, state: TrainingState
    ) -> Tensor:
        """Contrastive loss of each row.

        Parameters
        ----------
        features : Tensor of float32, shape (2 B, d)
            Of length 1: those of all first views, then those of all second ones.
        projections : Projections
        head : torch.nn.Linear
            The classifier.
        batch : Batch
            Labels and weights of the rows.
        state : TrainingState

        Returns
        -------
        Tensor of shape (B,)
        """

    def _maker(self) -> ViewMaker:
        return ViewMaker(self.view, self.view_column, self.view_rate, self.view_model)


def _projection(dim: int, feature_dim: int, norm: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Linear(dim, dim), norm, nn.ReLU(), nn.Linear(dim, feature_dim))
