"""What the rows of comparisons say: verdicts on one data set, ranks over several.

>>> judged(comparison, "average_precision").sentence                       # doctest: +SKIP
'miso beats class_weight here.'
>>> ranked(comparisons, "average_precision").sentence                      # doctest: +SKIP
'Over 5 data sets the methods do not rank alike (p = .004); average ranks less than 2.73 apart may be chance.'
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from counterpoise.data.near import listed, near_match
from counterpoise.errors import SettingsError
from counterpoise.experiments.difficulty import NAMES as DIFFICULTY
from counterpoise.experiments.rank_tests import Friedman, critical_difference, friedman, groups_within
from counterpoise.experiments.scoring import AT_GIVEN
from counterpoise.experiments.table import Comparison
from counterpoise.experiments.verdicts import Judgement, judge
from counterpoise.metrics.by_class import class_of
from counterpoise.metrics.class_groups import NAMES as GROUPS
from counterpoise.metrics.many_classes import NAMES as ALL_CLASSES
from counterpoise.metrics.margins import FITTED as FITTED_MARGINS
from counterpoise.metrics.scores import NAMES as SCORES
from counterpoise.metrics.spread import NAMES as SPREAD

LESS_IS_BETTER = (
    "brier",
    "brier_minority",
    "brier_majority",
    "calibration_error",
    "fit_seconds",
    "predict_seconds",
    "difficult_share_after",
    "majority_difficult_share_after",
    *SPREAD,
)
"""Metrics of which the smaller is the better one; those of thinned test sides by their name without the suffix."""

NO_SHARES = (
    *(name for name in GROUPS if name.startswith("margin_")),
    *FITTED_MARGINS,
    *SPREAD,
    "fit_seconds",
    "predict_seconds",
)
"""Metrics that have no largest value."""

METRICS = (
    *SCORES,
    *AT_GIVEN,
    *ALL_CLASSES,
    *GROUPS,
    *FITTED_MARGINS,
    *SPREAD,
    *(f"{name}_thinned" for name in (*SCORES, *AT_GIVEN)),
    *DIFFICULTY,
    "fit_seconds",
    "predict_seconds",
)
"""What a row may have."""

REFERENCES = ("class_weight", "erm")
"""Methods to be beaten, the first that is there: a remedy that costs nothing, then doing nothing."""


def smaller_wins(metric: str) -> bool:
    """Whether less of a metric is better."""
    return metric.removesuffix("_thinned") in LESS_IS_BETTER


def reference_of(comparison: Comparison, against: str | None = None) -> str:
    """Label of the contestant that the others are compared with.

    Parameters
    ----------
    comparison : Comparison
    against : str or None, default=None
        A label, or a method that one contestant alone has; None takes the first of :data:`REFERENCES` that is there,
        else the first contestant.

    Raises
    ------
    SettingsError
        When there is no such contestant, or several.
    """
    labels = [row.label for row in comparison.rows]
    if against is None:
        named = [row.label for name in REFERENCES for row in comparison.rows if row.method == name]
        return (named or labels)[0]
    if against in labels:
        return against
    found = [row.label for row in comparison.rows if row.method == against]
    if len(found) == 1:
        return found[0]
    if found:
        raise SettingsError(f"{against} is there {len(found)} times; choose from {', '.join(found)}")
    raise SettingsError(
        f"there is no {against!r} on {comparison.dataset} to compare with; there are {listed(labels)}"
        f"{near_match(against, labels)}"
    )


def judged(comparison: Comparison, metric: str, against: str | None = None) -> Judgement:
    """Compare each contestant with the reference.

    Parameters
    ----------
    comparison : Comparison
    metric : str
    against : str or None, default=None
        See :func:`reference_of`.

    Returns
    -------
    Judgement
        Differences are signed so that better is positive, also where less of the metric is better.

    Raises
    ------
    SettingsError
        For an unknown metric or reference.
    """
    check_metric(metric)
    if not any(metric in row.metrics for row in comparison.rows):
        raise SettingsError(
            f"no row of {comparison.dataset} has the metric {metric}; {_needs(comparison, metric)}"
        )
    sign = -1.0 if smaller_wins(metric) else 1.0
    scores = {
        row.label: [None if value is None else sign * value for value in row.metrics[metric].folds]
        for row in comparison.rows
        if metric in row.metrics
    }
    scores = {label: _by_test_side(own, comparison.test_sides) for label, own in scores.items()}
    reference, shares = reference_of(comparison, against), metric not in NO_SHARES
    return judge(scores, reference, comparison.test_to_train, shares=shares)


def _by_test_side(scores: Sequence[float | None], sides: Sequence[int]) -> list[float | None]:
    """One score a test side: seeds that start the training anew on the same one tell nothing of other test rows."""
    known: dict[int, list[float]] = {side: [] for side in sides}
    for side, value in zip(sides, scores, strict=True):
        known[side] += [] if value is None else [value]
    return [float(np.mean(own)) if own else None for own in known.values()]


def classes_of(comparison: Comparison) -> list[str]:
    """Names of the classes that the rows have scores of; none where one class matters."""
    found = (class_of(name) for row in comparison.rows for name in row.metrics)
    return list(dict.fromkeys(each[1] for each in found if each is not None))


def _needs(comparison: Comparison, metric: str) -> str:
    """What to do for a metric that no row has."""
    if metric.endswith("_thinned"):
        return "it needs --keep with a share or count of one class"
    named = class_of(metric)
    if named is None:
        return "name another"
    names = classes_of(comparison)
    if not names:
        return "single classes are scored where all of them matter: leave --minority out"
    return f"its classes are {listed(names)}{near_match(named[1], names)}"


def check_metric(metric: str) -> None:
    """Raise :class:`SettingsError` unless there is such a metric, or may be one of a class."""
    if metric not in METRICS and class_of(metric) is None:
        raise SettingsError(
            f"there is no metric {metric!r}; there are {listed(SCORES)}{near_match(metric, METRICS)}"
        )


@dataclass(frozen=True)
class Ranking:
    """How contestants rank over data sets.

    Attributes
    ----------
    labels : tuple of str
        Of the contestants that are in every comparison, best first.
    ranks : tuple of float
        Average rank of each, 1 is best.
    test : Friedman
    difference : float
        Nemenyi's critical difference at 5%.
    groups : tuple of tuple of str
        Contestants that cannot be told apart.
    datasets : tuple of str
        Each once, however many comparisons there are on it.
    sentence : str
    """

    labels: tuple[str, ...]
    ranks: tuple[float, ...]
    test: Friedman
    difference: float
    groups: tuple[tuple[str, ...], ...]
    datasets: tuple[str, ...]
    sentence: str


def ranked(found: Sequence[Comparison], metric: str) -> Ranking | None:
    """Rank the contestants that all comparisons have.

    Parameters
    ----------
    found : sequence of Comparison
    metric : str

    Returns
    -------
    Ranking or None
        None for fewer than two data sets or common contestants with scores.

    Notes
    -----
    A score is a mean over the runs in which all of these contestants have one, so that none is judged by easier folds
    than the others. The tests take data sets to be independent, which several comparisons on one data set are not: they
    are averaged first.
    """
    sign = -1.0 if smaller_wins(metric) else 1.0
    folds = [
        {row.label: row.metrics[metric].folds for row in comparison.rows if metric in row.metrics}
        for comparison in found
    ]
    common = [
        name
        for name in (folds[0] if folds else ())
        if all(any(value is not None for value in each.get(name, ())) for each in folds)
    ]
    if len(common) < 2:
        return None
    by_set: dict[str, list[np.ndarray]] = {}
    counted = runs = 0
    for comparison, each in zip(found, folds, strict=True):
        scores = np.array([each[name] for name in common], dtype=np.float64)
        shared = scores[:, ~np.isnan(scores).any(axis=0)]
        counted, runs = counted + shared.shape[1], runs + scores.shape[1]
        if shared.size:
            by_set.setdefault(comparison.dataset, []).append(sign * shared.mean(axis=1))
    if len(by_set) < 2:
        return None
    test = friedman([np.mean(each, axis=0) for each in by_set.values()])
    difference = critical_difference(len(common), len(by_set))
    order = sorted(range(len(common)), key=lambda i: test.ranks[i])
    labels, ranks = tuple(common[i] for i in order), tuple(test.ranks[i] for i in order)
    groups = tuple(tuple(labels[i] for i in group) for group in groups_within(ranks, difference))
    alike = "do not rank alike" if test.p < 0.05 else "cannot be said to rank differently"
    sentence = (
        f"Over {len(by_set)} data sets the methods {alike} (Friedman, p = {test.p:.3g}); "
        f"average ranks less than {difference:.2f} apart may be chance (Nemenyi, 5%)."
    )
    if any(len(each) > 1 for each in by_set.values()):
        sentence += " Several comparisons on one data set count as one, by their mean."
    if counted < runs:
        sentence += f" Scores are means over the {counted} of {runs} runs in which all of them have one."
    return Ranking(labels, ranks, test, difference, groups, tuple(by_set), sentence)
