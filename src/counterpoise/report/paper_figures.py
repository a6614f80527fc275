"""Figures that are drawn of the rows of a reproduction, by the paper.

drawn = FIGURES["dos"](Path("dos-figure-1.svg"), "6", found, store.curves)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from counterpoise.experiments.papers import dos, mixup
from counterpoise.experiments.table import Comparison
from counterpoise.report.margins import Margins, draw_margins
from counterpoise.report.rounds import draw_rounds

Curves: TypeAlias = Callable[[str], Mapping[str, Any]]
"""Gives the curves of a run by its key."""


def _mixup(path: Path, table: str, found: Mapping[str, Comparison], curves: Curves) -> bool:
    panels = mixup.margins(table, found)
    if panels:
        draw_margins(
            path, [Margins(name, tuple(lines), *zip(*lines.values(), strict=True)) for name, lines in panels]
        )
    return bool(panels)


def _dos(path: Path, table: str, found: Mapping[str, Comparison], curves: Curves) -> bool:
    distances, scores = dos.distances(found, curves), dos.rare_f1(found)
    if distances or scores:
        draw_rounds(path, distances, scores)
    return bool(distances or scores)


FIGURES: dict[str, Callable[[Path, str, Mapping[str, Comparison], Curves], bool]] = {
    "mixup": _mixup,
    "dos": _dos,
}
"""Each returns whether there was anything to draw."""
