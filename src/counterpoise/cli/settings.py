"""``--set KEY=VALUE`` and the named training options, checked against what there is before any work."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from counterpoise.backbones.registry import find_backbone
from counterpoise.data.near import near_match
from counterpoise.errors import SettingsError
from counterpoise.estimators.text import TextClassifier
from counterpoise.methods.registry import DEFAULT_BACKBONE, make_method

_BY_OPTION = {
    "method": "--method",
    "backbone": "--backbone",
    "random_state": "--random-state",
    "pos_label": "--minority",
    "checkpoint": "--resume",
}


def training_settings(
    sets: Sequence[str] | None, methods: Sequence[str], backbone: str | None, **options: Any
) -> dict[str, Any]:
    """Parameters for :class:`counterpoise.TextClassifier` from the command line.

    Parameters
    ----------
    sets : sequence of str or None
        ``KEY=VALUE``; the value is read as JSON where it is that, else as a string.
    methods : sequence of str
        The methods they are for; a ``method__x`` has to belong to one of them.
    backbone : str or None
    **options
        Named options by parameter name; None for those not given. ``--set`` overrides them.

    Raises
    ------
    SettingsError
        For an unknown method, backbone or key, and a value of another kind than the default.
    """
    settings = {name: value for name, value in options.items() if value is not None}
    if "threshold" in settings:
        settings["threshold"] = _threshold(settings["threshold"])
    own = {f"method__{k}": v for name in methods for k, v in make_method(name).get_params().items()}
    if any(make_method(name).uses_backbone for name in methods):
        found = find_backbone(backbone or DEFAULT_BACKBONE["text"])
        own |= {f"backbone__{k}": v for k, v in found.settings().items()}
    known = {k: v for k, v in TextClassifier().get_params().items() if k not in _BY_OPTION} | own
    return settings | parsed(sets, known)


def parsed(sets: Sequence[str] | None, known: dict[str, Any]) -> dict[str, Any]:
    """Read ``KEY=VALUE`` pairs.

    Parameters
    ----------
    sets : sequence of str or None
    known : dict
        Every allowed key with its default, whose kind a value must have if it is a number or a truth value.

    Raises
    ------
    SettingsError
        For anything else.
    """
    settings = {}
    for item in sets or ():
        key, equals, text = item.partition("=")
        if not equals:
            raise SettingsError(f"--set {item!r} is not KEY=VALUE; write for example --set batch_size=32")
        if key in _BY_OPTION and key not in known:
            raise SettingsError(f"--set {key} is not needed; use {_BY_OPTION[key]}")
        if key not in known:
            raise SettingsError(
                f"--set {key}: there is no such setting here; there are "
                f"{', '.join(sorted(known)) or 'none'}{near_match(key, known)}"
            )
        settings[key] = _like(known[key], _json_or_text(text), key)
    return settings


def _threshold(text: str) -> float | str:
    if text == "tune":
        return text
    try:
        return float(text)
    except ValueError:
        raise SettingsError(f"--threshold is {text!r}; give tune or a number from 0 to 1") from None


def _json_or_text(text: str) -> Any:
    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        return json.loads(text, parse_constant=refuse)
    except ValueError:
        return text


def _like(default: Any, value: Any, key: str) -> Any:
    """The value, if it is of the kind of the default; a default of None or a string takes anything."""
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise SettingsError(f"--set {key}={value}: give true or false")
    elif isinstance(default, int | float):
        right = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not right or (isinstance(default, int) and not isinstance(value, int)):
            kind = "a whole number" if isinstance(default, int) else "a number"
            raise SettingsError(f"--set {key}={value}: give {kind}")
    return value
