"""A small two-class corpus and MISO settings that train in a moment."""

from __future__ import annotations

import numpy as np

QUICK = {"steps": (6, 6, 3, 6), "dim": 16, "heads": 2, "batch_size": 8}
"""A few steps of every phase."""


def shorten_defaults() -> None:
    """Let MISO train for a few steps wherever a test does not say how many; its own process keeps the true ones."""
    from counterpoise.miso.oversampler import MISO
    from counterpoise.miso.variants import CAG

    for sampler in (MISO, CAG):
        defaults = sampler.__init__.__kwdefaults__
        defaults |= {key: value for key, value in {**QUICK, "steps": (2, 2, 1, 2)}.items() if key in defaults}


def corpus(n_minority: int = 12, n_majority: int = 60, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Texts whose class is in one word, with the others shared; some minority texts look like the majority."""
    rng = np.random.default_rng(seed)
    common = list("abcdefghijklmnopq")
    words = {
        "rare": ["prize", "cash", "winner", "claim", "free"],
        "plain": ["dinner", "meeting", "home", "office", "lunch"],
    }
    texts, labels = [], []
    for label, n in (("rare", n_minority), ("plain", n_majority)):
        for _ in range(n):
            text = [*rng.choice(common, 6), *rng.choice(words[label], 1 if label == "rare" else 2)]
            texts.append(" ".join(rng.permutation(text)))
            labels.append(label)
    return np.array(texts, dtype=object), np.array(labels, dtype=object)
