"""Losses against their formulas written out, at their limits, and by numerical differentiation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from counterpoise.losses.class_balanced import ClassBalancedLoss
from counterpoise.losses.dice import DiceLoss
from counterpoise.losses.focal import FocalLoss
from counterpoise.losses.ldam import LDAMLoss
from counterpoise.losses.logit_adjustment import LogitAdjustedLoss, adjusted_logits

PRIOR = torch.tensor([0.7, 0.2, 0.1], dtype=torch.float64)
COUNTS = torch.tensor([700.0, 200.0, 3.5], dtype=torch.float64)
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
    "class-balanced": ClassBalancedLoss(COUNTS),
    "class-balanced 0": ClassBalancedLoss(COUNTS, 0.0),
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


@pytest.mark.parametrize("tau", [0.0, 0.3, 1.0, 2.0])
@pytest.mark.parametrize("scale", [1.0, 50.0])
def test_logits_adjusted_afterwards_are_equation_9(tau, scale) -> None:
    """The most probable class is that of the largest exp(z_c) / prior_c^tau; the scale of the shares is nothing."""
    logits, _ = logits_and_targets()
    found = adjusted_logits(logits, scale * PRIOR, tau).detach().numpy()
    ratios = np.exp(logits.detach().numpy()) / PRIOR.numpy() ** tau
    np.testing.assert_allclose(np.exp(found), ratios, rtol=1e-12)
    bias = adjusted_logits(torch.zeros(3, dtype=torch.float64), scale * PRIOR, tau)
    np.testing.assert_allclose((logits + bias).detach().numpy(), found, rtol=1e-12)


def test_adjusting_afterwards_takes_back_what_the_loss_adds() -> None:
    logits, targets = logits_and_targets()
    trained = adjusted_logits(logits, PRIOR, 0.7)
    torch.testing.assert_close(
        LogitAdjustedLoss(PRIOR, 0.7)(trained, targets), cross_entropy(logits, targets, reduction="none")
    )
    assert torch.equal(adjusted_logits(logits, PRIOR, 0.0), logits)


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 0.999, 0.9999])
def test_class_balanced_loss_is_cross_entropy_over_effective_numbers(beta) -> None:
    """In NumPy, from logits to loss; the mean sample of the training data weighs 1."""
    logits, targets = logits_and_targets()
    counts, z, y = COUNTS.numpy(), logits.detach().numpy(), targets.numpy()
    weights = (1 - beta) / (1 - beta**counts)
    weights /= (weights * counts).sum() / counts.sum()
    expected = weights[y] * (np.log(np.exp(z).sum(axis=1)) - z[np.arange(8), y])
    found = ClassBalancedLoss(COUNTS, beta)(logits, targets)
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-12)


def test_class_balanced_loss_at_its_ends() -> None:
    logits, targets = logits_and_targets()
    plain = cross_entropy(logits, targets, reduction="none")
    assert torch.equal(ClassBalancedLoss(COUNTS, 0.0)(logits, targets), plain)
    inverse = COUNTS.sum() / (3 * COUNTS)
    torch.testing.assert_close(
        ClassBalancedLoss(COUNTS, 1 - 1e-12)(logits, targets), plain * inverse[targets], rtol=1e-4, atol=0.0
    )


@pytest.mark.parametrize("counts", [torch.tensor([700, 200, 4]), torch.tensor([700.0, 200.0, 4.0])])
def test_counts_of_any_type_go_with_logits_of_any(counts) -> None:
    expected = ClassBalancedLoss(counts.double())(torch.zeros(3, 3).double(), torch.arange(3))
    for dtype in (torch.float32, torch.float64):
        found = ClassBalancedLoss(counts)(torch.zeros(3, 3, dtype=dtype), torch.arange(3))
        assert found.dtype == dtype
        torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=0.0)


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
