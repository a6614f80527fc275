"""Paired tests: hand-worked cases, SciPy in the limit, and that the correction does what it is for."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from counterpoise.errors import DataError, SettingsError
from counterpoise.experiments.paired_tests import (
    Regions,
    corrected_t_test,
    correlated_t_test,
    detectable_difference,
    paired_differences,
    signed_rank_test,
)

HAND = [0.02, 0.04, 0.06]  # mean .04, s = .02
HAND_SE = 0.02 * math.sqrt(1 / 3 + 1 / 2)  # for a test side of half the fitting side

varied = arrays(np.float64, st.integers(3, 12), elements=st.floats(-1, 1)).filter(lambda d: np.ptp(d) > 1e-3)
ratios = st.floats(0, 2)


def student_2(x: float) -> float:
    """Distribution function of Student's t with two degrees of freedom, in closed form."""
    return 0.5 + x / (2 * math.sqrt(2 + x * x))


def test_worked_by_hand():
    found = corrected_t_test(HAND, 1 / 2)
    t = 0.04 / HAND_SE
    assert found.mean == pytest.approx(0.04)
    assert found.p == pytest.approx(2 * (1 - student_2(t)))
    assert (found.low, found.high) == pytest.approx((0.04 - 4.302653 * HAND_SE, 0.04 + 4.302653 * HAND_SE))
    assert (found.pairs, found.undefined) == (3, 0)


@given(varied)
@settings(max_examples=30)
def test_without_shared_rows_it_is_the_paired_t_test(differences):
    found, theirs = corrected_t_test(differences, 0.0, level=0.1), stats.ttest_1samp(differences, 0.0)
    assert found.p == pytest.approx(theirs.pvalue, rel=1e-6)
    assert (found.low, found.high) == pytest.approx(tuple(theirs.confidence_interval(0.9)))


@given(varied, ratios)
@settings(max_examples=30)
def test_swapping_the_methods_turns_the_signs(differences, ratio):
    one, other = corrected_t_test(differences, ratio), corrected_t_test(-differences, ratio)
    assert (one.mean, one.low, one.high) == pytest.approx((-other.mean, -other.high, -other.low))
    assert (one.p, one.detectable) == pytest.approx((other.p, other.detectable))
    ours, theirs = correlated_t_test(differences, ratio), correlated_t_test(-differences, ratio)
    assert (ours.worse, ours.equal, ours.better) == pytest.approx((theirs.better, theirs.equal, theirs.worse))


@given(varied, ratios, st.floats(0.01, 0.3))
@settings(max_examples=30)
def test_interval_test_and_detectable_size_agree(differences, ratio, level):
    found = corrected_t_test(differences, ratio, level=level)
    assert (found.low > 0 or found.high < 0) == (found.p < level)
    if found.p > level:  # what would have been seen four times in five is more than what was not seen
        assert abs(found.mean) < found.detectable
    wider = corrected_t_test(differences, ratio + 0.1, level=level)
    assert wider.high - wider.low > found.high - found.low
    assert wider.p >= found.p
    assert wider.detectable > found.detectable


@given(varied, ratios, st.floats(-0.5, 0.5))
@settings(max_examples=20)
def test_detectable_size_does_not_restate_the_mean(differences, ratio, shift):
    moved = corrected_t_test(differences + shift, ratio).detectable
    assert moved == pytest.approx(corrected_t_test(differences, ratio).detectable)


def test_detectable_size_by_the_noncentral_t():
    critical = stats.t.isf(0.025, 9)
    size = detectable_difference(0.01, 9)
    assert stats.nct.sf(critical, 9, size / 0.01) == pytest.approx(0.8, abs=1e-5)
    # With many degrees of freedom, the sum of the two normal quantiles.
    assert detectable_difference(1.0, 10**6) == pytest.approx(1.959964 + 0.841621, abs=1e-4)


def correlated_draws(n_draws: int, n: int, ratio: float, seed: int) -> np.ndarray:
    """Nadeau and Bengio's model: unit variance, correlation ``n_test / (n_test + n_train)`` between all pairs."""
    rng = np.random.default_rng(seed)
    rho = ratio / (1 + ratio)
    shared = rng.standard_normal((n_draws, 1))
    return math.sqrt(rho) * shared + math.sqrt(1 - rho) * rng.standard_normal((n_draws, n))


