"""A grid that is killed again and again: no row lost, none double, none half, and the end is that of one left alone.

    python benchmarks/kill_resume.py                 # writes benchmarks/results/kill_resume.json; ten minutes
    python benchmarks/kill_resume.py --kills 20      # fewer, and written nowhere

Each process is killed by SIGKILL at a moment drawn at random, from before it has opened the store until long after its
first rows, together with whatever it has started; the next one goes on. Most execute runs themselves, some by two local
processes, and some are the command as a user types it. After every kill the store is opened and read whole.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = os.environ["POLARS_MAX_THREADS"] = "1"

import argparse
import json
import multiprocessing
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch

import machine
from counterpoise.data.demo import MINORITY, make_corpus
from counterpoise.experiments.executors.base import Job
from counterpoise.experiments.executors.choice import make_executor
from counterpoise.experiments.grid import fill, jobs_of, plan
from counterpoise.experiments.results import COLUMNS
from counterpoise.experiments.store import Store
from counterpoise.experiments.task import Task

KILLS = 200
ROWS, FOLDS, SEEDS = 900, 4, 10
METHODS = ("erm", "class_weight", "tfidf_lr")
SETTINGS = {
    "max_epochs": 1,
    "threshold": 0.5,
    "precision": "float32",
    "backbone__dim": 8,
    "backbone__n_filters": 4,
}
# Of ten processes seven work by themselves, two by local processes, one is the command.
KINDS = ("here",) * 7 + ("processes",) * 2 + ("command",)
LONGEST = {"here": 4.0, "processes": 12.0, "command": 12.0}  # seconds until the kill


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kills", type=int, default=KILLS)
    kills = parser.parse_args().kills
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data, task, jobs = _grid(folder)
        with Store(folder / "whole") as store:
            start = time.perf_counter()
            fill(store, jobs, task, make_executor())
            seconds = time.perf_counter() - start
        whole = _contents(folder / "whole")
        found = _killed(folder, data, task, jobs, whole, kills)
    result = {
        **machine.describe("loky", "psutil"),
        "runs": len(jobs),
        "seconds_without_a_kill": round(seconds, 1),
        **found,
    }
    if kills == KILLS:
        machine.write(machine.RESULTS / "kill_resume.json", result)
    print(result)


def _grid(folder: Path) -> tuple[Path, Task, list[Job]]:
    texts, labels = make_corpus(random_state=0)
    rare = np.flatnonzero(labels == MINORITY)[:120]
    others = np.flatnonzero(labels != MINORITY)[: ROWS - len(rare)]
    rows = np.sort(np.concatenate([rare, others]))
    data = folder / "killed.jsonl"
    data.write_text(
        "".join(json.dumps({"text": str(texts[i]), "label": str(labels[i])}) + "\n" for i in rows)
    )
    task = Task.of(data.name, texts[rows], labels[rows], minority=MINORITY)
    runs = plan(task, METHODS, n_folds=FOLDS, seeds=range(SEEDS), settings=SETTINGS)
    return data, task, jobs_of(runs)


def _killed(
    folder: Path, data: Path, task: Task, jobs: list[Job], whole: dict[str, Any], kills: int
) -> dict[str, Any]:
    """Kill processes at a grid until it is done, and at the next one, until there were enough kills."""
    rng = np.random.default_rng(0)
    known: dict[str, Any] = {}
    done = Counter[str]()
    grids, made, at = 0, 0, folder / "grid-0"
    while done.total() < kills:
        kind = KINDS[done.total() % len(KINDS)]
        ended = _one_kill(kind, at, data, task, jobs, rng.uniform(0, LONGEST[kind]))
        found = _contents(at) if at.exists() else {}
        lost = [key for key in known if key not in found]
        assert not lost, f"{len(lost)} rows were lost"
        for key, row in found.items():
            assert row == whole[key], f"row {key} is not that of the grid left alone"
        made += len(found) - len(known)
        known = found
        if not ended:
            done[kind] += 1
            print(done.total(), kind, len(found), "rows", flush=True)
        if ended or len(found) == len(jobs):
            with Store(at) as store:
                fill(store, jobs, task, make_executor())
            assert _contents(at) == whole
            grids, known, at = grids + 1, {}, folder / f"grid-{grids + 1}"
    with Store(at) as store:
        fill(store, jobs, task, make_executor())
    assert _contents(at) == whole
    return {
        "kills": dict(done),
        "grids_finished": grids + 1,
        "rows_between_kills": made,
        "lost": 0,
        "double": 0,
        "half": 0,
    }


def _one_kill(kind: str, at: Path, data: Path, task: Task, jobs: list[Job], seconds: float) -> bool:
    """Start a process of the kind and kill it with all that it has started; whether it was done before."""
    process = _started(kind, at, data, task, jobs)
    try:
        process.wait(seconds)
        return True
    except psutil.TimeoutExpired:
        pass
    family = [process]
    with suppress(psutil.NoSuchProcess):
        family += process.children(recursive=True)
    for member in family:
        with suppress(psutil.NoSuchProcess):
            member.send_signal(signal.SIGKILL)
    psutil.wait_procs(family)
    return False


def _started(kind: str, at: Path, data: Path, task: Task, jobs: list[Job]) -> psutil.Process:
    if kind == "command":
        options = [f"--set={key}={value}" for key, value in SETTINGS.items() if key != "threshold"]
        command = [
            *(sys.executable, "-m", "counterpoise", "compare", str(data), "--minority", MINORITY, "--quiet"),
            *("--methods", ",".join(METHODS), "--folds", str(FOLDS), "--seeds", str(SEEDS)),
            *("--threshold", str(SETTINGS["threshold"]), "--store", str(at), *options),
        ]
        return psutil.Popen(command, stdout=subprocess.DEVNULL)
    # Forked from a server that has only imported: a fork of a process that has computed would inherit locks.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["counterpoise.experiments.grid"])
    process = context.Process(target=_work, args=(at, task, jobs, 1 if kind == "here" else 2))
    process.start()
    return psutil.Process(process.pid)


def _work(at: Path, task: Task, jobs: list[Job], width: int) -> None:
    with Store(at) as store:
        fill(store, jobs, task, make_executor(jobs=width))


def _contents(path: Path) -> dict[str, Any]:
    """Every row of a store, timings and memory apart, after a look at the file itself."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        try:
            (orphans,) = connection.execute(
                "SELECT count(*) FROM (SELECT key FROM predictions UNION ALL SELECT key FROM curves) "
                "WHERE key NOT IN (SELECT key FROM runs WHERE status = 'done')"
            ).fetchone()
        except sqlite3.OperationalError:
            return {}  # killed before the tables were made
    assert orphans == 0, "half a row"
    with Store(path) as store:
        records = store.rows(status=None)
        assert len({record.run for record in records}) == len(records), "a row is there twice"
        assert {record.status for record in records} <= {"done"}
        return {record.key: _row(store, record) for record in records}


def _row(store: Store, record: Any) -> tuple[Any, ...]:
    said = store.predictions(record.key)
    arrays = tuple(None if getattr(said, n) is None else getattr(said, n).tobytes() for n in COLUMNS)
    return (
        record.run,
        repr(record.metrics),
        record.notes,
        repr(store.curves(record.key)),
        said.classes,
        arrays,
    )


if __name__ == "__main__":
    main()
