"""Lightning Fabric as the training loop wants it; a file of its own, since only what trains should wait for its import.

fabric = fabric_for(torch.device("cpu"), "bfloat16")
"""

from __future__ import annotations

from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins import MixedPrecision


class Autocast(MixedPrecision):
    """Mixed precision that casts in the layers that gain by it, and leaves what comes into a step as it is.

    Fabric's own casts all that a step is given, and a batch brings numbers that eight bits do not hold: weights of
    rows, counts of classes, soft targets.
    """

    def convert_input(self, data: Any) -> Any:
        """The input itself."""
        return data


def fabric_for(device: torch.device, precision: str) -> Fabric:
    """One process on one device.

    Parameters
    ----------
    device : torch.device
    precision : {"float32", "bfloat16"}

    Returns
    -------
    Fabric
    """
    return Fabric(
        accelerator=device.type,
        devices=1 if device.index is None or device.type == "cpu" else [device.index],
        # Given as a plugin, since Fabric announces a precision given by name on the user's screen.
        plugins=Autocast("bf16-mixed", device.type) if precision == "bfloat16" else None,
    )
