"""How commands tell what a grid would take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from counterpoise.cli.screen import Screen, number

if TYPE_CHECKING:
    from counterpoise.experiments.estimate import Estimate
    from counterpoise.experiments.executors.base import Job
    from counterpoise.experiments.store import Store
    from counterpoise.experiments.task import Task


def foretold(
    store: Store, grids: Sequence[tuple[Task, Sequence[Job]]], width: int
) -> tuple[Estimate, list[Job]]:
    """Estimate what is missing in a store, kinds that it does not know by trying them on few rows.

    Returns
    -------
    estimate : Estimate
    left : list of Job
        What is missing.
    """
    from counterpoise.experiments.estimate import Estimate, kind
    from counterpoise.experiments.pilot import pilots
    from counterpoise.progress import bar

    done = store.done(job.key for _, jobs in grids for job in jobs)
    left = [(task, [job for job in jobs if job.key not in done]) for task, jobs in grids]
    every = [job for _, jobs in left for job in jobs]
    estimate = Estimate(every, width, store.rows())
    kinds = {kind(job.run) for job in every if not estimate.knows(job.run)}
    with bar("methods tried on few rows", len(kinds)) as progress:
        for task, jobs in left:
            for run, seconds in pilots(task, jobs, estimate.knows):
                estimate.add(run, seconds)
                progress.advance(1, run.method)
    return estimate, every


def print_estimate(screen: Screen, estimate: Estimate, left: Sequence[Job]) -> None:
    """Print what each method would take, and all of them."""
    from counterpoise.experiments.estimate import duration, kind

    by_kind: dict[tuple[str, ...], list[Job]] = {}
    for job in left:
        by_kind.setdefault(kind(job.run), []).append(job)
    rows = [_fields(jobs, estimate.seconds.get(each)) for each, jobs in by_kind.items()]
    cells = [
        (row["dataset"], row["method"], row["backbone"] or "-", str(row["runs"]), number(row["seconds"], 1))
        for row in rows
    ]
    if rows:
        screen.table(("data", "method", "backbone", "runs", "seconds each"), cells, words=3)
    processes = "1 process" if estimate.width == 1 else f"{estimate.width} processes"
    total = estimate.left
    screen.line(
        f"\n{len(left):,} runs to go, about {duration(total)} with {processes}."
        if left and total
        else "\nNo run to go."
        if not left
        else f"\n{len(left):,} runs to go; how long they take could not be told, since each trial failed."
    )
    screen.rows([*rows, {"runs": len(left), "processes": estimate.width, "seconds_left": total}])


def _fields(jobs: Sequence[Job], seconds: Sequence[float] | None) -> dict[str, Any]:
    run = jobs[0].run
    return {
        "dataset": run.dataset,
        "method": run.method,
        "backbone": run.backbone,
        "runs": len(jobs),
        "seconds": None if not seconds else sum(seconds) / len(seconds),
    }
