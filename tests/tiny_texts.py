"""Texts of which one class is easily told from another."""

from __future__ import annotations

import numpy as np


def make_texts(counts: tuple[int, ...], seed: int = 0, n_words: int = 7) -> tuple[np.ndarray, np.ndarray]:
    """Texts of common filler in which two words of a class's own three give it away; shuffled."""
    rng = np.random.default_rng(seed)
    filler = [f"word{i}" for i in range(60)]
    texts, labels = [], []
    for label, count in enumerate(counts):
        own = [f"sign{label}{letter}" for letter in "abc"]
        for _ in range(count):
            words = [*rng.choice(own, 2, replace=False), *rng.choice(filler, n_words, replace=False)]
            texts.append(" ".join(rng.permutation(words)))
            labels.append(label)
    order = rng.permutation(len(texts))
    return np.array(texts, dtype=object)[order], np.array(labels)[order]
