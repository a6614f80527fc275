"""The losses of Algorithm 1 by hand, and who descends which."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from counterpoise.miso.decoder import Soft
from counterpoise.miso.generator import Discriminator


def two_nats(decoder, rows, partners, z, noise, shared=None) -> Soft:
    vectors = torch.zeros(len(rows), 3, 16)
    return Soft(torch.full((len(rows),), 2.0), vectors, vectors, torch.ones(len(rows), 3, dtype=torch.bool))


def test_the_joint_loss(algorithm, monkeypatch) -> None:
    """10 rare and 60 plain texts: tau is 6 in the first step and 1 in the last."""
    monkeypatch.setattr(algorithm, "_descend", lambda loss, modules: None)
    monkeypatch.setattr(algorithm, "_reconstruct", two_nats)
    monkeypatch.setattr(algorithm, "_adversarial", lambda *_: torch.tensor(5.0))
    monkeypatch.setattr(algorithm, "_information", lambda *_: torch.tensor(3.0))
    monkeypatch.setattr(algorithm, "_statistics_step", lambda *_: 0.0)
    first, last = (algorithm.step("joint", number)["loss"] for number in (0, algorithm.settings.steps[3] - 1))
    assert first == pytest.approx(0.5 * 4 + 5 / 6 + (1 - 1 / 6) * 3), "the likelihood at its floor"
    assert last == pytest.approx(4 + 5)


def test_each_statistics_network_descends_its_own_loss(algorithm, monkeypatch) -> None:
    model, given = algorithm.model, []
    monkeypatch.setattr(algorithm, "_descend", lambda loss, modules: given.append((float(loss), modules)))
    monkeypatch.setattr(
        type(model.mutual_information),
        "ascent_loss",
        lambda own, *_: torch.tensor(-0.7 if own is model.mutual_information else -0.2),
    )
    _, _, pair = algorithm._pairs("mine", 0)
    algorithm._statistics_step(pair, (pair.q, pair.q, pair.k), pair.q, torch.Generator())
    ((loss, modules),) = given
    assert loss == pytest.approx(-0.9)
    assert modules == model.statistics()


def test_the_anchor_is_told_of_by_q_and_not_by_k(algorithm) -> None:
    seen = []
    algorithm.model.anchor_information.register_forward_pre_hook(lambda _, given: seen.append(given))
    _, _, pair = algorithm._pairs("joint", 0)
    triple = algorithm.model.heads(pair.q, pair.q, pair.k)
    algorithm._information(pair, triple, pair.q + 1, torch.Generator().manual_seed(0), {})
    ((q, anchors, k, _),) = seen
    assert q is pair.q
    assert k is pair.k
    assert torch.equal(anchors, pair.q + 1)


def test_what_discriminators_say() -> None:
    judge = Discriminator(1)
    judge.layers = torch.nn.Linear(1, 1)
    with torch.no_grad():
        judge.layers.weight.fill_(1.0)
        judge.layers.bias.zero_()
    real, written = torch.tensor([[2.0]]), torch.tensor([[-3.0]])
    assert judge.loss(real, written).item() == pytest.approx(np.log1p(np.exp(-2)) + np.log1p(np.exp(-3)))
    assert judge.fooled(written).item() == pytest.approx(np.log1p(np.exp(3)))


def test_the_majority_borrows_from_another_text(algorithm, monkeypatch) -> None:
    seen = []
    monkeypatch.setattr(
        algorithm, "_reconstruct", lambda decoder, rows, partners, *_: seen.append(partners.tolist())
    )
    algorithm._majority(np.array([11, 12, 13]), SimpleNamespace(k=None), None)
    assert seen == [[13, 11, 12]]


def test_the_majority_decoder_begins_as_the_minoritys(algorithm) -> None:
    cag = algorithm.model.generator
    with torch.no_grad():
        for parameter in cag.minority.parameters():
            parameter.fill_(0.25)
    algorithm.begin("autoencoder")
    assert all((parameter == 0.25).all() for parameter in cag.majority.parameters())
