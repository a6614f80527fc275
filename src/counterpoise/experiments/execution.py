"""One run, executed: split, thin, fit, predict, score. Nothing but the run and its task goes into the row.

>>> outcome = attempt(task, run, Surroundings.here(run, threads=1))       # doctest: +SKIP
>>> outcome.metrics["average_precision"]                                  # doctest: +SKIP
0.95

Every executor calls this, in whatever process, so all of them give the same row.
"""

from __future__ import annotations

import os
import time as clock
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from counterpoise.errors import CounterpoiseWarning, SettingsError
from counterpoise.estimators.array import ArrayClassifier
from counterpoise.estimators.base import RareClassClassifier
from counterpoise.estimators.image import ImageClassifier
from counterpoise.estimators.text import TextClassifier
from counterpoise.experiments.difficulty import hostile_neighbours
from counterpoise.experiments.memory import forget_peak, peak_memory
from counterpoise.experiments.results import Predictions, Result, described
from counterpoise.experiments.runs import Run, canonical
from counterpoise.experiments.scoring import score_run
from counterpoise.experiments.stopping_side import (
    ALL_EPOCHS,
    OPTIMISTIC,
    SELECTION,
    SELECTIONS,
    stopping_side,
)
from counterpoise.experiments.surroundings import Surroundings
from counterpoise.experiments.task import Side, Task
from counterpoise.experiments.tuning import Trial, best_of, search, space_of
from counterpoise.groups import merge_groups
from counterpoise.metrics.diagnosis import one_class_predicted
from counterpoise.metrics.thresholds import decide
from counterpoise.seeding import derive_seed

INNER_FOLDS = 3
"""Folds of a fitting side by which settings are chosen."""


class FoldClassifier(RareClassClassifier):
    """A classifier that is told which of its rows repeat each other: the task has searched them all once."""

    joined: np.ndarray
    selection: str | None = None
    to_the_end: bool = False

    def _groups(self, inputs: np.ndarray, groups: Any) -> np.ndarray:
        return merge_groups(self.joined)


class _OfTexts(FoldClassifier, TextClassifier):
    pass


class _OfArrays(FoldClassifier, ArrayClassifier):
    pass


class _OfImages(FoldClassifier, ImageClassifier):
    pass


_FOLD_CLASSIFIERS: dict[str, type[Any]] = {each.kind: each for each in (_OfTexts, _OfArrays, _OfImages)}


def classifier_of(run: Run, kind: str) -> FoldClassifier:
    """The unfitted classifier of a run, its settings checked.

    Parameters
    ----------
    run : Run
    kind : {"text", "array", "image"}
        What its task's inputs are.

    Raises
    ------
    SettingsError
        For a setting that is unknown or out of range.
    """
    classifier = _FOLD_CLASSIFIERS[kind](
        run.method,
        run.backbone,
        pos_label=run.minority,
        random_state=derive_seed(run.seed, "fit", run.fold),
        **{name: value for name, value in run.settings.items() if name != SELECTION},
    )
    classifier.selection = run.estimator.get(SELECTION)
    if classifier.selection not in (None, *SELECTIONS):
        raise SettingsError(f"{SELECTION} is {classifier.selection!r}; choose from {', '.join(SELECTIONS)}")
    classifier._checked_settings()
    return classifier


def attempt(task: Task, run: Run, surroundings: Surroundings) -> Result | str:
    """Execute a run, and say why when that fails.

    Parameters
    ----------
    task : Task
    run : Run
        Of this task.
    surroundings : Surroundings
        Those that the row is to be made in: the number of threads, device and precision are set accordingly.

    Returns
    -------
    Result or str
        The reason of a failure is that of any exception but an interrupt.
    """
    try:
        return execute(task, run, surroundings)
    except Exception as error:
        if os.environ.get("COUNTERPOISE_DEBUG"):
            traceback.print_exc()
        return described(error)


def execute(task: Task, run: Run, surroundings: Surroundings) -> Result:
    """Execute a run.

    Parameters
    ----------
    task, run, surroundings
        See :func:`attempt`.

    Raises
    ------
    SettingsError
        When this process has other libraries or other code than those of ``surroundings``.
    CounterpoiseError
        Whatever the fit raises.
    """
    forget_peak()
    with _threads(surroundings.threads), _warned() as warned:
        _check_same(run, surroundings)
        with _warned():  # said where the grid is planned; here only the first run of a process would say it
            split = task.folds(run.n_folds, run.seed)[run.fold]
        side = task.side(run)
        tried = _searched(task.inside(side.train), run, surroundings) if run.trials else []
        classifier = classifier_of(run, task.kind)
        if tried:
            classifier.set_params(**best_of(tried).settings)
        classifier.set_params(device=surroundings.device, precision=surroundings.precision)
        seconds, probabilities = _fitted(classifier, task, side, run)
        embedded = classifier.embed(task.inputs[side.test]) if classifier.trains_backbone else None
        predictions = _predictions(task, run, side, classifier, probabilities, embedded)
    note = one_class_predicted(
        predictions.labels,
        probabilities,
        probabilities.argmax(axis=1),
        task.number,
        predictions.classes,
        tuned=classifier.fitted_.choice.tuned,
    )
    return Result(
        run=run,
        surroundings=surroundings,
        metrics=score_run(task, side, predictions, probabilities, embedded, classifier),
        predictions=predictions,
        curves=_columns(classifier.history_) | ({"trials": [t.mean for t in tried]} if tried else {}),
        fit_seconds=seconds[0],
        predict_seconds=seconds[1],
        peak_memory=peak_memory(),
        fitting_rows=len(split.train),
        notes=tuple(dict.fromkeys([*_said(classifier), *([note] if note else []), *_chosen(tried), *warned])),
    )


