"""Losses against their formulas written out, at their limits, and by numerical differentiation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from counterpoise.losses.dice import DiceLoss
from counterpoise.losses.focal import FocalLoss
from counterpoise.losses.ldam import LDAMLoss
from counterpoise.losses.logit_adjustment import LogitAdjustedLoss

PRIOR = torch.tensor([0.7, 0.2, 0.1], dtype=torch.float64)
LOSSES = {
    "focal 0": FocalLoss(0.0),
    "focal 0.5": FocalLoss(0.5),
    "focal 2": FocalLoss(2.0),
    "focal weighted": FocalLoss(2.0, torch.tensor([1.0, 3.0, 0.5], dtype=torch.float64)),
    "adjusted": LogitAdjustedLoss(PRIOR),
    "adjusted 0.3": LogitAdjustedLoss(PRIOR, 0.3),
    "dice": DiceLoss(),
    "dice linear": DiceLoss(denominator="linear"),
    "dice 0": DiceLoss(0.0),
    "dice 0.5": DiceLoss(0.5, 0.1),
    "dice 2": DiceLoss(2.0, denominator="linear"),
    "ldam": LDAMLoss(PRIOR),
}


def logits_and_targets(dtype=torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    drawn = torch.from_numpy(np.random.default_rng(0).normal(0, 3, (8, 3)))
    return drawn.to(dtype).requires_grad_(), torch.arange(8) % 3


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("p", [0.01, 0.3, 0.5, 0.9, 0.999])
def test_focal_loss_is_equation_4(gamma, p) -> None:
    logits = torch.tensor([[np.log(1 - p), np.log(p)]], dtype=torch.float64)
    expected = -((1 - p) ** gamma) * np.log(p)
    assert FocalLoss(gamma)(logits, torch.tensor([1])).item() == pytest.approx(expected, rel=1e-9)


def test_alpha_weights_the_true_class() -> None:
    logits, targets = logits_and_targets()
    alpha = torch.tensor([1.0, 3.0, 0.5], dtype=torch.float64)
    torch.testing.assert_close(
        FocalLoss(2.0, alpha)(logits, targets), FocalLoss(2.0)(logits, targets) * alpha[targets]
    )


def test_focal_loss_without_focus_is_cross_entropy() -> None:
    logits, targets = logits_and_targets()
    torch.testing.assert_close(
        FocalLoss(0.0)(logits, targets), cross_entropy(logits, targets, reduction="none")
    )


@pytest.mark.parametrize("tau", [0.0, 0.3, 1.0, 2.0])
def test_logit_adjustment_is_cross_entropy_of_shifted_logits(tau) -> None:
    logits, targets = logits_and_targets()
    loss = LogitAdjustedLoss(5 * PRIOR, tau)(logits, targets)
    torch.testing.assert_close(loss, cross_entropy(logits + tau * PRIOR.log(), targets, reduction="none"))


def test_logit_adjustment_is_the_balanced_softmax() -> None:
    """Ren et al. 2020: -log(n_y e^{z_y} / sum_c n_c e^{z_c})."""
    logits, targets = logits_and_targets()
    mass = PRIOR * logits.exp()
    expected = -(mass[torch.arange(8), targets] / mass.sum(dim=1)).log()
    torch.testing.assert_close(LogitAdjustedLoss(PRIOR)(logits, targets), expected)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_gradients_by_differences(loss) -> None:
    logits, targets = logits_and_targets()
    assert torch.autograd.gradcheck(lambda z: loss(z, targets), (logits,))


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_one_value_an_element_that_knows_no_other(loss) -> None:
    logits, targets = logits_and_targets()
    whole = loss(logits, targets)
    assert whole.shape == (8,)
    assert (whole >= 0).all()
    torch.testing.assert_close(
        torch.cat([loss(logits[i : i + 1], targets[i : i + 1]) for i in range(8)]), whole
    )
    assert loss(logits[:0], targets[:0]).shape == (0,)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("size", [0.0, 1e-30, 20.0, 100.0, 1e4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_values_and_gradients_are_finite_everywhere(loss, size, dtype) -> None:
    corners = torch.cartesian_prod(*[torch.tensor([-size, 0.0, size], dtype=dtype)] * 3)
    for target in range(3):
        logits = corners.clone().requires_grad_()
        values = loss.to(dtype)(logits, torch.full((len(corners),), target))
        values.sum().backward()
        assert torch.isfinite(values).all()
        assert torch.isfinite(logits.grad).all()
    loss.to(torch.float64)


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="gamma is -1"):
        FocalLoss(-1)
    with pytest.raises(ValueError, match="gamma is nan"):
        FocalLoss(float("nan"))
    with pytest.raises(ValueError, match="above 0"):
        LogitAdjustedLoss(torch.tensor([1.0, 0.0]))
