"""Tables of what methods are worth and cost, for ``tables.py``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from claims import Scores
from compared import Folds, Grid, rank_sentences, read_grid, tables_of
from counterpoise.experiments.paired_tests import corrected_t_test
from counterpoise.experiments.papers.sharprecl_lines import ABLATION, AS_SCRIPT, BUDGETS, MAIN, PUT_BACK
from counterpoise.experiments.papers.sharprecl_numbers import ORIGIN, SCRIPT
from counterpoise.metrics.many_classes import PRIOR_CORRECTED
from gathered import read_rows
from markdown import origin_of, table_of
from sharprecl_rows import Runs, whole_lines

Table = tuple[list[str], list[list[str]]]


def _methods(result: dict[str, Any]) -> Table:
    """One line a method, one pair of columns a task: whole fits and steps, relative to plain training."""
    tasks = list(result["settings"]["sets"])
    found = {(row["method"], row["task"]): row for row in result["summary"]}
    lines = []
    for name in dict.fromkeys(row["method"] for row in result["summary"]):
        line = [f"`{name}`"]
        for task in tasks:
            row = found.get((name, task))
            line += _cells(row) if row else ["-"] * 4
        lines.append(line)
    head = ["method"]
    for task in tasks:
        head += [f"{task}: seconds", "times `erm`", "steps", "a step"]
    return head, lines


def _cells(row: dict[str, Any]) -> list[str]:
    times = f"{row['times_erm']:.2f} [{row['least']:.2f}, {row['most']:.2f}]"
    if row["bar"] is not None:
        times += f" ({row['bar']:g}: {'met' if row['times_erm'] <= row['bar'] else 'missed'})"
    step = "-" if row["step"] is None else f"{row['step']:.2f}"
    return [f"{row['seconds']:.1f}", times, f"{row['steps']:.2f}", step]


def _samplers(result: dict[str, Any]) -> Table:
    """Times as fast as imbalanced-learn with its own neighbours."""
    lines = []
    for row in result["summary"]:
        times = f"{row['times']:.2f} [{row['least']:.2f}, {row['most']:.2f}]"
        bar = "-" if row["bar"] is None else f"{row['bar']:g}: {'met' if row['met'] else 'missed'}"
        lines.append([row["sampler"], row["neighbours"], times, bar])
    return ["sampler", "our neighbours", "times as fast", "goal"], lines


def textcnn(result: dict[str, Any]) -> str:
    """Milliseconds of each way to compute TextCNN, and how many times as fast as the textbook's it is."""
    ways = list(dict.fromkeys(row["way"] for row in result["summary"]))
    found = {(row["task"], row["vectors"], row["what"], row["way"]): row for row in result["summary"]}
    lines = []
    for task, vectors, what in dict.fromkeys(key[:3] for key in found):
        own = [found[task, vectors, what, way] for way in ways]
        cells = [
            f"{row['milliseconds']:.1f} ({row['times']:.2f} [{row['least']:.2f}, {row['most']:.2f}])"
            for row in own
        ]
        lines.append([f"{task}, {own[0]['tokens']:,} tokens", vectors, what, *cells])
    return f"{table_of(['a batch of', 'vectors', 'what', *ways], lines)}\n\n{origin_of(result)}, one thread"


def contrastive(result: dict[str, Any]) -> str:
    """Milliseconds of a step of each method, and how many of plain supervised contrastive training's that are."""
    lines = []
    for row in result["summary"]:
        times = f"{row['times_supcon']:.2f} [{row['least']:.2f}, {row['most']:.2f}]"
        if row["bar"] is not None:
            times += f" ({row['bar']:g}: {'met' if row['times_supcon'] <= row['bar'] else 'missed'})"
        cells = [f"{row['milliseconds']:.1f}", times, f"{row['times_erm']:.2f}"]
        lines.append([f"{row['task']}, {row['classes']} classes", f"`{row['method']}`", *cells])
    head = ["data", "method", "milliseconds a step", "times `supcon`", "times `erm`"]
    return f"{table_of(head, lines)}\n\n{origin_of(result)}"


def miso_grid(rows: Path) -> str:
    """Means over folds, MISO against each other method, and average ranks."""
    grid = read_grid(rows, "average_precision")
    tables = [table_of(head, lines) for head, lines in tables_of(grid, "miso")]
    return "\n\n".join([*tables, *rank_sentences(grid), grid.origin])


def blend(rows: Path) -> str:
    """Ranking and tuned F1 of the blend and its members, and what it gains."""
    parts = []
    for metric, what in (
        ("average_precision", "Average precision"),
        ("f1_tuned", "F1 at the tuned threshold"),
    ):
        grid = read_grid(rows, metric)
        _put_beside(grid, read_grid(rows.with_name("rivals_pair.csv"), metric), "blend", _PAIR)
        _put_beside(grid, read_grid(rows.with_name("rivals_auto.csv"), metric), "auto", "auto")
        tables = [*tables_of(grid, "blend"), tables_of(grid, "auto")[-1]]
        parts += [f"{what}:", *(table_of(head, lines) for head, lines in tables)]
    return "\n\n".join([*parts, grid.origin])


