"""Filling a class up with anchors: pairs drawn, texts written, what is no anchor dropped, tries bounded.

    anchors = harvest(writer, field, count=500, seed=0)

Each difficult sample is paired with many majority samples, nearest first, the scope falling with tau as the anchors
come. A text is dropped, and another pair is tried, if it stands in the corpus already, if it has the very words of its
source or of an anchor before it, in whatever order, or if it does not read as of its class any more
(:class:`counterpoise.oversampling.belonging.Belonging`). Sources that have given fewer anchors than others come first.
"""

from __future__ import annotations

import heapq
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from counterpoise.errors import CounterpoiseWarning
from counterpoise.miso.corpus import Corpus
from counterpoise.miso.decoder import Written
from counterpoise.miso.fusion import falling_tau
from counterpoise.miso.pairing import Pairing
from counterpoise.miso.writers import Writer
from counterpoise.oversampling.anchors import Anchor
from counterpoise.oversampling.belonging import Belonging
from counterpoise.oversampling.novelty import Novelty
from counterpoise.progress import bar
from counterpoise.seeding import derive_seed, generator
from counterpoise.text.tokenizers import UNKNOWN, tokenize

TRIES = 5
"""Texts written at most for each anchor that is asked for, of all sources and of each."""

SHARED = 0.9
"""From which likeness to a word of the partner a word counts as shared, besides those that the partner has too."""

_BATCH = 128  # texts written at once
_BLOCK = 1024  # texts drawn at once, at most, to make batches of texts of similar length
_BLOCKS = 16  # at least, for tau to fall by


@dataclass(frozen=True)
class Field:
    """Where the anchors of one class come from.

    Attributes
    ----------
    corpus : Corpus
    sources : ndarray of int64, shape (s,)
        Difficult samples.
    difficulty : ndarray of float64, shape (s,)
        Share of each one's neighbours that are of another class.
    n_minority, n_majority : int
    pairing : Pairing
    label : object
        For messages.
    belonging : Belonging or None, default=None
        Refuses texts that read as of another class; None refuses none.
    distinct : bool, default=True
        Whether a text is refused that repeats another; if not, all that have a word are taken.
    soft_labels : bool, default=False
        Whether anchors say which share of their words is their own class's.
    """

    corpus: Corpus
    sources: np.ndarray
    difficulty: np.ndarray
    n_minority: int
    n_majority: int
    pairing: Pairing
    label: Any
    belonging: Belonging | None = None
    distinct: bool = True
    soft_labels: bool = False


