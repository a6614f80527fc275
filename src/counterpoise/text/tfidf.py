"""TF-IDF of words and runs of words, over texts that are split already, so that everything reads the same words.

vectorizer = word_tfidf(max_ngram=2)
features = vectorizer.fit_transform(tokenize(texts).to_list())
"""

from __future__ import annotations

from sklearn.feature_extraction.text import TfidfVectorizer


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
    return TfidfVectorizer(
        tokenizer=_as_it_is,
        preprocessor=_as_it_is,
        token_pattern=None,
        lowercase=False,
        ngram_range=(1, max_ngram),
        min_df=min_df,
        sublinear_tf=True,
        vocabulary=vocabulary,
    )


def _as_it_is(tokens: list[str]) -> list[str]:
    return tokens
