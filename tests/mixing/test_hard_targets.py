"""Built targets: what they are made of, how many are hard, and what becomes of classes that are not there."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import normalize

from counterpoise.mixing.hard_targets import BuiltTargets
from counterpoise.mixing.hard_targets import hard_targets as build


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return normalize(torch.from_numpy(np.random.default_rng(seed).normal(0.2, 1, shape)), dim=-1)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def hard_targets(features, labels, prototypes, generator, **settings) -> tuple[torch.Tensor, BuiltTargets]:
    """The targets themselves, which the loss never makes, and how they are built."""
    found = build(prototypes @ features.T, labels, generator, **settings)
    every = torch.cat([features, prototypes])
    weight = found.weight.to(every.dtype)[:, :, None]
    return normalize(weight * every[found.first] + (1 - weight) * every[found.second], dim=2), found


def rows_of(targets: torch.Tensor, pool: torch.Tensor) -> list[int]:
    """Which row of the pool each target is; fails where one is none."""
    equal = ((targets[:, None] - pool).abs() < 1e-12).all(dim=2)
    assert equal.any(dim=1).all()
    return equal.int().argmax(dim=1).tolist()


LABELS = torch.tensor([0] * 12 + [1] * 4 + [2])


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 20), st.floats(0, 1), st.integers(0, 7), st.integers(0, 9), st.integers(0, 99))
def test_unmixed_they_are_members_and_hard_ones_the_hardest(
    candidates, hard_share, n_positives, n_negatives, seed
) -> None:
    features, prototypes = drawn(17, 6), drawn(3, 6, seed=1)
    targets, built = hard_targets(
        features,
        LABELS,
        prototypes,
        generator(seed),
        n_positives=n_positives,
        n_negatives=n_negatives,
        candidates=candidates,
        hard_share=hard_share,
        alpha=0.0,
    )
    assert targets.shape == (3, n_positives + n_negatives, 6)
    for c in range(3):
        assert built.n_positives == n_positives
        likeness = features @ prototypes[c]
        parts = targets[c].split([n_positives, n_negatives])
        for part, members, hardness in (
            (parts[0], c == LABELS, -likeness),
            (parts[1], c != LABELS, likeness),
        ):
            inside = torch.nonzero(members).flatten()
            hardest = inside[hardness[inside].argsort(descending=True)][:candidates].tolist()
            found = rows_of(part, features)
            n_hard = int(hard_share * len(part))
            assert set(found[:n_hard]) <= set(hardest)
            assert set(found[n_hard:]) <= set(inside.tolist())


def test_all_candidates_and_all_members_come_up_alike() -> None:
    features, prototypes = drawn(17, 6), drawn(3, 6, seed=1)
    targets, _ = hard_targets(
        features,
        LABELS,
        prototypes,
        generator(),
        n_positives=40_000,
        n_negatives=40_000,
        candidates=5,
        hard_share=0.5,
        alpha=0.0,
    )
    for members, hardness, part in (
        (LABELS == 0, -(features @ prototypes[0]), targets[0, :40_000]),
        (LABELS != 0, features @ prototypes[0], targets[0, 40_000:]),
    ):
        inside = torch.nonzero(members).flatten()
        hardest = sorted(inside[hardness[inside].argsort(descending=True)][:5].tolist())
        hard, simple = (np.bincount(rows_of(half, features), minlength=17) for half in part.split(20_000))
        np.testing.assert_allclose(hard[hardest], 20_000 / 5, rtol=0.06)
        np.testing.assert_allclose(simple[inside.numpy()], 20_000 / len(inside), rtol=0.12)


def test_the_number_of_hard_ones_is_rounded_down() -> None:
    """Nine tenths of three are two: the third is not always the hardest."""
    features, prototypes = drawn(17, 6), drawn(3, 6, seed=1)
    found = [
        rows_of(
            hard_targets(
                features,
                LABELS,
                prototypes,
                generator(seed),
                n_positives=3,
                n_negatives=0,
                candidates=1,
                hard_share=0.9,
                alpha=0.0,
            )[0][0],
            features,
        )
        for seed in range(20)
    ]
    assert len({tuple(rows[:2]) for rows in found}) == 1
    assert len({rows[2] for rows in found}) > 3


def test_hard_ones_are_mixed_of_two_candidates_and_have_length_1() -> None:
    features, prototypes = drawn(17, 17), drawn(3, 17, seed=1)
    targets, _ = hard_targets(
        features,
        LABELS,
        prototypes,
        generator(),
        n_positives=0,
        n_negatives=200,
        candidates=4,
        hard_share=1.0,
    )
    shares = torch.linalg.solve(features.T, targets[0].T).T  # 17 independent rows in 17 dimensions
    amounts = shares / shares.sum(dim=1, keepdim=True)
    parts = (amounts > 1e-9).sum(dim=1)
    assert parts.max() == 2
    assert 0.6 < (parts == 2).double().mean() < 0.9  # of four, one in four draws the same one twice
    assert (amounts > -1e-9).all()
    outside = torch.nonzero(LABELS != 0).flatten()
    hardest = outside[(features[outside] @ prototypes[0]).argsort(descending=True)][:4]
    rest = [i for i in range(17) if i not in hardest.tolist()]
    assert amounts[:, rest].abs().max() < 1e-9


def test_each_pair_has_a_weight_of_its_own() -> None:
    """Of Beta(0.5, 0.5), whose variance is 1/8."""
    features = torch.eye(2, dtype=torch.float64)[torch.tensor([0, 1])]
    targets, _ = hard_targets(
        features,
        torch.tensor([0, 0]),
        torch.eye(2, dtype=torch.float64),
        generator(),
        n_positives=8_000,
        n_negatives=0,
        hard_share=1.0,
    )
    shares = targets[0, :, 0] / targets[0].sum(dim=1)
    mixed = shares[(shares > 0) & (shares < 1)]
    assert 0.4 < len(mixed) / 8_000 < 0.6
    assert float(mixed.mean()) == pytest.approx(0.5, abs=0.02)
    assert float(mixed.var()) == pytest.approx(1 / 8, abs=0.01)


@pytest.mark.parametrize("inside", [True, False], ids=["prototypes in the pool", "and not"])
def test_cosines_are_those_of_the_targets_and_so_are_their_gradients(inside) -> None:
    rows, prototypes = drawn(16, 6), drawn(4, 6, seed=1)  # class 3 has no member but its prototype
    labels = LABELS[:16]
    pool = torch.cat([rows, prototypes]) if inside else rows
    if inside:
        labels = torch.cat([labels, torch.arange(4)])
    pool = pool.clone().requires_grad_()
    given_prototypes = pool[-4:] if inside else prototypes
    built = build((given_prototypes @ pool.T).detach(), labels, generator())
    every = pool if inside else torch.cat([pool, prototypes])
    weight = built.weight.double()[:, :, None]
    targets = normalize(weight * every[built.first] + (1 - weight) * every[built.second], dim=2)
    expected = (targets[labels] @ pool[:, :, None]).squeeze(2)
    found = built.cosines(pool @ every.T, labels)
    torch.testing.assert_close(found, expected)
    picked = torch.randn(found.shape, generator=generator(3), dtype=torch.float64)
    (own,) = torch.autograd.grad((found * picked).sum(), pool, retain_graph=True)
    (theirs,) = torch.autograd.grad((expected * picked).sum(), pool)
    # Cosines know of rows of length 1: what would lengthen a row is left to whoever brings it to that.
    along = (own - theirs) - ((own - theirs) * pool).sum(dim=1, keepdim=True) * pool
    torch.testing.assert_close(along, torch.zeros_like(along), atol=1e-10, rtol=0)


def test_two_opposite_members_mixed_in_half_give_numbers() -> None:
    gram = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
    one = torch.tensor([[0]])
    built = BuiltTargets(one, one + 1, torch.tensor([[0.5]]), 1)
    assert torch.isfinite(built.cosines(gram, torch.tensor([0, 0]))).all()


def test_members_are_drawn_by_what_they_count() -> None:
    features, prototypes = drawn(17, 6), drawn(3, 6, seed=1)
    counts = torch.ones(17, dtype=torch.float64)
    counts[0], counts[1] = 4.0, 0.01
    targets, _ = hard_targets(
        features,
        LABELS,
        prototypes,
        generator(),
        counts=counts,
        n_positives=20_000,
        n_negatives=0,
        candidates=12,
        hard_share=0.5,
        alpha=0.0,
    )
    for half in targets[0].split(10_000):
        times = np.bincount(rows_of(half, features), minlength=17)[:12] / 10_000
        np.testing.assert_allclose(times, (counts[:12] / counts[:12].sum()).numpy(), atol=0.012)


def test_a_class_without_members_has_its_prototype_and_one_alone_has_those_of_others() -> None:
    features, prototypes = drawn(5, 6), drawn(4, 6, seed=1)
    targets, _ = hard_targets(features, torch.full((5,), 2), prototypes, generator(), alpha=0.0)
    for c in (0, 1, 3):
        torch.testing.assert_close(targets[c, :20], prototypes[c].expand(20, -1))
        assert set(rows_of(targets[c, 20:], features)) == set(range(5))
    assert set(rows_of(targets[2, 20:], prototypes)) == {0, 1, 3}


@pytest.mark.parametrize("drawn_number", [0.0, 1 - 2**-24])
def test_the_ends_of_what_can_be_drawn_are_members_too(drawn_number, monkeypatch) -> None:
    """Class 1 is neither the first nor the last in the pool, so that what stands before and after it counts 0."""
    monkeypatch.setattr(torch, "rand", lambda *shape, **_: torch.full(shape[0], drawn_number))
    built = build(
        drawn(3, 17).float(), LABELS, generator(), n_negatives=0, candidates=17, hard_share=0.5, alpha=0.0
    )
    assert (LABELS[built.first[1]] == 1).all()


def test_only_the_generator_decides() -> None:
    features, prototypes = drawn(17, 6), drawn(3, 6, seed=1)
    found = [hard_targets(features, LABELS, prototypes, generator(seed))[0] for seed in (0, 0, 1)]
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
