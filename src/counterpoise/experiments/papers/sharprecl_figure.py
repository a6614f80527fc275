"""SharpReCL's features of test rows before and after training, with the prototypes of the classes among them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn import functional

from counterpoise.backbones.base import Batch, Network
from counterpoise.estimators.text import TextClassifier
from counterpoise.experiments.papers.base import Set, first_sides
from counterpoise.experiments.papers.scatter import Scatter, plane
from counterpoise.experiments.task import Task
from counterpoise.methods.contrastive import Projections
from counterpoise.methods.network_predictor import NetworkPredictor
from counterpoise.seeding import generator
from counterpoise.training.loop import predict

SHOWN = 500
UNTRAINED: dict[str, Any] = {"learning_rate": 1e-12, "max_epochs": 1}
"""Nothing moves but the averages that batch norm keeps, without which there are no features to look at."""


def figure_1(made: Set, task: Task, seed: int) -> tuple[Scatter, Scatter]:
    """Features of some test rows as the network begins, and as SharpReCL leaves them, views made by word dropout."""
    train, test = first_sides(made, task, seed)
    labels = task.names[task.numbers]
    shown = np.sort(generator(seed, "figure").permutation(test)[:SHOWN])
    found = []
    for title, training in (("before training", UNTRAINED), ("after training", {})):
        model = TextClassifier("sharprecl", threshold=None, random_state=seed).set_params(**training)
        model.fit(task.inputs[train], labels[train])
        rows, prototypes = _features(model, task.inputs[shown])
        places = plane(np.concatenate([rows, prototypes]))
        own = {str(name): places[: len(shown)][labels[shown] == name] for name in model.classes_}
        marks = {str(name): places[len(shown) + i][None] for i, name in enumerate(model.classes_)}
        found.append(Scatter(title, own, marks, "prototypes"))
    return found[0], found[1]


def _features(model: TextClassifier, texts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Features of rows ``(n, d)`` and of classes ``(C, d)``, of length 1."""
    predictor = model.fitted_.predictor
    assert isinstance(predictor, NetworkPredictor)
    network = predictor.model
    projections = network.parts
    assert isinstance(projections, Projections)

    def project(network: Network, batch: Batch) -> torch.Tensor:
        return functional.normalize(projections.rows(network.embed(batch)), dim=1)

    rows = predict(network, predictor.encode(texts), project)
    with torch.no_grad():
        return rows, projections.prototypes(network.head).cpu().numpy()
