"""Scores against scikit-learn's, known answers, and what is defined where quotients are not."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imblearn.metrics import geometric_mean_score
from sklearn import metrics as sk

from counterpoise.errors import DataError, SettingsError
from counterpoise.metrics.scores import NAMES, kept_share_of, score, score_thinned


def random_case(seed: int, n: int, n_classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(n_classes), rng.integers(0, n_classes, n)])
    p = rng.dirichlet(np.ones(n_classes), len(labels))
    return labels, p, rng.integers(1, 5, len(labels)).astype(float)


@settings(max_examples=60)
@given(seed=st.integers(0, 10_000), n=st.integers(0, 30), n_classes=st.integers(2, 5))
def test_scores_agree_with_scikit_learn_under_weights(seed: int, n: int, n_classes: int) -> None:
    y, p, w = random_case(seed, n, n_classes)
    decided = p.argmax(axis=1)
    own = (p / np.arange(1, n_classes + 1)).argmax(axis=1)
    row = score(y, p, 1, weights=w, decisions_tuned=own)
    how = {"sample_weight": w, "zero_division": 0}
    expected = {
        "f1": sk.f1_score(y == 1, decided == 1, **how),
        "f1_tuned": sk.f1_score(y == 1, own == 1, **how),
        "precision_tuned": sk.precision_score(y == 1, own == 1, **how),
        "recall_tuned": sk.recall_score(y == 1, own == 1, **how),
        "average_precision": sk.average_precision_score(y == 1, p[:, 1], sample_weight=w),
        "recall": sk.recall_score(y == 1, decided == 1, **how),
        "precision": sk.precision_score(y == 1, decided == 1, **how),
        "macro_f1": sk.f1_score(y, decided, average="macro", **how),
        "mcc": sk.matthews_corrcoef(y, decided, sample_weight=w),
        "balanced_accuracy": sk.balanced_accuracy_score(y, decided, sample_weight=w),
        "prevalence": np.average(y == 1, weights=w),
    }
    expected["g_mean"] = geometric_mean_score(y, decided, sample_weight=w, average="multiclass")
    *curve, cuts = sk.precision_recall_curve(y == 1, p[:, 1], sample_weight=w)
    points = list(zip(*curve, strict=True))[: len(cuts)]
    expected["recall_at_precision_90"] = max([0.0, *(r for a, r in points if a >= 0.9 - 1e-12)])
    expected["precision_at_recall_90"] = max([0.0, *(a for a, r in points if r >= 0.9 - 1e-12)])
    for name, side in (("minority", y == 1), ("majority", y != 1)):
        squares = (p[side, 1] - (y[side] == 1)) ** 2
        expected[f"brier_{name}"] = np.average(squares, weights=w[side]) if side.any() else None
    bins = np.minimum((p[:, 1] * 15).astype(int), 14)
    gaps = [abs(w[bins == b] @ ((y == 1) - p[:, 1])[bins == b]) for b in range(15)]
    expected["calibration_error"] = sum(gaps) / w.sum()
    onehot = np.eye(n_classes)[y]
    squared = ((p - onehot) ** 2).sum(axis=1)
    expected["brier"] = np.average(squared / 2 if n_classes == 2 else squared, weights=w)
    assert list(row) == list(NAMES)
    assert row == pytest.approx(expected, abs=1e-9)
    if n_classes == 2:
        assert row["brier"] == pytest.approx(sk.brier_score_loss(y, p[:, 1], sample_weight=w))


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), n_classes=st.integers(2, 4))
def test_integer_weights_are_repeated_rows(seed: int, n_classes: int) -> None:
    y, p, w = random_case(seed, 20, n_classes)
    times = w.astype(int)
    for minority in (None, 1):
        repeated = score(np.repeat(y, times), np.repeat(p, times, axis=0), minority)
        assert score(y, p, minority, weights=w) == pytest.approx(repeated, abs=1e-9, nan_ok=True)


def test_without_a_minority_class_means_stand() -> None:
    y, p, _ = random_case(3, 40, 3)
    row = score(y, p, None)
    onehot = np.eye(3)[y]
    assert row["average_precision"] == pytest.approx(sk.average_precision_score(onehot, p, average="macro"))
    assert row["f1"] == row["macro_f1"]
    assert row["recall"] == pytest.approx(sk.recall_score(y, p.argmax(1), average="macro"))
    assert row["precision_tuned"] is row["recall_tuned"] is None
    own = score(y, p, None, decisions_tuned=np.zeros(len(y)))
    assert own["recall_tuned"] == pytest.approx(1 / 3)
    assert own["precision_tuned"] == pytest.approx((y == 0).mean() / 3)
    assert row["prevalence"] == pytest.approx(1 / 3)


def test_one_probability_a_row_means_class_one_and_half_is_a_tie_for_class_zero() -> None:
    row = score([False, True, True], [0.2, 0.5, 0.51], 1)
    assert row["recall"] == 0.5
    assert row == score([0, 1, 1], [[0.8, 0.2], [0.5, 0.5], [0.49, 0.51]], 1)


def test_undefined_quotients_are_zero_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        row = score([0, 0, 0], [0.1, 0.2, 0.3], 1)
        assert row["average_precision"] is None
        assert [row[k] for k in ("f1", "recall", "precision", "mcc", "prevalence")] == [0.0] * 5
        assert row["macro_f1"] == row["balanced_accuracy"] == 1.0
        row = score([0, 1], [0.1, 0.2], 1, weights=[1.0, 0.0])
        assert row["average_precision"] is None
        assert score([0, 1], [0.1, 0.2], None, weights=[0.0, 0.0])["average_precision"] is None
        assert score([0, 1, 1], [0.1, 0.2, 0.3], 1)["mcc"] == 0.0


def test_thinned_scores_are_those_of_a_thinned_test_side() -> None:
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [900, 100])
    p = np.clip(0.3 * y + 0.7 * rng.random(1000), 0, 1)
    row = score_thinned(y, p, 1, 0.1, decisions_tuned=(p > 0.6).astype(int))
    assert list(row) == [f"{name}_thinned" for name in NAMES]
    whole = score(y, p, 1)
    assert row["prevalence_thinned"] == pytest.approx(10 / 910)
    assert row["recall_tuned_thinned"] == pytest.approx((p > 0.6)[900:].mean())
    assert row["recall_thinned"] == pytest.approx(whole["recall"])
    assert row["average_precision_thinned"] < whole["average_precision"]
    drawn = []
    for seed in range(200):
        few = np.random.default_rng(seed).choice(np.arange(900, 1000), 10, replace=False)
        rows = np.concatenate([np.arange(900), few])
        drawn.append(score(y[rows], p[rows], 1)["precision"])
    assert row["precision_thinned"] == pytest.approx(np.mean(drawn), abs=0.01)
    assert score_thinned(y, p, 1, 1.0)["f1_thinned"] == whole["f1"]
    assert kept_share_of(whole | row) == pytest.approx(0.1)
    assert kept_share_of(whole) is None
    assert kept_share_of(score(y * 0, p, 1) | score_thinned(y * 0, p, 1, 0.1)) is None, "no row to tell it by"


@pytest.mark.parametrize(
    ("labels", "probabilities", "weights", "message"),
    [
        ([0, 1], [0.5], None, "as many in each"),
        ([], [], None, "one or more rows"),
        ([0, 2], [0.5, 0.5], None, "labels run from 0 to 2"),
        ([0, 1], [0.5, np.nan], None, "probabilities of row 1 are not finite"),
        ([0, 1], [0.5, 0.5], [1.0, -1.0], "weight of row 1 is -1"),
        ([0, 1], [0.5, 0.5], [np.inf, 1.0], "weights of row 0"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(labels, probabilities, weights, message) -> None:
    with pytest.raises(DataError, match=message):
        score(labels, probabilities, 1, weights=weights)


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(SettingsError, match="minority is 2"):
        score([0, 1], [0.5, 0.5], 2)
    with pytest.raises(SettingsError, match="kept_share is 0"):
        score_thinned([0, 1], [0.5, 0.5], 1, 0)


@pytest.mark.parametrize("seed", range(20))
def test_rounding_of_weights_makes_no_correlation(seed: int) -> None:
    y, p, _ = random_case(seed, 60, 3)
    p[:] = [0.6, 0.3, 0.1]
    assert score(y, p, 1, weights=np.random.default_rng(seed).random(len(y)))["mcc"] == 0.0
