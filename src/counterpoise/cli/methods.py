"""``counterpoise methods``: what can be done about an imbalance, with every setting and its default."""

from __future__ import annotations

from counterpoise.cli.options import Json, Quiet
from counterpoise.cli.screen import json_value, running


def methods(as_json: Json = False, quiet: Quiet = False) -> None:
    """List the methods: what they take, their settings with defaults, what they do."""
    with running("methods", as_json, quiet) as screen:
        from counterpoise.methods.registry import METHODS

        rows = [
            {
                "method": name,
                "inputs": sorted(cls.inputs),
                "backbone": cls.uses_backbone,
                "settings": cls().get_params(),
                "summary": cls.summary,
            }
            for name, cls in METHODS.items()
        ]
        cells = [
            (
                str(row["method"]),
                ", ".join(METHODS[str(row["method"])].inputs),
                "yes" if row["backbone"] else "no",
                _shown(METHODS[str(row["method"])]().get_params()),
                str(row["summary"]),
            )
            for row in rows
        ]
        screen.table(("method", "data", "backbone", "settings", "what it does"), cells, words=5)
        screen.line("\nUse one with --method NAME, and its settings as --set method__KEY=VALUE.")
        screen.rows(rows)


def _shown(settings: dict[str, object]) -> str:
    return ", ".join(
        f"{key}={value:.3g}" if isinstance(value, float) else f"{key}={json_value(value)}"
        for key, value in settings.items()
    )
