"""Remix: the three regions, their borders, and that nothing but the labels' weights differs from Mixup."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.mixing.mixup import mixup
from counterpoise.mixing.remix import remix, remix_label_weight

COUNTS = torch.tensor([100.0, 30.0, 9.0])


def weight(a: float, own: float, other: float, ratio: float = 3.0, threshold: float = 0.5) -> float:
    args = (torch.tensor([x], dtype=torch.float64) for x in (a, own, other))
    return remix_label_weight(*args, ratio=ratio, threshold=threshold).item()


@pytest.mark.parametrize(
    ("a", "own", "other", "expected"),
    [
        (0.4, 30, 10, 0.0),  # three times as common, and less than half of the input: the label goes
        (0.4, 29, 10, 0.4),  # not three times
        (0.5, 30, 10, 0.5),  # half is not less than half
        (0.6, 30, 10, 0.6),
        (0.6, 10, 30, 1.0),  # three times as rare, and the other less than half: the label stays whole
        (0.5, 10, 30, 0.5),
        (0.4, 10, 30, 0.4),
        (0.6, 11, 30, 0.6),
        (0.0, 30, 10, 0.0),
        (1.0, 30, 10, 1.0),
        (0.0, 10, 30, 0.0),
        (1.0, 10, 30, 1.0),
    ],
)
def test_by_hand(a, own, other, expected) -> None:
    assert weight(a, own, other) == expected


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=9), st.integers(1, 2000))
def test_a_ratio_that_is_met_is_not_missed_where_sizes_come_as_shares(others, rare) -> None:
    counts = np.array([3 * rare, rare, *others], dtype=np.float64)
    shares = torch.from_numpy((counts / counts.sum()).astype(np.float32))
    own, other = (shares * len(counts) * counts.mean())[:2].float()
    assert remix_label_weight(torch.tensor([0.4]), own, other, ratio=3.0, threshold=0.5).item() == 0.0


def test_a_row_too_few_is_too_few() -> None:
    assert weight(0.4, 29_999, 10_000) == 0.4


def test_ratio_and_threshold_are_taken() -> None:
    assert weight(0.2, 20, 10, ratio=2.0, threshold=0.3) == 0.0
    assert weight(0.4, 20, 10, ratio=2.0, threshold=0.3) == 0.4
    assert weight(0.2, 19, 10, ratio=2.0, threshold=0.3) == 0.2


@given(st.floats(0, 1), st.integers(1, 10_000), st.integers(1, 10_000))
def test_what_one_label_gets_the_other_lacks(a, own, other) -> None:
    assert weight(a, own, other) == pytest.approx(1 - weight(1 - a, other, own), abs=1e-12)


@given(st.lists(st.integers(0, 2), min_size=1, max_size=9), st.integers(0, 20))
def test_partners_and_inputs_are_mixups(labels, seed) -> None:
    given_labels = torch.tensor(labels)
    plain, found = (
        rule(given_labels, COUNTS, torch.Generator().manual_seed(seed), alpha=0.7) for rule in (mixup, remix)
    )
    assert torch.equal(found.partner, plain.partner)
    assert torch.equal(found.input_weight, plain.input_weight)
    own, other = COUNTS[given_labels], COUNTS[given_labels[plain.partner]]
    expected = remix_label_weight(plain.input_weight, own, other, ratio=3.0, threshold=0.5)
    assert torch.equal(found.label_weight, expected)
    same = given_labels == given_labels[plain.partner]
    assert torch.equal(found.label_weight[same], plain.label_weight[same])
