"""What the losses refuse, in one place: targets that are no targets, priors that leave a class out, and settings.

Shapes and types are always looked at, values only where they lie in main memory. To read them back from a GPU would
stall it at every step; there a label outside the head ends in an assertion of torch's own.
"""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

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
    if not isinstance(targets, Tensor):
        raise ValueError(
            f"targets are a {type(targets).__name__}; give a tensor of class numbers or of shares"
        )
    if logits.dim() != 2:
        raise ValueError(
            f"logits have shape {tuple(logits.shape)}; give (B, C), one for each class of each row"
        )
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


def check_prior(prior: Tensor, name: str = "prior") -> None:
    """Refuse class shares that are not all finite and above 0.

    Parameters
    ----------
    prior : Tensor of shape (C,)
    name : str, default="prior"
        What they are called, for the message.

    Raises
    ------
    ValueError
        In one sentence.
    """
    _check_one_a_class(name, prior)
    _check_each(name, prior, prior > 0, "a finite number above 0")


def check_weights(name: str, weights: Tensor) -> None:
    """Refuse class weights that are not all finite and 0 or more; else as :func:`check_prior`."""
    _check_one_a_class(name, weights)
    _check_each(name, weights, weights >= 0, "a finite number of 0 or more")


def check_classes(logits: Tensor, name: str, by_class: Tensor) -> None:
    """Refuse one number a class of another number of classes than the logits have.

    Parameters
    ----------
    logits : Tensor of shape (..., C)
    name : str
        What the numbers are called, for the message.
    by_class : Tensor of shape (C,)

    Raises
    ------
    ValueError
        In one sentence.
    """
    if logits.shape[-1:] != by_class.shape:
        raise ValueError(
            f"{name} is of {len(by_class)} classes, but logits have shape {tuple(logits.shape)}; give one number for "
            "each of their classes"
        )


def check_not_negative(loss: str, **settings: Any) -> None:
    """Refuse what is no finite number of 0 or more.

    Parameters
    ----------
    loss : str
        Its name, for the message.
    **settings
        Values by name.

    Raises
    ------
    ValueError
        For the first that is out of range.
    """
    for name, value in settings.items():
        if not (_is_number(value) and value >= 0):
            raise ValueError(f"{name} is {value!r}; {loss} needs a finite number of 0 or more")


def check_positive(loss: str, **settings: Any) -> None:
    """Refuse what is no finite number above 0; else as :func:`check_not_negative`."""
    for name, value in settings.items():
        if not (_is_number(value) and value > 0):
            raise ValueError(f"{name} is {value!r}; {loss} needs a finite number above 0")


def check_beta(loss: str, beta: Any) -> None:
    """Refuse what is no number from 0 up to but not including 1; else as :func:`check_not_negative`."""
    if not (_is_number(beta) and 0 <= beta < 1):
        raise ValueError(f"beta is {beta!r}; {loss} needs a number of 0 or more, below 1")


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _check_one_a_class(name: str, by_class: Any) -> None:
    if not isinstance(by_class, Tensor):
        raise ValueError(f"{name} is {by_class!r}; give a tensor of one number a class")
    if by_class.dim() != 1 or not len(by_class):
        raise ValueError(f"{name} has shape {tuple(by_class.shape)}; give one number a class, shape (C,)")


def _check_each(name: str, by_class: Tensor, right: Tensor, needed: str) -> None:
    if _readable(by_class) and not bool((right := right & by_class.isfinite()).all()):
        label = int(right.int().argmin())
        raise ValueError(f"{name} of class {label} is {by_class[label].item():g}; every class needs {needed}")


def _readable(values: Tensor) -> bool:
    return values.device.type == "cpu" and values.numel() > 0
