"""Small data, networks and batches of two views for the contrastive methods."""

from __future__ import annotations

import numpy as np
import torch

from counterpoise.backbones.base import Batch, Network
from counterpoise.backbones.registry import find_backbone
from counterpoise.methods.base import Context, Data
from counterpoise.methods.contrastive import ContrastiveMethod
from counterpoise.training.settings import TrainingSettings, TrainingState
from tiny_arrays import make_arrays
from tiny_texts import make_texts

OWN = {"textcnn": {"dim": 8, "vectors": "random", "n_filters": 4}, "mlp": {"hidden": (8, 6)}}


def data_of(backbone: str = "mlp", counts: tuple[int, ...] = (26, 9, 4)) -> Data:
    inputs, labels = (make_arrays if backbone == "mlp" else make_texts)(counts)
    weights = np.random.default_rng(0).uniform(0.5, 2, len(labels))
    return Data(inputs, labels.astype(np.int64), len(counts), weights)


def context_of(backbone: str = "mlp", **training) -> Context:
    given = {"max_epochs": 2, "batch_size": 16, "precision": "float32", "device": "cpu", **training}
    return Context(3, backbone=backbone, backbone_settings=OWN[backbone], training=TrainingSettings(**given))


def state_of(epoch: int = 0, step: int = 0) -> TrainingState:
    return TrainingState(epoch, 4, torch.tensor([0.6, 0.3, 0.1]), 5, 200, step)


def model_and_batch(method: ContrastiveMethod, rows: int = 12) -> tuple[Network, Batch]:
    """An MLP in evaluation mode, so that dropout and batch statistics are out of the way, and a batch of two views."""
    data = data_of()
    entry = find_backbone("mlp", OWN["mlp"])
    encoder = entry.make_encoder(OWN["mlp"]).fit(data.inputs)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        backbone = entry.make_network(encoder, OWN["mlp"])
        model = Network(backbone, 3, method.modules(backbone.dim, 3)).eval()
    inputs, mask = encoder.encode(data.inputs).batch(np.arange(rows))
    weights = torch.from_numpy(data.weights[:rows]).float()
    batch = Batch(inputs, mask, torch.from_numpy(data.labels[:rows]), weights, torch.arange(rows))
    return model, method.views(batch, state_of())


def features_of(model: Network, batch: Batch) -> torch.Tensor:
    """Features of both views, of length 1."""
    pooled = torch.cat([model.embed(each) for each in (batch, *batch.views)])
    return torch.nn.functional.normalize(model.parts.rows(pooled), dim=1)


def total(method: ContrastiveMethod, model: Network, batch: Batch, state: TrainingState) -> float:
    """What the loop makes of a batch: the weighted mean of its rows' losses."""
    return (method.loss(model, batch, state) @ batch.weights / len(batch.labels)).item()
