"""Where settings are worth looking for: ranges and choices that a method, sampler or training declares of its own.

search_space = {"gamma": Range(0.5, 5.0), "max_ngram": Range(1, 3), "tau": Choice(("adaptive", "fixed"))}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True)
class Range:
    """Numbers between two ends, both included; whole ones if both ends are.

    Attributes
    ----------
    low, high : int or float
    log : bool, default=False
        Whether to look at all orders of magnitude alike.
    """

    low: float
    high: float
    log: bool = False

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are meant."""
        return isinstance(self.low, int) and isinstance(self.high, int)


@dataclass(frozen=True)
class Choice:
    """One of several values.

    Attributes
    ----------
    values : tuple
    """

    values: tuple[Any, ...]


Space: TypeAlias = Mapping[str, "Range | Choice"]
"""What is looked for, by name of the setting."""
