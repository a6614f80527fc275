"""Micro-cluster losses against their formulas in loops, and what they are where there is no neighbour."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from counterpoise.losses.micro_cluster import (
    classified_with_neighbors,
    member_shares,
    towards_neighbors,
    towards_point,
)

B, K, D, C = 5, 3, 4, 3


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(0, 0.6, shape))


F, V, LOGITS, THEIRS = drawn(B, D), drawn(B, K, D, seed=1), drawn(B, C, seed=2), drawn(B, K, C, seed=3)
WEIGHTS = torch.from_numpy(np.random.default_rng(4).dirichlet(np.ones(K), B))
LABELS = torch.tensor([0, 1, 2, 2, 0])
THERE = torch.tensor([[1, 1, 1], [1, 0, 1], [0, 0, 0], [1, 0, 0], [1, 1, 0]]).bool()


@pytest.mark.parametrize("there", [None, THERE])
@pytest.mark.parametrize("own", [True, False])
def test_by_the_formulas(there, own) -> None:
    distances = towards_neighbors(F, V, WEIGHTS, there)
    losses = classified_with_neighbors(LOGITS, F, V, THEIRS, WEIGHTS, LABELS, there=there, own=own)
    for b in range(B):
        members = [i for i in range(K) if there is None or there[b, i]]
        square = {i: float(((F[b] - V[b, i]) ** 2).sum()) for i in members}
        assert float(distances[b]) == pytest.approx(sum(float(WEIGHTS[b, i]) * square[i] for i in members))
        counted = [(math.exp(-float(WEIGHTS[b, i]) * square[i]), THEIRS[b, i]) for i in members]
        if own or not members:
            counted.append((1.0, LOGITS[b]))
        cost = sum(a * float(cross_entropy(z[None], LABELS[b : b + 1])) for a, z in counted)
        assert float(losses[b]) == pytest.approx(cost / sum(a for a, _ in counted))


def test_weights_that_sum_to_1_name_a_point_between_the_neighbours() -> None:
    features = F.clone().requires_grad_()
    between = (WEIGHTS[:, :, None] * V).sum(dim=1)
    distances = towards_neighbors(features, V, WEIGHTS)
    distances.sum().backward()
    torch.testing.assert_close(features.grad, 2 * (F - between))
    constant = distances.detach() - (F - between).square().sum(dim=1)
    moved = towards_neighbors(F + 1, V, WEIGHTS) - (F + 1 - between).square().sum(dim=1)
    torch.testing.assert_close(moved, constant)


@pytest.mark.parametrize("own", [True, False])
def test_without_neighbours_it_is_cross_entropy(own) -> None:
    nothing = torch.zeros(B, 0, dtype=torch.float64)
    found = classified_with_neighbors(
        LOGITS, F, torch.zeros(B, 0, D), torch.zeros(B, 0, C), nothing, LABELS, own=own
    )
    torch.testing.assert_close(found, cross_entropy(LOGITS, LABELS, reduction="none"))
    assert towards_neighbors(F, torch.zeros(B, 0, D), nothing).tolist() == [0.0] * B


def test_soft_targets_that_are_hard_are_class_numbers() -> None:
    soft = torch.eye(C, dtype=torch.float64)[LABELS]
    hard = classified_with_neighbors(LOGITS, F, V, THEIRS, WEIGHTS, LABELS)
    torch.testing.assert_close(classified_with_neighbors(LOGITS, F, V, THEIRS, WEIGHTS, soft), hard)


def test_far_neighbours_fade_beside_the_row_itself_and_nothing_overflows() -> None:
    far = (V + 1e4).requires_grad_()
    features = F.clone().requires_grad_()
    losses = classified_with_neighbors(LOGITS, features, far, 1e4 * THEIRS, WEIGHTS, LABELS)
    torch.testing.assert_close(losses, cross_entropy(LOGITS, LABELS, reduction="none"))
    losses.sum().backward()
    assert torch.isfinite(features.grad).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("square", [0.0, 1.0, 102.0, 104.0, 1e6])
def test_one_neighbour_alone_is_all_of_the_sum_however_far_it_is(square, dtype) -> None:
    """Equation 10 brings its one term to 1. Logits of 5 and 0 cost log(1 + e^5) where the second class is true."""
    f, v = torch.zeros(1, 1, dtype=dtype), torch.tensor([[[square**0.5]]], dtype=dtype)
    own, theirs = torch.tensor([[0.0, 5.0]], dtype=dtype), torch.tensor([[[5.0, 0.0]]], dtype=dtype)
    weights = torch.ones(1, 1, dtype=dtype)
    found = classified_with_neighbors(own, f, v, theirs, weights, torch.tensor([1]), own=False)
    assert found.item() == pytest.approx(5.006715, abs=1e-5)


@pytest.mark.parametrize("further", [0.0, 40.0, 2e4])
def test_two_neighbours_share_by_how_much_further_one_is(further) -> None:
    """Exponents of -1 and -2, and both less by as much: 0.731059 = e / (1 + e) of log(1 + e^3), the rest of log 2."""
    f = torch.zeros(1, 1, dtype=torch.float64)
    v = torch.tensor([[[(2 + 2 * further) ** 0.5], [(4 + 2 * further) ** 0.5]]], dtype=torch.float64)
    theirs = torch.tensor([[[3.0, 0.0], [1.0, 1.0]]], dtype=torch.float64)
    halves, own = torch.full((1, 2), 0.5, dtype=torch.float64), torch.zeros(1, 2, dtype=torch.float64)
    found = classified_with_neighbors(own, f, v, theirs, halves, torch.tensor([1]), own=False)
    assert found.item() == pytest.approx(0.731059 * 3.048587 + 0.268941 * 0.693147, abs=1e-5)


@pytest.mark.parametrize("own", [True, False])
def test_gradients(own) -> None:
    inputs = tuple(x.clone().requires_grad_() for x in (LOGITS, F, THEIRS))

    def losses(logits, features, theirs):
        costs = classified_with_neighbors(logits, features, V, theirs, WEIGHTS, LABELS, there=THERE, own=own)
        return costs + towards_neighbors(features, V, WEIGHTS, THERE)

    assert torch.autograd.gradcheck(losses, inputs)


def test_labels_outside_the_head_are_refused() -> None:
    with pytest.raises(ValueError, match="the head has 3 classes"):
        classified_with_neighbors(LOGITS, F, V, THEIRS, WEIGHTS, LABELS + 1)


@pytest.mark.parametrize("own", [True, False])
def test_shares_are_those_of_the_members_and_sum_to_1(own) -> None:
    """Squared distances of 2 and 4 with halves as weights: e^-1 and e^-2 beside e^0."""
    f, v = torch.zeros(3, 1), torch.tensor([[[2**0.5], [2.0]]]).expand(3, 2, 1)
    there = torch.tensor([[True, True], [False, True], [False, False]])
    found = member_shares(f, v, torch.full((3, 2), 0.5), there=there, own=own)
    amounts = torch.tensor([[1.0, 0.367879, 0.135335], [1.0, 0.0, 0.135335], [1.0, 0.0, 0.0]])
    if not own:
        amounts[:2, 0] = 0
    torch.testing.assert_close(found, amounts / amounts.sum(dim=1, keepdim=True), atol=1e-6, rtol=0)


def test_towards_the_point_is_equation_8_less_how_far_the_neighbours_are_from_it() -> None:
    point = (WEIGHTS[:, :, None] * V).sum(dim=1)
    constant = (WEIGHTS * (V - point[:, None]).square().sum(dim=2)).sum(dim=1)
    torch.testing.assert_close(towards_point(F, V, WEIGHTS), towards_neighbors(F, V, WEIGHTS) - constant)
