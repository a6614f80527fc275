"""Do two methods differ? Paired differences over folds and seeds of one data set, or over data sets.

>>> d = paired_differences(scores["miso"], scores["class_weight"])   # one value a fold and seed    # doctest: +SKIP
>>> corrected_t_test(d, test_to_train=1 / 4).p                       # five folds: 1 / (5 - 1)      # doctest: +SKIP
>>> correlated_t_test(d, test_to_train=1 / 4, rope=0.01).better      # a probability                # doctest: +SKIP
>>> signed_rank_test(mean_difference_of_each_data_set).better        # a probability                # doctest: +SKIP

Folds of one data set share most of their training rows, so that their differences vary together and the plain
t-test finds differences that are not there. The first two tests allow for it; the third is for data sets, which
are independent. Positive differences are in favour of the first method; hand in the negative of a loss.

Across data sets a bootstrap interval of the mean was the other choice. With the five to twenty data sets of a
study it never reaches beyond what was seen and so covers too rarely, and one data set on which a method fails
decides it. The signed-rank test holds out against such a data set, and says "practically equal" where that is so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from counterpoise.errors import DataError, SettingsError
from counterpoise.seeding import RandomState, generator, root_seed

Floats: TypeAlias = NDArray[np.float64]
Scores: TypeAlias = "Sequence[float | None] | NDArray[np.float64]"
"""Values of a metric; None or NaN where it is undefined, such as in a fold without the minority."""

POWER = 0.8
"""Chance with which a difference of the stated detectable size would have been shown."""

ROPE = 0.01
"""Half the width of the region of practical equivalence: a point, as in Benavoli et al. (2017)."""

_SAME = 1e-12  # differences of scores below 1 are exact to about 1e-16
_DRAWS = 50_000
_PRIOR_STRENGTH = 0.5


@dataclass(frozen=True)
class CorrectedTTest:
    """The mean difference, and what can be said about it.

    Attributes
    ----------
    mean : float or None
        None without any pair.
    low, high : float or None
        The interval of confidence ``1 - level``; it excludes 0 exactly when ``p < level``.
    p : float or None
        Two-sided.
    detectable : float or None
        The smallest true difference that the test at ``level`` would have shown, with the right sign, in 80 of
        100 such experiments. It depends on the spread of the differences and not on their mean, and is
        therefore no restatement of ``p``, as power at the observed difference would be.
    level : float
    pairs, undefined : int
        Differences that were used, and that were left out because a score is undefined.

    Notes
    -----
    Fewer than two pairs leave all but the mean None, and so do differences that are all the same and not 0: there
    is no spread to judge them by. Differences that are all 0 have ``p = 1`` and the interval [0, 0], and no
    detectable size.
    """

    mean: float | None
    low: float | None
    high: float | None
    p: float | None
    detectable: float | None
    level: float
    pairs: int
    undefined: int


@dataclass(frozen=True)
class Regions:
    """Probabilities that a difference matters, and in whose favour; they sum to 1.

    Attributes
    ----------
    worse, better : float
        That the method is worse, or better, than the other by more than the region of practical equivalence.
    equal : float
        That the difference lies within it.
    """

    worse: float
    equal: float
    better: float


def paired_differences(scores: Scores, reference: Scores) -> Floats:
    """``scores - reference``, NaN where either is undefined.

    Parameters
    ----------
    scores, reference : sequence of float or None, or ndarray
        Of the same folds and seeds in the same order.

    Raises
    ------
    DataError
        When they are not of the same shape.
    """
    first, second = np.asarray(scores, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    if first.shape != second.shape:
        raise DataError(
            f"scores of shape {first.shape} cannot be paired with scores of shape {second.shape}; "
            "give both methods the same folds and seeds"
        )
    return first - second


def corrected_t_test(differences: Scores, test_to_train: float, *, level: float = 0.05) -> CorrectedTTest:
    """Corrected resampled t-test, for one data set.

    ``t = mean / sqrt((1/n + n_test/n_train) s²)`` with n - 1 degrees of freedom, n being folds times seeds: the
    variance of the mean under a correlation ``n_test / (n_test + n_train)`` between splits.

    Parameters
    ----------
    differences : sequence of float or None, or ndarray
        One a fold and seed. A seed is taken to shuffle the folds anew; where it only starts the training anew,
        average over seeds first and hand in one difference a fold, since repeats on one test side say nothing
        new about the choice of rows.
    test_to_train : float
        Rows of a test side per row of its fitting side: ``1 / (k - 1)`` for k folds; on average where they vary.
        0 gives Student's paired t-test, for differences that are independent.
    level : float, default=0.05
        For the interval and the detectable size.

    Returns
    -------
    CorrectedTTest

    Raises
    ------
    DataError
        For infinite differences.
    SettingsError
        For a ratio below 0 or a level outside (0, 1).

    References
    ----------
    C. Nadeau and Y. Bengio, "Inference for the Generalization Error", Machine Learning 52, 2003: the corrected
    resampled t-test. R. R. Bouckaert and E. Frank, "Evaluating the Replicability of Significance Tests for
    Comparing Learning Algorithms", PAKDD 2004, section 3.3: for repeated cross-validation.
    """
    check_level(level)
    values, undefined = _defined(differences)
    n = len(values)
    spread = _standard_error(values, test_to_train)
    if spread is None:
        mean = float(values.mean()) if n else None
        return CorrectedTTest(mean, None, None, None, None, level, n, undefined)
    if spread == 0.0:
        return CorrectedTTest(0.0, 0.0, 0.0, 1.0, None, level, n, undefined)
    mean = float(values.mean())
    reach = float(stats.t.isf(level / 2, n - 1)) * spread
    p = 2 * float(stats.t.sf(abs(mean) / spread, n - 1))
    detectable = detectable_difference(spread, n - 1, level)
    return CorrectedTTest(mean, mean - reach, mean + reach, p, detectable, level, n, undefined)


def detectable_difference(
    standard_error: float, degrees: int, level: float = 0.05, power: float = POWER
) -> float:
    """The true difference that a two-sided t-test shows, with the right sign, with probability ``power``.

    Exact: the noncentrality at which Student's noncentral t exceeds the critical value with that probability.

    Parameters
    ----------
    standard_error : float
        Of the mean difference.
    degrees : int
        Degrees of freedom, 1 or more.
    level : float, default=0.05
    power : float, default=0.8
    """
    critical = stats.t.isf(level / 2, degrees)
    return float(standard_error * special.nctdtrinc(degrees, 1 - power, critical))


def correlated_t_test(differences: Scores, test_to_train: float, *, rope: float = ROPE) -> Regions | None:
    """Bayesian correlated t-test, for one data set.

    With the prior that matches the corrected t-test, the mean difference has a posterior of Student's form
    around the mean, of scale ``sqrt((1/n + rho / (1 - rho)) s²)`` and n - 1 degrees of freedom, where
    ``rho / (1 - rho) = n_test / n_train``.

    Parameters
    ----------
    differences : sequence of float or None, or ndarray
    test_to_train : float
        As for :func:`corrected_t_test`.
    rope : float, default=0.01
        Differences up to this size, either way, do not matter.

    Returns
    -------
    Regions or None
        None for fewer than two pairs and for differences that are all the same and not 0, where the posterior is
        undefined; differences that are all 0 are equal with probability 1.

    Raises
    ------
    DataError, SettingsError
        As for :func:`corrected_t_test`, and for a ``rope`` below 0.

    References
    ----------
    G. Corani and A. Benavoli, "A Bayesian approach for comparing cross-validated algorithms on multiple data
    sets", Machine Learning 100, 2015, section 3.
    """
    _check_rope(rope)
    values, _ = _defined(differences)
    spread = _standard_error(values, test_to_train)
    if spread is None:
        return None
    if spread == 0.0:
        return Regions(0.0, 1.0, 0.0)
    mean = float(values.mean())
    worse = float(stats.t.cdf((-rope - mean) / spread, len(values) - 1))
    better = float(stats.t.sf((rope - mean) / spread, len(values) - 1))
    return Regions(worse, max(0.0, 1 - worse - better), better)


def signed_rank_test(differences: Scores, *, rope: float = ROPE, random_state: RandomState = 0) -> Regions:
    """Bayesian signed-rank test, over data sets.

    The data sets' weights w are drawn from a Dirichlet distribution, one parameter 1 each and 0.5 for a prior
    data set with the difference 0. A draw is won by the region with most of the weight ``w_i w_j`` of the pairs
    of data sets, a pair being better when ``(z_i + z_j) / 2`` exceeds ``rope``. The probabilities are shares of
    50 000 draws, exact to about 0.002.

    Parameters
    ----------
    differences : sequence of float or None, or ndarray
        One a data set: the mean over its folds and seeds. Data sets without a value are left out.
    rope : float, default=0.01
    random_state : int, RandomState, Generator or None, default=0

    Returns
    -------
    Regions

    Raises
    ------
    DataError
        Without any data set, or for infinite differences.
    SettingsError
        For a ``rope`` below 0.

    References
    ----------
    A. Benavoli, F. Mangili, G. Corani, M. Zaffalon and F. Ruggeri, "A Bayesian Wilcoxon signed-rank test based on
    the Dirichlet process", ICML 2014; A. Benavoli, G. Corani, J. Demšar and M. Zaffalon, "Time for a Change",
    JMLR 18(77), 2017, section 4.2, for the region of practical equivalence and the strength of the prior.
    """
    _check_rope(rope)
    values, _ = _defined(differences)
    if not len(values):
        raise DataError("no data set has a difference to test; run the two methods on at least one")
    z = np.append(values, 0.0)
    sums = z[:, None] + z[None, :]
    rng = generator(root_seed(random_state), "signed_rank")
    weights = rng.dirichlet(np.append(np.ones(len(values)), _PRIOR_STRENGTH), _DRAWS)
    # Rounding must not carry a pair over the edge of the region: 0.02 is within a rope of 0.01.
    better, worse = (
        np.einsum("bi,bi->b", weights @ (side > 2 * rope + _SAME), weights) for side in (sums, -sums)
    )
    equal = 1 - better - worse
    won = float(np.mean(better > np.maximum(worse, equal)))
    lost = float(np.mean(worse > np.maximum(better, equal)))
    return Regions(lost, max(0.0, 1 - won - lost), won)


def _defined(differences: Scores) -> tuple[Floats, int]:
    """The defined differences in one row, and how many are not."""
    values = np.asarray(differences, dtype=np.float64).ravel()
    if np.isinf(values).any():
        raise DataError("a difference is infinite; leave undefined scores as None or NaN")
    known = values[~np.isnan(values)]
    return known, len(values) - len(known)


def _standard_error(values: Floats, test_to_train: float) -> float | None:
    """The corrected standard error of the mean; 0 when all values are 0, None when it cannot be estimated."""
    if not 0 <= test_to_train < np.inf:
        raise SettingsError(
            f"test_to_train is {test_to_train}; give the rows of a test side per row of its fitting side"
        )
    if len(values) < 2:
        return None
    if np.ptp(values) <= _SAME:
        return 0.0 if np.abs(values).max() <= _SAME else None
    return float(np.sqrt((1 / len(values) + test_to_train) * values.var(ddof=1)))


def check_level(level: float) -> None:
    """Refuse a level of significance outside (0, 1)."""
    if not 0 < level < 1:
        raise SettingsError(f"level is {level}; give a number between 0 and 1, such as 0.05")


def _check_rope(rope: float) -> None:
    if not 0 <= rope < np.inf:
        raise SettingsError(f"rope is {rope}; give the largest difference that does not matter, 0 or more")
