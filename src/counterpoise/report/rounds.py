"""Deep over-sampling by round and by reduction: what happens to the representation, and what that is worth.

draw_rounds(path, [("MNIST 0.99", [4.1, 2.0, 1.4], [6.0, 7.5, 8.1])], {"CNN": [("0.90", 0.93), ("0.99", 0.71)]})
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from counterpoise.report.canvas import canvas


def draw_rounds(
    path: Path,
    distances: Sequence[tuple[str, Sequence[float], Sequence[float]]],
    scores: Mapping[str, Sequence[tuple[str, float]]],
) -> None:
    """Draw distances within and between classes by round, and the F1 of the rare classes by how few rows they have.

    Parameters
    ----------
    path : Path
    distances : sequence of (str, sequence of float, sequence of float)
        What a line is called; by round, the mean distance of rows to the mean of their class and that between means.
    scores : mapping of str to sequence of (str, float)
        Of each model the reductions in their order, and its F1.
    """
    with canvas(path, width=9, height=3.8) as figure:
        spread, score = figure.subplots(1, 2)
        for number, (name, within, between) in enumerate(distances):
            rounds, colour = range(1, len(within) + 1), f"C{number}"
            spread.plot(rounds, within, "o-", color=colour, label=f"{name}, within")
            spread.plot(rounds, between, "s--", color=colour, label=f"{name}, between")
        spread.set(xlabel="round, at its beginning", ylabel="mean distance", ylim=(0, None))
        spread.xaxis.get_major_locator().set_params(integer=True)
        spread.set_title("rare rows to their class mean, class means to each other")
        for number, (name, points) in enumerate(scores.items()):
            reductions, values = zip(*points, strict=True)
            score.plot(reductions, values, "o-", color=f"C{number}", label=name)
        score.set(xlabel="share of rows that the rare classes have lost", ylabel="F1, rare classes")
        for axis in (spread, score):
            if axis.lines:
                axis.legend(frameon=False, fontsize="small")
