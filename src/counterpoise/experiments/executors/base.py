"""What a grid asks of whoever executes its runs."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Protocol

from counterpoise.experiments.results import Result
from counterpoise.experiments.runs import Run
from counterpoise.experiments.surroundings import Surroundings
from counterpoise.experiments.task import Task

PAUSE = 0.2
"""Seconds after which an executor with nothing to do asks for a job again."""


@dataclass(frozen=True, eq=False)
class Job:
    """A run to be executed, with the key that its row will have.

    Attributes
    ----------
    key : str
    run : Run
    surroundings : Surroundings
    """

    key: str
    run: Run
    surroundings: Surroundings


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of a job.

    Attributes
    ----------
    job : Job
    result : Result or str
        The row, or why there is none.
    """

    job: Job
    result: Result | str


class Executor(Protocol):
    """Executes jobs, one or several at a time.

    Attributes
    ----------
    width : int
        How many at a time.
    """

    width: int

    def outcomes(self, task: Task, jobs: Iterator[Job | None]) -> Generator[Outcome, None, None]:
        """Execute jobs, and hand over each outcome as soon as it is known.

        Parameters
        ----------
        task : Task
            What all of the jobs are about.
        jobs : iterator of Job or None
            Asked for the next one when there is room for it. None says that there is none at the moment, because others
            are at work on what is left; ask again after :data:`PAUSE`.

        Yields
        ------
        Outcome
            In any order. A run that fails, or whose process dies, is an outcome too. When the iterator is closed, what
            is being executed is given up.
        """
        ...
