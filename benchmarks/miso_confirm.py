"""The confirming run of ``miso_protocol.md``: finalists on data that nothing was chosen on.

    COUNTERPOISE_DATA=... python benchmarks/miso_confirm.py all confirm.runs --estimate
    COUNTERPOISE_DATA=... python benchmarks/miso_confirm.py all confirm.runs --jobs 2

writes benchmarks/results/confirm_GRID.csv: ``few``, with the class as rare as the protocol has it, and ``ceiling``,
plain lines with all rows of the class. No score is shown here, and ``confirm_tables.py`` shows none before all rows are
there.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from counterpoise.experiments.papers.base import Set, task_of
from counterpoise.experiments.runs import Run
from counterpoise.experiments.task import Task
from design_lines import COMMON, PLAIN, Contestant, identity_of
from encoder import linked
from filling import Part, asked, fill_grids
from miso_design import ERM, Place, place_of, runs_of
from miso_design import seconds_of as seconds_of_design

SETTINGS: dict[str, Any] = {**COMMON, "threshold": "tune", "threshold_folds": 2}
"""Of all lines: as in the design, but for the threshold."""

_CLASSES = (
    ("imdb", ("pos",), ("1%", "5%")),
    ("thucnews_titles", ("finance", "science", "society", "stocks"), ("5%", "10%")),
    (
        "20_newsgroups",
        (
            *("alt.atheism", "comp.graphics", "misc.forsale", "sci.med", "sci.space"),
            "talk.politics.misc",
        ),
        ("5%", "10%"),
    ),
)
TASKS = tuple(
    Set(f"{dataset} {name} {keep}", dataset, name, keep=keep)
    for dataset, names, keeps in _CLASSES
    for name in names
    for keep in keeps
)
AT_MOST = {"imdb": 3_000, "20_newsgroups": 3_000}
"""Rows of each class, the rest being one; of all other data all rows."""

FOLDS = {"imdb": 3, "thucnews_titles": 5, "20_newsgroups": 3}

TIMES = {"imdb": 12.0, "thucnews_titles": 2.0, "20_newsgroups": 6.0}
"""As much as on spam takes a run, the threshold included."""

_ALWAYS = {line.name: line for line in PLAIN}
CLASS_WEIGHT, WORDS, AUTO = (_ALWAYS[name] for name in ("class_weight", "words", "auto"))


@dataclass(frozen=True)
class Finalists:
    """Section 6 of the protocol.

    Attributes
    ----------
    rival, miso : Contestant
        Of the closed league.
    open_rival, open_miso : Contestant
    beside : tuple of Contestant
        The closed rivals that come next, to say which is the best one of a task.
    """

    rival: Contestant
    miso: Contestant
    open_rival: Contestant
    open_miso: Contestant
    beside: tuple[Contestant, ...] = ()

    @property
    def few(self) -> tuple[Contestant, ...]:
        """All lines that are run on few rows of the class, each once."""
        lines = (*self.rivals, self.miso, self.open_rival, self.open_miso, AUTO)
        return tuple({identity(line): line for line in lines}.values())

    @property
    def rivals(self) -> tuple[Contestant, ...]:
        """What the best closed rival of a task is looked for among, each once."""
        lines = (CLASS_WEIGHT, self.rival, *self.beside, ERM, WORDS)
        return tuple({identity(line): line for line in lines}.values())

    @property
    def whole(self) -> tuple[Contestant, ...]:
        """Those that are given all rows of it too."""
        return CLASS_WEIGHT, WORDS


CHOSEN: Finalists | None = None
"""None until the design has been computed."""

OUT: dict[tuple[str, str], str] = {}
"""Names of lines and data sets whose runs are not executed, and why: cut before any score was seen, or failed twice."""

Cell = tuple[Place, str]
"""Where a line is run, and its identity."""


def settings_of(line: Contestant) -> dict[str, Any]:
    """All that a line's runs are given."""
    return {**SETTINGS, **line.settings}


def identity(line: Contestant) -> str:
    """What tells a line's rows from those of others."""
    return identity_of(line.method, line.backbone, settings_of(line))


def cells_of(chosen: Finalists) -> dict[Cell, int]:
    """Of all that is to be run, the number of folds."""
    found = {}
    for made in TASKS:
        for whole, lines in ((False, chosen.few), (True, chosen.whole)):
            for line in lines_on(made, lines):
                found[place_of(made, whole=whole), identity(line)] = FOLDS[made.dataset]
    return found


def lines_on(made: Set, lines: Iterable[Contestant]) -> list[Contestant]:
    """The lines that are not out on a set."""
    return [line for line in lines if (line.name, made.dataset) not in OUT]


def parts(chosen: Finalists, *, whole: bool) -> Iterator[Part]:
    """Runs on all tasks; all rows of a class are its own ceiling, however few it is held against."""
    lines = chosen.whole if whole else chosen.few
    sets = {replace(made, name="", keep=None): made for made in TASKS}.keys() if whole else TASKS
    for made in sets:
        task = task_of(made, at_most=AT_MOST.get(made.dataset))
        there = lines_on(made, lines)
        yield Part(task, runs_of(task, there, SETTINGS, keep=made.keep, n_folds=FOLDS[made.dataset]))


def seconds_of(run: Run, task: Task, grid: str) -> float:
    """What a run takes."""
    return seconds_of_design(run, task, grid) * TIMES[task.name]


def main() -> None:
    grids = {"few": False, "ceiling": True}
    arguments = asked(__doc__, grids)
    if CHOSEN is None:
        sys.exit("nobody is chosen yet: section 6 of benchmarks/miso_protocol.md")
    with linked():
        fill_grids(
            arguments,
            "confirm",
            {grid: partial(parts, CHOSEN, whole=whole) for grid, whole in grids.items()},
            seconds_of,
        )


if __name__ == "__main__":
    main()
