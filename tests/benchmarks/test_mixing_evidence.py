"""The plan of the evidence about mixing and deep over-sampling: all take as many steps, and rare classes are there."""

from __future__ import annotations

import pytest

from counterpoise.metrics.class_groups import rare_classes
from mixing_evidence import STEPS, _counts, _rows, arrays, many, texts


def check(part) -> None:
    """All runs of a part take the rows of plain training's epochs, and some class is rare on the side fitted to."""
    plain = next(run for run in part.runs if run.method == "erm")
    counts = _counts(plain, part.task)
    assert rare_classes(counts).any(), part.task.name
    steps = plain.estimator["max_epochs"] * counts.sum()
    for run in part.runs:
        its = run.estimator.get("max_epochs")
        if its is not None:
            # Within half an epoch, or the four that deep over-sampling cannot do without.
            off = abs(its * _rows(run, counts) - steps)
            assert off <= _rows(run, counts) / 2 or its == 4, (part.task.name, run.method)


def test_arrays_take_as_many_steps_whatever_the_method() -> None:
    parts = list(arrays())
    assert [part.task.name for part in parts] == ["iris", "wine", "breast_cancer", "digits"]
    for part in parts:
        check(part)
        plain = next(run for run in part.runs if run.method == "erm")
        each = -(-_counts(plain, part.task).sum() // 64)
        assert STEPS <= plain.estimator["max_epochs"] * each < STEPS + each


@pytest.mark.real_data
@pytest.mark.parametrize("grid", [many, texts])
def test_texts_take_as_many_steps_whatever_the_method(grid) -> None:
    for part in grid():
        check(part)
