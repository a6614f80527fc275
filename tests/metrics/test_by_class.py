"""Scores of each class against the rest."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score

from counterpoise.metrics.by_class import MEASURES, class_of, score_by_class

NAMES = ["earn", "grain", "a [b]"]


def test_is_scikit_learns_of_each_class() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 200)
    probabilities = rng.dirichlet(np.ones(3), 200)
    tuned = rng.integers(0, 3, 200)
    found = score_by_class(labels, probabilities, NAMES, decisions_tuned=tuned)
    assert list(found) == [f"{measure}[{name}]" for name in NAMES for measure in MEASURES]
    plain = probabilities.argmax(axis=1)
    for number, name in enumerate(NAMES):
        own = labels == number
        assert found[f"precision[{name}]"] == pytest.approx(precision_score(own, plain == number))
        assert found[f"recall[{name}]"] == pytest.approx(recall_score(own, plain == number))
        assert found[f"f1[{name}]"] == pytest.approx(f1_score(own, plain == number))
        assert found[f"precision_tuned[{name}]"] == pytest.approx(precision_score(own, tuned == number))
        assert found[f"recall_tuned[{name}]"] == pytest.approx(recall_score(own, tuned == number))
        assert found[f"f1_tuned[{name}]"] == pytest.approx(f1_score(own, tuned == number))
        ranked = average_precision_score(own, probabilities[:, number])
        assert found[f"average_precision[{name}]"] == pytest.approx(ranked)


def test_nothing_is_said_of_a_class_without_rows() -> None:
    found = score_by_class([0, 0], [[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]], NAMES)
    assert all(value is None for name, value in found.items() if "[earn]" not in name)
    assert (found["recall[earn]"], found["f1_tuned[earn]"]) == (0.5, None)


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("f1[grain]", ("f1", "grain")),
        ("average_precision[a [b]]", ("average_precision", "a [b]")),
        ("f1", None),
        ("brier[grain]", None),
        ("f1[]", None),
        ("f1[grain", None),
    ],
)
def test_a_metric_names_its_class(metric, expected) -> None:
    assert class_of(metric) == expected
