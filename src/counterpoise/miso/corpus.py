"""The fitting side's texts as words exactly as written, each with an id into label-free word vectors.

    corpus = Corpus(texts, seed=0)
    ids, mask = corpus.batch(rows)               # (B, T) of int64 and bool
    corpus.words(row), corpus.gaps(row)

Meaning and surface part here: a word stands for the vector of its lower-cased letters, while a decoder that
copies it copies what was written. So a rare spelling can be unknown to the encoder, yet no text can be made of
unknown words. Texts are split when they are asked for: of a large majority only a sample ever is.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from counterpoise.seeding import derive_seed
from counterpoise.text.tokenizers import UNKNOWN, WordTokenizer, words_and_gaps
from counterpoise.text.vectors import learn_vectors

_WIDTHS = 8  # of padded batches, multiples of it
_KEPT_SPLIT = 50_000  # texts whose words stay in memory


class Corpus:
    """Texts with words, gaps and word vectors.

    Parameters
    ----------
    texts : ndarray of object, shape (n,)
        The fitting side.
    max_length : int, default=256
        Words read of each text; what follows is cut off, and a decoder writes no more than this either.
    dim : int, default=128
        Width of the word vectors.
    seed : int, default=0
    device : str or torch.device, default="cpu"
        Where :meth:`batch` puts its batches; vectors are learnt on the CPU, and the same anywhere.

    Attributes
    ----------
    texts : ndarray of object, shape (n,)
    vectors : Tensor of float32, shape (V, dim)
        Learnt from all texts without labels (:func:`counterpoise.text.vectors.learn_vectors`); row 0, the
        padding, is zeros.
    """

    def __init__(
        self,
        texts: np.ndarray,
        *,
        max_length: int = 256,
        dim: int = 128,
        seed: int = 0,
        device: str | torch.device = "cpu",
    ) -> None:
        self.texts = texts
        self.max_length = max_length
        self._tokenizer = WordTokenizer().fit(texts)
        self._letters = np.array([len(word) for word in self._tokenizer.words_])
        values, offsets = self._tokenizer.encode(texts, max_length)
        vectors = learn_vectors(values, offsets, len(self._tokenizer), dim, seed=derive_seed(seed, "vectors"))
        self.device = torch.device(device)
        self.vectors = torch.from_numpy(vectors).to(self.device)
        self._id_of: dict[str, int] = {}
        self._forget()

    def _forget(self) -> None:
        self._split = lru_cache(maxsize=_KEPT_SPLIT)(self._split_row)
        self._ids: dict[int, np.ndarray] = {}

    def __getstate__(self) -> dict[str, Any]:
        """All but the split texts, which a fitted sampler sent to another process can split again."""
        return {name: value for name, value in vars(self).items() if name not in ("_split", "_ids")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the state, with nothing split."""
        vars(self).update(state)
        self._forget()

    def __len__(self) -> int:
        return len(self.texts)

    def words(self, row: int) -> list[str]:
        """Words of a text, as written, the first ``max_length``."""
        return self._split(int(row))[0]

    def gaps(self, row: int) -> list[str]:
        """What stands around these words: one more than there are words."""
        return self._split(int(row))[1]

    def ids(self, row: int) -> np.ndarray:
        """Ids of a text's words, int64 of shape ``(n_words,)``; a text without a word is one unknown id."""
        found = self._ids.get(int(row))
        if found is None:
            words = self.words(row)
            self._learn(words)
            found = np.array([self._id_of[word] for word in words] or [UNKNOWN], dtype=np.int64)
            found.flags.writeable = False
            if len(self._ids) >= _KEPT_SPLIT:
                self._ids.clear()
            self._ids[int(row)] = found
        return found

    def is_cut(self, row: int) -> bool:
        """Whether a text is longer than ``max_length`` words."""
        text = self.texts[row]
        # A word is a character at least, so most texts need no splitting to be known as short.
        return len(text) > self.max_length and len(words_and_gaps(text)[0]) > self.max_length

    def batch(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        """Ids ``(B, T)`` of some texts, padded with 0, and a mask that is True at words."""
        new = [row for row in dict.fromkeys(rows.tolist()) if row not in self._ids]
        self._learn(
            [word for row in new for word in self.words(row)]
        )  # many at once take less than one by one
        return padded([self.ids(row) for row in rows], self.device)

    def _split_row(self, row: int) -> tuple[list[str], list[str]]:
        words, gaps = words_and_gaps(self.texts[row])
        if len(words) > self.max_length:
            return words[: self.max_length], [*gaps[: self.max_length], ""]
        return words, gaps

    def _learn(self, words: list[str]) -> None:
        """Look up the ids of words not met before: that of the longest known token, so ``"(free"`` is ``"free"``."""
        new = [word for word in dict.fromkeys(words) if word not in self._id_of]
        if new:
            values, offsets = self._tokenizer.encode(new, 16)
            letters = np.where(values == UNKNOWN, 0, self._letters[values])
            for word, start, end in zip(new, offsets[:-1], offsets[1:], strict=True):
                self._id_of[word] = int(values[start + letters[start:end].argmax()])


def padded(rows: list[np.ndarray], device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
    """Rows of ids as one matrix ``(B, T)`` of int64, padded with 0, and a mask that is True at ids.

    ``T`` is a multiple of 8: oneDNN keeps what it has compiled for every shape that it meets, and thousands of
    shapes are hundreds of megabytes.
    """
    lengths = torch.tensor([len(row) for row in rows])
    longest = -(-int(lengths.max()) // _WIDTHS) * _WIDTHS
    mask = torch.arange(longest) < lengths[:, None]
    ids = torch.zeros(mask.shape, dtype=torch.int64)
    ids[mask] = torch.from_numpy(np.concatenate(rows))
    return ids.to(device), mask.to(device)
