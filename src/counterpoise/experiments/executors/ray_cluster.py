"""Runs on a Ray cluster, one a core of any of its nodes.

    for outcome in RayCluster("10.0.0.5:6379").outcomes(task, jobs):
        ...

The task is put into Ray's object store, which sends it to each node once. Rows come back to this process, the only one
that writes the store. A node that is lost takes runs with it, which Ray executes again on another one. Counterpoise
must be installed alike on all nodes: a run whose node has other code or libraries fails and says so.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from typing import Any

from counterpoise.cluster import joined
from counterpoise.experiments.execution import attempt
from counterpoise.experiments.executors.base import PAUSE, Job, Outcome
from counterpoise.experiments.results import Result, described
from counterpoise.experiments.task import Task

RETRIES = 3
"""How often Ray executes a run again whose node or process was lost."""


class RayCluster:
    """Execute runs on a Ray cluster.

    Parameters
    ----------
    address : str, default="auto"
        ``"auto"`` for the cluster that runs on this machine or that ``RAY_ADDRESS`` names, ``"local"`` for a new one
        that ends with this process, ``HOST:PORT`` for the head of any.

    Attributes
    ----------
    width : int
        Cores of the cluster when it was joined.

    Raises
    ------
    MissingExtraError
        When Ray is not installed.
    SettingsError
        When no cluster answers.
    """

    def __init__(self, address: str = "auto") -> None:
        self.ray = joined(address)
        self.width = max(1, int(self.ray.cluster_resources().get("CPU", 1)))

    def outcomes(self, task: Task, jobs: Iterator[Job | None]) -> Generator[Outcome, None, None]:
        """See :class:`counterpoise.experiments.executors.base.Executor`."""
        ray = self.ray
        work = ray.remote(num_cpus=1, max_retries=RETRIES)(attempt)
        shared = ray.put(task)
        running: dict[Any, Job] = {}
        more = True
        try:
            while more or running:
                while more and len(running) < self._room():
                    job = next(jobs, _END)
                    if job is _END:
                        more = False
                    if not isinstance(job, Job):
                        break
                    running[work.remote(shared, job.run, job.surroundings)] = job
                if not running:
                    time.sleep(PAUSE if more else 0)
                    continue
                done, _ = ray.wait(list(running), num_returns=1, timeout=PAUSE)
                for reference in done:
                    yield Outcome(running.pop(reference), self._result(reference))
        finally:
            for reference in running:
                ray.cancel(reference, force=True)

    def _room(self) -> int:
        """Runs to keep at the cluster: as many as it has cores now, so that new nodes are used."""
        return max(1, int(self.ray.cluster_resources().get("CPU", 1)))

    def _result(self, reference: Any) -> Result | str:
        try:
            return self.ray.get(reference)
        except Exception as error:
            lost = isinstance(error, self.ray.exceptions.RayError)
            return f"Ray lost the run {RETRIES + 1} times ({error})" if lost else described(error)


_END = object()
