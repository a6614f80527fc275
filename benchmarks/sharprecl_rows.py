"""Gathered rows of SharpReCL's grids, by the lines of the tables that ``counterpoise reproduce`` prints.

rows = read_lines([Path("benchmarks/results/sharprecl_textcnn.csv")], BUDGETS["medium"])
rows["TREC"]["SharpReCL, TextCNN"][0, 0]["macro_f1"]                # seed 0, fold 0; a share
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from counterpoise.experiments.papers.base import Budget, Line, Set
from counterpoise.experiments.papers.sharprecl_lines import AS_SCRIPT, ASKED, MAIN, SETS, settings_of
from gathered import Row, read_rows, row_settings

Runs = dict[tuple[int, int], Row]

_NAMED = ("method__view", "method__encoder", "method__model", "backbone__name")
"""Settings that name data or a model, which are no part of what a line is."""


def read_lines(
    paths: Iterable[Path], budget: Budget, lines: Sequence[Line] = MAIN, selection: str = "validation"
) -> dict[str, dict[str, Runs]]:
    """Finished runs of a budget by set, line, then seed and fold; of two of one cell the later one counts.

    Runs of another budget, and those whose epoch was chosen otherwise, are left out.
    """
    found: dict[str, dict[str, Runs]] = defaultdict(lambda: defaultdict(dict))
    for path in paths:
        for row in read_rows(path):
            made, line = _set_of(row), _line_of(row, budget, lines, selection)
            if made is not None and line is not None and row["status"] == "done":
                found[made.name][line.name][int(row["seed"]), int(row["fold"])] = row
    return found


def whole_lines(
    paths: Iterable[Path], budget: Budget, lines: Sequence[Line] = MAIN, selection: str = "validation"
) -> dict[str, dict[str, Runs]]:
    """Those of :func:`read_lines` that have all their runs on a set."""
    sets, named = {made.name: made for made in SETS}, {line.name: line for line in lines}
    found = {
        name: {
            line: runs for line, runs in by.items() if len(runs) == n_runs(sets[name], named[line], budget)
        }
        for name, by in read_lines(paths, budget, lines, selection).items()
    }
    return {name: by for name, by in found.items() if by}


def n_runs(made: Set, line: Line, budget: Budget) -> int:
    """How many runs a budget has of a line on a set."""
    seeds = 1 if line in (AS_SCRIPT, ASKED) else budget.seeds if made.given else budget.fold_seeds
    return seeds * (1 if made.given else budget.folds)


def _set_of(row: Row) -> Set | None:
    keep = row["keep"] or None
    return next((made for made in SETS if (made.dataset, made.keep) == (row["dataset"], keep)), None)


def _line_of(row: Row, budget: Budget, lines: Sequence[Line], selection: str) -> Line | None:
    given = json.loads(row["estimator"]) | row_settings(row)
    own = {name: value for name, value in given.items() if name not in _NAMED}
    for line in lines:
        wanted = settings_of(line, budget, selection)
        # Settings that a method has no use for are not in its rows.
        if (line.method, line.backbone) == (row["method"], row["backbone"] or None) and (
            own.items() <= wanted.items() and line.settings.items() <= own.items()
        ):
            return line
    return None
