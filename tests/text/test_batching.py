"""Pieces of rows of like length; batches and their budgets are tested with the loop that asks for them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.text.batching import pieces_by_length


@given(st.lists(st.integers(1, 40), max_size=50), st.integers(1, 200), st.none() | st.integers(1, 8))
def test_pieces_hold_each_row_once_and_no_more_than_they_may(lengths, budget, most) -> None:
    lengths = np.array(lengths, dtype=np.int64)
    pieces = pieces_by_length(lengths, budget, most)
    rows = np.concatenate([np.empty(0, dtype=np.int64), *pieces])
    np.testing.assert_array_equal(rows, np.argsort(lengths, kind="stable"))
    for piece, following in zip(pieces, [*pieces[1:], None][: len(pieces)], strict=True):
        assert len(piece) == 1 or len(piece) * lengths[piece].max() <= budget
        assert len(piece) <= (most or len(piece))
        if following is not None:
            more = (len(piece) + 1) * lengths[following[0]] > budget or len(piece) == most
            assert more, "no piece ends before it must"