def encoder_neighbors(rows: Path) -> str:
    """Ranking of planes, of neighbours and of blends with and without them, and what the neighbours bring."""
    grid = read_grid(rows, "average_precision")
    _put_beside(grid, read_grid(rows.with_name("rivals_four.csv"), "average_precision"), "blend", _FOUR)
    return "\n\n".join([*(table_of(head, lines) for head, lines in tables_of(grid, _FOUR)), grid.origin])


def _put_beside(grid: Grid, other: Grid, method: str, name: str) -> None:
    """Put a method of another grid beside a grid's own, under a name."""
    for (backbone, tasks), others in zip(grid.scores.items(), other.scores.values(), strict=True):
        for task in tasks:
            grid.scores[backbone][task][name] = others[task][method]


_PAIR = "blend of encoder_lr, tfidf_lr"
_FOUR = "blend with encoder_neighbors"


def rivals(rows: Path) -> str:
    """Each method's ranking on each set, and what it gains over class weights; the best mean first."""
    grid = read_grid(rows, "average_precision")
    tasks, *others = grid.scores.values()
    assert not others, "one network a file"
    n_runs = max(len(runs) for by in tasks.values() for runs in by.values())
    head, parts = ["method"], {}
    for task, by in tasks.items():
        finished = {name: runs for name, runs in by.items() if len(runs) == n_runs}
        parts[task] = _against_weights(finished, grid.n_folds)
        head += [f"{task}: average precision", f"against `{_REFERENCE}`"]
    names = dict.fromkeys(name for part in parts.values() for name in part)
    means = {name: [part[name][0] for part in parts.values() if name in part] for name in names}
    order = sorted(names, key=lambda name: (-len(means[name]), -float(np.mean(means[name]))))
    lines = []
    for name in order:
        line = [f"`{name}`"]
        for part in parts.values():
            score, gain = part.get(name, (None, "-"))
            line += ["-" if score is None else f"{score:.3f}", gain]
        lines.append(line)
    return f"{table_of(head, lines)}\n\n{grid.origin}"


_REFERENCE = "class_weight"


def _against_weights(scores: dict[str, Folds], n_folds: int) -> dict[str, tuple[float, str]]:
    """Of each method on one data set the mean and the difference with its own 95% interval."""
    cells = sorted(scores[_REFERENCE])
    found = {}
    for name, runs in scores.items():
        gaps = [runs[cell] - scores[_REFERENCE][cell] for cell in cells]
        test = corrected_t_test(gaps, 1 / (n_folds - 1))
        gain = "-" if name == _REFERENCE else f"{test.mean:+.3f} [{test.low:+.3f}, {test.high:+.3f}]"
        found[name] = (float(np.mean(list(runs.values()))), gain)
    return found


def sharprecl(rows: Path) -> str:
    """Means of all lines, SharpReCL against its best rivals, and what the runs cost; of all grids beside this one."""
    paths = [path for path in sorted(rows.parent.glob("sharprecl_*.csv")) if path.stem != _ABLATION]
    found = whole_lines(paths, BUDGETS["medium"])
    parts = []
    for metric, what in _SHARPRECL.items():
        scores = {made: _both_decisions(by, metric) for made, by in found.items()}
        parts += [f"{what}, in percent, means over runs:", table_of(*_line_means(scores, metric))]
        folds = {
            made: max(int(r["n_folds"]) for by in lines.values() for r in by.values())
            for made, lines in found.items()
        }
        parts += [
            f"{what}, SharpReCL minus a rival, in points, paired over runs:",
            table_of(*_gains(scores, folds)),
            f"{what}, SharpReCL minus one rival, in points, by the largest logit, means over sets:",
            table_of(*_one_rival(scores)),
        ]
    return "\n\n".join([*parts, ORIGIN, _cost(paths)])


def sharprecl_ablation(rows: Path) -> str:
    """SharpReCL with each part off, and the paired difference that this makes, in points; by both decisions."""
    found = whole_lines([rows], BUDGETS["medium"], ABLATION)
    parts = []
    for ending, said in (("", "Decided by the largest logit"), (PRIOR_CORRECTED, "With the prior put back")):
        parts += [f"{said}:", table_of(*_parts_off(found, ending))]
    return "\n\n".join([*parts, _cost([rows])])


def _parts_off(found: dict[str, dict[str, Runs]], ending: str) -> Table:
    whole = ABLATION[0].name
    head, lines = ["SharpReCL, TextCNN"], {line.name: [line.name] for line in ABLATION}
    for made, by in found.items():
        for metric, what in _SHARPRECL.items():
            head += [f"{made}: {what}", "against the whole"]
            scores = {name: _folds(runs, f"{metric}{ending}") for name, runs in by.items()}
            for name, cells in lines.items():
                mean = f"{100 * _mean(scores[name]):.1f}" if name in scores else "-"
                paired = {name, whole} <= set(scores) and name != whole
                cells += [mean, _against_best(scores[name], {whole: scores[whole]}, 1)[1] if paired else "-"]
    lines[whole][0] = "whole"
    return head, list(lines.values())


