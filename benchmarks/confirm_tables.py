"""What the confirming run answers, for ``tables.py``: the questions of ``miso_protocol.md``, or what is missing.

    paths = sorted(Path("benchmarks/results").glob("confirm_*.csv"))
    answers(paths), by_task(paths), in_short(paths)

No score is shown before all rows are there. Two answers are given. Over data sets: of each task the mean over folds
counts, of each data set the mean over its tasks, and the interval is Student's. Over these tasks: only folds vary, and
the two shares of one class, whose folds are the same, are one unit. Single tasks are judged by their folds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import t

import miso_confirm as protocol
from counterpoise.experiments.paired_tests import corrected_t_test
from design_lines import Contestant
from design_statistics import reach, share
from design_tables import WORTH_CLOSING, Runs, read_runs
from markdown import table_of
from miso_confirm import (
    AUTO,
    CLASS_WEIGHT,
    FOLDS,
    OUT,
    TASKS,
    WORDS,
    Finalists,
    cells_of,
    identity,
    lines_on,
)
from miso_design import ERM, place_of

RANKING, DECISION, DIFFICULT = "average_precision", "f1_tuned_thinned", "difficult_share_after"
HARM = -0.005
CONFIRMED, REFUTED, OPEN = "**confirmed**", "**refuted**", "**open**"

Values = dict[str, list[float]]
"""Of each task, by its name, one value a fold."""


@dataclass(frozen=True)
class Estimate:
    """A mean over data sets, and its interval."""

    mean: float
    low: float
    high: float

    def judged(self, least: float) -> str:
        """Whether it is at least so much, and above 0."""
        if self.high < least:
            return REFUTED
        return CONFIRMED if self.mean >= least and self.low > 0 else OPEN

    def __str__(self) -> str:
        return f"{self.mean:+.4f} [{self.low:+.4f}, {self.high:+.4f}]"


def over_sets(values: Values) -> Estimate:
    """Mean of the data sets' means of their tasks' means; Student's interval."""
    return _estimate(list(_by_set(values).values()))


def over_tasks(values: Values) -> Estimate:
    """Mean over classes, each the mean of its tasks fold by fold; an interval about these very tasks."""
    units = _units(values)
    wide = reach(units, [len(folds) for folds in units])
    return _around(float(np.mean([np.mean(folds) for folds in units])), wide)


def share_over_tasks(gains: Values, gaps: Values) -> Estimate:
    """As :func:`share_of`, with an interval about these very tasks."""
    own, there = _units(gains), _units(gaps)
    return _around(*share(own, there, [len(folds) for folds in own]))


def _around(middle: float, wide: float | None) -> Estimate:
    """Without a width where nothing varies."""
    return Estimate(middle, middle - (wide or 0.0), middle + (wide or 0.0))


def _units(values: Values) -> list[list[float]]:
    """Tasks that are the same class at different shares, averaged fold by fold."""
    classes = {made.name: (made.dataset, made.minority) for made in TASKS}
    found = defaultdict(list)
    for task, folds in values.items():
        found[classes[task]].append(folds)
    return [np.mean(tasks, axis=0).tolist() for tasks in found.values()]


def share_of(gains: Values, gaps: Values) -> Estimate:
    """The mean gain over the mean gap, of data sets; its interval by the delta method."""
    own, there = _by_set(gains), _by_set(gaps)
    gap = float(np.mean(list(there.values())))
    share = float(np.mean(list(own.values()))) / gap
    left = _estimate([own[name] - share * there[name] for name in own])
    return Estimate(share, share + left.low / gap, share + left.high / gap)


def _by_set(values: Values) -> dict[str, float]:
    datasets = {made.name: made.dataset for made in TASKS}
    found = defaultdict(list)
    for task, folds in values.items():
        found[datasets[task]].append(float(np.mean(folds)))
    return {name: float(np.mean(means)) for name, means in found.items()}


def _estimate(means: Sequence[float]) -> Estimate:
    mean = float(np.mean(means))
    if len(means) < 2:
        return Estimate(mean, -np.inf, np.inf)
    wide = float(t.ppf(0.975, len(means) - 1)) * float(np.std(means, ddof=1)) / len(means) ** 0.5
    return Estimate(mean, mean - wide, mean + wide)


def nowhere_below(values: Values, least: float) -> tuple[str, str]:
    """Whether no task's mean is below, and the lowest in words; refuted by a task whose own interval lies below."""
    means = {task: float(np.mean(folds)) for task, folds in values.items()}
    lowest = min(means, key=means.__getitem__)
    said = f"{means[lowest]:+.4f} on {lowest}; below on {sum(mean < least for mean in means.values())} of {len(means)}"
    surely = [task for task, folds in values.items() if _highest(folds) < least]
    if surely:
        return REFUTED, said
    return (CONFIRMED if means[lowest] >= least else OPEN), said


def _highest(folds: Sequence[float]) -> float:
    """The upper end of a task's own interval; its mean where all folds agree."""
    test = corrected_t_test(folds, 1 / (len(folds) - 1))
    return float(np.mean(folds)) if test.high is None else test.high


