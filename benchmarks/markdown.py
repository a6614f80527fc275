"""Tables in Markdown, and where their figures come from."""

from __future__ import annotations

from typing import Any


def table_of(header: list[str], rows: list[list[str]]) -> str:
    """A table of a header and lines."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def origin_of(result: dict[str, Any]) -> str:
    """Command, date, machine and versions of a result."""
    first = result.get("processes", [result])[0]
    where, versions = first["machine"], first["versions"]
    return (
        f"`{first['command']}`, {first['date'][:10]}, {where['cpu']}, {where['cores']} cores, "
        f"Python {versions['python']}, torch {versions['torch']}, scikit-learn {versions['scikit-learn']}"
    )
