"""The rows by which a reproduction chooses when to stop: a tenth of the fitting side, or the test side itself.

    side = stopping_side(task, task.side(run), "validation", run.seed, run.fold)
    side.fitted, side.judges

Some papers' scripts choose their epoch on the test side. Both ways fit to the same rows, so that the difference between
them is what looking at the test is worth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from counterpoise.crossfit import holdout
from counterpoise.errors import DataError
from counterpoise.experiments.task import Side, Task
from counterpoise.groups import merge_groups
from counterpoise.metrics.many_classes import rarest_third
from counterpoise.metrics.thresholds import MIN_CLASS_ROWS
from counterpoise.seeding import derive_seed

SELECTION, SELECTIONS, HELD_OUT = "selection", ("validation", "test"), 0.1
"""A setting of a run for reproductions: where the stopping epoch is chosen; and the share that is held out for it."""

LEAST = MIN_CLASS_ROWS
"""Rows that the rarest third of the classes need among those held out. With fewer the choice of an epoch is a coin's,
and what it costs is a part of the few rows that these classes have: all rows are fitted to then, for all epochs. It is
the number by which classifiers decide whether they hold rows out, of one class there and of a third of them here."""

OPTIMISTIC = "OPTIMISTIC: the stopping epoch was chosen on the test rows themselves"
ALL_EPOCHS = (
    f"all rows were fitted to, for all epochs: of a tenth fewer than {LEAST} rows would be of the rarest third of the "
    "classes"
)


@dataclass(frozen=True)
class StoppingSide:
    """Rows fitted to, and rows that choose the epoch.

    Attributes
    ----------
    fitted : ndarray of int64
    judges : ndarray of int64
        Empty where all epochs are trained.
    held_out : ndarray of int64
        Those of the fitting side that are not fitted to, whoever judges.
    """

    fitted: np.ndarray
    judges: np.ndarray
    held_out: np.ndarray


def stopping_side(task: Task, side: Side, selection: str, seed: int, fold: int) -> StoppingSide:
    """Part a fitting side.

    Parameters
    ----------
    task : Task
    side : Side
        Of a run of this task.
    selection : {"validation", "test"}
        Who chooses.
    seed, fold : int
        Of the run: each holds out rows of its own.

    Returns
    -------
    StoppingSide
    """
    numbers, none = task.numbers[side.train], np.empty(0, dtype=np.int64)
    rarest = rarest_third(np.bincount(numbers, minlength=len(task.names)))
    try:
        split = holdout(
            numbers,
            HELD_OUT,
            groups=merge_groups(task.joined[side.train]),
            seed=derive_seed(seed, "stopping side", fold),
        )
        enough = np.isin(numbers[split.test], rarest).sum() >= LEAST
    except DataError:  # rows of one group cannot be parted
        enough = False
    fitted, held_out = (side.train[split.train], side.train[split.test]) if enough else (side.train, none)
    return StoppingSide(fitted, side.test if selection == "test" else held_out, held_out)
