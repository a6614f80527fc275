"""MINE: closed forms, the corrected gradient, the shuffle, estimates."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import pytest
import torch

from counterpoise.errors import DataError
from counterpoise.miso.mine import MINE, derangement, estimate_mutual_information


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def gaussian(rho: float, dim: int):
    def draw(n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        a, noise = (torch.randn(n, dim, generator=generator) for _ in range(2))
        return a, rho * a + math.sqrt(1 - rho**2) * noise

    return draw


def gaussian_information(rho: float, dim: int) -> float:
    return -dim / 2 * math.log(1 - rho**2)


# The shuffle


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 7, 64, 513])
def test_a_derangement_moves_everything(n) -> None:
    for seed in range(20):
        drawn = derangement(n, stream(seed))
        assert sorted(drawn.tolist()) == list(range(n))
        assert n == 1 or not (drawn == torch.arange(n)).any()


def test_all_derangements_are_equally_likely() -> None:
    """The nine of four things, 4,500 draws: each within four standard deviations of 500."""
    generator = stream()
    drawn = Counter(tuple(derangement(4, generator).tolist()) for _ in range(4500))
    assert len(drawn) == 9
    assert all(abs(count - 500) < 4 * math.sqrt(500) for count in drawn.values())


# The bound and its gradient


class Table(MINE):
    """A statistics network whose values are given: T(a, b) for whole numbers a and b."""

    def __init__(self, values: torch.Tensor) -> None:
        super().__init__(1, 1)
        self.values = torch.nn.Parameter(values.clone())

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return self.values[a[:, 0].long(), b[:, 0].long()]


def test_bound_by_hand() -> None:
    table = Table(torch.tensor([[1.0, 0.5], [-2.0, 3.0]]))
    a = b = torch.tensor([[0.0], [1.0]])
    expected = (1.0 + 3.0) / 2 - math.log((math.exp(0.5) + math.exp(-2.0)) / 2)
    assert table.bound(a, b, torch.tensor([1, 0])).item() == pytest.approx(expected)


def test_the_log_ratio_attains_the_bound_and_nothing_passes_it() -> None:
    """All pairs of a two by three table in their exact proportions."""
    joint = torch.tensor([[3, 1, 2], [1, 4, 1]])
    n = int(joint.sum())
    information = exact_information(joint / n)
    pairs = [(i, j) for i, j in itertools.product(range(2), range(3)) for _ in range(int(joint[i, j]))]
    everyone = list(itertools.product(pairs, pairs))  # each a beside each b: the product of the marginals
    a, b = (torch.tensor([[float(left[side])] for left, _ in everyone]) for side in (0, 1))
    place = {pair: row for row, pair in enumerate(itertools.product(range(n), range(n)))}
    shuffled = torch.tensor([place[right, left] for left, right in itertools.product(range(n), range(n))])
    ratio = joint * n / (joint.sum(dim=1, keepdim=True) * joint.sum(dim=0, keepdim=True))
    assert Table(ratio.log()).bound(a, b, shuffled).item() == pytest.approx(information, abs=1e-6)
    for seed in range(20):
        other = ratio.log() + 0.3 * torch.randn(2, 3, generator=stream(seed))
        assert Table(other).bound(a, b, shuffled).item() < information


def test_statistics_are_clipped_smoothly() -> None:
    network = MINE(2, 2, clip=5.0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(100)
    a = torch.randn(64, 2, generator=stream()).requires_grad_()
    values = network(a, a)
    assert values.abs().max() <= 5
    bound = network.bound(a, a, derangement(64, stream()))
    bound.backward()
    assert bound.isfinite()
    assert a.grad.isfinite().all()


def test_ascent_descends_minus_the_bound_with_the_moving_average_below() -> None:
    values = torch.tensor([[1.0, 0.5], [-2.0, 3.0]])
    a = b = torch.tensor([[0.0], [1.0]])
    shuffled = torch.tensor([1, 0])
    table = Table(values)
    loss = table.ascent_loss(a, b, shuffled)
    assert loss.item() == pytest.approx(-table.bound(a, b, shuffled).item())
    first = (math.exp(0.5) + math.exp(-2.0)) / 2
    assert table.log_average.exp().item() == pytest.approx(first)  # nothing to average with yet
    with torch.no_grad():
        table.values += 1
    table.zero_grad()
    loss = table.ascent_loss(a, b, shuffled)
    assert loss.item() == pytest.approx(-table.bound(a, b, shuffled).item())
    average = 0.99 * first + 0.01 * first * math.e
    assert table.log_average.exp().item() == pytest.approx(average)
    loss.backward()
    expected = torch.tensor([[-0.5, math.exp(1.5) / 2 / average], [math.exp(-1.0) / 2 / average, -0.5]])
    torch.testing.assert_close(table.values.grad, expected)


def test_moving_average_takes_the_bias_out_of_small_batches() -> None:
    """Batches of four: the mean gradient comes nearer to that of the whole distribution."""
    values = torch.tensor([[2.0, -1.0, 0.0], [-1.0, 2.0, 0.0], [0.0, -1.0, 3.0]])
    weights = values.exp() / values.exp().sum()  # of the log-mean-exp, for a and b uniform and independent
    generator = stream()

    table = Table(values)
    sums = torch.zeros(2, 3, 3)
    for step in range(2000):
        a, b = (torch.randint(3, (4, 1), generator=generator).float() for _ in range(2))
        shuffled = derangement(4, generator)
        losses = -table.bound(a, b, shuffled), table.ascent_loss(a, b, shuffled)
        for total, loss in zip(sums, losses, strict=True):
            # With the joint term gone, what is left is the gradient of the log-mean-exp.
            (gradient,) = torch.autograd.grad(loss + table(a, b).mean(), table.values)
            total += gradient * (step >= 500)
    biased, corrected = (sums / 1500 - weights).abs().sum(dim=(1, 2))
    assert corrected < 0.5 * biased


def test_one_pair_alone_says_nothing() -> None:
    network = MINE(3, 2)
    a, b = torch.randn(1, 3, generator=stream()), torch.randn(1, 2, generator=stream())
    loss = network.ascent_loss(a, b, derangement(1, stream()))
    assert loss.item() == 0
    loss.backward()
    assert not any(p.grad.any() for p in network.parameters())
    assert network.log_average.isnan()


# Estimates


def close(estimate: float, truth: float) -> bool:
    return abs(estimate - truth) <= max(0.1, 0.1 * truth)


@pytest.mark.parametrize(
    ("rho", "dim", "steps"),
    [(0.0, 1, 150), (0.99, 1, 150), (0.3, 20, 150), (0.6, 10, 600)],
)
def test_gaussian_pairs(rho, dim, steps) -> None:
    assert close(estimate_mutual_information(gaussian(rho, dim), steps=steps), gaussian_information(rho, dim))


@pytest.mark.parametrize(("rho", "dim"), [(0.9, 10), (0.99, 20)])
def test_the_cap_is_the_logarithm_of_the_batch(rho, dim) -> None:
    """8.3 and 39 nats: the estimate says "log 256 or nearly so", and never more."""
    estimate = estimate_mutual_information(gaussian(rho, dim), steps=200, batch_size=256)
    assert 3.5 < estimate <= math.log(256)


@pytest.mark.slow
@pytest.mark.parametrize("dim", [1, 10, 20])
@pytest.mark.parametrize("rho", [0.0, 0.3, 0.6, 0.9, 0.99])
def test_all_gaussian_pairs(rho, dim) -> None:
    truth = gaussian_information(rho, dim)
    for seed in range(2):
        estimate = estimate_mutual_information(gaussian(rho, dim), steps=1000, seed=seed)
        if truth < 3:
            assert close(estimate, truth)
        else:
            assert 2.7 < estimate <= min(math.log(512), 1.1 * truth)


def exact_information(joint: torch.Tensor) -> float:
    independent = joint.sum(dim=1, keepdim=True) * joint.sum(dim=0, keepdim=True)
    return torch.xlogy(joint, joint / independent).sum().item()


@pytest.mark.parametrize(
    "joint",
    [
        torch.tensor([[0.0, 0.9], [0.1, 0.0]]),  # the counterexample to Theorem 2: Qbar = 1 - Q
        torch.tensor([[0.3, 0.05, 0.05], [0.05, 0.2, 0.05], [0.0, 0.05, 0.25]]),
        torch.tensor([[0.2, 0.2, 0.1], [0.2, 0.2, 0.1]]),  # independent
    ],
)
def test_discrete_pairs_by_enumeration(joint) -> None:
    def draw(n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        cell = torch.multinomial(joint.flatten(), n, replacement=True, generator=generator)
        rows, columns = cell // joint.shape[1], cell % joint.shape[1]
        return torch.eye(joint.shape[0])[rows], torch.eye(joint.shape[1])[columns]

    estimate = estimate_mutual_information(draw, steps=120)
    assert estimate == pytest.approx(exact_information(joint), abs=0.03)


def test_samples_are_judged_on_pairs_that_did_not_train() -> None:
    a, b = gaussian(0.8, 2)(4000, stream())
    truth = gaussian_information(0.8, 2)
    assert close(estimate_mutual_information(a, b, steps=150), truth)
    assert estimate_mutual_information(a, b[derangement(4000, stream())], steps=150) < 0.05
    few = estimate_mutual_information(a[:60], b[derangement(4000, stream())][:60], steps=150)
    assert few < 0.3  # a network that remembers sixty pairs would say four nats


def test_scale_and_offset_of_columns_do_not_matter_and_arrays_will_do() -> None:
    a, b = (x.numpy() for x in gaussian(0.9, 1)(2000, stream()))
    plain = estimate_mutual_information(a, b, steps=100)
    assert estimate_mutual_information(1e4 * a - 7, b / 1e4, steps=100) == pytest.approx(plain, abs=0.02)
    assert estimate_mutual_information(a.astype(np.float64), b, steps=100) == pytest.approx(plain)


def test_same_seed_same_estimate_and_the_global_stream_stays_where_it_was() -> None:
    before = torch.random.get_rng_state()
    estimates = [
        estimate_mutual_information(gaussian(0.5, 1), steps=20, batch_size=64, seed=s) for s in (0, 0, 1)
    ]
    assert estimates[0] == estimates[1] != estimates[2]
    assert torch.equal(before, torch.random.get_rng_state())


def test_too_few_pairs_are_refused() -> None:
    with pytest.raises(DataError, match="a has 9 rows and b has 9"):
        estimate_mutual_information(torch.zeros(9, 1), torch.zeros(9, 1))
    with pytest.raises(DataError, match="a has 20 rows and b has 19"):
        estimate_mutual_information(torch.zeros(20, 1), torch.zeros(19, 1))
    with pytest.raises(DataError, match="b is None"):
        estimate_mutual_information(torch.zeros(20, 1))
