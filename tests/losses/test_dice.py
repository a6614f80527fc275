"""Dice loss by hand and at its ends: what theory says it becomes there."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.losses.dice import DENOMINATORS, DiceLoss

PROBABILITIES = st.floats(0.01, 0.99)


def of(p: float, label: int, **settings) -> float:
    """The loss of one example of two classes, the second of probability ``p``."""
    logits = torch.tensor([[np.log(1 - p), np.log(p)]], dtype=torch.float64)
    return DiceLoss(**settings)(logits, torch.tensor([label])).item()


def test_worked_by_hand() -> None:
    """p = 3/4 and alpha = 2: u = 3/64 for the true class, 9/64 for the other."""
    true, other = 1 - (2 * 3 / 64 + 1) / (3 / 64 + 2), 1 - 1 / (9 / 64 + 1)
    assert of(0.75, 1, alpha=2.0, denominator="linear") == pytest.approx(true + other)
    true, other = 1 - (2 * 3 / 64 + 1) / ((3 / 64) ** 2 + 2), 1 - 1 / ((9 / 64) ** 2 + 1)
    assert of(0.75, 1, alpha=2.0, denominator="square") == pytest.approx(true + other)


@settings(deadline=None)
@given(PROBABILITIES, st.floats(0.1, 5.0))
def test_without_alpha_it_is_plain_dice(p, s) -> None:
    expected = 1 - (2 * p + s) / (p + 1 + s) + 1 - s / (1 - p + s)
    assert of(p, 1, alpha=0.0, smoothing=s, denominator="linear") == pytest.approx(expected)
    expected = 1 - (2 * p + s) / (p**2 + 1 + s) + 1 - s / ((1 - p) ** 2 + s)
    assert of(p, 1, alpha=0.0, smoothing=s, denominator="square") == pytest.approx(expected)


@settings(deadline=None)
@given(PROBABILITIES)
def test_plain_dice_is_least_where_the_label_is_certain(p) -> None:
    for denominator in DENOMINATORS:
        settings = {"alpha": 0.0, "denominator": denominator}
        assert of(1 - 1e-12, 1, **settings) < 1e-9
        assert of(p, 1, **settings) > of(p + 0.005, 1, **settings)


@settings(deadline=None)
@given(PROBABILITIES)
def test_with_much_smoothing_it_is_brier_score_or_absolute_error(p) -> None:
    s = 1e9
    assert of(p, 1, alpha=0.0, smoothing=s, denominator="square") * s == pytest.approx(2 * (1 - p) ** 2)
    assert of(p, 1, alpha=0.0, smoothing=s, denominator="linear") * s == pytest.approx(2 * (1 - p))


@settings(deadline=None)
@given(PROBABILITIES)
@pytest.mark.parametrize("denominator", DENOMINATORS)
def test_with_two_classes_alpha_1_is_blind_and_more_prefers_the_wrong_one(denominator, p) -> None:
    by_alpha = [
        of(p, 1, alpha=alpha, denominator=denominator) - of(p, 0, alpha=alpha, denominator=denominator)
        for alpha in (0.5, 1.0, 2.0)
    ]
    assert by_alpha[1] == pytest.approx(0, abs=1e-12)
    if abs(p - 0.5) > 0.01:
        assert np.sign(by_alpha[0]) == np.sign(0.5 - p) == -np.sign(by_alpha[2])


@pytest.mark.parametrize("alpha", [0.01, 0.5, 2.0])
def test_easy_examples_stop_to_count_at_one_over_one_plus_alpha(alpha) -> None:
    """The part of the true class, found as the loss over what the other class adds."""
    p = np.linspace(0.001, 0.9999, 20_000)
    u, rest = (1 - p) ** alpha * p, p**alpha * (1 - p)
    logits = torch.from_numpy(np.stack([np.log(1 - p), np.log(p)], axis=1))
    whole = DiceLoss(alpha, denominator="linear")(logits, torch.ones(len(p), dtype=torch.int64)).numpy()
    own = whole - rest / (rest + 1)
    np.testing.assert_allclose(own, 1 - (2 * u + 1) / (u + 2), atol=1e-12)
    assert p[own.argmin()] == pytest.approx(1 / (1 + alpha), abs=1e-4)


def test_digits_of_the_weight_are_kept_in_float32_where_one_class_is_certain() -> None:
    """1 - p would be 0 here, and so its square root and the gradient through it."""
    logits = torch.tensor([[0.0, 30.0, -2.0]])
    results = []
    for exact in (False, True):
        given_ = (logits.double() if exact else logits).clone().requires_grad_()
        loss = DiceLoss(0.5, denominator="linear")(given_, torch.tensor([1]))
        loss.backward()
        results.append((loss.item(), given_.grad.double().numpy()))
    assert results[0][0] == pytest.approx(results[1][0], rel=1e-6)
    np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-4, atol=1e-12)
    assert np.abs(results[1][1]).max() > 1e-8


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"alpha": -0.1}, "alpha is -0.1"),
        ({"alpha": float("nan")}, "alpha is nan"),
        ({"smoothing": 0.0}, "smoothing is 0.0"),
        ({"denominator": "cubic"}, "denominator is 'cubic'"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message) -> None:
    with pytest.raises(ValueError, match=message):
        DiceLoss(**settings)
