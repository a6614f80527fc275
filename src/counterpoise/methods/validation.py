"""How a training is judged: by average precision on the validation side, whatever stage of a method is trained."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from counterpoise.backbones.registry import Encoded
from counterpoise.errors import CounterpoiseWarning
from counterpoise.methods.base import Context, Data
from counterpoise.metrics.calibration import softmax
from counterpoise.metrics.scores import score

_AT_ONCE = 1024


def average_precision(logits: np.ndarray, side: Data, minority: int | None) -> float:
    """Average precision of logits ``(n, C)``, the mean over classes where no class is the one that matters."""
    found = score(side.labels, softmax(logits), minority, weights=side.weights)
    return found["average_precision"] or 0.0


def judging(context: Context) -> Context:
    """Leave out a validation side without rows of the class that matters, or of any but one: there is nothing to rank.

    Warns
    -----
    CounterpoiseWarning
        If it is left out, since all epochs are trained then.
    """
    side, minority = context.validation, context.minority
    if side is None:
        return context
    mass = np.bincount(side.labels, side.weights, side.n_classes)
    if np.count_nonzero(mass) > 1 and (minority is None or mass[minority]):
        return context
    if minority is None or mass[minority]:
        lacking = "rows of one class alone"
    else:
        lacking = f"no row of class {context.names_of([minority])[0]}"
    warnings.warn(
        f"the validation side has {lacking}, so no epoch can be judged by it and all are trained; give rows of every "
        "class",
        CounterpoiseWarning,
        stacklevel=2,
    )
    return replace(context, validation=None)


def validation_score(
    context: Context, encode: Callable[[np.ndarray], Encoded], logits: Callable[[Encoded], np.ndarray]
) -> Callable[[], float] | None:
    """Average precision on the validation side of a network as it is when asked.

    Parameters
    ----------
    context : Context
    encode : callable
        Inputs ``(n, ...)`` as tensors; called once, since the rows stay the same from epoch to epoch.
    logits : callable
        Logits ``(n, C)`` of encoded inputs, by the network as it is.

    Returns
    -------
    callable or None
        None without a validation side.
    """
    side = context.validation
    if side is None:
        return None
    encoded = encode(side.inputs)
    return lambda: average_precision(logits(encoded), side, context.minority)


def whole_side(context: Context, n_classes: int) -> Data | None:
    """The validation side, if every class can be judged on it; None if one has no row there, or there is no side."""
    side = context.validation
    if side is None or not np.bincount(side.labels, minlength=n_classes).all():
        return None
    return side


def judged_by(context: Context) -> str:
    """What decides the best epoch besides the network: the class that matters and the validation side, as a hash."""
    side = context.validation
    if side is None:
        return ""
    digest = hashlib.sha256(repr(context.minority).encode())
    digest.update(side.labels.tobytes())
    digest.update(side.weights.tobytes())
    if side.inputs.dtype == object:
        digest.update("\0".join(side.inputs).encode())
    else:
        # Images may lie on the disk: never all of them in memory.
        for start in range(0, len(side), _AT_ONCE):
            digest.update(np.asarray(side.inputs[start : start + _AT_ONCE]).tobytes())
    return digest.hexdigest()
