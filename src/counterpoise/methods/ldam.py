"""LDAM-DRW as a method: larger margins for rarer classes, and class weights late in training (Cao et al. 2019).

Cao, Wei, Gaidon, Arechiga and Ma, "Learning Imbalanced Datasets with Label-Distribution-Aware Margin Loss", NeurIPS
2019: section 3.2 (the loss), section 3.3 and algorithm 1 (deferred re-weighting).
"""

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from counterpoise.backbones.base import Batch, Network
from counterpoise.errors import SettingsError
from counterpoise.losses.effective_number import effective_number_weights
from counterpoise.losses.ldam import LDAMLoss
from counterpoise.methods.base import Context, Data
from counterpoise.methods.gradient import GradientMethod
from counterpoise.methods.network_predictor import NetworkPredictor
from counterpoise.search_space import Range, Space
from counterpoise.training.settings import TrainingState

DRW_BETA = 0.9999
"""That of the authors' code; classes of a few hundred rows weigh by their inverse, as in the paper's algorithm 1."""


class LDAM(GradientMethod):
    """Train a classifier of cosines with LDAM loss, and late in training with class weights too.

    The head has no bias and its class vectors, like the features, have length 1; logits are ``scale`` times cosines.
    The margins distort the probabilities, and no shift of the prior mends that. The tuned threshold does.

    Parameters
    ----------
    max_margin : float, default=0.5
        Margin of the rarest class, in cosines; the paper's choice. The others' fall as ``n ** -1/4``.
    scale : float, default=30.0
        What cosines are multiplied by; that of the authors' code.
    drw : float, default=0.8
        Share of ``max_epochs`` after which rows weigh by the effective number of their class (deferred re-weighting). A
        network first learns its features from all rows alike, and then where to cut; the paper does so for 160 of 200
        epochs. 0 weights from the start, 1 never; nor is it reached where early stopping ends the training before.

    Raises
    ------
    SettingsError
        From ``check``, if a setting is out of range.
    """

    search_space: ClassVar[Space] = {
        "max_margin": Range(0.1, 1.0),
        "scale": Range(10.0, 50.0),
        "drw": Range(0.5, 1.0),
    }
    summary = "larger margins for rarer classes, class weights late in training (Cao et al. 2019)"

    def __init__(self, *, max_margin: float = 0.5, scale: float = 30.0, drw: float = 0.8) -> None:
        self.max_margin = max_margin
        self.scale = scale
        self.drw = drw

    def check(self) -> None:
        """Refuse settings out of range."""
        if not self.max_margin >= 0:
            raise SettingsError(f"max_margin is {self.max_margin!r}; ldam needs 0 or more")
        if not self.scale > 0:
            raise SettingsError(f"scale is {self.scale!r}; ldam needs a number above 0")
        if not 0 <= self.drw <= 1:
            raise SettingsError(f"drw is {self.drw!r}; ldam needs a share of the epochs, from 0 to 1")

    def on_epoch(self, model: Network, state: TrainingState) -> None:
        """Leave the head's bias as it is: a classifier of cosines has none."""
        model.head.bias.requires_grad_(False)

    def loss(self, model: Network, batch: Batch, state: TrainingState) -> Tensor:
        """LDAM loss ``(B,)``, weighted by class once it is late."""
        loss = LDAMLoss(state.class_mass, self.max_margin, self.scale)(_cosines(model, batch), batch.labels)
        if state.progress < self.drw:
            return loss
        return loss * _late_weights(state.class_mass, state.n_rows)[batch.labels]

    def logits(self, model: Network, batch: Batch) -> Tensor:
        """Scaled cosines ``(B, C)``, without margins."""
        return self.scale * _cosines(model, batch)

    def training_prior(self, data: Data) -> np.ndarray:
        """Class shares under the late weights."""
        mass = data.class_mass()
        return mass * _late_weights(torch.from_numpy(mass), len(data)).numpy()

    def fit(self, data: Data, context: Context) -> NetworkPredictor:
        """Train; see :meth:`counterpoise.methods.base.Method.fit`."""
        predictor = super().fit(data, context)
        if (predictor.best_epoch - 1) / context.training.max_epochs < self.drw:
            # The epoch that was kept has not seen the late weights.
            predictor.training_prior = context.weighted(data).class_mass()
        return predictor


def _cosines(model: Network, batch: Batch) -> Tensor:
    """Cosines ``(B, C)`` between features, after dropout, and class vectors."""
    features = functional.normalize(model.dropout(model.embed(batch)), dim=-1)
    return functional.linear(features, functional.normalize(model.head.weight, dim=-1)).float()


def _late_weights(mass: Tensor, n_rows: int) -> Tensor:
    """Class weights ``(C,)`` by effective numbers, 1 on average over the rows, so that steps stay as long."""
    weights = effective_number_weights(mass * n_rows, DRW_BETA)
    return weights / (mass @ weights)
