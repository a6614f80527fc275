"""How commands tell what a grid would take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from counterpoise.cli.screen import Screen, number

if TYPE_CHECKING:
    from counterpoise.experiments.estimate import Estimate
    from counterpoise.experiments.executors.base import Job
    from counterpoise.experiments.runs import Run
    from counterpoise.experiments.store import Store
    from counterpoise.experiments.task import Task


def foretold(
    store: Store,
    grids: Sequence[tuple[Task, Sequence[Job]]],
    width: int,
    told: Callable[[Run], float | None] = lambda run: None,
) -> tuple[Estimate, list[Job]]:
    """Estimate what is missing in a store, kinds that it does not know by trying them on few rows.

    Parameters
    ----------
    store : Store
    grids : sequence of (Task, sequence of Job)
    width : int
        How many are executed at a time.
    told : callable, default=none
        Seconds of a run whose trial would take as long as itself; None for one that is to be tried.

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
    for run in {kind(job.run): job.run for job in every if not estimate.knows(job.run)}.values():
        if (seconds := told(run)) is not None:
            estimate.add(run, seconds)
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
    every = [jobs[0].run for jobs in by_kind.values()]
    rows = [_fields(jobs, estimate.seconds.get(each), every) for each, jobs in by_kind.items()]
    # Told apart only where something has to be.
    shown = ["dataset", "method", "backbone", *(["settings"] if any(row["settings"] for row in rows) else [])]
    cells = [
        (*(row[name] or "-" for name in shown), str(row["runs"]), number(row["seconds"], 1)) for row in rows
    ]
    if rows:
        screen.table(("data", *shown[1:], "runs", "seconds each"), cells, words=len(shown))
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


def _fields(jobs: Sequence[Job], seconds: Sequence[float] | None, every: Sequence[Run]) -> dict[str, Any]:
    """What is said of a kind of runs, with the settings that tell it from those of ``every`` that would read alike."""
    from counterpoise.experiments.table import told_apart

    run = jobs[0].run
    names = ("dataset", "method", "backbone")
    alike = [other for other in every if all(getattr(other, n) == getattr(run, n) for n in names)]
    kept = [f"keep={run.keep or 'all'}"] if any(other.keep != run.keep for other in alike) else []
    return {
        "dataset": run.dataset,
        "method": run.method,
        "backbone": run.backbone,
        "settings": ", ".join(
            [*kept, *told_apart(run, [other for other in alike if other.keep == run.keep])]
        ),
        "runs": len(jobs),
        "seconds": None if not seconds else sum(seconds) / len(seconds),
    }
