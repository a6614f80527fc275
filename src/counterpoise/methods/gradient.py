"""Plain training of a backbone by gradient descent, and the hooks by which a method departs from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from counterpoise.backbones.base import Batch, Network
from counterpoise.backbones.registry import Encoder, find_backbone
from counterpoise.methods.base import Context, Data, Method
from counterpoise.methods.network_predictor import NetworkPredictor
from counterpoise.methods.validation import judged_by, judging, validation_score
from counterpoise.metrics.margins import class_margins
from counterpoise.seeding import derive_seed
from counterpoise.text.batching import bucketed_batches
from counterpoise.training.loop import Rows, train
from counterpoise.training.settings import TrainingState


class GradientMethod(Method):
    """Plain training of a backbone with cross-entropy; a method overrides the hooks in which it differs."""

    inputs: ClassVar[frozenset[str]] = frozenset({"text", "array", "image"})
    soft_targets: ClassVar[bool] = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # That cross-entropy takes soft targets says nothing of another loss, which has to say so of itself.
        if "loss" in vars(cls) and "soft_targets" not in vars(cls):
            cls.soft_targets = False

    def resample(self, data: Data, context: Context) -> Data:
        """Change rows or row weights before training, drawing from ``context.seed``; plain training keeps them."""
        return data

    def modules(self, dim: int, n_classes: int) -> nn.Module | None:
        """Parts of its own, such as projections or prototypes, over embeddings of width ``dim``."""
        return None

    def batches(
        self, labels: np.ndarray, lengths: np.ndarray, batch_size: int, rng: np.random.Generator
    ) -> list[np.ndarray]:
        """Rows of each step of one epoch; by default each row once, batches of similar length."""
        return bucketed_batches(lengths, batch_size, rng)

    def views(self, batch: Batch, state: TrainingState) -> Batch:
        """Add further views of the same rows to ``batch.views``."""
        return batch

    def loss(self, model: Network, batch: Batch, state: TrainingState) -> Tensor:
        """Loss ``(B,)`` of each row; the loop applies the rows' weights.

        ``batch.labels`` are class numbers. A method that sets ``soft_targets`` is also given shares, ``(B, C)``.
        """
        return functional.cross_entropy(model(batch), batch.labels, reduction="none")

    def on_epoch(self, model: Network, state: TrainingState) -> None:
        """Act before each epoch (schedules, prototypes from the data so far)."""

    def noted(self) -> dict[str, float]:
        """Numbers by name that the history is to hold of the epoch that has ended."""
        return {}

    def memory(self) -> dict[str, Tensor]:
        """Tensors that are kept from one epoch to the next outside the model; a checkpoint holds them."""
        return {}

    def remember(self, memory: dict[str, Tensor]) -> None:
        """Take back what :meth:`memory` gave, on the model's device, before an interrupted training goes on."""

    def logits(self, model: Network, batch: Batch) -> Tensor:
        """Logits ``(B, C)`` at prediction time."""
        return model(batch)

    def start(self, model: Network, data: Data, encoder: Encoder, context: Context) -> None:
        """Change the untrained model in place, from the resampled data (a first stage)."""

    def finish(self, model: Network, data: Data, encoder: Encoder, context: Context) -> None:
        """Change the trained model in place (second stages, norm rescaling)."""

    def judge(self, predictor: NetworkPredictor, data: Data, context: Context) -> Callable[[], float] | None:
        """How good the network is as it stands, to be asked after each epoch; None trains all epochs.

        By default the average precision of its logits on the validation side. ``data`` are the resampled rows.
        """
        return validation_score(context, predictor.encode, predictor.logits_of)

    def training_prior(self, data: Data) -> np.ndarray:
        """Class shares ``(C,)`` under which the logits are log-odds, from the resampled data."""
        return data.class_mass()

    def fit(self, data: Data, context: Context) -> NetworkPredictor:
        """Resample, encode, start, train and finish; see :meth:`Method.fit`."""
        self.check_training(context.training, data.kind)
        self.check_backbone(context.backbone, context.backbone_settings)
        entry = find_backbone(context.backbone, context.backbone_settings)
        device, context = context.training.torch_device(), judging(context)
        # Vocabulary and vectors come from the real rows: a sampler's copies must not vote on what is frequent.
        encoder = entry.make_encoder(context.backbone_settings).fit(data.inputs, context.seed, device)
        resampled = context.weighted(self.resample(data, context.stream("resample")))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed(context.seed, "weights"))
            backbone = entry.make_network(encoder, context.backbone_settings)
            model = Network(backbone, data.n_classes, self.modules(backbone.dim, data.n_classes)).to(device)
        predictor = NetworkPredictor(
            self, model, encoder, context.backbone, context.backbone_settings, self.training_prior(resampled)
        )
        self.start(model, resampled, encoder, context)
        margins = _margins(predictor, data) if context.training.track_margins else None
        history = train(
            model,
            self,
            Rows(
                encoder.encode(resampled.inputs, device),
                resampled.labels,
                resampled.weights,
                resampled.class_weight,
                resampled.soft_labels,
            ),
            settings=context.training,
            seed=derive_seed(context.seed, "training"),
            score=self.judge(predictor, resampled, context),
            watch=(lambda: {**self.noted(), **margins()}) if margins else self.noted,
            checkpoint=context.checkpoint,
            judged_by=judged_by(context),
            network=context.network,
            name=f"{context.backbone} epochs",
        )
        self.finish(model, resampled, encoder, context)
        if margins:  # of what is returned, which a method may have changed since
            history.epochs[history.best_epoch - 1] |= margins()
        predictor.record(history)
        return predictor


def _margins(predictor: NetworkPredictor, data: Data) -> Callable[[], dict[str, float]]:
    """What gives the mean margin of each class over rows, as the network stands when it is asked."""
    labels, encoded = data.labels, predictor.encode(data.inputs)

    def margins() -> dict[str, float]:
        found = class_margins(labels, predictor.logits_of(encoded)).tolist()
        return {f"margin_{label}": value for label, value in enumerate(found) if value == value}

    return margins
