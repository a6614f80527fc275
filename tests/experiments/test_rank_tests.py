"""Rank tests: Demšar's worked example and table, SciPy, an analysis of variance, and Holm by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from counterpoise.errors import DataError, SettingsError
from counterpoise.experiments.rank_tests import critical_difference, friedman, groups_within, holm

# JMLR 7, 2006, table 6: the printed ranks (AUCs are rounded, and make a tie on voting that the paper has not) of
# C4.5, C4.5+m, C4.5+cf and C4.5+m+cf on 14 data sets.
DEMSAR = np.array(
    [
        *[
            (4, 3, 2, 1),
            (1, 2, 3, 4),
            (4, 1, 2, 3),
            (4, 1, 3, 2),
            (4, 2, 3, 1),
            (1, 2.5, 4, 2.5),
            (3, 2, 4, 1),
        ],
        *[
            (2.5, 2.5, 4, 1),
            (4, 3, 2, 1),
            (2.5,) * 4,
            (4, 2.5, 1, 2.5),
            (3, 2, 4, 1),
            (4, 1, 2, 3),
            (3, 1, 4, 2),
        ],
    ]
)
# Table 5(a), for two to ten classifiers.
TABLE_5A = {
    0.05: [1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164],
    0.10: [1.645, 2.052, 2.291, 2.459, 2.589, 2.693, 2.780, 2.855, 2.920],
}
# Few values, so that ties are common.
tables = arrays(
    np.float64,
    st.tuples(st.integers(2, 8), st.integers(3, 5)),
    elements=st.sampled_from([0.1, 0.2, 0.3, 0.4]),
)


def test_demsars_example():
    found = friedman(-DEMSAR)
    assert found.ranks == pytest.approx((3.143, 2.000, 2.893, 1.964), abs=5e-4)
    # Three pairs tie and once all four: (3 x 6 + 60) / (14 x 60) of the variance, which the paper leaves out.
    uncorrected = found.chi2 * (1 - 78 / 840)
    assert uncorrected == pytest.approx(9.28, abs=0.005)
    assert 13 * uncorrected / (42 - uncorrected) == pytest.approx(3.69, abs=0.005)
    assert found.f == pytest.approx(13 * found.chi2 / (42 - found.chi2))
    assert found.p == pytest.approx(stats.f.sf(found.f, 3, 39))


def test_demsars_critical_differences_and_groups():
    ranks = friedman(-DEMSAR).ranks
    wide, narrow = critical_difference(4, 14), critical_difference(4, 14, 0.10)
    assert (wide, narrow) == pytest.approx((1.25, 1.12), abs=0.005)
    assert groups_within(ranks, wide) == [(3, 1, 2, 0)]
    assert groups_within(ranks, narrow) == [(3, 1, 2), (2, 0)]


@pytest.mark.parametrize("level", TABLE_5A)
def test_critical_values_of_table_5(level):
    # With N = k (k + 1) / 6 the critical difference is q itself; N need not be whole for the formula.
    ours = [critical_difference(k, k * (k + 1) / 6, level) for k in range(2, 11)]
    assert ours == pytest.approx(TABLE_5A[level], abs=1.01e-3)  # two printed values are off in the last digit


@given(tables)
@settings(max_examples=40)
def test_friedman_is_scipys_and_f_an_analysis_of_variance_of_ranks(scores):
    found = friedman(scores)
    ranks = stats.rankdata(-scores, axis=1)
    if not np.ptp(ranks, axis=1).any():
        assert (found.chi2, found.f, found.p) == (0, 0, 1)
        return
    assert found.chi2 == pytest.approx(stats.friedmanchisquare(*scores.T).statistic, abs=1e-9)
    n, k = ranks.shape
    between = n * ((ranks.mean(axis=0) - ranks.mean()) ** 2).sum()
    within = ((ranks - ranks.mean(axis=1, keepdims=True)) ** 2).sum() - between
    if within < 1e-9:
        assert found.f == np.inf
    else:
        assert found.f == pytest.approx(between / (k - 1) / (within / ((k - 1) * (n - 1))), abs=1e-9)


@given(tables, st.permutations(range(3)))
@settings(max_examples=30)
def test_ranks_follow_the_methods_and_turn_with_the_scores(scores, order):
    scores = scores[:, :3]
    found = friedman(scores)
    assert sum(found.ranks) == pytest.approx(6)
    moved = friedman(scores[:, list(order)])
    assert moved.ranks == pytest.approx(tuple(found.ranks[i] for i in order))
    turned = friedman(-scores)
    assert turned.ranks == pytest.approx(tuple(4 - rank for rank in found.ranks))
    assert (moved.p, turned.p) == pytest.approx((found.p, found.p))


def test_a_unanimous_ranking_has_its_exact_probability():
    """Three methods on three data sets: of 6³ tables, six agree."""
    found = friedman([[0.9, 0.8, 0.7]] * 3)
    assert found.f == np.inf
    assert found.p == pytest.approx(6 / 6**3)


def test_no_p_value_is_smaller_than_any_table_allows():
    """All tables of three methods on three data sets: p values as small as p or smaller are as rare as p or rarer."""
    rows = list(itertools.permutations([1.0, 2.0, 3.0]))
    p = np.array([friedman(table).p for table in itertools.product(rows, repeat=3)])
    assert np.mean(p <= p.min() + 1e-12) <= p.min() + 1e-12
    # With ties, of which two of three places can be chosen in three ways.
    assert friedman([[0.5, 0.2, 0.2]] * 2).p == pytest.approx(1 / 3)


def test_data_sets_without_a_score_are_left_out():
    scores = [[0.3, 0.2, 0.1], [0.4, None, 0.2], [0.2, 0.3, 0.1], [0.5, 0.1, 0.3]]
    found = friedman(scores)
    assert (found.datasets, found.undefined) == (3, 1)
    assert found.ranks == friedman([scores[i] for i in (0, 2, 3)]).ranks == pytest.approx((4 / 3, 2, 8 / 3))


@pytest.mark.parametrize(
    ("ranks", "difference", "expected"),
    [
        ([1, 2, 3], 1.0, []),  # as much as the critical difference is different
        ([1, 2, 3], 1.5, [(0, 1), (1, 2)]),
        ([3, 1, 2, 4], 2.5, [(1, 2, 0), (2, 0, 3)]),
        ([2, 2], 0.5, [(0, 1)]),
        ([1, 1.5, 4, 4.2], 1, [(0, 1), (2, 3)]),
    ],
)
def test_groups_by_hand(ranks, difference, expected):
    assert groups_within(ranks, difference) == expected


def test_holm_by_hand():
    found = holm([0.01, 0.04, 0.03, 0.005])
    assert found.adjusted == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert found.rejected == (True, False, False, True)
    assert found.levels == pytest.approx((0.05 / 3, 0.05 / 2, 0.05 / 2, 0.05 / 4))


def test_holm_of_demsars_example():
    """The table at the end of section 3.2.2: two of three are rejected, where Bonferroni and Dunn's finds one."""
    ranks = np.array(friedman(-DEMSAR).ranks)
    z = (ranks[0] - ranks[1:]) / np.sqrt(4 * 5 / (6 * 14))
    p = 2 * stats.norm.sf(z)
    assert z == pytest.approx([2.342, 0.512, 2.416], abs=2e-3)
    assert p == pytest.approx([0.019, 0.607, 0.016], abs=2e-3)  # the paper rounds z first
    assert holm(p.tolist()).rejected == (True, False, True)
    assert (p < 0.05 / 3).sum() == 1


