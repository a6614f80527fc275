"""Vectors by a pretrained model as it is: computed once for each input, and kept on the disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from counterpoise.errors import SettingsError
from counterpoise.kept import Kept
from counterpoise.pretrained.model import PretrainedModel

ROWS = 16
"""Of each forward pass, filled up where there are fewer: so a row's vector does not depend on its company."""

_KEPT_AT_ONCE = 64  # forward passes

Batches = Iterator[tuple[list[int], NDArray[np.float32]]]
"""Numbers of some inputs, and their vectors."""


def vectors_once(
    owner: PretrainedModel, keys: Sequence[bytes], compute: Callable[[list[int]], Batches], *, cache: bool
) -> NDArray[np.float32]:
    """Vectors of different inputs, those that are known looked up.

    Parameters
    ----------
    owner : PretrainedModel
        Its digest names the file that they are kept in.
    keys : sequence of n bytes
        Of all that decides each input's vector.
    compute : callable
        Numbers of inputs to their vectors, batch by batch; called when some are not known.
    cache : bool
        Whether vectors are looked up and kept in ``counterpoise/features`` under ``XDG_CACHE_HOME`` or ``~/.cache``. A
        folder that cannot be written is done without.

    Returns
    -------
    ndarray of float32, shape (n, d)

    Raises
    ------
    SettingsError
        When numbers are not finite.
    """
    kept = Kept("features", owner.digest) if cache else None
    found = {} if kept is None else kept.find(keys)
    known = {key: np.frombuffer(vector, dtype=np.float32) for key, vector in found.items()}
    missing = [i for i, key in enumerate(keys) if key not in known]
    if missing:
        new: dict[bytes, NDArray[np.float32]] = {}
        for count, (numbers, vectors) in enumerate(compute(missing), 1):
            if not np.isfinite(vectors).all():
                raise SettingsError(
                    f"{owner.what} {owner.name} gives vectors with NaN or infinite numbers, so its weights are "
                    "damaged; fetch it again, or choose another one"
                )
            new |= {keys[number]: vector for number, vector in zip(numbers, vectors, strict=True)}
            if kept is not None and count % _KEPT_AT_ONCE == 0:
                kept.add({key: vector.tobytes() for key, vector in new.items()})
                known, new = known | new, {}
        if kept is not None:
            kept.add({key: vector.tobytes() for key, vector in new.items()})
        known |= new
    return np.stack([known[key] for key in keys])
