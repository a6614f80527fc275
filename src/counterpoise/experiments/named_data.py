"""The data of a run on a named set, told by their content: which split or splits, and read in which way.

    task = find_task(run, "sms_spam")
    task.content == run.content

A run says what its data hash to, and not how they were read. So each way in which ``compare`` and the papers read a
named set is tried until the hash fits, and then with so many rows of a class, in round numbers, as evidence is made of.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any, TypeAlias

import numpy as np

from counterpoise.data.image_files import read_images
from counterpoise.data.imbalance import one_against_rest
from counterpoise.data.readers import read, splits_of
from counterpoise.data.source_kinds import IMAGE, source_kind
from counterpoise.errors import DataError
from counterpoise.experiments import papers
from counterpoise.experiments.papers.base import capped, task_of
from counterpoise.experiments.runs import Run, content_hash
from counterpoise.experiments.task import Task
from counterpoise.images.python_inputs import as_images

_Reading: TypeAlias = tuple[np.ndarray, np.ndarray, np.ndarray | None]
"""Inputs, labels and the given test side."""

CAPS = (500, 1_000, 2_000, 3_000, 5_000, 10_000)
"""Rows of each class that a set may have been cut to."""


def find_task(run: Run, name: str, data_dir: str | None = None) -> Task:
    """Read the named set that a run was made of, as it was read then.

    Parameters
    ----------
    run : Run
    name : str
        Of :mod:`counterpoise.data.catalog`.
    data_dir : str or None, default=None
        Where the sets are.

    Returns
    -------
    Task
        With the run's content: one split, or all of them, or with the test split as the given test side where the run
        has one fold; else as a paper's protocol reads the set, with fewer rows or without stop words; else with at
        most as many rows of each class as one of :data:`CAPS` says.

    Raises
    ------
    DataError
        When no way of reading gives that content, or the set cannot be had.
    """
    if (task := _with_content(run, _readings(run, name, data_dir))) is not None:
        return task
    for task in _as_papers_read(run, name, data_dir):
        if task.content == run.content:
            return task
    if (task := _with_content(run, _capped(run, name, data_dir))) is not None:
        return task
    of = "" if run.minority is None else f" with class {run.minority!r} against the rest"
    raise DataError(
        f"{name} has no split or splits{of} that are the rows which the run was made of ({run.content}); give DATA as "
        "it was given then"
    )


def _with_content(run: Run, readings: Iterator[_Reading]) -> Task | None:
    for inputs, labels, test in readings:
        # Found out before near repeats are searched for, which takes longer than reading.
        if content_hash(inputs, labels, test=test) == run.content:
            return Task.of(run.dataset, inputs, labels, minority=run.minority, test=test)
    return None


def _readings(run: Run, name: str, data_dir: str | None) -> Iterator[_Reading]:
    """Inputs, labels and the given test side of each way in which there are so many folds."""
    splits = splits_of(name)

    @cache
    def part(split: str) -> tuple[Any, np.ndarray]:
        if source_kind(name) == IMAGE:
            images = read_images(name, split=split, data_dir=data_dir)
            return as_images(images.images), np.asarray(images.labels, dtype=object)
        texts = read(name, split=split, data_dir=data_dir)
        return texts.texts, np.asarray(texts.labels, dtype=object)

    given = run.n_folds == 1
    ways = dict.fromkeys([*([] if given else [(split,) for split in splits]), tuple(splits)])
    for way in ways:
        parts = [part(split) for split in way]
        inputs, labels = (np.concatenate(each) for each in zip(*parts, strict=True))
        if run.minority is not None and len(set(labels)) > 2:
            if run.minority not in labels:
                continue
            labels = one_against_rest(labels, run.minority)
        of_rows = np.repeat(way, [len(own) for _, own in parts])
        yield inputs, labels, of_rows == "test" if given else None


def _as_papers_read(run: Run, name: str, data_dir: str | None) -> Iterator[Task]:
    tried = set()
    for paper in papers.PAPERS:
        protocol = import_module(f"{papers.__name__}.{paper}")
        for made in protocol.SETS:
            fits = (made.dataset, made.minority, made.given) == (name, run.minority, run.n_folds == 1)
            for budget in protocol.BUDGETS.values() if fits else ():
                cap = budget.cap(made)
                way = made.whole, cap, budget.stop_words
                if way not in tried and (cap is not None or not budget.stop_words):
                    tried.add(way)
                    yield task_of(made, data_dir, cap, stop_words=budget.stop_words)


def _capped(run: Run, name: str, data_dir: str | None) -> Iterator[_Reading]:
    for reading in _readings(run, name, data_dir):
        for cap in CAPS:
            yield capped(*reading, cap)
