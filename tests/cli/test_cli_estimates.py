"""What ``--estimate`` prints, kind by kind."""

from __future__ import annotations

import numpy as np
import pytest

from counterpoise.cli.estimates import print_estimate
from counterpoise.cli.screen import Screen
from counterpoise.experiments.estimate import Estimate
from counterpoise.experiments.executors.base import Job
from counterpoise.experiments.grid import jobs_of, plan
from counterpoise.experiments.task import Task
from tiny_texts import make_texts


@pytest.fixture
def jobs() -> list[Job]:
    """Word swap with two networks' settings, one of them thinned as well, and a method that is there once."""
    texts, labels = make_texts((100, 25), seed=3)
    task = Task.of("toy", texts, np.array(["ham", "spam"], dtype=object)[labels])
    asked = [("tfidf_lr", {}, None), ("word_swap", {"dim": 8}, None)]
    asked += [("word_swap", {"dim": 16}, None), ("word_swap", {"dim": 16}, 0.5)]
    runs = []
    for method, settings, keep in asked:
        nested = {"threshold": 0.5, "max_epochs": 2} | {
            f"backbone__{name}": v for name, v in settings.items()
        }
        runs += plan(task, [method], n_folds=2, keep=keep, settings=nested)
    return jobs_of(runs)


def test_kinds_that_would_read_alike_are_told_apart(jobs, capsys) -> None:
    estimate = Estimate(jobs, 1)
    print_estimate(Screen("compare", False, True), estimate, jobs)
    told = [line for line in capsys.readouterr().out.splitlines() if "word_swap" in line or "tfidf" in line]
    assert [line.split()[-3:] for line in told] == [
        ["-", "2", "-"],
        ["dim=8", "2", "-"],
        ["dim=16", "2", "-"],
        ["keep=0.5", "2", "-"],
    ]
    assert "keep=all" in told[1]
    assert "max_epochs" not in "".join(told), "what all share is not said"


def test_no_column_where_nothing_has_to_be_told_apart(jobs, capsys) -> None:
    few = [job for job in jobs if job.run.backbone_settings.get("dim") != 16]
    print_estimate(Screen("compare", False, True), Estimate(few, 1), few)
    head = capsys.readouterr().out.splitlines()[0]
    assert head.split() == ["data", "method", "backbone", "runs", "seconds", "each"]
