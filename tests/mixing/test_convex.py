"""Weights that sum to 1: none where nobody is, and drawn by the law that was asked for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.mixing.convex import LAWS, convex_weights


@given(st.sampled_from(LAWS), st.integers(1, 6), st.integers(0, 9))
def test_rows_sum_to_one_over_those_who_are_there(law, k, seed) -> None:
    generator = torch.Generator().manual_seed(seed)
    there = torch.rand(40, k, generator=generator) < 0.6
    weights = convex_weights(there, generator, law)
    assert (weights >= 0).all()
    assert not weights[~there].any()
    torch.testing.assert_close(weights.sum(dim=1), there.any(dim=1).float())


def test_moments() -> None:
    """Dirichlet(1, 1, 1) has a mean of 1/3 and a variance of 2/36; uniform numbers over their sum stay nearer to it."""
    there, apart = (
        torch.ones(200_000, 3, dtype=torch.bool),
        np.random.default_rng(0).uniform(size=(200_000, 3)),
    )
    expected = {
        "dirichlet": (2 / 36) ** 0.5,
        "uniform": (apart / apart.sum(axis=1, keepdims=True))[:, 0].std(),
    }
    assert expected["uniform"] < 0.8 * expected["dirichlet"]
    for law, deviation in expected.items():
        weights = convex_weights(there, torch.Generator().manual_seed(0), law)
        torch.testing.assert_close(weights.mean(dim=0), torch.full((3,), 1 / 3), atol=0.003, rtol=0)
        assert weights[:, 0].std().item() == pytest.approx(deviation, abs=0.003)
