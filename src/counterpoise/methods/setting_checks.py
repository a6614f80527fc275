"""Checks of settings that several methods have, so that all refuse them in the same words."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

from counterpoise.errors import SettingsError


def check_positive(method: str, **settings: Any) -> None:
    """Refuse what is no number above 0.

    Parameters
    ----------
    method : str
        Its name, for the message.
    **settings
        Values by name.

    Raises
    ------
    SettingsError
        For the first that is out of range.
    """
    for name, value in settings.items():
        if not (isinstance(value, Real) and 0 < float(value) < math.inf):
            raise SettingsError(f"{name} is {value!r}; {method} needs a number above 0")


def check_whole(method: str, *, at_least: int = 1, **settings: Any) -> None:
    """Refuse what is no whole number of ``at_least`` or more; else as :func:`check_positive`."""
    for name, value in settings.items():
        if not isinstance(value, Integral) or isinstance(value, bool) or value < at_least:
            raise SettingsError(f"{name} is {value!r}; {method} needs an int of {at_least} or more")


def check_not_negative(method: str, **settings: Any) -> None:
    """Refuse what is no finite number of 0 or more; parameters and errors as for :func:`check_positive`."""
    for name, value in settings.items():
        if not (isinstance(value, Real) and 0 <= float(value) < math.inf):
            raise SettingsError(f"{name} is {value!r}; {method} needs a number of 0 or more")