def inner_run(run: Run, content: str, settings: dict[str, Any], fold: int) -> Run:
    """The run of one fold inside the fitting side of another run, with settings to be tried."""
    own: dict[str, dict[str, Any]] = {"method": {}, "backbone": {}, "estimator": {}}
    for name, value in settings.items():
        prefix, nested, inner = name.partition("__")
        own[prefix if nested else "estimator"][inner if nested else name] = value
    return replace(
        run,
        content=content,
        keep=None,
        thinned_as=None,
        n_folds=INNER_FOLDS,
        fold=fold,
        seed=derive_seed(run.seed, "tune", run.fold) % 2**31,
        trials=0,
        method_settings={**run.method_settings, **own["method"]},
        backbone_settings={**run.backbone_settings, **own["backbone"]},
        # The ranking is judged, so no threshold is tuned for each trial.
        estimator={**run.estimator, "threshold": None, **own["estimator"]},
    )


def _searched(inner: Task, run: Run, surroundings: Surroundings) -> list[Trial]:
    def score(settings: dict[str, Any], folds: Sequence[int]) -> list[float | None]:
        runs = (inner_run(run, inner.content, settings, fold) for fold in folds)
        return [execute(inner, each, surroundings).metrics["average_precision"] for each in runs]

    space = space_of(run.method, run.backbone, run.backbone_settings, inner.kind)
    given = run.settings  # which stay as they are
    return search(
        {name: where for name, where in space.items() if name not in given},
        score,
        trials=run.trials,
        n_folds=len(inner.folds(INNER_FOLDS, inner_run(run, inner.content, {}, 0).seed)),
        seed=derive_seed(run.seed, "search", run.fold),
    )


def _said(classifier: FoldClassifier) -> list[str]:
    """What a reader of the row has to know of how the model was made."""
    notes = getattr(classifier.fitted_.predictor, "notes", {})
    return [
        *([] if classifier.fitted_.choice.tuned else [classifier.threshold_note_]),
        *([OPTIMISTIC] if classifier.selection == "test" else []),
        *([ALL_EPOCHS] if classifier.to_the_end and classifier.trains_backbone else []),
        *notes.get("remarks", []),
    ]


def _chosen(tried: list[Trial]) -> list[str]:
    if not tried:
        return []
    settings = best_of(tried).settings
    said = ", ".join(f"{name}={canonical(value)}" for name, value in settings.items())
    return [f"of {len(tried)} settings tried on the fitting side the best was {said or 'the default'}"]


def _fitted(
    classifier: FoldClassifier, task: Task, side: Side, run: Run
) -> tuple[tuple[float, float], np.ndarray]:
    """Seconds of fit and prediction, and the probabilities of the test side."""
    rows, judges = side.train, None
    if classifier.selection is not None:
        stopping = stopping_side(task, side, classifier.selection, run.seed, run.fold)
        rows, judges = stopping.fitted, stopping.judges
        if not len(judges):
            judges, classifier.to_the_end = None, True
            classifier.set_params(validation_fraction=0.0)
    groups, time = (None if column is None else column[rows] for column in (task.groups, task.time))
    classifier.joined = task.joined[rows]
    start = clock.perf_counter()
    classifier.fit(
        task.inputs[rows],
        task.names[task.numbers[rows]],
        groups=groups,
        time=time,
        validation=None if judges is None else (task.inputs[judges], task.names[task.numbers[judges]]),
    )
    fitted = clock.perf_counter()
    probabilities = classifier.predict_proba(task.inputs[side.test])
    return (fitted - start, clock.perf_counter() - fitted), probabilities


def _predictions(
    task: Task,
    run: Run,
    side: Side,
    classifier: FoldClassifier,
    probabilities: np.ndarray,
    embedded: np.ndarray | None,
) -> Predictions:
    sides = task.sides
    hostile = None
    if embedded is not None and sides.rare.any():
        seed = derive_seed(run.seed, "difficulty", run.fold)
        hostile = hostile_neighbours(classifier, task.inputs, sides, side.train, side.test, embedded, seed)
    return Predictions(
        rows=side.test,
        labels=task.numbers[side.test],
        decided=decide(probabilities, classifier.thresholds_),
        probabilities=probabilities,
        rare=sides.rare[side.test],
        hostile=hostile,
        classes=tuple(str(name) for name in task.names),
    )


def _columns(history: list[dict[str, float]]) -> dict[str, Any]:
    names = dict.fromkeys(name for row in history for name in row)
    return {name: [row.get(name) for row in history] for name in names}


def _check_same(run: Run, wanted: Surroundings) -> None:
    """Refuse to make a row that its key would lie about."""
    here = Surroundings.here(run, wanted.threads)
    if here.source != wanted.source:
        raise SettingsError(
            "the code of Counterpoise here is not that of the process that planned the grid; install the same"
        )
    # Those of a run that tries settings have more versions than those of the runs by which it tries them.
    for name, version in here.versions.items():
        if wanted.versions.get(name) != version:
            raise SettingsError(
                f"{name} is {version} here and {wanted.versions.get(name)} in the process that planned the grid; "
                "install the same"
            )


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Let all arithmetic use so many threads."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        with threadpool_limits(count):
            yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _warned() -> Iterator[list[str]]:
    """Collect what the package warns of, to be kept beside the row; let other warnings pass."""
    said: list[str] = []
    with warnings.catch_warnings():
        show = warnings.showwarning

        def note(message: Warning | str, category: type[Warning], *rest: Any, **more: Any) -> None:
            if issubclass(category, CounterpoiseWarning):
                said.append(str(message))
            else:
                show(message, category, *rest, **more)

        warnings.simplefilter("always", CounterpoiseWarning)
        warnings.showwarning = note
        yield said
