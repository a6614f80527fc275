"""Tables of MISO's design, for ``tables.py``: what factors do, how much of the gap lines close, who leads, and why.

Who is a finalist is told by the rules of section 4 of ``miso_protocol.md``.

    paths = sorted(Path("benchmarks/results").glob("design_*.csv"))
    effects(paths), gaps(paths), ranking(paths), finalists(paths), broken(paths), why(paths)

The rows are those of ``miso_design.py``. A line stands in a table only if all of its runs are there; which ones are
left out is said below it. Intervals are those of ``design_statistics.py``: about these tasks, and corrected for none of
the many lines and factors that are looked at.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from counterpoise.experiments.papers.base import Set
from design_lines import (
    BROKEN,
    CEILING,
    CONTROLS,
    EDITED,
    EDITOR,
    FACTORS,
    MISO,
    PLAIN,
    POINTER,
    RANKED,
    RIVALS,
    ROUTES,
    Contestant,
    identity_of,
)
from design_statistics import of_a_share, pooled
from gathered import Row, read_rows, row_settings
from markdown import table_of
from miso_design import ERM, GRIDS, MORE, N_FOLDS, TASKS, TELLS_SOURCES, Cell, Place, cells_of, place_of

METRIC = "average_precision"
WORTH_CLOSING = 0.02
"""A gap up to this is none: a share of it would say nothing."""
AFFORDABLE = 5.0
"""Times the seconds of class weights that a finalist may take."""
ALIKE = 0.005
"""So near the best line of MISO its defaults are taken in its place."""

_CLASS_WEIGHT = CEILING[0]
_CELLS = tuple(line for line in GRIDS["cells"][0] if line != ERM)
_LINES = (*PLAIN, *ROUTES, *_CELLS, *(line for line in RIVALS if line.reference))
_FIRST = {(0, fold) for fold in range(N_FOLDS)}
_WHY = {
    "difficult_share_after": "difficult, rare",
    "majority_difficult_share_after": "difficult, others",
    "margin_rare": "margin, rare",
    "margin_common": "margin, others",
}
_MISOS = {"miso", "miso_edit"}
N_RIVALS = {"closed": 3, "open": 1}
"""Of a league: the first is the rival, the others stand beside it, to say which is the best one of a task."""
_UNCORRECTED = "Intervals are not corrected for the number of lines."

Scores = Mapping[Cell, float]
Runs = Mapping[Place, Mapping[str, Mapping[Cell, Row]]]
"""Rows by place, identity of a line, then seed and fold."""


def read_runs(paths: Sequence[Path]) -> Runs:
    """All finished runs; a line that has two names has one identity.

    Grids are not all the work of one machine, so that seconds do not compare. Each run has ``times_plain`` too: its
    seconds as so many times those of plain training of TextCNN on the same fitting sides by the same kind of machine.
    """
    found: dict[Place, dict[str, dict[Cell, Row]]] = defaultdict(lambda: defaultdict(dict))
    plain: dict[tuple[Place, str], list[float]] = defaultdict(list)
    for row in (row for path in paths for row in read_rows(path)):
        if row["status"] == "done":
            settings = {**json.loads(row["estimator"]), **row_settings(row)}
            place = row["dataset"], row["minority"], row["keep"]
            identity = identity_of(row["method"], row["backbone"] or None, settings)
            found[place][identity][int(row["seed"]), int(row["fold"])] = row
            if identity == ERM.identity and row["fit_seconds"]:
                plain[place, row["machine"]].append(float(row["fit_seconds"]))
    for place, lines in found.items():
        for row in (row for cells in lines.values() for row in cells.values()):
            if seconds := plain.get((place, row["machine"])):
                row["times_plain"] = str(float(row["fit_seconds"]) / np.mean(seconds))
    return found


def _scores(runs: Runs, line: Contestant, made: Set, metric: str = METRIC, *, whole: bool = False) -> Scores:
    rows = runs.get(place_of(made, whole=whole), {}).get(line.identity, {})
    return {cell: float(row[metric]) for cell, row in rows.items() if row.get(metric)}


class _Absent:
    """Keeps count of what lacks runs, to be said below a table."""

    def __init__(self, runs: Runs) -> None:
        self.runs = runs
        self.lacking: dict[str, tuple[int, int]] = {}

    def misses(
        self,
        line: Contestant,
        sets: Iterable[Set],
        name: str,
        wanted: set[Cell] | None = None,
        *,
        whole: bool = False,
    ) -> bool:
        """Whether a line lacks any of its runs, or of those that are wanted, on some sets."""
        lacking = total = 0
        for made in sets:
            cells = cells_of(line, made, whole=whole) if wanted is None else wanted
            total += len(cells)
            lacking += len(cells - set(_scores(self.runs, line, made, whole=whole)))
        if lacking:
            self.lacking[name] = (lacking, total)
        return lacking > 0

    def __str__(self) -> str:
        partly = [f"{name} ({n} of {total} runs)" for name, (n, total) in self.lacking.items() if n < total]
        wholly = [name for name, (n, total) in self.lacking.items() if n == total]
        return " ".join(
            f"{said}: {'; '.join(names)}."
            for said, names in (("Left out, since runs are missing", partly), ("Not run yet", wholly))
            if names
        )


def _page(table: str, *foot: str) -> str:
    return "\n\n".join([table, *(said for said in foot if said)])


def effects(paths: Sequence[Path]) -> str:
    """Of each factor and generator the mean of the cells where it is on, less that of the others, by task and overall.

    The factor ``sources`` is judged where difficult and easy texts can both be written from. Of one seed.
    """
    runs = read_runs(paths)
    absent = _Absent(runs)
    lines = []
    for method, cells in (("miso", POINTER), ("miso_edit", EDITED)):
        if [line for line in cells if absent.misses(line, TASKS, line.name, _FIRST)]:
            continue
        for factor, (setting, _, level) in FACTORS.items():
            on = [line for line in cells if line.settings.get(f"method__{setting}") == level]
            off = [line for line in cells if line not in on]
            if not on:
                continue
            by_task = {
                made.dataset: _effect(runs, made, on, off)
                for made in TASKS
                if factor != "sources" or made.dataset in TELLS_SOURCES
            }
            means = [
                f"{np.mean(by_task[made.dataset]):+.3f}" if made.dataset in by_task else "" for made in TASKS
            ]
            lines.append([f"`{method}`", factor, *means, pooled(list(by_task.values()))])
    head = ["generator", "factor", *(made.dataset for made in TASKS), "mean [95% interval]"]
    return _page(table_of(head, lines), str(absent), _UNCORRECTED)


def _effect(runs: Runs, made: Set, on: Sequence[Contestant], off: Sequence[Contestant]) -> list[float]:
    """One difference a fold."""
    sides = [[_scores(runs, line, made) for line in side] for side in (on, off)]
    with_, without = ([np.mean([own[cell] for own in side]) for cell in sorted(_FIRST)] for side in sides)
    return np.subtract(with_, without).tolist()


def gaps(paths: Sequence[Path]) -> str:
    """Average precision of each line, and the share of its gap that it closes, by task and overall.

    The gap of a line is that of the plain line of its kind, its reference: what that one gives with all texts of the
    class less what it gives with the few. The share is of what the line has more than its reference with the few. Both
    are of the seeds and folds that all three have, on tasks where the gap exceeds :data:`WORTH_CLOSING`; overall it is
    the mean gain over the mean gap.
    """
    runs = read_runs(paths)
    absent = _Absent(runs)
    plain = {line.name: line for line in PLAIN}
    lines = []
    shown = [
        *((line, line.name, False) for line in _LINES),
        *((line, f"{line.name}, all texts", True) for line in CEILING),
    ]
    left_out = {name for line, name, whole in shown if absent.misses(line, TASKS, name, whole=whole)}
    for line, name, whole in shown:
        if name in left_out:
            continue
        reference = plain[line.reference]
        known = not {reference.name, f"{reference.name}, all texts"} & left_out
        cells, gains, widths = [], [], []
        for made in TASKS:
            own = _scores(runs, line, made, whole=whole)
            few, all_texts = (_scores(runs, reference, made, whole=each) for each in (False, True))
            pairs = sorted(set(own) & set(few) & set(all_texts))
            said = f"{np.mean(list(own.values())):.3f}"
            width = [all_texts[cell] - few[cell] for cell in pairs]
            if known and np.mean(width) > WORTH_CLOSING:
                gains.append([own[cell] - few[cell] for cell in pairs])
                widths.append(width)
                said += f" ({np.mean(gains[-1]) / np.mean(width):+.0%})"
            cells.append(said)
        share = of_a_share(gains, widths) if gains else ""
        lines.append([name, line.league, reference.name, *cells, share])
    head = ["line", "league", "gap of", *(made.dataset for made in TASKS), "share of the gap [95% interval]"]
    return _page(table_of(head, lines), str(absent), _UNCORRECTED)


def ranking(paths: Sequence[Path]) -> str:
    """Average precision of what has no part broken or swapped, the best mean of the first seed first; and the rivals.

    MISO and its editor are shown, and are nobody's rivals; nor is what stands beside the leagues. The open rival is a
    blend, and not `auto`, which takes a blend by itself.
    """
    runs = read_runs(paths)
    absent = _Absent(runs)
    sets = (*TASKS, *MORE)
    scores = {
        line.name: [[_scores(runs, line, made)[cell] for cell in sorted(_FIRST)] for made in sets]
        for line in RANKED
        if not absent.misses(line, sets, line.name, _FIRST)
    }
    means = {name: [float(np.mean(own)) for own in by_set] for name, by_set in scores.items()}
    ranked = sorted(
        (line for line in RANKED if line.name in scores), key=lambda line: -float(np.mean(means[line.name]))
    )
    plain = scores.get(_CLASS_WEIGHT.name)
    lines = [
        [
            line.name,
            line.league,
            *(f"{mean:.3f}" for mean in means[line.name]),
            f"{np.mean(means[line.name]):.3f}",
            "" if plain is None else pooled(np.subtract(scores[line.name], plain).tolist()),
        ]
        for line in ranked
    ]
    rivals = []
    for league in ("closed", "open"):
        of_it = [line.name for line in ranked if line.league == league and _is_rival(line)]
        rivals += [f"{league} league, {', '.join(of_it[: N_RIVALS[league]])}"] if of_it else []
    named = f"Rivals so far, by the mean: {'; '.join(rivals)}." if rivals else ""
    less = f"less {_CLASS_WEIGHT.name} [95% interval]"
    head = ["line", "league", *(made.dataset for made in sets), "mean", less]
    return _page(table_of(head, lines), named, str(absent), _UNCORRECTED)


def _is_rival(line: Contestant) -> bool:
    if line.league == "open":
        return line.method == "blend" and not _MISOS & set(line.settings.get("method__members", ()))
    return line.method not in _MISOS


def finalists(paths: Sequence[Path]) -> str:
    """MISO's lines of the closed league by their means over the design's tasks, of the first seed; who is chosen.

    Controls, and what takes more than :data:`AFFORDABLE` times the seconds of class weights, are shown and not chosen.
    Seconds of unlike machines are compared by what each takes for plain training.
    """
    runs = read_runs(paths)
    absent = _Absent(runs)
    candidates = {
        line.identity: line
        for line in (*ROUTES, *_CELLS)
        if line.method in _MISOS and line.backbone == "textcnn" and line.league == "closed"
    }
    lines = [line for line in candidates.values() if not absent.misses(line, TASKS, line.name, _FIRST)]
    if any(absent.misses(line, TASKS, line.name, _FIRST) for line in (_CLASS_WEIGHT, ERM)):
        lines = []
    by_task = {line.name: [_of_first(runs, line, made, METRIC) for made in TASKS] for line in lines}
    means = {name: float(np.mean(own)) for name, own in by_task.items()}
    times = {line.name: _times_of_first(runs, line) / _times_of_first(runs, _CLASS_WEIGHT) for line in lines}
    lines.sort(key=lambda line: -means[line.name])
    able = [line for line in lines if line.name not in CONTROLS and times[line.name] <= AFFORDABLE]
    rows = [
        [
            line.name,
            *(f"{mean:.3f}" for mean in by_task[line.name]),
            f"{means[line.name]:.4f}",
            f"{times[line.name]:.1f}",
            "a control" if line.name in CONTROLS else "" if line in able else "takes too long",
        ]
        for line in lines
    ]
    chosen = ""
    if able:
        near = [line for line in able if means[able[0].name] - means[line.name] <= ALIKE]
        as_they_are = [line for line in near if line in (EDITOR, MISO)]
        chosen = f"Chosen so far: {(as_they_are or able)[0].name}."
    head = ["line", *(made.dataset for made in TASKS), "mean", "times the seconds of class weights", ""]
    return _page(table_of(head, rows), chosen, str(absent))


def _times_of_first(runs: Runs, line: Contestant) -> float:
    """Seconds as so many times those of plain training."""
    return float(np.mean([_of_first(runs, line, made, "times_plain") for made in TASKS]))


def _of_first(runs: Runs, line: Contestant, made: Set, metric: str) -> float:
    own = _scores(runs, line, made, metric)
    return float(np.mean([own[cell] for cell in _FIRST]))


def broken(paths: Sequence[Path]) -> str:
    """What a part of MISO is worth: the line with it whole less that with it broken, by task and overall."""
    runs = read_runs(paths)
    absent = _Absent(runs)
    by_name = {line.name: line for line in ROUTES}
    rows = []
    for part, worse, better in BROKEN:
        pair = [by_name[name] for name in (better, worse)]
        missing = [line.name for line in pair if absent.misses(line, TASKS, line.name)]
        if missing:
            continue
        less = []
        for made in TASKS:
            own, other = (_scores(runs, line, made) for line in pair)
            less.append([own[cell] - other[cell] for cell in sorted(set(own) & set(other))])
        rows.append([part, better, worse, *(f"{np.mean(each):+.3f}" for each in less), pooled(less)])
    head = ["broken", "whole", "less", *(made.dataset for made in TASKS), "mean [95% interval]"]
    return _page(table_of(head, rows), str(absent), _UNCORRECTED)


def why(paths: Sequence[Path]) -> str:
    """Difficult test samples in the trained embedding, margins of test samples and seconds of each line, mean of tasks.

    In brackets what that is more than of class weights, for lines before the same network; seconds as so many times,
    by what each machine takes for plain training.
    """
    runs = read_runs(paths)
    absent = _Absent(runs)
    lines = []
    for line in _LINES:
        if absent.misses(line, TASKS, line.name):
            continue
        cells = []
        for metric in _WHY:
            own, plain = (_mean(runs, each, metric, like=line) for each in (line, _CLASS_WEIGHT))
            said = "" if own is None else f"{own:.3f}"
            if own is not None and plain is not None and line.reference == _CLASS_WEIGHT.name:
                said += f" ({own - plain:+.3f})"
            cells.append(said)
        own, plain = (_mean(runs, each, "times_plain", like=line) for each in (line, _CLASS_WEIGHT))
        times = "" if not own or not plain else f" ({own / plain:.1f} x)"
        seconds = _mean(runs, line, "fit_seconds", like=line)
        lines.append([line.name, *cells, "" if seconds is None else f"{seconds:.1f}{times}"])
    head = ["line", *_WHY.values(), "seconds to fit"]
    return _page(table_of(head, lines), str(absent))


def _mean(runs: Runs, line: Contestant, metric: str, *, like: Contestant) -> float | None:
    """Mean over tasks of the runs that another line has too; None where one of these lacks the metric."""
    means = []
    for made in TASKS:
        own, wanted = _scores(runs, line, made, metric), cells_of(like, made)
        if not wanted <= set(own):
            return None
        means.append(float(np.mean([own[cell] for cell in wanted])))
    return float(np.mean(means))
