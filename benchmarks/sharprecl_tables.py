"""Tables of SharpReCL, for ``tables.py``: against its rivals, part by part, and with the epoch that the test chose."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from compared import Folds
from counterpoise.experiments.paired_tests import corrected_t_test
from counterpoise.experiments.papers.base import Line
from counterpoise.experiments.papers.sharprecl_lines import ABLATION, AS_SCRIPT, BUDGETS, MAIN, PUT_BACK
from counterpoise.experiments.papers.sharprecl_numbers import ORIGIN, SCRIPT
from counterpoise.metrics.many_classes import PRIOR_CORRECTED
from gathered import read_rows
from markdown import table_of
from sharprecl_rows import Runs, whole_lines
from sharprecl_tail import COUNTERPARTS, TAIL_LINES

Table = tuple[list[str], list[list[str]]]

_SCRIPT = "sharprecl_evidence.py"


def sharprecl(rows: Path) -> str:
    """Means of all lines, SharpReCL against its best rivals, and what the runs cost; of all grids beside this one."""
    paths = [path for path in sorted(rows.parent.glob("sharprecl_*.csv")) if path.stem not in _OTHERS]
    found = whole_lines(paths, BUDGETS["medium"])
    parts = []
    for metric, what in _SHARPRECL.items():
        scores = {made: _both_decisions(by, metric) for made, by in found.items()}
        parts += [f"{what}, in percent, means over runs:", table_of(*_line_means(scores, metric))]
        folds = {made: _n_folds(lines) for made, lines in found.items()}
        parts += [
            f"{what}, SharpReCL minus a rival, in points, paired over runs; of the two decisions SharpReCL has the one "
            "that is better for it on these very test rows, as each rival has, so both are optimistic:",
            table_of(*_gains(scores, folds)),
            f"{what}, SharpReCL minus one rival, in points, by the largest logit, means over sets:",
            table_of(*_one_rival(scores)),
        ]
    scores = {made: _both_decisions(by, "accuracy") for made, by in found.items()}
    parts += ["Accuracy, in percent, means over runs:", table_of(*_line_means(scores, "accuracy"))]
    return "\n\n".join([*parts, ORIGIN, _cost(paths)])


def sharprecl_selection(rows: Path) -> str:
    """What it is worth to let the test side choose the epoch: both ways, and the paired difference in points."""
    honest = whole_lines([rows.with_name("sharprecl_textcnn.csv")], BUDGETS["medium"])
    hopeful = whole_lines([rows], BUDGETS["medium"], selection="test")
    metric = "macro_f1"
    parts = []
    for made, by in hopeful.items():
        scores = [_both_decisions(lines, metric) for lines in (honest.get(made, {}), by)]
        cells = []
        for name in (name for name in scores[0] if name in scores[1]):
            means = [f"{100 * _mean(own[name]):.1f}" for own in scores]
            gain = _against_best(scores[1][name], {name: scores[0][name]}, _n_folds(by))[1]
            cells.append([name, *means, gain])
        head = [made, "chosen as by default", "chosen on the test", "difference [95% interval]"]
        parts += [table_of(head, cells)] if cells else []
    return "\n\n".join(["Macro F1, in percent, means over runs:", *parts, _cost([rows])])


def _n_folds(lines: dict[str, Runs]) -> int:
    return max(int(row["n_folds"]) for runs in lines.values() for row in runs.values())


def sharprecl_ablation(rows: Path) -> str:
    """SharpReCL with each part off, and the paired difference that this makes, in points; by both decisions."""
    return _ablation(rows, ABLATION)


def sharprecl_ablation_tail(rows: Path) -> str:
    """The same on the steepest long tails, and past features for batches that lack classes."""
    return _ablation(rows, TAIL_LINES, "sharprecl_tail.py")


def _ablation(rows: Path, lines: Sequence[Line], script: str = _SCRIPT) -> str:
    found = whole_lines([rows], BUDGETS["medium"], lines)
    parts = []
    for ending, said in (("", "Decided by the largest logit"), (PRIOR_CORRECTED, "With the prior put back")):
        parts += [f"{said}:", table_of(*_parts_off(found, lines, ending))]
    others = {line.name: COUNTERPARTS[line.name] for line in lines if line.name in COUNTERPARTS}
    parts += [f"The line '{name}' stands against '{other}', not the whole." for name, other in others.items()]
    return "\n\n".join([*parts, _cost([rows], script)])


def _parts_off(found: dict[str, dict[str, Runs]], lines: Sequence[Line], ending: str) -> Table:
    whole = lines[0].name
    head, shown = ["SharpReCL, TextCNN"], {line.name: [line.name] for line in lines}
    for made, by in found.items():
        for metric, what in _SHARPRECL.items():
            head += [f"{made}: {what}", "against the whole"]
            scores = {name: _folds(runs, f"{metric}{ending}") for name, runs in by.items()}
            for name, cells in shown.items():
                mean, gap, other = "-", "-", COUNTERPARTS.get(name, whole)
                if name in scores:
                    mean = f"{100 * _mean(scores[name]):.1f}"
                    rivals = {other: scores[other]} if other in scores and other != name else {}
                    gap = _against_best(scores[name], rivals, _n_folds(by))[1]
                cells += [mean, gap]
    shown[whole][0] = "whole"
    return head, list(shown.values())


_OTHERS = ("sharprecl_ablation", "sharprecl_ablation_tail", "sharprecl_selection")
_SHARPRECL = {"macro_f1": "Macro F1", "f1_rarest_third": "F1 of the rarest third of the classes"}
_OWN = "SharpReCL"


def _both_decisions(lines: dict[str, Runs], metric: str) -> dict[str, Folds]:
    """A metric of lines decided by the largest logit, and where that is another one with the prior put back."""
    scores: dict[str, Folds] = {}
    for line, runs in lines.items():
        scores[line], put_back = _folds(runs, metric), _folds(runs, f"{metric}{PRIOR_CORRECTED}")
        if put_back != scores[line]:
            scores[f"{line}{PUT_BACK}"] = put_back
    return scores


def _folds(runs: Runs, metric: str) -> Folds:
    return {cell: float(row[metric]) for cell, row in runs.items()}


def _line_means(scores: dict[str, dict[str, Folds]], metric: str) -> Table:
    """One line a method and network, one column a set, then the authors' script; the best of ours in bold.

    What has one run is not the best: it is no mean, and a lucky one would be as good.
    """
    named = [name for line in MAIN for name in (line.name, f"{line.name}{PUT_BACK}")]
    lines = [name for name in named if any(name in by for by in scores.values())]
    best = {
        made: max((_mean(runs) for runs in by.values() if len(runs) > 1), default=None)
        for made, by in scores.items()
    }
    cells = [[line, *(_shown(by.get(line), best[made]) for made, by in scores.items())] for line in lines]
    for name, by_set in SCRIPT.items():
        theirs = [by_set.get(made, {}).get(metric) for made in scores]
        if any(value is not None for value in theirs):
            cells.append([name, *(_shown(None if s is None else {(0, 0): s}, None) for s in theirs)])
    return ["method", *scores], cells


def _shown(runs: Folds | None, best: float | None) -> str:
    """A mean in percent, in bold where it is the best, or the one run that there is."""
    if runs is None:
        return "-"
    mean = f"{100 * _mean(runs):.1f}"
    if len(runs) == 1:
        return f"{mean} (1 run)"
    return f"**{mean}**" if _mean(runs) == best else mean


def _gains(scores: dict[str, dict[str, Folds]], n_folds: dict[str, int]) -> Table:
    """Of each set and network SharpReCL against the rival with the best mean there, and against the best of all.

    SharpReCL is decided as is better for it there, and so is each rival.
    """
    cells = []
    for made, by in scores.items():
        rivals = {line: runs for line, runs in by.items() if not line.startswith(_OWN)}
        for network in _networks(by):
            name = _better(by, f"{_OWN}, {network}")
            own, decided = by[name], "prior put back" if name.endswith(PUT_BACK) else "largest logit"
            alike = {name: runs for name, runs in rivals.items() if _is_on(name, network)}
            against = [_against_best(own, group, n_folds[made]) for group in (alike, rivals)]
            cells.append([made, network, decided, *(cell for pair in against for cell in pair)])
    head = ["data", "network", "decided by", "best rival on it", "difference [95% interval]"]
    return [*head, "best rival of all", "difference [95% interval]"], cells


def _one_rival(scores: dict[str, dict[str, Folds]]) -> Table:
    """Of each network SharpReCL against the one line that has the best mean over all sets, and on those at 100:1.

    All by the largest logit; rivals of all kinds, then without SharpReCL's nearest kin.
    """
    cells = []
    for network in _networks(line for by in scores.values() for line in by):
        own = f"{_OWN}, {network}"
        sets = [made for made, by in scores.items() if own in by]
        every: set[str] = set()
        there = set.intersection(*(set(scores[made]) for made in sets))
        for kin, said in ((True, "all"), (False, "without BCL and KCL")):
            rivals = {
                line
                for line in there
                if (_is_on(line, network) or _is_linear(line, "encoder" in network))
                and not line.startswith(_OWN)
                and not line.endswith(PUT_BACK)
                and (kin or not line.startswith(("BCL", "KCL")))
            }
            if not kin and rivals == every:
                continue
            every = rivals
            means = {line: {made: _mean(scores[made][line]) for made in sets} for line in (own, *rivals)}
            best = max(rivals, key=lambda line: sum(means[line].values()))
            gaps = {made: 100 * (means[own][made] - means[best][made]) for made in sets}
            steep = [gap for made, gap in gaps.items() if made.endswith(" 100:1")]
            cells.append([network, said, best, f"{np.mean(list(gaps.values())):+.1f} ({len(gaps)} sets)"])
            cells[-1].append(f"{np.mean(steep):+.1f} ({len(steep)} sets)" if steep else "-")
    return ["network", "rivals", "best mean over all sets", "difference over these", "at 100:1"], cells


def _networks(lines: Iterable[str]) -> list[str]:
    """Networks that SharpReCL has lines on."""
    own = (line.removesuffix(PUT_BACK) for line in lines if line.startswith(f"{_OWN}, "))
    return list(dict.fromkeys(line.removeprefix(f"{_OWN}, ") for line in own if line != AS_SCRIPT.name))


def _is_on(line: str, network: str) -> bool:
    return line.removesuffix(PUT_BACK).endswith(f", {network}")


def _is_linear(line: str, encoder: bool) -> bool:
    """Whether a line is of logistic regression, over an encoder only where that may be."""
    return "logistic regression" in line and (encoder or "encoder" not in line)


def _better(by: dict[str, Folds], line: str) -> str:
    """A line, or the same with the prior put back if that has the better mean."""
    return max((name for name in (line, f"{line}{PUT_BACK}") if name in by), key=lambda name: _mean(by[name]))


def _mean(runs: Folds) -> float:
    return float(np.mean(list(runs.values())))


def _against_best(own: Folds, rivals: dict[str, Folds], n_folds: int) -> tuple[str, str]:
    """The rival with the best mean, and the mean difference to it in points."""
    if not rivals:
        return "-", "-"
    name = max(rivals, key=lambda rival: _mean(rivals[rival]))
    gaps = [100 * (own[cell] - rivals[name][cell]) for cell in sorted(own) if cell in rivals[name]]
    if len(gaps) < 2:
        return name, "-" if not gaps else f"{gaps[0]:+.1f}"
    # Fitting sides of folds overlap; seeds on one test side differ in the training alone.
    test = corrected_t_test(gaps, 1 / (n_folds - 1) if n_folds > 1 else 0.0)
    # Differences that are all one have no interval.
    reach = "" if test.low is None else f" [{test.low:+.1f}, {test.high:+.1f}]"
    return name, f"{test.mean:+.1f}{reach}"


def _cost(paths: list[Path], script: str = _SCRIPT) -> str:
    """Core-hours and origin of some files of rows."""
    every = {path.stem: read_rows(path) for path in paths}
    hours = {
        name: sum(float(row["fit_seconds"]) + float(row["predict_seconds"]) for row in rows) / 3600
        for name, rows in every.items()
    }
    told = ", ".join(f"`{name}` {own:.1f}" for name, own in hours.items())
    rows = [row for own in every.values() for row in own]
    times = sorted(row["finished_at"][:16].replace("T", " ") for row in rows)
    machines = " and ".join(sorted({row["machine"] for row in rows}))
    return (
        f"`python benchmarks/{script}`: {len(rows)} runs of one thread, {sum(hours.values()):.1f} "
        f"core-hours ({told}), {times[0]} to {times[-1]} UTC, {machines}; by the code of that time, of which each "
        "row has a digest in the column `source`. On a given test side runs are seeds, and an interval says nothing "
        "about other test rows."
    )
