"""The base of methods that can weigh classes late in training (deferred re-weighting, Cao et al. 2019).

Cao, Wei, Gaidon, Arechiga and Ma, "Learning Imbalanced Datasets with Label-Distribution-Aware Margin Loss", NeurIPS
2019, section 3.3 and algorithm 1: a network first learns its features from all rows alike, and then where to cut.
"""

from __future__ import annotations

from numbers import Real

import numpy as np
import torch
from torch import Tensor

from counterpoise.errors import SettingsError
from counterpoise.losses.effective_number import balanced_weights
from counterpoise.methods.base import Context, Data
from counterpoise.methods.gradient import GradientMethod
from counterpoise.methods.network_predictor import NetworkPredictor
from counterpoise.training.settings import TrainingState

DRW_BETA = 0.9999
"""That of the authors' code; classes of a few hundred rows weigh by their inverse, as in the paper's algorithm 1."""
DRW_FROM = 0.8
"""Share of the epochs after which weights set in where no other is said: the paper's 160 of 200."""


class DeferredReweighting(GradientMethod):
    """Train with class weights by effective numbers from some share of the epochs on.

    Attributes
    ----------
    drw : bool or float
        Share of ``max_epochs`` after which rows weigh by the effective number of their class; true is 0.8, false is
        never. 0 weights from the start, 1 never; nor is a share reached where early stopping ends training before.
    """

    drw: bool | float
    _early: np.ndarray | None = None

    def check(self) -> None:
        """Refuse a share that is none."""
        share = self.drw
        if not isinstance(share, bool) and not (isinstance(share, Real) and 0 <= float(share) <= 1):
            name = type(self).__name__.lower()
            raise SettingsError(
                f"drw is {share!r}; {name} needs true, false or a share of the epochs, from 0 to 1"
            )

    def late_weights(self, state: TrainingState) -> Tensor | None:
        """Weights of the classes ``(C,)`` in this epoch; None before they set in."""
        if state.progress < self._share:
            return None
        return balanced_weights(state.class_mass * state.n_rows, DRW_BETA)

    def label_mass(self, data: Data) -> np.ndarray:
        """Share of each class ``(C,)`` in the labels that are learnt from, before late weights."""
        return data.class_mass()

    def training_prior(self, data: Data) -> np.ndarray:
        """Class shares under the late weights, if they ever set in."""
        self._early = self.label_mass(data)
        if self._share == 1:
            return self._early
        late = (
            self._early * balanced_weights(torch.from_numpy(data.class_mass() * len(data)), DRW_BETA).numpy()
        )
        return late / late.sum()

    def fit(self, data: Data, context: Context) -> NetworkPredictor:
        """Train; see :meth:`counterpoise.methods.base.Method.fit`."""
        predictor = super().fit(data, context)
        if (predictor.best_epoch - 1) / context.training.max_epochs < self._share and self._early is not None:
            predictor.training_prior = self._early  # the epoch that was kept has not seen the late weights
        self._early = None
        return predictor

    @property
    def _share(self) -> float:
        if isinstance(self.drw, bool):
            return DRW_FROM if self.drw else 1.0
        return float(self.drw)
