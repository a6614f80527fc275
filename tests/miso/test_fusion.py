"""Semantic fusion: the formula by hand, padding, temperature, symmetries, gradients, and what it can be asked."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.miso.fusion import Fusion, SemanticFusion, balance_tau, fuse


def softmax(*row: float) -> list[float]:
    total = sum(math.exp(x) for x in row)
    return [math.exp(x) / total for x in row]


def product(a: list[list[float]], b: list[list[float]]) -> list[list[float]]:
    return [
        [sum(x * y for x, y in zip(row, column, strict=True)) for column in zip(*b, strict=True)] for row in a
    ]


def module(reading: str = "samples", dim: int = 16, heads: int = 4, **settings) -> SemanticFusion:
    torch.manual_seed(0)
    return SemanticFusion(dim, heads, reading, **settings)


def inputs(reading: str, batch: int = 5, dim: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    stream = torch.Generator().manual_seed(1)
    shapes = ((batch, dim), (batch, dim)) if reading == "samples" else ((batch, 6, dim), (batch, 4, dim))
    q, k = (torch.randn(shape, generator=stream) for shape in shapes)
    return q, k


# The formula


def test_two_by_two_by_hand() -> None:
    """Q = [[1, 0], [0, 2]], K = [[1, 1], [0, 1]], tau = 4, every product written out."""
    tau = 4.0
    # Q K^T = [[1, 0], [2, 2]] and Q^T K = [[1, 1], [0, 2]]; over sqrt(4):
    first = [softmax(0.5, 0.0), softmax(1.0, 1.0)]
    second = [softmax(0.5, 0.5), softmax(0.0, 1.0)]
    q, k = [[1.0, 0.0], [0.0, 2.0]], [[1.0, 1.0], [0.0, 1.0]]
    expected = torch.tensor(product(product(first, q), second))
    torch.testing.assert_close(fuse(torch.tensor(q), torch.tensor(k), tau), expected)
    # The other reading has the tokens of one pair in the rows, beside those of other pairs.
    batch_q, batch_k = torch.tensor([q, k]), torch.tensor([k, q])
    torch.testing.assert_close(fuse(batch_q, batch_k, tau)[0], expected)


def test_padding_by_hand() -> None:
    """Two words against two, one of them padding on either side; what is in it does not count."""
    q, k = torch.tensor([[1.0, 1.0], [0.0, 2.0]]), torch.tensor([[1.0, 0.0], [7.0, -9.0]])
    both, first = torch.tensor([True, True]), torch.tensor([True, False])
    # Q^T K over the one position that is real in both is [[1, 0], [1, 0]]; twice that over sqrt(4).
    second = torch.tensor([softmax(1.0, 0.0)] * 2)
    # All attention goes to the first word of K, so the bracket is the first word of Q, twice.
    torch.testing.assert_close(fuse(q, k, 4.0, both, first), q[:1].expand(2, 2) @ second)
    # Q K^T / sqrt(4) is (.5, -1) in its real row; what falls on the second position finds no word of Q there.
    attention = torch.tensor([softmax(0.5, -1.0)[0], 0.5])
    torch.testing.assert_close(fuse(q, k, 4.0, first, both), attention[:, None] * q[:1] @ second)


def test_attention_at_random_is_the_formula_with_the_weights_of_each_row_dealt_out() -> None:
    """Of the case by hand all 16 ways to deal, no others, and nothing of it where a word is padding."""
    q, k = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([[1.0, 1.0], [0.0, 1.0]])
    first = [softmax(0.5, 0.0), softmax(1.0, 1.0)]
    second = [softmax(0.5, 0.5), softmax(0.0, 1.0)]
    ways = [
        product(product([a, b], q.tolist()), [c, d])
        for a, b, c, d in itertools.product(*((row, row[::-1]) for row in (*first, *second)))
    ]
    stream = torch.Generator().manual_seed(0)
    met = set()
    for _ in range(60):
        found = fuse(q, k, 4.0, dealing=stream)
        (at, *_) = (i for i, way in enumerate(ways) if torch.allclose(found, torch.tensor(way)))
        met.add(at)
    assert len(met) == 4, "two of the rows are flat, so that four ways are to be told apart"
    one = torch.tensor([True, False])
    rows = fuse(q, k, 4.0, None, one, dealing=stream) @ torch.ones(2)
    torch.testing.assert_close(rows, torch.ones(2))


@pytest.mark.parametrize("reading", ["samples", "tokens"])
def test_attention_at_random_is_drawn_anew_in_each_pass(reading) -> None:
    learnt, at_random = module(reading), module(reading, at_random=True)
    pair, stream = inputs(reading), torch.Generator().manual_seed(0)
    before = stream.get_state()
    learnt(*pair, 1.0, generator=stream)
    assert stream.get_state().equal(before)
    one, other = (at_random(*pair, 1.0, generator=stream).z for _ in range(2))
    assert (one - other).abs().max() > 0.01
    assert (one - learnt(*pair, 1.0).z).abs().max() > 0.01
    with pytest.raises(ValueError, match="needs a generator"):
        at_random(*pair, 1.0)


def test_feature_attention_keeps_its_scale_in_larger_batches() -> None:
    """A batch twice over is the same batch: the paper's plain sum would have sharpened the second softmax."""
    q, k = inputs("samples", dim=4)
    torch.testing.assert_close(fuse(q.repeat(2, 1), k.repeat(2, 1), 2.0)[:5], fuse(q, k, 2.0))


