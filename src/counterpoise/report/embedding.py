"""Samples of two embeddings side by side: MISO's figure 1 on data of our own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from counterpoise.experiments.papers.miso_examples import Scatter
from counterpoise.report.canvas import canvas

_STYLES = {
    "majority": {"color": "0.75", "s": 6},
    "minority": {"color": "tab:blue", "s": 14},
    "difficult minority": {"color": "tab:red", "s": 20, "marker": "^"},
}


def draw_embeddings(path: Path, panels: Sequence[Scatter]) -> None:
    """Draw each embedding in a panel of its own; what is difficult was so in the first."""
    with canvas(path, width=4 * len(panels), height=3.6) as figure:
        axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for axis, panel in zip(axes, panels, strict=True):
            for kind, places in panel.points.items():
                axis.scatter(places[:, 0], places[:, 1], label=kind, linewidths=0, **_STYLES[kind])
            axis.set(title=f"{panel.title}: {panel.difficult:.1%} difficult", xticks=[], yticks=[])
        axes[0].legend(frameon=False)
