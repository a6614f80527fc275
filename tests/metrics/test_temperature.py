"""The sharpness of scores in closed form, by differences, and at its limits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.metrics.temperature import LEAST, fit_sharpness


@pytest.mark.parametrize("n", [1, 5, 100])
@pytest.mark.parametrize("gap", [0.01, 1.0, 30.0])
def test_scores_that_are_always_right(n, gap) -> None:
    """All rows right by one gap: sigmoid(s * gap) = (n + 1) / (n + 2), so s = log(n + 1) / gap."""
    labels = np.repeat([0, 1], n)
    scores = gap * (labels[:, None] == np.arange(2))
    assert fit_sharpness(scores, labels) == pytest.approx(np.log(n + 1) / gap, rel=1e-4)


def drawn(seed: int):
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(3), rng.choice(3, 37, p=[0.7, 0.2, 0.1])])
    scores = rng.standard_normal((40, 3)) + 1.5 * (labels[:, None] == np.arange(3))
    return scores, labels, rng.uniform(0.5, 2, 40), np.log([0.2, 0.5, 0.3])


@given(st.integers(0, 2**32))
@settings(max_examples=20)
def test_the_slope_is_0_where_it_is_found(seed) -> None:
    """The objective in other words, differentiated by torch: means over the rows of each class, summed."""
    scores, labels, weights, offset = drawn(seed)
    found = fit_sharpness(scores, labels, weights, offset)
    s = torch.tensor(found, dtype=torch.float64, requires_grad=True)
    log_p = torch.log_softmax(s * torch.from_numpy(scores) + torch.from_numpy(offset), dim=1)
    loss = torch.zeros((), dtype=torch.float64)
    for c in range(3):
        own = labels == c
        n = int(own.sum())
        target = torch.full((3,), 1 / (n + 2) / 2, dtype=torch.float64)
        target[c] = (n + 1) / (n + 2)
        loss = loss - (torch.from_numpy(weights[own]) * (log_p[own] @ target)).sum() / n
    (slope,) = torch.autograd.grad(loss, s)
    if 0.02 < found < 5000:
        assert abs(float(slope)) < 1e-4 * max(1, 1 / found)


@given(st.integers(0, 2**32), st.sampled_from([0.1, 3.0, 20.0]))
@settings(max_examples=20)
def test_scores_on_another_scale_mean_the_same(seed, factor) -> None:
    scores, labels, weights, offset = drawn(seed)
    one, other = (fit_sharpness(k * scores, labels, weights, offset) for k in (1, factor))
    if 0.3 < one < 400:
        assert other * factor == pytest.approx(one, rel=1e-4)


def test_weights_count_by_their_shares_only() -> None:
    scores, labels, weights, offset = drawn(0)
    assert fit_sharpness(scores, labels, weights, offset) == pytest.approx(
        fit_sharpness(scores, labels, 100 * weights, offset + 5), rel=1e-5
    )


def test_scores_that_rank_backwards_and_no_scores_at_all() -> None:
    labels = np.repeat([0, 1], 20)
    backwards = 1.0 * (labels[:, None] != np.arange(2))
    assert fit_sharpness(backwards, labels) == pytest.approx(LEAST, rel=1e-3)
    assert fit_sharpness(np.empty((0, 2)), np.empty(0, dtype=int)) == 1.0
