"""Precision-recall and cost curves of a comparison, from the predictions in a store; critical-difference diagrams.

draw_curves(path, comparison, predictions)       # predictions: Row -> list of Predictions
draw_ranks(path, ranking)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from sklearn.metrics import precision_recall_curve

from counterpoise.experiments.leaderboard import Ranking
from counterpoise.experiments.results import Predictions
from counterpoise.experiments.table import Comparison, Row
from counterpoise.metrics.cost_curves import cost_curve
from counterpoise.report.canvas import canvas

RECALLS = np.linspace(0.0, 1.0, 201)
PREVALENCES = np.linspace(0.0, 1.0, 201)


def draw_curves(
    path: Path, comparison: Comparison, predictions: Callable[[Row], Sequence[Predictions]]
) -> None:
    """Draw precision by recall and expected cost by the share of cost that the rare class bears, for each row.

    Parameters
    ----------
    path : Path
    comparison : Comparison
    predictions : callable
        Gives the predictions of a row's runs. Curves are means over them.

    Notes
    -----
    Precision at a recall is interpolated as the largest at that recall or more. The cost curve is the lower envelope of
    all thresholds (Drummond and Holte, "Cost curves", Machine Learning 65, 2006), so it is what the best threshold for
    each cost would give.
    """
    with canvas(path, width=9, height=4) as figure:
        precision, cost = figure.subplots(1, 2)
        for number, row in enumerate(comparison.rows):
            found = [said for said in predictions(row) if said.rare.any() and not said.rare.all()]
            if not found:
                continue
            style = "-" if number < 10 else "--"
            precision.plot(
                RECALLS, np.mean([_precision(said) for said in found], axis=0), style, label=row.label
            )
            cost.plot(PREVALENCES, np.mean([_cost(said) for said in found], axis=0), style, label=row.label)
        precision.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
        cost.plot([0, 0.5, 1], [0, 0.5, 0], color="0.7", linewidth=0.8)
        cost.set(xlabel="share of cost that the rare class bears", ylabel="expected cost")
        cost.set(xlim=(0, 1), ylim=(0, None))
        precision.legend(frameon=False)
        figure.suptitle(comparison.title)


def draw_ranks(path: Path, ranking: Ranking) -> None:
    """Draw average ranks, with bars over contestants that cannot be told apart (Demšar 2006, section 3.2.4)."""
    n = len(ranking.labels)
    with canvas(path, width=7, height=1.4 + 0.22 * n) as figure:
        axis = figure.subplots()
        place = dict(zip(ranking.labels, ranking.ranks, strict=True))
        for line, (label, rank) in enumerate(place.items()):
            left = line < (n + 1) // 2
            depth = 1 + (line if left else n - 1 - line)
            end = 0.7 if left else n + 0.3
            axis.plot([rank, rank, end], [0, -depth, -depth], color="black", linewidth=0.8)
            axis.text(end, -depth, f"{label} {rank:.2f}", ha="right" if left else "left", va="center")
        for number, group in enumerate(ranking.groups):
            own = [place[label] for label in group]
            axis.plot(
                [min(own) - 0.03, max(own) + 0.03], [-0.25 - 0.2 * number] * 2, color="black", linewidth=3
            )
        axis.plot([1, 1 + ranking.difference], [1.1, 1.1], color="black", linewidth=1.5)
        axis.text(1 + ranking.difference / 2, 1.25, f"CD {ranking.difference:.2f}", ha="center")
        axis.set(xlim=(0.6, n + 0.4), ylim=(-(n + 1) // 2 - 1.2, 1.8))
        axis.xaxis.set_ticks(range(1, n + 1))
        axis.xaxis.tick_top()
        axis.spines[["left", "right", "bottom"]].set_visible(False)
        axis.spines["top"].set_position(("data", 0))
        axis.yaxis.set_visible(False)


def _rare_scores(said: Predictions) -> np.ndarray:
    """Probability of belonging to any class of the minority."""
    own = np.unique(said.labels[said.rare])
    return said.probabilities[:, own].sum(axis=1, dtype=np.float64)


def _precision(said: Predictions) -> np.ndarray:
    precisions, recalls, _ = precision_recall_curve(said.rare, _rare_scores(said))
    best = np.maximum.accumulate(precisions)  # from the largest recall to the smallest
    return best[np.searchsorted(-recalls, -RECALLS, side="right") - 1]


def _cost(said: Predictions) -> np.ndarray:
    return cost_curve(said.rare, _rare_scores(said), PREVALENCES)
