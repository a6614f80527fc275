"""What the exported rows of a store say about one method: tables for the documentation.

    counterpoise leaderboard evidence.runs -o benchmarks/results/miso_grid.csv
    tables_of(read_grid(Path("benchmarks/results/miso_grid.csv"), "average_precision"), "miso")

Only methods that have all folds of a task stand in its line.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import paired
from counterpoise.data.near import enumerated
from counterpoise.experiments.rank_tests import critical_difference, friedman
from counterpoise.experiments.verdicts import judge

Folds = dict[tuple[int, int], float]


@dataclass(frozen=True)
class Grid:
    """Scores by backbone, task, method, then seed and fold.

    Attributes
    ----------
    scores : dict
    n_folds : int
    rows : list of dict
        What the scores are of.
    files : list of str
        Where these stand.
    """

    scores: dict[str, dict[str, dict[str, Folds]]]
    n_folds: int
    rows: list[dict[str, str]]
    files: list[str]

    def put_beside(self, other: Grid, method: str, name: str) -> None:
        """Put a method of another grid beside the own ones, under a name."""
        for (backbone, tasks), others in zip(self.scores.items(), other.scores.values(), strict=True):
            for task in tasks:
                self.scores[backbone][task][name] = others[task][method]
        self.rows.extend(row for row in other.rows if row["method"] == method)
        self.files.extend(other.files)

    @property
    def origin(self) -> str:
        """Where and with what the rows were made."""
        days = sorted({row["finished_at"][:10] for row in self.rows})
        seeds = sorted({int(row["seed"]) for row in self.rows})
        machines = sorted({row["machine"] for row in self.rows})
        return (
            f"{len(self.rows)} runs, {self.n_folds} folds, seeds {seeds}, {days[0]} to {days[-1]}, "
            f"{', '.join(machines)}; versions and keys stand in {enumerated(self.files)}"
        )


def read_grid(path: Path, metric: str) -> Grid:
    """Read an export; methods without a network stand with every backbone, rows without the metric are left out."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["status"] == "done" and row[metric]]
    backbones = list(dict.fromkeys(row["backbone"] for row in rows if row["backbone"])) or ["-"]
    scores: dict[str, Any] = {name: defaultdict(lambda: defaultdict(dict)) for name in backbones}
    for row in rows:
        kept = f" {float(row['keep']):.0%}" if row["keep"] else ""
        task = f"{row['dataset']} {row['minority']}{kept}"
        for name in [row["backbone"]] if row["backbone"] else backbones:
            scores[name][task][row["method"]][int(row["seed"]), int(row["fold"])] = float(row[metric])
    return Grid(scores, int(rows[0]["n_folds"]), rows, [f"`{path.parent.name}/{path.name}`"])


def tables_of(grid: Grid, method: str) -> list[tuple[list[str], list[list[str]]]]:
    """Tables as header and lines: the means, then one method against each other one.

    Parameters
    ----------
    grid : Grid
    method : str
        The one whose differences to the others are judged.
    """
    return [_means(grid), _against(grid, method)]


def rank_sentences(grid: Grid) -> list[str]:
    """Average ranks for each backbone over the tasks in which all methods have all folds."""
    sentences = []
    for backbone, tasks in grid.scores.items():
        methods = list(dict.fromkeys(name for by in tasks.values() for name in by))
        # Not a task in which some method has not run, or not on all folds.
        whole = [by for by in tasks.values() if len({frozenset(by.get(name, ())) for name in methods}) == 1]
        if len(whole) < 2:
            continue
        test = friedman([[_mean(by[name]) or 0.0 for name in methods] for by in whole])
        order = sorted(range(len(methods)), key=lambda i: test.ranks[i])
        ranks = ", ".join(f"`{methods[i]}` {test.ranks[i]:.1f}" for i in order)
        apart = critical_difference(len(methods), len(whole))
        sentences.append(
            f"{backbone}: average ranks over {len(whole)} tasks: {ranks} (Friedman p = {test.p:.2g}; less than "
            f"{apart:.1f} apart may be chance, Nemenyi, 5%)."
        )
    return sentences


def _mean(folds: Folds | None) -> float | None:
    return float(np.mean(list(folds.values()))) if folds else None


def _means(grid: Grid) -> tuple[list[str], list[list[str]]]:
    methods = list(
        dict.fromkeys(name for tasks in grid.scores.values() for by in tasks.values() for name in by)
    )
    lines = []
    for backbone, tasks in grid.scores.items():
        for task, by in tasks.items():
            # A method that is still running has no mean.
            most = max(len(folds) for folds in by.values())
            means = {name: _mean(folds) for name, folds in by.items() if len(folds) == most}
            best = max(value for value in means.values() if value is not None)
            cells = [means.get(name) for name in methods]
            lines.append(
                [backbone, task]
                + ["-" if c is None else f"**{c:.3f}**" if c == best else f"{c:.3f}" for c in cells]
            )
    return ["backbone", "task", *(f"`{name}`" for name in methods)], lines


def _against(grid: Grid, method: str) -> tuple[list[str], list[list[str]]]:
    """Over the tasks: how often better and worse by the corrected test, and the mean difference."""
    lines = []
    for backbone, tasks in grid.scores.items():
        others = list(dict.fromkeys(name for by in tasks.values() for name in by if name != method))
        for other in others:
            gaps, kinds = [], []
            for by in tasks.values():
                own, theirs = by.get(method, {}), by.get(other, {})
                if not own or set(own) != set(theirs):
                    continue
                cells = sorted(own)
                gaps.append(float(np.mean([own[cell] - theirs[cell] for cell in cells])))
                scores = {name: [by[name][cell] for cell in cells] for name in (method, other)}
                kinds.append(judge(scores, other, 1 / (grid.n_folds - 1)).verdicts[0].kind)
            if gaps:
                ahead = sum(gap > 0 for gap in gaps)
                lines.append(
                    [
                        backbone,
                        f"`{other}`",
                        f"{ahead} of {len(gaps)}",
                        f"{kinds.count('better')} / {kinds.count('worse')}",
                        f"{min(gaps):+.3f} to {max(gaps):+.3f}",
                        paired.in_words(paired.interval(gaps)),
                    ]
                )
    head = [
        "backbone",
        f"`{method}` against",
        "ahead on",
        "shown better / worse",
        "differences",
        "mean over tasks",
    ]
    return head, lines
