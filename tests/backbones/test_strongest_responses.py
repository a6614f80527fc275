"""Filters by words: the same responses and gradients as convolutions over windows, and where they are used."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from counterpoise.backbones import textcnn
from counterpoise.backbones.base import Batch
from counterpoise.backbones.strongest_responses import strongest_responses
from counterpoise.backbones.textcnn import TextCNN
from counterpoise.mixing.pairs import Pairs

NOTHING = torch.empty(0)
LENGTHS = {"one word": (1, 1, 1), "short": (2, 1, 2), "long": (11, 3, 8), "equal": (7, 7, 7)}
PAIRS = {
    "alone": None,
    "mixed": ([1, 2, 0], [0.25, 0.5, 0.875]),
    "ends": ([2, 0, 2], [0.0, 1.0, 0.3]),
    "fewer": ([2, 2], [0.6, 0.1]),
}


def batch_of(lengths: tuple[int, ...]) -> Batch:
    longest = max(lengths)
    ids = torch.randint(1, 9, (len(lengths), longest), generator=torch.Generator().manual_seed(1))
    mask = torch.arange(longest) < torch.tensor(lengths)[:, None]
    ids = torch.where(mask, ids, 0).int()
    return Batch(ids, None if mask.all() else mask, NOTHING, NOTHING, NOTHING)


def network(widths: tuple[int, ...], dtype: torch.dtype = torch.float64) -> TextCNN:
    torch.manual_seed(0)
    words = nn.Embedding(9, 5, padding_idx=0)
    return TextCNN(words, n_filters=4, widths=widths).to(dtype)


def textbook(model: TextCNN, batch: Batch, pairs: Pairs | None) -> Tensor:
    """One nn.Conv1d for each width over each pair by itself, cut to the longer text."""
    vectors = model.embedding(batch.inputs.long())
    mask = batch.mask if batch.mask is not None else torch.ones(batch.inputs.shape, dtype=torch.bool)
    rows = []
    for i in range(len(batch.inputs) if pairs is None else len(pairs.partner)):
        x, length = vectors[i], int(mask[i].sum())
        if pairs is not None:
            own, other = pairs.input_weight[i], int(pairs.partner[i])
            x = own * x + (1 - own) * vectors[other]
            # A text that counts for nothing is not looked at.
            length = max(length if own > 0 else 0, int(mask[other].sum()) if own < 1 else 0)
        x = x[:length].T[None]
        found = []
        for weight, bias in zip(model.weights, model.biases.split(4), strict=True):
            width = weight.shape[1]
            padded = nn.functional.pad(x, ((width - 1) // 2, width // 2))
            found.append(nn.functional.conv1d(padded, weight.transpose(1, 2), bias).amax(dim=2)[0])
        rows.append(torch.cat(found).relu())
    return torch.stack(rows)


@pytest.mark.parametrize("pairs", PAIRS)
@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("widths", [(3, 4, 5), (1, 2), (7,)])
def test_they_are_those_of_convolutions_and_so_are_their_gradients(widths, lengths, pairs) -> None:
    model, batch, given = network(widths), batch_of(LENGTHS[lengths]), PAIRS[pairs]
    if given is None:
        made, found = None, model(batch)
    else:
        share = torch.tensor(given[1], dtype=torch.float64)
        made = Pairs(torch.tensor(given[0]), share, share)
        found = model.mixed(batch, made)
    expected = textbook(model, batch, made)
    torch.testing.assert_close(found, expected)
    towards = torch.randn(found.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    trained = [*model.weights, model.biases, model.embedding.weight]
    for own, true in zip(
        torch.autograd.grad((found * towards).sum(), trained),
        torch.autograd.grad((expected * towards).sum(), trained),
        strict=True,
    ):
        torch.testing.assert_close(own, true)


def test_gradients_numerically() -> None:
    model, batch = network((2, 3)), batch_of(LENGTHS["long"])
    pairs = Pairs(torch.tensor([1, 2, 0]), torch.tensor([0.25, 0.5, 1.0]).double(), torch.ones(3))

    def found(table: Tensor, biases: Tensor, *filters: Tensor) -> Tensor:
        words = nn.Embedding(9, 5, padding_idx=0)
        del words.weight
        words.weight = table
        return strongest_responses(batch.inputs, pairs.mask(batch.mask), words, filters, biases, pairs)

    given = (model.embedding.weight, model.biases, *model.weights)
    fresh = [value.detach().clone().requires_grad_() for value in given]
    with torch.no_grad():
        fresh[0][0] = 0
    # Padding's own vector has no gradient on purpose, so only real words are moved.
    assert torch.autograd.gradcheck(
        lambda words, *rest: found(torch.cat([fresh[0][:1].detach(), words]), *rest),
        (fresh[0][1:].detach().requires_grad_(), *fresh[1:]),
    )


@pytest.mark.parametrize("frozen", [True, False])
def test_what_is_frozen_stays(frozen) -> None:
    model, batch = network((3, 4)), batch_of(LENGTHS["long"])
    model.embedding.weight.requires_grad_(not frozen)
    model(batch).sum().backward()
    assert (model.embedding.weight.grad is None) == frozen
    assert all(p.grad is not None for p in model.weights)


@pytest.mark.parametrize(("precision", "used"), [("float32", True), ("bfloat16", False)])
def test_where_they_are_used(precision, used, monkeypatch) -> None:
    """Where products are cheap, as they are in bfloat16 on processors that have it, windows are multiplied whole."""
    model, batch = network((3, 4), torch.float32), batch_of(LENGTHS["long"])
    asked = []
    monkeypatch.setattr(
        textcnn, "strongest_responses", lambda *given: asked.append(1) or strongest_responses(*given)
    )
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
        found = model(batch)
    assert bool(asked) == used
    near = {"atol": 1e-6, "rtol": 1e-5} if used else {"atol": 0.05, "rtol": 0.05}
    torch.testing.assert_close(found.float(), textbook(model, batch, None), **near)


def test_the_same_to_the_bit_whenever_it_is_asked() -> None:
    model, batch = network((3, 4, 5), torch.float32), batch_of((40, 30, 7, 22))
    found = []
    for _ in range(3):
        value = model(batch)
        found.append([value.detach(), *torch.autograd.grad(value.sum(), list(model.weights))])
    for one, other in pairwise(found):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
