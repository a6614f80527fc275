"""Small data and contexts for methods of two stages, and a second stage written out in plain PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from counterpoise.backbones.base import Batch, Network
from counterpoise.methods.balanced_stage import BalancedSteps
from counterpoise.methods.base import Context, Data
from counterpoise.seeding import derive_seed, generator
from counterpoise.training.settings import TrainingSettings
from tiny_arrays import make_arrays
from tiny_texts import make_texts

SETTINGS: dict[str, dict[str, Any]] = {
    "textcnn": {"dim": 8, "vectors": "random", "n_filters": 4},
    "textrnn": {"dim": 8, "vectors": "random", "hidden": 4},
    "mlp": {"hidden": (16, 8)},
}
COUNTS = {2: (40, 9), 8: (30, 20, 12, 9, 7, 5, 3, 1), 23: (20, *range(18, 7, -1), *[5] * 6, 4, 3, 3, 2, 1)}
"""Rows of each class by their number: a class with one row in all but the first."""


def make_data(kind: str, counts: tuple[int, ...], seed: int = 0, weighted: bool = False) -> Data:
    inputs, labels = (make_arrays if kind == "mlp" else make_texts)(counts, seed)
    weights = np.random.default_rng(seed).uniform(0.5, 2, len(labels)) if weighted else np.ones(len(labels))
    return Data(inputs, labels.astype(np.int64), len(counts), weights)


def make_context(backbone: str = "mlp", validation: Data | None = None, **changes: Any) -> Context:
    training = {
        "max_epochs": 3,
        "batch_size": 16,
        "learning_rate": 0.01,
        "precision": "float32",
        "device": "cpu",
    }
    context = {
        key: changes.pop(key) for key in ("seed", "minority", "checkpoint", "class_weight") if key in changes
    }
    return Context(
        **{"seed": 3, "minority": 1, **context},
        backbone=backbone,
        backbone_settings=SETTINGS[backbone],
        training=TrainingSettings(**{**training, **changes}),
        validation=validation,
    )


def train_by_hand(
    model: Network, encoder: Any, data: Data, context: Context, epochs: int, frozen: bool
) -> dict[str, torch.Tensor]:
    """The balanced stage as it would be without a loop of ours and with the backbone run in each step.

    Of ours are only the names of the random streams and the choice of rows, which has tests of its own.
    """
    seed = derive_seed(context.seed, "balanced stage")
    encoded = encoder.encode(data.inputs)
    model.train()
    trained = list((model.head if frozen else model).parameters())
    optimizer = torch.optim.AdamW(
        [p for p in trained if p.requires_grad], lr=context.training.learning_rate, weight_decay=0.0
    )
    weights = torch.from_numpy(data.weights / data.weights.mean()).float()
    labels = torch.from_numpy(data.labels)
    lengths = np.ones(len(data), dtype=np.int64) if frozen else encoded.lengths
    with torch.random.fork_rng(devices=[]):
        for epoch in range(epochs):
            torch.manual_seed(derive_seed(seed, "torch", epoch) % 2**63)
            rng = generator(seed, "batches", epoch)
            for rows in BalancedSteps().batches(data.labels, lengths, context.training.batch_size, rng):
                inputs, mask = encoded.batch(rows)
                nothing = torch.empty(0)
                logits = model(Batch(inputs, mask, nothing, nothing, nothing))
                loss = (cross_entropy(logits, labels[rows], reduction="none") * weights[rows]).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
    model.eval()
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def watch(monkeypatch: Any, module: Any, name: str) -> list[Any]:
    """Collect what a function of a module returns."""
    results: list[Any] = []
    original: Callable[..., Any] = getattr(module, name)

    def watched(*args: Any, **kwargs: Any) -> Any:
        results.append(original(*args, **kwargs))
        return results[-1]

    monkeypatch.setattr(module, name, watched)
    return results
