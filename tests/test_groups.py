"""Which rows belong together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from counterpoise.errors import DataError
from counterpoise.groups import merge_groups, text_groups


def test_groups_joined_through_other_rows_are_one() -> None:
    merged = merge_groups([0, 0, 1, 2, 3], ["a", "b", "b", "c", "d"])
    assert merged.tolist() == [0, 0, 0, 1, 2]


@given(st.integers(1, 30).flatmap(lambda n: hnp.arrays(np.int64, (3, n), elements=st.integers(0, 9))))
def test_merged_groups_are_the_finest_that_contain_all(groupings: np.ndarray) -> None:
    merged = merge_groups(*groupings)
    for grouping in groupings:
        for group in np.unique(grouping):
            assert len(np.unique(merged[grouping == group])) == 1
    # Finest: a naive transitive closure finds the same number of groups.
    parent = np.arange(groupings.shape[1])
    for _ in range(groupings.shape[1]):
        for grouping in groupings:
            for group in np.unique(grouping):
                parent[grouping == group] = parent[grouping == group].min()
    assert len(np.unique(parent)) == merged.max() + 1
    assert merged[0] == 0


def test_groupings_of_different_length_are_refused() -> None:
    with pytest.raises(DataError, match=r"\[2, 3\] rows"):
        merge_groups([0, 1], [0, 1, 2])


def test_text_groups_join_given_groups() -> None:
    texts = np.array(["one two three", "ONE two three", "four five six", "seven eight nine"], dtype=object)
    assert text_groups(texts, groups=["a", "b", "b", "c"]).tolist() == [0, 0, 0, 1]
