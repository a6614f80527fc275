"""Planned runs, filled into a store and gathered into a file of rows; what stands in the file is not run again.

hours = fill_parts([Part(task, runs)], RESULTS / "mixing_texts.csv", Path("texts.runs"), seconds_of, jobs=2)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from counterpoise.experiments.executors.choice import make_executor
from counterpoise.experiments.grid import fill, jobs_of
from counterpoise.experiments.runs import Run
from counterpoise.experiments.store import Store
from counterpoise.experiments.task import Task
from gathered import finished, gather, place_of


@dataclass(frozen=True, eq=False)
class Part:
    """Runs on one task."""

    task: Task
    runs: list[Run]


def fill_parts(
    parts: Iterable[Part],
    rows: Path,
    store: Path,
    seconds_of: Callable[[Run, Task], float],
    *,
    jobs: int,
    estimate: bool = False,
) -> float:
    """Execute what a file of rows lacks, part by part, and say how long that takes.

    Parameters
    ----------
    parts : iterable of Part
    rows, store : Path
        The file, and where runs are kept until they are in it.
    seconds_of : callable
        What a run is expected to take, in seconds of one core.
    jobs : int
        Processes.
    estimate : bool, default=False
        Whether nothing is executed.

    Returns
    -------
    float
        Core-hours that were expected.
    """
    whole = 0.0
    for part in parts:
        there = finished(rows)
        runs = [run for run in part.runs if place_of(run) not in there]
        hours = sum(seconds_of(run, part.task) for run in runs) / 3600
        whole += hours
        what = f"{rows.stem}: {part.task.name}, {part.runs[0].keep or 'as it is'}"
        print(f"{what}: {len(runs)} of {len(part.runs)} runs to go, {hours:.2f} core-hours", flush=True)
        if estimate or not runs:
            continue
        with Store(store) as opened:
            filled = fill(opened, jobs_of(runs), part.task, make_executor(jobs=jobs))
        gather(rows, store)
        for why in dict.fromkeys(filled.failures.values()):
            print(f"failed: {why}", flush=True)
    return whole
