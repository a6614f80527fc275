"""Choosing what to write, token by token: greedy, sampled or by beam search, over any step function.

    decoding = Decoding("sample", temperature=0.9, top_p=0.95)
    choices = decode(step, state, first, end, max_length, decoding, generator)     # (B, L), -1 after the end

``step(previous, state)`` gives logits for one more token of each text; everything it carries from token to token is
in ``state``, tensors with the texts in their first dimension, so that texts can be dropped as they end and beams
reordered.

Sampling draws one uniform number for each text and token beforehand and inverts the cumulative distribution. So the
stream of a text does not depend on when its company ends, and the cost is a fraction of ``torch.multinomial``'s over
a vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral, Real
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from counterpoise.errors import SettingsError

State: TypeAlias = "tuple[Tensor, ...]"
Step: TypeAlias = "Callable[[Tensor, State], tuple[Tensor, State]]"
"""Previous choices ``(B,)`` and state to logits ``(B, N)`` and state."""

STRATEGIES = ("sample", "greedy", "beam")

_AT_ONCE = (
    128  # texts or beams that a step is asked for: logits of more of them fall out of the processor's cache
)
_BLOCK = 32  # choices whose weights are summed before they are looked at one by one
_TINY = 1e-20  # sums of exponentials from here to its inverse are exact enough as they are
_STALE = 8  # ended texts leave when they are one in this many: leaving copies the state of all others


@dataclass(frozen=True)
class Decoding:
    """How texts are chosen from a decoder's distributions.

    Parameters
    ----------
    strategy : {"sample", "greedy", "beam"}, default="sample"
        ``"sample"`` draws each token, ``"greedy"`` takes the most probable one (the paper's argmax), ``"beam"``
        searches for the text with the highest mean log-probability of a token, its end included.
    temperature : float, default=1.0
        Divides the logits before sampling; towards 0 sampling becomes greedy.
    top_k : int, default=0
        Sample from the ``k`` most probable tokens; 0 from all. Tokens as probable as the ``k``-th stay.
    top_p : float, default=1.0
        Sample from the fewest most probable tokens that hold this share of what temperature and ``top_k`` left
        (nucleus sampling, Holtzman et al. 2020); 1 from all.
    beams : int, default=4
        Unfinished texts kept by beam search.
    max_length : int or None, default=None
        Tokens chosen at most; None leaves it to the decoder.

    Raises
    ------
    SettingsError
        If a setting is unknown or out of range.
    """

    strategy: str = "sample"
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    beams: int = 4
    max_length: int | None = None

    def __post_init__(self) -> None:
        if self.strategy not in STRATEGIES:
            raise SettingsError(
                f"the decoding strategy is {self.strategy!r}; choose one of {', '.join(map(repr, STRATEGIES))}"
            )
        if not isinstance(self.temperature, Real) or not 0 < self.temperature < math.inf:
            raise SettingsError(
                f"temperature is {self.temperature!r}; give a number above 0, or decode greedily"
            )
        if not isinstance(self.top_p, Real) or not 0 < self.top_p <= 1:
            raise SettingsError(f"top_p is {self.top_p!r}; give a share above 0, at most 1")
        _refuse_below("top_k", self.top_k, 0)
        _refuse_below("beams", self.beams, 1)
        if self.max_length is not None:
            _refuse_below("max_length", self.max_length, 1)


def _refuse_below(name: str, value: object, least: int) -> None:
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise SettingsError(f"{name} is {value!r}; give an int of {least} or more")


@torch.no_grad()
def decode(
    step: Step,
    state: State,
    first: Tensor,
    end: int,
    max_length: int | Tensor,
    decoding: Decoding,
    generator: torch.Generator,
    forbidden: Tensor | None = None,
) -> Tensor:
    """Choose texts.

    Parameters
    ----------
    step : callable
        ``step(previous, state) -> (logits, state)``: previous choices, int64 of shape ``(b,)``, and the state give
        logits ``(b, N)``, which may be overwritten, and the next state. A text that has ended may be asked for a
        few tokens more; they are ignored.
    state : tuple of Tensor, each of shape (B, ...)
        What ``step`` is given first.
    first : Tensor of int64, shape (B,)
        The "previous" choice of each text's first token.
    end : int
        The choice that ends a text; -1 if none does.
    max_length : int or Tensor of int64, shape (B,)
        Choices at most, the end included; of all texts or of each.
    decoding : Decoding
    generator : torch.Generator
        Read by sampling only: one number for each text and each of the longest ``max_length``. What a text draws
        depends on its row and the number of rows, and not on how long the others are or become.
    forbidden : Tensor of int64, or None, default=None
        Choices that are never taken.

    Returns
    -------
    Tensor of int64, shape (B, L)
        The choices, the end included; -1 after it. ``L`` is the longest ``max_length``.

    Raises
    ------
    SettingsError
        If nothing is left to choose: all logits of a text are minus infinity, or one is not a number.

    References
    ----------
    Holtzman et al., "The curious case of neural text degeneration", ICLR 2020.
    """
    limits = torch.as_tensor(max_length, device=first.device).expand(len(first))
    if decoding.max_length is not None:
        limits = limits.clamp(max=decoding.max_length)
    longest = int(limits.max()) if len(limits) else 0
    choices = first.new_full((len(first), longest), -1)
    if not longest:
        return choices
    uniform: Tensor | None = None
    if decoding.strategy == "sample":
        # Texts in the second dimension: the numbers of longer company come after those of all shorter texts.
        uniform = torch.rand(longest, len(first), generator=generator, device=generator.device)
        uniform = uniform.to(first.device)
    order = limits.argsort(descending=True, stable=True)
    order = order[limits[order] > 0]
    beam = decoding.strategy == "beam"
    for rows in order.split(max(_AT_ONCE // decoding.beams, 1) if beam else _AT_ONCE):
        part = tuple(each.index_select(0, rows) for each in state)
        if beam:
            search = _Beams(decoding.beams, first[rows], end, limits[rows], forbidden)
            found = search.run(step, part)
        else:
            draws = None if uniform is None else uniform[:, rows]
            found = _walk(step, part, first[rows], end, limits[rows], decoding, draws, forbidden)
        choices[rows, : found.shape[1]] = found
    return choices


@torch.inference_mode()
def _walk(
    step: Step,
    state: State,
    previous: Tensor,
    end: int,
    limits: Tensor,
    decoding: Decoding,
    draws: Tensor | None,
    forbidden: Tensor | None,
) -> Tensor:
    """Choose one token after the other, by ``draws`` ``(L, b)`` or greedily; ended texts leave."""
    choices = previous.new_full((int(limits.max()), len(previous)), -1)
    rows = torch.arange(len(previous), device=previous.device)
    going = torch.ones_like(rows, dtype=torch.bool)
    for place, chosen in enumerate(choices):
        logits, state = step(previous, state)
        if forbidden is not None:
            logits.index_fill_(1, forbidden, -torch.inf)
        if draws is None:
            best, previous = logits.max(dim=1)
        else:
            best, previous = _sample(logits, draws[place, rows], decoding)
        _refuse_hopeless(best, going, place)
        chosen.index_copy_(0, rows, previous.where(going, -1))
        going = going & (previous != end) & (limits > place + 1)
        left = int(going.sum())
        if not left:
            break
        if left <= len(going) - max(len(going) // _STALE, 1):
            stay = going.nonzero()[:, 0]
            rows, going, previous, limits = rows[stay], going[stay], previous[stay], limits[stay]
            state = tuple(part.index_select(0, stay) for part in state)
    return choices.T


def _refuse_hopeless(best: Tensor, asked: Tensor, place: int) -> None:
    """Refuse to choose where the best logit of a text that goes on is not finite."""
    if math.isfinite(float(best.sum())):  # nearly always, and quicker to see
        return
    hopeless = ~best.isfinite() & asked
    if hopeless.any():
        row = int(hopeless.nonzero()[0, 0])
        raise SettingsError(
            f"token {place + 1} of a text cannot be chosen, its best logit is {float(best[row])}; leave something "
            "allowed, and check that the decoder's weights are finite"
        )


def _sample(logits: Tensor, uniform: Tensor, decoding: Decoding) -> tuple[Tensor, Tensor]:
    """Sampled choice of each row, and before it a number that is finite where the best logit is, ``(b,)`` both."""
    everything = decoding.top_p == 1 and not 0 < decoding.top_k < logits.shape[1]
    if everything and decoding.temperature == 1:
        # Nearly always the exponentials are in range as they are, and no best logit need be sought and subtracted.
        weights = logits.exp()
        blocks = _blocks(weights)
        total = blocks.sum(dim=1)
        if float(total.amin()) > _TINY and float(total.amax()) < 1 / _TINY:
            return total, _invert(weights, blocks, uniform)
    best = logits.amax(dim=1)
    weights = logits.sub_(best[:, None])
    if decoding.temperature != 1:
        weights = weights.div_(max(decoding.temperature, torch.finfo(weights.dtype).tiny))
    weights = weights.exp_()
    if not everything:
        least = _least_kept(weights, decoding.top_k, decoding.top_p)
        weights = weights.mul_(weights.clone().ge_(least))
    return best, _invert(weights, _blocks(weights), uniform)


def _least_kept(weights: Tensor, top_k: int, top_p: float) -> Tensor:
    """Smallest weight ``(b, 1)`` among the ``top_k`` largest, and of these among those that hold ``top_p``."""
    # NumPy's sort uses vector instructions: it takes a fifteenth of torch's time, and less than torch.topk.
    rising = torch.from_numpy(np.sort(weights.cpu().numpy(), axis=1)[:, -top_k:]).to(weights.device)
    below = rising.cumsum(dim=1)
    dropped = torch.searchsorted(below, (1 - top_p) * below[:, -1:], right=True)
    return rising.gather(1, dropped.clamp(max=rising.shape[1] - 1))


def _blocks(weights: Tensor) -> Tensor:
    """Sums of blocks of weights, ``(b, n)``; the last block may be shorter."""
    size = weights.shape[1]
    whole = size - size % _BLOCK
    blocks = weights[:, :whole].unflatten(1, (whole // _BLOCK, _BLOCK)).sum(dim=2)
    if whole < size:
        blocks = torch.cat([blocks, weights[:, whole:].sum(dim=1, keepdim=True)], dim=1)
    return blocks


def _invert(weights: Tensor, blocks: Tensor, uniform: Tensor) -> Tensor:
    """Choice with probability proportional to its weight, from one number in [0, 1) for each row.

    Two levels, since a running sum over a vocabulary costs half as much again: first the block, then the choice in it.
    """
    last = weights.shape[1] - 1
    block, rest = _first_above(blocks, uniform[:, None])
    members = _BLOCK * block + torch.arange(_BLOCK, device=weights.device)
    inside = weights.gather(1, members.clamp(max=last)) * (members <= last)
    member, _ = _first_above(inside, rest)
    return (_BLOCK * block + member)[:, 0].clamp_(max=last)


def _first_above(weights: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    """First column at which the running sum of a row exceeds a share of its total, all ``(b, 1)``.

    Never a column of weight 0: a share that rounding put at 1 or beyond is taken back into the last column that
    weighs. What the share has over the sum before is returned as a share of the column.
    """
    running = weights.cumsum(dim=1)
    target = share.clamp(max=1 - 2**-23) * running[:, -1:]
    column = torch.searchsorted(running, target, right=True).clamp_(max=weights.shape[1] - 1)
    weight = weights.gather(1, column)
    return column, (target - running.gather(1, column) + weight) / weight


class _Beams:
    """Beam search for some texts at once, ``k`` unfinished ones of each.

    A text is done when ``k`` endings were met and no unfinished one has a better mean log-probability than the best
    of them.
    """

    def __init__(self, k: int, first: Tensor, end: int, limits: Tensor, forbidden: Tensor | None) -> None:
        size, longest = len(first), int(limits.max())
        self.k, self.end, self.forbidden = k, end, forbidden
        self.previous = first.repeat_interleave(k)
        self.rows = torch.arange(size, device=first.device)  # texts still searched
        self.limits = limits
        self.tokens = first.new_full((size, k, longest), -1)
        # The first step has one beam only, or all k would be the same.
        self.scores = torch.full((size, k), -torch.inf, device=first.device)
        self.scores[:, 0] = 0
        self.found = first.new_full((size, longest), -1)
        self.best = torch.full((size,), -torch.inf, device=first.device)
        self.endings = torch.zeros_like(self.rows)

    @torch.inference_mode()
    def run(self, step: Step, state: State) -> Tensor:
        """Choices ``(b, L)`` of the best text found for each row."""
        state = tuple(part.repeat_interleave(self.k, dim=0) for part in state)
        for place in range(self.found.shape[1]):
            logits, state = step(self.previous, state)
            beam = self._extend(logits, place)
            beam = self._settle(beam, place)
            if not len(self.rows):
                break
            state = tuple(part.index_select(0, beam) for part in state)
        return self.found

    def _extend(self, logits: Tensor, place: int) -> Tensor:
        """Make the best ``2 k`` continuations of each text's beams the beams; return whose they are, ``(b, 2 k)``.

        Of ``2 k`` at most ``k`` end, one for each beam, so that ``k`` can go on.
        """
        if self.forbidden is not None:
            logits.index_fill_(1, self.forbidden, -torch.inf)
        alive = self.scores.flatten() > -torch.inf
        _refuse_hopeless(logits.amax(dim=1), alive, place)
        steps = logits.log_softmax(dim=1).masked_fill_(~alive[:, None], -torch.inf)
        totals = (self.scores.flatten()[:, None] + steps).view(len(self.rows), -1)
        self.scores, index = totals.topk(min(2 * self.k, totals.shape[1]), dim=1)
        beam, choice = index // logits.shape[1], index % logits.shape[1]
        self.tokens = self._of(self.tokens, beam)
        self.tokens[:, :, place] = choice
        return beam

    def _settle(self, beam: Tensor, place: int) -> Tensor:
        """Keep the best ending, go on with ``k`` others and drop texts that are done; return rows of the state."""
        choice = self.tokens[:, :, place]
        over = (choice == self.end) | (self.limits[:, None] == place + 1)
        means = (self.scores / (place + 1)).masked_fill(~over, -torch.inf)
        mean, at = means.max(dim=1)
        better = mean > self.best
        self.found[self.rows[better]] = self.tokens[better, at[better]]
        self.best = torch.maximum(self.best, mean)
        self.endings = self.endings + (means > -torch.inf).sum(dim=1)
        self.scores, kept = self.scores.masked_fill(over, -torch.inf).topk(self.k, dim=1)
        hope = self.scores[:, 0] / (place + 1)
        going = (hope > -torch.inf) & ~((self.endings >= self.k) & (self.best >= hope))
        stay = going.nonzero()[:, 0]
        self.tokens = self._of(self.tokens, kept)[stay]
        self.previous = choice.gather(1, kept)[stay].flatten()
        self.rows, self.limits, self.scores = self.rows[stay], self.limits[stay], self.scores[stay]
        self.best, self.endings = self.best[stay], self.endings[stay]
        return (self.k * stay[:, None] + beam.gather(1, kept)[stay]).flatten()

    def _of(self, tokens: Tensor, beam: Tensor) -> Tensor:
        return tokens.gather(1, beam[:, :, None].expand(-1, -1, tokens.shape[2]))
