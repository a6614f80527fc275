"""Deferred re-weighting alone: plain training, and class weights late in it (Cao et al. 2019)."""

from typing import ClassVar

from torch import Tensor
from torch.nn import functional

from counterpoise.backbones.base import Batch, Network
from counterpoise.methods.deferred import DRW_FROM, DeferredReweighting
from counterpoise.search_space import Range, Space
from counterpoise.training.settings import TrainingState


class DRW(DeferredReweighting):
    """Train with cross-entropy, all rows alike at first, by the effective number of their class later.

    Cao et al., "Learning Imbalanced Datasets with Label-Distribution-Aware Margin Loss", NeurIPS 2019, section 3.3.
    Early stopping may end the training before the weights set in.

    Parameters
    ----------
    drw : bool or float, default=0.8
        Share of ``max_epochs`` after which rows weigh by the effective number of their class; see
        :class:`counterpoise.methods.deferred.DeferredReweighting`.
    """

    search_space: ClassVar[Space] = {"drw": Range(0.5, 1.0)}
    summary = "plain training, class weights late in it (deferred re-weighting)"
    paper = "Cao et al. 2019"
    soft_targets: ClassVar[bool] = True

    def __init__(self, *, drw: bool | float = DRW_FROM) -> None:
        self.drw = drw

    def loss(self, model: Network, batch: Batch, state: TrainingState) -> Tensor:
        """Cross-entropy ``(B,)``, weighted by class once it is late."""
        return functional.cross_entropy(
            model(batch).float(), batch.labels, weight=self.late_weights(state), reduction="none"
        )
