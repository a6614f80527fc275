"""Texts to words and ids: a word level that needs no segmenter, fast enough never to be the bottleneck.

    tokenizer = WordTokenizer().fit(fitting_texts)
    values, offsets = tokenizer.encode(new_texts)      # ragged: row i is values[offsets[i]:offsets[i + 1]]

A token is a run of letters, digits and underscores, with apostrophes inside it (``don't``, ``l'été``); a
single Chinese character or Japanese kana; or any other single character that is not a space (punctuation,
currency signs, emoji: in short messages they often carry the class), with the marks that modify it.

Texts are lower-cased, not case-folded. Folding differs for a few letters only (German ß to ss, Greek final
sigma), would need a Python loop over the texts, and gives forms that no reader would write; tokens are shown
to people, as evidence and as words of new texts. Comparing texts for equality is another matter, and there
(:mod:`counterpoise.text.duplicates`) folding is right.

The other half of the file, :func:`words_and_gaps`, splits a text for editing: nothing is lower-cased or lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import polars as pl

from counterpoise.errors import DataError, ModelError, SettingsError

Texts: TypeAlias = "Sequence[str] | npt.NDArray[np.object_] | pl.Series"
"""What this room takes as texts."""

PAD, UNKNOWN = 0, 1
"""Ids of the padding, which :meth:`WordTokenizer.encode` never gives, and of words outside the vocabulary."""

_SPECIAL = ["<pad>", "<unk>"]

# Explicit ranges, because Python's re has no \p{Han}, and both halves of this file must agree. In order:
# radicals, iteration mark and zero, Hangzhou numerals, kana, phonetic extensions of katakana, extension A,
# unified ideographs, compatibility ideographs, half-width katakana, the supplementary ideographic planes.
_CHARACTERS = (
    "\u2e80-\u2fdf\u3005\u3007\u3021-\u3029\u3038-\u303b\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9d\U00020000-\U000323af"
)
_LETTERS = rf"[\w&&[^{_CHARACTERS}]]+"
_TOKEN = rf"[{_CHARACTERS}]|{_LETTERS}(?:'{_LETTERS})*|\S\p{{M}}*"
_WORD = re.compile(rf"[{_CHARACTERS}]|[^\s{_CHARACTERS}]+")
_CHARACTER = re.compile(rf"[{_CHARACTERS}]")

# English runs to 5 characters a token with its space; a text cut at 7 a token rarely has to be read again.
_CHARACTERS_PER_TOKEN = 7


def tokenize(texts: Texts) -> pl.Series:
    """Split texts into lower-case tokens.

    Parameters
    ----------
    texts : sequence of str, object array or polars Series, shape (n,)
        Any scripts; Thai, Lao and Khmer, which have no spaces, come out as long runs.

    Returns
    -------
    polars.Series, shape (n,)
        Of lists of str; a text without a visible character gives an empty list. A typographic apostrophe is
        read as the plain one.

    Raises
    ------
    DataError
        If a text is not a ``str``, or holds a lone surrogate, which no encoding can write.

    Examples
    --------
    >>> tokenize(["Don't pay £5!", "免费 iPhone"]).to_list()
    [["don't", 'pay', '£', '5', '!'], ['免', '费', 'iphone']]
    """
    return _lowered(as_series(texts)).str.extract_all(_TOKEN)


def spaced_words(texts: Texts) -> pl.Series:
    """Split texts at their spaces, lower-cased, and around single Chinese characters and kana; punctuation stays.

    Parameters
    ----------
    texts : sequence of str, object array or polars Series, shape (n,)

    Returns
    -------
    polars.Series, shape (n,)
        Of lists of str.

    Raises
    ------
    DataError
        See :func:`tokenize`.

    Examples
    --------
    >>> spaced_words(["Call U.S. now!", "免费 iPhone"]).to_list()
    [['call', 'u.s.', 'now!'], ['免', '费', 'iphone']]
    """
    return _lowered(as_series(texts)).str.extract_all(_WORD.pattern)


def is_character(word: str) -> bool:
    """Whether a word is a Chinese character or kana, which :func:`tokenize` and :func:`spaced_words` leave alone."""
    return len(word) == 1 and _CHARACTER.match(word) is not None


def as_series(texts: Texts) -> pl.Series:
    """Texts as a polars Series of strings, checked: every one a ``str`` that can be encoded.

    Raises
    ------
    DataError
        With the first row that is not.
    """
    if isinstance(texts, pl.Series) and texts.dtype == pl.String and not texts.null_count():
        return texts
    listed = texts.tolist() if isinstance(texts, np.ndarray) else list(texts)
    try:
        series = pl.Series(listed, dtype=pl.String)
    except (TypeError, UnicodeEncodeError) as error:
        raise _not_a_text(listed) from error
    if series.null_count():
        raise _not_a_text(listed)
    return series


def _lowered(texts: pl.Series) -> pl.Series:
    return texts.str.replace_all("’", "'", literal=True).str.to_lowercase()


def _not_a_text(texts: list[object]) -> DataError:
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            return DataError(
                f"Row {row} is {text!r} ({type(text).__name__}), not a text; give strings only, "
                "and drop or fill missing values first."
            )
        try:
            text.encode()
        except UnicodeEncodeError as error:
            return DataError(
                f"Row {row} holds a lone surrogate at character {error.start}, which is not valid Unicode; "
                "read the file again with the right encoding, or drop that character."
            )
    return DataError("The texts could not be read as strings; give a sequence of str.")


class WordTokenizer:
    """Vocabulary of words, and texts to ragged ids.

    Parameters
    ----------
    min_df : int, default=2
        Texts a word must occur in. One occurrence teaches nothing that carries over to new texts, and leaving
        such words to ``<unk>`` trains its vector. If no word reaches it (a handful of texts), 1 is used.
    max_words : int, default=30_000
        Largest number of words besides the two special ones: the most frequent by document frequency, then
        in code-point order. Beyond this, a vocabulary costs time and memory and covers hardly more text.

    Attributes
    ----------
    words_ : list of str
        ``words_[i]`` is the word with id ``i``; the first two are ``"<pad>"`` and ``"<unk>"``, which the
        tokens of a text never are, since ``<`` is a token of its own.

    Examples
    --------
    >>> tokenizer = WordTokenizer().fit(["a cat", "a dog", "a cat and a dog"])
    >>> tokenizer.words_
    ['<pad>', '<unk>', 'a', 'cat', 'dog']
    >>> tokenizer.encode(["a new dog", ""])
    (array([2, 1, 4, 1], dtype=int32), array([0, 3, 4]))
    """

    words_: list[str]

    def __init__(self, min_df: int = 2, max_words: int = 30_000) -> None:
        if min_df < 1 or max_words < 1:
            raise SettingsError(f"min_df is {min_df} and max_words is {max_words}; both must be at least 1.")
        self.min_df = min_df
        self.max_words = max_words

    def __len__(self) -> int:
        """Number of ids, the two special ones among them."""
        return len(self.words_)

    def fit(self, texts: Texts) -> WordTokenizer:
        """Take the vocabulary from texts; give the fitting side's only.

        Parameters
        ----------
        texts : sequence of str, shape (n,)
            Their order does not matter.

        Returns
        -------
        WordTokenizer
            Itself.

        Raises
        ------
        DataError
            See :func:`tokenize`.
        """
        tokens = tokenize(texts).list.unique()
        counts = tokens.filter(tokens.list.len() > 0).explode().rename("word").value_counts(name="texts")
        frequent = counts.filter(pl.col("texts") >= self.min_df)
        chosen = frequent if len(frequent) else counts
        words = chosen.sort(["texts", "word"], descending=[True, False])["word"].head(self.max_words)
        return self._with_words(words.to_list())

    def _with_words(self, words: list[str]) -> WordTokenizer:
        self.words_ = [*_SPECIAL, *words]
        self._ids = pl.Enum(words)
        return self

    def encode(
        self, texts: Texts, max_length: int = 256
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        """Texts to ragged ids; those of a text do not depend on the texts around it.

        Parameters
        ----------
        texts : sequence of str, shape (n,)
            Seen before or not.
        max_length : int, default=256
            Tokens kept of each text, from its start; reading stops there, so a long text costs no more.

        Returns
        -------
        values : ndarray of int32, shape (offsets[-1],)
            Ids from 1 (unknown) to ``len(self) - 1``, never 0 (padding).
        offsets : ndarray of int64, shape (n + 1,)
            Row ``i`` is ``values[offsets[i]:offsets[i + 1]]``. No row is empty: a text without a token is the
            one id 1.

        Raises
        ------
        DataError
            See :func:`tokenize`.
        SettingsError
            If ``max_length`` is below 1.
        """
        if max_length < 1:
            raise SettingsError(f"max_length is {max_length}; it must be at least 1.")
        series = as_series(texts)
        start = series.str.slice(0, _CHARACTERS_PER_TOKEN * max_length)
        tokens = tokenize(start)
        # A cut can change the token it falls into and join it to the one before (don|'t), so two to spare.
        unsure = (tokens.list.len() < max_length + 2) & (start.str.len_bytes() < series.str.len_bytes())
        values, lengths = self._lookup(tokens.list.head(max_length))
        if unsure.any():
            whole = self._lookup(tokenize(series.filter(unsure)).list.head(max_length))
            values, lengths = _replace_rows(values, lengths, np.flatnonzero(unsure.to_numpy()), *whole)
        return values, np.concatenate([[0], np.cumsum(lengths)])

    def _lookup(self, tokens: pl.Series) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        counts = tokens.list.len().to_numpy().astype(np.int64)
        places = tokens.filter(tokens.list.len() > 0).explode().cast(self._ids, strict=False).to_physical()
        ids = (places.cast(pl.Int32) + len(_SPECIAL)).fill_null(UNKNOWN).to_numpy()
        lengths = np.maximum(counts, 1)
        if len(ids) == lengths.sum():
            return ids, lengths
        values = np.full(lengths.sum(), UNKNOWN, dtype=np.int32)
        values[np.repeat(counts > 0, lengths)] = ids
        return values, lengths

    def state(self) -> dict[str, Any]:
        """Everything :meth:`from_state` needs, as plain JSON values."""
        return {"min_df": self.min_df, "max_words": self.max_words, "words": self.words_[len(_SPECIAL) :]}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> WordTokenizer:
        """Make a fitted tokenizer of what :meth:`state` gave.

        Raises
        ------
        ModelError
            If ``state`` is not such a dictionary, or a word stands in it twice.
        """
        try:
            tokenizer = cls(state["min_df"], state["max_words"])
            return tokenizer._with_words(_checked_words(state["words"]))
        except (KeyError, TypeError, SettingsError) as error:
            raise ModelError(
                f"The tokenizer's state is not one of ours ({error!r}); save it again."
            ) from error


def _replace_rows(
    values: npt.NDArray[np.int32],
    lengths: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    new_values: npt.NDArray[np.int32],
    new_lengths: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Ragged rows with some of them replaced by others, which may be longer."""
    starts = np.cumsum(lengths) - lengths
    starts[rows] = len(values) + np.cumsum(new_lengths) - new_lengths
    lengths = lengths.copy()
    lengths[rows] = new_lengths
    shift = np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)
    return np.concatenate([values, new_values])[shift + np.arange(len(shift))], lengths


