"""Filling a class up with anchors: pairs drawn, texts written, repeats and copies dropped, tries bounded.

    anchors = harvest(writer, field, count=500, seed=0)

Each difficult sample is paired with many majority samples, nearest first, the scope falling with tau as the anchors
come. A text that stands in the corpus already, or was written before, is dropped and another pair is tried.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from counterpoise.errors import CounterpoiseWarning
from counterpoise.miso.corpus import Corpus
from counterpoise.miso.decoder import Written
from counterpoise.miso.fusion import balance_tau
from counterpoise.miso.pairing import Pairing
from counterpoise.miso.writers import Writer
from counterpoise.oversampling.base import Anchor, draw_sources
from counterpoise.progress import bar
from counterpoise.seeding import derive_seed, generator
from counterpoise.text.tokenizers import UNKNOWN

TRIES = 5
"""Texts written at most for each anchor that is asked for."""

SHARED = 0.9
"""From which likeness to a word of the partner a word counts as shared, besides those that the partner has too."""

_BATCH = 256


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
    """

    corpus: Corpus
    sources: np.ndarray
    difficulty: np.ndarray
    n_minority: int
    n_majority: int
    pairing: Pairing
    label: Any


def harvest(writer: Writer, field: Field, count: int, seed: int, *, falling: bool = True) -> list[Anchor]:
    """Write anchors.

    Parameters
    ----------
    writer : Writer
    field : Field
    count : int
    seed : int
    falling : bool, default=True
        Whether tau falls as the anchors come.

    Returns
    -------
    list of Anchor
        ``count`` of them, or fewer, with a warning, when too many tries gave nothing new.
    """
    known = {hash(_plain(text)) for text in field.corpus.texts}
    order = _Sources(field.sources, seed)
    level = dict(zip(field.sources.tolist(), field.difficulty.tolist(), strict=True))
    anchors: list[Anchor] = []
    tries = 0
    with bar("anchors", count) as progress:
        while len(anchors) < count and tries < TRIES * count:
            size = min(_BATCH, max(count - len(anchors), 8), TRIES * count - tries)
            tau = balance_tau(field.n_minority + (len(anchors) if falling else 0), field.n_majority)
            rng = generator(seed, "pairs", tries)
            noise = torch.Generator().manual_seed(derive_seed(seed, "writing", tries))
            rows = order.next(size)
            partners = field.pairing.draw(rows, tau, rng)
            texts, shared = writer.write(rows, partners, tau, noise)
            tries += size
            before = len(anchors)
            for row, partner, written, words in zip(rows, partners, texts, shared, strict=True):
                plain = _plain(written.text)
                if plain and hash(plain) not in known and len(anchors) < count:
                    known.add(hash(plain))
                    anchors.append(_anchor(field.corpus, int(row), int(partner), written, words, level))
            progress.advance(len(anchors) - before)
    if len(anchors) < count:
        warnings.warn(
            f"only {len(anchors)} different texts of class {field.label!r} came of {tries} tries, {count} were "
            f"wanted; its {field.n_minority} texts are too few or too short: lower balance or raise budget",
            CounterpoiseWarning,
            stacklevel=2,
        )
    return anchors


class _Sources:
    """Difficult samples in turn, all equally often, in an order that does not depend on how many are asked for."""

    def __init__(self, rows: np.ndarray, seed: int) -> None:
        self.rows, self.seed, self.round, self.left = rows, seed, 0, np.empty(0, dtype=np.int64)

    def next(self, count: int) -> np.ndarray:
        while len(self.left) < count:
            rng = generator(self.seed, "sources", self.round)
            self.left = np.concatenate([self.left, draw_sources(self.rows, len(self.rows), rng)])
            self.round += 1
        taken, self.left = self.left[:count], self.left[count:]
        return taken


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _anchor(
    corpus: Corpus, row: int, partner: int, written: Written, shared: Tensor, level: dict[int, float]
) -> Anchor:
    own, ids = corpus.words(row), corpus.ids(row).tolist()
    # Unknown words all have one vector, and would all be alike: they are shared only where they are the same.
    common = {
        w for w, i, like in zip(own, ids, shared.tolist(), strict=False) if like >= SHARED and i != UNKNOWN
    }
    common |= set(corpus.words(partner))
    return Anchor(
        text=written.text,
        source_row=row,
        partner_rows=(partner,),
        kept=written.kept,
        shared=tuple(word for word in written.kept if word in common),
        injected=written.injected,
        difficulty=level[row],
    )
