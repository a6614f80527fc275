"""How much longer a grid will take, from what runs of the same method have taken."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from counterpoise.experiments.executors.base import Job, Outcome
from counterpoise.experiments.results import Record, Result
from counterpoise.experiments.runs import Run

_SETTLED = 4  # runs of each process


class Estimate:
    """Seconds left of a grid.

    Parameters
    ----------
    waiting : sequence of Job
    width : int
        How many are executed at a time.
    known : iterable of Record
        Earlier runs; those of other data sets or machines are taken where there is nothing better.
    clock : callable, default=time.monotonic
        Seconds since whenever.

    Attributes
    ----------
    overhead : float
        Processor seconds that pass for each second of a fit or prediction: what is measured besides, what the
        processes wait for, what else the machine does. 1.0 until a few runs have come in from each process, since
        those under way have taken time too.
    """

    def __init__(
        self,
        waiting: Sequence[Job],
        width: int,
        known: Iterable[Record] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.waiting = {job.key: kind(job.run) for job in waiting}
        self.width = width
        self.seconds: dict[tuple[str, ...], list[float]] = {}
        self.overhead = 1.0
        self._clock, self._began = clock, clock()
        self._fitted: list[float] = []
        for record in known:
            if record.fit_seconds is not None and record.predict_seconds is not None:
                self.add(record.run, record.fit_seconds + record.predict_seconds)

    def add(self, run: Run, seconds: float) -> None:
        """Take in what a run of some kind takes."""
        self.seconds.setdefault(kind(run), []).append(seconds)

    def knows(self, run: Run) -> bool:
        """Whether seconds of its kind are there."""
        return kind(run) in self.seconds

    def learn(self, outcome: Outcome) -> None:
        """Take an outcome in, just come."""
        self.waiting.pop(outcome.job.key, None)
        if isinstance(outcome.result, Result):
            taken = outcome.result.fit_seconds + outcome.result.predict_seconds
            self.add(outcome.job.run, taken)
            self._fitted.append(taken)
            if len(self._fitted) >= _SETTLED * self.width:
                passed = (self._clock() - self._began) * self.width
                self.overhead = max(1.0, passed / max(sum(self._fitted), 1e-9))

    @property
    def left(self) -> float | None:
        """Seconds; None while no run of any kind is known."""
        everything = [value for values in self.seconds.values() for value in values]
        if not everything:
            return None
        typical = sum(everything) / len(everything)
        total = sum(
            sum(own) / len(own) if (own := self.seconds.get(each)) else typical
            for each in self.waiting.values()
        )
        return self.overhead * total / min(self.width, max(1, len(self.waiting)))

    def words(self) -> str:
        """``", about 12 min left"``; empty when nothing is known or left."""
        left = self.left
        return f", about {duration(left)} left" if left and self.waiting else ""


def kind(run: Run) -> tuple[str, ...]:
    """Runs of one kind take about equally long."""
    return (
        run.content,
        str(run.keep),
        run.method,
        repr(run.method_settings),
        run.backbone or "",
        repr(run.backbone_settings),
        repr(run.estimator),
        str(run.trials),
    )


def duration(seconds: float) -> str:
    """``"40 s"``, ``"12 min"``, ``"3.5 h"``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
