"""Tables of MISO's fractional design, for ``tables.py``: what factors do, how much of the gap lines close, who leads.

    paths = sorted(Path("benchmarks/results").glob("design_*.csv"))
    effects(paths), gaps(paths), ranking(paths)

The rows are those of ``miso_design.py``.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy.stats import t

from counterpoise.experiments.papers.base import Line
from gathered import read_rows, row_settings
from markdown import table_of
from miso_design import CELLS, FACTORS, MORE, N_FOLDS, PLAIN, RIVALS, ROUTES, TASKS

METRIC = "average_precision"
REFERENCE = "class_weight"
PRETRAINED = ("encoder", "auto", "blend")
"""What is in the names of lines in which a pretrained encoder has a part, and in no others'."""

Scores = dict[str, dict[str, dict[tuple[int, int], float]]]
"""By task, line, then seed and fold."""


def read_scores(paths: Sequence[Path], lines: Sequence[Line], *, whole: bool = False) -> Scores:
    """Average precision of lines on all tasks; of ``whole`` fitting sides, or of those that the design has."""
    thinned = {made.dataset for made in (*TASKS, *MORE) if made.keep}
    found: Scores = defaultdict(lambda: defaultdict(dict))
    names = {_identity(line.method, line.backbone, line.settings): line.name for line in lines}
    for row in (row for path in paths for row in read_rows(path)):
        name = names.get(_identity(row["method"], row["backbone"] or None, row_settings(row)))
        if (
            name is not None
            and row["status"] == "done"
            and whole == (row["dataset"] in thinned and not row["keep"])
        ):
            found[row["dataset"]][name][int(row["seed"]), int(row["fold"])] = float(row[METRIC])
    return found


def _identity(method: str, backbone: str | None, settings: Mapping[str, object]) -> str:
    return json.dumps([method, backbone, settings], sort_keys=True)


def effects(paths: Sequence[Path]) -> str:
    """Of each factor and generator the mean of the cells where it is on, less that of the others, by task and overall.

    The interval is about these tasks: variances over folds, pooled over tasks, with Nadeau and Bengio's allowance for
    fitting sides that overlap.
    """
    scores = read_scores(paths, CELLS)
    tasks = [made.dataset for made in TASKS if made.dataset in scores]
    lines = []
    for method in ("miso", "miso_edit"):
        cells = [line for line in CELLS if line.name.startswith(f"{method}: ")]
        for factor in FACTORS:
            on = [line.name for line in cells if factor in line.name.partition(": ")[2].split(", ")]
            off = [line.name for line in cells if line.name not in on]
            by_task = [_effect(scores[task], on, off) for task in tasks] if on else []
            if by_task and all(len(each) == N_FOLDS for each in by_task):
                means = [f"{np.mean(each):+.3f}" for each in by_task]
                lines.append([f"`{method}`", factor, *means, _pooled(by_task)])
    return table_of(["generator", "factor", *tasks, "mean [95% interval]"], lines)


def _effect(
    by: Mapping[str, Mapping[tuple[int, int], float]], on: Sequence[str], off: Sequence[str]
) -> list[float]:
    """One difference a fold, where all cells have it."""
    shared = set.intersection(*(set(by.get(name, {})) for name in (*on, *off)))
    return [
        float(np.mean([by[name][cell] for name in on]) - np.mean([by[name][cell] for name in off]))
        for cell in sorted(shared)
    ]


def _pooled(by_task: Sequence[Sequence[float]]) -> str:
    values = np.array(by_task)
    variance = float(values.var(axis=1, ddof=1).mean())
    error = (variance * (1 / N_FOLDS + 1 / (N_FOLDS - 1)) / len(values)) ** 0.5
    reach = float(t.ppf(0.975, len(values) * (N_FOLDS - 1))) * error
    mean = float(values.mean())
    return f"{mean:+.4f} [{mean - reach:+.4f}, {mean + reach:+.4f}]"


def gaps(paths: Sequence[Path]) -> str:
    """Average precision of each line, and the share of the gap that it closes, by task and in the mean.

    The gap is from class weights on the few texts to the best of the plain lines of its league on all of them.
    """
    few, all_texts = read_scores(paths, (*PLAIN, *ROUTES, *CELLS)), read_scores(paths, PLAIN, whole=True)
    tasks = [
        made.dataset for made in TASKS if REFERENCE in few.get(made.dataset, {}) and all_texts[made.dataset]
    ]
    bests = {open_: [_best(all_texts[task], open_) for task in tasks] for open_ in (False, True)}
    lines = []
    for line in dict.fromkeys(line.name for line in (*PLAIN, *ROUTES, *CELLS)):
        means = [_mean(few[task].get(line)) for task in tasks]
        if any(mean is None for mean in means):
            continue
        shares = [
            (float(mean or 0.0) - start) / (best - start)
            for mean, best, start in zip(
                means,
                bests[is_open(line)],
                (float(_mean(few[task][REFERENCE]) or 0.0) for task in tasks),
                strict=True,
            )
        ]
        cells = [f"{mean:.3f} ({share:+.0%})" for mean, share in zip(means, shares, strict=True)]
        lines.append([line, "open" if is_open(line) else "", *cells, f"{np.mean(shares):+.0%}"])
    for open_, name in ((False, "the best on all texts"), (True, "the best on all texts, open")):
        lines.append([name, "open" if open_ else "", *(f"{best:.3f}" for best in bests[open_]), "+100%"])
    return table_of(["line", "league", *tasks, "share of the gap"], lines)


def ranking(paths: Sequence[Path]) -> str:
    """Average precision of what has no part broken or swapped, the best mean of the first seed first.

    Of lines that are whole on all sets, the rival's choice being on all of them.
    """
    every = (*PLAIN, *RIVALS, *ROUTES[:2])
    scores = read_scores(paths, every)
    sets = [made.dataset for made in (*TASKS, *MORE)]
    lines = []
    for name in (line.name for line in every):
        firsts = [_first_seed(scores[each].get(name, {})) for each in sets]
        if all(len(own) == N_FOLDS for own in firsts):
            means = [float(np.mean(own)) for own in firsts]
            lines.append((name, means, float(np.mean(means))))
    lines.sort(key=lambda line: -line[2])
    cells = [
        [name, "open" if is_open(name) else "", *(f"{each:.3f}" for each in means), f"{mean:.3f}"]
        for name, means, mean in lines
    ]
    return table_of(["line", "league", *sets, "mean"], cells)


def _first_seed(own: Mapping[tuple[int, int], float]) -> list[float]:
    return [score for (seed, _), score in sorted(own.items()) if seed == 0]


def is_open(name: str) -> bool:
    """Whether a line has a pretrained encoder in it."""
    return any(word in name for word in PRETRAINED)


def _best(by: Mapping[str, Mapping[tuple[int, int], float]], open_: bool) -> float:
    return max(float(_mean(own) or 0.0) for name, own in by.items() if open_ or not is_open(name))


def _mean(own: Mapping[tuple[int, int], float] | None) -> float | None:
    return float(np.mean(list(own.values()))) if own else None
