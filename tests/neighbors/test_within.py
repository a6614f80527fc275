"""Neighbours within groups, against all distances."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.neighbors.within import nearest_within


@given(st.integers(0, 5), st.integers(1, 7), st.integers(1, 5))
def test_they_are_the_true_ones(seed, k, n_groups) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(30, 3)).astype(np.float32)
    groups = rng.integers(0, n_groups, 30)
    found = nearest_within(rows, groups, k)
    assert found.shape == (30, k)
    for i in range(30):
        others = np.flatnonzero((groups == groups[i]) & (np.arange(30) != i))
        near = others[np.argsort(np.linalg.norm(rows[others] - rows[i], axis=1))][:k]
        assert found[i].tolist() == [*near.tolist(), *[-1] * (k - len(near))]


def test_a_row_has_its_double_but_not_itself() -> None:
    rows = np.zeros((3, 2), dtype=np.float32)
    assert nearest_within(rows, np.zeros(3, dtype=np.int64), 2).tolist() == [[1, 2], [0, 2], [0, 1]]
