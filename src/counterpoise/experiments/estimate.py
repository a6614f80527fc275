"""How much longer a grid will take, from what runs of the same method have taken."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from counterpoise.experiments.executors.base import Job, Outcome
from counterpoise.experiments.results import Record, Result
from counterpoise.experiments.runs import Run


class Estimate:
    """Seconds left of a grid.

    Parameters
    ----------
    waiting : sequence of Job
    width : int
        How many are executed at a time.
    known : iterable of Record
        Earlier runs; those of other data sets or machines are taken where there is nothing better.
    """

    def __init__(self, waiting: Sequence[Job], width: int, known: Iterable[Record] = ()) -> None:
        self.waiting = {job.key: _kind(job.run) for job in waiting}
        self.width = width
        self.seconds: dict[tuple[str, ...], list[float]] = {}
        for record in known:
            if record.fit_seconds is not None and record.predict_seconds is not None:
                self._add(record.run, record.fit_seconds + record.predict_seconds)

    def learn(self, outcome: Outcome) -> None:
        """Take an outcome in."""
        self.waiting.pop(outcome.job.key, None)
        if isinstance(outcome.result, Result):
            self._add(outcome.job.run, outcome.result.fit_seconds + outcome.result.predict_seconds)

    @property
    def left(self) -> float | None:
        """Seconds; None while no run of any kind is known."""
        everything = [value for values in self.seconds.values() for value in values]
        if not everything:
            return None
        typical = sum(everything) / len(everything)
        total = sum(
            sum(own) / len(own) if (own := self.seconds.get(kind)) else typical
            for kind in self.waiting.values()
        )
        return total / min(self.width, max(1, len(self.waiting)))

    def words(self) -> str:
        """``", about 12 min left"``; empty when nothing is known or left."""
        left = self.left
        return f", about {duration(left)} left" if left and self.waiting else ""

    def _add(self, run: Run, seconds: float) -> None:
        self.seconds.setdefault(_kind(run), []).append(seconds)


def _kind(run: Run) -> tuple[str, ...]:
    return (run.content, run.method, repr(run.method_settings), run.backbone or "", repr(run.estimator))


def duration(seconds: float) -> str:
    """``"40 s"``, ``"12 min"``, ``"3.5 h"``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
