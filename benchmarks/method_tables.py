"""Tables of what methods and samplers cost, for ``tables.py``."""

from __future__ import annotations

from typing import Any

Table = tuple[list[str], list[list[str]]]


def methods(result: dict[str, Any]) -> Table:
    """One line a method, one pair of columns a task: whole fits and steps, relative to plain training."""
    tasks = list(result["settings"]["sets"])
    found = {(row["method"], row["task"]): row for row in result["summary"]}
    lines = []
    for name in dict.fromkeys(row["method"] for row in result["summary"]):
        line = [f"`{name}`"]
        for task in tasks:
            row = found.get((name, task))
            line += _cells(row) if row else ["-"] * 4
        lines.append(line)
    head = ["method"]
    for task in tasks:
        head += [f"{task}: seconds", "times `erm`", "a step", "rows"]
    return head, lines


def _cells(row: dict[str, Any]) -> list[str]:
    times = f"{row['times_erm']:.2f} [{row['least']:.2f}, {row['most']:.2f}]"
    if row["bar"] is not None:
        times += f" ({row['bar']:g}: {'met' if row['times_erm'] <= row['bar'] else 'missed'})"
    step = "-" if row["step"] is None else f"{row['step']:.2f}"
    return [f"{row['seconds']:.1f}", times, step, f"{row['rows']:.2f}"]


def samplers(result: dict[str, Any]) -> Table:
    """Times as fast as imbalanced-learn with its own neighbours."""
    lines = []
    for row in result["summary"]:
        times = f"{row['times']:.2f} [{row['least']:.2f}, {row['most']:.2f}]"
        bar = "-" if row["bar"] is None else f"{row['bar']:g}: {'met' if row['met'] else 'missed'}"
        lines.append([row["sampler"], row["neighbours"], times, bar])
    return ["sampler", "our neighbours", "times as fast", "goal"], lines
