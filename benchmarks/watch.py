"""Seconds that a fit spends in some functions of the package.

watch = Watch()
watch.on(gradient, "train", "training")
...                                     # a fit
watch.seconds["training"], watch.calls["training"]
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from types import ModuleType
from typing import Any


class Watch:
    """Seconds and calls of functions, which it wraps where they are looked up."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()

    def on(self, place: ModuleType | type, name: str, part: str) -> None:
        """Count the calls of ``place.name`` for ``part``."""
        inner: Callable[..., Any] = getattr(place, name)

        def timed(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            try:
                return inner(*args, **kwargs)
            finally:
                self.seconds[part] += time.perf_counter() - start
                self.calls[part] += 1

        setattr(place, name, timed)

    def clear(self) -> None:
        """Begin anew."""
        self.seconds.clear()
        self.calls.clear()
