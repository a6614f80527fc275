"""LDAM as a method: larger margins for rarer classes (Cao et al. 2019).

Cao, Wei, Gaidon, Arechiga and Ma, "Learning Imbalanced Datasets with Label-Distribution-Aware Margin Loss", NeurIPS
2019, section 3.2. With late class weights (section 3.3 and algorithm 1) it is :mod:`counterpoise.methods.ldam_drw`.
"""

from typing import ClassVar

from torch import Tensor

from counterpoise.backbones.base import Batch, Network
from counterpoise.losses.ldam import SCALE, LDAMLoss
from counterpoise.methods.cosine_head import cosines, freeze_bias
from counterpoise.methods.deferred import DeferredReweighting
from counterpoise.methods.setting_checks import check_not_negative, check_positive
from counterpoise.search_space import Range, Space
from counterpoise.training.settings import TrainingState


class LDAM(DeferredReweighting):
    """Train a classifier of cosines with LDAM loss.

    The head has no bias and its class vectors, like the features, have length 1; logits are ``scale`` times cosines.
    The margins distort the probabilities, and no shift of the prior mends that. The tuned threshold does.

    Parameters
    ----------
    max_margin : float, default=0.5
        Margin of the rarest class, in cosines; the paper's choice. The others' fall as ``n ** -1/4``.
    scale : float, default=30.0
        What cosines are multiplied by; that of the authors' code.
    drw : bool or float, default=False
        Late class weights; see :class:`counterpoise.methods.deferred.DeferredReweighting`.

    Raises
    ------
    SettingsError
        From ``check``, if a setting is out of range.
    """

    search_space: ClassVar[Space] = {"max_margin": Range(0.1, 1.0), "scale": Range(10.0, 50.0)}
    summary = "larger margins for rarer classes (LDAM)"
    paper = "Cao et al. 2019"

    def __init__(self, *, max_margin: float = 0.5, scale: float = SCALE, drw: bool | float = False) -> None:
        self.max_margin = max_margin
        self.scale = scale
        self.drw = drw

    def check(self) -> None:
        """Refuse settings out of range."""
        super().check()
        check_not_negative("ldam", max_margin=self.max_margin)
        check_positive("ldam", scale=self.scale)

    def by_sizes(self) -> list[str]:
        """Margins too."""
        return ["margins are alike", *super().by_sizes()]

    def on_epoch(self, model: Network, state: TrainingState) -> None:
        """Leave the head's bias as it is: a classifier of cosines has none."""
        freeze_bias(model)

    def loss(self, model: Network, batch: Batch, state: TrainingState) -> Tensor:
        """LDAM loss ``(B,)``, weighted by class once it is late."""
        loss = LDAMLoss(state.class_shares, self.max_margin, self.scale)(
            cosines(model, model.embed(batch)), batch.labels
        )
        late = self.late_weights(state)
        return loss if late is None else loss * late[batch.labels]

    def logits(self, model: Network, batch: Batch) -> Tensor:
        """Scaled cosines ``(B, C)``, without margins."""
        return self.scale * cosines(model, model.embed(batch))
