"""The MISO loss: both bounds reach the truth, the sign of every gradient, whose gradient it is."""

from __future__ import annotations

import math

import torch

from counterpoise.miso.mutual_information import MutualInformationLoss


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def close(estimate: float, truth: float) -> bool:
    return abs(estimate - truth) <= max(0.1, 0.1 * truth)


class Channel(torch.nn.Module):
    """Qbar = with_q Q + with_k K + noise, for independent standard normal Q and K."""

    def __init__(self, with_q: float, with_k: float) -> None:
        super().__init__()
        self.with_q = torch.nn.Parameter(torch.tensor(with_q))
        self.with_k = torch.nn.Parameter(torch.tensor(with_k))

    def forward(self, n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        q, k, noise = (torch.randn(n, 2, generator=generator) for _ in range(3))
        return q, self.with_q * q + self.with_k * k + 0.5 * noise, k

    def information(self) -> tuple[float, float]:
        """Exact I(Q; Qbar) and I(K; Qbar)."""
        squares = [self.with_q.item() ** 2, self.with_k.item() ** 2]
        total = sum(squares) + 0.25
        return tuple(-math.log(1 - square / total) for square in squares)


def trained_loss(channel: Channel, steps: int, generator: torch.Generator) -> MutualInformationLoss:
    torch.manual_seed(0)
    information = MutualInformationLoss(2, hidden=32)
    optimizer = torch.optim.Adam(information.parameters(), 5e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        information.ascent_loss(*channel(256, generator), generator).backward()
        optimizer.step()
    return information


def test_the_ascent_raises_both_bounds_to_the_truth() -> None:
    generator, channel = stream(), Channel(1.0, 1.0)
    before, after = (
        trained_loss(channel, steps, generator)(*channel(5000, generator), generator) for steps in (0, 200)
    )
    minority, majority = channel.information()
    assert before.with_minority < 0.1
    assert before.with_majority < 0.1
    assert close(after.with_minority.item(), minority)
    assert close(after.with_majority.item(), majority)


def test_sign_of_every_gradient() -> None:
    """Descending the loss turns to Q and from K, for either sign of the weights."""
    for with_q, with_k in ((1.0, 1.0), (-1.0, 0.7), (0.6, -1.2)):
        generator, channel = stream(), Channel(with_q, with_k)
        found = trained_loss(channel, 100, generator)(*channel(4000, generator), generator)
        parts = {}
        for name in found._fields:
            parts[name] = torch.autograd.grad(
                getattr(found, name), (channel.with_q, channel.with_k), retain_graph=True
            )
        towards_q, towards_k = math.copysign(1, with_q), math.copysign(1, with_k)
        assert parts["with_minority"][0] * towards_q > 0
        assert parts["with_minority"][1] * towards_k < 0
        assert parts["with_majority"][0] * towards_q < 0
        assert parts["with_majority"][1] * towards_k > 0
        assert parts["loss"][0] * towards_q < 0
        assert parts["loss"][1] * towards_k > 0
        torch.testing.assert_close(found.loss, found.with_majority - found.with_minority)


def test_descending_by_turns_keeps_q_and_forgets_k() -> None:
    generator, channel = stream(), Channel(0.8, 0.8)
    information = trained_loss(channel, 100, generator)
    down = torch.optim.SGD(channel.parameters(), 0.02)
    up = torch.optim.Adam(information.parameters(), 5e-3)
    begun = channel.information()
    for _ in range(80):
        down.zero_grad()
        information(*channel(256, generator), generator).loss.backward()
        down.step()
        up.zero_grad()
        information.ascent_loss(*channel(256, generator), generator).backward()
        up.step()
    minority, majority = channel.information()
    assert minority > begun[0] + 0.3
    assert majority < 0.5 * begun[1]


def test_neither_side_descends_the_others_objective() -> None:
    generator, channel = stream(), Channel(1.0, 1.0)
    information = MutualInformationLoss(2)
    information(*channel(32, generator), generator).loss.backward()
    assert all(p.grad is None for p in information.parameters())
    assert all(p.grad is not None for p in channel.parameters())
    channel.zero_grad()
    information.ascent_loss(*channel(32, generator), generator).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in information.parameters())
    assert all(p.grad is None for p in channel.parameters())


def test_each_network_looks_at_its_own_side() -> None:
    generator = stream()
    information = MutualInformationLoss(2)
    q, k = (torch.randn(16, 2, generator=generator) for _ in range(2))
    seen = {"of_minority": [], "of_majority": []}
    for name, calls in seen.items():
        getattr(information, name).register_forward_pre_hook(
            lambda _, args, calls=calls: calls.append(args[0])
        )
    information.ascent_loss(q, q, k, generator)
    assert all(torch.equal(a, q) for a in seen["of_minority"])
    assert all(torch.equal(a, k) for a in seen["of_majority"])


def test_the_number_of_the_head_is_not_information() -> None:
    """Heads that differ much while the samples share nothing: no bound above zero."""
    generator = stream()
    torch.manual_seed(0)
    information = MutualInformationLoss(2, hidden=32)
    centres = 3 * torch.randn(4, 2, generator=generator)

    def triples(n: int) -> list[torch.Tensor]:
        return [centres + 0.1 * torch.randn(n, 4, 2, generator=generator) for _ in range(3)]

    optimizer = torch.optim.Adam(information.parameters(), 5e-3)
    for _ in range(150):
        optimizer.zero_grad()
        information.ascent_loss(*triples(64), generator).backward()
        optimizer.step()
    found = information(*triples(1000), generator)
    assert found.with_minority < 0.05
    assert found.with_majority < 0.05


def test_batch_of_one_gives_zero_and_no_gradient() -> None:
    information = MutualInformationLoss(4)
    q, qbar, k = (torch.randn(1, 8, 4, generator=stream(i)).requires_grad_() for i in range(3))
    found = information(q, qbar, k, stream())
    assert [part.item() for part in found] == [0, 0, 0]
    sum(found).backward()
    assert not any(x.grad.any() for x in (q, qbar, k))
    loss = information.ascent_loss(q, qbar, k, stream())
    assert loss.item() == 0
    loss.backward()
    assert not any(p.grad.any() for p in information.parameters())
    assert information.of_minority.log_average.isnan()
