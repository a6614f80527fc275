"""The gate keeps its budget, opens at random or by what is shared, and never opens all or nothing."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.miso.gate import INJECTED, KEEP, PARTNER, Gate


def noise(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_blind_chance_is_the_budget_at_words_and_zero_at_padding() -> None:
    mask = torch.tensor([[True, True, False]])
    assert Gate(0.25, 1.0)(None, mask).tolist() == [[0.25, 0.25, 0.0]]


@pytest.mark.parametrize("weight", [-6.0, 0.0, 6.0])
def test_the_mean_chance_of_each_text_is_the_budget(weight) -> None:
    shared = torch.rand(5, 40, generator=noise())
    mask = torch.arange(40) < torch.tensor([[40], [30], [20], [10], [5]])
    chance = Gate(1 / 3, 1.0, weight=weight)(shared * mask, mask)
    means = chance.sum(dim=1) / mask.sum(dim=1)
    assert means.tolist() == pytest.approx([1 / 3] * 5, abs=0.02)


def test_a_positive_weight_gives_up_what_is_shared() -> None:
    shared = torch.tensor([[1.0, 0.0, 1.0, 0.0]])
    chance = Gate(1 / 3, 1.0, weight=4.0)(shared, torch.ones(1, 4, dtype=torch.bool))[0]
    assert chance[0] > 5 * chance[1]
    assert Gate(1 / 3, 1.0, weight=-4.0)(shared, torch.ones(1, 4, dtype=torch.bool))[0, 1] > chance[1]


def test_shuffled_roles_are_the_same_chances_at_other_words_of_the_text() -> None:
    shared = torch.rand(3, 12, generator=noise())
    mask = torch.arange(12) < torch.tensor([[12], [7], [1]])
    found, dealt = (
        Gate(1 / 3, 1.0, weight=4.0, shuffled=shuffled)(shared * mask, mask, None, noise(1))
        for shuffled in (False, True)
    )
    torch.testing.assert_close(dealt.sort(dim=1).values, found.sort(dim=1).values)
    assert not dealt[~mask].any()
    assert (dealt != found)[:2].sum() > 12
    many = [
        Gate(1 / 3, 1.0, weight=4.0, shuffled=True)(shared[:1], mask[:1], None, noise(seed))
        for seed in range(400)
    ]
    assert torch.cat(many).mean(dim=0).tolist() == pytest.approx([1 / 3] * 12, abs=0.04)


def test_a_blind_gate_and_one_that_is_told_draw_nothing_for_it() -> None:
    mask, stream = torch.ones(2, 5, dtype=torch.bool), noise()
    before = stream.get_state()
    Gate(1 / 3, 1.0, weight=4.0)(torch.rand(2, 5, generator=noise(1)), mask, None, stream)
    Gate(1 / 3, 1.0, weight=4.0, shuffled=True)(None, mask, None, stream)
    assert stream.get_state().equal(before)
    with pytest.raises(ValueError, match="needs a generator"):
        Gate(1 / 3, 1.0, weight=4.0, shuffled=True)(torch.ones(2, 5), mask)


def test_of_two_budgets_each_text_draws_its_own() -> None:
    mask = torch.ones(2000, 50, dtype=torch.bool)
    gate = Gate((0.1, 0.6), 1.0)
    chance = gate(None, mask, gate.budgets(2000, noise())).mean(dim=1)
    assert float(chance.min()) == pytest.approx(0.1, abs=0.01)
    assert float(chance.max()) == pytest.approx(0.6, abs=0.01)
    assert float(chance.mean()) == pytest.approx(0.35, abs=0.01)
    assert gate(None, mask)[0, 0] == pytest.approx(0.35)


@given(st.integers(2, 30), st.floats(0.05, 0.95), st.floats(1, 8), st.integers(0, 1000))
def test_one_word_is_given_up_and_one_kept_at_least(words, budget, run, seed) -> None:
    mask = torch.ones(8, words, dtype=torch.bool)
    gate = Gate(budget, run)
    holes = gate.holes(gate(None, mask), mask, noise(seed)) > KEEP
    assert holes.any(dim=1).all()
    assert not holes.all(dim=1).any()


def test_a_text_of_one_word_keeps_it() -> None:
    mask = torch.tensor([[True, False, False]])
    gate = Gate(0.9, 1.0)
    assert all(gate.holes(gate(None, mask), mask, noise(seed)).sum() == 0 for seed in range(20))


def test_padding_is_never_opened() -> None:
    mask = torch.arange(20) < torch.tensor([[4], [20]])
    gate = Gate(0.9, 2.0)
    assert not (gate.holes(gate(None, mask), mask, noise()) * ~mask).any()


def test_the_share_given_up_and_the_length_of_stretches_are_as_set() -> None:
    mask = torch.ones(400, 100, dtype=torch.bool)
    for run in (1.0, 4.0):
        gate = Gate(1 / 3, run)
        holes = gate.holes(gate(None, mask), mask, noise()) > KEEP
        assert float(holes.float().mean()) == pytest.approx(1 / 3, abs=0.01)
        changes = (holes[:, 1:] != holes[:, :-1]).float().mean()
        assert float(changes) == pytest.approx(2 * (1 / 3) * (2 / 3) / run, rel=0.05)


def test_injected_words_have_their_share_of_what_is_given_up() -> None:
    mask = torch.ones(400, 100, dtype=torch.bool)
    gate = Gate(0.4, 1.0, inject=0.25)
    holes = gate.holes(gate(None, mask), mask, noise())
    assert float((holes == INJECTED).sum() / (holes != KEEP).sum()) == pytest.approx(0.25, abs=0.01)
    assert (holes == PARTNER).any()
