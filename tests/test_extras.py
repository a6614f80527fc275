"""Messages and lists name extras that there are."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_extras_that_are_named_exist() -> None:
    there = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    sources = {path: path.read_text() for path in (ROOT / "src").rglob("*.py")}
    named = {
        (path.name, extra.strip())
        for path, source in sources.items()
        for extras in re.findall(
            r"counterpoise\[([a-z, ]+)\]|\bneeds(?:: \w+\[str\])? = \"extra (\w+)", source
        )
        for extra in (extras[0] or extras[1]).split(",")
    }
    assert {("cluster.py", "ray"), ("llm_zero_shot.py", "llm")} <= named
    assert not [one for one in named if one[1] not in there]
