"""What the confirming run answers, for ``tables.py``: the questions of ``miso_protocol.md``, or what is missing.

    paths = sorted(Path("benchmarks/results").glob("confirm_*.csv"))
    answers(paths), by_task(paths)

No score is shown before all rows are there. Of each task the mean over folds counts, of each data set the mean over its
tasks; the interval of a mean is Student's over data sets. Single tasks are judged by their folds.
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
from design_statistics import pooled
from design_tables import WORTH_CLOSING, Runs, read_runs
from markdown import table_of
from miso_confirm import AUTO, CLASS_WEIGHT, ERM, FOLDS, TASKS, WORDS, Finalists, cells_of, identity
from miso_design import place_of

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
        """By task, a value a fold."""
        found = {}
        for made in TASKS:
            own = self.rows[place_of(made, whole=whole)][identity(line)]
            found[made.name] = [float(own[0, fold][metric]) for fold in range(FOLDS[made.dataset])]
        return found

    def less(self, one: Contestant, other: Contestant, metric: str) -> Values:
        """Differences, fold by fold."""
        return _less(self.of(one, metric), self.of(other, metric))


def _less(one: Values, other: Values) -> Values:
    return {task: np.subtract(own, other[task]).tolist() for task, own in one.items()}


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
    """The nine questions: what was found, and one word."""
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
        _seconds_line(scores.of(chosen.miso, "fit_seconds"), scores.of(CLASS_WEIGHT, "fit_seconds")),
        _both_line(
            scores.less(chosen.open_miso, chosen.open_rival, RANKING),
            scores.less(chosen.open_miso, chosen.open_rival, DECISION),
        ),
        _harm_line("H", "and never costs", scores.less(chosen.open_miso, chosen.open_rival, RANKING)),
        _auto_line(scores.less(AUTO, chosen.open_rival, RANKING), scores.less(AUTO, CLASS_WEIGHT, RANKING)),
    ]
    head = ["", "question", "over data sets [95% interval]", "over these tasks [95% interval]", "answer"]
    return table_of(head, lines)


def by_task(paths: Sequence[Path]) -> str:
    """Average precision and F1 of each line on each task."""
    chosen, scores = _there(paths)
    if chosen is None or isinstance(scores, str):
        return str(scores)
    lines = chosen.few
    shown = [[scores.of(line, metric) for metric in (RANKING, DECISION)] for line in lines]
    whole = [scores.of(line, RANKING, whole=True) for line in (CLASS_WEIGHT, WORDS)]
    rows = [
        [
            made.name,
            *(" / ".join(f"{np.mean(values[made.name]):.3f}" for values in own) for own in shown),
            *(f"{np.mean(values[made.name]):.3f}" for values in whole),
        ]
        for made in TASKS
    ]
    head = ["task", *(line.name for line in lines), "class_weight, all texts", "words, all texts"]
    return table_of(head, rows)


def _there(paths: Sequence[Path]) -> tuple[Finalists | None, Scores | str]:
    if protocol.CHOSEN is None:
        return None, "Not run yet."
    return protocol.CHOSEN, read_scores(paths, protocol.CHOSEN)


def _mean_line(letter: str, words: str, values: Values, least: float) -> list[str]:
    found = over_sets(values)
    return [letter, f"{words}, by {least:.3f}", str(found), _pooled(values), found.judged(least)]


def _share_line(gains: Values, gaps: Values) -> list[str]:
    words = "it closes half of the gap"
    if not gaps:
        return ["C", words, "no gap exceeds .02", "", OPEN]
    found = share_of(gains, gaps)
    said = f"{found.mean:+.0%} [{found.low:+.0%}, {found.high:+.0%}] on {len(gaps)} tasks"
    return ["C", words, said, "", found.judged(0.5)]


def _harm_line(letter: str, words: str, values: Values) -> list[str]:
    verdict, said = nowhere_below(values, HARM)
    return [letter, f"{words}: no task below -.005", "", said, verdict]


def _difficult_line(values: Values) -> list[str]:
    return _mean_line("E", "fewer rare test samples are difficult", values, 0.14)


def _seconds_line(own: Values, plain: Values) -> list[str]:
    times = over_sets(own).mean / over_sets(plain).mean
    return [
        "F",
        "it takes at most 5 times as long",
        f"{times:.1f} x",
        "",
        CONFIRMED if times <= 5 else REFUTED,
    ]


def _both_line(ranking: Values, decision: Values) -> list[str]:
    found = [over_sets(values) for values in (ranking, decision)]
    verdicts = {each.judged(0.01) for each in found}
    verdict = REFUTED if REFUTED in verdicts else CONFIRMED if verdicts == {CONFIRMED} else OPEN
    return [
        "G",
        "MISO improves the best blend, by .010 in both",
        " / ".join(str(each) for each in found),
        " / ".join(_pooled(values) for values in (ranking, decision)),
        verdict,
    ]


def _auto_line(blend: Values, plain: Values) -> list[str]:
    mean, (verdict, said) = over_sets(blend), nowhere_below(plain, 0.0)
    if mean.high < HARM:
        verdict = REFUTED
    elif mean.mean < HARM and verdict == CONFIRMED:
        verdict = OPEN
    return ["I", "`auto` is as good as the blend, nowhere below class weights", str(mean), said, verdict]


def _pooled(values: Values) -> str:
    return pooled(list(values.values()), n_folds=[len(folds) for folds in values.values()])
