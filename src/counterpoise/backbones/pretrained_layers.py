"""What networks that train a pretrained model share, whatever it reads: rates, layers, memory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import nn

from counterpoise.errors import SettingsError

DROPOUT = 0.1
"""Share of pooled features dropped before the head."""

TRAINED_RATE = 5e-5
"""Learning rate of what is pretrained."""

WARMUP = 0.1
"""Share of a training in which rates rise."""


def checkpoint_gradients(model: Any) -> None:
    """Have a model compute representations anew on the way back, for a fraction of the memory.

    Raises
    ------
    SettingsError
        For a model that cannot.
    """
    # Its name from transformers 5.20 on.
    enable = getattr(model, "activation_checkpointing_enable", None)
    try:
        (model.gradient_checkpointing_enable if enable is None else enable)()
    except ValueError as error:
        raise SettingsError(
            f"gradient_checkpointing is not to be had in models of kind {model.config.model_type!r}; leave it out"
        ) from error


def layers_of(model: nn.Module, *kinds: type[nn.Module]) -> Any:
    """Its blocks, the lowest first: of the lists of modules in it the one with the most weights.

    Parameters
    ----------
    model : nn.Module
    *kinds : types
        Of further modules that are lists.
    """
    lists: list[Any] = [m for m in model.modules() if isinstance(m, (nn.ModuleList, *kinds)) and len(m)]  # type: ignore[arg-type]
    return max(lists, key=lambda blocks: sum(p.numel() for p in blocks.parameters()), default=nn.ModuleList())


def decayed_rates(
    parameters: Iterable[nn.Parameter],
    layers: Iterable[nn.Module],
    lowest: Iterable[nn.Parameter],
    rate: float,
    decay: float,
) -> list[dict[str, Any]]:
    """Parameters with their learning rates, lower from layer to layer down.

    Parameters
    ----------
    parameters : iterable of Parameter
        All of them.
    layers : iterable of Module
        The lowest first.
    lowest : iterable of Parameter
        What is below them; all others are above.
    rate : float
        Of what is above the layers.
    decay : float
        Rate of each layer over that of the layer above it.
    """
    blocks = list(layers)
    depth = {id(p): i for i, layer in enumerate(blocks, 1) for p in layer.parameters()}
    below = {id(p) for p in lowest}
    top = len(blocks) + 1
    groups: dict[int, list[nn.Parameter]] = {}
    for parameter in parameters:
        at = depth.get(id(parameter), 0 if id(parameter) in below else top)
        groups.setdefault(at, []).append(parameter)
    return [{"params": groups[at], "lr": rate * decay ** (top - at)} for at in sorted(groups)]
