"""Nothing of a test side reaches a fit: what is fitted stays the same to the bit when the test side is another one.

The watch itself is tried on leaks that are planted, one in each stage.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from grids import QUICK

import counterpoise.fitting as fitting
import counterpoise.methods.gradient as gradient
from counterpoise.experiments import execution
from counterpoise.experiments.grid import jobs_of, plan
from counterpoise.experiments.task import Task
from counterpoise.experiments.tuning import Trial
from counterpoise.oversampling.base import TextSampler
from counterpoise.text.tokenizers import WordTokenizer
from tiny_texts import make_texts

pytestmark = pytest.mark.filterwarnings("ignore::counterpoise.errors.CounterpoiseWarning")


@dataclass
class Stage:
    """The task whose run is being executed, for whoever wants to peep at its test side."""

    task: Task
    test: np.ndarray


def fitted_state(
    task: Task, run, surroundings, probe: np.ndarray, stage: list[Stage], watch
) -> dict[str, Any]:
    """Everything that a fit leaves behind, as far as it can be seen from outside."""
    kept: dict[str, Any] = {}
    fitted = execution._fitted

    stage.append(Stage(task, task.side(run).test))

    def watched(classifier, task, side, run):
        found = fitted(classifier, task, side, run)
        kept["probabilities"] = classifier.predict_proba(probe).tobytes()
        kept["embedding"] = np.asarray(_dense(classifier.embed(probe))).tobytes()
        kept["thresholds"] = classifier.thresholds_.tobytes()
        kept["history"] = repr(classifier.history_)
        kept["scores"] = repr(classifier.fitted_.scores)
        return found

    with watch.context() as patch:
        patch.setattr(execution, "_fitted", watched)
        execution.execute(task, run, surroundings)
    return kept


def _dense(embedding: Any) -> Any:
    return embedding.toarray() if hasattr(embedding, "toarray") else embedding


def poisoned(task: Task, run) -> Task:
    """The same task, but the test side of one run has other texts, and its labels are turned round."""
    test = task.side(run).test
    texts, numbers = task.inputs.copy(), task.numbers.copy()
    texts[test] = [
        f"poison{i % 7} " + " ".join(reversed(str(text).split())) for i, text in enumerate(texts[test])
    ]
    numbers[test] = 1 - numbers[test]
    # Folds are drawn by labels; those of the task are kept, for the question is what happens within them.
    return replace(task, inputs=texts, numbers=numbers, _folds=dict(task._folds))


def differs(method: str, counts: tuple[int, int], settings: dict[str, Any], monkeypatch, stage) -> list[str]:
    texts, labels = make_texts(counts, seed=5)
    task = Task.of("toy", texts, np.array(["ham", "spam"], dtype=object)[labels])
    settings = dict(settings)
    trials = settings.pop("trials", 0)
    (job,) = jobs_of(plan(task, [method], n_folds=3, settings=settings, keep=0.9, trials=trials)[1:2])
    train = task.side(job.run).train
    states = [
        fitted_state(each, job.run, job.surroundings, texts[train], stage, monkeypatch)
        for each in (task, poisoned(task, job.run))
    ]
    return [name for name in states[0] if states[0][name] != states[1][name]]


TUNED = {**QUICK, "threshold": "tune", "threshold_folds": 2}
LINEAR = {"threshold": "tune", "threshold_folds": 2}
SEARCHED = {"threshold": 0.5, "trials": 4}
SMALL, LARGE = (60, 30), (900, 180)
CASES = [
    pytest.param("tfidf_lr", SMALL, LINEAR, id="linear, threshold out of fold"),
    pytest.param("erm", SMALL, TUNED, id="network, threshold out of fold"),
    pytest.param("word_swap", SMALL, TUNED, id="sampler"),
    pytest.param("miso_edit", SMALL, {**QUICK, "threshold": 0.5}, id="edits of difficult samples"),
    pytest.param("tfidf_lr", SMALL, SEARCHED, id="settings"),
    pytest.param("erm", LARGE, {**TUNED, "max_epochs": 2}, id="validation side"),
]


@pytest.mark.parametrize(("method", "counts", "settings"), CASES)
def test_a_fit_does_not_hang_on_the_test_side(method, counts, settings, monkeypatch) -> None:
    assert differs(method, counts, settings, monkeypatch, []) == []


def _vocabulary(stage: list[Stage], patch: pytest.MonkeyPatch) -> None:
    fit = WordTokenizer.fit
    patch.setattr(WordTokenizer, "fit", lambda self, texts: fit(self, [*texts, *_texts(stage)]))


def _resampling(stage: list[Stage], patch: pytest.MonkeyPatch) -> None:
    resample = TextSampler.fit_resample

    def leaking(self, texts, labels, *more):
        written, classes = resample(self, texts, labels, *more)
        written[-1] = _texts(stage)[0]
        return written, classes

    patch.setattr(TextSampler, "fit_resample", leaking)


def _threshold(stage: list[Stage], patch: pytest.MonkeyPatch) -> None:
    tune = fitting.tune_threshold

    def leaking(labels, probabilities, *, weights, **more):
        own = np.resize(stage[-1].task.numbers[stage[-1].test], len(labels))
        return tune(own, probabilities, weights=weights, **more)

    patch.setattr(fitting, "tune_threshold", leaking)


def _tuning(stage: list[Stage], patch: pytest.MonkeyPatch) -> None:
    """What is chosen depends on the labels of the test side."""

    def leaking(inner, run, surroundings):
        task, rows = stage[-1].task, stage[-1].test
        strength = 0.01 + task.numbers[rows][:5].sum()
        return [Trial(0, {"method__C": float(strength)}, (1.0,), pruned=False)]

    patch.setattr(execution, "_searched", leaking)


def _early_stopping(stage: list[Stage], patch: pytest.MonkeyPatch) -> None:
    make = gradient.validation_score

    def leaking(context, *network):
        if context.validation is None:
            return make(context, *network)
        task, rows = stage[-1].task, stage[-1].test
        side = type(context.validation)(task.inputs[rows], task.numbers[rows], 2, np.ones(len(rows)))
        return make(replace(context, validation=side), *network)

    patch.setattr(gradient, "validation_score", leaking)


def _texts(stage: list[Stage]) -> list[str]:
    return stage[-1].task.inputs[stage[-1].test].tolist()


LEAKS: list[
    tuple[Callable[[list[Stage], pytest.MonkeyPatch], None], str, tuple[int, int], dict[str, Any]]
] = [
    (_vocabulary, "erm", SMALL, TUNED),
    (_resampling, "word_swap", SMALL, TUNED),
    (_threshold, "tfidf_lr", SMALL, LINEAR),
    (_tuning, "tfidf_lr", SMALL, SEARCHED),
    (_early_stopping, "erm", LARGE, {**TUNED, "max_epochs": 2}),
]


@pytest.mark.parametrize(
    ("plant", "method", "counts", "settings"), LEAKS, ids=lambda each: getattr(each, "__name__", "")
)
def test_a_planted_leak_is_caught(plant, method, counts, settings, monkeypatch) -> None:
    stage: list[Stage] = []
    plant(stage, monkeypatch)
    assert differs(method, counts, settings, monkeypatch, stage) != []
