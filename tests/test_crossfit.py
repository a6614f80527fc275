"""Splits: what belongs together stays together, every class is fitted to, nothing looks ahead."""

from __future__ import annotations

import os
import warnings
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from counterpoise.crossfit import Split, folds_without, holdout, make_folds, out_of_fold
from counterpoise.errors import CounterpoiseWarning, DataError, SettingsError
from counterpoise.groups import text_groups


def objects(*texts: str) -> np.ndarray:
    array = np.empty(len(texts), dtype=object)
    array[:] = texts
    return array


def quiet_folds(labels, n_folds, **settings) -> list[Split]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CounterpoiseWarning)
        return make_folds(labels, n_folds, **settings)


# Folds


@st.composite
def labelled_groups(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, int, int]:
    n = draw(st.integers(12, 80))
    labels = draw(hnp.arrays(np.int64, n, elements=st.sampled_from([0, 0, 0, 0, 1, 2])))
    groups = draw(hnp.arrays(np.int64, n, elements=st.integers(0, draw(st.integers(6, 100)))))
    return labels, groups, draw(st.integers(2, 5)), draw(st.integers(0, 3))


@settings(max_examples=150)
@given(labelled_groups())
def test_folds_partition_keep_groups_and_fit_every_class(case) -> None:
    labels, groups, n_folds, seed = case
    try:
        splits = quiet_folds(labels, n_folds, groups=groups, seed=seed)
    except DataError:
        # Only when a class has one group, groups are too few, or classes block each other's way.
        single = min(len(np.unique(groups[labels == c])) for c in np.unique(labels)) == 1
        assert single or len(np.unique(groups)) < n_folds or n_folds == 2 or len(np.unique(groups)) < 12
        return
    assert len(splits) == n_folds
    assert sorted(np.concatenate([s.test for s in splits]).tolist()) == list(range(len(labels)))
    for split in splits:
        assert len(split.test)
        assert sorted([*split.train, *split.test]) == list(range(len(labels)))
        assert not set(groups[split.train]) & set(groups[split.test])
        assert set(labels[split.train]) == set(labels)
    again = quiet_folds(labels, n_folds, groups=groups, seed=seed)
    assert all(np.array_equal(a.test, b.test) for a, b in zip(splits, again, strict=True))


@settings(max_examples=100)
@given(
    counts=st.lists(st.integers(2, 40), min_size=1, max_size=6),
    n_folds=st.integers(2, 6),
    seed=st.integers(0, 5),
)
def test_single_rows_spread_within_one_row(counts: list[int], n_folds: int, seed: int) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    if len(labels) < n_folds:
        return
    splits = quiet_folds(labels, n_folds, seed=seed)
    table = np.array([np.bincount(labels[s.test], minlength=len(counts)) for s in splits])
    assert (table.max(axis=0) - table.min(axis=0)).max() <= 1
    assert table.sum(axis=1).max() - table.sum(axis=1).min() <= 1


def test_single_rows_even_out_what_groups_left_uneven() -> None:
    labels = np.array([1] * 7 + [0] * 93)
    groups = np.concatenate([np.zeros(3, int), np.arange(1, 5), np.repeat(5, 13), np.arange(6, 86)])
    splits = make_folds(labels, 5, groups=groups)
    table = np.array([np.bincount(labels[s.test], minlength=2) for s in splits])
    assert sorted(table[:, 1].tolist()) == [1, 1, 1, 1, 3]
    assert table[:, 0].max() - table[:, 0].min() <= 1


def test_large_data_with_many_groups_stay_balanced() -> None:
    rng = np.random.default_rng(0)
    labels = (rng.random(25_000) < 0.02).astype(int)
    splits = make_folds(labels, 5, groups=rng.integers(0, 9000, 25_000))
    shares = np.array([labels[s.test].sum() for s in splits])
    sizes = np.array([len(s.test) for s in splits])
    assert shares.max() - shares.min() <= 4
    assert sizes.max() - sizes.min() <= 5


@pytest.mark.parametrize("seed", range(8))
def test_large_groups_are_placed_first(seed: int) -> None:
    groups = np.repeat(np.arange(7), [30, 5, 5, 5, 5, 5, 5])
    labels = np.tile([0, 1, 1, 0, 0], 12)
    assert [len(s.test) for s in make_folds(labels, 2, groups=groups, seed=seed)] == [30, 30]


def test_seeds_give_other_folds() -> None:
    labels = np.tile([0, 1], 50)
    first, second = (make_folds(labels, 5, seed=seed)[0].test for seed in (0, 1))
    assert not np.array_equal(first, second)


