"""The contestants of the evidence about mixing and deep over-sampling, by the names that its claims call them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from counterpoise.experiments.papers.base import Line
from counterpoise.methods.dos import DOS

_PLAIN = tuple(Line(name, name) for name in ("erm", "class_weight", "random_oversample", "drw", "ldam_drw"))
_LATE = tuple(
    Line(f"{name}, drw", name, settings={"method__drw": True}) for name in ("mixup", "remix", "mamix")
)
_MIXED = tuple(Line(name, name) for name in ("mixup", "remix", "mamix", "hard_smote", "soft_smote"))
_WEIGHTS = tuple(
    Line(f"dos, weight {weight:g}", "dos", settings={"method__weight": weight})
    for weight in (0.0, 0.1, 1.0)
    if weight != DOS().weight
)
_GUIDED = (
    Line("dos, abstract labels", "dos", settings={"method__abstract_labels": True}),
    Line("dos, random groups", "dos", settings={"method__abstract_labels": "random"}),
)
DEEP = (_PLAIN[0], _PLAIN[2], Line("dos", "dos"), *_WEIGHTS, *_GUIDED)
"""Where abstract labels are asked about."""

LINES = (*_PLAIN, *_MIXED, *_LATE, *DEEP[2:])
ONLY_ARRAYS = tuple(Line(name, name) for name in ("smote", "balanced_forest"))

IMAGES = ("ERM", "DRW", "LDAM-DRW", "Mixup", "MAMix", "Mixup-DRW", "Remix-DRW", "MAMix-DRW")
MIXED_IMAGES = ("ERM", "Mixup", "MAMix", "Mixup-DRW", "MAMix-DRW")
FILLED_UP = ("random over-sampling", "hard SMOTE", "soft SMOTE")
"""Lines of :mod:`counterpoise.experiments.papers.mixup`."""


def name_of(method: str, settings: Mapping[str, Any]) -> str:
    """What a run's method and its settings are called here; unlike names for unlike settings."""
    wanted = {f"method__{name}": value for name, value in settings.items()}
    for line in LINES:
        if (line.method, line.settings) == (method, wanted):
            return line.name
    told = ", ".join(f"{name} {value}" for name, value in settings.items() if value is not True)
    late = [name for name, value in settings.items() if value is True]
    return ", ".join(part for part in (method, *late, told) if part)
