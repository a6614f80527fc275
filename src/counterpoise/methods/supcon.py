"""SupCon: supervised contrastive learning beside cross-entropy (Khosla et al. 2020)."""

from __future__ import annotations

from torch import Tensor, nn

from counterpoise.backbones.base import Batch
from counterpoise.docstrings import with_parameters_of
from counterpoise.losses.supervised_contrastive import SupervisedContrastiveLoss
from counterpoise.methods.contrastive import ContrastiveMethod, Projections
from counterpoise.training.settings import TrainingState


@with_parameters_of(ContrastiveMethod)
class SupCon(ContrastiveMethod):
    """Train with cross-entropy, and pull the views of all rows of a class together.

    Khosla et al. train the features first and a classifier afterwards; here both are trained at once, as Gunel, Du,
    Conneau and Stoyanov ("Supervised Contrastive Learning for Pre-trained Language Model Fine-tuning", ICLR 2021,
    equation 2) do. Nothing of it minds the classes' sizes: it is what balanced relatives are compared with. Rows count
    by their weights, as anchors and as what anchors are compared with.

    The parameters are those of :class:`counterpoise.methods.contrastive.ContrastiveMethod`.
    """

    summary = "cross-entropy, with rows of a class pulled together (SupCon)"
    paper = "Khosla et al. 2020"

    def contrast(
        self, features: Tensor, projections: Projections, head: nn.Linear, batch: Batch, state: TrainingState
    ) -> Tensor:
        """Mean over both views, ``(B,)``, of minus the mean log-probability of all others of the class."""
        loss = SupervisedContrastiveLoss(self.temperature)
        losses = loss(features, batch.labels.repeat(2), counts=batch.weights.repeat(2))
        return losses.view(2, -1).mean(dim=0)
