"""KCL, k-positive contrastive learning: as many positives for an anchor of any class (Kang et al. 2021).

Kang, Li, Xie, Yuan and Feng, "Exploring Balanced Feature Spaces for Representation Learning", ICLR 2021.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from counterpoise.backbones.base import Batch
from counterpoise.docstrings import with_parameters_of
from counterpoise.losses.supervised_contrastive import SupervisedContrastiveLoss
from counterpoise.methods.contrastive import ContrastiveMethod, Projections
from counterpoise.methods.setting_checks import check_whole
from counterpoise.training.settings import TrainingState


@with_parameters_of(ContrastiveMethod)
class KCL(ContrastiveMethod):
    """Train with cross-entropy, and pull each row towards its other view and ``k`` further ones of its class.

    With all rows of its class for positives, an anchor of a large class has many and one of a small class few; ``k`` of
    them, drawn anew at every step, let the features of all classes spread alike. The rest of the class is told apart
    from the anchor like rows of other classes, as in the paper. There the features are learnt first, with a queue of
    past ones, and a classifier on balanced batches afterwards; here both are trained at once and within a batch, like
    the other contrastive methods.

    Parameters that do not stand here are those of :class:`counterpoise.methods.contrastive.ContrastiveMethod`.

    Parameters
    ----------
    k : int, default=6
        Positives besides the row's other view (the paper's choice); all there are where the batch has fewer.
    temperature : float, default=0.1
        Of the contrastive loss.
    weight : float, default=1.0
        Of the contrastive loss.
    """

    summary = "contrastive learning with as many positives for each class (KCL)"
    paper = "Kang et al. 2021"

    def __init__(
        self,
        *,
        k: int = 6,
        temperature: float = 0.1,
        weight: float = 1.0,
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
        self.k = k

    def check(self) -> None:
        """Refuse settings out of range, and views that cannot be had."""
        super().check()
        check_whole("kcl", k=self.k)

    def contrast(
        self, features: Tensor, projections: Projections, head: nn.Linear, batch: Batch, state: TrainingState
    ) -> Tensor:
        """Mean over both views, ``(B,)``, of minus the mean log-probability of the other view and ``k`` more."""
        labels = batch.labels.repeat(2)
        losses = SupervisedContrastiveLoss(self.temperature)(
            features,
            labels,
            positives=drawn_positives(labels, self.k, state.generator("positives", labels.device)),
            counts=batch.weights.repeat(2),
        )
        return losses.view(2, -1).mean(dim=0)


def drawn_positives(labels: Tensor, k: int, generator: torch.Generator) -> Tensor:
    """For each of the rows, given twice over, its other view and ``k`` more of its class: bool ``(2 B, 2 B)``."""
    n = len(labels)
    rows = torch.arange(n, device=labels.device)
    other_view = (rows + n // 2) % n
    further = labels[:, None] == labels
    further[rows, rows] = further[rows, other_view] = False
    order = torch.rand(n, n, generator=generator, device=labels.device).masked_fill(~further, -1.0)
    drawn = order.topk(min(k, n), dim=1).indices
    chosen = torch.zeros_like(further).scatter_(1, drawn, True) & further
    chosen[rows, other_view] = True
    return chosen
