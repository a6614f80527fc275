"""How fast a training goes at each of its moments, as a share of the full learning rate.

Places in a training are shares of its longest possible length, not numbers of epochs, so that a schedule means the same
in a short training and in a long one.

>>> step = Schedule("step")
>>> step.factor(0.0, 0.1), step.factor(0.8, 0.81), step.factor(0.9, 0.91)
(1.0, 0.01, 0.0001)
>>> Schedule("cosine", warmup=0.2).factor(0.09, 0.1)
0.5
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real

from counterpoise.errors import SettingsError

SHAPES = ("constant", "linear", "cosine", "step")

DROPS = ((0.8, 0.01), (0.9, 0.0001))
"""Of ``"step"``: those of Cao et al. (NeurIPS 2019, their code), who drop the rate after 160 and 180 of 200 epochs."""

Drops = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Schedule:
    """Warm-up, and what comes after it.

    Parameters
    ----------
    shape : {"constant", "linear", "cosine", "step"} or sequence of (share, factor)
        After the warm-up the rate stays, falls in a line or in half a cosine, to be 0 when the last step is done, or
        drops: from each ``share`` of the training on it is ``factor`` times the full rate. ``"step"`` is :data:`DROPS`.
    warmup : float, default=0.0
        Share of the training in which the rate rises from 0 in a line.

    Raises
    ------
    SettingsError
        For another shape, a share outside [0, 1], shares that do not rise, a factor below 0.
    """

    shape: str | Drops
    warmup: float = 0.0

    def __post_init__(self) -> None:
        if not (isinstance(self.warmup, Real) and 0 <= self.warmup < 1):
            raise SettingsError(
                f"warmup is {self.warmup!r}; give a share of the training, 0 or more, below 1"
            )
        if isinstance(self.shape, str):
            if self.shape not in SHAPES:
                raise SettingsError(f"schedule is {self.shape!r}; {_CHOICES}")
            return
        if not isinstance(self.shape, list | tuple) or not self.shape or not all(map(_is_drop, self.shape)):
            raise SettingsError(f"schedule is {self.shape!r}; {_CHOICES}")
        shares = [share for share, _ in self.shape]
        if shares != sorted(set(shares)) or not 0 <= shares[0] <= shares[-1] <= 1:
            raise SettingsError(
                f"schedule drops at {', '.join(f'{share:g}' for share in shares)} of the training; give rising shares "
                "from 0 to 1"
            )

    @property
    def moves(self) -> bool:
        """Whether the rate is ever another than the full one."""
        return self.shape != "constant" or self.warmup > 0

    def factor(self, begun: float, done: float) -> float:
        """What the full learning rate is multiplied by at a step.

        Parameters
        ----------
        begun, done : float
            Share of the training that lies behind when the step begins and when it is done. The warm-up goes by the
            second and all else by the first, so that neither the first step nor the last learns nothing.
        """
        if done < self.warmup:
            return done / self.warmup
        rest = (1 - max(begun, self.warmup)) / (1 - self.warmup)
        if self.shape == "constant":
            return 1.0
        if self.shape == "linear":
            return rest
        if self.shape == "cosine":
            return (1 - math.cos(math.pi * rest)) / 2
        passed = [factor for share, factor in self._drops if begun >= share]
        return passed[-1] if passed else 1.0

    @property
    def _drops(self) -> Drops:
        return DROPS if isinstance(self.shape, str) else self.shape


_CHOICES = f"choose one of {', '.join(SHAPES)}, or give pairs of a share of the training and a factor"


def _is_drop(pair: object) -> bool:
    return (
        isinstance(pair, list | tuple)
        and len(pair) == 2
        and all(isinstance(value, Real) for value in pair)
        and pair[1] >= 0
    )
