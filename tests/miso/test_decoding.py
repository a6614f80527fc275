"""Decoding over chains whose probabilities are known: what is chosen, how often, and what must not matter."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare
from torch import Tensor

from counterpoise.errors import SettingsError
from counterpoise.miso.decoding import Decoding, _first_above, decode

GREEDY = Decoding("greedy")


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def chain(probabilities: list[list[float]]):
    """A Markov chain as a step function: row i are the probabilities after choice i."""
    table = torch.tensor(probabilities).log()

    def step(previous: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        return table[previous], state

    return step


def texts(
    step, count: int, end: int, max_length, decoding: Decoding, seed: int = 0, first: int = 0
) -> list[list[int]]:
    firsts = torch.full((count,), first)
    return decode(step, (), firsts, end, max_length, decoding, stream(seed)).tolist()


# From 0: greedy goes to 1 (.6), whose best continuation is weak; 2 (.4) is followed by the end for sure.
FORK = chain(
    [
        [0.0, 0.6, 0.4, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.5, 0.5],
        [0.0, 0.0, 0.0, 0.0, 1.0],
        [0.0, 0.0, 0.0, 0.0, 1.0],
        [0.0, 0.0, 0.0, 0.0, 1.0],
    ]
)
END = 4


# What is chosen


def test_greedy_takes_the_most_probable_choice_until_the_end() -> None:
    step = chain([[0.1, 0.9, 0.0], [0.2, 0.1, 0.7], [1.0, 0.0, 0.0]])
    assert texts(step, 2, 2, 5, GREEDY) == [[1, 2, -1, -1, -1]] * 2


def test_greedy_stops_at_max_length_of_each_text() -> None:
    step = chain([[0.0, 1.0], [1.0, 0.0]])
    assert texts(step, 3, -1, torch.tensor([1, 4, 0]), GREEDY) == [[1, -1, -1, -1], [1, 0, 1, 0], [-1] * 4]
    assert texts(step, 2, -1, torch.tensor([1, 4]), Decoding("greedy", max_length=2)) == [[1, -1], [1, 0]]


def test_beam_search_finds_the_text_that_greedy_misses() -> None:
    """Mean log-probabilities by hand: 1 3 end: log(.6 x .5)/3 = -.401; 1 end: log(.3)/2 = -.602; 2 end: -.458."""
    assert texts(FORK, 1, END, 3, GREEDY)[0][0] == 1
    assert texts(FORK, 1, END, 3, Decoding("beam", beams=3)) == [[1, 3, 4]]
    # Two choices at most: 2 end, log(.4)/2, beats the cut-off 1 3, log(.3)/2.
    assert texts(FORK, 1, END, 2, Decoding("beam", beams=3)) == [[2, 4]]


@given(seed=st.integers(0, 10_000), beams=st.sampled_from([64, 200]))
@settings(max_examples=30)
def test_wide_beams_find_the_best_text_of_all(seed: int, beams: int) -> None:
    """With a beam for every prefix nothing is pruned; with fewer endings met than beams nothing stops early."""
    table = torch.rand(4, 4, generator=stream(seed)).softmax(dim=1)
    found = texts(chain(table.tolist()), 1, 3, 3, Decoding("beam", beams=beams))[0]

    def mean(text: tuple[int, ...]) -> float:
        return sum(math.log(table[a, b]) for a, b in itertools.pairwise((0, *text))) / len(text)

    best = max(
        mean(text)
        for length in (1, 2, 3)
        for text in itertools.product(range(4), repeat=length)
        if 3 not in text[:-1] and (length == 3 or text[-1] == 3)
    )
    assert mean(tuple(choice for choice in found if choice >= 0)) == pytest.approx(best, abs=1e-6)


def test_one_beam_is_greedy() -> None:
    table = torch.rand(6, 6, generator=stream(3)).tolist()
    assert texts(chain(table), 4, 5, 8, Decoding("beam", beams=1)) == texts(chain(table), 4, 5, 8, GREEDY)


def test_beams_carry_their_own_state() -> None:
    """Logits that depend on all that was chosen: with a beam for each prefix the best text of all is found."""
    weights = torch.randn(3, 7, 5, generator=stream(5))

    def logits_after(history: Tensor) -> Tensor:
        place = history.shape[1] - 1
        return weights[place, (history * torch.tensor([3, 2, 1])[: place + 1]).sum(dim=1) % 7] * 2

    def step(previous: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        history = torch.cat([state[0], previous[:, None]], dim=1)
        return logits_after(history), (history,)

    first = torch.tensor([0, 1, 2, 3])
    found = decode(step, (torch.zeros(4, 0).long(),), first, -1, 3, Decoding("beam", beams=25), stream())
    for begin, one in zip(first.tolist(), found, strict=True):
        everything = torch.tensor(list(itertools.product(range(5), repeat=3)))
        history = torch.cat([torch.full((125, 1), begin), everything], dim=1)
        total = sum(
            logits_after(history[:, : n + 1]).log_softmax(dim=1).gather(1, history[:, n + 1 : n + 2])
            for n in range(3)
        )
        assert torch.equal(one, everything[total.argmax()])


def test_beam_search_goes_on_while_a_better_text_may_come() -> None:
    """One beam: 1 end has mean log(.4)/2 = -.46; 1 2 has -.26 by then, though in sum -.51, and ends with -.17."""
    step = chain([[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.6, 0.4], [0.0, 0.0, 0.0, 1.0], [1.0, 0.0, 0.0, 0.0]])
    assert texts(step, 1, 3, 5, Decoding("beam", beams=1)) == [[1, 2, 3, -1, -1]]


# Sampling


def test_frequencies_are_the_probabilities() -> None:
    # 101 choices, so that the groups of the inverse distribution do not come out even; some have no chance.
    weights = torch.arange(101.0) * (torch.arange(101) % 7 != 0)
    step = chain([(weights / weights.sum()).tolist()] * 101)
    drawn = torch.tensor(texts(step, 20_000, -1, 1, Decoding()))[:, 0]
    counts = torch.bincount(drawn, minlength=101).double().numpy()
    possible = weights.numpy() > 0
    assert counts[~possible].sum() == 0
    expected = weights.double().numpy()[possible]
    assert chisquare(counts[possible], expected / expected.sum() * 20_000).pvalue > 0.01


def test_successive_choices_are_independent() -> None:
    step = chain([[0.5, 0.5], [0.5, 0.5]])
    pairs = torch.tensor(texts(step, 8_000, -1, 2, Decoding()))
    assert chisquare(torch.bincount(2 * pairs[:, 0] + pairs[:, 1], minlength=4).numpy()).pvalue > 0.01


@pytest.mark.parametrize(("temperature", "share"), [(1.0, 0.8), (2.0, 2 / 3), (0.5, 16 / 17)])
def test_temperature_divides_the_logits(temperature: float, share: float) -> None:
    """Odds of 4 to 1 become 4 ** (1 / temperature) to 1."""
    drawn = texts(chain([[0.8, 0.2]] * 2), 20_000, -1, 1, Decoding(temperature=temperature))
    zeros = sum(one == [0] for one in drawn)
    assert chisquare([zeros, 20_000 - zeros], [20_000 * share, 20_000 * (1 - share)]).pvalue > 0.01


@pytest.mark.parametrize("temperature", [1e-3, 1e-45, 1e-300])
def test_towards_temperature_zero_sampling_is_greedy(temperature: float) -> None:
    table = torch.rand(9, 9, generator=stream(1)).tolist()
    cold = texts(chain(table), 5, 8, 12, Decoding(temperature=temperature))
    assert cold == texts(chain(table), 5, 8, 12, GREEDY)


SHARES = [0.05, 0.4, 0.25, 0.2, 0.1]


@pytest.mark.parametrize(
    ("setting", "kept"),
    [
        ({"top_p": 0.3}, {1}),
        ({"top_p": 0.5}, {1, 2}),  # 1 holds .4 < .5, so the next one is in
        ({"top_p": 0.7}, {1, 2, 3}),
        ({"top_p": 0.9}, {1, 2, 3, 4}),
        ({"top_p": 0.99}, {0, 1, 2, 3, 4}),
        ({"top_k": 1}, {1}),
        ({"top_k": 3}, {1, 2, 3}),
        ({"top_k": 99}, {0, 1, 2, 3, 4}),
        ({"top_k": 3, "top_p": 0.7}, {1, 2}),  # of .85 left, .4 + .25 hold .76
        ({"top_p": 0.5, "temperature": 0.5}, {1}),  # squared: .16 of .265 is .6
        ({"top_k": 4, "top_p": 0.5, "temperature": 4.0}, {1, 2}),
    ],
)
def test_who_is_left_after_top_k_and_top_p(setting: dict, kept: set[int]) -> None:
    drawn = texts(chain([SHARES] * 5), 3_000, -1, 1, Decoding(**setting))
    assert {one[0] for one in drawn} == kept


def test_equal_choices_at_the_cut_off_stay_together() -> None:
    drawn = texts(chain([[0.1, 0.3, 0.3, 0.3]] * 4), 1_000, -1, 1, Decoding(top_k=2))
    assert {one[0] for one in drawn} == {1, 2, 3}


@given(size=st.integers(1, 40), seed=st.integers(0, 1000), zeros=st.floats(0, 0.95))
@settings(max_examples=60)
def test_what_has_no_chance_is_never_chosen(size: int, seed: int, zeros: float) -> None:
    draw = stream(seed)
    logits = torch.randn(size, generator=draw) * 30
    impossible = torch.rand(size, generator=draw) < zeros
    impossible[int(torch.randint(size, (), generator=draw))] = False
    logits[impossible] = -torch.inf
    found = decode(
        lambda p, s: (logits.repeat(len(p), 1), s), (), torch.zeros(300).long(), -1, 1, Decoding(), draw
    )
    assert not impossible[found[:, 0]].any()


@pytest.mark.parametrize(
    "decoding", [Decoding(), Decoding(top_k=9), Decoding(top_p=0.9), Decoding(temperature=2.0)]
)
@pytest.mark.parametrize("shift", [-1e4, -40.0, 40.0, 1e4])
def test_only_differences_of_logits_matter(decoding: Decoding, shift: float) -> None:
    def shifted(previous: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        logits, state = BUSY(previous, state)
        return logits.mul(64).round().div(64) + shift, state  # sixty-fourths survive the shift exactly

    def plain(previous: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        return shifted(previous, state)[0] - shift, state

    assert texts(shifted, 300, 11, 10, decoding) == texts(plain, 300, 11, 10, decoding)


@pytest.mark.parametrize("uniform", [0.0, 1 - 2**-24])
@pytest.mark.parametrize(
    "weights", [[0, 1, 0], [0, 0, 1e-30, 1, 0, 0], [1e-7] * 999 + [0.0], [0, 3e38, 0, 1e-38]]
)
def test_extreme_draws_fall_on_what_has_a_chance(monkeypatch, uniform: float, weights: list[float]) -> None:
    monkeypatch.setattr(torch, "rand", lambda *shape, **_: torch.full(shape, uniform))
    (drawn,) = texts(chain([weights] * len(weights)), 1, -1, 1, Decoding())[0]
    assert weights[drawn] > 0
    possible = [i for i, weight in enumerate(weights) if weight / max(weights) > 1e-12]
    assert uniform == 0.0 or drawn in possible


def test_a_share_of_all_falls_on_the_last_column_that_weighs() -> None:
    """Rounding can leave the second level a share of 1 or a little more."""
    weights = torch.tensor([[0.0, 1.0, 2.0, 0.0, 0.0]])
    for share, column in ((0.0, 1), (0.33, 1), (0.34, 2), (1.0, 2), (1.1, 2)):
        assert _first_above(weights, torch.tensor([[share]]))[0].item() == column


# What must not matter


STRATEGIES = [Decoding(), Decoding(top_p=0.8), GREEDY, Decoding("beam", beams=2)]
BUSY = chain(torch.rand(12, 12, generator=stream(7)).pow(3).tolist())


@pytest.mark.parametrize("decoding", STRATEGIES)
def test_same_seed_same_texts(decoding: Decoding) -> None:
    one, other = (texts(BUSY, 50, 11, 20, decoding, seed=4) for _ in range(2))
    assert one == other
    assert decoding.strategy != "sample" or one != texts(BUSY, 50, 11, 20, decoding, seed=5)


@pytest.mark.parametrize("decoding", STRATEGIES)
@pytest.mark.parametrize("count", [9, 300])  # more than are walked at once
def test_a_text_does_not_change_with_the_length_of_its_company(decoding: Decoding, count: int) -> None:
    long, short = torch.full((count,), 15), torch.full((count,), 2)
    short[::4] = 15
    whole, cut = (texts(BUSY, count, 11, limits, decoding) for limits in (long, short))
    assert whole[::4] == cut[::4]
    assert all(choice == -1 for one in cut[1::4] for choice in one[2:])


@pytest.mark.parametrize("decoding", STRATEGIES)
def test_a_text_does_not_change_with_when_its_company_ends(decoding: Decoding) -> None:
    """Others start at a choice after which they end at once, or at one from which they go on."""
    ending = torch.rand(12, 12, generator=stream(7)).pow(3)
    ending[3] = torch.eye(12)[11]
    going, gone = torch.zeros(40).long(), torch.full((40,), 3)
    gone[::5] = 0
    found = [decode(chain(ending.tolist()), (), first, 11, 15, decoding, stream()) for first in (going, gone)]
    assert torch.equal(found[0][::5], found[1][::5])
    assert (found[1][1, 1:] == -1).all()


@pytest.mark.parametrize("decoding", STRATEGIES)
def test_texts_keep_their_own_limits_when_others_leave(decoding: Decoding) -> None:
    """Those with the longest limits end at once."""
    first = torch.cat([torch.full((20,), 3), torch.zeros(20).long()])
    limits = torch.where(first == 3, 15, 5)
    ending = torch.rand(12, 12, generator=stream(7))
    ending[:, 11] = 0
    ending[3] = torch.eye(12)[11]
    ending[:, 3] = 0
    found = decode(chain(ending.tolist()), (), first, 11, limits, decoding, stream())
    assert (found >= 0).sum(dim=1).tolist() == [1] * 20 + [5] * 20


@pytest.mark.parametrize("decoding", STRATEGIES)
def test_ended_texts_are_dropped_from_the_batch(decoding: Decoding) -> None:
    asked: list[int] = []

    def step(previous: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        assert all(len(part) == len(previous) for part in state)
        asked.append(len(previous))
        return BUSY(previous, state)

    limits = torch.arange(1, 101)
    decode(step, (torch.zeros(100, 3),), torch.zeros(100).long(), -1, limits, decoding, stream())
    width = decoding.beams if decoding.strategy == "beam" else 1
    needed = sum(range(101)) * width
    assert needed <= sum(asked) <= 1.2 * needed


def test_everything_after_the_end_is_minus_one() -> None:
    found = torch.tensor(texts(BUSY, 400, 11, 30, Decoding()))
    ended = (found == 11).cumsum(dim=1) > 0
    after = torch.nn.functional.pad(ended, (1, 0))[:, :-1]
    assert (found[after] == -1).all()
    assert (found[~after] >= 0).all()


# What is refused


@pytest.mark.parametrize("decoding", STRATEGIES)
def test_forbidden_choices_are_never_taken(decoding: Decoding) -> None:
    forbidden = torch.tensor([0, 3, 4])
    found = decode(BUSY, (), torch.zeros(200).long(), -1, 10, decoding, stream(), forbidden)
    assert not torch.isin(found, forbidden).any()


@pytest.mark.parametrize("decoding", STRATEGIES)
@pytest.mark.parametrize("broken", [-math.inf, math.nan, math.inf])
def test_nothing_to_choose_is_refused(decoding: Decoding, broken: float) -> None:
    step = chain([[0.0, 1.0], [1.0, 0.0]])

    def breaks(previous: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        logits, state = step(previous, state)
        logits[previous == 1] = broken
        return logits, state

    with pytest.raises(SettingsError, match="token 2 of a text cannot be chosen"):
        decode(breaks, (), torch.zeros(3).long(), -1, 5, decoding, stream())


def test_all_choices_forbidden_is_refused() -> None:
    with pytest.raises(SettingsError, match="leave something allowed"):
        decode(BUSY, (), torch.zeros(3).long(), -1, 5, GREEDY, stream(), torch.arange(12))


@pytest.mark.parametrize("decoding", STRATEGIES)
def test_no_texts_and_no_length(decoding: Decoding) -> None:
    assert decode(BUSY, (), torch.zeros(0).long(), 11, 5, decoding, stream()).shape == (0, 0)
    assert decode(BUSY, (), torch.zeros(2).long(), 11, 0, decoding, stream()).shape == (2, 0)


@pytest.mark.parametrize(
    "settings",
    [
        {"strategy": "argmax"},
        {"temperature": 0.0},
        {"temperature": math.nan},
        {"temperature": math.inf},
        {"temperature": "warm"},
        {"top_k": -1},
        {"top_k": 2.5},
        {"top_k": True},
        {"top_p": 0.0},
        {"top_p": 1.01},
        {"top_p": math.nan},
        {"beams": 0},
        {"max_length": 0},
    ],
)
def test_settings_out_of_range_are_refused(settings: dict) -> None:
    name = next(iter(settings))
    with pytest.raises(SettingsError, match=name):
        Decoding(**settings)
