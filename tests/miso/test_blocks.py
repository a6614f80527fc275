"""How the pairs of Algorithm 1 are drawn: in blocks, so that batches hold partners of similar length."""

from __future__ import annotations

import numpy as np
import pytest

from counterpoise.miso.training import _BLOCK, Algorithm1

SIZE = 6
"""Pairs of a step of the fixture."""


def drawn(algorithm: Algorithm1, phase: str, steps: int = _BLOCK) -> list[tuple[np.ndarray, np.ndarray]]:
    return [algorithm._drawn(phase, number) for number in range(steps)]


@pytest.mark.parametrize("phase", ["autoencoder", "mine", "joint"])
def test_a_batch_is_as_large_as_asked_and_its_partners_are_of_similar_length(algorithm, phase) -> None:
    batches = drawn(algorithm, phase)
    assert all(len(rows) == len(partners) == SIZE for rows, partners in batches)
    spreads = []
    for rows, partners in batches:
        assert set(rows) <= set(range(10))
        assert set(partners) <= set(range(10, 70))
        spreads.append(np.ptp([len(algorithm.corpus.words(row)) for row in partners]))
    assert np.mean(spreads) < 6, "of 20 different lengths"


def test_each_source_is_drawn_equally_often_in_a_block(algorithm) -> None:
    rows = np.concatenate([rows for rows, _ in drawn(algorithm, "joint")])
    counts = np.bincount(rows)[algorithm.sides.sources]
    assert counts.max() - counts.min() <= 1


def test_the_language_phase_reads_both_classes_alike(algorithm) -> None:
    rows = np.concatenate([rows for rows, _ in drawn(algorithm, "language")])
    assert (rows < 10).mean() == 0.5
    assert {len(batch) for batch, _ in drawn(algorithm, "language")} == {SIZE}


def test_batches_do_not_come_in_the_order_of_their_lengths(algorithm) -> None:
    lengths = [
        np.mean([len(algorithm.corpus.words(row)) for row in partners])
        for _, partners in drawn(algorithm, "joint", 2 * _BLOCK)
    ]
    assert lengths[:_BLOCK] != sorted(lengths[:_BLOCK])
    assert lengths[_BLOCK:] != sorted(lengths[_BLOCK:])


def test_replaying_some_steps_draws_what_follows_as_if_they_had_been_done(algorithm) -> None:
    before = drawn(algorithm, "joint", _BLOCK + 3)
    pairing, algorithm._block = algorithm.pairing, (None, [])
    pairing._met[:], pairing._far[:], pairing._walked[:] = 0, 0, 0
    for number in range(_BLOCK + 1):
        algorithm.replay("joint", number)
    after = [algorithm._drawn("joint", number) for number in (_BLOCK + 1, _BLOCK + 2)]
    for old, new in zip(before[_BLOCK + 1 :], after, strict=True):
        assert np.array_equal(old[0], new[0])
        assert np.array_equal(old[1], new[1])