def _checked_words(words: object) -> list[str]:
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ModelError("The tokenizer's words are not a list of strings; save the model again.")
    if len(set(words)) < len(words):
        raise ModelError("The tokenizer's words hold one word twice; save the model again.")
    return cast("list[str]", words)


def words_and_gaps(text: str) -> tuple[list[str], list[str]]:
    """Split a text into the words an edit may replace and what stands between them.

    Parameters
    ----------
    text : str
        Any text. A word is a run without spaces, punctuation included, exactly as written; each Chinese
        character or Japanese kana is a word of its own.

    Returns
    -------
    words : list of str
        May be empty.
    gaps : list of str
        One more than the words: before the first, between, after the last. Gaps between characters of a
        script without spaces are empty strings.

    Examples
    --------
    >>> words_and_gaps(" Free  entry! ")
    (['Free', 'entry!'], [' ', '  ', ' '])
    """
    words, gaps, end = [], [], 0
    for match in _WORD.finditer(text):
        words.append(match.group())
        gaps.append(text[end : match.start()])
        end = match.end()
    gaps.append(text[end:])
    return words, gaps


def join_words(words: Iterable[str], gaps: Sequence[str]) -> str:
    """Put words between gaps: the inverse of :func:`words_and_gaps` when nothing was edited.

    Parameters
    ----------
    words : iterable of str
        One fewer than the gaps.
    gaps : sequence of str
        As :func:`words_and_gaps` gave them.

    Returns
    -------
    str
        The text.
    """
    pieces = [gaps[0]]
    for word, gap in zip(words, gaps[1:], strict=True):
        pieces += (word, gap)
    return "".join(pieces)
