"""The Mixup rule: who is paired, and how the weight is drawn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from counterpoise.mixing.mixup import mixup, symmetric_beta

COUNTS = torch.tensor([5.0, 2.0])


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("alpha", [0.2, 0.75, 1.0, 2.0, 16.0])
def test_weights_are_beta_distributed(alpha) -> None:
    generator = stream(1)
    drawn = np.array([symmetric_beta(alpha, generator).item() for _ in range(3000)], dtype=np.float64)
    assert ((drawn >= 0) & (drawn <= 1)).all()
    assert stats.kstest(drawn, stats.beta(alpha, alpha).cdf).pvalue > 0.01


@pytest.mark.parametrize("alpha", [1e-6, 1e-3, 1e6])
def test_extreme_alphas_give_the_ends_or_the_middle(alpha) -> None:
    generator = stream(2)
    drawn = torch.stack([symmetric_beta(alpha, generator) for _ in range(200)])
    assert torch.isfinite(drawn).all()
    if alpha < 1:
        assert (torch.minimum(drawn, 1 - drawn) < 1e-6).float().mean() > 0.9
        assert 60 < drawn.round().sum() < 140
    else:
        torch.testing.assert_close(drawn, torch.full((200,), 0.5), atol=0.01, rtol=0)


@pytest.mark.parametrize("n", [1, 2, 7])
@pytest.mark.parametrize("labels", ["numbers", "shares"])
def test_every_row_is_a_partner_once_and_one_weight_rules_them_all(n, labels) -> None:
    given = torch.zeros(n, dtype=torch.int64) if labels == "numbers" else torch.full((n, 2), 0.5)
    pairs = mixup(given, COUNTS, stream(), alpha=0.4)
    assert sorted(pairs.partner.tolist()) == list(range(n))
    assert pairs.input_weight.shape == (n,)
    assert len(set(pairs.input_weight.tolist())) == 1
    assert torch.equal(pairs.input_weight, pairs.label_weight)


def test_a_row_may_be_made_to_remain_mostly_itself() -> None:
    labels = torch.zeros(4, dtype=torch.int64)
    seen = []
    for seed in range(50):
        plain = mixup(labels, COUNTS, stream(seed))
        turned = mixup(labels, COUNTS, stream(seed), own_at_least_half=True)
        weight = plain.input_weight[0].item()
        seen.append(weight)
        assert torch.equal(plain.partner, turned.partner)
        assert turned.input_weight[0].item() == pytest.approx(max(weight, 1 - weight))
    assert min(seen) < 0.5 < max(seen)


def test_alpha_0_mixes_nothing() -> None:
    pairs = mixup(torch.zeros(5, dtype=torch.int64), COUNTS, stream(), alpha=0.0)
    assert pairs.input_weight.tolist() == pairs.label_weight.tolist() == [1.0] * 5


def test_the_generator_alone_decides_and_no_other_is_drawn_from() -> None:
    labels = torch.zeros(20, dtype=torch.int64)
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    first = mixup(labels, COUNTS, stream(3))
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(2)
    second, other = mixup(labels, COUNTS, stream(3)), mixup(labels, COUNTS, stream(4))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not torch.equal(first.partner, other.partner)
    assert first.input_weight[0] != other.input_weight[0]
