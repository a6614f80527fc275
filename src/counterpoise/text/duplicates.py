"""Groups of texts that say the same, so that a split can keep them on one side.

    groups = near_duplicate_groups(texts)           # equal numbers: the same text, or nearly so

Message and review collections hold many copies and templates; a copy on both sides of a split lets a model
score by remembering. Two texts are linked when they are equal after case-folding and white-space
normalisation, or when their sets of words have a Jaccard similarity of at least .9; groups are what links
connect.

The search is exact. With words ordered from rare to common, sets that similar share a word among the first
few of each (prefix filtering: Chaudhuri et al. 2006; Bayardo et al. 2007), not much later in one than in the
other (position filtering: Xiao et al. 2008), and the parity of 256 hashed word counts bounds their difference
from below. What passes is counted. Links are merged as they are found, so that thousands of copies of one
template cost thousands of comparisons, not millions, and memory stays bounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from counterpoise.errors import SettingsError
from counterpoise.seeding import generator
from counterpoise.text.tokenizers import Texts, as_series, tokenize

Ints: TypeAlias = "npt.NDArray[np.int64]"

_PAIRS_AT_ONCE = 1_000_000
_COUNTED_AT_ONCE = 50_000
_ROUNDING = 1e-9  # keeps a filter from dropping a pair that lies exactly on the threshold


def near_duplicate_groups(texts: Texts, threshold: float = 0.9) -> Ints:
    """Number the groups of equal and nearly equal texts.

    Parameters
    ----------
    texts : sequence of str, shape (n,)
        Any scripts; the words of a text are its tokens (:func:`~counterpoise.text.tokenizers.tokenize`, after
        case-folding) that hold a letter or a digit. Each Chinese character is one.
    threshold : float, default=0.9
        Jaccard similarity of two word sets from which the texts are linked, above 0, at most 1. At .9, texts
        of fewer than ten words are linked only when their word sets are equal.

    Returns
    -------
    ndarray of int64, shape (n,)
        Group of each text, numbered from 0 in order of first appearance.

    Raises
    ------
    SettingsError
        If ``threshold`` is out of range.
    DataError
        If a text is not a valid ``str``.

    References
    ----------
    Chaudhuri, Ganti and Kaushik, "A primitive operator for similarity joins in data cleaning", ICDE 2006.
    Bayardo, Ma and Srikant, "Scaling up all pairs similarity search", WWW 2007.
    Xiao, Wang, Lin and Yu, "Efficient similarity joins for near duplicate detection", WWW 2008.

    Examples
    --------
    >>> near_duplicate_groups(["Call now!", "call  NOW", "Call me now"])
    array([0, 0, 1])
    """
    if not 0 < threshold <= 1:
        raise SettingsError(f"threshold is {threshold}; it must be above 0 and at most 1.")
    nodes, sets = _distinct_sets(texts)
    labels = np.arange(nodes.max() + 1) if len(nodes) else nodes
    if sets.shape[0]:
        labels[: sets.shape[0]] = _linked_sets(sets, threshold)
    _, first, group = np.unique(labels[nodes], return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[group].astype(np.int64)


def _distinct_sets(texts: Texts) -> tuple[Ints, sp.csr_array]:
    """Node of each text, and the word sets of nodes 0 .. m - 1; texts without words are the nodes after."""
    folded = [" ".join(text.casefold().split()) for text in as_series(texts).to_list()]
    sets = _word_sets(tokenize(folded))
    indices, bounds = sets.indices, sets.indptr.tolist()
    seen: dict[bytes | str, int] = {}
    keys = [
        indices[start:end].tobytes() if end > start else text
        for text, start, end in zip(folded, bounds, bounds[1:], strict=False)
    ]
    rows = [
        row for row, key in enumerate(keys) if isinstance(key, bytes) and seen.setdefault(key, row) == row
    ]
    number = {keys[row]: node for node, row in enumerate(rows)}
    nodes = np.array([number.setdefault(key, len(number)) for key in keys], dtype=np.int64)
    return nodes, sets[rows]


def _word_sets(tokens: pl.Series) -> sp.csr_array:
    """Texts by words, 1 where the word occurs; words numbered from rare to common, ascending in each row."""
    lengths = tokens.list.len().to_numpy().astype(np.int64)
    flat = tokens.filter(tokens.list.len() > 0).explode()
    distinct = flat.unique()
    wordlike = distinct.str.contains(r"[\p{L}\p{N}]").to_numpy()
    ids = flat.cast(pl.Enum(distinct)).to_physical().to_numpy()
    keep = wordlike[ids]
    row = np.repeat(np.arange(len(lengths)), lengths)[keep]
    ones = np.ones(len(row), dtype=np.int32)
    sets = sp.csr_array((ones, (row, ids[keep])), shape=(len(lengths), len(distinct)))
    sets.sum_duplicates()
    rank = np.argsort(np.argsort(np.bincount(sets.indices, minlength=len(distinct)), kind="stable"))
    sets = sp.csr_array((np.ones_like(sets.data), rank[sets.indices], sets.indptr), shape=sets.shape)
    sets.sort_indices()
    return sets


@dataclass
class _Postings:
    """Prefix words of the sets, one entry a (word, set), sorted by word and then by size of the set."""

    rows: Ints
    places: Ints  # of the word within its set
    ends: Ints  # partners are the entries after this one and before here: same word, not too large a set


def _postings(sets: sp.csr_array, sizes: Ints, threshold: float) -> _Postings:
    """Entries in which two sets must meet to reach the threshold; the smaller has its own early on."""
    prefix = sizes - np.ceil(threshold * sizes - _ROUNDING).astype(np.int64) + 1
    rows = np.repeat(np.arange(len(sizes)), sizes)
    places = np.arange(len(rows)) - np.repeat(sets.indptr[:-1].astype(np.int64), sizes)
    inside = places < prefix[rows]
    words, rows, places = sets.indices[inside].astype(np.int64), rows[inside], places[inside]
    # One number orders by word and then by size, and finds the last size that can match.
    scale = int(sizes.max()) + 1
    key = words * scale + sizes[rows]
    order = np.argsort(key, kind="stable")
    key, rows, places = key[order], rows[order], places[order]
    largest = np.floor(sizes[rows] / threshold + _ROUNDING).astype(np.int64)
    ends = np.searchsorted(key, key - sizes[rows] + np.minimum(largest, scale - 1), side="right")
    ends[places > _allowed_share(threshold) * sizes[rows] + _ROUNDING] = 0
    return _Postings(rows, places, ends)


def _allowed_share(threshold: float) -> float:
    """A Jaccard similarity of t means at most this share of |x| + |y| in the symmetric difference."""
    return (1 - threshold) / (1 + threshold)


def _linked_sets(sets: sp.csr_array, threshold: float) -> Ints:
    """Component of each of the distinct, non-empty sets."""
    sizes = np.diff(sets.indptr).astype(np.int64)
    parities = _parities(sets)
    postings = _postings(sets, sizes, threshold)
    labels = np.arange(len(sizes))
    entry = 0
    while entry < len(postings.rows):
        entry, left, right = _next_pairs(postings, labels, entry)
        x, y = postings.rows[left], postings.rows[right]
        total = sizes[x] + sizes[y]
        allowed = np.floor(_allowed_share(threshold) * total + _ROUNDING).astype(np.int64)
        # At the first word they share, what stands before it is in one set only.
        remaining = np.minimum(sizes[x] - postings.places[left], sizes[y] - postings.places[right])
        near = (labels[x] != labels[y]) & (total - 2 * remaining <= allowed)
        x, y, allowed = x[near], y[near], allowed[near]
        for parity in parities:
            allowed = allowed - np.bitwise_count(parity[x] ^ parity[y])
            near = allowed >= 0
            x, y, allowed = x[near], y[near], allowed[near]
        labels = _count_and_merge(sets, sizes, labels, x, y, threshold)
    return labels


def _next_pairs(postings: _Postings, labels: Ints, entry: int) -> tuple[int, Ints, Ints]:
    """Pairs of entries from ``entry`` on, as many as fit, and the entry to go on with.

    Neighbours in a row of entries that are already in one group need no comparing, so each entry's partners
    start where its row of equal labels ends.
    """
    ahead = labels[postings.rows[entry:]]
    changes = np.append(np.flatnonzero(ahead[1:] != ahead[:-1]) + 1, len(ahead))
    begins = entry + np.repeat(changes, np.diff(changes, prepend=0))
    counts = np.maximum(postings.ends[entry:] - begins, 0)
    taken = max(1, int(np.searchsorted(np.cumsum(counts), _PAIRS_AT_ONCE, side="right")))
    begins, counts = begins[:taken], counts[:taken]
    left = np.repeat(np.arange(entry, entry + taken), counts)
    right = np.repeat(begins - (np.cumsum(counts) - counts), counts) + np.arange(len(left))
    return entry + taken, left, right


def _parities(sets: sp.csr_array) -> list[npt.NDArray[np.uint64]]:
    """Four times 64 bits a set; each word flips one bit, so sets differ in at least as many words as bits."""
    bit = generator(0, "duplicates", "bits").integers(0, 256, size=sets.shape[1])
    starts = sets.indptr[:-1]
    parities = []
    for part in range(4):
        mask = np.where(bit // 64 == part, np.uint64(1) << (bit % 64).astype(np.uint64), np.uint64(0))
        parities.append(np.bitwise_xor.reduceat(mask[sets.indices], starts))
    return parities


def _count_and_merge(
    sets: sp.csr_array, sizes: Ints, labels: Ints, x: Ints, y: Ints, threshold: float
) -> Ints:
    for start in range(0, len(x), _COUNTED_AT_ONCE):
        a, b = x[start : start + _COUNTED_AT_ONCE], y[start : start + _COUNTED_AT_ONCE]
        apart = labels[a] != labels[b]
        a, b = a[apart], b[apart]
        shared = np.asarray(sets[a].multiply(sets[b]).sum(axis=1)).ravel()
        linked = shared / (sizes[a] + sizes[b] - shared) >= threshold
        a, b = labels[a[linked]], labels[b[linked]]
        if len(a):
            links = sp.coo_array((np.ones(len(a), dtype=np.int8), (a, b)), shape=(len(labels), len(labels)))
            labels = connected_components(links, directed=False)[1].astype(np.int64)[labels]
    return labels