def harvest(
    writer: Writer,
    field: Field,
    count: int,
    seed: int,
    *,
    falling: bool = True,
    before: Sequence[str] = (),
) -> list[Anchor]:
    """Write anchors.

    Parameters
    ----------
    writer : Writer
    field : Field
    count : int
    seed : int
    falling : bool, default=True
        Whether tau falls as the anchors come.
    before : sequence of str, default=()
        Anchors that were written earlier: none of them comes again, and tau has fallen with them.

    Returns
    -------
    list of Anchor
        ``count`` of them, or fewer, with a warning, when too many tries gave nothing new.
    """
    novelty = Novelty(field.corpus.texts, field.sources)
    turns = _Turns(field.sources, count, seed)
    for text, words in zip(before, _tokens(before), strict=True):
        novelty.take(text, words)
    # Of many classes, and of a part of the gap, fewer come than would balance the class with all others.
    balancing = max(min(max(len(before), count), field.n_majority - field.n_minority), 1)
    level = dict(zip(field.sources.tolist(), field.difficulty.tolist(), strict=True))
    block = min(max(count // _BLOCKS, 64), _BLOCK)
    anchors: list[Anchor] = []
    with bar("anchors", count) as progress:
        while len(anchors) < count and turns.left:
            progressed = min((len(before) + len(anchors)) / balancing, 1.0) if falling else 0.0
            tau = falling_tau(progressed, field.n_minority, field.n_majority)
            rng = generator(seed, "pairs", turns.tries)
            noise = torch.Generator().manual_seed(derive_seed(seed, "writing", turns.tries))
            rows = turns.next(min(block, max(count - len(anchors), 8)))
            partners = field.pairing.draw(rows, tau, rng)
            found = _written(writer, field, rows, partners, tau, noise)
            tokens = _tokens([written.text for written, _ in found])
            belongs = np.ones(len(rows), dtype=bool)
            if field.belonging is not None:
                belongs = field.belonging.keeps(tokens, rows)
            had = len(anchors)
            for row, partner, (written, shared), own, fits in zip(
                rows, partners, found, tokens, belongs, strict=True
            ):
                new = novelty.admits(written.text, own) if field.distinct else bool(own)
                if fits and new and len(anchors) < count:
                    novelty.take(written.text, own)
                    turns.took(int(row))
                    anchors.append(_anchor(field, int(row), int(partner), written, shared, level))
            progress.advance(len(anchors) - had)
    if len(anchors) < count:
        warnings.warn(
            f"only {len(anchors)} different texts of class {field.label!r} came of {turns.tries} tries, {count} were "
            f"wanted; its {field.n_minority} texts are too few or too short: lower balance or raise budget",
            CounterpoiseWarning,
            stacklevel=2,
        )
    return anchors


def _written(
    writer: Writer, field: Field, rows: np.ndarray, partners: np.ndarray, tau: float, noise: torch.Generator
) -> list[tuple[Written, Tensor]]:
    """Texts, and how shared each word of their sources is, in the order of the rows."""
    found: list[Any] = [None] * len(rows)
    order = np.argsort([len(field.corpus.words(row)) for row in rows], kind="stable")
    for start in range(0, len(rows), _BATCH):
        batch = order[start : start + _BATCH]
        texts, shared = writer.write(rows[batch], partners[batch], tau, noise)
        for place, written, words in zip(batch, texts, shared, strict=True):
            found[place] = written, words
    return found


class _Turns:
    """Whose turn it is: the sources of the fewest anchors so far, as long as they have tries left."""

    def __init__(self, rows: np.ndarray, count: int, seed: int) -> None:
        self.seed, self.tries, self.most = seed, 0, TRIES * count
        each = TRIES * -(-count // len(rows))
        self._given = dict.fromkeys(rows.tolist(), 0)
        self._left = dict.fromkeys(rows.tolist(), each)

    @property
    def left(self) -> bool:
        """Whether there is another try."""
        return self.tries < self.most and any(self._left.values())

    def next(self, count: int) -> np.ndarray:
        """Draw at most ``count`` sources, one at least while there is a try left."""
        rng = generator(self.seed, "sources", self.tries)
        alive = [row for row, left in self._left.items() if left]
        heap = [
            (self._given[row], lot, row) for row, lot in zip(alive, rng.permutation(len(alive)), strict=True)
        ]
        heapq.heapify(heap)
        drawn: list[int] = []
        while heap and len(drawn) < min(count, self.most - self.tries):
            given, lot, row = heapq.heappop(heap)
            drawn.append(row)
            self._left[row] -= 1
            if self._left[row]:
                heapq.heappush(heap, (given + 1, lot, row))
        self.tries += len(drawn)
        return np.array(drawn, dtype=np.int64)

    def took(self, row: int) -> None:
        """Note that a source has given an anchor."""
        self._given[row] += 1


def _tokens(texts: Sequence[str]) -> list[list[str]]:
    return tokenize(np.array(texts, dtype=object)).to_list()


def _anchor(
    field: Field, row: int, partner: int, written: Written, shared: Tensor, level: dict[int, float]
) -> Anchor:
    corpus = field.corpus
    own, ids = corpus.words(row), corpus.ids(row).tolist()
    # Unknown words all have one vector, and would all be alike: they are shared only where they are the same.
    common = {
        w for w, i, like in zip(own, ids, shared.tolist(), strict=False) if like >= SHARED and i != UNKNOWN
    }
    common |= set(corpus.words(partner))
    return Anchor(
        text=written.text,
        source_row=row,
        partner_rows=(partner, *written.donors),
        kept=written.kept,
        shared=tuple(word for word in written.kept if word in common),
        injected=written.injected,
        difficulty=level[row],
        own_share=1 - written.lent / max(len(written.kept) + len(written.injected), 1)
        if field.soft_labels
        else None,
    )
