"""A small grid for tests, and what must hold of two stores that have the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from stored_rows import check_predictions

from counterpoise.experiments.executors.base import Job
from counterpoise.experiments.grid import jobs_of, plan
from counterpoise.experiments.store import Store
from counterpoise.experiments.task import Task
from tiny_texts import make_texts

QUICK = {
    "max_epochs": 1,
    "precision": "float32",
    "device": "cpu",
    "threshold": 0.5,
    "backbone__dim": 8,
    "backbone__n_filters": 4,
}


def make_task(name: str = "toy", seed: int = 3) -> Task:
    texts, labels = make_texts((100, 25), seed=seed)
    return Task.of(name, texts, np.array(["ham", "spam"], dtype=object)[labels])


def make_jobs(task: Task, methods: Sequence[str] = ("tfidf_lr", "erm"), **changed) -> list[Job]:
    asked = {"n_folds": 3, "seeds": (0,), "settings": dict(QUICK), **changed}
    if not {"erm", "word_swap"} & set(methods):
        asked["settings"] = {"threshold": 0.5}
    return jobs_of(plan(task, list(methods), **asked))


def check_same_rows(one: Path, other: Path, jobs: Sequence[Job]) -> None:
    """Both have every row once, and the same to the bit, timings and memory apart."""
    keys = [job.key for job in jobs]
    with Store(one, read_only=True) as mine, Store(other, read_only=True) as theirs:
        for store in (mine, theirs):
            assert sorted(record.key for record in store.rows(status=None)) == sorted(keys)
        ours = {record.key: record for record in mine.rows()}
        for record in theirs.rows():
            twin = ours[record.key]
            assert (twin.run, twin.surroundings) == (record.run, record.surroundings)
            assert (twin.metrics, twin.notes) == (record.metrics, record.notes)
            assert mine.curves(record.key) == theirs.curves(record.key)
            check_predictions(mine.predictions(record.key), theirs.predictions(record.key))
