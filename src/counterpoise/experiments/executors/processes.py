"""Several runs at a time, each in a process of its own on this machine.

    for outcome in LocalProcesses(4).outcomes(task, jobs):
        ...

Every process keeps the task and executes one run at a time, so a process that dies, such as one that the system kills
for its memory, takes a single run with it; the next run gets a new process. A run waits while there is less memory
than runs of its method have needed.
"""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from loky.process_executor import ProcessPoolExecutor

from counterpoise.errors import SettingsError
from counterpoise.experiments.execution import attempt
from counterpoise.experiments.executors.base import PAUSE, Job, Outcome
from counterpoise.experiments.memory import available_memory
from counterpoise.experiments.results import Result, described
from counterpoise.experiments.task import Task

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS")
_SECONDS_BETWEEN_LOOKS = 0.5
_DIED = (
    "the process that executed it died, perhaps killed for its memory; run it again with fewer jobs at a time"
)


class LocalProcesses:
    """Execute several runs at a time in processes of this machine.

    Parameters
    ----------
    jobs : int
        Processes, of one thread each unless the jobs ask for more; as many as there are cores is the most that is
        useful.

    Raises
    ------
    SettingsError
        If ``jobs`` is below 1.
    """

    def __init__(self, jobs: int) -> None:
        if jobs < 1:
            raise SettingsError(f"jobs is {jobs}; give 1 or more")
        self.width = jobs

    def outcomes(self, task: Task, jobs: Iterator[Job | None]) -> Generator[Outcome, None, None]:
        """See :class:`counterpoise.experiments.executors.base.Executor`."""
        # Loky starts a process that has grown anew after its run, which loses nothing here, and warns of it.
        warnings.filterwarnings("ignore", "A worker (was restarted|stopped)", UserWarning)
        idle = [_Worker(task) for _ in range(self.width)]
        running: dict[Future[Any], tuple[_Worker, Job]] = {}
        needs = _Needs()
        held: Job | None = None
        more = True
        try:
            while more or held or running:
                while idle and (held or more):
                    if held is None:
                        held, more = _next(jobs)
                    if held is None or (running and not needs.met(held)):
                        break
                    worker = idle.pop()
                    running[worker.submit(held)] = (worker, held)
                    held = None
                if not running:
                    time.sleep(PAUSE if more else 0)
                    continue
                for future in wait(running, timeout=PAUSE, return_when=FIRST_COMPLETED).done:
                    worker, job = running.pop(future)
                    result = worker.result(future)
                    idle.append(worker)
                    if isinstance(result, Result):
                        needs.learn(job, result)
                    yield Outcome(job, result)
        finally:
            for worker in [*idle, *(worker for worker, _ in running.values())]:
                worker.close()


def _next(jobs: Iterator[Job | None]) -> tuple[Job | None, bool]:
    """The next job, if there is one now, and whether there may be more."""
    try:
        return next(jobs), True
    except StopIteration:
        return None, False


class _Worker:
    """One process, started when there is something to do and again when it has died."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.pool: ProcessPoolExecutor | None = None

    def submit(self, job: Job) -> Future[Any]:
        if self.pool is None:
            threads = {name: str(job.surroundings.threads) for name in _THREAD_VARIABLES}
            self.pool = ProcessPoolExecutor(
                max_workers=1, initializer=_start, initargs=(self.task, os.getpid()), env=threads
            )
        return self.pool.submit(_work, job)

    def result(self, future: Future[Any]) -> Result | str:
        try:
            return future.result()
        except BrokenProcessPool:
            self.close()
            return _DIED
        except Exception as error:
            self.close()
            return described(error)

    def close(self) -> None:
        if self.pool is not None:
            self.pool.shutdown(wait=True, kill_workers=True)
            self.pool = None


class _Needs:
    """Memory that runs have needed, by method and network."""

    def __init__(self) -> None:
        self.most: dict[tuple[str, str | None], int] = {}

    def learn(self, job: Job, result: Result) -> None:
        kind = (job.run.method, job.run.backbone)
        self.most[kind] = max(self.most.get(kind, 0), result.peak_memory or 0)

    def met(self, job: Job) -> bool:
        """Whether there is room for the job; what has not been tried is taken for the largest that has."""
        expected = self.most.get((job.run.method, job.run.backbone), max(self.most.values(), default=0))
        return available_memory() > expected


_here: dict[str, Task] = {}


def _start(task: Task, parent: int) -> None:
    """Keep the task in a new process, and end the process with the one that has started it."""
    _here["task"] = task

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        os._exit(1)

    threading.Thread(target=look, daemon=True).start()


def _work(job: Job) -> Result | str:
    return attempt(_here["task"], job.run, job.surroundings)
