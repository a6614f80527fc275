"""The pointer decoder: an anchor instance keeps most words of the difficult sample and borrows the others.

    decoder = PointerDecoder(corpus, dim=64, gate=Gate(budget=1/3, run=3), donors=minority_rows)
    decoder.reconstruct(rows, partners, z, generator).nll
    decoder.write(rows, partners, z, Decoding(), generator)[0].text

An autoregressive decoder that points instead of spelling (Vinyals et al. 2015; See et al. 2017, section 2.2): it
walks along the difficult sample, and where the gate opens, a recurrent state (what was written so far, the next
word that will be kept, the latent z = SFM(difficult sample, majority sample)) chooses the word of the majority
partner that goes there. Words are copied as they were written, so no text can hold an unknown token.

It learns language from any text: some of its words are taken out and planted in a partner, and the likelihood
is that of pointing at the right one of all the partner's words.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from counterpoise.backbones.lstm import LSTM
from counterpoise.miso.corpus import Corpus, padded
from counterpoise.miso.decoder import Soft, TextDecoder, Written, straight_through
from counterpoise.miso.decoding import Decoding, decode
from counterpoise.miso.gate import INJECTED, KEEP, PARTNER, Gate, drawn
from counterpoise.text.edited import join_edited

_OFFSETS = 3  # of a memory entry to the last one pointed at: before or at it, next, further on


class Memory(NamedTuple):
    """Words that can be pointed at: the partner's, then the donor's.

    Attributes
    ----------
    ids : Tensor of int64, shape (B, S)
    kind : Tensor of int64, shape (B, S)
        PARTNER or INJECTED; KEEP at padding, which nothing points at.
    keys : Tensor of float32, shape (B, S, hidden)
    """

    ids: Tensor
    kind: Tensor
    keys: Tensor


class PointerDecoder(TextDecoder):
    """Walk along a text and point at words to put in its open places.

    Parameters
    ----------
    corpus : Corpus
    dim : int
        Width of the latent ``z``.
    gate : Gate
    donors : ndarray of int64
        Rows of minority texts that lend the injected words.
    hidden : int, default=128
    """

    def __init__(
        self, corpus: Corpus, dim: int, gate: Gate, donors: np.ndarray, *, hidden: int = 128
    ) -> None:
        super().__init__()
        width = corpus.vectors.shape[1]
        self.corpus, self.gate, self.donors = corpus, gate, donors
        self.words = nn.Embedding.from_pretrained(corpus.vectors.clone(), freeze=True, padding_idx=0)
        self.dim = dim
        self.start = nn.Linear(dim, hidden)
        self.recurrence = LSTM(2 * width + dim, hidden, batch_first=True)
        self.query = nn.Linear(hidden + width + dim, hidden)
        self.key = nn.Linear(width, hidden)
        self.offset = nn.Parameter(torch.zeros(_OFFSETS))

    def reconstruct(
        self,
        rows: np.ndarray,
        partners: np.ndarray,
        z: Tensor | None,
        generator: torch.Generator,
        gumbel: float | None = None,
        shared: Tensor | None = None,
    ) -> Soft:
        """Likelihood of the words taken out of ``rows``, and the texts that would be written; see the base."""
        ids, mask = self.corpus.batch(rows)
        partner_ids, partner_mask = self.corpus.batch(partners)
        chance = self.gate(None, mask, self.gate.budgets(len(rows), generator))
        holes = self.gate.holes(chance, mask, generator) > KEEP
        planted, target = _plant(ids, holes, partner_ids, partner_mask, generator)
        guide = self._guide(z, len(rows))
        states = self._states(ids, holes, guide)
        nll = self._planted_nll(states, holes, planted, target)
        real = self.words(ids)
        if z is None:
            return Soft(nll, real, real, mask)
        written = self._expected(states, ids, mask, partner_ids, partner_mask, shared, gumbel, generator)
        return Soft(nll, real, written, mask)

    @torch.no_grad()
    def write(
        self,
        rows: np.ndarray,
        partners: np.ndarray,
        z: Tensor,
        decoding: Decoding,
        generator: torch.Generator,
        shared: Tensor | None = None,
    ) -> list[Written]:
        """Write one text for each pair; see the base."""
        ids, mask = self.corpus.batch(rows)
        chance = self.gate(shared, mask, self.gate.budgets(len(rows), generator), generator)
        holes = self.gate.holes(chance, mask, generator)
        donors = self._donors(rows, generator)
        memory = self._memory(partners, donors, (holes == INJECTED).any(dim=1))
        fits = torch.stack([(memory.kind == kind).any(dim=1) for kind in (KEEP, PARTNER, INJECTED)], dim=1)
        holes = holes * fits.gather(1, holes).long()  # nothing to put there: the word stays
        choices = self._walk(
            ids, holes, memory, self._guide(z, len(rows)), mask.sum(dim=1), decoding, generator
        )
        return [
            self._written(int(row), int(partner), int(donor), choice)
            for row, partner, donor, choice in zip(rows, partners, donors, choices.tolist(), strict=True)
        ]

    def _guide(self, z: Tensor | None, size: int) -> Tensor:
        return torch.zeros(size, self.dim, device=self.corpus.device) if z is None else z

    def _donors(self, rows: np.ndarray, generator: torch.Generator) -> np.ndarray:
        """A minority text other than its own for each row, or its own where there is no other."""
        draw = torch.randint(len(self.donors), (len(rows),), generator=generator).numpy()
        same = self.donors[draw] == rows
        return self.donors[np.where(same, (draw + 1) % len(self.donors), draw)]

    def _memory(self, partners: np.ndarray, donors: np.ndarray, injected: Tensor) -> Memory:
        """Words of the partners, and of the donors where words are injected: others would only take time."""
        lent = [self._entries(partner) for partner in partners]
        device = self.corpus.device
        first = torch.tensor([len(words) for words in lent], device=device)[:, None]
        injected = injected | (first[:, 0] == 0)  # a memory has an entry at least
        ids, mask = padded(
            [
                np.concatenate([words, self._entries(donor)]) if more else words
                for words, donor, more in zip(lent, donors, injected.tolist(), strict=True)
            ],
            device,
        )
        kind = torch.where(torch.arange(ids.shape[1], device=device) < first, PARTNER, INJECTED) * mask
        return Memory(ids, kind, self.key(self.words(ids)))

    def _entries(self, row: int) -> np.ndarray:
        """Ids of a text's words; none for a text without a word, which the corpus gives an unknown one."""
        return self.corpus.ids(row)[: len(self.corpus.words(row))]

    def _inputs(self, ids: Tensor, holes: Tensor, guide: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs of the recurrence ``(B, T, .)``, the words themselves standing before each, and the next kept."""
        vectors = self.words(ids)
        before = functional.pad(vectors, (0, 0, 1, 0))[:, :-1]
        after = self.words(_next_kept(ids, holes))
        return torch.cat([before, after, guide[:, None].expand(-1, ids.shape[1], -1)], dim=-1), after

    def _states(self, ids: Tensor, holes: Tensor, guide: Tensor) -> Tensor:
        """Queries ``(B, T, hidden)`` under teacher forcing."""
        inputs, after = self._inputs(ids, holes, guide)
        states, _ = self.recurrence(inputs, self._first(guide))
        return self.query(torch.cat([states, after, inputs[..., -self.dim :]], dim=-1))

    def _first(self, guide: Tensor) -> tuple[Tensor, Tensor]:
        """State before the first word, ``(1, B, hidden)`` each."""
        hidden = torch.tanh(self.start(guide))[None]
        return hidden, torch.zeros_like(hidden)

    def _planted_nll(self, states: Tensor, holes: Tensor, planted: Tensor, target: Tensor) -> Tensor:
        """Mean negative log-likelihood a text of pointing at the words taken out of it, ``(B,)``."""
        row, place = holes.nonzero(as_tuple=True)
        keys = self.key(self.words(planted))
        aims = target[row, place]
        scores = (states @ keys.transpose(1, 2))[row, place] / states.shape[-1] ** 0.5
        previous = torch.full_like(aims, -1)
        previous[1:] = torch.where(row[1:] == row[:-1], aims[:-1], -1)
        scores = scores + self._offset_scores(previous, planted.shape[1])
        scores = scores.masked_fill((planted == 0)[row], -torch.inf)
        each = functional.cross_entropy(scores, aims, reduction="none")
        total = torch.zeros(len(holes), device=each.device).index_add(0, row, each)
        return total / holes.sum(dim=1).clamp(min=1)

    def _offset_scores(self, previous: Tensor, length: int) -> Tensor:
        """What standing just after the last word pointed at is worth, ``(n, S)``."""
        place = torch.arange(length, device=previous.device) - previous[:, None]
        known = (previous >= 0)[:, None]
        return self.offset[torch.where(known, place.clamp(0, 2), 2)]

    def _expected(
        self,
        states: Tensor,
        ids: Tensor,
        mask: Tensor,
        partner_ids: Tensor,
        partner_mask: Tensor,
        shared: Tensor | None,
        gumbel: float | None,
        generator: torch.Generator,
    ) -> Tensor:
        """Word vectors ``(B, T, e)`` of the anchors: kept words and partner words in the gate's proportion.

        The source's own words stand for what was written before, so that the one pass of the likelihood serves all
        places.
        """
        chance = self.gate(shared, mask, generator=generator)[..., None]
        scores = states @ self.key(self.words(partner_ids)).transpose(1, 2) / states.shape[-1] ** 0.5
        scores = scores.masked_fill(~partner_mask[:, None], -torch.inf)
        lent = self.words(partner_ids)
        if gumbel is None:
            return (1 - chance) * self.words(ids) + chance * (scores.softmax(dim=-1) @ lent)
        pointed = straight_through(scores, gumbel, generator) @ lent
        soft = torch.cat([1 - chance, chance], dim=-1).clamp(min=1e-6).log()
        opened = straight_through(soft, gumbel, generator)[..., 1:] * mask[..., None]
        return (1 - opened) * self.words(ids) + opened * pointed

    def _walk(
        self,
        ids: Tensor,
        holes: Tensor,
        memory: Memory,
        guide: Tensor,
        lengths: Tensor,
        decoding: Decoding,
        generator: torch.Generator,
    ) -> Tensor:
        """Choices ``(B, T)``: 0 keeps the word, j + 1 takes entry j of the memory."""
        after = _next_kept(ids, holes > KEEP)

        def step(previous: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
            at, hidden, cell, last, used, ids_, holes_, after_, guide_, entry_ids, kinds, keys = state
            place = int(at[0])
            lent = entry_ids.gather(1, (previous - 1).clamp(min=0)[:, None])[:, 0]
            before = torch.where(previous > 0, lent, ids_[:, max(place - 1, 0)])
            before = self.words(before * (place > 0))
            ahead = self.words(after_[:, place])
            inputs = torch.cat([before, ahead, guide_], dim=-1)
            before_ = hidden.transpose(0, 1).contiguous(), cell.transpose(0, 1).contiguous()
            _, (hidden, cell) = self.recurrence(inputs[:, None], before_)
            query = self.query(torch.cat([hidden[0], ahead, guide_], dim=-1))
            last = torch.where(previous > 0, previous - 1, last)
            used = used.scatter(1, previous[:, None], True)
            scores = torch.einsum("nd,nsd->ns", query, keys) / query.shape[-1] ** 0.5
            scores = scores + self._offset_scores(last, keys.shape[1])
            wanted = holes_[:, place, None]
            fits = kinds == wanted
            fresh = fits & ~used[:, 1:]
            fits = torch.where(fresh.any(dim=1, keepdim=True), fresh, fits)
            scores = scores.masked_fill(~fits | (wanted == KEEP), -torch.inf)
            keep = torch.where(wanted == KEEP, 0.0, -torch.inf)
            moved = at + 1, hidden.transpose(0, 1), cell.transpose(0, 1), last, used
            same = ids_, holes_, after_, guide_, entry_ids, kinds, keys
            return torch.cat([keep, scores], dim=1), (*moved, *same)

        size = len(ids)
        nothing = torch.zeros(size, dtype=torch.int64, device=ids.device)
        start = (
            nothing,
            *(part.transpose(0, 1) for part in self._first(guide)),
            nothing - 1,
            torch.zeros(size, memory.ids.shape[1] + 1, dtype=torch.bool, device=ids.device),
            ids,
            holes,
            after,
            guide,
            *memory,
        )
        return decode(step, start, nothing, -1, lengths, decoding, generator)

    def _written(self, row: int, partner: int, donor: int, choices: list[int]) -> Written:
        own, gaps = self.corpus.words(row), self.corpus.gaps(row)
        first = self.corpus.words(partner)
        lent = [*first, *self.corpus.words(donor)]
        places = choices[: len(own)]
        words = [lent[c - 1] if c > 0 else word for word, c in zip(own, places, strict=True)]
        kept = tuple(word for word, c in zip(own, places, strict=True) if c == 0)
        injected = tuple(word for word, c in zip(words, places, strict=True) if c > 0)
        donors = (donor,) if any(c > len(first) for c in places) else ()
        of_partner = sum(0 < c <= len(first) for c in places)
        return Written(join_edited(words, gaps), kept, injected, donors, of_partner)


def _next_kept(ids: Tensor, holes: Tensor) -> Tensor:
    """For each place the id of the first kept word at or after it; 0 where none follows."""
    length = ids.shape[1]
    place = torch.arange(length, device=ids.device).expand(len(ids), -1)
    ahead = torch.where(holes | (ids == 0), length, place)
    ahead = ahead.flip(1).cummin(dim=1).values.flip(1)
    return functional.pad(ids, (0, 1)).gather(1, ahead)


def _plant(
    ids: Tensor, holes: Tensor, partner_ids: Tensor, partner_mask: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Put the words taken out between those of the partner, each stretch at a random place.

    Returns
    -------
    planted : Tensor of int64, shape (B, S)
    target : Tensor of int64, shape (B, T)
        Where each taken word went; meaningless at kept words.
    """
    size, length = ids.shape
    words = partner_mask.sum(dim=1, keepdim=True)
    place = torch.arange(length, device=ids.device).expand(size, -1)
    opens = holes & ~functional.pad(holes, (1, 0))[:, :-1]
    stretch = place.masked_fill(~opens, 0).cummax(dim=1).values
    draw = (drawn(size, length, ids.device, generator) * (words + 1)).floor() - 0.5
    between = draw.gather(1, stretch) + place / (4 * length)
    own = torch.arange(partner_ids.shape[1], dtype=torch.float32, device=ids.device).expand(size, -1)
    order_by = torch.cat(
        [own.masked_fill(~partner_mask, torch.inf), between.masked_fill(~holes, torch.inf)], dim=1
    )
    order = order_by.argsort(dim=1, stable=True)
    longest = int((words[:, 0] + holes.sum(dim=1)).max())
    everything = torch.cat([partner_ids * partner_mask, ids * holes], dim=1)
    target = order.argsort(dim=1)[:, partner_ids.shape[1] :]
    return everything.gather(1, order)[:, :longest], target
