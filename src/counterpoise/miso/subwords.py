"""Sub-words for writing: a small vocabulary that spells any text of the fitting side, and only such texts.

    subwords = Subwords(size=4000).fit(texts)
    values, offsets = subwords.encode(texts, max_length=256)       # ragged: row i is values[offsets[i]:offsets[i + 1]]
    subwords.decode(values[offsets[0] : offsets[1]]) == texts[0]

Byte-pair encoding (Sennrich et al. 2016) from the ``tokenizers`` library, over characters: every character of the
fitting side is a sub-word, so nothing is unknown, and any sequence of sub-words is a text. (Over bytes, as in GPT-2,
a sampled sequence can be a broken character.) Case and white space are kept to the letter; a sub-word may begin with
the space before a word, and none reaches across words. A script without spaces gets its characters and their most
frequent combinations. Each sub-word has a vector learnt without labels, as words have.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

import numpy as np
import numpy.typing as npt
from tokenizers import Regex, Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import Split
from tokenizers.trainers import BpeTrainer

from counterpoise.errors import SettingsError
from counterpoise.seeding import derive_seed
from counterpoise.text.tokenizers import Texts, as_series
from counterpoise.text.vectors import learn_vectors

PAD, START, END = 0, 1, 2
"""Ids of the padding, of what comes before a text's first sub-word, and of what ends it."""

_SPECIAL = 3
_TEXTS, _CHARACTERS = (
    20_000,
    400,
)  # combinations and vectors are learnt from so many texts, and so much of each
_LONGEST = 16  # characters of a combination: a line of dashes is worth no more
# A space with the letters, digits or other signs after it; the rest of white space.
_PIECES = r" ?\p{L}[\p{L}\p{M}']*| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


class Subwords:
    """A vocabulary of sub-words.

    Parameters
    ----------
    size : int, default=4000
        Sub-words aimed at, the special ones included. Fewer are learnt from few texts; a script with more characters
        than that makes the vocabulary larger. The output layer of a decoder costs in proportion.
    dim : int, default=128
        Width of the vectors.
    seed : int, default=0
        Of the vectors.

    Attributes
    ----------
    pieces_ : list of str
        ``pieces_[i]`` is what the id ``i`` spells; the special ids spell nothing.
    vectors_ : ndarray of float32, shape (len(pieces_), dim)
        Learnt without labels (:func:`counterpoise.text.vectors.learn_vectors`); zeros for padding, start, and
        sub-words that only occur inside others.
    counts_ : ndarray of int64, shape (len(pieces_),)
        Occurrences in the texts that the vectors were learnt from.

    References
    ----------
    Sennrich, Haddow and Birch, "Neural machine translation of rare words with subword units", ACL 2016.

    Examples
    --------
    >>> subwords = Subwords().fit(["she sells sea shells"] * 2)
    >>> values, offsets = subwords.encode(["she sells shells", ""], max_length=8)
    >>> [subwords.pieces_[i] for i in values[: offsets[1]]]
    ['she', ' sells', ' shells', '']
    >>> values[offsets[1] :]
    array([2], dtype=int32)
    """

    pieces_: list[str]
    vectors_: npt.NDArray[np.float32]
    counts_: npt.NDArray[np.int64]

    def __init__(self, size: int = 4000, *, dim: int = 128, seed: int = 0) -> None:
        if size <= _SPECIAL:
            raise SettingsError(f"size is {size}; give more than the {_SPECIAL} special sub-words.")
        self.size, self.dim, self.seed = size, dim, seed

    def __len__(self) -> int:
        """Number of ids, the special ones included."""
        return len(self.pieces_)

    def fit(self, texts: Texts) -> Subwords:
        """Learn the sub-words; give the fitting side's texts only.

        Parameters
        ----------
        texts : sequence of str, shape (n,)
            All their characters become sub-words; combinations and vectors are learnt from at most 20,000 of
            them, spread evenly, and of each from its first 400 characters.

        Returns
        -------
        Subwords
            Itself; equal texts in equal order give equal sub-words and vectors.

        Raises
        ------
        DataError
            If a text is not a ``str`` or holds a lone surrogate.
        """
        read = as_series(texts)
        sample = read.gather_every(-(-max(len(read), 1) // _TEXTS)).str.slice(0, _CHARACTERS)
        characters = sorted(set(chain.from_iterable(read)))
        self._tokenizer = Tokenizer(BPE())
        self._tokenizer.pre_tokenizer = Split(Regex(_PIECES), "isolated")
        trainer = BpeTrainer(
            vocab_size=self.size - _SPECIAL,
            min_frequency=2,
            initial_alphabet=characters,
            max_token_length=_LONGEST,
            show_progress=False,
        )
        self._tokenizer.train_from_iterator(sample, trainer)
        found = self._tokenizer.get_vocab()
        self.pieces_ = [""] * _SPECIAL + sorted(found, key=found.__getitem__)
        values, offsets = self.encode(sample, _CHARACTERS)
        self.counts_ = np.bincount(values, minlength=len(self))
        self.vectors_ = learn_vectors(
            values, offsets, len(self), self.dim, seed=derive_seed(self.seed, "sub-words")
        )
        return self

    def encode(self, texts: Texts, max_length: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        """Texts to ragged ids.

        Parameters
        ----------
        texts : sequence of str, shape (n,)
            Characters that ``fit`` did not see are left out.
        max_length : int
            Sub-words kept of each text, from its start.

        Returns
        -------
        values : ndarray of int32, shape (offsets[-1],)
        offsets : ndarray of int64, shape (n + 1,)
            Row ``i`` is ``values[offsets[i]:offsets[i + 1]]``. It ends with :data:`END` (beyond ``max_length``), and
            so is never empty, unless the text was cut off: what follows the cut is not an end.
        """
        rows = []
        for found in self._tokenizer.encode_batch_fast(as_series(texts).to_list()):
            ids = np.array(found.ids, dtype=np.int32) + _SPECIAL
            rows.append(ids[:max_length] if len(ids) > max_length else np.append(ids, np.int32(END)))
        offsets = np.cumsum([0, *map(len, rows)], dtype=np.int64)
        return np.concatenate([np.empty(0, dtype=np.int32), *rows]), offsets

    def decode(self, ids: Iterable[int]) -> str:
        """Text that a row of ids spells; special ids spell nothing.

        Parameters
        ----------
        ids : iterable of int
            Any sequence; of a text that was not cut off and whose characters were seen, exactly that text.
        """
        return "".join([self.pieces_[i] for i in ids])
