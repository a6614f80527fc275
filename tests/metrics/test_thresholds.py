"""Thresholds: the rule, the exact optimum with two classes, ascent with more, and when not to tune."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics as sk

from counterpoise.errors import SettingsError
from counterpoise.metrics.thresholds import decide, too_few_to_tune, tune_threshold


def overlapping(seed: int, n: int = 300, share: float = 0.15) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < share).astype(int)
    y[:12] = 1
    return y, 1 / (1 + np.exp(-(rng.normal(size=n) + 1.5 * y - 3))).round(3)


# The rule


@given(
    p=hnp.arrays(np.float64, 20, elements=st.floats(0, 1)),
    theta=st.floats(0.001, 0.999),
)
def test_two_classes_are_cut_at_theta(p: np.ndarray, theta: float) -> None:
    clear = np.abs(p - theta) > 1e-12
    assert np.array_equal(decide(p, [1 - theta, theta])[clear], (p > theta)[clear])
    assert np.array_equal(decide(p, [3 * (1 - theta), 3 * theta])[clear], (p > theta)[clear])


@given(
    st.integers(2, 5).flatmap(
        lambda c: hnp.arrays(np.float64, (15, c), elements=st.floats(0, 1, allow_subnormal=False))
    )
)
def test_equal_thresholds_are_argmax(p: np.ndarray) -> None:
    assert np.array_equal(decide(p), p.argmax(axis=1))
    assert np.array_equal(decide(p, np.full(p.shape[1], 0.5)), p.argmax(axis=1))


def test_a_threshold_of_nought_or_one_decides_alike() -> None:
    assert decide([0.0001, 1.0], [1.0, 0.0]).tolist() == [1, 1]
    assert decide([0.0001, 1.0], [0.0, 1.0]).tolist() == [0, 0]


def test_three_classes_by_hand() -> None:
    p = [[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]]
    assert decide(p, [0.6, 0.3, 0.1]).tolist() == [2, 2]  # .83, 1.0, 2.0


@pytest.mark.parametrize("thresholds", [[0.5], [0.5, -1.0], [0.0, 0.0], [np.nan, 1.0]])
def test_thresholds_that_are_none_are_refused(thresholds) -> None:
    with pytest.raises(SettingsError, match="give 2 numbers above 0"):
        decide([0.5], thresholds)
    with pytest.raises(SettingsError, match="give 3 numbers above 0"):
        decide([[0.2, 0.3, 0.5]], [0.0, 0.5, 0.5])


# Two classes


@pytest.mark.parametrize("minority", [0, 1])
@pytest.mark.parametrize("metric", ["f1", "macro_f1", "mcc", "balanced_accuracy"])
@pytest.mark.parametrize("seed", range(2))
def test_the_optimum_over_all_cuts_is_found(metric: str, minority: int, seed: int) -> None:
    y, p = overlapping(seed, 60)
    w = np.random.default_rng(seed).integers(1, 4, len(y)).astype(float)
    choice = tune_threshold(y, p, minority=minority, metric=metric, weights=w)

    def value(decided):
        if metric == "f1":
            return sk.f1_score(y == minority, decided == minority, sample_weight=w, zero_division=0)
        if metric == "macro_f1":
            return sk.f1_score(y, decided, average="macro", sample_weight=w, zero_division=0)
        if metric == "mcc":
            return sk.matthews_corrcoef(y, decided, sample_weight=w)
        return sk.balanced_accuracy_score(y, decided, sample_weight=w)

    cuts = np.concatenate([[0.0], np.unique(p)])
    assert choice.score == pytest.approx(max(value((p > cut).astype(int)) for cut in cuts), abs=1e-9)
    assert choice.score == pytest.approx(value(decide(p, choice.thresholds)), abs=1e-9)
    assert choice.score_default == pytest.approx(value((p > 0.5).astype(int)), abs=1e-9)
    assert choice.thresholds.sum() == pytest.approx(1.0)


def test_a_clear_gap_is_cut_in_the_middle() -> None:
    y = np.repeat([0, 1], [50, 20])
    p = np.concatenate([np.linspace(0.0, 0.2, 50), np.linspace(0.8, 1.0, 20)])
    choice = tune_threshold(y, p, minority=1)
    assert choice.thresholds == pytest.approx([0.5, 0.5])
    assert choice.score == 1.0
    assert (choice.n_rows, choice.n_minority, choice.tuned) == (70, 20, True)


def test_of_two_equal_runs_the_wider_is_taken() -> None:
    # F1 is 2/3 above .12 (20 right, 20 wrong) and above .8 (10 right, none wrong): the second gap is wider.
    y = np.repeat([0, 1, 0, 1], [50, 10, 20, 10])
    p = np.repeat([0.10, 0.14, 0.15, 0.9], [50, 10, 20, 10])
    choice = tune_threshold(y, p, minority=1)
    assert choice.score == pytest.approx(2 / 3)
    assert choice.thresholds[1] == pytest.approx((0.15 + 0.9) / 2)


def test_rows_of_probability_nought_pass_no_cut() -> None:
    y = np.repeat([1, 0, 1], [30, 20, 12])
    choice = tune_threshold(y, np.repeat([0.0, 0.5, 0.9], [30, 20, 12]), minority=1)
    assert choice.score == pytest.approx(24 / 54)
    assert choice.thresholds[1] == pytest.approx(0.7)


def test_costs_move_the_cut_as_theory_says() -> None:
    """With calibrated probabilities the best cut is c01 / (c01 + c10) (Elkan 2001)."""
    rng = np.random.default_rng(0)
    p = rng.random(40_000)
    y = (rng.random(40_000) < p).astype(int)
    choice = tune_threshold(y, p, minority=1, metric=[[0, 1], [9, 0]])
    assert choice.thresholds[1] == pytest.approx(0.1, abs=0.03)
    assert choice.metric == "cost"
    assert choice.score < choice.score_default
    flipped = tune_threshold(y, p, minority=1, metric=[[0, 9], [1, 0]])
    assert flipped.thresholds[1] == pytest.approx(0.9, abs=0.03)


def test_extreme_costs_decide_one_class() -> None:
    y, p = overlapping(0)
    assert decide(p, tune_threshold(y, p, minority=1, metric=[[0, 1], [1000, 0]]).thresholds)[y == 1].all()
    assert not decide(p, tune_threshold(y, p, minority=1, metric=[[0, 1000], [1, 0]]).thresholds)[
        y == 0
    ].any()


def test_constant_and_saturated_probabilities_do_no_harm() -> None:
    y = np.repeat([0, 1], [50, 20])
    for value in (0.0, 0.3, 1.0):
        choice = tune_threshold(y, np.full(70, value), minority=1)
        assert np.isfinite(choice.thresholds).all()
        assert choice.score >= choice.score_default
    assert tune_threshold(y, y.astype(float), minority=1).score == 1.0


def test_spread_shrinks_with_rows_and_repeats_by_seed() -> None:
    few, many = (
        np.median([tune_threshold(*overlapping(seed, n), minority=1).spread for seed in range(9)])
        for n in (150, 3000)
    )
    assert 0 < many < 0.7 * few
    first, again, other = (tune_threshold(*overlapping(0), minority=1, seed=s).spread for s in (0, 0, 1))
    assert first == again != other


# More classes


def three_classes(seed: int, n: int = 1500) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.choice(3, n, p=[0.8, 0.15, 0.05])
    logits = rng.normal(size=(n, 3)) + 1.2 * np.eye(3)[y] + np.log([0.8, 0.15, 0.05])
    p = np.exp(logits)
    return y, p / p.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("metric", ["f1", "macro_f1", "mcc", "balanced_accuracy"])
def test_more_classes_gain_and_report_what_decide_reaches(metric: str) -> None:
    y, p = three_classes(0)
    choice = tune_threshold(y, p, minority=None, metric=metric)
    decided = decide(p, choice.thresholds)
    reached = {
        "f1": sk.f1_score(y, decided, average="macro"),
        "macro_f1": sk.f1_score(y, decided, average="macro"),
        "mcc": sk.matthews_corrcoef(y, decided),
        "balanced_accuracy": sk.balanced_accuracy_score(y, decided),
    }[metric]
    assert choice.score == pytest.approx(reached)
    assert choice.score > choice.score_default + 0.02
    assert choice.metric == ("macro_f1" if metric == "f1" else metric)


def test_ascent_comes_near_a_grid_search() -> None:
    y, p = three_classes(1, 600)
    grid = [
        sk.f1_score(y, decide(p, [1.0, a, b]), average="macro")
        for a in np.geomspace(0.05, 2, 25)
        for b in np.geomspace(0.05, 2, 25)
    ]
    assert tune_threshold(y, p, minority=None).score >= max(grid) - 0.01


def test_f1_of_one_class_of_three_moves_its_threshold_alone() -> None:
    y, p = three_classes(2)
    choice = tune_threshold(y, p, minority=2)
    assert choice.thresholds[0] == pytest.approx(choice.thresholds[1])
    assert choice.thresholds[2] < choice.thresholds[0]
    assert choice.score == pytest.approx(sk.f1_score(y == 2, decide(p, choice.thresholds) == 2))
    assert choice.score > choice.score_default
    assert choice.spread > 0


def test_classes_of_few_rows_keep_their_default() -> None:
    """Two classes of five rows each: the threshold of the large one alone moves."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [90, 5, 5])
    p = np.exp(rng.normal(size=(100, 3)) + np.eye(3)[y] + np.log([0.9, 0.05, 0.05]))
    found = tune_threshold(y, p / p.sum(axis=1, keepdims=True), minority=None)
    assert found.tuned
    assert found.n_minority == 5
    assert found.thresholds[1] == pytest.approx(found.thresholds[2])
    assert found.thresholds[0] > found.thresholds[1]


