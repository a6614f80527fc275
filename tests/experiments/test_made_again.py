"""Runs made again: those of papers too, whose epoch is chosen or whose test side is given; and what differs is told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from grids import QUICK, make_jobs, make_task

from counterpoise.errors import DataError
from counterpoise.experiments import execution
from counterpoise.experiments.again import make_again
from counterpoise.experiments.executors.in_process import InProcess
from counterpoise.experiments.grid import fill, jobs_of, plan
from counterpoise.experiments.store import Store
from counterpoise.experiments.task import Task
from tiny_texts import make_texts


def stored(task, job, path):
    """The record and the whole row of a job that was executed."""
    with Store(path) as store:
        fill(store, [job], task, InProcess())
        return store.rows(status=None)[0], store.result(job.key)


@pytest.mark.parametrize("selection", ["validation", "test"])
def test_a_papers_run_is_made_from_its_fields_alone(selection, tmp_path) -> None:
    texts, numbers = make_texts((60, 40, 30), seed=5)
    task = Task.of(
        "three", texts, np.array(["a", "b", "c"], dtype=object)[numbers], test=np.arange(130) % 4 == 1
    )
    settings = {**QUICK, "threshold": None, "selection": selection, "max_epochs": 2}
    (job,) = jobs_of(plan(task, ["erm"], n_folds=1, seeds=(4,), settings=settings))
    known, whole = stored(task, job, tmp_path / "runs")
    made = make_again(known, task, InProcess(), whole)
    assert (made.job.run, made.job.key) == (job.run, job.key)
    assert made.equal
    assert made.otherwise == ()
    assert any("OPTIMISTIC" in note for note in made.result.notes) == (selection == "test")


def test_what_differs_is_told(tmp_path, monkeypatch) -> None:
    task = make_task()
    job = make_jobs(task, ["tfidf_lr"])[0]
    known, whole = stored(task, job, tmp_path / "runs")
    assert make_again(known, task, InProcess()).equal, "by metrics and notes alone"
    original = execution.execute

    def other(*given):
        result = original(*given)
        said = result.predictions
        return replace(
            result,
            metrics={**result.metrics, "f1": 0.5},
            predictions=replace(said, probabilities=said.probabilities / 2),
        )

    monkeypatch.setattr(execution, "execute", other)
    for row, differences in ((whole, ("metrics", "probabilities")), (None, ("metrics",))):
        made = make_again(known, task, InProcess(), row)
        assert (made.differences, made.equal) == (differences, False)
    monkeypatch.setattr(execution, "execute", original)
    elsewhere = replace(known, surroundings=replace(known.surroundings, source="ab", device="cuda"))
    assert make_again(elsewhere, task, InProcess()).otherwise == ("code of Counterpoise", "device (cuda)")


def test_neither_a_failure_now_nor_one_before_is_equal(tmp_path, monkeypatch) -> None:
    task = make_task()
    job = make_jobs(task, ["tfidf_lr"])[0]
    known, whole = stored(task, job, tmp_path / "runs")
    failed = replace(known, status="failed", metrics={}, error="no words")
    assert not make_again(failed, task, InProcess()).equal

    def fail(*_):
        raise DataError("no memory is left")

    monkeypatch.setattr(execution, "execute", fail)
    made = make_again(known, task, InProcess(), whole)
    assert (made.result, made.differences, made.equal) == ("no memory is left", (), False)
