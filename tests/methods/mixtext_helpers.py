"""Small data, contexts and networks for MixText on every backbone."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from counterpoise.backbones.base import Batch, Network
from counterpoise.backbones.registry import find_backbone
from counterpoise.methods.base import Context, Data
from counterpoise.methods.unlabelled import Unlabelled
from counterpoise.mixing.pairs import Pairs
from counterpoise.training.settings import TrainingSettings, TrainingState
from tiny_arrays import make_arrays
from tiny_encoders import tiny_encoder
from tiny_texts import make_texts

SETTINGS: dict[str, dict[str, Any]] = {
    "textcnn": {"dim": 8, "vectors": "random", "n_filters": 4},
    "textrnn": {"dim": 8, "vectors": "random", "hidden": 4},
    "mlp": {"hidden": (8, 4)},
    "encoder": {"frozen": False, "name": tiny_encoder},
    "frozen": {"frozen": True, "name": tiny_encoder},
}
EXTRA = make_texts((30, 6), seed=9)[0]


def backbone_of(name: str) -> tuple[str, dict[str, Any]]:
    own = {key: value() if callable(value) else value for key, value in SETTINGS[name].items()}
    return ("encoder" if name == "frozen" else name), own


def data_of(name: str, counts: tuple[int, ...] = (26, 7)) -> Data:
    inputs, labels = (make_arrays if name == "mlp" else make_texts)(counts)
    weights = np.random.default_rng(0).uniform(0.5, 2, len(labels))
    return Data(inputs, labels.astype(np.int64), len(counts), weights)


def context_of(name: str, checkpoint=None, **training: Any) -> Context:
    backbone, own = backbone_of(name)
    given = {"max_epochs": 2, "batch_size": 8, "precision": "float32", "device": "cpu", **training}
    return Context(
        3,
        minority=1,
        backbone=backbone,
        backbone_settings=own,
        training=TrainingSettings(**given),
        checkpoint=checkpoint,
    )


def state_of(n_classes: int = 2, epoch: int = 0, step: int = 0) -> TrainingState:
    return TrainingState(epoch, 4, torch.full((n_classes,), 1 / n_classes), 5, 30, step)


def model_and_batch(name: str, data: Data, rows: int) -> tuple[Network, Batch, Any]:
    backbone, own = backbone_of(name)
    entry = find_backbone(backbone, own)
    encoder = entry.make_encoder(own).fit(data.inputs)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Network(entry.make_network(encoder, own), data.n_classes)
    inputs, mask = encoder.encode(data.inputs).batch(np.arange(rows))
    weights = torch.from_numpy(data.weights[:rows]).float()
    return (
        model,
        Batch(inputs, mask, torch.from_numpy(data.labels[:rows]), weights, torch.arange(rows)),
        encoder,
    )


def next_row(labels, class_counts, generator, **settings) -> Pairs:
    """A rule that mixes every row with the next one, .75 of it with .25 of the other."""
    partner = torch.arange(1, len(labels) + 1) % len(labels)
    weights = torch.full((len(labels),), 0.75)
    return Pairs(partner, weights, weights)


def pool_of(encoder: Any, n_views: int = 2, rate: float = 0.3, texts: np.ndarray = EXTRA) -> Unlabelled:
    return Unlabelled(texts, encoder, torch.device("cpu"), n_views=n_views, rate=rate, seed=4)