@dataclass(frozen=True)
class Scores:
    """All rows of the confirming run."""

    rows: Runs

    def of(self, line: Contestant, metric: str, *, whole: bool = False) -> Values:
        """By task, a value a fold; without the data sets that a line is out on."""
        found = {}
        for made in TASKS:
            if not lines_on(made, [line]):
                continue
            own = self.rows[place_of(made, whole=whole)][identity(line)]
            found[made.name] = [float(own[0, fold][metric]) for fold in range(FOLDS[made.dataset])]
        return found

    def less(self, one: Contestant, other: Contestant, metric: str) -> Values:
        """Differences, fold by fold."""
        return _less(self.of(one, metric), self.of(other, metric))


def _less(one: Values, other: Values) -> Values:
    return {task: np.subtract(own, other[task]).tolist() for task, own in one.items() if task in other}


def read_scores(paths: Sequence[Path], chosen: Finalists) -> Scores | str:
    """All rows, or how many are missing, in words."""
    found = read_runs(paths)
    wanted = cells_of(chosen)
    there = sum(
        (0, fold) in found.get(place, {}).get(line, {})
        for (place, line), folds in wanted.items()
        for fold in range(folds)
    )
    if there < sum(wanted.values()):
        return f"{there} of {sum(wanted.values())} runs are there; nothing is shown before all are."
    return Scores(found)


def answers(paths: Sequence[Path]) -> str:
    """The ten questions: what was found, and one word for each way of looking at it."""
    chosen, scores = _there(paths)
    if chosen is None or isinstance(scores, str):
        return str(scores)
    few, plain = scores.of(chosen.miso, RANKING), scores.of(CLASS_WEIGHT, RANKING)
    gaps = _less(scores.of(CLASS_WEIGHT, RANKING, whole=True), plain)
    wide = {task: gap for task, gap in gaps.items() if np.mean(gap) > WORTH_CLOSING}
    gains = {task: folds for task, folds in _less(few, plain).items() if task in wide}
    lines = [
        _mean_line(
            "A", "MISO decides better than its rival", scores.less(chosen.miso, chosen.rival, DECISION), 0.03
        ),
        _mean_line("B", "and ranks better", scores.less(chosen.miso, chosen.rival, RANKING), 0.02),
        _share_line(gains, wide),
        _harm_line("D", "it costs nothing elsewhere", scores.less(chosen.miso, chosen.rival, RANKING)),
        _difficult_line(scores.less(ERM, chosen.miso, DIFFICULT)),
        _seconds_line(_seconds(scores, chosen.miso) / _seconds(scores, CLASS_WEIGHT)),
        _both_line(
            scores.less(chosen.open_miso, chosen.open_rival, RANKING),
            scores.less(chosen.open_miso, chosen.open_rival, DECISION),
        ),
        _harm_line("H", "and never costs", scores.less(chosen.open_miso, chosen.open_rival, RANKING)),
        _auto_line(scores.less(AUTO, chosen.open_rival, RANKING), scores.less(AUTO, CLASS_WEIGHT, RANKING)),
        _single_line(chosen, scores),
    ]
    head = [
        *("", "question", "over data sets [95% interval]", "answer"),
        *("over these tasks [95% interval]", "answer about these"),
    ]
    return "\n\n".join([table_of(head, lines), *_said_out()])


def _said_out() -> list[str]:
    said = "; ".join(f"{name} on {dataset} ({why})" for (name, dataset), why in OUT.items())
    return [f"Out: {said}."] if said else []


def by_task(paths: Sequence[Path]) -> str:
    """Average precision and F1 of each line on each task, and the best closed rival of each by the former."""
    chosen, scores = _there(paths)
    if chosen is None or isinstance(scores, str):
        return str(scores)
    shown = {line.name: [scores.of(line, metric) for metric in (RANKING, DECISION)] for line in chosen.few}
    whole = [scores.of(line, RANKING, whole=True) for line in (CLASS_WEIGHT, WORDS)]
    rows = []
    for made in TASKS:
        rivals = {line.name: _at(shown[line.name], made.name) for line in chosen.rivals}
        best = max((name for name in rivals if rivals[name]), key=lambda name: rivals[name][0])
        rows.append(
            [
                made.name,
                *(_both_said(_at(own, made.name)) for own in shown.values()),
                f"{best}: {_both_said(rivals[best])}",
                *(_both_said(_at([values], made.name)) for values in whole),
            ]
        )
    head = ["task", *shown, "best closed rival of the task", "class_weight, all texts", "words, all texts"]
    foot = "The best rival of a task is chosen by the very rows that it is shown by, so it is flattered."
    return "\n\n".join([table_of(head, rows), foot, *_said_out()])


