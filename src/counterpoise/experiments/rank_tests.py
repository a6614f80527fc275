"""Several methods over several data sets by their ranks, and p values corrected for being many.

>>> found = friedman(scores)                            # (data sets, methods), larger is better    # doctest: +SKIP
>>> cd = critical_difference(*scores.shape[::-1])       # for average ranks                         # doctest: +SKIP
>>> groups_within(found.ranks, cd)                      # the bars of a critical-difference plot    # doctest: +SKIP
>>> holm([0.01, 0.04, 0.03]).adjusted
(0.03, 0.06, 0.06)

J. Demšar, "Statistical Comparisons of Classifiers over Multiple Data Sets", JMLR 7, 2006, section 3.2, is the plan
of this file. Hand in the negative of a loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from scipy.special import gammaln

from counterpoise.errors import DataError, SettingsError
from counterpoise.experiments.paired_tests import check_level


@dataclass(frozen=True)
class Friedman:
    """Whether methods rank alike over data sets.

    Attributes
    ----------
    ranks : tuple of float
        Average rank of each method; 1 is best, ties share their ranks.
    chi2 : float
        Friedman's statistic, corrected for ties.
    f : float
        Iman and Davenport's; infinite when all data sets rank the methods alike.
    p : float
        Of ``f``, and never below the probability of a unanimous ranking by chance: F has a long tail where the
        ranks of few data sets have none.
    datasets, undefined : int
        Data sets that were used, and that were left out because a method has no score there.
    """

    ranks: tuple[float, ...]
    chi2: float
    f: float
    p: float
    datasets: int
    undefined: int


@dataclass(frozen=True)
class Holm:
    """Holm's step-down correction.

    Attributes
    ----------
    adjusted : tuple of float
        The smallest level of the whole family at which each hypothesis is rejected, at most 1.
    rejected : tuple of bool
        Whether that is at most ``level``.
    levels : tuple of float
        What each single p value was, at its step, compared with; for a hypothesis that stands, the step at which
        the procedure stopped. ``p <= levels`` exactly where ``rejected``.
    """

    adjusted: tuple[float, ...]
    rejected: tuple[bool, ...]
    levels: tuple[float, ...]


def friedman(scores: ArrayLike) -> Friedman:
    """Friedman's test with Iman and Davenport's statistic.

    Parameters
    ----------
    scores : array-like of float, shape (data sets, methods)
        Larger is better; None or NaN where undefined, which leaves the whole data set out.

    Returns
    -------
    Friedman

    Raises
    ------
    DataError
        For fewer than two methods, or fewer than two data sets on which all have a score.

    Notes
    -----
    The statistic is divided by ``1 - sum(t³ - t) / (N k (k² - 1))`` for ties of t methods, as in SciPy; Demšar's
    formula leaves that out. With it ``f`` is the F of a two-way analysis of variance of the ranks.

    References
    ----------
    Demšar (2006), section 3.2.2; R. L. Iman and J. M. Davenport, "Approximations of the critical region of the
    Friedman statistic", Communications in Statistics A 9, 1980.
    """
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] < 2:
        raise DataError(
            f"scores have shape {table.shape}; give a row for each data set, of two or more methods"
        )
    known = ~np.isnan(table).any(axis=1)
    n, k = int(known.sum()), table.shape[1]
    if n < 2:
        raise DataError(f"{n} of {len(table)} data sets have a score of every method; ranks need two or more")
    ranks = stats.rankdata(-table[known], axis=1)
    tie_sizes = [np.unique(row, return_counts=True)[1] for row in ranks]
    tied = sum(float((sizes**3 - sizes).sum()) for sizes in tie_sizes) / (n * k * (k**2 - 1))
    means = ranks.mean(axis=0)
    among = 12 * n / (k * (k + 1)) * float(((means - (k + 1) / 2) ** 2).sum())
    chi2 = among / (1 - tied) if tied < 1 else 0.0
    rest = n * (k - 1) - chi2
    # Sums of halves and thirds leave a rest of 1e-15 where the ranking is unanimous.
    f = (n - 1) * chi2 / rest if rest > 1e-9 * n * k else float("inf")
    p = max(float(stats.f.sf(f, k - 1, (k - 1) * (n - 1))), _unanimous(tie_sizes))
    return Friedman(tuple(map(float, means)), chi2, f, p, n, len(table) - n)


def critical_difference(n_methods: int, n_datasets: int, level: float = 0.05) -> float:
    """Nemenyi's: average ranks that differ by this much or more differ at ``level``, for all pairs together.

    Parameters
    ----------
    n_methods, n_datasets : int
        Two methods or more, one data set or more.
    level : float, default=0.05

    Returns
    -------
    float
        ``q sqrt(k (k + 1) / 6N)``, with q of the studentized range of k and infinite degrees of freedom, divided
        by the root of 2.

    Raises
    ------
    SettingsError
        For fewer methods or data sets, or a level outside (0, 1).

    Notes
    -----
    Whether two methods differ depends by this test on which others are there (Benavoli, Corani and Mangili,
    "Should We Really Use Post-Hoc Tests Based on Mean-Ranks?", JMLR 17(5), 2016); it is for the picture of many.
    For two methods ask :func:`counterpoise.experiments.paired_tests.signed_rank_test`.

    References
    ----------
    Demšar (2006), section 3.2.2 and table 5(a).
    """
    if n_methods < 2 or n_datasets < 1:
        raise SettingsError(f"{n_methods} methods on {n_datasets} data sets have no critical difference")
    check_level(level)
    q = float(stats.studentized_range.isf(level, n_methods, np.inf)) / np.sqrt(2)
    return float(q * np.sqrt(n_methods * (n_methods + 1) / (6 * n_datasets)))


def groups_within(ranks: Sequence[float], difference: float) -> list[tuple[int, ...]]:
    """The largest groups of methods whose average ranks differ by less than ``difference``.

    Parameters
    ----------
    ranks : sequence of float
    difference : float
        Of :func:`critical_difference`.

    Returns
    -------
    list of tuple of int
        Positions in ``ranks``, best first; groups of two or more, none inside another. A method may be in two
        groups: then the data do not say to which it belongs.

    References
    ----------
    Demšar (2006), section 3.2.4: the bars of a critical-difference diagram.
    """
    order = sorted(range(len(ranks)), key=lambda i: ranks[i])
    groups: list[tuple[int, ...]] = []
    reached = 0
    for start, best in enumerate(order):
        end = sum(ranks[i] - ranks[best] < difference for i in order)
        if end > max(reached, start + 1):
            groups.append(tuple(order[start:end]))
            reached = end
    return groups


def holm(p_values: Sequence[float], level: float = 0.05) -> Holm:
    """Holm's correction: the chance of any false rejection among all stays below ``level``.

    Parameters
    ----------
    p_values : sequence of float
        In any order; dependence between them does no harm.
    level : float, default=0.05

    Returns
    -------
    Holm
        In the order given.

    Raises
    ------
    DataError
        For a p value outside [0, 1].
    SettingsError
        For a level outside (0, 1).

    References
    ----------
    S. Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 6, 1979.
    """
    check_level(level)
    p = np.asarray(p_values, dtype=np.float64)
    if not ((p >= 0) & (p <= 1)).all():
        raise DataError(f"p values are {p.tolist()}; they must lie between 0 and 1")
    order = np.argsort(p, kind="stable")
    left = np.arange(len(p), 0, -1)
    steps = np.minimum(np.maximum.accumulate(p[order] * left), 1.0)
    # Compared by the quotient and in order, so that p <= level / left and the rejections cannot disagree.
    n_rejected = int(np.logical_and.accumulate(p[order] <= level / left).sum())
    levels = level / np.maximum(left, len(p) - n_rejected)
    back = np.argsort(order)
    rejected = (np.arange(len(p)) < n_rejected)[back]
    return Holm(tuple(steps[back].tolist()), tuple(rejected.tolist()), tuple(levels[back].tolist()))


def _unanimous(tie_sizes: Sequence[np.ndarray]) -> float:
    """A bound from below on the p value of any ranking with these ties.

    A data set's ranks can be arranged in ``k! / prod t!`` equally likely ways, and renaming the methods changes no
    statistic, so that the most extreme table has at least as many equals as the largest of these counts. Without
    ties that is ``k!^(1 - N)``, the exact probability that all data sets agree.
    """
    ways = np.array([gammaln(sizes.sum() + 1) - gammaln(sizes + 1).sum() for sizes in tie_sizes])
    return float(np.exp(ways.max() - ways.sum()))
