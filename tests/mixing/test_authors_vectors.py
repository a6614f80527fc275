"""MAMix, Remix, LDAM and late class weights on one batch, worked out by hand.

The first three were checked once against the code of their authors (ntucllab/imbalanced-DL: ``get_lambda``,
``remix_data`` and ``LDAMLoss``, 2026-11-22), which gives the same numbers to six digits. There MAMix has its lambda on
the partner's input.
"""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch

from counterpoise.losses.effective_number import effective_number_weights
from counterpoise.losses.ldam import LDAMLoss
from counterpoise.methods.deferred import class_weights
from counterpoise.methods.ldam import LDAM
from counterpoise.mixing.mamix import mamix_label_weight
from counterpoise.mixing.remix import remix_label_weight
from counterpoise.training.settings import TrainingState

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


BETA = 0.9999
LATE = torch.tensor([5000.0, 50.0])
"""Two classes. Effective numbers: (1 - .9999 ** 5000) / .0001 = 3934.845, (1 - .9999 ** 50) / .0001 = 49.8777."""


def test_class_balanced_weights() -> None:
    found = effective_number_weights(LATE, BETA)
    assert found.tolist() == pytest.approx([1 / 3934.845, 1 / 49.87770], rel=1e-5)
    assert found.tolist() == pytest.approx([2.541396e-4, 2.004904e-2], rel=1e-5)


def test_ours_are_1_on_average_over_the_rows_and_theirs_over_the_classes() -> None:
    """Theirs are 2 w / (w_0 + w_1); ours are 5050 w / (5000 w_0 + 50 w_1) = 5050 w / 2.273150."""
    ours = class_weights(LATE / 5050, 5050)
    assert ours.tolist() == pytest.approx([0.564593, 44.54068], rel=1e-5)
    assert (5000 * ours[0] + 50 * ours[1]).item() == pytest.approx(5050, rel=1e-5)
    theirs = [0.02503446, 1.9749655]
    assert sum(theirs) == pytest.approx(2, rel=1e-6)
    factor = (5000 * theirs[0] + 50 * theirs[1]) / 5050
    assert factor == pytest.approx(0.0443409, rel=1e-5)
    assert (factor * ours).tolist() == pytest.approx(theirs, rel=1e-5)


def test_ldam_late_in_training(monkeypatch) -> None:
    """Three rows: margins of .5 (5000 / 50) ** -1/4 = .158114 and .5; each loss times the weight of its class."""
    cosine = torch.tensor([[0.3, 0.1], [0.2, 0.1], [0.0, 0.6]])
    monkeypatch.setattr("counterpoise.methods.ldam.cosines", lambda model, features: features)
    model = SimpleNamespace(embed=lambda batch: cosine)
    batch = SimpleNamespace(labels=torch.tensor([0, 1, 1]))
    states = [TrainingState(epoch, 10, LATE / 5050, 0, 5050) for epoch in (7, 8)]
    early, late = (LDAM(drw=True).loss(model, batch, state) for state in states)
    # 30 times: .3 - .158114 - .1 = .041886; .1 - .5 - .2 = -.6; .6 - .5 - 0 = .1
    by_hand = [math.log1p(math.exp(-1.256583)), 18 + math.log1p(math.exp(-18)), math.log1p(math.exp(-3))]
    assert early.tolist() == pytest.approx(by_hand, abs=1e-5)
    assert early.tolist() == pytest.approx([0.250467, 18.0, 0.048587], abs=1e-5)
    assert late.tolist() == pytest.approx([0.141412, 801.7323, 2.164114], rel=1e-4)
    # Their criterion divides by the weights of the batch, where scales cancel:
    weights = class_weights(LATE / 5050, 5050)[batch.labels]
    assert (late.sum() / weights.sum()).item() == pytest.approx(8.969036, rel=1e-4)
