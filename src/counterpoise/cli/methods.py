"""``counterpoise methods``: what can be done about an imbalance; of one method every setting with its default."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from counterpoise.cli.options import Json, NothingRandom, Quiet
from counterpoise.cli.screen import Screen, json_value, running

if TYPE_CHECKING:
    from counterpoise.methods.base import Method


def methods(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", show_default=False, help="A method to be shown with its settings."),
    ] = None,
    random_state: NothingRandom = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List the methods: what they take and do; or show one with its settings, their defaults and its paper.

    The backbone is the network that a method trains.
    """
    with running("methods", as_json, quiet) as screen:
        from counterpoise.methods.registry import METHODS, make_method

        shown = METHODS if name is None else {name: type(make_method(name))}
        rows = [_fields(each, cls) for each, cls in shown.items()]
        if name is None:
            _print_list(screen, rows)
        else:
            _print_one(screen, rows[0])
        screen.rows(rows)


def _fields(name: str, cls: type[Method]) -> dict[str, Any]:
    method = cls()
    settings = method.get_params()
    said = _meanings(cls)
    return {
        "method": name,
        "paper": cls.paper,
        "inputs": sorted(cls.inputs),
        "backbone": cls.uses_backbone,
        "trains": _trained(method),
        "needs": cls.needs,
        "settings": settings,
        "meanings": {key: said.get(key, "") for key in settings},
        "summary": cls.summary,
    }


def _print_list(screen: Screen, rows: list[dict[str, Any]]) -> None:
    cells = [
        (
            row["method"],
            ", ".join(row["inputs"]),
            row["trains"],
            row["summary"] + (f" (needs {row['needs']})" if row["needs"] else ""),
        )
        for row in rows
    ]
    screen.table(("method", "data", "backbone", "what it does"), cells, words=4)
    screen.line("\nUse one with --method NAME; `counterpoise methods NAME` shows its settings.")


def _print_one(screen: Screen, row: dict[str, Any]) -> None:
    facts = (
        ("method", row["method"]),
        ("what it does", row["summary"]),
        ("data", ", ".join(row["inputs"])),
        ("backbone", row["trains"]),
        ("needs", row["needs"] or "-"),
        ("paper", row["paper"] or "-"),
    )
    screen.table(("", ""), facts, words=2)
    if not row["settings"]:
        screen.line("\nIt has no settings.")
        return
    screen.line("\nSettings, given as --set method__KEY=VALUE:\n")
    cells = [(key, _shown(value), row["meanings"][key]) for key, value in row["settings"].items()]
    screen.table(("setting", "default", "meaning"), cells, words=3)


def _trained(method: Method) -> str:
    """Whether a backbone is trained with the default settings, and on which data where it is not on all."""
    kinds = [kind for kind in sorted(method.inputs) if method.trains_backbone(kind)]
    if len(kinds) == len(method.inputs):
        return "yes"
    return f"on {', '.join(kinds)}" if kinds else "no"


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else json_value(value)


def _meanings(cls: type[Method]) -> dict[str, str]:
    """What docstrings say of each setting: that of the class or, where it has none of it, of those it is made from."""
    from counterpoise.docstrings import parameters_of

    said: dict[str, str] = {}
    for owner in reversed(getattr(cls, "sampler", cls).__mro__):
        said |= parameters_of(owner.__doc__)
    return {key: _plain(" ".join(entry.split("\n")[1:])) for key, entry in said.items()}


def _plain(text: str) -> str:
    """Text without the marks of reStructuredText; of a reference the last part of the name."""
    text = re.sub(r":\w+:`~?(?:[\w.]+\.)?(\w+)`", r"\1", " ".join(text.split()))
    return text.replace("``", "")
