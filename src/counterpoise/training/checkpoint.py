"""Checkpoints: the whole state of a training after an epoch, in one safetensors file without pickle.

Every random stream of the training is derived from its seed and the epoch's number, so weights, optimiser, history and
what the method remembers are all there is to keep, and a resumed training ends with the very weights of an
uninterrupted one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from counterpoise.data.writers import atomic_path
from counterpoise.errors import ModelError

T = TypeVar("T")


class Restored(NamedTuple):
    """What a checkpoint gives back besides the model's and the optimiser's state.

    Attributes
    ----------
    best : dict of Tensor or None
        Weights of the best epoch so far.
    record : dict
    memory : dict of Tensor
        What the method remembers, on the CPU.
    """

    best: dict[str, Tensor] | None
    record: dict[str, Any]
    memory: dict[str, Tensor]


def save_checkpoint(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    best: dict[str, Tensor] | None,
    record: dict[str, Any],
    memory: dict[str, Tensor],
) -> None:
    """Write a checkpoint; a crash while writing leaves the previous one in place.

    Parameters
    ----------
    path : Path
    model : nn.Module
    optimizer : torch.optim.Optimizer
        Its state must be tensors, as that of all of torch's own is.
    best : dict of Tensor or None
        Weights of the best epoch so far.
    record : dict
        JSON values: epoch, history, fingerprint.
    memory : dict of Tensor
        What the method keeps from one epoch to the next.
    """
    tensors = {f"model/{name}": value for name, value in model.state_dict().items()}
    for index, values in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{index}/{name}": value for name, value in values.items()}
    tensors |= {f"best/{name}": value for name, value in (best or {}).items()}
    tensors |= {f"memory/{name}": value for name, value in memory.items()}
    tensors = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata={"record": json.dumps(record)})


def load_checkpoint(
    path: Path, fingerprint: str, model: nn.Module, optimizer: torch.optim.Optimizer
) -> Restored | None:
    """Restore a training from a checkpoint.

    Parameters
    ----------
    path : Path
    fingerprint : str
        Of the training that wants to go on; it must be the one that wrote the file.
    model, optimizer
        Changed in place.

    Returns
    -------
    Restored or None
        None when there is no checkpoint yet.

    Raises
    ------
    ModelError
        When the file is broken or belongs to another training.
    """
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            record = json.loads(file.metadata()["record"])
            owner = record["fingerprint"]
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, KeyError, ValueError, TypeError, OSError) as error:
        raise ModelError(f"checkpoint {path} is broken ({error}); delete it to start afresh") from error
    if owner != fingerprint:
        raise ModelError(
            f"checkpoint {path} belongs to a training with other data or settings; delete it to start afresh"
        )
    model.load_state_dict(below("model", tensors))
    groups = optimizer.state_dict()["param_groups"]
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in below("optimizer", tensors).items():
        index, key = name.split("/")
        own = parameters[int(index)]
        # Fused kernels walk over memory, in which the weights of convolutions may lie in another order (channels last).
        laid = torch.empty_like(own, dtype=value.dtype).copy_(value) if value.shape == own.shape else value
        state.setdefault(int(index), {})[key] = laid
    optimizer.load_state_dict({"state": state, "param_groups": groups})
    return Restored(below("best", tensors) or None, record, below("memory", tensors))


def below(prefix: str, tensors: dict[str, T]) -> dict[str, T]:
    """Tensors or arrays whose names begin with ``prefix/``, by the rest of their names."""
    return {k.removeprefix(f"{prefix}/"): v for k, v in tensors.items() if k.startswith(f"{prefix}/")}