@pytest.mark.parametrize("seed", range(3))
def test_one_class_of_three_reaches_the_best_of_all_its_cuts(seed: int) -> None:
    y, p = three_classes(seed, 240)
    ratios = np.sort(p[:, 2] / p[:, :2].max(axis=1))
    cuts = np.concatenate([[ratios[0] / 2], np.sqrt(ratios[1:] * ratios[:-1])])
    best = max(sk.f1_score(y == 2, decide(p, [1, 1, cut]) == 2) for cut in cuts)
    choice = tune_threshold(y, p, minority=2)
    assert choice.tuned
    assert choice.score == pytest.approx(best)


# When not to tune


def test_too_few_rows_are_not_tuned_on_and_the_reason_is_said() -> None:
    y = np.repeat([0, 1], [92, 8])
    choice = tune_threshold(y, np.linspace(0, 1, 100), minority=1, class_names=["ham", "spam"])
    assert not choice.tuned
    assert choice.thresholds.tolist() == [0.5, 0.5]
    assert choice.note.startswith("8 rows of class 'spam' are too few")
    assert choice.spread == 0.0
    assert "49 rows are too few" in str(too_few_to_tune(np.repeat([0, 1], [20, 29]), 1))
    assert too_few_to_tune(np.repeat([0, 1], [40, 10]), 1) is None
    assert "9 rows of class 1" in str(too_few_to_tune(np.repeat([0, 1], [91, 9]), None))
    assert "0 rows of class 2" in str(too_few_to_tune(np.repeat([0, 1], [50, 50]), 2))


