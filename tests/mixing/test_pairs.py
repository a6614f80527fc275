"""What becomes of vectors, masks and losses when rows are mixed in pairs."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy, one_hot

from counterpoise.mixing.pairs import Pairs


def each(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return cross_entropy(logits, labels, reduction="none")


def pairs_of(
    partner: list[int], weight: float | list[float], label_weight: list[float] | None = None
) -> Pairs:
    weights = torch.tensor(weight if isinstance(weight, list) else [weight] * len(partner))
    return Pairs(
        torch.tensor(partner), weights, weights if label_weight is None else torch.tensor(label_weight)
    )


@pytest.mark.parametrize("shape", [(3,), (3, 4), (3, 5, 2)])
def test_states_are_weighted_sums(shape) -> None:
    states = torch.randn(shape, dtype=torch.float64)
    weights = [0.9, 0.25, 0.0]
    mixed = pairs_of([2, 0, 1], weights).states(states)
    for row, (partner, weight) in enumerate(zip([2, 0, 1], weights, strict=True)):
        torch.testing.assert_close(
            mixed[row], weight * states[row] + (1 - weight) * states[partner], atol=1e-7, rtol=1e-6
        )


def test_a_weight_of_1_leaves_rows_as_they_are_to_the_bit_and_gradients_too() -> None:
    states = (torch.randn(4, 3) * 1e4).requires_grad_()
    mixed = pairs_of([1, 2, 3, 0], 1.0).states(states)
    assert torch.equal(mixed, states)
    upstream = torch.randn(4, 3)
    (gradient,) = torch.autograd.grad(mixed, states, upstream)
    assert torch.equal(gradient, upstream)


def test_the_type_of_the_states_stays() -> None:
    assert pairs_of([1, 0], 0.3).states(torch.ones(2, 2, dtype=torch.bfloat16)).dtype == torch.bfloat16


@given(st.integers(1, 15), st.integers(0, 1000))
def test_swapping_partner_and_weight_changes_nothing(sixteenths, seed) -> None:
    """Pair (i, j) with weight a is pair (j, i) with 1 - a: states, masks and the sum of the losses."""
    weight = sixteenths / 16
    generator = torch.Generator().manual_seed(seed)
    states = torch.randn(6, 3, generator=generator)
    labels = torch.randint(4, (6,), generator=generator)
    mask = torch.arange(5) < torch.randint(1, 6, (6, 1), generator=generator)
    partner = torch.randperm(6, generator=generator)
    inverse = torch.argsort(partner)
    one = pairs_of(partner.tolist(), weight)
    other = pairs_of(inverse.tolist(), 1 - weight)
    # The pair of i is found in the swapped pairs where its partner stands.
    torch.testing.assert_close(one.states(states), other.states(states)[partner])
    assert torch.equal(one.mask(mask), other.mask(mask)[partner])
    logits = torch.randn(6, 4, generator=generator)
    there = torch.empty_like(logits).index_copy(0, partner, logits)
    torch.testing.assert_close(one.loss(each, logits, labels).sum(), other.loss(each, there, labels).sum())


@given(st.lists(st.integers(1, 6), min_size=1, max_size=6), st.data())
def test_the_mask_is_the_union(lengths, data) -> None:
    partner = data.draw(st.permutations(range(len(lengths))))
    right = data.draw(st.booleans())
    position = torch.arange(6)
    mask = position < torch.tensor(lengths)[:, None]
    mask = mask.flip(1) if right else mask
    found = pairs_of(list(partner), 0.6).mask(mask)
    assert torch.equal(found, mask | mask[list(partner)])


def test_a_row_without_weight_adds_nothing_to_the_mask() -> None:
    mask = torch.tensor([[True, False, False], [True, True, True]])
    assert torch.equal(pairs_of([1, 0], 1.0).mask(mask), mask)
    assert torch.equal(pairs_of([1, 0], 0.0).mask(mask), mask[[1, 0]])
    assert pairs_of([1, 0], 0.5).mask(None) is None


class TestLoss:
    logits = torch.randn(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 2, 1, 0, 2])
    pairs = pairs_of([3, 0, 2, 4, 1], [0.5, 0.75, 0.25, 1.0, 0.625], [0.25, 1.0, 0.75, 0.5, 0.875])

    def test_its_sum_is_cross_entropy_with_mixed_labels(self) -> None:
        weight = self.pairs.label_weight[:, None].double()
        shares = one_hot(self.labels, 3).double()
        mixed = weight * shares + (1 - weight) * shares[self.pairs.partner]
        torch.testing.assert_close(mixed.sum(dim=1), torch.ones(5, dtype=torch.float64))
        expected = cross_entropy(self.logits, mixed, reduction="none")
        torch.testing.assert_close(self.pairs.loss(each, self.logits, self.labels).sum(), expected.sum())
        torch.testing.assert_close(
            self.pairs.loss(each, self.logits, shares), self.pairs.loss(each, self.logits, self.labels)
        )

    def test_row_weights_act_on_the_half_that_is_theirs(self) -> None:
        row_weights = torch.tensor([0.1, 5.0, 1.0, 2.0, 0.0], dtype=torch.float64)
        expected = 0.0
        for row in range(5):
            partner, own = int(self.pairs.partner[row]), float(self.pairs.label_weight[row])
            log_p = torch.log_softmax(self.logits[row], dim=0)
            expected -= own * row_weights[row] * log_p[self.labels[row]]
            expected -= (1 - own) * row_weights[partner] * log_p[self.labels[partner]]
        found = self.pairs.loss(each, self.logits, self.labels) @ row_weights
        torch.testing.assert_close(found, expected)

    def test_a_partner_of_several_rows_pays_for_all_of_them(self) -> None:
        pairs = pairs_of([2, 2, 2], 0.75)
        logits, labels = self.logits[:3], self.labels[:3]
        whole = each(logits, labels)
        as_partner = each(logits, labels[[2, 2, 2]])
        found = pairs.loss(each, logits, labels)
        torch.testing.assert_close(found[:2], 0.75 * whole[:2])
        torch.testing.assert_close(found[2], 0.75 * whole[2] + 0.25 * as_partner.sum())

    def test_label_weights_of_1_are_the_plain_loss_to_the_bit(self) -> None:
        logits = self.logits.float().requires_grad_()
        plain = each(logits, self.labels)
        mixed = pairs_of([3, 0, 2, 4, 1], 1.0).loss(each, logits, self.labels)
        assert torch.equal(mixed, plain)
        gradients = [torch.autograd.grad(loss.sum(), logits)[0] for loss in (plain, mixed)]
        assert torch.equal(*gradients)


def test_rows_that_are_there_to_be_partners_alone() -> None:
    """Two mixed rows of four: what partners' labels cost stands in their own places."""
    logits, labels = torch.randn(2, 3), torch.tensor([0, 1, 2, 2])
    pairs = Pairs(torch.tensor([3, 0]), torch.tensor([0.6, 0.9]), torch.tensor([0.7, 0.8]))
    found = pairs.loss(each, logits, labels)
    expected = torch.zeros(4)
    expected[0] = 0.7 * each(logits, labels[:2])[0] + 0.2 * each(logits, labels[[3, 0]])[1]
    expected[1] = 0.8 * each(logits, labels[:2])[1]
    expected[3] = 0.3 * each(logits, labels[[3, 0]])[0]
    torch.testing.assert_close(found, expected)
    states = torch.randn(4, 5)
    torch.testing.assert_close(pairs.states(states)[0], 0.6 * states[0] + 0.4 * states[3])
    assert pairs.states(states).shape == (2, 5)
    mask = torch.tensor([[1, 0, 0], [1, 1, 0], [1, 1, 0], [1, 1, 1]]).bool()
    assert pairs.longer(mask).tolist() == [3, 1]
