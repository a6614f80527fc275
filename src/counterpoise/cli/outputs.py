"""Where the table of a command goes: settled before any work, and never over what it is made from."""

from __future__ import annotations

import os
from pathlib import Path

from counterpoise.cli.screen import Screen
from counterpoise.errors import SettingsError


def settle_output(screen: Screen, source: str | Path, output: str | Path) -> None:
    """Refuse an output that is the input itself; leave standard output to a table that is written there.

    Raises
    ------
    SettingsError
        Also where JSON is wanted on standard output, too.
    """
    if str(output) == "-":
        screen.leave_standard_output()
        return
    given = Path(source).expanduser()
    if os.path.isfile(output) and given.exists() and os.path.samefile(given, output):
        raise SettingsError(f"-o {output} is the input itself, which would be lost; name another file")
