"""Words and runs of words as features, over texts split as everywhere here, and runs of characters inside words.

vectorizer = word_tfidf(max_ngram=2)
features = learn_rows(vectorizer, texts)
rows_of(vectorizer, new_texts)
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from counterpoise.errors import SettingsError
from counterpoise.text.characters import CharacterRuns
from counterpoise.text.tokenizers import spaced_words, tokenize


def word_tfidf(
    max_ngram: int = 1, min_df: int = 1, vocabulary: dict[str, int] | None = None
) -> TfidfVectorizer:
    """Make a vectorizer of lists of tokens, with logarithmic counts and rows of length 1.

    Parameters
    ----------
    max_ngram : int, default=1
        Longest run of words that is a feature.
    min_df : int, default=1
        Texts a feature must occur in.
    vocabulary : dict of str to int, or None, default=None
        Column of each feature, where it is known already.
    """
    return TfidfVectorizer(**_over_tokens(max_ngram, min_df, vocabulary), sublinear_tf=True)


def word_presence(
    max_ngram: int = 1, min_df: int = 1, vocabulary: dict[str, int] | None = None
) -> CountVectorizer:
    """Make a vectorizer that says with 1 or 0 whether a feature occurs; parameters as for :func:`word_tfidf`."""
    return CountVectorizer(**_over_tokens(max_ngram, min_df, vocabulary), binary=True, dtype=np.float64)


def character_tfidf(
    max_ngram: int = 6, min_df: int = 1, vocabulary: dict[str, int] | None = None
) -> TfidfVectorizer:
    """Make a vectorizer of words by the runs of characters inside them, with logarithmic counts and rows of length 1.

    Parameters
    ----------
    max_ngram : int, default=6
        Characters of the longest run; see :class:`counterpoise.text.characters.CharacterRuns`.
    min_df, vocabulary
        As for :func:`word_tfidf`.
    """
    return TfidfVectorizer(
        analyzer=CharacterRuns(max_ngram),
        min_df=min_df,
        vocabulary=vocabulary,
        sublinear_tf=True,
    )


def learn_rows(vectorizer: CountVectorizer, texts: np.ndarray) -> csr_matrix:
    """Learn the features of texts, and give the texts in them.

    Parameters
    ----------
    vectorizer : CountVectorizer or TfidfVectorizer
        One of this file's; fitted in place.
    texts : ndarray of str, shape (n,)

    Returns
    -------
    csr_matrix of float64, shape (n, n_features)

    Raises
    ------
    SettingsError
        When no feature occurs in ``min_df`` texts.
    """
    read = _read(vectorizer, texts)
    try:
        return vectorizer.fit_transform(read)
    except ValueError as error:
        what = "run of characters" if reads_characters(vectorizer) else "word"
        raise SettingsError(
            f"min_df is {vectorizer.min_df}, and no {what} occurs in so many of {len(texts)} texts; lower it"
        ) from error


def rows_of(vectorizer: CountVectorizer, texts: np.ndarray) -> csr_matrix:
    """Texts ``(n,)`` in the features of a fitted vectorizer, sparse ``(n, n_features)``."""
    return vectorizer.transform(_read(vectorizer, texts))


def reads_characters(vectorizer: CountVectorizer) -> bool:
    """Whether a vectorizer of this file looks inside words."""
    return isinstance(vectorizer.analyzer, CharacterRuns)


def longest_run(vectorizer: CountVectorizer) -> int:
    """Length of the longest feature of a vectorizer of this file, in words or in characters."""
    return vectorizer.analyzer.longest if reads_characters(vectorizer) else vectorizer.ngram_range[1]


def taken_apart(
    vectorizer: CountVectorizer,
) -> tuple[dict[str, Any], dict[str, np.ndarray], list[str]]:
    """A fitted vectorizer of this file as JSON values, arrays and its features by column."""
    words = sorted(vectorizer.vocabulary_, key=vectorizer.vocabulary_.__getitem__)
    config = {"max_ngram": longest_run(vectorizer), "characters": reads_characters(vectorizer)}
    return config, {"idf": vectorizer.idf_} if hasattr(vectorizer, "idf_") else {}, words


def put_together(config: dict[str, Any], tensors: dict[str, np.ndarray], words: list[str]) -> CountVectorizer:
    """The inverse of :func:`taken_apart`, whose arrays may stand among others."""
    make = word_tfidf if "idf" in tensors else word_presence
    if config.get("characters", False):  # models saved before there were any have none
        make = character_tfidf
    vectorizer = make(config["max_ngram"], 1, {word: i for i, word in enumerate(words)})
    if "idf" in tensors:
        vectorizer.idf_ = tensors["idf"]
    return vectorizer


def _read(vectorizer: CountVectorizer, texts: np.ndarray) -> list[list[str]]:
    """Texts split as a vectorizer wants them."""
    return (spaced_words if reads_characters(vectorizer) else tokenize)(texts).to_list()


def _over_tokens(max_ngram: int, min_df: int, vocabulary: dict[str, int] | None) -> dict[str, Any]:
    return {
        "tokenizer": _as_it_is,
        "preprocessor": _as_it_is,
        "token_pattern": None,
        "lowercase": False,
        "ngram_range": (1, max_ngram),
        "min_df": min_df,
        "vocabulary": vocabulary,
    }


def _as_it_is(tokens: list[str]) -> list[str]:
    return tokens
