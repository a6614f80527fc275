"""Where the networks of a sampler live."""

from __future__ import annotations

import torch

from counterpoise.training.settings import TrainingSettings


def sampler_device(name: str) -> torch.device:
    """Device of a sampler.

    Parameters
    ----------
    name : str
        ``"cpu"``, ``"cuda"``, ``"mps"``; ``"auto"`` takes CUDA where it is, and else the CPU, not MPS, on which no
        sampler has been tried.

    Raises
    ------
    SettingsError
        For a device that this machine does not have.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return TrainingSettings(device=name).torch_device()


def beside(device: torch.device) -> torch.device:
    """Where a sampler lives whose classifier is on a device: there too, but for MPS, on which none has been tried."""
    return torch.device("cpu") if device.type == "mps" else device
