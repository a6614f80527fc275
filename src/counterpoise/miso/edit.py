"""MISO without a decoder: keep, swap and inject words of a difficult sample, nothing learnt by gradient.

    editor = Editor(corpus, Gate(budget=1/3, run=1), donors=minority_rows)
    editor.write(rows, partners, generator)[0].text

The cheap method of its own (``generator="edit"``) and the yardstick of every decoder: the same gate opens the same
share of words, and the partner's words come in blindly, in their order, instead of by a learnt likelihood.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from counterpoise.miso.corpus import Corpus
from counterpoise.miso.decoder import Written
from counterpoise.miso.gate import INJECTED, PARTNER, Gate
from counterpoise.text.edited import join_edited


class Editor:
    """Write anchors by replacing words.

    Parameters
    ----------
    corpus : Corpus
    gate : Gate
    donors : ndarray of int64
        Rows of minority texts that lend the injected words.
    """

    def __init__(self, corpus: Corpus, gate: Gate, donors: np.ndarray) -> None:
        self.corpus, self.gate, self.donors = corpus, gate, donors

    def shared(self, rows: np.ndarray, partners: np.ndarray) -> Tensor:
        """How shared each word of a row is with its partner, ``(B, T)`` in [0, 1]: best cosine of their vectors."""
        ids, mask = self.corpus.batch(rows)
        lent, there = self.corpus.batch(partners)
        own, other = (functional.normalize(self.corpus.vectors[i], dim=-1) for i in (ids, lent))
        cosines = own @ other.transpose(1, 2)
        return cosines.masked_fill(~there[:, None], 0).amax(dim=2).clamp(0, 1) * mask

    def write(self, rows: np.ndarray, partners: np.ndarray, generator: torch.Generator) -> list[Written]:
        """Write one text for each pair.

        Parameters
        ----------
        rows, partners : ndarray of int64, shape (B,)
            Difficult samples and majority samples.
        generator : torch.Generator

        Returns
        -------
        list of Written
        """
        _, mask = self.corpus.batch(rows)
        shared = self.shared(rows, partners) if self.gate.weight else None
        with torch.no_grad():
            chance = self.gate(shared, mask, self.gate.budgets(len(rows), generator), generator)
            holes = self.gate.holes(chance, mask, generator).numpy()
        rng = np.random.default_rng(int(torch.randint(2**62, (), generator=generator)))
        return [
            self._written(int(row), int(partner), hole, rng)
            for row, partner, hole in zip(rows, partners, holes, strict=True)
        ]

    def _written(self, row: int, partner: int, holes: np.ndarray, rng: np.random.Generator) -> Written:
        words, gaps = list(self.corpus.words(row)), self.corpus.gaps(row)
        opened = holes[: len(words)]
        others = self.donors[self.donors != row] if len(self.donors) > 1 else self.donors
        donor = int(rng.choice(others)) if (opened == INJECTED).any() else row
        injected: list[str] = []
        given = np.zeros(len(words), dtype=bool)
        for kind, lender in ((PARTNER, partner), (INJECTED, donor)):
            places, lent = np.flatnonzero(opened == kind), self.corpus.words(lender)
            places = np.sort(rng.permutation(places)[: len(lent)])
            taken = np.sort(rng.choice(len(lent), len(places), replace=False)) if len(places) else places
            for place, index in zip(places, taken, strict=True):
                words[place] = lent[index]
                given[place] = True
                injected.append(lent[index])
        kept = tuple(word for word, gone in zip(words, given, strict=True) if not gone)
        donors = (donor,) if (given & (opened == INJECTED)).any() else ()
        of_partner = int((given & (opened == PARTNER)).sum())
        return Written(join_edited(words, gaps), kept, tuple(injected), donors, of_partner)
