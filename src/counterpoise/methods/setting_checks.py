"""Checks of settings that several methods have, so that all refuse them in the same words."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

from counterpoise.errors import SettingsError


def check_positive(method: str, **settings: Any) -> None:
    """Refuse what is no finite number above 0.

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
        if not (_is_number(value) and value > 0):
            raise SettingsError(f"{name} is {value!r}; {method} needs a number above 0")


def check_whole(method: str, *, at_least: int = 1, **settings: Any) -> None:
    """Refuse what is no whole number of ``at_least`` or more; else as :func:`check_positive`."""
    for name, value in settings.items():
        if not isinstance(value, Integral) or isinstance(value, bool) or value < at_least:
            raise SettingsError(f"{name} is {value!r}; {method} needs an int of {at_least} or more")


def check_not_negative(method: str, *, at_least: int = 0, **settings: Any) -> None:
    """Refuse what is no finite number of 0, or ``at_least``, or more; else as :func:`check_positive`."""
    for name, value in settings.items():
        if not (_is_number(value) and value >= at_least):
            raise SettingsError(f"{name} is {value!r}; {method} needs a number of {at_least} or more")


def check_share(method: str, **settings: Any) -> None:
    """Refuse what is no number from 0 to 1; else as :func:`check_positive`."""
    for name, value in settings.items():
        if not (_is_number(value) and 0 <= value <= 1):
            raise SettingsError(f"{name} is {value!r}; {method} needs a share from 0 to 1")


def check_below_1(method: str, **settings: Any) -> None:
    """Refuse what is no number from 0 up to but not including 1; else as :func:`check_positive`."""
    for name, value in settings.items():
        if not (_is_number(value) and 0 <= value < 1):
            raise SettingsError(f"{name} is {value!r}; {method} needs 0 or more, below 1")


def check_flag(method: str, **settings: Any) -> None:
    """Refuse what is neither true nor false; else as :func:`check_positive`."""
    for name, value in settings.items():
        if not isinstance(value, bool):
            raise SettingsError(f"{name} is {value!r}; {method} needs true or false")


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
