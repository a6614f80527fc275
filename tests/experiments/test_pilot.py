"""What runs will take, told from few rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from grids import make_jobs, make_task

from counterpoise.experiments import pilot
from counterpoise.experiments.estimate import Estimate
from counterpoise.experiments.execution import attempt
from counterpoise.experiments.results import Result
from counterpoise.experiments.task import Task
from tiny_texts import make_texts


def clockwork(seconds_of):
    """``attempt`` whose fits take what a formula says."""

    def timed(task, run, surroundings):
        result = attempt(task, run, surroundings)
        assert isinstance(result, Result), result
        return replace(result, fit_seconds=seconds_of(run, len(task.side(run).train)), predict_seconds=0.0)

    return timed


@pytest.fixture
def task() -> Task:
    texts, labels = make_texts((900, 100), seed=5)
    return Task.of("toy", texts, np.array(["ham", "spam"], dtype=object)[labels])


def test_a_line_is_told_exactly(task, monkeypatch) -> None:
    rate = {"tfidf_lr": 0.01, "erm": 0.2}
    monkeypatch.setattr(pilot, "attempt", clockwork(lambda run, rows: 3.0 + rate[run.method] * rows))
    jobs = make_jobs(task, n_folds=4)
    found = dict(pilot.pilots(task, jobs, sizes=(100, 200), long=np.inf))
    assert {run.method for run in found} == {"tfidf_lr", "erm"}, "one run of each kind"
    for run, seconds in found.items():
        rows = len(task.side(run).train)
        assert rows > 700, "the whole is larger than what is tried"
        assert seconds == pytest.approx(3.0 + rate[run.method] * rows)


def test_a_falling_line_is_level_and_small_data_are_not_stretched(task, monkeypatch) -> None:
    monkeypatch.setattr(pilot, "attempt", clockwork(lambda run, rows: 1000.0 - rows))
    falling = pilot.pilots(task, make_jobs(task, ["tfidf_lr"]), sizes=(100, 200), long=np.inf)
    (told,) = dict(falling).values()
    assert 1000 - 200 < told < 1000 - 100
    small = make_task()
    (told,) = dict(pilot.pilots(small, make_jobs(small, ["tfidf_lr"]))).values()
    assert told == 1000.0 - len(small.side(make_jobs(small, ["tfidf_lr"])[0].run).train), "all rows are tried"


def test_what_takes_long_is_tried_once_and_grows_with_the_rows(task, monkeypatch) -> None:
    tried = []

    def spy(run, rows):
        tried.append(rows)
        return 0.5 * rows

    monkeypatch.setattr(pilot, "attempt", clockwork(spy))
    (job,) = make_jobs(task, ["tfidf_lr"])[:1]
    (told,) = dict(pilot.pilots(task, [job], sizes=(100, 200))).values()
    assert len(tried) == 1, "on the fewer rows alone, and once, however much of that libraries took"
    assert told == pytest.approx(0.5 * len(task.side(job.run).train))


def test_trials_have_the_imbalance_of_the_whole(task, monkeypatch) -> None:
    shares = []

    def spy(inner, run, surroundings):
        shares.append(np.mean(inner.names[inner.numbers] == "spam"))
        return attempt(inner, run, surroundings)

    monkeypatch.setattr(pilot, "attempt", spy)
    (job,) = make_jobs(task, ["tfidf_lr"], keep=0.5)[:1]
    list(pilot.pilots(task, [job], sizes=(200, 400)))
    np.testing.assert_allclose(shares[1:], 40 / 720, atol=0.01)
    shares.clear()
    (job,) = make_jobs(task, ["tfidf_lr"], keep=20)[:1]
    list(pilot.pilots(task, [job], sizes=(100, 200)))
    np.testing.assert_allclose(
        [shares[1] * 106, shares[2] * 203], 8, atol=1.0, err_msg="no class below the least"
    )


def test_a_search_counts_its_trials(task, monkeypatch) -> None:
    monkeypatch.setattr(pilot, "attempt", clockwork(lambda run, rows: 2.0))
    plain, tuned = make_jobs(task, ["tfidf_lr"])[:1], make_jobs(task, ["tfidf_lr"], trials=5)[:1]
    assert list(dict(pilot.pilots(task, plain)).values()) == [2.0]
    assert list(dict(pilot.pilots(task, tuned)).values()) == [2.0 * (1 + 5 * 2)], (
        "three folds of two thirds each"
    )


def test_what_is_known_or_fails_is_left_out(task, monkeypatch) -> None:
    jobs = make_jobs(task)
    estimate = Estimate(jobs, 1)
    estimate.add(jobs[0].run, 7.0)
    found = dict(pilot.pilots(task, jobs, estimate.knows, sizes=(60, 120)))
    assert [run.method for run in found] == ["erm"]
    monkeypatch.setattr(pilot, "attempt", lambda *_: "it is broken")
    assert not dict(pilot.pilots(task, jobs))
