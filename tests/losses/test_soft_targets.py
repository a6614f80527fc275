"""What the losses take as targets: shares of the classes where they are defined, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy, one_hot

from counterpoise.losses.checks import check_targets
from counterpoise.losses.class_balanced import ClassBalancedLoss
from counterpoise.losses.dice import DiceLoss
from counterpoise.losses.focal import FocalLoss
from counterpoise.losses.ldam import LDAMLoss
from counterpoise.losses.logit_adjustment import LogitAdjustedLoss

PRIOR = torch.tensor([0.7, 0.2, 0.1], dtype=torch.float64)
ALPHA = torch.tensor([1.0, 3.0, 0.5], dtype=torch.float64)
SOFT = {
    "focal 0": FocalLoss(0.0),
    "focal 2": FocalLoss(2.0),
    "focal weighted": FocalLoss(2.0, ALPHA),
    "adjusted": LogitAdjustedLoss(PRIOR, 0.3),
    "class-balanced": ClassBalancedLoss(100 * PRIOR, 0.9),
    "dice": DiceLoss(),
    "dice linear": DiceLoss(0.5, denominator="linear"),
}
ALL = {**SOFT, "ldam": LDAMLoss(PRIOR)}


def logits_and_shares(n_rows: int = 8, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    logits = torch.from_numpy(rng.normal(0, 3, (n_rows, 3))).requires_grad_()
    return logits, torch.from_numpy(rng.dirichlet([0.5] * 3, n_rows))


@pytest.mark.parametrize("loss", SOFT.values(), ids=SOFT)
def test_all_of_one_class_is_its_number(loss) -> None:
    logits, _ = logits_and_shares(9)
    targets = torch.arange(9) % 3
    torch.testing.assert_close(loss(logits, one_hot(targets, 3).double()), loss(logits, targets))


@pytest.mark.parametrize("loss", SOFT.values(), ids=SOFT)
def test_gradients_by_differences(loss) -> None:
    logits, shares = logits_and_shares()
    assert torch.autograd.gradcheck(lambda z: loss(z, shares), (logits,))
    assert loss(logits, shares).shape == (8,)
    assert loss(logits[:0], shares[:0]).shape == (0,)


@pytest.mark.parametrize("name", ["focal 0", "focal 2", "focal weighted", "adjusted", "class-balanced"])
@settings(deadline=None)
@given(seed=st.integers(0, 10_000))
def test_what_is_linear_in_the_label_is_the_mean_over_labels(name, seed) -> None:
    logits, shares = logits_and_shares(4, seed)
    by_class = [SOFT[name](logits, torch.full((4,), label)) for label in range(3)]
    expected = (torch.stack(by_class, dim=1) * shares).sum(dim=1)
    torch.testing.assert_close(SOFT[name](logits, shares), expected)


def test_dice_of_shares_is_the_formula() -> None:
    """1 - (2 u y + s) / (u + y + s), class by class in NumPy."""
    logits, shares = logits_and_shares()
    p = torch.softmax(logits.detach(), dim=1).numpy()
    y, u = shares.numpy(), (1 - p) ** 0.5 * p
    for denominator, below in (("linear", u + y), ("square", u**2 + y**2)):
        expected = (1 - (2 * u * y + 0.3) / (below + 0.3)).sum(axis=1)
        found = DiceLoss(0.5, 0.3, denominator)(logits, shares).detach().numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_smoothed_cross_entropy_is_torchs() -> None:
    logits, _ = logits_and_shares()
    targets = torch.arange(8) % 3
    shares = 0.9 * one_hot(targets, 3) + 0.1 / 3
    torch.testing.assert_close(
        FocalLoss(0.0)(logits, shares),
        cross_entropy(logits, targets, reduction="none", label_smoothing=0.1),
    )


@pytest.mark.parametrize("loss", SOFT.values(), ids=SOFT)
@pytest.mark.parametrize("size", [20.0, 1e4])
def test_values_and_gradients_are_finite_everywhere(loss, size) -> None:
    corners = torch.cartesian_prod(*[torch.tensor([-size, 0.0, size])] * 3).requires_grad_()
    shares = torch.tensor([0.9, 0.1, 0.0]).expand(len(corners), 3)
    values = loss.float()(corners, shares)
    values.sum().backward()
    assert torch.isfinite(values).all()
    assert torch.isfinite(corners.grad).all()
    loss.double()


def test_a_margin_has_one_true_class() -> None:
    with pytest.raises(ValueError, match="no soft targets"):
        ALL["ldam"](*logits_and_shares())


@pytest.mark.parametrize("loss", SOFT.values(), ids=SOFT)
@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ([[1.2, -0.2, 0.0]], "negative"),
        ([[float("nan"), 0.5, 0.5]], "not a number"),
        ([[0.5, 0.3, 0.1]], r"sum to 1 only up to 0\.1"),
        ([[0.5, 0.5]], r"shape \(1, 2\)"),
        ([0.2, 0.3, 0.5], r"shape \(3,\)"),
    ],
)
def test_shares_that_are_none_are_refused(loss, shares, message) -> None:
    with pytest.raises(ValueError, match=message) as error:
        loss(torch.zeros(1, 3, dtype=torch.float64), torch.tensor(shares))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("loss", ALL.values(), ids=ALL)
@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (torch.tensor([0, 3]), "a label is 3"),
        (torch.tensor([-1, 0]), "a label is -1"),
        (torch.tensor([0, 1], dtype=torch.int32), r"torch\.int32"),
        (torch.tensor([0]), r"shape \(1,\)"),
        (torch.tensor([[0, 1]]), r"shape \(1, 2\)"),
    ],
)
def test_labels_that_are_none_are_refused(loss, labels, message) -> None:
    with pytest.raises(ValueError, match=message) as error:
        loss(torch.zeros(2, 3, dtype=torch.float64), labels)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_shares_that_sum_to_1_as_far_as_their_type_can_tell_are_taken(dtype) -> None:
    shares = torch.rand(50, 700, generator=torch.Generator().manual_seed(0))
    check_targets(torch.zeros(50, 700), (shares / shares.sum(dim=1, keepdim=True)).to(dtype))


def test_nothing_is_read_back_from_another_device() -> None:
    """The meta device has no values, so that looking at them would raise."""
    logits = torch.zeros(2, 3, device="meta")
    check_targets(logits, torch.zeros(2, dtype=torch.int64, device="meta"))
    check_targets(logits, torch.zeros(2, 3, device="meta"))
    with pytest.raises(ValueError, match="shape"):
        check_targets(logits, torch.zeros(2, 2, device="meta"))