def test_groups_are_shuffled_by_the_seed_too() -> None:
    labels = np.repeat([0, 1], 20)
    groups = np.repeat(np.arange(20), 2)
    tests = {tuple(make_folds(labels, 2, groups=groups, seed=seed)[0].test) for seed in range(6)}
    assert len(tests) > 2


@pytest.mark.parametrize(
    ("labels", "groups", "message"),
    [
        (["ham"] * 9 + ["spam"], None, "class 'spam' has 1 row"),
        (
            ["ham"] * 8 + ["spam"] * 2,
            [0, 1, 2, 3, 4, 5, 6, 7, 8, 8],
            "class 'spam' has all its 2 rows in one",
        ),
        (["a", "a", "b", "b"], [0, 1, 0, 1], "too few for 3 folds"),
    ],
)
def test_impossible_folds_name_the_class(labels, groups, message) -> None:
    with pytest.raises(DataError, match=message):
        make_folds(labels, 3, groups=groups)


def test_a_class_smaller_than_the_folds_is_spread_and_reported() -> None:
    labels = np.array(["ham"] * 40 + ["spam"] * 3)
    with pytest.warns(CounterpoiseWarning, match="class 'spam' in 2"):
        splits = make_folds(labels, 5)
    missing = folds_without(labels, splits)
    assert list(missing) == ["spam"]
    assert all("spam" not in labels[splits[f].test] for f in missing["spam"])
    assert len(missing["spam"]) == 2


def test_bad_settings_are_refused() -> None:
    with pytest.raises(SettingsError, match="n_folds is 1"):
        make_folds([0, 1], 1)
    with pytest.raises(SettingsError, match="fraction is 1"):
        holdout([0, 1], 1.0)
    with pytest.raises(DataError, match="4 labels but 2 groups"):
        make_folds([0, 1, 0, 1], 2, groups=[0, 1])
    with pytest.raises(DataError, match="row 1 has no time"):
        make_folds([0, 1, 0, 1], 2, time=[0.0, np.nan, 1.0, 2.0])


# Time


def test_folds_in_time_never_look_ahead() -> None:
    rng = np.random.default_rng(0)
    time = rng.integers(0, 60, 300)
    labels = rng.integers(0, 2, 300)
    splits = make_folds(labels, 4, time=time)
    assert len(splits) == 4
    for split in splits:
        assert time[split.train].max() < time[split.test].min()
    for earlier, later in pairwise(splits):
        assert time[earlier.test].max() < time[later.test].min()
        assert set(earlier.test) <= set(later.train)
    sizes = [len(s.test) for s in splits]
    assert max(sizes) < 1.5 * min(sizes)


def test_dates_are_times_and_groups_leave_the_fitting_side() -> None:
    time = np.arange("2024-01-01", "2024-02-10", dtype="datetime64[D]")
    labels = np.tile([0, 1], 20)
    groups = np.arange(40)
    groups[39] = groups[0]
    splits = make_folds(labels, 3, time=time, groups=groups)
    assert 0 in splits[0].train
    assert 0 not in splits[-1].train
    assert 39 in splits[-1].test


def test_a_late_class_gives_fewer_folds_or_a_clear_error() -> None:
    time = np.arange(60)
    labels = np.array(["ham"] * 60, dtype=object)
    labels[[25, 35, 45, 55]] = "spam"
    with pytest.warns(CounterpoiseWarning, match="folds in time instead of 5: class 'spam'"):
        splits = make_folds(labels, 5, time=time)
    assert 0 < len(splits) < 5
    assert all("spam" in labels[s.train] for s in splits)
    labels[:58] = "ham"
    labels[59] = "spam"
    with pytest.raises(DataError, match="class 'spam' has no row"):
        quiet_folds(labels, 5, time=time)
    with pytest.raises(DataError, match="too few distinct times"):
        quiet_folds(labels, 5, time=np.zeros(60))


# Holding out


@settings(max_examples=150)
@given(labelled_groups(), st.sampled_from([0.1, 0.2, 0.25, 0.5]))
def test_holdout_keeps_groups_and_fits_every_class(case, fraction: float) -> None:
    labels, groups, _, seed = case
    try:
        split = holdout(labels, fraction, groups=groups, seed=seed)
    except DataError:
        assert len(np.unique(groups)) < 12
        return
    assert sorted([*split.train, *split.test]) == list(range(len(labels)))
    assert not set(groups[split.train]) & set(groups[split.test])
    assert set(labels[split.train]) == set(labels)


@pytest.mark.parametrize("fraction", [0.1, 0.15, 0.3, 0.6])
def test_holdout_is_stratified(fraction: float) -> None:
    labels = np.repeat([0, 1, 2], [900, 80, 20])
    test = np.bincount(labels[holdout(labels, fraction).test], minlength=3)
    assert np.abs(test - fraction * np.array([900, 80, 20])).max() <= 1