def test_rejects_at_its_level_where_the_plain_test_does_not():
    draws = correlated_draws(1500, 10, 1 / 4, seed=1)
    corrected = np.mean([corrected_t_test(d, 1 / 4).p < 0.05 for d in draws])
    plain = np.mean(stats.ttest_1samp(draws, 0.0, axis=1).pvalue < 0.05)
    assert corrected == pytest.approx(0.05, abs=0.018)  # three standard errors
    assert plain > 0.2


def test_detectable_size_is_detected_four_times_in_five():
    n, ratio = 10, 1 / 4
    within = math.sqrt(1 - ratio / (1 + ratio))  # what the sample's deviation estimates
    size = detectable_difference(within * math.sqrt(1 / n + ratio), n - 1)
    draws = correlated_draws(1500, n, ratio, seed=2) + size
    tests = [corrected_t_test(d, ratio) for d in draws]
    assert np.mean([t.p < 0.05 and t.mean > 0 for t in tests]) == pytest.approx(0.8, abs=0.031)


def test_fewer_false_alarms_in_a_real_cross_validation():
    """Two equally useful columns, a centroid rule on each, 4 x 5 folds: neither is better."""
    rng = np.random.default_rng(3)
    plain, corrected = [], []
    for _ in range(150):
        labels = rng.permutation(np.repeat([0, 1], 40))
        columns = labels[:, None] + 1.5 * rng.standard_normal((80, 2))
        differences = []
        for _ in range(4):
            for test in np.split(rng.permutation(80), 5):
                train = np.setdiff1d(np.arange(80), test)
                known, of = columns[train], labels[train]
                middle = (known[of == 0].mean(axis=0) + known[of == 1].mean(axis=0)) / 2
                right = ((columns[test] > middle) == labels[test, None]).mean(axis=0)
                differences.append(right[0] - right[1])
        plain.append(corrected_t_test(differences, 0.0).p < 0.05)
        corrected.append(corrected_t_test(differences, 1 / 4).p < 0.05)
    assert np.mean(plain) > 0.25
    assert np.mean(corrected) < 0.1


def test_posterior_worked_by_hand():
    found = correlated_t_test(HAND, 1 / 2, rope=0.01)
    assert found.worse == pytest.approx(student_2((-0.01 - 0.04) / HAND_SE))
    assert found.better == pytest.approx(1 - student_2((0.01 - 0.04) / HAND_SE))
    assert found.worse + found.equal + found.better == pytest.approx(1)


@given(varied, ratios)
@settings(max_examples=20)
def test_without_a_region_the_posterior_is_half_the_p_value(differences, ratio):
    """Corani and Benavoli, 2015: the prior is the one that matches the corrected test."""
    found, p = correlated_t_test(differences, ratio, rope=0.0), corrected_t_test(differences, ratio).p
    assert min(found.worse, found.better) == pytest.approx(p / 2)
    assert found.equal == pytest.approx(0, abs=1e-12)


def test_undefined_pairs_are_left_out_and_counted():
    differences = paired_differences([0.5, None, 0.7, 0.9, np.nan], [0.4, 0.2, None, 0.6, 0.1])
    found = corrected_t_test(differences, 1 / 4)
    assert (found.pairs, found.undefined) == (2, 3)
    assert found.mean == pytest.approx(0.2)
    assert found.p == corrected_t_test([0.1, 0.9 - 0.6], 1 / 4).p


@pytest.mark.parametrize(
    ("differences", "mean"), [([], None), ([None], None), ([0.3], 0.3), ([0.3, None], 0.3)]
)
def test_fewer_than_two_pairs_give_no_more_than_a_mean(differences, mean):
    found = corrected_t_test(differences, 1 / 4)
    assert (found.mean, found.low, found.high, found.p, found.detectable) == (mean, None, None, None, None)
    assert correlated_t_test(differences, 1 / 4) is None


