"""Planned runs, filled into a store and gathered into a file of rows; what stands in the file is not run again.

hours, failed = fill_parts([Part(task, runs)], RESULTS / "mixing_texts.csv", Path("texts.runs"), seconds_of, jobs=2)
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import machine
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
    retry: bool = False,
) -> tuple[float, int]:
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
    retry : bool, default=False
        Whether what has failed before is executed too.

    Returns
    -------
    hours : float
        Of one core, as expected.
    failed : int
        Runs that have no row because they fail, now or before.
    """
    whole, failed = 0.0, 0
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
            filled = fill(opened, jobs_of(runs), part.task, make_executor(jobs=jobs), retry=retry)
        gather(rows, store)
        failed += len(filled.failures)
        for why, times in Counter(filled.failures.values()).items():
            print(f"failed, {times} runs: {why}", flush=True)
    return whole, failed


def asked(description: str | None, grids: Iterable[str]) -> argparse.Namespace:
    """What was typed: a grid or all, the store, as an absolute path, and what to do."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("grid", choices=("all", *grids))
    parser.add_argument("store", type=lambda given: Path(given).absolute())
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--estimate", action="store_true", help="say how long it takes, and stop")
    parser.add_argument("--retry", action="store_true", help="execute also what has failed before")
    parser.add_argument(
        "--gather", action="store_true", help="add what is in the store to the files, and stop"
    )
    return parser.parse_args()


def fill_grids(
    arguments: argparse.Namespace,
    prefix: str,
    grids: Mapping[str, Callable[[], Iterable[Part]]],
    seconds_of: Callable[[Run, Task, str], float],
) -> None:
    """Fill the grids that :func:`asked` for, each into ``results/PREFIX_GRID.csv`` over a store of its own.

    The program ends with an error, after all of them, where runs fail.

    Parameters
    ----------
    arguments : Namespace
    prefix : str
    grids : mapping
        By name, what gives its parts.
    seconds_of : callable
        What a run of a grid is expected to take, in seconds of one core.
    """
    hours, failed = 0.0, 0
    for grid in grids if arguments.grid == "all" else (arguments.grid,):
        rows = machine.RESULTS / f"{prefix}_{grid}.csv"
        store = arguments.store.with_name(f"{arguments.store.stem}-{grid}{arguments.store.suffix}")
        if arguments.gather:
            if store.exists():
                print(f"{rows}: {gather(rows, store)} more runs", flush=True)
            continue
        cost = partial(seconds_of, grid=grid)
        expected, without_row = fill_parts(
            grids[grid](),
            rows,
            store,
            cost,
            jobs=arguments.jobs,
            estimate=arguments.estimate,
            retry=arguments.retry,
        )
        hours, failed = hours + expected, failed + without_row
    print(f"{hours:.1f} core-hours")
    if failed:
        sys.exit(f"{failed} runs failed and have no row; --retry executes them again")