def test_holdout_takes_one_of_two_and_leaves_a_single_one() -> None:
    labels = np.array([0] * 50 + [1] * 2 + [2])
    test = labels[holdout(labels, 0.1).test]
    assert (test == 1).sum() == 1
    assert (test == 2).sum() == 0
    assert (labels[holdout(labels, 0.7).test] == 2).sum() == 0


def test_holdout_in_time_takes_the_latest_rows() -> None:
    time = np.random.default_rng(0).permutation(100) // 2
    split = holdout(np.tile([0, 1], 50), 0.2, time=time)
    assert time[split.train].max() < time[split.test].min()
    assert len(split.test) == 20
    with pytest.raises(DataError, match="class 'new' does not occur before the latest"):
        holdout(np.where(np.arange(100) > 90, "new", "old"), 0.2, time=np.arange(100))


# Out-of-fold predictions


def test_out_of_fold_rows_are_predicted_unseen_and_once() -> None:
    labels = np.tile([0, 1], 20)
    seen = []

    def fit_predict(train, test):
        seen.append((set(train), set(test)))
        return np.column_stack([test, np.full(len(test), len(train))])

    predictions, covered = out_of_fold(fit_predict, make_folds(labels, 4), 40, 2)
    assert covered.all()
    assert predictions[:, 0].tolist() == list(range(40))
    assert all(not train & test for train, test in seen)
    assert predictions.dtype == np.float64


def test_rows_no_split_tests_are_not_covered() -> None:
    splits = make_folds(np.tile([0, 1], 20), 3, time=np.arange(40))
    predictions, covered = out_of_fold(lambda train, test: np.zeros((len(test), 1)), splits, 40, 1)
    assert not covered[:10].any()
    assert covered[10:].all()
    assert np.isnan(predictions[~covered]).all()


@pytest.mark.parametrize(
    ("splits", "predict", "message"),
    [
        ([([0, 1], [1])], lambda a, b: np.zeros((len(b), 1)), "row 1 is on both sides of split 0"),
        ([([0], [1]), ([0], [1])], lambda a, b: np.zeros((len(b), 1)), "row 1 is tested before split 1"),
        ([([0], [1])], lambda a, b: np.zeros(len(b)), r"has shape \(1,\)"),
        ([([0], [1])], lambda a, b: np.full((1, 1), np.nan), "not finite"),
    ],
)
def test_leaks_and_broken_predictions_are_refused(splits, predict, message) -> None:
    with pytest.raises(DataError, match=message):
        out_of_fold(predict, [Split(np.array(a), np.array(b)) for a, b in splits], 3, 1)


# Texts


def test_a_planted_duplicate_never_straddles() -> None:
    words = [f"w{i}" for i in range(400)]
    texts = [" ".join(np.random.default_rng(i).choice(words, 12)) for i in range(60)]
    texts[59] = texts[0].upper()
    texts[58] = texts[1] + " " + texts[1].split()[0]
    labels = np.tile([0, 1], 30)
    groups = text_groups(objects(*texts))
    assert groups[59] == groups[0]
    assert groups[58] == groups[1]
    apart = together = 0
    for seed in range(8):
        for split in make_folds(labels, 5, seed=seed):
            apart += (0 in split.test) != (59 in split.test)
        for split in make_folds(labels, 5, groups=groups, seed=seed):
            together += (0 in split.test) != (59 in split.test) or (1 in split.test) != (58 in split.test)
    assert apart > 0, "without groups the duplicate would have been caught straddling"
    assert together == 0


@pytest.mark.real_data
def test_no_equal_sms_straddles() -> None:
    folder = os.environ["COUNTERPOISE_DATA"]
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(Path(folder) / "sms_spam" / "train.parquet")
    texts = objects(*table["text"].to_pylist())
    labels = np.array(table["label"].to_pylist())
    folded = np.array([text.casefold() for text in texts], dtype=object)
    groups = text_groups(texts)
    assert len(np.unique(groups)) < len(texts) - 300
    splits = make_folds(labels, 5, groups=groups)
    spam = [(labels[s.test] == "spam").sum() for s in splits]
    assert max(spam) - min(spam) <= 1
    for split in splits:
        assert not set(folded[split.train]) & set(folded[split.test])


def test_holding_out_in_time_parts_no_group() -> None:
    groups = np.arange(20)
    groups[19] = groups[0]
    split = holdout(np.tile([0, 1], 10), 0.2, groups=groups, time=np.arange(20))
    assert split.test.tolist() == [16, 17, 18, 19]
    assert split.train.tolist() == list(range(1, 16))
