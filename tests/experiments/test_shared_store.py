"""Grids that several processes fill into one store: what another one has failed, or is at."""

from __future__ import annotations

import os

import pytest
from grids import make_jobs, make_task

from counterpoise.experiments import execution
from counterpoise.experiments import store as room
from counterpoise.experiments.executors.base import Job, Outcome
from counterpoise.experiments.executors.in_process import InProcess
from counterpoise.experiments.grid import fill
from counterpoise.experiments.store import Store
from counterpoise.experiments.task import Task


@pytest.fixture(scope="module")
def task() -> Task:
    return make_task()


@pytest.fixture(scope="module")
def jobs(task) -> list[Job]:
    return make_jobs(task, ["tfidf_lr"])


@pytest.mark.parametrize("retry", [False, True])
def test_what_another_process_has_failed_is_not_executed_again(
    retry, task, jobs, tmp_path, monkeypatch
) -> None:
    executed = []
    moments = (f"2026-01-01T00:00:{second:02}+00:00" for second in range(60))
    monkeypatch.setattr(room, "now", lambda: next(moments))
    monkeypatch.setattr(execution, "execute", lambda task, run, place: executed.append(run) or 1 / 0)
    with Store(tmp_path / "runs") as store:
        if retry:
            for job in jobs[:3]:
                store.fail(job.run, job.surroundings, "long ago")

        def other(outcome: Outcome) -> None:
            if outcome.job is jobs[0]:
                store.fail(jobs[1].run, jobs[1].surroundings, "no words")

        filled = fill(store, jobs[:3], task, InProcess(), retry=retry, on_outcome=other)
    assert executed == [jobs[0].run, jobs[2].run]
    assert filled.failures[jobs[1].key] == "no words"


def test_what_another_process_retries_is_waited_for(task, jobs, tmp_path, monkeypatch) -> None:
    """It has failed before, and the other process dies over it: it is executed here after all."""
    ours = room._this_process()
    other = (os.getppid(), room.psutil.Process(os.getppid()).create_time())
    executed = []
    with Store(tmp_path / "runs") as store:
        store.fail(jobs[0].run, jobs[0].surroundings, "long ago")
        with monkeypatch.context() as patch:
            patch.setattr(room, "_this_process", lambda: other)
            assert store.claim(jobs[0].key)

        def nap(_: float) -> None:
            monkeypatch.setattr(room, "_alive", lambda process, started: (process, started) == ours)

        monkeypatch.setattr("counterpoise.experiments.executors.in_process.time.sleep", nap)
        filled = fill(
            store,
            jobs[:1],
            task,
            InProcess(),
            retry=True,
            on_outcome=lambda outcome: executed.append(outcome.job.key),
        )
    assert executed == [jobs[0].key]
    assert filled.failures == {}
