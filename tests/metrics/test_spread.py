"""Distances within and between classes, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from counterpoise.metrics.spread import class_spread


def test_distances() -> None:
    rows = np.array([[0, 0], [0, 2], [3, 1], [3, 1], [3, 1], [0, 1]], dtype=np.float32)
    within, between = class_spread(rows, np.array([0, 0, 1, 1, 1, 2]))
    assert within.tolist() == pytest.approx([1, 0, 0])
    assert between == pytest.approx((3 + 3 + 0) / 3)


def test_a_single_class_has_no_other() -> None:
    within, between = class_spread(np.ones((3, 2)), np.ones(3, dtype=int))
    np.testing.assert_array_equal(within, [np.nan, 0])
    assert between == 0
