"""Scores of groups of classes, against scikit-learn class by class, and margins by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, precision_recall_fscore_support

from counterpoise.metrics.class_groups import NAMES, rare_classes, rare_group, score_groups
from counterpoise.metrics.margins import FITTED, class_margins, fitted_margins


def made(seed: int = 0, n_classes: int = 5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, n_classes, 200)
    logits = rng.normal(size=(200, n_classes))
    logits[np.arange(200), labels] += 1
    p = np.exp(logits)
    return labels, p / p.sum(axis=1, keepdims=True)


def test_rare_is_half_of_the_largest_or_less() -> None:
    assert rare_classes([100, 51, 50, 1]).tolist() == [False, False, True, True]
    assert not rare_classes([9, 8]).any()


def test_each_group_is_the_mean_over_its_classes() -> None:
    labels, p = made()
    found = score_groups(labels, p, [100, 10, 90, 30, 60])
    assert tuple(found) == NAMES
    precision, recall, f1, _ = precision_recall_fscore_support(labels, p.argmax(axis=1))
    ranking = np.array([average_precision_score(labels == c, p[:, c]) for c in range(5)])
    margins = class_margins(labels, np.log(p))
    expected = {
        "precision": precision,
        "recall": recall,
        "f1": f1,
        "average_precision": ranking,
        "margin": margins,
    }
    for name, values in expected.items():
        assert found[f"{name}_rare"] == pytest.approx(values[[1, 3]].mean()), name
        assert found[f"{name}_common"] == pytest.approx(values[[0, 2, 4]].mean()), name


def test_classes_without_rows_do_not_count_and_groups_without_any_are_none() -> None:
    labels, p = made()
    some = labels != 3
    found = score_groups(labels[some], p[some], [100, 90, 90, 30, 90])
    assert [found[name] for name in NAMES if name.endswith("_rare")] == [None] * 5
    assert found["recall_common"] is not None


def test_a_margin_is_the_lead_over_the_best_other() -> None:
    logits = np.array([[3.0, 1.0, 2.0], [0.0, 5.0, 1.0], [4.0, 1.0, 1.5]])
    np.testing.assert_allclose(class_margins([0, 1, 1], logits), [1.0, (4 - 3) / 2, np.nan])
    np.testing.assert_allclose(class_margins([0, 1, 1], logits + 7), [1.0, 0.5, np.nan])
    assert logits[0, 0] == 3.0, "the caller's own numbers"


def test_certainty_gives_a_finite_margin() -> None:
    assert np.isfinite(score_groups([0, 1], np.eye(2), [9, 1])["margin_rare"])


def test_a_class_that_matters_is_the_rare_group_alone() -> None:
    labels, p = made()
    counts = [100, 10, 90, 30, 60]
    assert rare_group(counts, 2).tolist() == [False, False, True, False, False]
    assert rare_group(counts).tolist() == rare_classes(counts).tolist()
    found = score_groups(labels, p, counts, 2)
    _, recall, f1, _ = precision_recall_fscore_support(labels, p.argmax(axis=1))
    assert found["f1_rare"] == pytest.approx(f1[2])
    assert found["recall_common"] == pytest.approx(recall[[0, 1, 3, 4]].mean())
    assert found["margin_rare"] == pytest.approx(class_margins(labels, np.log(p))[2])


def test_margins_of_fitted_rows_are_read_off_an_epoch() -> None:
    epoch = {"epoch": 3, "loss": 0.1, "margin_0": 4.0, "margin_1": -1.0, "margin_3": 2.0}
    rare = np.array([False, True, True, True])
    assert fitted_margins(epoch, rare) == {"fitted_margin_rare": 0.5, "fitted_margin_common": 4.0}
    assert tuple(fitted_margins(epoch, rare)) == FITTED
    assert fitted_margins(epoch, ~rare)["fitted_margin_rare"] == 4.0
    assert fitted_margins({"margin_0": 1.0}, rare) == {
        "fitted_margin_rare": None,
        "fitted_margin_common": 1.0,
    }
    assert fitted_margins({"epoch": 3, "loss": 0.1}, rare) == {}