@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize("reading", ["samples", "tokens"])
def test_the_module_is_the_formula_between_a_projection_and_a_feed_forward_layer(reading, residual) -> None:
    fusion = module(reading, residual=residual)
    q, k = inputs(reading, batch=3)
    k = k if reading == "samples" else torch.cat([k, k[:, :2]], dim=1)  # as long as q: nothing to pad
    found = fusion(q, k, 3.0)
    axis = 0 if reading == "samples" else 1
    for pair in range(3):
        own = (q, k) if reading == "samples" else (q[pair], k[pair])
        heads_q, heads_k = (fusion.split(x) for x in own)
        heads = [fuse(heads_q[:, h], heads_k[:, h], 3.0) for h in range(4)]
        fused = torch.stack(heads, dim=1) + (heads_q if residual else 0)
        rows = fusion.feed_forward(fused.flatten(1))
        qbar = rows[pair] if axis == 0 else rows.mean(dim=0)
        torch.testing.assert_close(found.z[pair], unit_heads(qbar, 4))
        own_q = heads_q[pair] if axis == 0 else heads_q.mean(dim=0)
        torch.testing.assert_close(found.q[pair].flatten(), unit_heads(own_q.flatten(), 4))


def unit_heads(x: torch.Tensor, heads: int) -> torch.Tensor:
    split = x.unflatten(-1, (heads, -1))
    return (split / (split.square().mean(dim=-1, keepdim=True) + 1e-5).sqrt()).flatten(-2)


@pytest.mark.parametrize("reading", ["samples", "tokens"])
def test_shapes_and_scale(reading) -> None:
    found = module(reading)(*inputs(reading), 10.0)
    assert isinstance(found, Fusion)
    for triple in found[:3]:
        assert triple.shape == (5, 4, 4)
        torch.testing.assert_close(triple.square().mean(dim=-1), torch.ones(5, 4), rtol=1e-2, atol=0)
    torch.testing.assert_close(found.z, found.qbar.flatten(1))


# Padding


def test_padding_with_garbage_changes_nothing() -> None:
    fusion = module("tokens")
    torch.nn.init.normal_(fusion.norm.bias)  # as after training, when zeros do not stay zeros
    q, k = inputs("tokens")
    plain = fusion(q, k, 2.0)
    padded = torch.nn.functional.pad(q, (0, 0, 0, 3)), torch.nn.functional.pad(k, (0, 0, 0, 1))
    masks = [
        torch.arange(x.shape[1]).lt(length).expand(5, -1) for x, length in zip(padded, (6, 4), strict=True)
    ]
    for garbage in (0.0, 1e6, math.nan):
        filled = [
            x.masked_fill(~mask[..., None], garbage).requires_grad_()
            for x, mask in zip(padded, masks, strict=True)
        ]
        found = fusion(*filled, 2.0, *masks)
        for name in Fusion._fields:
            torch.testing.assert_close(getattr(found, name), getattr(plain, name))
        q_mask, k_mask = masks
        shared = fusion.shared(filled[0], q_mask, filled[1], k_mask)
        torch.testing.assert_close(shared[:, :6], fusion.shared(q, q_mask[:, :6], k, k_mask[:, :4]))
        found.z.square().sum().backward()
        for x, mask in zip(filled, masks, strict=True):
            assert not x.grad[~mask].any()
        assert all(p.grad is None or p.grad.isfinite().all() for p in fusion.parameters())


def test_texts_without_any_token_give_zeros_and_finite_gradients() -> None:
    fusion = module("tokens")
    q, k = (x.requires_grad_() for x in inputs("tokens"))
    q_mask, k_mask = torch.ones(5, 6, dtype=torch.bool), torch.ones(5, 4, dtype=torch.bool)
    q_mask[1], k_mask[2] = False, False
    q_mask[3], k_mask[3] = False, False
    found = fusion(q, k, 1.0, q_mask, k_mask)
    assert not found.z[[1, 3]].any()
    assert not found.k[[2, 3]].any()
    sum(x.square().sum() for x in found).backward()
    assert q.grad.isfinite().all()
    assert k.grad.isfinite().all()
    weights = fusion.attention(q, q_mask, k, k_mask, 1.0)
    torch.testing.assert_close(weights.sum(dim=2), (q_mask & k_mask.any(dim=1)[:, None]).float())


