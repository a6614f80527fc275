"""SharpReCL: contrastive learning rebalanced by prototypes, simple sampling and hard mixup (Li et al. 2026).

Li, Liu, Giunchiglia, Li, Feng and Guan, "Simple-Sampling and Hard-Mixup with Prototypes to Rebalance Contrastive
Learning for Text Classification", arXiv 2405.11524, WWW 2026. Of the paper title, abstract and introduction could be
had; the rest is read from the authors' code (KEAML-JLU/SharpReCL).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from counterpoise.backbones.base import Batch, Network
from counterpoise.backbones.registry import Encoder
from counterpoise.data.near import enumerated
from counterpoise.docstrings import with_parameters_of
from counterpoise.errors import CounterpoiseWarning, SettingsError
from counterpoise.losses.effective_number import effective_number_weights
from counterpoise.losses.supervised_contrastive import SupervisedContrastiveLoss
from counterpoise.methods.base import Context, Data
from counterpoise.methods.contrastive import ContrastiveMethod, Projections
from counterpoise.methods.feature_queue import FeatureQueue
from counterpoise.methods.network_predictor import NetworkPredictor
from counterpoise.methods.setting_checks import (
    check_below_1,
    check_flag,
    check_not_negative,
    check_positive,
    check_share,
    check_whole,
)
from counterpoise.mixing.hard_targets import hard_targets
from counterpoise.search_space import Range, Space
from counterpoise.training.settings import TrainingState

MOST_NAMED = 5
"""Classes that a remark names, the rarest ones."""


@with_parameters_of(ContrastiveMethod)
class SharpReCL(ContrastiveMethod):
    """Train a balanced classifier and, beside it, a contrastive loss in which all classes have as much to compare with.

    *Classification.* The log prior is added to the logits in the loss, so that they are those of classes alike frequent
    (logit compensation).

    *Pool.* Features of both views of each row, and a prototype of each class, which is made of the classifier's own
    row: every class is in every batch, and the contrastive loss moves the classifier. All of the pool are anchors.

    *Built targets.* Each class gets ``n_positives`` and ``n_negatives`` further targets, however few members it has in
    the pool; see :func:`counterpoise.mixing.hard_targets.hard_targets`. Of them a share is hard, mixed of two of the
    ``candidates`` members that the prototype finds hardest; the rest are members drawn simply. The hard share rises
    from epoch to epoch, from ``hard_from`` in the first towards ``hard_to`` after the last that there may be.

    *Loss.* Each anchor is compared with the rest of the pool and with the targets of its own class; anchors weigh by
    one over the effective number of their class, scaled so that a class of the mean effective number weighs 1.

    Where it departs from the authors' code on purpose:

    - The code takes the weight of class 0 for all anchors; here an anchor has that of its own class.
    - The code's defaults for the number of built targets are 0 and 0; a comment in it says 20 and 60.
    - The code never has its pretrained encoder in training mode, and its heads only up to the first test.
    - Layer norm takes the place of batch norm in the prototypes' projection: over two rows, batch norm leaves signs.
    - Dropout is the backbone's own; the code declares some and never applies it.
    - The code has logits of length 1 (``scale=1``), with which the loss of a row cannot come near 0.

    Parameters
    ----------
    temperature : float, default=0.3
        Of the contrastive loss.
    weight : float, default=1.0
        Of the contrastive loss.
    n_positives : int, default=20
        Targets of its own kind that are built for each class; 0 leaves that part out.
    n_negatives : int, default=60
        Targets that are built of all other classes; 0 leaves that part out.
    candidates : int, default=20
        Members that hard targets are made of; where a class has fewer in a pool, all of them, and where it has fewer in
        the mean over batches, a remark of the fit says so.
    hard_from : float, default=0.5
        Share of the built targets that are hard in the first epoch.
    hard_to : float, default=1.0
        What that share rises to; it would be reached after the last epoch.
    alpha : float, default=0.5
        Hard targets are mixed by ``Beta(alpha, alpha)``; 0 leaves them unmixed.
    prototypes : bool or "mean", default=True
        Whether the pool has them. Without them they still rank members, but nothing is compared with them. ``"mean"``
        makes a class's prototype of its members in the pool, their mean brought to length 1, in place of the
        classifier's row, which stands in for a class that the pool lacks.
    queue : int, default=0
        Past features of each class that anchors are compared with too, for batches so small that they lack classes;
        each counts by its row's weight.
    compensation : bool, default=True
        Whether the classification loss adds the log prior.
    beta : float, default=0.9999
        Of the effective number, from 0, where all anchors weigh alike, to below 1.
    scale : float or None, default=None
        Length that logits are brought to, in training and at prediction time; None leaves them as they are.

    Raises
    ------
    SettingsError
        From ``check``, for settings out of range.
    """

    search_space: ClassVar[Space] = {
        **ContrastiveMethod.search_space,
        "alpha": Range(0.1, 2.0, log=True),
        "hard_from": Range(0.0, 1.0),
    }
    summary = "contrastive learning with targets built for each class alike (SharpReCL)"
    paper = "Li et al. 2026"
    feature_dim = 100
    has_prototypes = True

    _past: FeatureQueue | None = None

    def __init__(
        self,
        *,
        temperature: float = 0.3,
        weight: float = 1.0,
        n_positives: int = 20,
        n_negatives: int = 60,
        candidates: int = 20,
        hard_from: float = 0.5,
        hard_to: float = 1.0,
        alpha: float = 0.5,
        prototypes: bool | Literal["mean"] = True,
        queue: int = 0,
        compensation: bool = True,
        beta: float = 0.9999,
        scale: float | None = None,
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
        self.n_positives = n_positives
        self.n_negatives = n_negatives
        self.candidates = candidates
        self.hard_from = hard_from
        self.hard_to = hard_to
        self.alpha = alpha
        self.prototypes = prototypes
        self.queue = queue
        self.compensation = compensation
        self.beta = beta
        self.scale = scale

    def check(self) -> None:
        """Refuse settings out of range, and views that cannot be had."""
        super().check()
        check_whole("sharprecl", candidates=self.candidates)
        check_whole("sharprecl", at_least=0, n_positives=self.n_positives, n_negatives=self.n_negatives)
        check_not_negative("sharprecl", alpha=self.alpha)
        check_share("sharprecl", hard_from=self.hard_from, hard_to=self.hard_to)
        check_flag("sharprecl", compensation=self.compensation)
        if not isinstance(self.prototypes, bool) and self.prototypes != "mean":
            raise SettingsError(f"prototypes is {self.prototypes!r}; sharprecl needs true, false or 'mean'")
        check_whole("sharprecl", at_least=0, queue=self.queue)
        check_below_1("sharprecl", beta=self.beta)
        if self.scale is not None:
            check_positive("sharprecl", scale=self.scale)

    def fit(self, data: Data, context: Context) -> NetworkPredictor:
        """Train; see :meth:`counterpoise.methods.base.Method.fit`."""
        try:
            predictor = super().fit(data, context)
        finally:
            self._past = None  # the predictor keeps this method, and must not keep features of rows
        parts = {
            "n_positives": "no positives are built",
            "n_negatives": "no negatives are built",
            "weight": "there is no contrastive loss",
        }
        said = [f"sharprecl: {name} is 0, so {so}" for name, so in parts.items() if not getattr(self, name)]
        if said := [*said, *self._few_candidates(data, context)]:
            predictor.notes["remarks"] = said
        return predictor

    def start(self, model: Network, data: Data, encoder: Encoder, context: Context) -> None:
        """Make the views and an empty queue, and say so if a pool is smaller than the number of candidates."""
        super().start(model, data, encoder, context)
        if self.queue:
            device = model.head.weight.device
            self._past = FeatureQueue.empty(data.n_classes, int(self.queue), self.feature_dim, device)
        hard = max(self.hard_from, self.hard_to) * (self.n_positives + self.n_negatives)
        if self.weight and hard and self._pool(data, context) < self.candidates:
            warnings.warn(
                # The pool's own size would make another sentence of each fold.
                f"sharprecl: the pool of a batch has fewer members than the {self.candidates} candidates for hard "
                "targets, so every member is one; give larger batches, or fewer candidates",
                CounterpoiseWarning,
                stacklevel=2,
            )

    def memory(self) -> dict[str, Tensor]:
        """The queue."""
        return {} if self._past is None else self._past.memory()

    def remember(self, memory: dict[str, Tensor]) -> None:
        """Take the queue back."""
        if self.queue:
            self._past = FeatureQueue(**memory)

    def logits(self, model: Network, batch: Batch) -> Tensor:
        """Logits ``(B, C)``, brought to a length where one is set."""
        return self._scaled(model(batch))

    def classification(self, logits: Tensor, labels: Tensor, state: TrainingState) -> Tensor:
        """Cross-entropy ``(2 B,)`` of the logits, brought to a length where one is set."""
        return super().classification(self._scaled(logits), labels, state)

    def has_company(self) -> bool:
        """Prototypes, unless they are left out, and past features where there is a queue."""
        return bool(self.prototypes) or self.queue > 0

    def contrast(
        self, features: Tensor, projections: Projections, head: nn.Linear, batch: Batch, state: TrainingState
    ) -> Tensor:
        """Each row's part ``(B,)`` of the mean loss of all anchors; that of prototypes is shared by all rows alike."""
        labels, counts = batch.labels.repeat(2), batch.weights.repeat(2)
        prototypes = projections.prototypes(head)
        if self.prototypes == "mean":
            prototypes = class_means(features, labels, counts, instead=prototypes)
        numbers = torch.arange(len(prototypes), device=prototypes.device)
        pool = features
        if self.prototypes:
            pool, labels = torch.cat([features, prototypes]), torch.cat([labels, numbers])
            counts = torch.cat([counts, torch.ones_like(prototypes[:, 0])])
        with torch.autocast(features.device.type, enabled=False):
            gram = pool @ (pool if self.prototypes else torch.cat([pool, prototypes])).T
            likeness = gram.detach()[:, -len(prototypes) :].T
            targets = hard_targets(
                likeness,
                labels,
                state.generator("targets", features.device),
                counts=counts,
                n_positives=self.n_positives,
                n_negatives=self.n_negatives,
                candidates=self.candidates,
                hard_share=self.hard_from + (self.hard_to - self.hard_from) * state.progress,
                alpha=self.alpha,
            )
            within, built = gram[:, : len(pool)], targets.cosines(gram, labels)
            # Where a class has no member, prototypes stand in for its targets, even those that are in no pool.
            compared = targets.first < len(pool)
            own = torch.eye(len(pool), dtype=torch.bool, device=labels.device)
            positive = (torch.arange(built.shape[1], device=labels.device) < targets.n_positives).expand_as(
                built
            )
            cosines = [within, built]
            amounts = [counts.masked_fill(own, 0), compared[labels].to(built.dtype)]
            positives = [labels[:, None] == labels, positive]
            if self._past is not None:
                cosines.append(self._past.cosines(pool))
                amounts.append(self._past.counts.flatten().expand_as(cosines[-1]))
                positives.append(labels[:, None] == self._past.labels())
                self._past.push(features, batch.labels.repeat(2), batch.weights.repeat(2))
            losses = SupervisedContrastiveLoss(self.temperature).of_cosines(
                torch.cat(cosines, dim=1), torch.cat(amounts, dim=1), torch.cat(positives, dim=1)
            )
            # Of less than one row there is no effective number, and classes may be made to weigh next to nothing.
            rare = effective_number_weights((state.class_shares * state.n_rows).clamp_min(1), self.beta)
            losses = losses * (rare * (1 / rare).mean())[labels]
        n = len(batch.labels)
        of_rows, of_prototypes = losses[: 2 * n].view(2, n).sum(dim=0), losses[2 * n :].sum()
        # The loop takes the weighted mean over rows; what belongs to none of them comes to it free of their weights.
        mean = batch.weights.mean()
        return (of_rows * n + of_prototypes / mean.masked_fill(mean == 0, torch.inf)) / len(losses)

    def _pool(self, data: Data, context: Context) -> int:
        """Members of a full batch's pool."""
        return 2 * min(context.training.batch_size, len(data)) + data.n_classes * bool(self.prototypes)

    def _few_candidates(self, data: Data, context: Context) -> Iterator[str]:
        """That classes have fewer members in a pool than candidates, in a sentence, if they do and it matters.

        Of a pool that is too small as a whole a warning says so before any work.
        """
        hard = max(self.hard_from, self.hard_to) * self.n_positives
        if not (self.weight and hard) or self._pool(data, context) < self.candidates:
            return
        # Every row is in one batch of each epoch, so the mean over batches is known without counting. Whole numbers,
        # which are mostly the same in each fold: notes that say the same are told once.
        batches = -(-len(data) // context.training.batch_size)
        counts = np.bincount(data.labels, minlength=data.n_classes)
        members = np.rint(2 * counts / batches + bool(self.prototypes)).astype(np.int64)
        few = [c for c in np.argsort(counts, kind="stable").tolist() if members[c] < self.candidates]
        if few:
            named = [f"{name} ({members[c]})" for c, name in zip(few, context.names_of(few), strict=True)]
            rest = [f"{len(few) - MOST_NAMED} more"] if len(few) > MOST_NAMED else []
            yield (
                f"sharprecl: on average a batch's pool has fewer members of {enumerated(named[:MOST_NAMED] + rest)} "
                f"than the {self.candidates} candidates for hard positives, so every member is one"
            )

    def _scaled(self, logits: Tensor) -> Tensor:
        return logits if self.scale is None else self.scale * functional.normalize(logits.float(), dim=1)


def class_means(features: Tensor, labels: Tensor, counts: Tensor, *, instead: Tensor) -> Tensor:
    """Mean feature ``(C, d)`` of each class, brought to length 1.

    Parameters
    ----------
    features : Tensor of float32, shape (M, d)
    labels : Tensor of int64, shape (M,)
    counts : Tensor of float32, shape (M,)
        What each counts.
    instead : Tensor of float32, shape (C, d)
        What stands for a class that nothing counts for.
    """
    with torch.autocast(features.device.type, enabled=False):
        member = functional.one_hot(labels, len(instead)).T * counts
        means = functional.normalize(member @ features, dim=1)
        return torch.where(member.sum(dim=1, keepdim=True) > 0, means, instead)
