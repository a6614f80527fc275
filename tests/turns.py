"""Cases that `make test` takes by turns, and `make test-all` all of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest


def later(cases: Iterable[Any], due: Callable[..., bool]) -> list[Any]:
    """Cases, those that are not due marked as slow."""
    return [pytest.param(*case, marks=[] if due(*case) else pytest.mark.slow) for case in cases]
