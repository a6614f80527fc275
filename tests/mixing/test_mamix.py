"""Margin-aware Mixup: its ends, its bend, its mean, and Mixup where margins are alike."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.mixing.mamix import mamix, mamix_label_weight
from counterpoise.mixing.mixup import mixup

SIZES = st.integers(1, 100_000)


def weight(a: float, own: float, other: float, power: float = 0.25) -> float:
    args = (torch.tensor([x], dtype=torch.float64) for x in (a, own, other))
    return mamix_label_weight(*args, power=power).item()


def margin(own: float, other: float, power: float = 0.25) -> float:
    return own**-power / (own**-power + other**-power)


@given(st.floats(0, 1), SIZES, SIZES)
def test_against_the_formula(u, own, other) -> None:
    m = margin(own, other)
    expected = 1 - u / (2 * m) if u <= m else (1 - u) / (2 * (1 - m))
    assert weight(1 - u, own, other) == pytest.approx(expected, abs=1e-9)


@given(SIZES, SIZES, st.floats(0.05, 1.0))
def test_ends_bend_and_which_class_keeps_its_label_longer(own, other, power) -> None:
    m = margin(own, other, power)
    assert weight(1.0, own, other, power) == 1
    assert weight(0.0, own, other, power) == pytest.approx(0, abs=1e-9)
    assert weight(1 - m, own, other, power) == pytest.approx(0.5, abs=1e-6)
    if own < other:
        assert weight(0.5, own, other, power) > 0.5


@given(st.floats(0, 1), st.floats(0, 1), SIZES, SIZES)
def test_it_rises_with_the_input_and_has_no_jump(one, two, own, other) -> None:
    low, high = sorted((one, two))
    below, above = weight(low, own, other), weight(high, own, other)
    assert below <= above + 1e-12
    m = margin(own, other)
    steepest = 1 / (2 * min(m, 1 - m))
    assert above - below <= steepest * (high - low) + 1e-9


@given(st.floats(0, 1), SIZES, SIZES)
def test_what_one_label_gets_the_other_lacks(a, own, other) -> None:
    assert weight(a, own, other) == pytest.approx(1 - weight(1 - a, other, own), abs=1e-9)


@pytest.mark.parametrize(
    ("ratio", "m", "mean"), [(10, 0.640, 0.570), (50, 0.727, 0.613), (100, 0.760, 0.630), (200, 0.790, 0.645)]
)
def test_margin_and_mean_of_the_rarer_class(ratio, m, mean) -> None:
    grid = (torch.arange(100_000, dtype=torch.float64) + 0.5) / 100_000
    one = torch.ones((), dtype=torch.float64)
    found = mamix_label_weight(grid, one, ratio * one, power=0.25).mean().item()
    assert margin(1, ratio) == pytest.approx(m, abs=5e-4)
    assert found == pytest.approx(mean, abs=5e-4)
    assert found == pytest.approx(1 / 4 + margin(1, ratio) / 2, abs=1e-6)


@pytest.mark.parametrize("power", [0.0, 0.25])
@given(st.lists(st.integers(0, 2), min_size=1, max_size=9), st.integers(0, 20))
def test_without_power_or_with_classes_of_one_size_it_is_mixup(power, labels, seed) -> None:
    counts = torch.tensor([100.0, 30.0, 9.0]) if power == 0 else torch.full((3,), 30.0)
    numbers = torch.tensor(labels)
    plain, found = (
        rule(numbers, counts, torch.Generator().manual_seed(seed), alpha=0.7, **own)
        for rule, own in ((mixup, {}), (mamix, {"power": power}))
    )
    assert torch.equal(found.partner, plain.partner)
    assert torch.equal(found.input_weight, plain.input_weight)
    torch.testing.assert_close(found.label_weight, plain.label_weight)


def test_the_power_is_the_margins_and_its_sign_matters() -> None:
    """Whoever takes it for positive where the authors' code has -0.25 favours the majority."""
    assert weight(0.5, 1, 100) > 0.5 > weight(0.5, 1, 100, power=-0.25)


@pytest.mark.parametrize("power", [60.0, -60.0])
def test_margins_next_to_the_ends_stay_numbers(power) -> None:
    grid = torch.linspace(0, 1, 11)
    found = mamix_label_weight(grid, torch.tensor(1.0), torch.tensor(1e6), power=power)
    assert torch.isfinite(found).all()
    assert (found[1:-1] > 0.5).all() if power > 0 else (found[1:-1] < 0.5).all()
    np.testing.assert_allclose(found[[0, -1]].numpy(), [0, 1], atol=1e-6)
