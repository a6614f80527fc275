"""The base of methods that can weigh classes late in training (deferred re-weighting, Cao et al. 2019).

Cao, Wei, Gaidon, Arechiga and Ma, "Learning Imbalanced Datasets with Label-Distribution-Aware Margin Loss", NeurIPS
2019, section 3.3 and algorithm 1: a network first learns its features from all rows alike, and then where to cut.
"""

from __future__ import annotations

import warnings
from numbers import Integral, Real

import numpy as np
import torch
from torch import Tensor

from counterpoise.backbones.base import Network
from counterpoise.backbones.registry import Encoder
from counterpoise.errors import CounterpoiseWarning, SettingsError
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
        never. 0.0 weights from the start, 1.0 never; nor is a share reached where early stopping ends training before.
        The ints 0 and 1 are refused, since to Python they are false and true, which is the reverse.
    """

    drw: bool | float
    _early: np.ndarray | None = None

    def check(self) -> None:
        """Refuse a share that is none."""
        share, name = self.drw, self.name
        if isinstance(share, bool):
            return
        if not (isinstance(share, Real) and 0 <= float(share) <= 1):
            raise SettingsError(
                f"drw is {share!r}; {name} needs true, false or a share of the epochs, from 0 to 1"
            )
        if isinstance(share, Integral):
            # 1 is true to Python and never as a share, 0 is false to Python and from the start as a share.
            raise SettingsError(
                f"drw is {share!r}, which may mean true or false or a share of the epochs; give {name} true, false, "
                "0.0 (from the start) or 1.0 (never)"
            )

    def start(self, model: Network, data: Data, encoder: Encoder, context: Context) -> None:
        """Say so where sample weights hide which class is rare from what goes by it."""
        self.warn_of_equal_sizes(data)

    def warn_of_equal_sizes(self, data: Data) -> None:
        """Warn where rows weigh so that all classes are equally large, and something goes by their sizes.

        Parameters
        ----------
        data : Data
            Whose weights sizes are taken by, but for class weights.

        Warns
        -----
        CounterpoiseWarning
        """
        counts = np.bincount(data.labels, minlength=data.n_classes)
        idle = self.by_sizes()
        if idle and np.ptp(counts) and np.allclose(data.class_shares(), 1 / data.n_classes):
            warnings.warn(
                f"{self.name}: under the sample weights given all classes are equally large, so "
                f"{' and '.join(idle)}; leave them out",
                CounterpoiseWarning,
                stacklevel=2,
            )

    def by_sizes(self) -> list[str]:
        """What comes to nothing where all classes are equally large, in words, each a clause."""
        return ["late weights are alike"] if self._share < 1 else []

    def late_weights(self, state: TrainingState) -> Tensor | None:
        """Weights of the classes ``(C,)`` in this epoch; None before they set in."""
        return class_weights(state.class_shares, state.n_rows) if self.is_late(state) else None

    def label_mass(self, data: Data) -> np.ndarray:
        """Share of each class ``(C,)`` in the labels that are learnt from, before late weights."""
        return data.class_mass()

    def training_prior(self, data: Data) -> np.ndarray:
        """Class shares under the late weights, if they ever set in."""
        self._early = self.label_mass(data)
        if self._share == 1:
            return self._early
        late = self.late_mass(data)
        return late / late.sum()

    def late_mass(self, data: Data) -> np.ndarray:
        """What each class ``(C,)`` counts under late weights, in any unit."""
        return self.label_mass(data) * class_weights(torch.from_numpy(data.class_shares()), len(data)).numpy()

    def is_late(self, state: TrainingState) -> bool:
        """Whether weights have set in."""
        return state.progress >= self._share

    def kept_late(self, predictor: NetworkPredictor, context: Context) -> bool:
        """Whether the epoch that was kept has seen late weights."""
        return (predictor.best_epoch - 1) / context.training.max_epochs >= self._share

    def fit(self, data: Data, context: Context) -> NetworkPredictor:
        """Train; see :meth:`counterpoise.methods.base.Method.fit`."""
        predictor = super().fit(data, context)
        if self._early is not None and not self.kept_late(predictor, context):
            predictor.training_prior = self._early
            if self._share < 1:
                predictor.notes["remarks"] = [f"{self.name}: {self._why_early(predictor, context)}"]
        self._early = None
        return predictor

    def _why_early(self, predictor: NetworkPredictor, context: Context) -> str:
        """Why what is returned was trained without late weights, in a sentence."""
        epochs = context.training.max_epochs
        if (epochs - 1) / epochs < self._share:
            return (
                f"of {epochs} epochs none begins after {self._share:g} of them, where late class weights set in, so "
                "what is returned was trained without them; raise max_epochs or lower drw"
            )
        return (
            f"epoch {predictor.best_epoch}, which was best on the validation side, comes before late class weights set "
            "in, so what is returned was trained without them"
        )

    @property
    def _share(self) -> float:
        if isinstance(self.drw, bool):
            return DRW_FROM if self.drw else 1.0
        return float(self.drw)


def class_weights(shares: Tensor, n_rows: int) -> Tensor:
    """Class weights ``(C,)`` by effective numbers, 1 on average over the rows, so that steps stay as long."""
    return balanced_weights(shares * n_rows, DRW_BETA)
