"""BCL, balanced contrastive learning: classes averaged, and all of them in every batch (Zhu et al. 2022).

Zhu, Wang, Chen, Chen and Jiang, "Balanced Contrastive Learning for Long-Tailed Visual Recognition", CVPR 2022.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from counterpoise.backbones.base import Batch
from counterpoise.docstrings import with_parameters_of
from counterpoise.losses.supervised_contrastive import SupervisedContrastiveLoss
from counterpoise.methods.contrastive import ContrastiveMethod, Projections
from counterpoise.training.settings import TrainingState


@with_parameters_of(ContrastiveMethod)
class BCL(ContrastiveMethod):
    """Train with logit-adjusted cross-entropy, and compare rows with classes of equal say.

    What an anchor is held off from is averaged within each class of the batch before it is summed (class-averaging),
    and a prototype of each class, made of the classifier's weights, stands in every batch (class-complement; section
    4.2). The logits are those of classes alike frequent, since the loss adds the log prior to them (section 4.3).

    The paper has three views of an image, one of them for cross-entropy alone; here are two, both for both. Its
    classifier is of cosines; here it is the linear one that all methods have. Layer norm takes the place of batch norm
    in the prototypes' projection.

    Parameters that do not stand here are those of :class:`counterpoise.methods.contrastive.ContrastiveMethod`.

    Parameters
    ----------
    temperature : float, default=0.1
        Of the contrastive loss.
    weight : float, default=0.35
        Of the contrastive loss; the authors' code's (FlamieZhu/Balanced-Contrastive-Learning).
    """

    summary = "contrastive learning with classes averaged and always there (BCL)"
    paper = "Zhu et al. 2022"
    has_prototypes = True
    compensation = True

    def __init__(
        self,
        *,
        temperature: float = 0.1,
        weight: float = 0.35,
        view: Any = "word_dropout",
        view_column: str = "augmented",
        view_rate: float = 0.1,
        view_model: str | None = None,
    ) -> None:
        super().__init__(
            temperature=temperature,
            weight=weight,
            view=view,
            view_column=view_column,
            view_rate=view_rate,
            view_model=view_model,
        )

    def contrast(
        self, features: Tensor, projections: Projections, head: nn.Linear, batch: Batch, state: TrainingState
    ) -> Tensor:
        """Mean over both views, ``(B,)``, of the class-averaged loss; prototypes are candidates and no anchors."""
        prototypes = projections.prototypes(head)
        losses = SupervisedContrastiveLoss(self.temperature, class_averaged=True)(
            features,
            batch.labels.repeat(2),
            targets=prototypes,
            target_labels=torch.arange(len(prototypes), device=prototypes.device),
            counts=batch.weights.repeat(2),
            n_classes=len(prototypes),
        )
        return losses.view(2, -1).mean(dim=0)
