"""Cross-validated comparison of methods: the same folds, the same thinned fitting sides, one row a method.

>>> rows = compare(texts, labels, ["erm", "class_weight"], minority="spam")  # doctest: +SKIP
>>> rows[0].metrics["average_precision"].mean                                # doctest: +SKIP
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from counterpoise.errors import DataError
from counterpoise.experiments.difficulty import PLAIN
from counterpoise.experiments.executors.base import Job, Outcome
from counterpoise.experiments.executors.choice import make_executor
from counterpoise.experiments.grid import fill, jobs_of, plan
from counterpoise.experiments.store import Store
from counterpoise.experiments.table import Row, comparisons, contestant
from counterpoise.experiments.task import Task
from counterpoise.seeding import RandomState, root_seed

DEFAULT_METHODS = ("erm", "class_weight", "random_oversample", "word_swap", "tfidf_lr")
"""Doing nothing, the two plain remedies, and the two strongest cheap ones."""

METHODS_BY_KIND = {
    "text": DEFAULT_METHODS,
    "image": ("erm", "class_weight", "random_oversample", "mamix"),
}
"""What is compared by default: of images, doing nothing, the two plain remedies, and rows mixed by class margins."""


def compare(
    texts: np.ndarray,
    labels: np.ndarray,
    methods: Sequence[str] = DEFAULT_METHODS,
    *,
    backbone: str | None = None,
    minority: str | None = None,
    keep: str | float | None = None,
    n_folds: int = 5,
    n_seeds: int = 1,
    groups: np.ndarray | None = None,
    time: np.ndarray | None = None,
    random_state: RandomState = 0,
    settings: dict[str, Any] | None = None,
    jobs: int = 1,
    store: str | Path | None = None,
    on_row: Callable[[Row], None] | None = None,
) -> list[Row]:
    """Cross-validate methods on the same folds.

    Parameters
    ----------
    texts : ndarray of object, shape (n,)
    labels : ndarray of str, shape (n,)
    methods : sequence of str, default=("erm", "class_weight", "random_oversample", "word_swap", "tfidf_lr")
    backbone : str or None, default=None
        For the methods that train a network; an unknown name is refused even if none of them does.
    minority : str or None, default=None
        The class that matters; None takes the rarer of two, and all of more.
    keep : share, count or profile, default=None
        How much of the minority, or of all classes, the fitting sides keep
        (:func:`counterpoise.data.imbalance.parse_keep`); test sides stay whole.
    n_folds : int, default=5
    n_seeds : int, default=1
        How many times the cross-validation is repeated, with folds, thinning and fits drawn anew.
    groups, time : ndarray of shape (n,) or None, default=None
        See :func:`counterpoise.crossfit.make_folds`.
    random_state : int, RandomState, Generator or None, default=0
        The folds, the thinning and each fit depend on it; every method gets the same. Further seeds count up from it.
    settings : dict or None, default=None
        Further parameters of :class:`counterpoise.TextClassifier`. ``method__x`` and ``backbone__x`` reach
        the methods that have them.
    jobs : int, default=1
        Runs at a time, each with one thread.
    store : path or None, default=None
        A :class:`counterpoise.experiments.store.Store`, which may have some of the rows and gets the others.
    on_row : callable or None, default=None
        Called with each method's row as soon as it is known, without what only the rows of others tell.

    Returns
    -------
    list of Row
        In the order of ``methods``.

    Raises
    ------
    DataError, SettingsError
        Before any training where possible; and when a run fails, after all others are done.
    """
    seed = root_seed(random_state)
    task = Task.of("data", texts, labels, minority=minority, groups=groups, time=time)
    seeds = [seed + i for i in range(n_seeds)]
    runs = plan(task, methods, backbone=backbone, keep=keep, n_folds=n_folds, seeds=seeds, settings=settings)
    planned = jobs_of(runs)
    with opened(store) as rows:
        tell = None if on_row is None else RowTeller(rows, planned, on_row)
        filled = fill(rows, planned, task, make_executor(jobs=jobs), on_outcome=tell)
        if filled.failures:
            key, reason = next(iter(filled.failures.items()))
            raise DataError(
                f"{len(filled.failures)} of {len(planned)} runs failed; the first, {key}, for this: {reason}"
            )
        (found,) = comparisons(rows, filled.keys)
    return list(found.rows)


@contextmanager
def opened(store: str | Path | None) -> Iterator[Store]:
    """A store, or one that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder, Store(store or Path(folder) / "runs") as rows:
        yield rows


class RowTeller:
    """Tells of a row as soon as all of its runs are there.

    Parameters
    ----------
    store : Store
    jobs : sequence of Job
        The whole grid.
    tell : callable
        Called with each row once; what is measured by plain training is in it if that is done.
    """

    def __init__(self, store: Store, jobs: Sequence[Job], tell: Callable[[Row], None]) -> None:
        self.store, self.jobs, self.tell = store, jobs, tell
        self.left: dict[str, set[str]] = {}
        done = store.done(job.key for job in jobs)
        for job in jobs:
            self.left.setdefault(contestant(job.run), set()).update({job.key} - done)

    def __call__(self, outcome: Outcome) -> None:
        """Look whether ``outcome`` was the last of a row."""
        name = contestant(outcome.job.run)
        self.left[name].discard(outcome.job.key)
        if self.left[name]:
            return
        shown = {job.key for job in self.jobs if contestant(job.run) == name}
        judges = {job.key for job in self.jobs if job.run.method == PLAIN}
        keys = [job.key for job in self.jobs if job.key in shown | judges]
        done = self.store.done(keys)
        for comparison in comparisons(self.store, [key for key in keys if key in done]):
            for row in comparison.rows:
                if shown.intersection(key for key in row.keys if key):
                    self.tell(row)
