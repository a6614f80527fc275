"""Distances within and between classes, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from counterpoise.metrics.spread import NAMES, class_spread, score_spread


def test_distances() -> None:
    rows = np.array([[0, 0], [0, 2], [3, 1], [3, 1], [3, 1], [0, 1]], dtype=np.float32)
    within, between = class_spread(rows, np.array([0, 0, 1, 1, 1, 2]))
    assert within.tolist() == pytest.approx([1, 0, 0])
    assert between == pytest.approx((3 + 3 + 0) / 3)


def test_a_single_class_has_no_other() -> None:
    within, between = class_spread(np.ones((3, 2)), np.ones(3, dtype=int))
    np.testing.assert_array_equal(within, [np.nan, 0])
    assert between == 0


PLACES = np.array([[0, 0], [0, 2], [3, 1], [3, 1], [6, -1], [6, 3]], dtype=np.float32)
CLASSES = np.array([0, 0, 1, 1, 2, 2])


def test_spread_is_the_width_of_classes_by_the_distance_between_them() -> None:
    """Widths 1, 0 and 2; means 3, 3 and 6 from each other."""
    found = score_spread(PLACES, CLASSES, np.array([True, False, True]))
    assert tuple(found) == NAMES
    assert found == {"spread_rare": pytest.approx(1.5 / 4), "spread_common": 0.0}
    assert score_spread(PLACES, CLASSES, np.array([True, False, False])) == {
        "spread_rare": pytest.approx(1 / 4),
        "spread_common": pytest.approx(1 / 4),
    }


def test_spread_has_no_scale_and_no_place() -> None:
    rare = np.array([True, False, True])
    moved = score_spread(7 * PLACES - 100, CLASSES, rare)
    assert moved == pytest.approx(score_spread(PLACES, CLASSES, rare))


def test_a_single_row_has_no_spread() -> None:
    """It would be 0, and pass for a class drawn to one point."""
    rare = np.array([False, True, True])
    assert score_spread(PLACES[:3], CLASSES[:3], rare)["spread_rare"] is None
    assert score_spread(PLACES[:5], CLASSES[:5], rare)["spread_rare"] == 0.0
    assert score_spread(PLACES[:3], CLASSES[:3], rare)["spread_common"] == pytest.approx(1 / 3)


def test_a_collapsed_embedding_and_a_class_absent_from_the_test_side() -> None:
    rare = np.array([False, True, True])
    assert score_spread(np.ones((6, 2)), CLASSES, rare) == {"spread_rare": None, "spread_common": None}
    few = CLASSES < 2
    assert score_spread(PLACES[few], CLASSES[few], rare)["spread_rare"] == 0.0
