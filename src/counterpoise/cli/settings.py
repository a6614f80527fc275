"""``--set KEY=VALUE`` and the named training options, checked against what there is before any work."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from types import MappingProxyType
from typing import Any

from counterpoise.backbones.registry import find_backbone
from counterpoise.cli.kinds import Kind, fits, in_words, kinds_of
from counterpoise.data.near import near_match
from counterpoise.errors import SettingsError
from counterpoise.estimators.loading import CLASSIFIERS
from counterpoise.estimators.saving import CONSENT
from counterpoise.methods.registry import DEFAULT_BACKBONE, check_combination, make_method
from counterpoise.metrics.thresholds import check_threshold
from counterpoise.training.settings import TrainingSettings

_BY_OPTION = {
    "method": "use --method",
    "random_state": "use --random-state",
    "pos_label": "use --minority",
    "image_size": "use --image-size",
}


def training_settings(
    methods: Sequence[str],
    refused: Mapping[str, str],
    kind: str = "text",
    *,
    sets: Sequence[str] | None,
    backbone: str | None,
    encoder: str | None = None,
    yes_send: bool = False,
    **options: Any,
) -> dict[str, Any]:
    """Parameters for the classifier of some kind of data (:data:`counterpoise.estimators.loading.CLASSIFIERS`).

    Parameters
    ----------
    methods : sequence of str
        The methods they are for; a ``method__x`` has to belong to one of them.
    refused : mapping of str to str
        Parameters that the command does not take from ``--set``, and what is done about each instead.
    kind : {"text", "image"}, default="text"
        What the methods are to be fitted to.
    sets : sequence of str or None
        ``KEY=VALUE``; the value is read as JSON where it is that, else as a string.
    backbone : str or None
    encoder : str or None, default=None
        Of methods that have a setting of that name (``auto``, ``blend``, ``encoder_*``), and of ``--backbone encoder``.
    yes_send : bool, default=False
        Consent to send texts to a language model's address, for methods that have one; ``--set`` cannot give it.
    **options
        Named options by parameter name; None for those not given. ``--set`` overrides them.

    Raises
    ------
    SettingsError
        For an unknown method, backbone or key, a method or backbone that does not take this kind of data, a backbone
        that no method uses, and a value of another kind than the default.
    """
    settings = {name: value for name, value in options.items() if value is not None}
    if "threshold" in settings:
        settings["threshold"] = _threshold(settings["threshold"])
    made = [make_method(name) for name in methods]
    own = {f"method__{k}": v for method in made for k, v in method.get_params().items()}
    kinds: dict[str, list[Kind]] = {}
    for method in made:
        for key, taken in kinds_of(method).items():
            kinds.setdefault(f"method__{key}", []).extend(taken)
    consents = own.pop(CONSENT, None) is not None
    if yes_send and not consents:
        raise SettingsError(f"--yes-send has no use: nothing is sent by {', '.join(methods)}; leave it out")
    network = find_backbone(backbone or DEFAULT_BACKBONE[kind])
    if any(method.uses_backbone for method in made):
        own |= {f"backbone__{k}": v for k, v in network.settings().items()}
    elif backbone is not None:
        raise SettingsError(
            f"--backbone {backbone} has no use: no network is trained by {', '.join(methods)}; leave it out, or name "
            "a method that trains one, such as class_weight"
        )
    for name, method in zip(methods, made, strict=True):
        check_combination(name, method, kind, backbone if method.trains_backbone(kind) else None, {})
    if encoder is not None:
        if kind != "text":
            raise SettingsError(f"--encoder {encoder} reads texts, and the data are {kind}s; leave it out")
        given = {f"method__{key}": encoder for key in ("encoder",) if f"method__{key}" in own}
        given |= {"backbone__name": encoder} if backbone == "encoder" else {}
        if not given:
            named = ", ".join(f"`{name}`" for name in methods)
            trained = (
                ", add --backbone encoder" if any(method.trains_backbone(kind) for method in made) else ""
            )
            raise SettingsError(
                f"{named} {'uses' if len(methods) == 1 else 'use'} no encoder; choose `auto` or an `encoder_*` method"
                f"{trained}, or leave --encoder out"
            )
        settings |= given
    if yes_send:
        settings[CONSENT] = True
    refused = {**_BY_OPTION, CONSENT: "give --yes-send", "backbone": "use --backbone", **refused}
    known = {k: v for k, v in CLASSIFIERS[kind]().get_params().items() if k not in refused} | own
    settings |= parsed(sets, known, refused, kinds)
    _check(settings)
    return settings


def _check(settings: Mapping[str, Any]) -> None:
    """Refuse before any data are read what a fit would refuse whatever they are."""
    own = {field.name for field in fields(TrainingSettings)}
    TrainingSettings(**{name: value for name, value in settings.items() if name in own}).torch_device()
    check_threshold(settings.get("threshold"))


def parsed(
    sets: Sequence[str] | None,
    known: Mapping[str, Any],
    refused: Mapping[str, str] = _BY_OPTION,
    kinds: Mapping[str, Iterable[Kind]] = MappingProxyType({}),
) -> dict[str, Any]:
    """Read ``KEY=VALUE`` pairs.

    Parameters
    ----------
    sets : sequence of str or None
    known : mapping
        Every allowed key with its default, whose kind a value must have if it is a number or a truth value.
    refused : mapping of str to str
        Keys that ``--set`` does not take though they exist, and what is done about each instead.
    kinds : mapping of str to iterable of Kind, default=none
        What keys take besides values of their default's kind; see :mod:`counterpoise.cli.kinds`.

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
        if key in refused and key not in known:
            raise SettingsError(f"--set {key} is not taken; {refused[key]}")
        if key not in known:
            raise SettingsError(
                f"--set {key}: there is no such setting here; there are "
                f"{', '.join(sorted(known)) or 'none'}{near_match(key, known)}"
            )
        settings[key] = _like(known[key], _json_or_text(text), key, kinds.get(key, ()))
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
        return json.loads(text, parse_constant=refuse, parse_int=_whole)
    except ValueError:
        return text


def _whole(digits: str) -> int | float:
    """A whole number; one that no float can hold becomes infinite, which every check knows."""
    return int(digits) if len(digits) <= sys.float_info.max_10_exp else float(digits)


def _like(default: Any, value: Any, key: str, kinds: Iterable[Kind]) -> Any:
    """The value, if it is of the kind of the default or another one; a default of None or a string takes anything."""
    if isinstance(default, bool | int | float):
        taken = dict.fromkeys([type(default), *kinds])
        if not fits(value, taken):
            raise SettingsError(f"--set {key}={value}: give {in_words(taken)}")
    return value
