"""The optimisers that a training can choose from."""

from __future__ import annotations

from typing import Any

import torch

from counterpoise.backbones.base import Network
from counterpoise.training.settings import TrainingSettings

MOMENTUM = 0.9
SGD_RATE = 100.0
"""Times Adam's rate, where none is given: 0.1 for what is not pretrained, as residual networks are commonly trained."""


def make_optimizer(model: Network, settings: TrainingSettings, device: torch.device) -> torch.optim.Optimizer:
    """Optimiser over the trained parameters of a network.

    Parameters
    ----------
    model : Network
    settings : TrainingSettings
    device : torch.device

    Returns
    -------
    torch.optim.Optimizer
        With one group of parameters for each learning rate, which are those at full speed.
    """
    groups: list[dict[str, Any]] = model.parameter_groups(settings.learning_rate)
    # One kernel for the whole update instead of a dozen a tensor; exactly the optimiser's arithmetic.
    fused = device.type in ("cpu", "cuda")
    if settings.optimizer == "adam":
        return torch.optim.AdamW(groups, weight_decay=settings.weight_decay, fused=fused)
    if settings.learning_rate is None:
        groups = [{**group, "lr": SGD_RATE * group["lr"]} for group in groups]
    return torch.optim.SGD(groups, momentum=MOMENTUM, weight_decay=settings.weight_decay, fused=fused)
