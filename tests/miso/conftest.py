"""MISO's algorithm before its first step, for tests of its parts."""

from __future__ import annotations

import numpy as np
import pytest

from counterpoise.difficulty import difficult_samples
from counterpoise.miso.assembly import prepare
from counterpoise.miso.corpus import Corpus
from counterpoise.miso.recipe import Recipe
from counterpoise.miso.training import Algorithm1, AlgorithmSettings
from counterpoise.text.embedding import label_free_embedding

SIZE = 6


@pytest.fixture
def algorithm(monkeypatch) -> Algorithm1:
    """An algorithm before its first step."""
    rng = np.random.default_rng(0)
    texts = np.array(
        [" ".join(rng.choice(list("abcdefgh"), 5)) + f" rare{i}" for i in range(10)]
        + [" ".join(rng.choice(list("abcdefgh"), 1 + i % 20)) + f" plain{i}" for i in range(60)],
        dtype=object,
    )
    labels = np.where(np.arange(70) < 10, "rare", "plain")
    caught: list[Algorithm1] = []

    def keep(algorithm: Algorithm1, **_: object) -> None:
        caught.append(algorithm)

    monkeypatch.setattr("counterpoise.miso.assembly.run", keep)
    recipe = Recipe(dim=16, heads=2, algorithm=AlgorithmSettings(batch_size=SIZE))
    prepare(Corpus(texts, dim=16), label_free_embedding(texts), np.arange(70), labels, "rare", recipe, 0)
    assert len(difficult_samples(texts, labels, minority="rare").rows)
    return caught[0]
