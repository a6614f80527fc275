"""What the losses refuse, in one place: targets that are no targets and priors that leave a class out.

Shapes and types are always looked at, values only where they lie in main memory. To read them back from a GPU would
stall it at every step; there a label outside the head ends in an assertion of torch's own.
"""

from __future__ import annotations

import torch
from torch import Tensor


def check_targets(logits: Tensor, targets: Tensor) -> None:
    """Refuse targets that do not belong to the logits.

    Parameters
    ----------
    logits : Tensor of shape (B, C)
    targets : Tensor
        Class numbers, ``(B,)`` of int64, or shares of the classes, ``(B, C)`` of a floating type, whose rows are not
        negative and sum to 1, to half the digits of their type.

    Raises
    ------
    ValueError
        In one sentence.
    """
    if targets.is_floating_point():
        if targets.shape != logits.shape:
            raise ValueError(
                f"soft targets have shape {tuple(targets.shape)}; give one share for each of "
                f"{tuple(logits.shape)} logits"
            )
        if not _readable(targets):
            return
        if not bool((targets >= 0).all()):
            raise ValueError("a soft target is negative or not a number; give shares of 0 or more")
        away = (targets.detach().sum(dim=1) - 1).abs()
        if bool((away > torch.finfo(targets.dtype).eps ** 0.5).any()):
            raise ValueError(
                f"the soft targets of a row sum to 1 only up to {away.max().item():.3g}; divide each row by its sum"
            )
        return
    if targets.dtype != torch.int64 or targets.shape != logits.shape[:1]:
        raise ValueError(
            f"targets are {targets.dtype} of shape {tuple(targets.shape)}; give class numbers, int64 of shape "
            f"{tuple(logits.shape[:1])}, or floating shares of shape {tuple(logits.shape)}"
        )
    if _readable(targets):
        lowest, highest = (int(end) for end in targets.aminmax())
        if lowest < 0 or highest >= logits.shape[1]:
            wrong = lowest if lowest < 0 else highest
            raise ValueError(
                f"a label is {wrong}, but the head has {logits.shape[1]} classes; give 0 to {logits.shape[1] - 1}"
            )


def check_prior(prior: Tensor) -> None:
    """Refuse class shares that are not all above 0.

    Parameters
    ----------
    prior : Tensor of shape (C,)

    Raises
    ------
    ValueError
        In one sentence.
    """
    if _readable(prior) and not bool((prior > 0).all()):
        raise ValueError("every class needs a prior above 0")


def _readable(values: Tensor) -> bool:
    return values.device.type == "cpu" and values.numel() > 0
