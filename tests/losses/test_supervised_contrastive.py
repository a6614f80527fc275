"""The loss against its definition in a double loop, another library's, and what theory says of its ends."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pytorch_metric_learning.losses import SupConLoss
from torch.nn.functional import normalize

from counterpoise.losses.supervised_contrastive import SupervisedContrastiveLoss

LABELS = [0, 0, 1, 2, 0, 1, 1, 3]


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(0.3, 1, shape))


def one_by_one(
    features: torch.Tensor,
    labels: list[int],
    temperature: float,
    targets: dict[int, list[tuple[list[float], int]]] | None = None,
    counts: list[float] | None = None,
    class_averaged: bool = False,
) -> list[float]:
    """The definition in Python's own numbers; ``targets`` are vectors and labels that anchors of a class see."""
    vectors = normalize(features, dim=1).tolist()
    counts = counts or [1.0] * len(labels)
    found = []
    for i, label in enumerate(labels):
        candidates = [
            (vectors[j], labels[j], counts[j]) for j in range(len(labels)) if j != i and counts[j] > 0
        ]
        for vector, kind in (targets or {}).get(label, []):
            length = math.hypot(*vector)
            candidates.append(([x / length for x in vector], kind, 1.0))
        scores = [
            sum(a * b for a, b in zip(vectors[i], vector, strict=True)) / temperature
            for vector, _, _ in candidates
        ]
        of_class: dict[int, float] = {}
        for _, kind, count in candidates:
            of_class[kind] = of_class.get(kind, 0.0) + count
        total = sum(
            count / (of_class[kind] if class_averaged else 1) * math.exp(score)
            for score, (_, kind, count) in zip(scores, candidates, strict=True)
        )
        positives = [
            (score, count)
            for score, (_, kind, count) in zip(scores, candidates, strict=True)
            if kind == label
        ]
        if not positives:
            found.append(0.0)
            continue
        found.append(
            sum(count * (math.log(total) - score) for score, count in positives)
            / sum(count for _, count in positives)
        )
    return found


@pytest.mark.parametrize("class_averaged", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("given", ["none", "for all", "for each class"])
def test_every_anchor_with_all_it_is_compared_with(class_averaged, weighted, given) -> None:
    counts = np.random.default_rng(1).uniform(0.1, 3, 8) if weighted else np.ones(8)
    if weighted:
        counts[3] = 0.0
    features, labels, amounts = drawn(8, 5), torch.tensor(LABELS), torch.from_numpy(counts)
    loss = SupervisedContrastiveLoss(0.2, class_averaged=class_averaged)
    kinds = [[0, 0, 2], [1, -1, -1], [2, 2, 0], [3, 3, 3]]
    seen = None
    if given == "for each class":  # which is what the loss of cosines is for
        targets = drawn(4, 3, 5, seed=2)
        seen = {c: list(zip(targets[c].tolist(), kinds[c], strict=True)) for c in range(4)}
        unit = normalize(features, dim=1)
        cosines = torch.cat(
            [unit @ unit.T, (normalize(targets, dim=2)[labels] @ unit[:, :, None]).squeeze(2)], dim=1
        )
        own = torch.tensor(kinds)[labels]
        every = torch.cat([labels.expand(8, -1), own], dim=1)
        there = torch.cat([amounts.expand(8, -1) * (1 - torch.eye(8)), torch.ones(8, 3)], dim=1)
        found = loss.of_cosines(cosines, there, every == labels[:, None], every)
    else:
        options = {}
        if given == "for all":
            targets = drawn(3, 5, seed=3)
            options = {"targets": targets, "target_labels": torch.tensor(kinds[0]), "n_classes": 4}
            seen = {c: list(zip(targets.tolist(), kinds[0], strict=True)) for c in range(4)}
        found = loss(features, labels, counts=amounts if weighted else None, **options)
    assert found.dtype == torch.float64
    expected = one_by_one(features, LABELS, 0.2, seen, counts.tolist(), class_averaged)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-11)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=2, max_size=40), st.floats(0.05, 2.0), st.integers(0, 9))
def test_another_library_finds_the_same(labels, temperature, seed) -> None:
    """pytorch-metric-learning takes its mean over the anchors that have positives, and 0 of a batch of one class."""
    assume(len(set(labels)) > 1)
    features = drawn(len(labels), 6, seed=seed)
    numbers = torch.tensor(labels)
    found = SupervisedContrastiveLoss(temperature)(features, numbers)
    has = (numbers[:, None] == numbers).sum(dim=1) > 1
    ours = float(found[has].mean()) if has.any() else 0.0
    assert float(SupConLoss(temperature=temperature)(features, numbers)) == pytest.approx(
        ours, rel=1e-9, abs=1e-9
    )


def test_an_anchor_alike_near_to_all_has_the_logarithm_of_their_number() -> None:
    losses = SupervisedContrastiveLoss(0.1)(torch.ones(6, 3), torch.tensor([0, 0, 0, 1, 1, 1]))
    np.testing.assert_allclose(losses.numpy(), math.log(5), rtol=1e-6)


def test_averaged_by_class_it_is_the_logarithm_of_the_number_of_classes() -> None:
    """Class 0 has seven rows, class 1 two, class 2 one: none counts more than another."""
    labels = torch.tensor([0] * 7 + [1] * 2 + [2])
    losses = SupervisedContrastiveLoss(0.1, class_averaged=True)(torch.ones(10, 3), labels)
    np.testing.assert_allclose(losses[:9].numpy(), math.log(3), rtol=1e-6)
    assert losses[9] == 0


