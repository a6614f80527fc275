"""The free decoder: it learns texts by their latents, soft words carry gradient, company does not matter."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from counterpoise.errors import CounterpoiseWarning
from counterpoise.miso import free
from counterpoise.miso.decoding import Decoding, decode
from counterpoise.miso.free import FreeDecoder
from counterpoise.miso.subwords import END, PAD, START, Subwords
from counterpoise.text.tokenizers import words_and_gaps

TEXTS = np.array(
    [
        "Free entry in a weekly comp to win tickets!",
        "call me when you are home",
        "win cash now, call 87121",
        "",
        "免费试用，点击这里 now",
        "are you free tonight or not, call me when you know it",
        "ok",
    ],
    dtype=object,
)
ALL = np.arange(len(TEXTS))
DIM = 8


def noise(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def subwords() -> Subwords:
    return Subwords(120, dim=16).fit(TEXTS)


def fresh(subwords: Subwords, texts: np.ndarray = TEXTS, **settings: int) -> FreeDecoder:
    torch.manual_seed(0)
    return FreeDecoder(texts, DIM, subwords, **{"hidden": 32, **settings})


@pytest.fixture(scope="module")
def latents() -> Tensor:
    return torch.randn(len(TEXTS), DIM, generator=noise(1))


@pytest.fixture(scope="module")
def trained(subwords: Subwords, latents: Tensor) -> FreeDecoder:
    """A decoder that has met each text many times, always with the same z."""
    decoder = fresh(subwords, hidden=64)
    optimizer = torch.optim.Adam(decoder.parameters(), lr=1e-2)
    for _ in range(150):
        optimizer.zero_grad()
        decoder.reconstruct(ALL, ALL, latents, noise()).nll.mean().backward()
        optimizer.step()
    return decoder


# Learning and writing


def test_texts_come_back_by_their_latents(trained: FreeDecoder, latents: Tensor) -> None:
    soft = trained.reconstruct(ALL, ALL, latents, noise())
    assert soft.nll.max() < 0.05
    assert (soft.written - soft.real).abs().mean() < 0.03
    for decoding in (Decoding("greedy"), Decoding("beam"), Decoding(temperature=0.1)):
        found = trained.write(ALL, ALL, latents, decoding, noise())
        assert [one.text for one in found] == TEXTS.tolist()
        assert [one.kept for one in found] == [tuple(words_and_gaps(text)[0]) for text in TEXTS]
        assert not any(one.injected for one in found)


def test_the_latent_says_what_is_written(trained: FreeDecoder, latents: Tensor) -> None:
    """The row only says whose words count as kept."""
    rows = np.array([1, 5])
    found = trained.write(rows, rows, latents[[5, 1]], Decoding("greedy"), noise())
    assert [one.text for one in found] == [TEXTS[5], TEXTS[1]]
    assert found[0].kept == ("are", "you", "call", "me", "when", "you")
    assert found[0].injected == ("free", "tonight", "or", "not,", "know", "it")
    assert found[1].kept == ("call", "me", "when", "you", "are")
    assert found[1].injected == ("home",)


def test_words_of_a_script_without_spaces_are_characters(trained: FreeDecoder, latents: Tensor) -> None:
    (one,) = trained.write(np.array([2]), np.array([0]), latents[[4]], Decoding("greedy"), noise())
    assert one.text == TEXTS[4]
    assert one.injected == tuple(words_and_gaps(TEXTS[4])[0])  # the source has "now," and not "now"
    assert one.injected[:2] == ("免", "费")


def test_an_untrained_decoder_writes_at_the_frequencies_of_the_sub_words(subwords: Subwords) -> None:
    decoder = fresh(subwords)
    with torch.no_grad():
        decoder.output.weight.zero_()
    shares = torch.from_numpy(subwords.counts_ + 0.1)
    shares = shares / shares.sum()
    ids, _ = subwords.encode(TEXTS[:1], 99)
    expected = -shares[ids].log().mean()
    torch.testing.assert_close(decoder.reconstruct(ALL[:1], ALL[:1], None, noise()).nll[0], expected.float())


@pytest.mark.parametrize("decoding", [Decoding(), Decoding("greedy"), Decoding("beam", beams=2)])
def test_only_what_spells_is_written_and_never_too_much(
    subwords: Subwords, monkeypatch, decoding: Decoding
) -> None:
    made: list[Tensor] = []

    def kept(*args, **settings) -> Tensor:
        made.append(decode(*args, **settings))
        return made[-1]

    monkeypatch.setattr(free, "decode", kept)
    decoder = fresh(subwords, max_length=30)
    with torch.no_grad():  # the special ids would be the most probable, and no text ends by itself
        decoder.output.bias[[PAD, START]] = 9.0
        decoder.output.bias[END] = -1e9
    rows = np.repeat(ALL, 5)
    decoder.write(rows, rows, torch.zeros(len(rows), DIM), decoding, noise())
    (choices,) = made
    assert not torch.isin(choices, torch.tensor([PAD, START, END])).any()
    sources = [len(subwords.encode([text], 30)[0]) for text in TEXTS[rows]]
    assert (choices >= 0).sum(dim=1).tolist() == [min(2 * length + 8, 30) for length in sources]


def test_same_seed_same_texts_whatever_the_others_are(subwords: Subwords) -> None:
    decoder = fresh(subwords)

    def written(rows: np.ndarray, seed: int) -> list[str]:
        z = torch.zeros(len(rows), DIM)
        return [one.text for one in decoder.write(rows, rows, z, Decoding(), noise(seed))]

    one, other = np.full(30, 1), np.full(30, 6)
    other[::3] = 1
    assert written(one, 0) == written(one, 0)
    assert written(one, 0) != written(one, 1)
    assert written(one, 0)[::3] == written(other, 0)[::3]


def test_long_texts_are_cut(subwords: Subwords) -> None:
    lengths = [len(subwords.encode([text], 99)[0]) for text in TEXTS]  # ends included
    with pytest.warns(CounterpoiseWarning, match="longer than 4 sub-words") as said:
        mask = fresh(subwords, max_length=4).reconstruct(ALL, ALL, None, noise()).mask
    assert len(said) == 1, "once, not for each text"
    assert mask.sum(dim=1).tolist() == [4 if length > 5 else length for length in lengths]
    assert (mask.sum(dim=1) == 4).sum() == 5


def test_weights_carry_over_and_vectors_need_not(
    trained: FreeDecoder, subwords: Subwords, latents: Tensor
) -> None:
    other = fresh(subwords, hidden=64)
    assert "vectors" not in trained.state_dict()
    other.load_state_dict(trained.state_dict())
    assert other.write(ALL, ALL, latents, Decoding(), noise()) == trained.write(
        ALL, ALL, latents, Decoding(), noise()
    )


def test_no_rows(subwords: Subwords) -> None:
    assert fresh(subwords).write(ALL[:0], ALL[:0], torch.zeros(0, DIM), Decoding(), noise()) == []


# Likelihood and soft words


def test_likelihood_is_that_of_each_sub_word_after_those_before(subwords: Subwords, latents: Tensor) -> None:
    """Token by token through the cell, as one would write it on paper."""
    decoder = fresh(subwords)
    ids, _ = subwords.encode(TEXTS[:1], 99)
    cell = torch.nn.GRUCell(16 + DIM, 32)
    cell.load_state_dict(
        {name.removesuffix("_l0"): value for name, value in decoder.recurrence.state_dict().items()}
    )
    z = latents[:1]
    hidden, previous, total = torch.tanh(decoder.start(z)), START, torch.zeros(())
    for token in ids.tolist():
        hidden = cell(torch.cat([decoder.embedding(torch.tensor([previous])), z], dim=1), hidden)
        total = total - decoder.output(hidden)[0].log_softmax(dim=0)[token]
        previous = token
    found = decoder.reconstruct(ALL[:1], ALL[:1], z, noise())
    torch.testing.assert_close(found.nll[0], total / len(ids))


def test_writing_asks_the_network_that_was_taught(subwords: Subwords, latents: Tensor) -> None:
    """The step of writing, which looks up what it can, gives the logits of teacher forcing."""
    decoder = fresh(subwords)
    ids = torch.from_numpy(subwords.encode(TEXTS[:1], 99)[0].astype(np.int64))
    forced = decoder.output(decoder._states(ids[None], latents[:1]))[0]
    step, state = decoder._stepper(latents[:1])
    for place, token in enumerate([START, *ids[:-1].tolist()]):
        logits, state = step(torch.tensor([token]), state)
        torch.testing.assert_close(logits[0], forced[place])


@pytest.mark.parametrize("gumbel", [None, 0.7])
def test_shapes_and_padding(subwords: Subwords, latents: Tensor, gumbel: float | None) -> None:
    soft = fresh(subwords).reconstruct(ALL, ALL, latents, noise(), gumbel)
    lengths = [len(subwords.encode([text], 99)[0]) for text in TEXTS]
    assert soft.mask.sum(dim=1).tolist() == lengths
    assert soft.nll.shape == (len(TEXTS),)
    assert soft.real.shape == soft.written.shape == (len(TEXTS), max(lengths), 16)
    assert not soft.real[~soft.mask].any()
    assert not soft.written[~soft.mask].any()
    ids, _ = subwords.encode(TEXTS[:1], 99)
    np.testing.assert_array_equal(soft.real[0, : lengths[0]], subwords.vectors_[ids])


def test_longer_company_changes_nothing(subwords: Subwords, latents: Tensor) -> None:
    decoder = fresh(subwords)
    together = decoder.reconstruct(ALL, ALL, latents, noise())
    for row in ALL:
        alone = decoder.reconstruct(ALL[[row]], ALL[[row]], latents[[row]], noise())
        torch.testing.assert_close(alone.nll[0], together.nll[row])
        torch.testing.assert_close(alone.written[0], together.written[row, : alone.mask.shape[1]])


def test_without_a_latent_is_with_a_latent_of_zeros(subwords: Subwords) -> None:
    decoder = fresh(subwords)
    without = decoder.reconstruct(ALL, ALL, None, noise())
    zeros = decoder.reconstruct(ALL, ALL, torch.zeros(len(ALL), DIM), noise())
    torch.testing.assert_close(without.nll, zeros.nll)
    assert torch.equal(without.written, without.real)


@pytest.mark.parametrize("part", ["nll", "written"])
@pytest.mark.parametrize("gumbel", [None, 0.7])
def test_gradient_reaches_the_latent_and_all_weights(subwords: Subwords, latents, part: str, gumbel) -> None:
    decoder = fresh(subwords)
    z = latents.clone().requires_grad_()
    soft = decoder.reconstruct(ALL, ALL, z, noise(), gumbel)
    getattr(soft, part).square().sum().backward()
    assert z.grad is not None
    assert (z.grad.abs().sum(dim=1) > 0).all()
    for name, weight in decoder.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.abs().sum() > 0, name
    assert decoder.embedding.weight.grad is not None
    assert decoder.embedding.weight.grad[START].any()  # what comes before a text is learnt too


def test_what_is_judged_does_not_move_with_the_decoder(trained: FreeDecoder, subwords: Subwords) -> None:
    """Else the vectors could all become one and fool whoever judges."""
    np.testing.assert_array_equal(trained.vectors, subwords.vectors_)
    assert not torch.equal(trained.embedding.weight, trained.vectors)


def test_gumbel_samples_are_single_sub_words_and_right_on_average(
    subwords: Subwords, latents: Tensor
) -> None:
    decoder = fresh(subwords)
    rows = np.zeros(2_000, dtype=np.int64)
    with torch.no_grad():
        expected = decoder.reconstruct(rows[:1], rows[:1], latents[:1], noise()).written[0]
        drawn = decoder.reconstruct(rows, rows, latents[:1].expand(2_000, -1), noise(), 0.5).written
    known = torch.from_numpy(subwords.vectors_)
    gaps = torch.cdist(drawn[:50].flatten(0, 1), known, compute_mode="donot_use_mm_for_euclid_dist")
    assert gaps.min(dim=1).values.max() < 1e-4
    torch.testing.assert_close(drawn.mean(dim=0), expected, atol=0.12, rtol=0)
    again = decoder.reconstruct(rows[:3], rows[:3], latents[:3], noise(), 0.5).written
    assert torch.equal(again, decoder.reconstruct(rows[:3], rows[:3], latents[:3], noise(), 0.5).written)
    assert not torch.equal(again, decoder.reconstruct(rows[:3], rows[:3], latents[:3], noise(1), 0.5).written)
