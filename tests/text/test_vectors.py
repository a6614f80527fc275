"""Label-free word vectors: meaning, scale, determinism, edges, and the control."""

import os

import numpy as np
import pyarrow.parquet as pq
import pytest

from counterpoise.errors import SettingsError
from counterpoise.text.tokenizers import WordTokenizer
from counterpoise.text.vectors import (
    _cooccurrences,
    _positive_pmi,
    _weighted_documents,
    learn_vectors,
    shuffled_vectors,
)


def ragged(rows):
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    return np.array([i for row in rows for i in row], dtype=np.int32), offsets.astype(np.int64)


def two_topics(seed=0, texts=200):
    """Words 2 to 11 are one topic, 12 to 21 the other, 22 and 23 stand in both."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(texts):
        low = 2 if i % 2 else 12
        rows.append([*rng.integers(low, low + 10, 12), *rng.integers(22, 24, 4)])
        rng.shuffle(rows[-1])
    return ragged(rows)


def cosines(vectors):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit @ unit.T


@pytest.mark.parametrize("half", [slice(0, 2), slice(2, 4)])
def test_each_half_separates_two_planted_topics(half):
    vectors = learn_vectors(*two_topics(), 24, 4)[2:22, half]
    similar = cosines(vectors)
    topic = np.arange(20) // 10
    within = similar[(topic[:, None] == topic) & ~np.eye(20, dtype=bool)]
    across = similar[topic[:, None] != topic]
    assert within.min() > across.max()


def test_same_bits_for_the_same_seed_and_the_control_keeps_the_rows():
    values, offsets = two_topics()
    vectors = learn_vectors(values, offsets, 24, 16, seed=3)
    assert vectors.dtype == np.float32
    assert vectors.tobytes() == learn_vectors(values, offsets, 24, 16, seed=3).tobytes()
    shuffled = shuffled_vectors(vectors, 1)
    assert shuffled.tobytes() == shuffled_vectors(vectors, 1).tobytes()
    assert sorted(map(bytes, shuffled)) == sorted(map(bytes, vectors))
    np.testing.assert_array_equal(shuffled[:2], vectors[:2])
    assert (shuffled[2:] != vectors[2:]).any(axis=1).mean() > 0.7
    assert shuffled_vectors(vectors, 2).tobytes() != shuffled.tobytes()


def test_counts_within_the_window_and_within_a_text():
    values, offsets = ragged([[2, 3, 4, 0], [0, 2, 3]])
    counts = _cooccurrences(values, offsets, 5, window=1).toarray()
    expected = np.zeros((5, 5))
    expected[2, 3] = expected[3, 2] = 2
    expected[3, 4] = expected[4, 3] = 1
    np.testing.assert_array_equal(counts, expected)
    wide = _cooccurrences(values, offsets, 5, window=9).toarray()
    expected[2, 4] = expected[4, 2] = 1
    np.testing.assert_array_equal(wide, expected)


def test_counts_do_not_depend_on_the_chunks(monkeypatch):
    values, offsets = two_topics(texts=30)
    whole = _cooccurrences(values, offsets, 24, 5).toarray()
    monkeypatch.setattr("counterpoise.text.vectors._TOKENS_AT_ONCE", 7)
    np.testing.assert_array_equal(_cooccurrences(values, offsets, 24, 5).toarray(), whole)


def test_only_the_commonest_words_are_contexts(monkeypatch):
    monkeypatch.setattr("counterpoise.text.vectors._CONTEXTS", 1)
    counts = _cooccurrences(*ragged([[2, 3, 2, 4]]), 5, window=1).toarray()
    assert counts.sum(axis=0).tolist() == [0, 0, 3, 0, 0]


def test_mutual_information_by_hand():
    counts = _cooccurrences(*ragged([[2, 3], [2, 3], [4, 5]]), 6, window=1)
    smoothed = np.array([2, 2, 1, 1]) ** 0.75
    pmi = _positive_pmi(counts).toarray()
    # Each word has one context only, so P(context | word) is 1.
    assert pmi[2, 3] == pytest.approx(-np.log(smoothed[1] / smoothed.sum()), rel=1e-6)
    assert pmi[4, 5] == pytest.approx(-np.log(smoothed[3] / smoothed.sum()), rel=1e-6)
    assert np.count_nonzero(pmi) == 4


def test_document_weights_by_hand():
    weighted = _weighted_documents(*ragged([[2, 2, 3, 0], [3]]), 4).toarray()
    first = np.array([(1 + np.log(2)) * (np.log(3 / 2) + 1), 1.0])
    np.testing.assert_allclose(weighted[2:, 0], first / np.linalg.norm(first), rtol=1e-6)
    assert weighted[:, 1].tolist() == [0, 0, 0, 1]
    assert not weighted[:2].any()


def test_scale_padding_unknown_and_absent_words():
    values, offsets = two_topics()
    values = np.where(values == 23, 1, values)
    vectors = learn_vectors(values, offsets, 30, 8)
    assert not vectors[0].any()
    assert not vectors[23:].any()
    for half in (vectors[1:23, :4], vectors[1:23, 4:]):
        np.testing.assert_allclose(np.sqrt(np.mean(half**2, axis=1)), 1, rtol=1e-5)


@pytest.mark.parametrize("dim", [1, 2, 7, 50])
@pytest.mark.parametrize(
    "rows", [[], [[1]], [[0, 0]], [[2], [3]], [[2, 3]], [[2, 3, 4], [2, 2]], [[2, 3, 4, 5] * 9]]
)
def test_tiny_inputs_give_finite_vectors(rows, dim):
    values, offsets = ragged(rows)
    vectors = learn_vectors(values, offsets, 6, dim)
    assert vectors.shape == (6, dim)
    assert np.isfinite(vectors).all()
    assert not vectors[0].any()
    seen = np.isin(np.arange(6), values[values > 0])
    assert not vectors[~seen].any()
    if dim > 6:  # enough for the rank of each, so no word is lost
        assert vectors[seen].any(axis=1).all()


def test_impossible_settings_are_refused():
    with pytest.raises(SettingsError):
        learn_vectors(*two_topics(), 24, 0)
    with pytest.raises(SettingsError):
        learn_vectors(*two_topics(), 24, 8, window=0)


@pytest.mark.real_data
def test_real_messages_place_like_words_together():
    folder = os.environ["COUNTERPOISE_DATA"]
    texts = pq.read_table(f"{folder}/sms_spam/train.parquet")["text"].to_pylist()
    tokenizer = WordTokenizer().fit(texts)
    vectors = learn_vectors(*tokenizer.encode(texts), len(tokenizer), 64)
    similar = cosines(np.where(vectors.any(axis=1, keepdims=True), vectors, 1))
    place = {word: i for i, word in enumerate(tokenizer.words_)}
    for near, far in [
        (("prize", "guaranteed"), ("prize", "sleep")),
        (("monday", "friday"), ("monday", "won")),
    ]:
        assert similar[place[near[0]], place[near[1]]] > similar[place[far[0]], place[far[1]]]
