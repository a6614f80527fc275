"""A run made again: the row that comes out beside the one that is known, and in what they differ.

    made = make_again(record, task, make_executor(), whole=store.result(record.key))
    made.equal, made.differences, made.otherwise

The run is taken from what is known of it, whatever planned it. Code and libraries are those that are here; which of
them are not those that the row was made with is said. Nothing is written.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

from counterpoise.experiments.executors.base import Executor, Job
from counterpoise.experiments.grid import jobs_of
from counterpoise.experiments.results import Record, Result
from counterpoise.experiments.task import Task


@dataclass(frozen=True, eq=False)
class Again:
    """What came of it.

    Attributes
    ----------
    known : Record
        The row, or the failure, that the run was taken from.
    job : Job
        With the surroundings that the run had here, and the key that it has in them.
    result : Result or str
        The new row, or why there is none.
    otherwise : tuple of str
        What ``known`` was made with that is not so here, in words; with all the same the row has to be the same.
    differences : tuple of str
        What of the two rows differs, to the bit; nothing where one of them is none.
    """

    known: Record
    job: Job
    result: Result | str
    otherwise: tuple[str, ...]
    differences: tuple[str, ...]

    @property
    def equal(self) -> bool:
        """Whether there are two rows that do not differ."""
        return isinstance(self.result, Result) and self.known.status == "done" and not self.differences


def make_again(known: Record, task: Task, executor: Executor, whole: Result | None = None) -> Again:
    """Execute a run once more.

    Parameters
    ----------
    known : Record
    task : Task
        What it was made of.
    executor : Executor
    whole : Result or None, default=None
        The known row with its predictions and curves; without it metrics and notes are compared alone.

    Returns
    -------
    Again

    Raises
    ------
    CounterpoiseError
        When the run cannot be executed here at all, as without the method, the network or the weights that it names.
    """
    (job,) = jobs_of([known.run])
    with closing(executor.outcomes(task, iter([job]))) as outcomes:
        result = next(outcomes).result
    differences: tuple[str, ...] = ()
    if isinstance(result, Result) and known.status == "done":
        differences = tuple(_differences(known, result) if whole is None else whole.differences(result))
    otherwise = tuple(known.surroundings.differences(job.surroundings))
    return Again(known, job, result, otherwise, differences)


def _differences(known: Record, result: Result) -> list[str]:
    """Of metrics, undefined ones apart, and of notes."""
    same = {
        "metrics": _defined(known.metrics) == _defined(result.metrics),
        "notes": known.notes == result.notes,
    }
    return [name for name, alike in same.items() if not alike]


def _defined(metrics: dict[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if value is not None}
