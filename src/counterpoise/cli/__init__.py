"""The command line, one command a file: parse, call, print. ``main`` is what ``counterpoise`` runs."""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Run the command line of this process and leave with its exit code."""
    signal.signal(signal.SIGTERM, _terminated)
    try:
        from counterpoise.cli.app import app

        app(prog_name="counterpoise")
    except KeyboardInterrupt:
        sys.exit(130)


def _terminated(number: int, frame: object) -> None:
    # As Ctrl-C, so that whatever was half written is removed on the way out.
    raise KeyboardInterrupt("terminated")
