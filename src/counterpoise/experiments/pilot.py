"""What runs will take, before there is any: each kind is tried on few rows, and a line leads from there to all of them.

    estimate = Estimate(jobs, width=2)
    for run, seconds in pilots(task, jobs, estimate.known):
        estimate.add(run, seconds)
    duration(estimate.left)                                             # "3.5 h"

A method's seconds are taken to grow as a constant and a share of the rows. What grows faster, such as a search of all
neighbours, is told too low; what fills the gap between the classes is tried at the imbalance of the whole. What
takes long on the fewer rows already is not tried on more, and is taken to grow as the rows do: where much of that is
the same for any number of rows, it is told too high.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from counterpoise.experiments.estimate import kind
from counterpoise.experiments.execution import INNER_FOLDS, attempt
from counterpoise.experiments.executors.base import Job
from counterpoise.experiments.results import Result
from counterpoise.experiments.runs import Run
from counterpoise.experiments.task import Task
from counterpoise.seeding import generator

SIZES = (600, 1800)
"""Rows of the two trials."""

LONG = 20.0
"""Seconds from which one trial has to do: another would take up to three times as long."""

LEAST = 8
"""Rows of a class, where it has so many: fewer would make other problems than the whole poses."""


def pilots(
    task: Task,
    jobs: Sequence[Job],
    known: Callable[[Run], bool] = lambda run: False,
    *,
    sizes: tuple[int, int] = SIZES,
    long: float = LONG,
) -> Iterator[tuple[Run, float]]:
    """Try one run of each kind on few rows.

    Parameters
    ----------
    task : Task
    jobs : sequence of Job
    known : callable, default=never
        Whether a run is of a kind that needs no trial.
    sizes : tuple of int, default=(600, 1800)
        Rows of the trials, fitting side and test side together.
    long : float, default=20
        Seconds from which the first one has to do.

    Yields
    ------
    run : Run
        One of ``jobs``.
    seconds : float
        What it would take. A kind whose trials fail is left out, since its runs would end early too.
    """
    first = {kind(job.run): job for job in reversed(jobs) if not known(job.run)}
    for position, job in enumerate(reversed(first.values())):
        tried = _seconds(task, job, sizes[0])
        if position == 0 and not _takes(tried, long):
            # The first one of a process loads libraries and caches, which is little of what takes long.
            tried = _seconds(task, job, sizes[0])
        points = [(0, 0.0), tried] if _takes(tried, long) else [tried, _seconds(task, job, sizes[1])]
        if None not in points:
            yield job.run, _on_the_line(points, len(task.side(job.run).train)) * _searches(job.run)


def _takes(tried: tuple[int, float] | None, long: float) -> bool:
    """Whether a trial has taken so many seconds."""
    return tried is not None and tried[1] >= long


def _seconds(task: Task, job: Job, size: int) -> tuple[int, float] | None:
    """Rows of the fitting side of a trial, and its seconds."""
    side = task.side(job.run)
    whole = job.run.keep is None and task.test is None
    rows = np.union1d(side.train, side.test) if whole else side.train
    inner = task.inside(_drawn(task.numbers[rows], rows, size))
    rarest = int(np.bincount(inner.numbers).min())
    folds = max(2, min(job.run.n_folds, rarest))
    run = replace(job.run, content=inner.content, keep=None, thinned_as=None, n_folds=folds, fold=0, trials=0)
    result = attempt(inner, run, job.surroundings)
    if not isinstance(result, Result):
        return None
    return len(inner.side(run).train), result.fit_seconds + result.predict_seconds


def _drawn(numbers: np.ndarray, rows: np.ndarray, size: int) -> np.ndarray:
    """About ``size`` of some rows, each class by its share, and no class below :data:`LEAST`."""
    rng = generator(0, "pilot", size)
    taken: list[Any] = []
    for number in np.unique(numbers):
        own = rows[numbers == number]
        count = min(len(own), max(LEAST, round(size * len(own) / len(rows))))
        taken.append(rng.choice(own, count, replace=False))
    return np.sort(np.concatenate(taken))


def _on_the_line(points: list[Any], rows: int) -> float:
    """Seconds at some rows, on the line through two points; never a falling one."""
    (fewer, short), (more, long) = points
    slope = max(0.0, (long - short) / (more - fewer)) if more > fewer else 0.0
    return float(long + slope * (rows - more)) if rows >= more else float(long)


def _searches(run: Run) -> float:
    """How many times over a run is fitted, the search for its settings included, none of them given up."""
    return 1 + run.trials * (INNER_FOLDS - 1)
