"""A wrong option or argument ends as every other error does: one sentence on standard error, exit code 2.

    app = typer.Typer(cls=Commands)
    app(["fit", "reviews.csv"])  # error: missing option '--output' / '-o'; see `counterpoise fit --help`

Typer by itself draws a box of several lines.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

# By way of its heir, which is all of it that typer makes public: newer versions carry a copy of click's classes.
_UsageError: Any = typer.BadParameter.__bases__[0]


class Commands(TyperGroup):
    """The commands, without Typer's box around what is wrong with their options; alone, their help."""

    def main(  # type: ignore[override]
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **settings: Any
    ) -> Any:
        """Run the command that the arguments name, and leave with its exit code."""
        if not (sys.argv[1:] if args is None else args):
            args = ["--help"]
        try:
            code = super().main(args, prog_name, **{**settings, "standalone_mode": False})
        except _UsageError as error:
            print(f"error: {_sentence(error)}", file=sys.stderr)
            sys.exit(2)
        except typer.Abort:  # an interrupt, in older versions of Typer
            sys.exit(130)
        sys.exit(code)


def _sentence(error: Any) -> str:
    """One sentence from Typer's one or two, which differ between its versions."""
    said = " ".join(error.format_message().split()).rstrip(".")
    said = re.sub(r" \(Possible options: (.*)\)$", r". Did you mean \1?", said)
    said = re.sub(r"\.? Did you mean", "; did you mean", said).replace(": Input should", ": it should")
    said = said[:1].lower() + said[1:]
    if said.endswith("?") or error.ctx is None:
        return said
    return f"{said}; see `{error.ctx.command_path} --help`"
