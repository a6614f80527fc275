"""Pairing: which majority samples each difficult sample is fused with.

    pairing = Pairing.from_embedding(embedding, difficult, majority, groups=groups, seed=0)
    partners = pairing.draw(rows, balance_tau(n_minority, n_majority), rng)     # one majority row for each row

In MISO (Tian et al. 2021) a large temperature tau lets a difficult sample look at nearly the whole majority, and tau
falling to 1 narrows its view. The partners that a batch offers the softmax follow the same rule: a difficult
sample draws from its ``scope * tau`` nearest majority samples. At tau = n-/n+ the scopes of n+ samples hold
``scope * n-`` places between them, so that together they cover the majority; at balance each is left with its
``scope`` nearest. Within its scope a sample meets everyone once before it meets anyone twice.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from counterpoise.errors import DataError
from counterpoise.neighbors import NearestNeighbors
from counterpoise.seeding import generator

Ints: TypeAlias = "npt.NDArray[np.integer]"

_GOLDEN = (math.sqrt(5) - 1) / 2


class Pairing:
    """Draws a majority partner for each difficult sample, again and again.

    Parameters
    ----------
    sources : array of int, shape (s,)
        Row numbers of the difficult samples.
    majority : array of int, shape (m,)
        Row numbers of the majority samples.
    nearest : array of int, shape (s, k)
        Majority rows nearest to each source, the nearest first. A few hundred are enough: of a scope wider
        than k, the part beyond is drawn from all of the majority at random.
    groups : array of int, shape (n,), or None, default=None
        Group of each row of the corpus, such as
        :func:`~counterpoise.text.duplicates.near_duplicate_groups` gives. A majority sample of the source's own
        group is nearly its own text and never its partner, unless the majority holds nothing else.
    scope : int, default=5
        How many nearest majority samples a source draws from where tau is 1.
    seed : int, default=0
        Where the rounds through the far majority samples start.

    Raises
    ------
    DataError
        If there is no majority sample.
    """

    def __init__(
        self,
        sources: Ints,
        majority: Ints,
        nearest: Ints,
        *,
        groups: Ints | None = None,
        scope: int = 5,
        seed: int = 0,
    ) -> None:
        if not len(majority):
            raise DataError("there is no majority sample; a difficult sample needs one to be paired with")
        self.scope = scope
        self.majority = np.asarray(majority, dtype=np.int64)
        self._place = {int(row): place for place, row in enumerate(sources)}
        self._groups = groups
        self._own = [None if groups is None else groups[row] for row in sources]
        self._eligible = _eligible(sources, self.majority, groups)
        self._only_own = self._eligible == 0
        self._eligible[self._only_own] = len(self.majority)
        self._nearest = [
            row if groups is None or self._only_own[place] else row[groups[row] != self._own[place]]
            for place, row in enumerate(np.asarray(nearest, dtype=np.int32))
        ]
        self._met = np.zeros(np.shape(nearest), dtype=np.int32)  # times that each near one has been drawn
        self._far = np.zeros(len(sources), dtype=np.int64)  # far ones drawn so far
        self._walked = np.zeros(len(sources), dtype=np.int64)  # steps of the walk that finds them
        self._start = generator(seed, "miso", "pairing").integers(0, len(self.majority), len(sources))
        self._stride = _stride(len(self.majority))

    @classmethod
    def from_embedding(
        cls,
        embedding: npt.NDArray[np.float32],
        sources: Ints,
        majority: Ints,
        *,
        groups: Ints | None = None,
        scope: int = 5,
        kept: int = 256,
        seed: int = 0,
    ) -> Pairing:
        """Find the nearest majority samples by the cosine of their embeddings.

        Parameters
        ----------
        embedding : ndarray of float32, shape (n, d)
            One row for each row of the corpus.
        sources, majority, groups, scope, seed
            As for the class.
        kept : int, default=256
            Nearest majority samples to keep for each source, and as many again where samples of its own group
            stand before them.

        Returns
        -------
        Pairing

        Raises
        ------
        DataError
            If there is no majority sample.
        """
        if not len(majority) or not len(sources):
            return cls(sources, majority, np.empty((len(sources), 0), dtype=np.int64))
        own = len(majority) - int(_eligible(sources, majority, groups).min())
        k = min(kept + min(own, kept), len(majority))
        index = NearestNeighbors(k, metric="cosine").fit(embedding[majority])
        _, places = index.kneighbors(embedding[sources])
        return cls(sources, majority, np.asarray(majority)[places], groups=groups, scope=scope, seed=seed)

    def width(self, tau: float) -> int:
        """Count the majority samples that a source draws from: ``scope * tau``, rounded up, at least 1."""
        return max(math.ceil(self.scope * tau), 1)

    def draw(self, rows: Ints, tau: float, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """Draw a partner for each of the rows and remember it.

        Parameters
        ----------
        rows : array of int, shape (b,)
            Sources, repeats allowed.
        tau : float
            Temperature: majority samples for each minority sample by now, 1 at balance.
        rng : numpy.random.Generator

        Returns
        -------
        ndarray of int64, shape (b,)
            Majority rows. A source meets all of its scope before it meets one of them again; when the scope
            narrows, those it has met least often come first.

        Raises
        ------
        KeyError
            If a row is not among the sources.
        """
        width = self.width(tau)
        places = [self._place[int(row)] for row in rows]
        return np.array([self._draw(place, width, rng) for place in places], dtype=np.int64)

    def _draw(self, place: int, width: int, rng: np.random.Generator) -> int:
        near = self._nearest[place]
        width = min(width, int(self._eligible[place]))
        met = self._met[place, : min(width, len(near))]
        far_width = width - len(met)
        least = self._rounds(place, met, far_width)
        unmet = np.flatnonzero(met <= least)
        far_left = max((least + 1) * far_width - int(self._far[place]), 0)
        chosen = int(rng.integers(len(unmet) + far_left))
        if chosen < len(unmet):
            self._met[place, unmet[chosen]] += 1
            return int(near[unmet[chosen]])
        self._far[place] += 1
        return self._walk(place)

    def _rounds(self, place: int, met: npt.NDArray[np.int32], far_width: int) -> int:
        """Times that the whole of the scope has been met."""
        rounds = [int(met.min())] if len(met) else []
        if far_width:
            rounds.append(int(self._far[place]) // far_width)
        return min(rounds)

    def _walk(self, place: int) -> int:
        """Next far majority sample of a source; a stride without common divisor passes all before it repeats."""
        while True:
            step = int(self._start[place] + self._walked[place] * self._stride)
            self._walked[place] += 1
            row = int(self.majority[step % len(self.majority)])
            if not self._is_own(place, row) and not (self._nearest[place] == row).any():
                return row

    def _is_own(self, place: int, row: int) -> bool:
        return (
            self._groups is not None and not self._only_own[place] and self._groups[row] == self._own[place]
        )


def _eligible(sources: Ints, majority: Ints, groups: Ints | None) -> npt.NDArray[np.int64]:
    """Count the majority samples outside each source's own group."""
    if groups is None:
        return np.full(len(sources), len(majority), dtype=np.int64)
    names, counts = np.unique(np.asarray(groups)[majority], return_counts=True)
    own = np.asarray(groups)[sources]
    found = np.minimum(np.searchsorted(names, own), len(names) - 1)
    return len(majority) - np.where(names[found] == own, counts[found], 0)


def _stride(n: int) -> int:
    """Step through n places that spreads its first stops evenly: near the golden section, prime to n."""
    stride = max(round(n * _GOLDEN), 1)
    while math.gcd(stride, n) > 1:
        stride += 1
    return stride