def in_short(paths: Sequence[Path]) -> str:
    """Means of each line over the tasks of each data set and over these, best first: the first table of all."""
    chosen, scores = _there(paths)
    if chosen is None or isinstance(scores, str):
        return str(scores)
    plain, seconds = scores.of(CLASS_WEIGHT, RANKING), _seconds(scores, CLASS_WEIGHT)
    ranked = []
    for line in chosen.few:
        own = {metric: scores.of(line, metric) for metric in (RANKING, DECISION)}
        by_set = [_by_set(values) for values in own.values()]
        means = [[found[name] for found in by_set] if name in by_set[0] else [] for name in FOLDS]
        everywhere = all(means)
        whole = np.mean(means, axis=0).tolist() if everywhere else []
        less = over_tasks(_less(own[RANKING], plain)) if everywhere and line != CLASS_WEIGHT else ""
        row = [
            line.name,
            line.league,
            *(_both_said(each) for each in (*means, whole)),
            str(less),
            f"{_seconds(scores, line) / seconds:.1f}" if everywhere else "",
        ]
        ranked.append((whole[0] if whole else -np.inf, row))
    best_first = [row for _, row in sorted(ranked, key=lambda pair: -pair[0])]
    head = [
        "method",
        "league",
        *FOLDS,
        "mean",
        "ranking, less class weights [95% interval]",
        "times the seconds",
    ]
    foot = (
        "Average precision / F1 at the tuned threshold and the thinned share, of "
        f"{len(TASKS)} tasks; a data set is the mean of its tasks. The interval is about these tasks."
    )
    return "\n\n".join([table_of(head, best_first), foot, *_said_out()])


def _seconds(scores: Scores, line: Contestant) -> float:
    return over_sets(scores.of(line, "fit_seconds")).mean


def _at(metrics: Sequence[Values], task: str) -> list[float]:
    """Means of one task; nothing where a line is out."""
    return [float(np.mean(values[task])) for values in metrics if task in values]


def _both_said(means: Sequence[float]) -> str:
    return " / ".join(f"{mean:.3f}" for mean in means)


def _there(paths: Sequence[Path]) -> tuple[Finalists | None, Scores | str]:
    if protocol.CHOSEN is None:
        return None, "Not run yet."
    return protocol.CHOSEN, read_scores(paths, protocol.CHOSEN)


def _mean_line(letter: str, words: str, values: Values, least: float) -> list[str]:
    return [letter, f"{words}, by {least:.3f}", *_judged(over_sets(values), over_tasks(values), least)]


def _judged(sets: Estimate, tasks: Estimate, least: float) -> list[str]:
    return [str(sets), sets.judged(least), str(tasks), tasks.judged(least)]


def _share_line(gains: Values, gaps: Values) -> list[str]:
    words = "it closes half of the gap"
    if not gaps:
        return ["C", words, "no gap exceeds .02", OPEN, "", OPEN]
    cells = []
    for found in (share_of(gains, gaps), share_over_tasks(gains, gaps)):
        cells += [f"{found.mean:+.0%} [{found.low:+.0%}, {found.high:+.0%}]", found.judged(0.5)]
    return ["C", f"{words}, on the {len(gaps)} tasks with one", *cells]


def _harm_line(letter: str, words: str, values: Values) -> list[str]:
    verdict, said = nowhere_below(values, HARM)
    return [letter, f"{words}: no task below -.005", "", "", said, verdict]


def _difficult_line(values: Values) -> list[str]:
    return _mean_line("E", "fewer rare test samples are difficult", values, 0.14)


def _seconds_line(times: float) -> list[str]:
    verdict = CONFIRMED if times <= 5 else REFUTED
    return ["F", "it takes at most 5 times as long", f"{times:.1f} x", verdict, "", ""]


def _both_line(ranking: Values, decision: Values) -> list[str]:
    cells = []
    for over in (over_sets, over_tasks):
        found = [over(values) for values in (ranking, decision)]
        verdicts = {each.judged(0.01) for each in found}
        verdict = REFUTED if REFUTED in verdicts else CONFIRMED if verdicts == {CONFIRMED} else OPEN
        cells += [" / ".join(str(each) for each in found), verdict]
    return ["G", "MISO improves the best blend, by .010 in both", *cells]


def _auto_line(blend: Values, plain: Values) -> list[str]:
    harm, said = nowhere_below(plain, 0.0)
    cells = []
    for mean, more in ((over_sets(blend), ""), (over_tasks(blend), f"; against class weights {said}")):
        verdict = harm
        if mean.high < HARM:
            verdict = REFUTED
        elif mean.mean < HARM and verdict == CONFIRMED:
            verdict = OPEN
        cells += [f"{mean}{more}", verdict]
    return ["I", "`auto` is as good as the blend, nowhere below class weights", *cells]


def _single_line(chosen: Finalists, scores: Scores) -> list[str]:
    """`auto` against the one method with the best mean; blends are several."""
    singles = [line for line in chosen.few if line.method not in ("auto", "blend")]
    best = max(singles, key=lambda line: over_sets(scores.of(line, RANKING)).mean)
    less = scores.less(AUTO, best, RANKING)
    return [
        "J",
        f"and better than any single method, here {best.name}",
        *_judged(over_sets(less), over_tasks(less), 0.0),
    ]