def test_bad_settings_are_refused() -> None:
    y, p = overlapping(0)
    with pytest.raises(SettingsError, match="'accuracy' is unknown"):
        tune_threshold(y, p, minority=1, metric="accuracy")
    with pytest.raises(SettingsError, match=r"cost matrix has shape \(3, 3\)"):
        tune_threshold(y, p, minority=1, metric=np.ones((3, 3)))
    with pytest.raises(SettingsError, match="minority is 5"):
        tune_threshold(y, p, minority=5)


@settings(max_examples=60)
@given(data=st.data(), n_classes=st.integers(2, 4))
def test_tuning_never_scores_below_the_default_on_its_own_rows(data: st.DataObject, n_classes: int) -> None:
    seed = data.draw(st.integers(0, 1000))
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.repeat(np.arange(n_classes), 12), rng.integers(0, n_classes, 40)])
    p = rng.dirichlet(np.ones(n_classes), len(y)).round(data.draw(st.integers(1, 6)))
    p[:, 0] += (p.sum(axis=1) == 0).astype(float)
    minority = data.draw(st.sampled_from([None, 0, n_classes - 1]))
    choice = tune_threshold(y, p / p.sum(axis=1, keepdims=True), minority=minority)
    assert choice.score >= choice.score_default - 1e-9


def test_rows_without_weight_do_not_spread_the_threshold() -> None:
    """A gap from .1 to .9 in all that counts: its middle in every resample."""
    y = np.repeat([0, 1, 1], [50, 20, 30])
    p = np.concatenate([np.full(50, 0.1), np.full(20, 0.9), np.linspace(0.0, 0.6, 30)])
    found = tune_threshold(y, p, minority=1, weights=np.repeat([1.0, 1.0, 0.0], [50, 20, 30]))
    assert found.thresholds[1] == pytest.approx(0.5)
    assert found.spread == pytest.approx(0, abs=1e-12)


def test_the_spread_is_between_the_quartiles(monkeypatch) -> None:
    cuts = iter([0.5, 0.1, 0.2, 0.3, 0.6])  # of the rows, then of four resamples: quartiles .175 and .375
    monkeypatch.setattr("counterpoise.metrics.thresholds._RESAMPLES", 4)
    monkeypatch.setattr("counterpoise.metrics.thresholds._Cuts.best", lambda own, values: next(cuts))
    y = np.repeat([0, 1], [50, 20])
    assert tune_threshold(y, np.linspace(0, 1, 70), minority=1).spread == pytest.approx(0.2)
