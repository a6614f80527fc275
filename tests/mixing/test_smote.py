"""SMOTE's rules: partners are true neighbours, weights are uniform, and whose label is kept."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.methods.neighbor_mixing import neighbors_of
from counterpoise.mixing.smote import hard_smote, soft_smote

RULES = pytest.mark.parametrize("rule", [hard_smote, soft_smote])
LABELS = st.lists(st.integers(0, 3), min_size=1, max_size=17)


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def batch(labels: list[int], k: int, seed: int, *, own_class: bool):
    """Rows of some classes, their neighbours, and distances that tell the true ones."""
    rows = np.random.default_rng(seed).normal(size=(len(labels), 3)).astype(np.float32)
    numbers = np.array(labels, dtype=np.int64)
    near = neighbors_of(rows, numbers, k, own_class=own_class)
    return rows, numbers, torch.from_numpy(near), np.linalg.norm(rows[:, None] - rows, axis=2)


@RULES
@given(LABELS, st.integers(1, 6), st.integers(0, 50))
def test_partners_are_true_neighbours(rule, labels, k, seed) -> None:
    """Nobody of those whom a row may have for a partner is nearer than its ``k`` nearest; one row alone has itself."""
    own_class = rule is hard_smote
    rows, numbers, near, apart = batch(labels, k, seed, own_class=own_class)
    pairs = rule(torch.from_numpy(numbers), torch.bincount(torch.from_numpy(numbers)), generator(seed), near)
    for i, j in enumerate(pairs.partner.tolist()):
        others = [o for o in range(len(labels)) if o != i and (not own_class or labels[o] == labels[i])]
        if not others:
            assert j == i
            continue
        assert j in others
        assert sum(apart[i, o] < apart[i, j] for o in others) < k
    assert pairs.input_weight.shape == pairs.label_weight.shape == (len(labels),)
    between = pairs.states(torch.from_numpy(rows)).numpy()
    ends = apart[np.arange(len(labels)), pairs.partner.numpy()]
    there = np.linalg.norm(between - rows, axis=1) + np.linalg.norm(
        between - rows[pairs.partner.numpy()], axis=1
    )
    np.testing.assert_allclose(there, ends, atol=1e-5, err_msg="the point lies on the way")


@given(LABELS, st.integers(1, 6), st.integers(0, 50))
def test_hard_keeps_the_label_and_soft_mixes_it_as_the_rows(labels, k, seed) -> None:
    _, numbers, near, _ = batch(labels, k, seed, own_class=False)
    args = torch.from_numpy(numbers), torch.ones(4)
    hard, soft = (rule(*args, generator(seed), near) for rule in (hard_smote, soft_smote))
    assert (hard.label_weight == 1).all()
    assert torch.equal(soft.label_weight, soft.input_weight)
    assert torch.equal(hard.input_weight, soft.input_weight)
    assert torch.equal(hard.partner, soft.partner)


@RULES
@given(st.lists(st.booleans(), min_size=1, max_size=9), st.integers(0, 20))
def test_rows_that_are_not_to_be_mixed_stay_as_they_are(rule, mixed, seed) -> None:
    n = len(mixed)
    near = torch.arange(n).roll(1)[:, None].expand(n, 3)
    pairs = rule(torch.zeros(n), torch.ones(1), generator(seed), near, mixed=torch.tensor(mixed))
    stays = ~torch.tensor(mixed)
    assert (pairs.input_weight[stays] == 1).all()
    assert (pairs.label_weight[stays] == 1).all()
    assert (pairs.input_weight[~stays] < 1).all()
    rows = torch.arange(n, dtype=torch.float64)[:, None]
    assert torch.equal(pairs.states(rows)[stays], rows[stays])


@RULES
def test_weights_and_neighbours_are_alike_likely_and_each_row_has_its_own(rule) -> None:
    n = 40_000
    near = torch.tensor([[1, 2, 3, 4]]).expand(n, 4)
    pairs = rule(torch.zeros(n), torch.ones(1), generator(0), near)
    shares = torch.bincount(pairs.partner, minlength=5) / n
    torch.testing.assert_close(shares, torch.tensor([0, 0.25, 0.25, 0.25, 0.25]), atol=0.01, rtol=0)
    weights = pairs.input_weight.double()
    assert weights.mean().item() == pytest.approx(1 / 2, abs=0.01)
    assert weights.var().item() == pytest.approx(1 / 12, abs=0.003)
    together = torch.corrcoef(torch.stack([weights, pairs.partner.double()]))[0, 1]
    assert abs(together.item()) < 0.02, "who it is says nothing of how much"


@RULES
def test_a_row_with_fewer_neighbours_has_each_of_them_as_often(rule) -> None:
    n = 40_000
    near = torch.tensor([[1, 2, 3, -1, -1]]).expand(n, 5)
    pairs = rule(torch.zeros(n), torch.ones(1), generator(0), near)
    shares = torch.bincount(pairs.partner, minlength=4) / n
    torch.testing.assert_close(shares, torch.tensor([0, 1 / 3, 1 / 3, 1 / 3]), atol=0.01, rtol=0)


@RULES
def test_only_the_generator_decides(rule) -> None:
    near = torch.randint(9, (9, 3), generator=generator(5))
    found = []
    for noise, seed in ((0, 1), (1, 1), (0, 2)):
        torch.manual_seed(noise)
        found.append(rule(torch.zeros(9), torch.ones(1), generator(seed), near))
    assert torch.equal(found[0].input_weight, found[1].input_weight)
    assert torch.equal(found[0].partner, found[1].partner)
    assert not torch.equal(found[0].input_weight, found[2].input_weight)
