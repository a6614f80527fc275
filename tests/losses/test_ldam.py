"""Margins by class and weights by effective number, worked by hand and at their ends."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from counterpoise.losses.effective_number import effective_number_weights
from counterpoise.losses.ldam import LDAMLoss

COUNTS = torch.tensor([625.0, 81.0, 1.0], dtype=torch.float64)  # 5, 3 and 1 to the power of 4


def cosines() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).uniform(-1, 1, (9, 3)))


def test_margins_fall_as_the_fourth_root() -> None:
    expected = torch.tensor([0.1, 0.5 / 3, 0.5], dtype=torch.float64)
    torch.testing.assert_close(LDAMLoss(COUNTS).margins, expected)
    torch.testing.assert_close(LDAMLoss(COUNTS / COUNTS.sum(), 0.2).margins, expected * 0.4)


def test_the_margin_is_taken_from_the_true_class_before_scaling() -> None:
    z, targets = cosines(), torch.arange(9) % 3
    margins = [0.1, 0.5 / 3, 0.5]
    expected = []
    for row, label in zip(z.tolist(), targets.tolist(), strict=True):
        moved = [30 * (c - margins[j] * (j == label)) for j, c in enumerate(row)]
        expected.append(math.log(sum(math.exp(m - moved[label]) for m in moved)))
    np.testing.assert_allclose(LDAMLoss(COUNTS)(z, targets).numpy(), expected, rtol=1e-12)


def test_without_margin_it_is_cross_entropy_of_scaled_cosines() -> None:
    z, targets = cosines(), torch.arange(9) % 3
    torch.testing.assert_close(
        LDAMLoss(COUNTS, 0.0, 7.0)(z, targets), cross_entropy(7 * z, targets, reduction="none")
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_margin": -1.0}, "max_margin is -1.0"),
        ({"scale": 0.0}, "scale is 0.0"),
        ({"prior": torch.tensor([1.0, 0.0])}, "above 0"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message) -> None:
    with pytest.raises(ValueError, match=message):
        LDAMLoss(**{"prior": COUNTS, **settings})


@settings(deadline=None)
@given(st.lists(st.integers(1, 300), min_size=1, max_size=5), st.integers(0, 9))
def test_weights_are_one_over_the_sum_of_a_geometric_series(counts, tenths) -> None:
    """In fractions: 1 / (1 + beta + ... + beta^(n-1))."""
    beta = Fraction(tenths, 10)
    expected = [float(1 / sum(beta**k for k in range(n))) for n in counts]
    found = effective_number_weights(torch.tensor(counts, dtype=torch.float64), float(beta))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-9)


def test_the_ends_of_beta() -> None:
    assert effective_number_weights(COUNTS, 0.0).tolist() == [1.0, 1.0, 1.0]
    for dtype in (torch.float32, torch.float64):
        weights = effective_number_weights(COUNTS.to(dtype), 1 - 1e-9)
        torch.testing.assert_close(weights, 1 / COUNTS.to(dtype), rtol=1e-5, atol=0.0)
    assert effective_number_weights(torch.tensor([1e9]), 0.999).item() == pytest.approx(0.001)


@pytest.mark.parametrize("beta", [-0.1, 1.0, float("nan")])
def test_a_beta_out_of_range_is_refused(beta) -> None:
    with pytest.raises(ValueError, match="beta is"):
        effective_number_weights(COUNTS, beta)
