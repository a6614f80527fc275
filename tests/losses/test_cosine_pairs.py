"""Cosines of pairs against pairs listed one by one, the paper's drawing of pairs, and its own gradient."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.losses.cosine_pairs import CosinePairLoss

LABELS = [0, 0, 0, 1, 1, 2, 0, 1]
ROWS = [4, 7, 4, 1, 2, 9, 5, 2]  # rows 4 and 2 come twice


def drawn(seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(0.5, 1, (len(LABELS), 3)))


def one_by_one(embeddings: torch.Tensor, weights: list[float], rows: list[int]) -> list[float]:
    """The definition, with Python's own numbers."""
    vectors = embeddings.tolist()

    def cosine(i: int, j: int) -> float:
        dot = sum(a * b for a, b in zip(vectors[i], vectors[j], strict=True))
        return dot / math.hypot(*vectors[i]) / math.hypot(*vectors[j])

    found = []
    for i, label in enumerate(LABELS):
        inside = [j for j, other in enumerate(LABELS) if other == label and rows[j] != rows[i]]
        outside = [j for j, other in enumerate(LABELS) if other != label]
        kinds = ((inside, 1.0), (outside, 0.0))
        means = [
            sum(weights[j] * (cosine(i, j) - wanted) ** 2 for j in partners)
            / sum(weights[j] for j in partners)
            for partners, wanted in kinds
            if partners
        ]
        found.append(sum(means) / 2)
    return found


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("repeated", [False, True])
def test_every_row_with_all_its_partners(weighted, repeated) -> None:
    weights = np.random.default_rng(1).uniform(0.1, 3, len(LABELS)).tolist() if weighted else [1.0] * 8
    rows = ROWS if repeated else list(range(8))
    found = CosinePairLoss()(
        drawn(),
        torch.tensor(LABELS),
        torch.tensor(weights, dtype=torch.float64) if weighted else None,
        torch.tensor(rows) if repeated else None,
    )
    assert found.dtype == torch.float64
    np.testing.assert_allclose(found.numpy(), one_by_one(drawn(), weights, rows), rtol=1e-12)


def test_balanced_batches_have_the_loss_of_pairs_drawn_as_in_the_paper() -> None:
    """All batches of two rows from each of three classes, against all pairs: kinds and classes count alike."""
    rng = np.random.default_rng(2)
    members = {0: range(4), 1: range(4, 7), 2: range(7, 9)}
    vectors = torch.from_numpy(rng.normal(size=(9, 4)))
    unit = vectors / vectors.norm(dim=1, keepdim=True)
    cosines = (unit @ unit.T).numpy()
    expected = []
    for label, own in members.items():
        expected.append(np.mean([(1 - cosines[i, j]) ** 2 for i in own for j in own if i != j]))
        others = [
            np.mean([cosines[i, j] ** 2 for i in own for j in members[o]]) for o in members if o != label
        ]
        expected.append(np.mean(others))
    two_of = [[(i, j) for i in own for j in own if i < j] for own in members.values()]
    batches = [list(sum(chosen, ())) for chosen in product(*two_of)]
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    found = [CosinePairLoss()(vectors[rows], labels).mean().item() for rows in batches]
    assert np.mean(found) == pytest.approx(np.mean(expected), rel=1e-12)


@given(st.integers(0, 2**32))
def test_only_directions_matter(seed) -> None:
    scale = torch.from_numpy(np.random.default_rng(seed).uniform(1e-3, 1e4, (8, 1)))
    torch.testing.assert_close(
        CosinePairLoss()(scale * drawn(seed), torch.tensor(LABELS)),
        CosinePairLoss()(drawn(seed), torch.tensor(LABELS)),
    )


def test_nothing_is_lost_when_classes_are_orthogonal_points() -> None:
    embeddings = torch.eye(3)[torch.tensor(LABELS)] * torch.arange(1.0, 9.0)[:, None]
    assert CosinePairLoss()(embeddings, torch.tensor(LABELS)).abs().max() < 1e-12


def test_gradient() -> None:
    weights = torch.from_numpy(np.random.default_rng(1).uniform(0.1, 3, 8))
    assert torch.autograd.gradcheck(
        lambda rows: CosinePairLoss()(rows, torch.tensor(LABELS), weights, torch.tensor(ROWS)),
        (drawn().requires_grad_(),),
    )


@pytest.mark.parametrize("labels", [[0], [1, 1, 1], [0, 1, 2]])
def test_missing_kinds_of_pairs_are_nothing(labels) -> None:
    """One row; one class; classes of one row: finite, and with a gradient to hand on."""
    rows = drawn()[: len(labels)].requires_grad_()
    loss = CosinePairLoss()(rows, torch.tensor(labels))
    loss.sum().backward()
    assert torch.isfinite(loss).all()
    assert torch.isfinite(rows.grad).all()
    if len(labels) == 1:
        assert loss.item() == 0 == rows.grad.abs().max()


def test_in_half_precision_it_is_computed_in_float32() -> None:
    labels = torch.tensor(LABELS)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = CosinePairLoss()(drawn().bfloat16(), labels)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, CosinePairLoss()(drawn().bfloat16().float(), labels))


@pytest.mark.parametrize(
    "labels", [torch.zeros(8), torch.zeros(7, dtype=torch.int64), torch.full((8, 3), 1 / 3)]
)
def test_labels_that_are_no_class_numbers_are_refused(labels) -> None:
    with pytest.raises(
        ValueError, match=r"a pair is of one class or of two; give class numbers, int64 of shape \(8,\)"
    ):
        CosinePairLoss()(drawn(), labels)
