"""Runs one after the other, in this process."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator

from counterpoise.experiments.execution import attempt
from counterpoise.experiments.executors.base import PAUSE, Job, Outcome
from counterpoise.experiments.task import Task


class InProcess:
    """Execute one run at a time, in this process."""

    width = 1

    def outcomes(self, task: Task, jobs: Iterator[Job | None]) -> Generator[Outcome, None, None]:
        """See :class:`counterpoise.experiments.executors.base.Executor`."""
        for job in jobs:
            if job is None:
                time.sleep(PAUSE)
            else:
                yield Outcome(job, attempt(task, job.run, job.surroundings))
