"""``counterpoise methods``: what can be done about an imbalance, with every setting and its default."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from counterpoise.cli.options import Json, NothingRandom, Quiet
from counterpoise.cli.screen import json_value, running

if TYPE_CHECKING:
    from counterpoise.methods.base import Method


def methods(random_state: NothingRandom = 0, as_json: Json = False, quiet: Quiet = False) -> None:
    """List the methods: what they take, their settings with defaults, what they do, whose they are."""
    with running("methods", as_json, quiet) as screen:
        from counterpoise.methods.registry import METHODS

        rows: list[dict[str, Any]] = []
        cells = []
        for name, cls in METHODS.items():
            inputs, settings = sorted(cls.inputs), cls().get_params()
            rows.append(
                {
                    "method": name,
                    "paper": cls.paper,
                    "inputs": inputs,
                    "backbone": cls.uses_backbone,
                    "needs": cls.needs,
                    "settings": settings,
                    "summary": cls.summary,
                }
            )
            facts = (", ".join(inputs), _trained(cls()), cls.needs or "-", _shown(settings))
            cells.append((name, *facts, cls.summary, cls.paper or "-"))
        head = ("method", "data", "backbone", "needs", "settings", "what it does", "paper")
        screen.table(head, cells, words=len(head))
        screen.line("\nUse one with --method NAME, and its settings as --set method__KEY=VALUE.")
        screen.rows(rows)


def _trained(method: Method) -> str:
    """Whether a backbone is trained with the default settings, and on which data where it is not on all."""
    kinds = [kind for kind in sorted(method.inputs) if method.trains_backbone(kind)]
    if len(kinds) == len(method.inputs):
        return "yes"
    return f"on {', '.join(kinds)}" if kinds else "no"


def _shown(settings: dict[str, object]) -> str:
    return ", ".join(
        f"{key}={value:g}" if isinstance(value, float) else f"{key}={json_value(value)}"
        for key, value in settings.items()
    )
