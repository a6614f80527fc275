"""A head without lengths: the logits of a classifier of cosines, from a network's own head."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from counterpoise.backbones.base import Network


def cosines(model: Network, features: Tensor) -> Tensor:
    """Cosines ``(B, C)`` of float32 between features ``(B, d)``, after dropout, and class vectors."""
    # Near 1 bfloat16 tells cosines apart by no less than 1/256, and they are multiplied by a scale of 30.
    with torch.autocast(features.device.type, enabled=False):
        directions = functional.normalize(model.dropout(features).float(), dim=-1)
        return functional.linear(directions, functional.normalize(model.head.weight, dim=-1))


def freeze_bias(model: Network) -> None:
    """Leave the head's bias as it is: cosines know none."""
    model.head.bias.requires_grad_(False)
