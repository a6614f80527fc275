"""Texts to vectors without any label: what to compare texts by when no model may have memorised them.

    vectors = label_free_embedding(texts)              # (n, 128), rows of length 1: compare by cosine

Each text is the weighted mean of word vectors learnt from these texts by counting
(:func:`counterpoise.text.vectors.learn_vectors`). Common words weigh little (smooth inverse frequency: Arora,
Liang and Ma, "A simple but tough-to-beat baseline for sentence embeddings", ICLR 2017, equation 1). Their second
step, taking away what all texts have in common, is left out: with these vectors it made neighbours no better.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from counterpoise.seeding import derive_seed
from counterpoise.text.tokenizers import Texts, WordTokenizer
from counterpoise.text.vectors import learn_vectors

_FREQUENCY = 1e-2  # words more frequent than this are weighed down; inverse document frequency does as well
_TEXTS_AT_ONCE = 20_000


def label_free_embedding(
    texts: Texts, seed: int = 0, *, dim: int = 128, max_length: int = 256
) -> npt.NDArray[np.float32]:
    """Embed texts by the words in them, without labels.

    Parameters
    ----------
    texts : sequence of str, shape (n,)
        Vocabulary and word vectors are learnt from them.
    seed : int, default=0
        Of the random projections in the decompositions.
    dim : int, default=128
        Dimensions of the word vectors.
    max_length : int, default=256
        Tokens read of each text, from its start.

    Returns
    -------
    ndarray of float32, shape (n, dim)
        Rows of length 1, or zeros for a text whose words never stand with others. Equal texts have equal rows.

    Raises
    ------
    DataError
        If a text is not a valid ``str``.
    """
    tokenizer = WordTokenizer().fit(texts)
    values, offsets = tokenizer.encode(texts, max_length)
    vectors = learn_vectors(
        values, offsets, len(tokenizer), dim, seed=derive_seed(seed, "label-free embedding")
    )
    counts = np.bincount(values, minlength=len(tokenizer))
    weights = (_FREQUENCY / (_FREQUENCY + counts / max(counts.sum(), 1))).astype(np.float32)
    embedding = np.empty((len(offsets) - 1, dim), dtype=np.float32)
    for start in range(0, len(embedding), _TEXTS_AT_ONCE):
        bounds = offsets[start : start + _TEXTS_AT_ONCE + 1]
        ids = values[bounds[0] : bounds[-1]]
        words = sp.csr_array((weights[ids], ids, bounds - bounds[0]), shape=(len(bounds) - 1, len(tokenizer)))
        embedding[start : start + len(bounds) - 1] = words @ vectors
    embedding /= np.diff(offsets)[:, None]
    norms = np.linalg.norm(embedding, axis=1, keepdims=True)
    return np.divide(embedding, norms, out=np.zeros_like(embedding), where=norms > 0)
