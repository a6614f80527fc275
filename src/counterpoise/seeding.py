"""One policy for random states: every consumer of randomness gets a stream of its own, by name.

A method that draws one number more must not change the split, the vectors or the batches. So nothing in this
package hands a generator around; each place asks for its own, derived from the one ``random_state`` the user
gave and a name for what the numbers are for.
"""

from __future__ import annotations

import hashlib
from typing import TypeAlias

import numpy as np

RandomState: TypeAlias = int | np.integer | np.random.RandomState | np.random.Generator | None
"""What scikit-learn calls ``random_state``: a seed, a generator to draw one from, or None for a new one."""


def root_seed(random_state: RandomState) -> int:
    """Reduce a scikit-learn ``random_state`` to one integer seed.

    Parameters
    ----------
    random_state : int, RandomState, Generator or None
        An int is taken as it is; a generator is asked for one number, and so advances; None draws from the
        operating system.

    Returns
    -------
    int
        In ``[0, 2**63)``.

    Raises
    ------
    ValueError
        For anything else, or a negative int.
    """
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1, np.uint64)[0] >> np.uint64(1))
    if isinstance(random_state, int | np.integer):
        if random_state < 0:
            raise ValueError(f"random_state is {random_state}; give an int of 0 or more")
        return int(random_state)
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(0, 2**31 - 1))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(0, 2**63 - 1))
    raise ValueError(f"random_state is {random_state!r}; give an int, a NumPy generator or None")


def derive_seed(seed: int, *names: object) -> int:
    """Derive the seed of a named stream from a root seed.

    Parameters
    ----------
    seed : int
        The root seed.
    *names : object
        What the stream is for, such as ``"batches", epoch``; their ``str`` is hashed.

    Returns
    -------
    int
        In ``[0, 2**63)``; equal inputs give equal outputs on every platform.
    """
    text = "/".join([str(seed), *map(str, names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1


def generator(seed: int, *names: object) -> np.random.Generator:
    """NumPy generator of the stream ``names`` under the root seed (see :func:`derive_seed`)."""
    return np.random.default_rng(derive_seed(seed, *names))
