"""MAMix, Remix and LDAM on one batch, worked out by hand.

Checked once against the code of their authors (ntucllab/imbalanced-DL: ``get_lambda``, ``remix_data`` and ``LDAMLoss``,
2026-11-22), which gives the same numbers to six digits. There MAMix has its lambda on the partner's input.
"""

from __future__ import annotations

import math

import pytest
import torch

from counterpoise.losses.ldam import LDAMLoss
from counterpoise.mixing.mamix import mamix_label_weight
from counterpoise.mixing.remix import remix_label_weight

COUNTS = torch.tensor(
    [5000.0, 8.0]
)  # 625 to 1, of which the fourth root is 5: margins of 1/6 and 5/6 of the way
PAIRS = ((0, 1), (1, 0), (0, 0), (1, 1))


@pytest.mark.parametrize(
    ("partners_input", "expected"),
    [
        (0.0, (1, 1, 1, 1)),
        (0.1, (0.7, 0.94, 0.9, 0.9)),
        (0.6, (0.24, 0.64, 0.4, 0.4)),
        (0.9, (0.06, 0.3, 0.1, 0.1)),
        (1.0, (0, 0, 0, 0)),
    ],
)
def test_mamix(partners_input, expected) -> None:
    own, other = (COUNTS[[pair[side] for pair in PAIRS]] for side in (0, 1))
    found = mamix_label_weight(torch.full((4,), 1 - partners_input), own, other, power=0.25)
    assert found.tolist() == pytest.approx(expected, abs=1e-6)


def test_mamix_at_the_bend_where_the_authors_code_stops() -> None:
    own, other = COUNTS, COUNTS.flip(0)
    found = mamix_label_weight(torch.tensor([5 / 6, 1 / 6]), own, other, power=0.25)
    assert found.tolist() == pytest.approx([0.5, 0.5], abs=1e-6)


@pytest.mark.parametrize(
    ("own_input", "expected"),
    [
        (0.1, (0, 0.1, 0.1, 0.1)),
        (0.45, (0, 0.45, 0.45, 0.45)),
        (0.5, (0.5, 0.5, 0.5, 0.5)),
        (0.6, (0.6, 1, 0.6, 0.6)),
        (0.9, (0.9, 1, 0.9, 0.9)),
    ],
)
def test_remix(own_input, expected) -> None:
    own, other = (COUNTS[[pair[side] for pair in PAIRS]] for side in (0, 1))
    found = remix_label_weight(torch.full((4,), own_input), own, other, ratio=3.0, threshold=0.5)
    assert found.tolist() == pytest.approx(expected, abs=1e-6)


def test_ldam() -> None:
    """Sizes 16 and 1: margins of a quarter and a half, in cosines, which are then multiplied by 30."""
    loss = LDAMLoss(torch.tensor([16.0, 1.0]))
    assert loss.margins.tolist() == pytest.approx([0.25, 0.5])
    found = loss(torch.tensor([[0.2, 0.1], [0.2, 0.1], [0.9, -0.2]]), torch.tensor([0, 1, 0]))
    by_hand = [math.log1p(math.exp(4.5)), 18 + math.log1p(math.exp(-18)), math.log1p(math.exp(-25.5))]
    assert found.tolist() == pytest.approx(by_hand, abs=1e-5)