# Temperature


def entropy(weights: torch.Tensor) -> float:
    return -(weights * weights.clamp_min(1e-30).log()).sum(dim=-1).mean().item()


def full(x: torch.Tensor) -> torch.Tensor:
    return torch.ones(x.shape[:2], dtype=torch.bool)


def test_attention_flattens_with_tau() -> None:
    fusion = module("tokens", dim=64, heads=8)
    q, k = inputs("tokens", dim=64)
    k = torch.cat([k, q[:, :1] + 0.3 * k[:, :1]], dim=1)  # one word of the partner is nearly the first of q
    at = {tau: fusion.attention(q, full(q), k, full(k), tau) for tau in (1.0, 4.0, 100.0, 1e8)}
    assert entropy(at[1.0]) < entropy(at[4.0]) < entropy(at[100.0])
    assert at[1.0][:, 0, -1].min() > 0.8  # sharp: the first word finds its like
    assert at[100.0][:, 0].max() < 0.45  # wide: hardly more than a fifth each
    torch.testing.assert_close(at[1e8], torch.full_like(at[1e8], 1 / 5), atol=1e-3, rtol=0)


def test_at_large_tau_the_formula_averages_over_samples_and_features() -> None:
    q, k = inputs("samples", dim=4)
    level = q.mean().expand(5, 4)
    torch.testing.assert_close(fuse(q, k, 1e12), level, atol=1e-4, rtol=0)
    assert (fuse(q, k, 1.0) - level).abs().max() > 0.3


def test_residual_keeps_samples_apart_where_tau_is_large() -> None:
    q, k = inputs("samples", batch=64)

    def spread(residual: bool) -> float:
        return module(residual=residual)(q, k, 100.0).z.std(dim=0).mean().item()

    assert spread(True) > 3 * spread(False)


@pytest.mark.parametrize("reading", ["samples", "tokens"])
def test_tau_reaches_what_guides_the_decoder(reading) -> None:
    fusion = module(reading)
    q, k = inputs(reading)
    assert (fusion(q, k, 1.0).z - fusion(q, k, 50.0).z).abs().max() > 0.1


def test_the_partner_reaches_what_guides_the_decoder() -> None:
    for reading in ("samples", "tokens"):
        fusion = module(reading)
        q, k = inputs(reading)
        other = k.clone()
        other[0] = -other[0]
        assert (fusion(q, k, 1.0).z - fusion(q, other, 1.0).z)[0].abs().max() > 0.05