def test_differences_without_spread():
    # As numbers they differ in the last digit, and a plain t-test would find p = 1e-30.
    same = corrected_t_test(paired_differences([0.3, 0.4, 0.8], [0.2, 0.3, 0.7]), 1 / 4)
    assert same.mean == pytest.approx(0.1)
    assert (same.low, same.high, same.p, same.detectable) == (None, None, None, None)
    assert correlated_t_test([0.1, 0.1], 1 / 4) is None
    none = corrected_t_test([0.0, 1e-17, 0.0], 1 / 4)
    assert (none.mean, none.low, none.high, none.p, none.detectable) == (0.0, 0.0, 0.0, 1.0, None)
    assert correlated_t_test([0.0, 0.0], 1 / 4) == Regions(0.0, 1.0, 0.0)


def test_folds_by_seeds_count_as_one_row():
    table = np.array([[0.1, 0.2, 0.3], [0.2, 0.0, 0.1]])
    assert corrected_t_test(table, 1 / 2) == corrected_t_test(table.ravel(), 1 / 2)


@pytest.mark.parametrize(
    ("z", "expected"),
    [
        # One data set and the prior one: w0 ~ Beta(1/2, 1), of distribution function sqrt. Beyond twice the
        # region, better has 1 - w0² against w0²; within twice, (1 - w0)² against the rest.
        (0.05, Regions(0.0, 1 - math.sqrt(math.sqrt(0.5)), math.sqrt(math.sqrt(0.5)))),
        (0.015, Regions(0.0, 1 - math.sqrt(1 - math.sqrt(0.5)), math.sqrt(1 - math.sqrt(0.5)))),
        (0.01, Regions(0.0, 1.0, 0.0)),
    ],
)
def test_signed_rank_of_one_data_set_in_closed_form(z, expected):
    found = signed_rank_test([z], rope=0.01)
    assert (found.worse, found.equal, found.better) == pytest.approx(
        (expected.worse, expected.equal, expected.better), abs=0.007
    )
    turned = signed_rank_test([-z], rope=0.01)
    assert (turned.worse, turned.equal, turned.better) == (found.better, found.equal, found.worse)


def test_signed_rank_holds_out_against_one_bad_data_set():
    found = signed_rank_test([*[0.03] * 11, -5.0])
    assert np.mean([*[0.03] * 11, -5.0]) < 0
    assert found.better > 0.95


def test_signed_rank_agrees_with_demsars_example():
    """JMLR 7, 2006, table 2: C4.5+m against C4.5 on 14 data sets, for which Wilcoxon's test rejects at 5%."""
    z = [0.005, -0.008, 0.017, 0.033, 0.006, -0.005, 0.007, 0, 0.063, 0, 0.022, 0.047, 0.009, 0.021]
    found = signed_rank_test(z, rope=0.0)
    assert found.better > 0.975
    # With Benavoli et al.'s region of one point, about as many pairs lie within as beyond.
    region = signed_rank_test(z)
    assert region.worse < 0.01
    assert region.equal > 0.1


@given(arrays(np.float64, st.integers(1, 8), elements=st.floats(-0.1, 0.1)), st.floats(0, 0.05))
@settings(max_examples=10)
def test_signed_rank_is_a_distribution_and_turns_with_the_methods(z, rope):
    found, turned = signed_rank_test(z, rope=rope), signed_rank_test(-z, rope=rope)
    assert found.worse + found.equal + found.better == pytest.approx(1)
    assert (turned.worse, turned.better) == (found.better, found.worse)


def test_signed_rank_repeats_by_its_seed():
    z = [0.02, -0.01, 0.03, 0.0]
    assert signed_rank_test(z, random_state=4) == signed_rank_test(z, random_state=4)
    assert signed_rank_test(z, random_state=4) != signed_rank_test(z, random_state=5)
    assert signed_rank_test([*z, None], random_state=4) == signed_rank_test(z, random_state=4)


def test_refusals():
    with pytest.raises(DataError, match="same folds"):
        paired_differences([0.1, 0.2], [0.1])
    with pytest.raises(DataError, match="infinite"):
        corrected_t_test([0.1, np.inf], 1 / 4)
    with pytest.raises(DataError, match="no data set"):
        signed_rank_test([None])
    with pytest.raises(SettingsError, match="test_to_train"):
        corrected_t_test(HAND, -1)
    with pytest.raises(SettingsError, match="level"):
        corrected_t_test(HAND, 1 / 4, level=1.0)
    for ask in (lambda: correlated_t_test(HAND, 1 / 4, rope=-1), lambda: signed_rank_test(HAND, rope=-1)):
        with pytest.raises(SettingsError, match="rope"):
            ask()
