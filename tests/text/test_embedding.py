"""Texts to vectors without labels."""

from __future__ import annotations

import numpy as np
import pytest

from counterpoise.errors import DataError
from counterpoise.text import embedding as room
from counterpoise.text.embedding import label_free_embedding


@pytest.fixture(scope="module")
def topics() -> list[str]:
    rng = np.random.default_rng(0)
    words = [["ball", "goal", "team", "match", "coach"], ["bank", "loan", "rate", "bond", "stock"]]
    filler = ["the", "a", "of", "and", "to"]
    texts = []
    for i in range(120):
        own = rng.choice(words[i % 2], 3, replace=False)
        texts.append(" ".join(rng.permutation([*own, *rng.choice(filler, 5)])))
    return texts


def test_texts_on_one_thing_are_near(topics) -> None:
    space = label_free_embedding(topics)
    assert space.shape == (120, 128)
    assert space.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(space, axis=1), 1, atol=1e-5)
    nearest = np.argsort(-(space @ space.T), axis=1)[:, 1]
    assert (nearest % 2 == np.arange(120) % 2).mean() > 0.95


def test_equal_texts_have_equal_rows_and_blocks_do_not_matter(topics, monkeypatch) -> None:
    texts = [*topics, topics[3]]
    space = label_free_embedding(texts)
    np.testing.assert_array_equal(space[3], space[-1])
    monkeypatch.setattr(room, "_TEXTS_AT_ONCE", 7)
    np.testing.assert_allclose(label_free_embedding(texts), space, atol=1e-6)


def test_seed_width_and_length(topics) -> None:
    np.testing.assert_array_equal(label_free_embedding(topics, 1), label_free_embedding(topics, 1))
    assert label_free_embedding(topics, dim=6).shape == (120, 6)
    cut = [" ".join(text.split()[:2]) for text in topics]
    space = label_free_embedding([*cut, *cut], max_length=2)
    np.testing.assert_array_equal(space[:120], space[120:])


def test_few_and_odd_texts() -> None:
    same = label_free_embedding(["the same text"] * 5)
    np.testing.assert_array_equal(same, same[:1].repeat(5, axis=0))
    assert np.isfinite(label_free_embedding(["?", "!", "a b", "。"])).all()


def test_a_row_that_is_no_text_is_named() -> None:
    with pytest.raises(DataError, match="Row 1"):
        label_free_embedding(["a", None])  # type: ignore[list-item]
