"""A grid of runs: planned, then filled into a store by an executor, from wherever it was left.

    jobs = jobs_of(plan(task, ["erm", "class_weight"], n_folds=5, seeds=(0, 1)))
    with Store("sms.runs") as store:
        filled = fill(store, jobs, task, make_executor(jobs=2))
    filled.failures                                              # why runs failed, by key

A run whose row is in the store is not executed again; one that failed is when asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from counterpoise.backbones.registry import find_backbone
from counterpoise.errors import SettingsError
from counterpoise.experiments.estimate import Estimate
from counterpoise.experiments.execution import classifier_of
from counterpoise.experiments.executors.base import Executor, Job, Outcome
from counterpoise.experiments.results import Result
from counterpoise.experiments.runs import Run
from counterpoise.experiments.store import Store
from counterpoise.experiments.surroundings import Surroundings
from counterpoise.experiments.task import Task
from counterpoise.methods.registry import METHODS, check_combination
from counterpoise.progress import bar

THREADS = 1
"""Of every run, so that its row does not depend on where and beside what it was executed."""


def plan(
    task: Task,
    methods: Sequence[str],
    *,
    backbone: str | None = None,
    keep: str | float | None = None,
    n_folds: int = 5,
    seeds: Sequence[int] = (0,),
    settings: Mapping[str, Any] | None = None,
    trials: int = 0,
    thinned_as: str | float | None = None,
) -> list[Run]:
    """List the runs of a comparison, and check all of them before any is executed.

    Parameters
    ----------
    task : Task
    methods : sequence of str
    backbone : str or None, default=None
        For the methods that train a network; an unknown name is refused even if none of them does.
    keep : share, count or profile, default=None
        How much of the minority, or of all classes, the fitting sides keep
        (:func:`counterpoise.data.imbalance.parse_keep`); test sides stay whole.
    n_folds : int, default=5
    seeds : sequence of int, default=(0,)
        Each has folds, thinning and fits of its own.
    settings : mapping or None
        Further parameters of :class:`counterpoise.TextClassifier`. ``method__x`` and ``backbone__x`` reach the
        methods that have them.
    trials : int, default=0
        Settings that every run tries on its own fitting side first, the same number for each method.
    thinned_as : share, count or None, default=None
        What ``keep`` is of the runs that these, which keep all, are held against
        (:class:`counterpoise.experiments.runs.Run`).

    Returns
    -------
    list of Run
        Method by method, seed by seed, fold by fold.

    Raises
    ------
    DataError, SettingsError
        For folds that cannot be made, and settings that are unknown, out of range or that no method has.
    """
    if backbone is not None:
        find_backbone(backbone)
    settings = dict(settings or {})
    if "checkpoint" in settings:
        raise SettingsError("checkpoint is not taken; runs keep none, and a store keeps the runs")
    threshold = settings.get("threshold")
    if threshold not in (None, "tune") and task.number is None and len(task.names) > 2:
        raise SettingsError(
            f"threshold is {threshold!r}, but {task.name} has {len(task.names)} classes, all of which matter, and a "
            "number needs two; name one class as the minority, or leave the threshold to be tuned"
        )
    cells = [(seed, fold) for seed in seeds for fold in range(len(task.folds(n_folds, seed)))]
    runs: list[Run] = []
    used: set[str] = set()
    for method in methods:
        own = _settings_of(method, backbone, settings, task.kind)
        used |= {key for key in settings if key in own.names}
        for seed, fold in cells:
            runs.append(
                Run(
                    dataset=task.name,
                    content=task.content,
                    minority=task.minority,
                    keep=keep,
                    method=method,
                    method_settings=own.method,
                    backbone=own.network,
                    backbone_settings=own.backbone,
                    estimator=own.estimator,
                    n_folds=n_folds,
                    fold=fold,
                    seed=seed,
                    trials=trials,
                    thinned_as=thinned_as,
                )
            )
        if cells:
            classifier_of(runs[-1], task.kind)
    if unused := [key for key in settings if key not in used]:
        raise SettingsError(f"no method of this comparison has the setting {', '.join(unused)}; leave it out")
    for run in runs:
        task.side(run)
    return runs


@dataclass(frozen=True)
class _Own:
    """The network and the settings that reach a method, and what they are called outside."""

    network: str | None
    method: dict[str, Any] = field(default_factory=dict)
    backbone: dict[str, Any] = field(default_factory=dict)
    estimator: dict[str, Any] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)


def _settings_of(method: str, backbone: str | None, settings: Mapping[str, Any], kind: str) -> _Own:
    """A setting that this method lacks but another one has is left out."""
    if method not in METHODS:
        raise SettingsError(f"there is no method {method!r}; choose from {', '.join(METHODS)}")
    made = METHODS[method]()
    known = made.get_params()
    asked = {
        key.removeprefix("method__"): value for key, value in settings.items() if key.startswith("method__")
    }
    made.set_params(**{name: value for name, value in asked.items() if name in known})
    trains = made.trains_backbone(kind)
    own = _Own(check_combination(method, made, kind, backbone, {}) if trains else None)
    for key, value in settings.items():
        prefix, nested, name = key.partition("__")
        if not nested:
            own.estimator[key] = value
        elif prefix == "method" and name in known:
            own.method[name] = value
        elif prefix == "backbone" and trains:
            own.backbone[name] = value
        else:
            continue
        own.names.add(key)
    return own


@dataclass(frozen=True, eq=False)
class Filled:
    """What became of a grid.

    Attributes
    ----------
    keys : tuple of str
        Of all its runs, in their order; the store has their rows, except those that failed.
    failures : dict of str to str
        Why runs have no row, by key.
    found : int
        Rows that were there before.
    """

    keys: tuple[str, ...]
    failures: dict[str, str] = field(default_factory=dict)
    found: int = 0


def jobs_of(runs: Sequence[Run]) -> list[Job]:
    """Runs with the surroundings that this machine gives them, and with their keys."""
    known: dict[str, Surroundings] = {}
    jobs = []
    for run in runs:
        # Folds and seeds change no code and no precision.
        about = repr((run.method, run.settings, run.backbone, run.trials))
        if about not in known:
            known[about] = Surroundings.here(run, THREADS)
        jobs.append(Job(run.key_in(known[about]), run, known[about]))
    return jobs


def fill(
    store: Store,
    jobs: Sequence[Job],
    task: Task,
    executor: Executor,
    *,
    retry: bool = False,
    on_outcome: Callable[[Outcome], None] | None = None,
    what: str = "runs",
) -> Filled:
    """Execute what a store lacks of a grid.

    Parameters
    ----------
    store : Store
        Rows are written to it as they come; whatever stops this process, they are there.
    jobs : sequence of Job
    task : Task
    executor : Executor
    retry : bool, default=False
        Execute also what has failed before.
    on_outcome : callable or None, default=None
        Called with each outcome after it has been written.
    what : str, default="runs"
        What progress calls the jobs, where several grids follow one another.

    Returns
    -------
    Filled

    Raises
    ------
    DataError
        When another process has written a row meanwhile that comes out otherwise here.
    OutputError
        When the store cannot be written.
    """
    keys = tuple(job.key for job in jobs)
    before = store.failed_at()
    done = store.done(keys)
    failed = {} if retry else {k: why for k, why in store.failed().items() if k in keys}
    waiting = [job for job in jobs if job.key not in done and job.key not in failed]
    estimate = Estimate(waiting, executor.width, store.rows())
    queue = _Queue(store, waiting, before)
    reasons: dict[str, str] = {}
    with bar(what, len(waiting)) as progress, closing(executor.outcomes(task, iter(queue))) as outcomes:
        progress.advance(0, estimate.words().removeprefix(", "))
        try:
            for outcome in outcomes:
                if isinstance(outcome.result, Result):
                    store.write(outcome.result)
                else:
                    store.fail(outcome.job.run, outcome.job.surroundings, outcome.result)
                    reasons[outcome.job.key] = outcome.result
                estimate.learn(outcome)
                progress.advance(
                    1, f"{outcome.job.run.method}, fold {outcome.job.run.fold + 1}{estimate.words()}"
                )
                if on_outcome is not None:
                    on_outcome(outcome)
        finally:
            store.release(job.key for job in waiting)
    reasons |= store.failed()
    return Filled(keys, {key: reasons[key] for key in keys if key in reasons}, len(done))


def strangers(store: Store, jobs: Sequence[Job]) -> list[str]:
    """Why rows of a store that look like those of a grid are not.

    Parameters
    ----------
    store : Store
    jobs : sequence of Job

    Returns
    -------
    list of str
        A sentence for each reason; the rows themselves are left alone.
    """
    records = store.rows()
    keys = {job.key for job in jobs}
    sentences = []
    contents = {job.run.dataset: job.run.content for job in jobs}
    changed = [r for r in records if contents.get(r.run.dataset, r.run.content) != r.run.content]
    if changed:
        names = ", ".join(dict.fromkeys(r.run.dataset for r in changed))
        sentences.append(
            f"{names} is not what it was when {len(changed):,} rows of {store.path} were made; "
            "they are kept, and the runs are executed on what it is now"
        )
    wanted = {job.run: job for job in jobs}
    older = [r for r in records if r.run in wanted and r.key not in keys]
    if older:
        reasons = dict.fromkeys(
            reason for r in older for reason in r.surroundings.differences(wanted[r.run].surroundings)
        )
        sentences.append(
            f"{len(older):,} rows of {store.path} were made with other {' and '.join(reasons)}; "
            "they are kept, and the runs are executed anew"
        )
    return sentences


class _Queue:
    """Jobs for an executor, without those that other processes are at; ``before`` are the failures of earlier days."""

    def __init__(self, store: Store, jobs: Sequence[Job], before: Mapping[str, str]) -> None:
        self.store, self.left, self.before = store, list(jobs), before

    def __iter__(self) -> Iterator[Job | None]:
        while self.left:
            job = self._claimed()
            yield job
            if job is None:
                # Those others are at: done or failed by now, or free again because their process has died.
                settled = self.store.done(j.key for j in self.left) | self._failed()
                self.left = [j for j in self.left if j.key not in settled]

    def _claimed(self) -> Job | None:
        for job in tuple(self.left):
            if not self.store.claim(job.key):
                continue
            self.left.remove(job)
            # Looked up under the claim: no other process can fail it after that.
            if job.key not in self._failed():
                return job
            self.store.release([job.key])
        return None

    def _failed(self) -> set[str]:
        """What has failed since, in whichever process."""
        return {key for key, when in self.store.failed_at().items() if self.before.get(key) != when}
