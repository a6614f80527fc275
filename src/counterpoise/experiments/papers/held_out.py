"""How many rows of rare classes decide when to stop: said below each table, since few of them decide badly."""

from __future__ import annotations

import numpy as np

from counterpoise.experiments.runs import Run
from counterpoise.experiments.stopping_side import stopping_side
from counterpoise.experiments.table import Comparison
from counterpoise.experiments.task import Task
from counterpoise.metrics.many_classes import rarest_third


def held_out(comparison: Comparison, task: Task) -> dict[str, int]:
    """Rows of the rarest third of the classes that a comparison's first run holds out, the rarest class first.

    Parameters
    ----------
    comparison : Comparison
    task : Task
        Its data.

    Returns
    -------
    dict of str to int
        Empty where no row is held out.
    """
    seed, fold = comparison.cells[0]
    # Method and settings change no side.
    run = Run(
        dataset=comparison.dataset,
        content=comparison.content,
        minority=comparison.minority,
        keep=comparison.keep,
        method="",
        method_settings={},
        backbone=None,
        backbone_settings={},
        estimator={},
        n_folds=comparison.n_folds,
        fold=fold,
        seed=seed,
    )
    side = task.side(run)
    held = stopping_side(task, side, "validation", seed, fold).held_out
    if not len(held):
        return {}
    counts = np.bincount(task.numbers[held], minlength=len(task.names))
    rarest = rarest_third(np.bincount(task.numbers[side.train], minlength=len(task.names)))
    return {str(task.names[number]): int(counts[number]) for number in rarest}