@given(st.integers(1, 10**6), st.integers(0, 10**6))
def test_tau_is_the_ratio_of_the_classes_and_falls_to_one_at_balance(n_minority, n_majority) -> None:
    taus = [
        balance_tau(n_minority + anchors, n_majority)
        for anchors in range(0, max(n_majority - n_minority, 0) + 2, max(n_majority // 7, 1))
    ]
    assert taus[0] == max(n_majority / n_minority, 1)
    assert all(later <= earlier for earlier, later in itertools.pairwise(taus))
    assert balance_tau(max(n_minority, n_majority), n_majority) == 1


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="n_minority is 0"):
        balance_tau(0, 10)
    with pytest.raises(ValueError, match="tau is 0"):
        fuse(*inputs("samples"), 0.0)
    with pytest.raises(ValueError, match="reading is 'words'"):
        SemanticFusion(reading="words")
    with pytest.raises(ValueError, match="dim is 10 and heads is 4"):
        SemanticFusion(10, 4)
    with pytest.raises(ValueError, match="takes two of"):
        module("samples")(*inputs("tokens"), 1.0)
    with pytest.raises(ValueError, match="takes \\(B, Tq, d\\)"):
        module("tokens")(*inputs("samples"), 1.0)


# Symmetries


def test_reordering_the_pairs_reorders_the_result() -> None:
    order = torch.tensor([3, 0, 4, 1, 2])
    for reading in ("samples", "tokens"):
        fusion = module(reading)
        q, k = inputs(reading)
        found, moved = fusion(q, k, 2.0), fusion(q[order], k[order], 2.0)
        for name in Fusion._fields:
            torch.testing.assert_close(getattr(moved, name), getattr(found, name)[order])


def test_reordering_words_and_their_counterparts_changes_nothing() -> None:
    fusion = module("tokens")
    q, k = inputs("tokens")
    k = torch.cat([k, k[:, :2].neg()], dim=1)
    order = torch.tensor([5, 2, 0, 1, 4, 3])
    torch.testing.assert_close(fusion(q[:, order], k[:, order], 2.0).z, fusion(q, k, 2.0).z)


def test_reordering_features_reorders_the_formula() -> None:
    q, k = inputs("samples", dim=4)
    order = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(fuse(q[:, order], k[:, order], 2.0), fuse(q, k, 2.0)[:, order])


def test_one_space_for_both_sides() -> None:
    fusion = module()
    q, _ = inputs("samples")
    found = fusion(q, q, 1.0)
    torch.testing.assert_close(found.q, found.k)


def test_inputs_may_have_any_scale_and_offset() -> None:
    fusion = module()
    q, k = inputs("samples")
    torch.testing.assert_close(
        fusion(1e3 * q + 5, 1e-1 * k - 2, 2.0).z, fusion(q, k, 2.0).z, atol=5e-3, rtol=0
    )


# Gradients and small batches


@pytest.mark.parametrize("tau", [1.0, 100.0])
@pytest.mark.parametrize("size", [0.0, 1e-4, 1.0, 1e4])
@pytest.mark.parametrize("reading", ["samples", "tokens"])
def test_gradients_are_finite_and_reach_both_sides(reading, size, tau) -> None:
    fusion = module(reading)
    q, k = ((size * x).requires_grad_() for x in inputs(reading))
    fusion(q, k, tau).z.pow(3).sum().backward()
    for x in (q, k):
        assert x.grad.isfinite().all()
        assert size in (0.0, 1e4) or x.grad.abs().max() > 1e-8
    assert all(p.grad.isfinite().all() for p in fusion.parameters())


def test_the_formula_by_differences() -> None:
    q, k = (x.double().requires_grad_() for x in inputs("samples", batch=3, dim=2))
    assert torch.autograd.gradcheck(lambda q, k: fuse(q, k, 2.0), (q, k))


@pytest.mark.parametrize("reading", ["samples", "tokens"])
def test_batch_of_one(reading) -> None:
    found = module(reading)(*inputs(reading, batch=1), 1.0)
    assert found.z.shape == (1, 16)
    assert found.z.isfinite().all()


def test_texts_of_one_token() -> None:
    q, k = inputs("tokens")
    assert module("tokens")(q[:, :1], k, 1.0).z.isfinite().all()
    assert module("tokens")(q, k[:, :1], 1.0).z.isfinite().all()


# What can be read out


@settings(max_examples=25)
@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 2**31), st.sampled_from([1.0, 10.0, 100.0]))
def test_attention_is_a_distribution_over_the_partners_words(q_length, k_length, seed, tau) -> None:
    stream = torch.Generator().manual_seed(seed)
    q, k = torch.randn(3, q_length, 16, generator=stream), torch.randn(3, k_length, 16, generator=stream)
    q_mask = torch.rand(3, q_length, generator=stream) < 0.7
    k_mask = torch.rand(3, k_length, generator=stream) < 0.7
    k_mask[:, 0] = True
    weights = module().attention(q, q_mask, k, k_mask, tau)
    assert weights.shape == (3, q_length, k_length)
    assert (weights >= 0).all()
    assert not weights[~k_mask[:, None].expand_as(weights)].any()
    torch.testing.assert_close(weights.sum(dim=2), q_mask.float())


def test_identical_words_are_the_most_shared() -> None:
    fusion = module(dim=64, heads=8)
    words = torch.randn(50, 64, generator=torch.Generator().manual_seed(2))
    ids_q, ids_k = (
        torch.tensor([[1, 2, 3, 4], [7, 8, 9, 0]]),
        torch.tensor([[9, 3, 5, 1, 6], [9, 8, 10, 0, 0]]),
    )
    shared = fusion.shared(words[ids_q], ids_q > 0, words[ids_k], ids_k > 0)
    assert shared.shape == (2, 4)
    assert ((shared >= 0) & (shared <= 1)).all()
    there = torch.tensor([[True, False, True, False], [False, True, True, False]])
    assert shared[there].min() > 0.99
    assert shared[~there].max() < 0.7
    assert shared[1, 3] == 0  # padding on both sides is not a shared word
    assert not fusion.shared(words[ids_q], ids_q > 0, words[ids_k], torch.zeros_like(ids_k).bool()).any()
    opposite = fusion.shared(words[None, :1], full(words[None, :1]), -words[None, :1], full(words[None, :1]))
    assert opposite == 0


def test_near_words_are_shared_more_than_far_ones() -> None:
    fusion = module(dim=64, heads=8)
    stream = torch.Generator().manual_seed(3)
    k, noise = torch.randn(1, 5, 64, generator=stream), torch.randn(1, 5, 64, generator=stream)
    shares = [
        fusion.shared(k + size * noise, full(k), k, full(k)).mean().item()
        for size in (0.0, 0.3, 1.0, 3.0, 100.0)
    ]
    assert shares == sorted(shares, reverse=True)