@pytest.mark.parametrize("n", [1, 5])
def test_without_positives_it_is_a_zero_that_carries_a_gradient_of_zero(n) -> None:
    features = drawn(n, 4).requires_grad_()
    losses = SupervisedContrastiveLoss()(features, torch.arange(n))
    assert losses.tolist() == [0.0] * n
    losses.sum().backward()
    assert features.grad is not None
    assert torch.equal(features.grad, torch.zeros(n, 4, dtype=torch.float64))


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_lengths_do_not_matter_and_low_temperatures_do_not_overflow(scale) -> None:
    features = (scale * drawn(8, 5)).float().requires_grad_()
    losses = SupervisedContrastiveLoss(1e-3)(features, torch.tensor(LABELS))
    losses.sum().backward()
    assert torch.isfinite(losses).all()
    assert torch.isfinite(features.grad).all()
    expected = one_by_one(drawn(8, 5), LABELS, 0.5)
    found = SupervisedContrastiveLoss(0.5)(scale * drawn(8, 5), torch.tensor(LABELS))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-9)


@pytest.mark.parametrize("temperature", [1e-3, 1.0])
def test_an_anchor_is_no_candidate_of_its_own_however_far_off_the_others_are(temperature) -> None:
    features = torch.tensor([[1.0, 0.0], [-1.0, 0.0]], dtype=torch.float64)
    assert SupervisedContrastiveLoss(temperature)(features, torch.tensor([0, 0])).tolist() == [0.0, 0.0]


@given(st.permutations(range(4)))
def test_what_classes_are_called_does_not_matter(order) -> None:
    numbers = torch.tensor(order)
    labels = torch.tensor(LABELS)
    losses = [SupervisedContrastiveLoss()(drawn(8, 5), each) for each in (labels, numbers[labels])]
    np.testing.assert_allclose(losses[1].numpy(), losses[0].numpy(), rtol=1e-12)


def test_weights_multiply_and_positives_can_be_chosen() -> None:
    features, labels = drawn(8, 5), torch.tensor(LABELS)
    loss = SupervisedContrastiveLoss(0.3)
    weights = torch.arange(8.0, dtype=torch.float64)
    assert torch.equal(loss(features, labels, weights=weights), loss(features, labels) * weights)
    chosen = torch.zeros(8, 8, dtype=torch.bool)
    chosen[0, [0, 4]] = True  # row 0 is no positive of its own
    losses = loss(features, labels, positives=chosen)
    unit = normalize(features, dim=1)
    scores = (unit @ unit[0]) / 0.3
    assert float(losses[0]) == pytest.approx(float(torch.logsumexp(scores[1:], 0) - scores[4]))
    assert losses[1:].tolist() == [0.0] * 7


def test_a_count_of_two_is_a_candidate_given_twice() -> None:
    features, labels = drawn(8, 5), torch.tensor(LABELS)
    counts = torch.ones(8, dtype=torch.float64)
    counts[4] = 2
    twice = SupervisedContrastiveLoss()(torch.cat([features, features[4:5]]), torch.tensor([*LABELS, 0]))
    once = SupervisedContrastiveLoss()(features, labels, counts=counts)
    others = [i for i in range(8) if i != 4]  # to the row itself its copy is another one
    np.testing.assert_allclose(once[others].numpy(), twice[others].numpy(), rtol=1e-12)


@pytest.mark.parametrize("class_averaged", [False, True])
def test_gradients(class_averaged) -> None:
    labels = torch.tensor(LABELS)
    kinds = torch.tensor([0, -1, 1, 2])

    def of(features: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        loss = SupervisedContrastiveLoss(0.4, class_averaged=class_averaged)
        return loss(features, labels, targets=targets, target_labels=kinds)

    inputs = (drawn(8, 3).requires_grad_(), drawn(4, 3, seed=5).requires_grad_())
    assert torch.autograd.gradcheck(of, inputs)


def test_in_bfloat16_it_is_computed_in_float32() -> None:
    features = drawn(8, 5).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        losses = SupervisedContrastiveLoss(0.05)(features, torch.tensor(LABELS))
    assert losses.dtype == torch.float32
    np.testing.assert_allclose(losses.numpy(), one_by_one(features.double(), LABELS, 0.05), rtol=2e-5)


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.inf, math.nan])
def test_temperatures_that_are_none_are_refused(temperature) -> None:
    with pytest.raises(ValueError, match=r"temperature is .*a finite number above 0"):
        SupervisedContrastiveLoss(temperature)


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        (torch.ones(8, 2), {}, "rows are of one class or of two"),
        (torch.zeros(7, dtype=torch.int64), {}, r"int64 of shape \(8,\)"),
        (torch.tensor(LABELS), {"targets": torch.ones(2, 5)}, "come together"),
        (
            torch.tensor(LABELS),
            {"targets": torch.ones(2, 4), "target_labels": torch.zeros(2, dtype=torch.int64)},
            r"give \(T, 5\), and \(T,\) of int64",
        ),
        (
            torch.tensor(LABELS),
            {"targets": torch.ones(2, 5), "target_labels": torch.zeros(3, dtype=torch.int64)},
            r"of shape \(3,\); give",
        ),
    ],
)
def test_what_does_not_belong_together_is_refused(labels, options, message) -> None:
    with pytest.raises(ValueError, match=message):
        SupervisedContrastiveLoss()(torch.ones(8, 5), labels, **options)


def test_classes_are_not_averaged_where_nobody_says_which_they_are() -> None:
    with pytest.raises(ValueError, match="give kinds, the candidates' class numbers"):
        SupervisedContrastiveLoss(class_averaged=True).of_cosines(
            torch.eye(2), torch.ones(2, 2), torch.ones(2, 2, dtype=torch.bool)
        )
