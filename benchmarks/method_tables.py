"""Tables of what methods are worth and cost, for ``tables.py``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from claims import Scores
from compared import Folds, rank_sentences, read_grid, tables_of
from counterpoise.experiments.paired_tests import corrected_t_test
from markdown import origin_of, table_of

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
        grid.put_beside(read_grid(rows.with_name("rivals_pair.csv"), metric), "blend", _PAIR)
        grid.put_beside(read_grid(rows.with_name("rivals_auto.csv"), metric), "auto", "auto")
        tables = [*tables_of(grid, "blend"), tables_of(grid, "auto")[-1]]
        parts += [f"{what}:", *(table_of(head, lines) for head, lines in tables)]
    return "\n\n".join([*parts, grid.origin])


def encoder_neighbors(rows: Path) -> str:
    """Ranking of planes, of neighbours and of blends with and without them, and what the neighbours bring."""
    grid = read_grid(rows, "average_precision")
    grid.put_beside(read_grid(rows.with_name("rivals_four.csv"), "average_precision"), "blend", _FOUR)
    return "\n\n".join([*(table_of(head, lines) for head, lines in tables_of(grid, _FOUR)), grid.origin])


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


def mixing_norm(result: dict[str, Any]) -> str:
    """Accuracies with batch norm's statistics as trained, and taken anew from unmixed images."""
    lines = [
        [
            row["line"],
            f"{row['as_trained']:.1f}",
            f"{row['anew']:.1f}",
            f"{row['difference']:+.1f} [{row['least']:+.1f}, {row['most']:+.1f}]",
        ]
        for row in result["summary"]
    ]
    head = ["method", "as trained", "taken anew", "difference [least, most]"]
    seeds = result["settings"]["seeds"]
    return f"{table_of(head, lines)}\n\n{origin_of(result)}, {seeds} seeds, one thread"


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
