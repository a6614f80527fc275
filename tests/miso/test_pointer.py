"""The pointer decoder: planting, likelihood, what it may point at, and that it learns to point right."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from counterpoise.miso.corpus import Corpus
from counterpoise.miso.decoder import straight_through
from counterpoise.miso.decoding import Decoding
from counterpoise.miso.gate import Gate
from counterpoise.miso.pointer import PointerDecoder, _next_kept, _plant

TEXTS = np.array(
    [
        "win a free prize now call the number",
        "claim your cash award today by text",
        "see you at home for dinner tonight then",
        "the meeting is at noon in the office",
        "one",
        "...",
        "",
    ]
    * 2,  # the vocabulary holds what stands in two texts
    dtype=object,
)
MINORITY = np.array([0, 1])


def noise(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def make(gate: Gate | None = None, seed: int = 0) -> PointerDecoder:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return PointerDecoder(Corpus(TEXTS, dim=16), 8, gate or Gate(0.4, 1.0), MINORITY, hidden=16)


def test_next_kept_word() -> None:
    ids = torch.tensor([[5, 6, 7, 8], [5, 6, 0, 0]])
    holes = torch.tensor([[False, True, True, False], [False, True, False, False]])
    assert _next_kept(ids, holes).tolist() == [[5, 8, 8, 8], [5, 0, 0, 0]]


def test_words_taken_out_are_planted_where_the_target_says() -> None:
    ids = torch.tensor([[11, 12, 13, 14], [21, 22, 0, 0]])
    holes = torch.tensor([[False, True, True, False], [True, False, False, False]])
    partners = torch.tensor([[31, 32, 33], [41, 0, 0]])
    mask = partners > 0
    for seed in range(20):
        planted, target = _plant(ids, holes, partners, mask, noise(seed))
        assert planted[0, target[0, 1]] == 12
        assert target[0, 2] == target[0, 1] + 1  # a stretch stays together
        assert planted[1, target[1, 0]] == 21
        assert sorted(planted[0].tolist()) == [12, 13, 31, 32, 33]
        assert sorted(planted[1].tolist()) == [0, 0, 0, 21, 41]
        assert [i for i in planted[0].tolist() if i > 30] == [31, 32, 33]  # the partner's order stays


def test_words_are_planted_everywhere() -> None:
    ids, holes = torch.tensor([[11, 12]]), torch.tensor([[True, False]])
    partners = torch.tensor([[31, 32, 33]])
    found = {_plant(ids, holes, partners, partners > 0, noise(s))[1][0, 0].item() for s in range(60)}
    assert found == {0, 1, 2, 3}


def test_the_likelihood_before_learning_is_about_that_of_guessing() -> None:
    decoder = make()
    nll = decoder.reconstruct(np.array([0, 1]), np.array([2, 3]), None, noise()).nll
    assert nll.shape == (2,)
    assert nll.tolist() == pytest.approx([np.log(11)] * 2, abs=1.0)


def test_it_learns_which_word_fits() -> None:
    decoder = make()
    optimizer = torch.optim.Adam([p for p in decoder.parameters() if p.requires_grad], lr=1e-2)
    rows, partners = np.array([0, 1, 0, 1]), np.array([2, 3, 3, 2])
    losses = []
    for step in range(120):
        loss = decoder.reconstruct(rows, partners, None, noise(step)).nll.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert np.mean(losses[-10:]) < 0.4 * np.mean(losses[:10])


def test_what_is_written_is_the_source_with_words_of_the_partner() -> None:
    decoder = make(Gate(0.4, 1.0))
    for seed in range(10):
        rows, partners = np.array([0, 1]), np.array([2, 3])
        for row, partner, written in zip(
            rows,
            partners,
            decoder.write(rows, partners, torch.zeros(2, 8), Decoding(), noise(seed)),
            strict=True,
        ):
            own, lent, words = TEXTS[row].split(), TEXTS[partner].split(), written.text.split()
            assert len(words) == len(own)
            changed = [w for w, o in zip(words, own, strict=True) if w != o]
            assert set(changed) <= set(lent)
            assert len(written.kept) + len(written.injected) == len(own)
            assert set(written.injected) <= set(lent)
            assert Counter(written.injected) <= Counter(lent)  # each of the partner's words once


def test_injected_words_come_from_another_minority_text() -> None:
    decoder = make(Gate(0.5, 1.0, inject=1.0))
    (written,) = decoder.write(np.array([0]), np.array([2]), torch.zeros(1, 8), Decoding(), noise())
    assert set(written.injected) <= set(TEXTS[1].split())
    assert written.injected


@pytest.mark.parametrize(("row", "partner"), [(4, 2), (5, 2), (6, 2), (0, 6), (6, 6), (0, 4)])
@pytest.mark.parametrize("strategy", ["sample", "greedy", "beam"])
def test_texts_of_one_word_or_none(row, partner, strategy) -> None:
    (written,) = make().write(
        np.array([row]), np.array([partner]), torch.zeros(1, 8), Decoding(strategy), noise()
    )
    assert len(written.text.split()) == len(TEXTS[row].split())


def test_a_text_does_not_depend_on_the_length_of_its_company() -> None:
    decoder = make(Gate(0.4, 1.0))
    soft = decoder.reconstruct(np.array([4, 4]), np.array([2, 2]), torch.zeros(2, 8), noise())
    assert soft.written.shape == soft.real.shape == (2, 8, 16)
    long = decoder.reconstruct(np.array([0, 4]), np.array([2, 2]), torch.zeros(2, 8), noise())
    assert torch.allclose(long.written[1, :1], soft.written[1, :1], atol=1e-5)


@pytest.mark.parametrize("gumbel", [None, 0.7])
def test_gradient_reaches_the_latent_through_the_anchor(gumbel) -> None:
    decoder = make()
    z = torch.zeros(2, 8, requires_grad=True)
    soft = decoder.reconstruct(np.array([0, 1]), np.array([2, 3]), z, noise(), gumbel)
    soft.written.pow(2).sum().backward()
    assert z.grad is not None
    assert z.grad.abs().sum() > 0


def test_straight_through_samples_are_one_hot_with_the_softmax_frequencies() -> None:
    logits = torch.tensor([0.7, 0.2, 0.1]).log().repeat(20_000, 1).requires_grad_()
    drawn = straight_through(logits, 1.0, noise())
    assert torch.allclose(drawn.sum(dim=1), torch.ones(20_000), atol=1e-5)
    assert drawn.detach().round().mean(dim=0).tolist() == pytest.approx([0.7, 0.2, 0.1], abs=0.01)
    drawn[:, 0].sum().backward()
    assert logits.grad is not None
    assert logits.grad.abs().sum() > 0


def test_the_same_generator_writes_the_same() -> None:
    decoder = make()
    write = [
        decoder.write(np.array([0, 1]), np.array([2, 3]), torch.zeros(2, 8), Decoding(), noise(5))
        for _ in range(2)
    ]
    assert write[0] == write[1]


def test_expected_words_are_mixed_by_the_chance_of_a_hole() -> None:
    texts = np.array(["win a free prize now", "see you at home then"] * 2, dtype=object)
    torch.manual_seed(0)
    decoder = PointerDecoder(Corpus(texts, dim=16), 8, Gate(0.25, 1.0), np.array([0]), hidden=16)
    (ids, mask), (lent, there) = (decoder.corpus.batch(np.array([row])) for row in (0, 1))
    nowhere = torch.zeros(*ids.shape, 16)  # every word of the partner is as likely
    found = decoder._expected(nowhere, ids, mask, lent, there, None, None, torch.Generator())
    expected = 0.75 * decoder.words(ids) + 0.25 * decoder.words(lent)[there].mean(dim=0)
    torch.testing.assert_close(found[mask], expected[mask])
