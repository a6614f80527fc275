"""Texts without stop words, for what compares itself with papers that leave them out.

>>> without_stop_words(np.array(["Win the prize!", "to be or not to be"], dtype=object)).tolist()
['Win prize!', 'to be or not to be']
"""

from __future__ import annotations

import numpy as np

_PUNCTUATION = ".,;:!?\"'()[]"


def without_stop_words(texts: np.ndarray) -> np.ndarray:
    """Leave out scikit-learn's English stop words.

    Parameters
    ----------
    texts : ndarray of str, shape (n,)

    Returns
    -------
    ndarray of object, shape (n,)
        A text of stop words alone stays as it is; scripts without spaces are not changed.
    """
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    def kept(text: str) -> str:
        words = [word for word in text.split() if word.strip(_PUNCTUATION).lower() not in ENGLISH_STOP_WORDS]
        return " ".join(words) or text

    return np.array([kept(text) for text in texts], dtype=object)
