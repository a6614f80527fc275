"""How much of the machine a grid of 40 runs uses, and that all executors give the same rows.

    COUNTERPOISE_DATA=... python benchmarks/grid.py          # writes benchmarks/results/grid.json; ten minutes

Used is the processor time of all processes over cores times the seconds of the whole grid; waiting for data, for the
store and for the last run is what is lost. Gained is how many times faster than one process the grid was, over the
number of processes: starting them costs there too, and cores that share their parts. Run it on a machine that does
nothing else.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = os.environ["POLARS_MAX_THREADS"] = "1"

import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import machine
from counterpoise.data.readers import read
from counterpoise.experiments.executors.base import Executor, Job
from counterpoise.experiments.executors.choice import make_executor
from counterpoise.experiments.executors.ray_cluster import RayCluster
from counterpoise.experiments.grid import fill, jobs_of, plan
from counterpoise.experiments.results import COLUMNS
from counterpoise.experiments.store import Store
from counterpoise.experiments.task import Task

FOLDS, SEEDS, GOAL = 5, 8, 0.9


def main() -> None:
    warnings.simplefilter("ignore")
    data = read("sms_spam")
    assert data.labels is not None
    task = Task.of("sms_spam", data.texts, data.labels, minority="spam")
    settings = {"threshold": 0.5, "max_epochs": 5}
    jobs = jobs_of(
        plan(task, ["class_weight"], keep=0.1, n_folds=FOLDS, seeds=range(SEEDS), settings=settings)
    )
    cores = os.cpu_count() or 1
    result: dict[str, Any] = {
        **machine.describe("loky", "ray"),
        "runs": len(jobs),
        "goal": GOAL,
        "executors": {},
    }
    reference: dict[str, Any] = {}
    alone = 0.0
    for name, executor, width in (
        ("this process", make_executor(), 1),
        (f"{cores} local processes", make_executor(jobs=cores), cores),
        ("ray", make_executor("ray", address="local"), cores),
    ):
        found, rows = timed(task, jobs, executor, width)
        reference, alone = reference or rows, alone or found["seconds"]
        gained = round(alone / (width * found["seconds"]), 3)
        result["executors"][name] = {**found, "gained": gained, "same_rows": rows == reference}
        print(name, result["executors"][name], flush=True)
    result["met"] = all(
        (one["used"] is None or one["used"] >= GOAL) and one["same_rows"]
        for one in result["executors"].values()
    )
    machine.write(machine.RESULTS / "grid.json", result)


def timed(
    task: Task, jobs: list[Job], executor: Executor, width: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Seconds and share of the machine that was used, and the rows without timings."""
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "runs") as store:
        start, cpu = time.perf_counter(), _processor_seconds()
        filled = fill(store, jobs, task, executor)
        seconds, cpu = time.perf_counter() - start, _processor_seconds() - cpu
        assert not filled.failures, filled.failures
        records = store.rows()
        rows = {
            r.key: (repr(r.metrics), [getattr(store.predictions(r.key), name).tobytes() for name in COLUMNS])
            for r in records
        }
    found = {
        "width": width,
        "seconds": round(seconds, 1),
        # The processes of a Ray cluster are no children of this one.
        "used": None if isinstance(executor, RayCluster) else round(cpu / (width * seconds), 3),
        "peak_gib_of_a_run": round(max(r.peak_memory or 0 for r in records) / 2**30, 2),
    }
    return found, rows


def _processor_seconds() -> float:
    """Of this process and of all that it has started and that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


if __name__ == "__main__":
    main()
