"""SharpReCL part by part on the steepest long tails, where it was to win most.

    COUNTERPOISE_DATA=... python benchmarks/sharprecl_tail.py ablation_tail sharprecl.runs --estimate
    COUNTERPOISE_DATA=... python benchmarks/sharprecl_tail.py ablation_tail sharprecl.runs --jobs 2

writes benchmarks/results/sharprecl_ablation_tail.csv.

``counterpoise reproduce sharprecl --table ablation`` is of whole sets, so that it takes as long as it says; these runs
are its lines on two thinned ones, and two more with batches so small that they lack classes, for which past features
are meant.
"""

from __future__ import annotations

from collections.abc import Iterator

from counterpoise.experiments.papers.base import Budget, Line, Set, runs_of_line, task_of
from counterpoise.experiments.papers.sharprecl_lines import ABLATION, BUDGETS, CNN, RATIOS, SETS, settings_of
from counterpoise.experiments.runs import Run
from counterpoise.experiments.task import Task
from filling import Part, asked, fill_grids

SMALL = Line("batches of 16", "sharprecl", CNN, {"batch_size": 16})
SMALL_AND_PAST = Line(
    "batches of 16, with 16 past features of each class",
    "sharprecl",
    CNN,
    {**SMALL.settings, "method__queue": 16},
)
TAIL_LINES = (*ABLATION, SMALL, SMALL_AND_PAST)
TAILS = tuple(made for made in SETS if made.ratio == max(RATIOS))

COUNTERPARTS = {SMALL_AND_PAST.name: SMALL.name}
"""Lines that are set against another one than the whole: what they differ from in one thing alone."""

_SECONDS = {"toutiao": 4.1, "ag_news": 11.3}
"""Of a run of one thread at 100:1, as sharprecl_textcnn.csv has it, on average, of SharpReCL on TextCNN."""

_OF_SMALL = 3.0
"""Times as long with batches of 16: four times as many steps, of which each costs less."""


def tails() -> Iterator[Part]:
    """Runs of all lines, set by set."""
    for made in TAILS:
        task = task_of(made)
        yield Part(task, runs_on(task, made, BUDGETS["medium"]))


def runs_on(task: Task, made: Set, budget: Budget) -> list[Run]:
    """Runs of all lines on one set, for each fold."""
    seeds = range(budget.fold_seeds)
    return [
        run
        for line in TAIL_LINES
        for run in runs_of_line(line, task, made, budget, seeds, settings_of(line, budget))
    ]


def seconds_of(run: Run, task: Task) -> float:
    """What a run is expected to take, of one core."""
    return _SECONDS[task.name] * (_OF_SMALL if "batch_size" in run.estimator else 1.0)


def main() -> None:
    grids = {"ablation_tail": tails}
    fill_grids(asked(__doc__, grids), "sharprecl", grids, lambda run, task, grid: seconds_of(run, task))


if __name__ == "__main__":
    main()