_ABLATION = "sharprecl_ablation"
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
    """One line a method and network, one column a set, then the authors' script; the best of ours in bold."""
    named = [name for line in MAIN for name in (line.name, f"{line.name}{PUT_BACK}")]
    lines = [name for name in named if any(name in by for by in scores.values())]
    means = {made: {line: _mean(runs) for line, runs in by.items()} for made, by in scores.items()}
    best = {made: max(by.values()) for made, by in means.items()}
    cells = []
    for line in lines:
        own = [(made, by.get(line)) for made, by in means.items()]
        shown = ["-" if value is None else f"{100 * value:.1f}" for _, value in own]
        cells.append(
            [line, *(f"**{s}**" if v == best[made] else s for s, (made, v) in zip(shown, own, strict=True))]
        )
    for name, by_set in SCRIPT.items():
        theirs = [by_set.get(made, {}).get(metric) for made in scores]
        if any(value is not None for value in theirs):
            cells.append([name, *("-" if value is None else f"{100 * value:.1f}" for value in theirs)])
    return ["method", *scores], cells


def _gains(scores: dict[str, dict[str, Folds]], n_folds: dict[str, int]) -> Table:
    """Of each set and network SharpReCL against the rival with the best mean there, and against the best of all.

    SharpReCL is decided as is better for it there, and so is each rival.
    """
    cells = []
    for made, by in scores.items():
        rivals = {line: runs for line, runs in by.items() if not line.startswith(_OWN)}
        for network in _networks(by):
            own = by[_better(by, f"{_OWN}, {network}")]
            alike = {name: runs for name, runs in rivals.items() if _is_on(name, network)}
            against = [_against_best(own, group, n_folds[made]) for group in (alike, rivals)]
            cells.append([made, network, *(cell for pair in against for cell in pair)])
    head = ["data", "network", "best rival on it", "difference [95% interval]"]
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


def _cost(paths: list[Path]) -> str:
    """Core-hours and origin of some files of rows."""
    every = {path.stem: read_rows(path) for path in paths}
    hours = {
        name: sum(float(row["fit_seconds"]) + float(row["predict_seconds"]) for row in rows) / 3600
        for name, rows in every.items()
    }
    told = ", ".join(f"`{name}` {own:.1f}" for name, own in hours.items())
    rows = [row for own in every.values() for row in own]
    days = sorted({row["finished_at"][:10] for row in rows})
    return (
        f"`python benchmarks/sharprecl_evidence.py`: {len(rows)} runs of one thread, {sum(hours.values()):.1f} "
        f"core-hours ({told}), {days[0]} to {days[-1]}, {rows[0]['machine']}. On a given test side runs are seeds, and "
        "an interval says nothing about other test rows."
    )


def methods(result: dict[str, Any]) -> str:
    """What each method costs."""
    return f"{table_of(*_methods(result))}\n\n{origin_of(result)}, one thread"


def mixing_cost(result: dict[str, Any]) -> str:
    """What mixing, deep over-sampling and the image pipeline cost, each against its bar."""
    lines = []
    for row in result["summary"]:
        found = f"{row['ratio']:.2f} [{row['least']:.2f}, {row['most']:.2f}]"
        least, bound = row["bar"].startswith("at least"), float(row["bar"].split()[-1])
        met = row["ratio"] >= bound if least else row["ratio"] <= bound
        lines.append([row["what"], found, f"{row['bar']}: {'met' if met else 'missed'}"])
    return f"{table_of(['what', 'ratio [least, most]', 'goal'], lines)}\n\n{origin_of(result)}, one thread"


def samplers(result: dict[str, Any]) -> str:
    """What our neighbours are worth to imbalanced-learn."""
    found = result["settings"]
    what = f"{found['rows']:,} x {found['features']}, {found['share']:.0%} rare, one thread"
    return f"{table_of(*_samplers(result))}\n\n{origin_of(result)}, {what}"


_MIXING = {
    "images": ("accuracy", "f1_rare", "margin_common", "margin_rare"),
    "many": ("macro_f1", "f1_rare", "spread_rare"),
}
_OF_ONE_CLASS = ("f1_rare", "average_precision_rare", "spread_rare", "margin_common", "margin_rare")


def mixing_means(rows: Path) -> str:
    """Means of each contestant on each task, one table a metric."""
    grid = rows.stem.removeprefix("mixing_")
    scores = Scores.of(rows)
    names = list(dict.fromkeys(name for by in scores.values.values() for name in by))
    tasks = list(scores.values)
    parts = []
    for metric in _MIXING.get(grid, _OF_ONE_CLASS):
        lines = []
        for name in names:
            cells = [scores.values[task].get(name, {}).get(metric, {}) for task in tasks]
            shown = [f"{np.mean(list(own.values())):.3f} ({len(own)})" if own else "-" for own in cells]
            lines.append([f"`{name}`", *shown])
        titles = [" ".join(part for part in task if part) for task in tasks]
        parts.append(f"`{metric}`, mean (runs):\n\n{table_of(['method', *titles], lines)}")
    return "\n\n".join([*parts, scores.origin])
