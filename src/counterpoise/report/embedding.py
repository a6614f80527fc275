"""Rows of a data set in two embeddings side by side: the papers' figures on data of our own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from counterpoise.experiments.papers.scatter import Scatter
from counterpoise.report.canvas import canvas

_STYLES = {
    "majority": {"color": "0.75", "s": 6},
    "minority": {"color": "tab:blue", "s": 14},
    "difficult minority": {"color": "tab:red", "s": 20, "marker": "^"},
}
_STAR = {"marker": "*", "s": 160, "edgecolors": "black"}


def draw_embeddings(path: Path, panels: Sequence[Scatter]) -> None:
    """Draw each embedding in a panel of its own, kinds of rows in their colours and what stands for them as stars."""
    with canvas(path, width=4 * len(panels), height=4.0) as figure:
        axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for axis, panel in zip(axes, panels, strict=True):
            for number, (kind, places) in enumerate(panel.points.items()):
                style = _STYLES.get(kind, {"color": f"C{number % 10}", "s": 10})
                axis.scatter(places[:, 0], places[:, 1], label=kind, linewidths=0, **style)
                for mark in panel.marks.get(kind, ()):
                    axis.scatter(*mark, color=style["color"], zorder=3, **_STAR)
            if panel.marks:
                axis.scatter([], [], label=panel.marked, color="white", **_STAR)
            axis.set(title=panel.title, xticks=[], yticks=[])
        # Below the panels, since points lie anywhere in them.
        named = axes[0].get_legend_handles_labels()
        figure.legend(*named, loc="outside lower center", ncols=min(len(named[1]), 4), frameon=False)
