"""Which distances are a collapse, in a table of what trainings were seen to do."""

from __future__ import annotations

import pytest

from counterpoise.methods.collapse import Spread


@pytest.mark.parametrize(
    ("before", "now", "collapsed"),
    [
        ((0.24, 0.18), (0.11, 0.037), True),  # nearer, and wider in proportion
        ((0.24, 0.18), (0.048, 0.036), True),  # nearer, in proportion alike
        ((0.24, 0.18), (0.02, 0.036), False),  # smaller, but the classes are clearer than they were
        ((0.24, 0.18), (0.0001, 0.017), True),  # at one place, however clear
        ((0.24, 0.18), (0.0, 0.0), True),
        ((0.24, 0.18), (0.23, 0.13), False),  # less clear, as an epoch may leave it
        ((28.0, 107.0), (51.8, 150.0), False),  # wider, and further apart
        ((0.0, 0.0), (0.0, 0.0), False),  # there was nothing to lose
        ((0.5, 0.0), (0.2, 0.0), False),  # one class alone
    ],
)
def test_collapse(before, now, collapsed) -> None:
    assert Spread(*now).collapsed_from(Spread(*before)) == collapsed


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_the_unit_does_not_matter(size) -> None:
    before = Spread(0.24 * size, 0.18 * size)
    assert Spread(0.11 * size, 0.037 * size).collapsed_from(before)
    assert not Spread(0.02 * size, 0.036 * size).collapsed_from(before)
