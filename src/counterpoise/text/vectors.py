"""Word vectors learnt without labels, from the fitting side's own texts, by counting and two decompositions.

    values, offsets = tokenizer.encode(fitting_texts)
    vectors = learn_vectors(values, offsets, len(tokenizer))       # (V, 128), ready for an embedding layer

A rare class shows a network too few of its words to place them; all texts together show them among their
neighbours. The first half of the dimensions says which words stand close together: singular vectors of the
positive pointwise mutual information of words within a window, which is what word2vec factorises implicitly
(Levy and Goldberg 2014; no shift, since log 5 ranked no better), with the smoothing of Levy, Goldberg and
Dagan (2015, section 3.2). The second half says which words occur in the same texts: latent semantic analysis
of the weighted word by document matrix (Deerwester et al. 1990).

:func:`shuffled_vectors` is the control: the same numbers without the meaning.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.utils.extmath import randomized_svd

from counterpoise.errors import SettingsError
from counterpoise.seeding import derive_seed, generator

Ids: TypeAlias = "npt.NDArray[np.integer[Any]]"

_SMOOTHING = 0.75  # exponent of the context counts: keeps rare contexts from dominating (Levy et al. 2015)
_POWER = 0.5  # exponent of the singular values (Levy et al. 2015, section 3.3)
_CONTEXTS = 20_000  # most frequent words that serve as contexts; bounds memory for large vocabularies
_TOKENS_AT_ONCE = 4_000_000  # pairs are counted in chunks of this many tokens
_FIRST_WORD = 1  # id 0 is padding


def learn_vectors(
    values: Ids,
    offsets: Ids,
    vocabulary_size: int,
    dim: int = 128,
    *,
    window: int = 5,
    seed: int = 0,
) -> npt.NDArray[np.float32]:
    """Word vectors of a set of texts, without labels.

    Parameters
    ----------
    values : ndarray of int, shape (n_tokens,)
        Ids of all texts, one after the other (:meth:`WordTokenizer.encode`); 0 is padding and is passed over.
    offsets : ndarray of int, shape (n_texts + 1,)
        Text ``i`` is ``values[offsets[i]:offsets[i + 1]]``.
    vocabulary_size : int
        Number of ids, special ones included.
    dim : int, default=128
        Dimensions: half (rounded up) from co-occurrence, half from documents.
    window : int, default=5
        Words up to this distance apart, in either direction and within one text, co-occur.
    seed : int, default=0
        Of the random projections in the decompositions. Equal inputs and seed give equal bits.

    Returns
    -------
    ndarray of float32, shape (vocabulary_size, dim)
        Each half of each row is scaled to a root mean square of 1, as in a freshly drawn
        ``torch.nn.Embedding``: unscaled, the length of a vector mostly says how frequent the word is, and
        drowns the rest. Padding is zeros. The unknown word is learnt like any other: it stands where rare
        words of the fitting side stand, and so will rare words of new texts. Words that never co-occur (or
        never occur), and dimensions beyond the rank of the counts, are zeros.

    Raises
    ------
    SettingsError
        If ``dim`` or ``window`` is below 1.

    References
    ----------
    Levy and Goldberg, "Neural word embedding as implicit matrix factorization", NeurIPS 2014.
    Levy, Goldberg and Dagan, "Improving distributional similarity with lessons learned from word embeddings",
    TACL 3, 2015.
    Deerwester et al., "Indexing by latent semantic analysis", JASIS 41(6), 1990.
    """
    if dim < 1 or window < 1:
        raise SettingsError(f"dim is {dim} and window is {window}; both must be at least 1.")
    ids, starts = values.astype(np.int32), offsets.astype(np.int64)
    near = _positive_pmi(_cooccurrences(ids, starts, vocabulary_size, window))
    together = _weighted_documents(ids, starts, vocabulary_size)
    first = dim - dim // 2
    return np.hstack(
        [
            _decompose(near, first, derive_seed(seed, "vectors", "cooccurrence")),
            _decompose(together, dim - first, derive_seed(seed, "vectors", "documents")),
        ]
    )


def shuffled_vectors(vectors: npt.NDArray[np.float32], seed: int = 0) -> npt.NDArray[np.float32]:
    """Hand the vectors out to other words at random: what is left when their meaning is gone.

    Parameters
    ----------
    vectors : ndarray of float32, shape (V, dim)
        Rows 0 (padding) and 1 (unknown) stay where they are.
    seed : int, default=0
        Of the permutation.

    Returns
    -------
    ndarray of float32, shape (V, dim)
        A copy with the same rows in another order.
    """
    order = np.arange(len(vectors))
    generator(seed, "vectors", "shuffled").shuffle(order[2:])
    return vectors[order]


def _cooccurrences(
    values: npt.NDArray[np.int32], offsets: npt.NDArray[np.int64], size: int, window: int
) -> sp.csr_array:
    """Counts of (word, context) within the window; only the commonest words serve as contexts."""
    occurrences = np.bincount(values, minlength=size)
    contexts = np.zeros(size, dtype=bool)
    contexts[np.argsort(-occurrences, kind="stable")[:_CONTEXTS]] = True
    document = np.repeat(np.arange(len(offsets) - 1, dtype=np.int32), np.diff(offsets))
    counts = sp.csr_array((size, size), dtype=np.float32)
    for start in range(0, len(values), _TOKENS_AT_ONCE):
        words = values[start : start + _TOKENS_AT_ONCE + window]
        within = document[start : start + _TOKENS_AT_ONCE + window]
        for distance in range(1, window + 1):
            end = min(_TOKENS_AT_ONCE, len(words) - distance)
            if end <= 0:
                continue
            left, right = words[:end], words[distance : distance + end]
            valid = (within[:end] == within[distance : distance + end]) & (left > 0) & (right > 0)
            counts = counts + _pair_counts(left[valid], right[valid], contexts)
    return counts


def _pair_counts(
    left: npt.NDArray[np.int32], right: npt.NDArray[np.int32], contexts: npt.NDArray[np.bool_]
) -> sp.csr_array:
    ones = np.ones(len(left), dtype=np.float32)
    pairs = sp.coo_array((ones, (left, right)), shape=(len(contexts), len(contexts))).tocsr()
    both = (pairs + pairs.T).tocsr()
    if contexts.all():
        return both
    both.data *= contexts[both.indices]
    both.eliminate_zeros()
    return both


def _positive_pmi(counts: sp.csr_array) -> sp.csr_array:
    """Replace counts by max(PMI, 0), context counts smoothed."""
    words = np.asarray(counts.sum(axis=1), dtype=np.float64)
    contexts = np.asarray(counts.sum(axis=0), dtype=np.float64) ** _SMOOTHING
    if not counts.nnz:
        return counts
    with np.errstate(divide="ignore"):
        row_log, column_log = np.log(words), np.log(contexts / contexts.sum())
    rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    information = np.log(counts.data) - row_log[rows] - column_log[counts.indices]
    pmi = sp.csr_array(
        (np.maximum(information, 0).astype(np.float32), counts.indices, counts.indptr), shape=counts.shape
    )
    pmi.eliminate_zeros()
    return pmi


def _weighted_documents(
    values: npt.NDArray[np.int32], offsets: npt.NDArray[np.int64], size: int
) -> sp.csr_array:
    """Word by document matrix: 1 + log count, times inverse document frequency, documents of length one."""
    n = len(offsets) - 1
    documents = sp.csr_array((np.ones(len(values), dtype=np.float32), values, offsets), shape=(n, size))
    documents.sum_duplicates()
    frequency = np.bincount(documents.indices, minlength=size)
    inverse = np.log((1 + n) / (1 + frequency)) + 1
    inverse[:_FIRST_WORD] = 0
    weights = (1 + np.log(documents.data)) * inverse[documents.indices]
    rows = np.repeat(np.arange(n), np.diff(documents.indptr))
    norms = np.sqrt(np.bincount(rows, weights=weights**2, minlength=n))
    documents.data = (weights / np.maximum(norms, 1e-12)[rows]).astype(np.float32)
    documents.eliminate_zeros()
    return documents.T.tocsr()


def _decompose(matrix: sp.csr_array, dim: int, seed: int) -> npt.NDArray[np.float32]:
    """Left singular vectors times a power of the singular values, each row scaled; zeros where unknown."""
    vectors = np.zeros((matrix.shape[0], dim), dtype=np.float32)
    known = np.flatnonzero(np.diff(matrix.indptr))
    kept = min(dim, len(known), matrix.shape[1])
    if not kept:
        return vectors
    state = np.random.RandomState(seed % 2**32)
    left, strengths, _ = randomized_svd(matrix[known], kept, n_iter=4, random_state=state)
    # Beyond the rank of the matrix the vectors are rounding noise that no seed would repeat elsewhere.
    strengths = np.where(strengths > 1e-5 * strengths[0], strengths, 0)
    placed = left * strengths**_POWER
    norms = np.linalg.norm(placed, axis=1)
    seen = norms > 1e-5 * norms.max()
    vectors[known[seen], :kept] = placed[seen] / norms[seen, None] * np.sqrt(dim)
    return vectors
