"""What the losses refuse when they are made and when they meet logits of another number of classes, in one sentence."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from counterpoise.losses.class_balanced import ClassBalancedLoss
from counterpoise.losses.dice import DiceLoss
from counterpoise.losses.effective_number import effective_number_weights
from counterpoise.losses.focal import FocalLoss
from counterpoise.losses.ldam import LDAMLoss
from counterpoise.losses.logit_adjustment import LogitAdjustedLoss, adjusted_logits
from counterpoise.losses.supervised_contrastive import SupervisedContrastiveLoss

PRIOR = torch.tensor([0.5, 0.3, 0.2])
NO_NUMBERS = ["two", None, math.nan, math.inf, -math.inf, True, [1.0]]
NUMBERS = {
    "gamma": lambda value: FocalLoss(gamma=value),
    "alpha": lambda value: DiceLoss(alpha=value),
    "smoothing": lambda value: DiceLoss(smoothing=value),
    "tau of logits": lambda value: adjusted_logits(PRIOR, PRIOR, tau=value),
    "tau": lambda value: LogitAdjustedLoss(PRIOR, tau=value),
    "max_margin": lambda value: LDAMLoss(PRIOR, max_margin=value),
    "scale": lambda value: LDAMLoss(PRIOR, scale=value),
    "beta": lambda value: effective_number_weights(PRIOR, value),
    "beta of a loss": lambda value: ClassBalancedLoss(PRIOR, value),
    "temperature": lambda value: SupervisedContrastiveLoss(value),
}
BY_CLASS = {
    "alpha": lambda given: FocalLoss(2.0, given),
    "prior": lambda given: LogitAdjustedLoss(given),
    "prior of LDAM": lambda given: LDAMLoss(given),
    "counts": lambda given: ClassBalancedLoss(given, 0.9),
    "counts alone": lambda given: effective_number_weights(given, 0.9),
    "prior of logits": lambda given: adjusted_logits(torch.zeros(3), given),
}
ABOVE_0 = [name for name in BY_CLASS if name != "alpha"]


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [*NO_NUMBERS, -0.1])
def test_numbers_out_of_range_are_refused(name, value) -> None:
    with pytest.raises(ValueError, match=f"^{name.split()[0]} is ") as error:
        NUMBERS[name](value)
    assert repr(value) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", NUMBERS)
def test_0_is_taken_where_the_formula_has_it(name) -> None:
    if name in ("smoothing", "scale", "temperature"):
        with pytest.raises(ValueError, match=f"{name} is 0.*above 0"):
            NUMBERS[name](0)
    else:
        NUMBERS[name](0)
    if name.startswith("beta"):
        with pytest.raises(ValueError, match=r"beta is 1\.0.*below 1"):
            NUMBERS[name](1.0)
    else:
        NUMBERS[name](np.float32(1))


@pytest.mark.parametrize("make", BY_CLASS.values(), ids=BY_CLASS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1.0])
def test_numbers_of_classes_out_of_range_are_refused(make, value) -> None:
    with pytest.raises(ValueError, match=f"of class 1 is {value:g}; every class needs a finite number"):
        make(torch.tensor([1.0, value, 2.0]))


def test_a_class_may_weigh_nothing_but_has_to_have_rows() -> None:
    assert FocalLoss(0.0, torch.tensor([1.0, 0.0]))(torch.zeros(1, 2), torch.tensor([1])).item() == 0
    for name in ABOVE_0:
        with pytest.raises(ValueError, match="of class 0 is 0; every class needs a finite number above 0"):
            BY_CLASS[name](torch.tensor([0.0, 1.0]))


@pytest.mark.parametrize("make", BY_CLASS.values(), ids=BY_CLASS)
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (0.25, r"is 0\.25; give a tensor of one number a class"),
        ([1.0, 2.0], r"is \[1\.0, 2\.0\]; give a tensor"),
        (torch.tensor(2.0), r"has shape \(\); give one number a class"),
        (torch.ones(2, 3), r"has shape \(2, 3\); give"),
        (torch.ones(0), r"has shape \(0,\); give"),
    ],
    ids=str,
)
def test_what_is_no_number_a_class_is_refused(make, given, message) -> None:
    with pytest.raises(ValueError, match=message):
        make(given)


@pytest.mark.parametrize("name", ["alpha", "prior", "prior of LDAM", "counts"])
@pytest.mark.parametrize("n_classes", [1, 2, 4])
def test_logits_of_another_number_of_classes_are_refused(name, n_classes) -> None:
    """One number for all classes would else be taken by all of them alike."""
    loss = BY_CLASS[name](torch.ones(n_classes))
    logits, labels = torch.zeros(2, 3), torch.tensor([0, 2])
    with pytest.raises(ValueError, match=rf"is of {n_classes} classes, but logits have shape \(2, 3\)"):
        loss(logits, labels)
    assert torch.isfinite(BY_CLASS[name](torch.ones(3))(logits, labels)).all()


def test_logits_are_adjusted_by_as_many_shares_as_they_have_classes() -> None:
    with pytest.raises(ValueError, match=r"prior is of 1 classes, but logits have shape \(2, 3\)"):
        adjusted_logits(torch.zeros(2, 3), torch.ones(1))


@pytest.mark.parametrize("make", BY_CLASS.values(), ids=BY_CLASS)
def test_whole_numbers_of_rows_are_taken(make) -> None:
    make(torch.tensor([30, 3, 1]))


def test_nothing_is_read_back_from_another_device() -> None:
    """The meta device has no values, so that looking at them would raise."""
    for make in (BY_CLASS["alpha"], BY_CLASS["prior"]):
        make(torch.ones(3, device="meta"))


@pytest.mark.parametrize("loss", [FocalLoss(), DiceLoss(), LDAMLoss(PRIOR), LogitAdjustedLoss(PRIOR)])
@pytest.mark.parametrize(
    ("logits", "targets", "message"),
    [
        (torch.zeros(2, 3), [0, 1], "targets are a list; give a tensor"),
        (
            torch.zeros(2, 3, 1),
            torch.zeros(2, dtype=torch.int64),
            r"logits have shape \(2, 3, 1\); give \(B, C\)",
        ),
    ],
)
def test_what_are_no_targets_and_no_logits_is_refused(loss, logits, targets, message) -> None:
    with pytest.raises(ValueError, match=message):
        loss(logits, targets)
