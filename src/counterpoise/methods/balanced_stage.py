"""A stage of training in which all classes count alike: of the head on a frozen backbone, or of the whole network.

Kang, Xie, Rohrbach, Yan, Gordo, Feng and Kalantidis, "Decoupling Representation and Classifier for Long-Tailed
Recognition", ICLR 2020, section 4, train the representation plainly and only the classifier with class-balanced
sampling.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from counterpoise.backbones.base import HEAD_RATE, Backbone, Batch, Network
from counterpoise.backbones.registry import Encoded, Encoder
from counterpoise.data.arrays import Dense
from counterpoise.methods.balanced_batches import BalancedBatches
from counterpoise.methods.base import Context, Data
from counterpoise.methods.validation import judged_by, validation_score
from counterpoise.seeding import derive_seed
from counterpoise.training.loop import Rows, predict, train


class BalancedSteps(BalancedBatches):
    """Batches of equal shares of all classes, as many an epoch as plain training takes.

    To go through the largest class whole, as :class:`BalancedBatches` does, takes up to as many times longer as
    there are classes, and a second stage is meant to be the short one.
    """

    def batches(
        self, labels: np.ndarray, lengths: np.ndarray, batch_size: int, rng: np.random.Generator
    ) -> list[np.ndarray]:
        """A random choice of the balanced batches."""
        return super().batches(labels, lengths, batch_size, rng)[: -(-len(labels) // batch_size)]


class Frozen(Backbone):
    """A frozen backbone's output, computed beforehand, in the backbone's own place.

    Parameters
    ----------
    dim : int
        Width of the output.
    """

    inputs = "array"

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def tokens(self, batch: Batch) -> Tensor:
        """The output as it is, ``(B, 1, d)``."""
        return batch.inputs.unsqueeze(1)


def fresh_head(model: Network, seed: int) -> nn.Linear:
    """Draw a new head for a network, on its device, as torch initialises a linear layer."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "head weights"))
        head = nn.Linear(model.head.in_features, model.head.out_features)
    return head.to(model.head.weight.device)


def train_head(
    head: nn.Linear,
    model: Network,
    data: Data,
    encoder: Encoder,
    context: Context,
    epochs: int,
    learning_rate: float | None = None,
) -> None:
    """Train a head in place on a network's backbone, which is frozen, all classes counting alike.

    The backbone's output is computed once, in evaluation mode, so that an epoch costs a small matrix product a
    step. The network's dropout, which lies between backbone and head, is drawn anew in each step all the same:
    a head is trained here as it would be if the backbone were run each time, and a rare class, whose few rows
    come again and again, is learnt by heart less.

    Parameters
    ----------
    head : nn.Linear
        Whatever of it requires a gradient is trained.
    model : Network
        Left as it is.
    data : Data
        Resampled, with row weights.
    encoder : Encoder
    context : Context
        Its validation side stops this stage as it stops any training; its checkpoint names this one's.
    epochs : int
        Of as many steps as plain training takes.
    learning_rate : float or None, default=None
        None is that of a head in plain training: as much above the backbone's as :class:`Network` says.
    """
    device = head.weight.device

    def encode(inputs: np.ndarray) -> Dense:
        output = predict(model, encoder.encode(inputs, device), lambda network, batch: network.embed(batch))
        return Dense(output, device)

    with torch.random.fork_rng(devices=[]):
        network = Network(Frozen(model.backbone.dim), data.n_classes, dropout=model.dropout.p)
    network.head = head
    # One small matrix product a step: bfloat16 would save no time and cost digits.
    training = replace(context.training, precision="float32")
    if learning_rate is None and training.learning_rate is not None:
        learning_rate = training.learning_rate * (HEAD_RATE / model.backbone.learning_rate)
    training = replace(training, learning_rate=learning_rate)
    train_balanced(network, data, encode, replace(context, training=training), epochs)


def train_balanced(
    model: Network, data: Data, encode: Callable[[np.ndarray], Encoded], context: Context, epochs: int
) -> None:
    """Train a network in place, all classes counting alike.

    Parameters
    ----------
    model : Network
        On its device; whatever of it requires a gradient is trained.
    data : Data
    encode : callable
        Inputs ``(n, ...)`` as tensors on that device.
    context, epochs
        As in :func:`train_head`.
    """
    train(
        model,
        BalancedSteps(),
        Rows(encode(data.inputs), data.labels, data.weights, data.class_weight),
        settings=replace(context.training, max_epochs=epochs),
        seed=derive_seed(context.seed, "balanced stage"),
        score=validation_score(context, encode, lambda encoded: predict(model, encoded, _logits)),
        checkpoint=_beside(context.checkpoint),
        judged_by=judged_by(context),
        network=context.network,
        name="balanced epochs",
    )


def _logits(model: Network, batch: Batch) -> Tensor:
    return model(batch)


def _beside(checkpoint: Path | None) -> Path | None:
    """A checkpoint of this stage's own, under a name that begins as that of the whole training does."""
    return checkpoint and checkpoint.with_name(f"{checkpoint.stem}-balanced-stage{checkpoint.suffix}")
