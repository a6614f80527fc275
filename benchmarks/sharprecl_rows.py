"""Gathered rows of SharpReCL's grids, by the lines of the tables that ``counterpoise reproduce`` prints.

rows = read_lines([Path("benchmarks/results/sharprecl_textcnn.csv")])
rows["TREC"]["SharpReCL, TextCNN"][0, 0]["macro_f1"]                # seed 0, fold 0; a share
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from counterpoise.experiments.papers.base import Budget, Line, Set
from counterpoise.experiments.papers.sharprecl_lines import AS_SCRIPT, ASKED, MAIN, SETS
from gathered import Row, read_rows

Runs = dict[tuple[int, int], Row]

_TELLING = {name for line in MAIN for name in line.settings}


def read_lines(paths: Iterable[Path]) -> dict[str, dict[str, Runs]]:
    """Finished runs by set, line, then seed and fold; of two of one cell the later one counts."""
    found: dict[str, dict[str, Runs]] = defaultdict(lambda: defaultdict(dict))
    for path in paths:
        for row in read_rows(path):
            made, line = _set_of(row), _line_of(row)
            if made is not None and line is not None and row["status"] == "done":
                found[made.name][line.name][int(row["seed"]), int(row["fold"])] = row
    return found


def n_runs(made: Set, line: Line, budget: Budget) -> int:
    """How many runs a budget has of a line on a set."""
    seeds = 1 if line in (AS_SCRIPT, ASKED) else budget.seeds if made.given else budget.fold_seeds
    return seeds * (1 if made.given else budget.folds)


def _set_of(row: Row) -> Set | None:
    keep = row["keep"] or None
    return next((made for made in SETS if (made.dataset, made.keep) == (row["dataset"], keep)), None)


def _line_of(row: Row) -> Line | None:
    given = {
        f"{kind}__{name}": value
        for kind in ("method", "backbone")
        for name, value in json.loads(row[f"{kind}_settings"]).items()
    }
    own = {name: value for name, value in given.items() if name in _TELLING}
    wanted = (row["method"], row["backbone"] or None, own)
    return next((line for line in MAIN if (line.method, line.backbone, line.settings) == wanted), None)
