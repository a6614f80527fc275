"""Neighbours by brute force and in exact arithmetic, and rows to try them on."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import strategies as st

from counterpoise.neighbors import NearestNeighbors, nearest

METRICS = ("euclidean", "cosine")


def fitted(rows, library: str = "faiss", **parameters) -> NearestNeighbors:
    """Fitted to search with this library, whatever a race would say."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nearest, "fastest", lambda rows, k: library)
        return NearestNeighbors(**parameters).fit(rows)


def by_brute_force(rows: np.ndarray, queries: np.ndarray, k: int, own: bool) -> tuple[np.ndarray, np.ndarray]:
    """Squared distances and rows, from differences in float64; the lower row first among equals."""
    squared = np.stack(
        [((rows.astype(np.float64) - query) ** 2).sum(axis=1) for query in queries.astype(float)]
    )
    if own:
        np.fill_diagonal(squared, np.inf)
    ids = np.argsort(squared, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(squared, ids, axis=1), ids


def by_fractions(rows: np.ndarray, query: np.ndarray) -> list[int]:
    """Rows by cosine distance, in rational arithmetic."""

    def key(row: np.ndarray) -> Fraction:
        dot, lengths = int(row @ query), int(row @ row) * int(query @ query)
        return -Fraction(dot * abs(dot), lengths) if lengths else Fraction(0)

    return sorted(range(len(rows)), key=lambda i: (key(rows[i]), i))


@st.composite
def grids(draw) -> tuple[np.ndarray, np.ndarray | None, int]:
    """Rows on a small grid, so that equal rows and equal distances are common; queries or None; k."""
    d = draw(st.integers(1, 4))
    row = st.lists(st.integers(-2, 2), min_size=d, max_size=d)
    rows = np.array(draw(st.lists(row, min_size=2, max_size=30)))
    queries = draw(st.none() | st.lists(row, min_size=1, max_size=5).map(np.array))
    return rows, queries, draw(st.integers(1, len(rows) - (queries is None)))


def clustered(n: int, d: int = 16) -> np.ndarray:
    rng = np.random.default_rng(7)
    return (rng.standard_normal((40, d))[rng.integers(0, 40, n)] * 4 + rng.standard_normal((n, d))).astype(
        np.float32
    )