@given(st.lists(st.floats(0, 1), max_size=8), st.floats(0.01, 0.5))
@settings(max_examples=100)
def test_holm_is_the_closed_test_of_bonferronis(p, level):
    """A hypothesis is rejected when Bonferroni's test rejects every family that contains it (Marcus et al., 1976)."""
    found = holm(p, level)
    for i in range(len(p)):
        others = [p[j] for j in range(len(p)) if j != i]
        closed = max(
            (min(p[i], *family) if family else p[i]) * (len(family) + 1)
            for size in range(len(p))
            for family in itertools.combinations(others, size)
        )
        assert found.adjusted[i] == pytest.approx(min(closed, 1))
        assert found.rejected[i] == (p[i] <= found.levels[i])
        if abs(found.adjusted[i] - level) > 1e-9:
            assert found.rejected[i] == (found.adjusted[i] < level)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6), st.data())
@settings(max_examples=50)
def test_what_stands_would_have_been_rejected_at_its_level(p, data):
    """``levels`` is the p value that would have been small enough, the others being as they are."""
    found = holm(p)
    standing = [i for i, rejected in enumerate(found.rejected) if not rejected]
    if standing:
        i = data.draw(st.sampled_from(standing))
        for factor, rejected in ((0.999, True), (1.001, False)):
            changed = list(p)
            changed[i] = found.levels[i] * factor
            if rejected or all(changed[i] <= p[j] for j in standing):
                assert holm(changed).rejected[i] is rejected


def test_refusals():
    with pytest.raises(DataError, match="two or more methods"):
        friedman([[0.1], [0.2]])
    with pytest.raises(DataError, match="1 of 2 data sets"):
        friedman([[0.1, 0.2], [None, 0.2]])
    with pytest.raises(SettingsError, match="no critical difference"):
        critical_difference(1, 5)
    with pytest.raises(SettingsError, match="level"):
        critical_difference(3, 5, 0.0)
    for wrong in ([1.2], [-0.1], [float("nan")]):
        with pytest.raises(DataError, match="between 0 and 1"):
            holm(wrong)
