"""Margins of common and of rare classes, method by method.

draw_margins(path, [Margins("ratio 100", ("ERM", "MAMix"), (2.1, 1.7), (-0.9, 0.2))])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from counterpoise.report.canvas import canvas


@dataclass(frozen=True)
class Margins:
    """What one panel shows.

    Attributes
    ----------
    title : str
    names : tuple of str
        Of the methods, from top to bottom.
    common, rare : tuple of float
        Mean margin of the classes of each group, as :func:`counterpoise.metrics.class_groups.score_groups` has them.
    """

    title: str
    names: tuple[str, ...]
    common: tuple[float, ...]
    rare: tuple[float, ...]


def draw_margins(path: Path, panels: Sequence[Margins]) -> None:
    """Draw a line for each method from the margin of rare classes to that of the others: the shorter, the more even.

    Parameters
    ----------
    path : Path
    panels : sequence of Margins
        With one panel each, side by side.
    """
    most = max(len(panel.names) for panel in panels)
    with canvas(path, width=1.6 + 3.2 * len(panels), height=1.2 + 0.3 * most) as figure:
        for axis, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
            places = range(len(panel.names))
            axis.hlines(places, panel.rare, panel.common, color="0.7", linewidth=2, zorder=1)
            axis.scatter(panel.rare, places, color="tab:red", label="rare classes", zorder=2)
            axis.scatter(panel.common, places, color="tab:blue", label="the others", zorder=2)
            for place, common, rare in zip(places, panel.common, panel.rare, strict=True):
                axis.annotate(
                    f"{rare - common:+.2f}",
                    (max(common, rare), place),
                    xytext=(7, 0),
                    textcoords="offset points",
                    va="center",
                )
            axis.axvline(0, color="0.8", linewidth=0.8, zorder=0)
            axis.set_yticks(places, panel.names)
            axis.invert_yaxis()
            axis.margins(x=0.2)
            axis.set(title=panel.title, xlabel="mean margin on test rows")
        # Inside, its two points would pass for margins.
        named = figure.axes[0].get_legend_handles_labels()
        figure.legend(*named, loc="outside lower center", ncols=2, frameon=False)
