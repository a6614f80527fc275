"""By which rows a reproduction chooses when to stop."""

from __future__ import annotations

import numpy as np
import pytest

from counterpoise.experiments.stopping_side import LEAST, StoppingSide, stopping_side
from counterpoise.experiments.task import Side, Task
from tiny_texts import make_texts


def task_of(counts: tuple[int, ...]) -> tuple[Task, Side]:
    """The last third of each class is the given test side."""
    texts, labels = make_texts(counts, seed=1)
    order = np.argsort(labels, kind="stable")
    texts, labels = texts[order], labels[order]
    place = np.concatenate([np.arange(count) / count for count in counts])
    task = Task.of("toy", texts, np.array([f"c{n}" for n in labels], dtype=object), test=place >= 2 / 3)
    return task, Side(np.flatnonzero(~task.test), np.flatnonzero(task.test), None)


def parted(counts: tuple[int, ...], selection: str = "validation", seed: int = 0, fold: int = 0):
    task, side = task_of(counts)
    return task, side, stopping_side(task, side, selection, seed, fold)


def test_a_tenth_of_the_fitting_side_judges() -> None:
    task, side, found = parted((600, 450, 300))
    assert sorted([*found.fitted, *found.judges]) == sorted(side.train)
    np.testing.assert_array_equal(found.judges, found.held_out)
    np.testing.assert_allclose(np.bincount(task.numbers[found.judges]), [40, 30, 20], atol=1)


def test_the_test_side_judges_and_the_same_rows_are_fitted_to() -> None:
    _, side, found = parted((600, 450, 300), "test")
    np.testing.assert_array_equal(found.judges, side.test)
    np.testing.assert_array_equal(found.fitted, parted((600, 450, 300))[2].fitted)
    assert len(found.held_out) == len(side.train) - len(found.fitted)


@pytest.mark.parametrize("other", [{"seed": 1}, {"fold": 1}])
def test_each_run_holds_out_rows_of_its_own(other) -> None:
    one, two = (parted((600, 450, 300), **asked)[2].judges for asked in ({}, other))
    assert len(set(one) & set(two)) < len(one) / 2


@pytest.mark.parametrize("selection", ["validation", "test"])
def test_with_few_rows_of_the_rarest_third_all_are_fitted_to(selection) -> None:
    """Six classes, so that two are the rarest third: what counts is what they have together."""

    def held_out(rarest: int) -> StoppingSide:
        return parted((300, 300, 300, 300, rarest, rarest), selection)[2]

    enough = held_out(10 * LEAST * 3 // 4)  # two thirds are fitted to, of which two tenths are held out
    assert len(enough.held_out) == pytest.approx(0.1 * (800 + 2 * LEAST * 5), abs=3)
    _, side, few = parted((300, 300, 300, 300, 60, 60), selection)
    np.testing.assert_array_equal(few.fitted, side.train)
    assert not len(few.held_out)
    assert len(few.judges) == (len(side.test) if selection == "test" else 0)


def test_rows_that_cannot_be_parted_are_all_fitted_to() -> None:
    task = Task.of("toy", np.array(["a b c d"] * 8, dtype=object), np.array(list("xxxxyyyy"), dtype=object))
    side = Side(np.arange(8), np.arange(8), None)
    np.testing.assert_array_equal(stopping_side(task, side, "validation", 0, 0).fitted, np.arange(8))


def test_repeats_are_not_parted() -> None:
    texts, labels = make_texts((300, 250, 200), seed=1)
    task = Task.of("toy", np.repeat(texts, 2), np.repeat(np.array([f"c{n}" for n in labels], object), 2))
    side = Side(np.arange(1500), np.arange(1500), None)
    judges = set(stopping_side(task, side, "validation", 0, 0).judges // 2)
    assert judges
    assert not judges & set(stopping_side(task, side, "validation", 0, 0).fitted // 2)
