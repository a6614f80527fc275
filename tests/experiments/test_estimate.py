"""How long a grid will take, told from what has been executed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from stored_rows import PLACE, make_result, run_of

from counterpoise.experiments.estimate import Estimate, duration
from counterpoise.experiments.executors.base import Job, Outcome
from counterpoise.experiments.store import Store


def jobs_of(methods: str) -> list[Job]:
    return [Job(f"{i}", run_of({"a": "erm", "b": "focal"}[m], seed=i), PLACE) for i, m in enumerate(methods)]


def took(job: Job, seconds: float) -> Outcome:
    return Outcome(job, make_result(0, run=job.run, fit_seconds=seconds, predict_seconds=0.0))


def test_kinds_have_seconds_of_their_own() -> None:
    jobs = jobs_of("aabb")
    estimate = Estimate(jobs, 1, clock=lambda: 0.0)
    assert estimate.left is None
    assert estimate.words() == ""
    estimate.learn(took(jobs[0], 10))
    assert estimate.left == 30, "what is not known is taken for the mean of what is"
    estimate.learn(took(jobs[2], 100))
    assert estimate.left == 110
    estimate.learn(Outcome(jobs[1], "failed"))
    assert estimate.left == 100
    estimate.learn(took(jobs[3], 200))
    assert estimate.words() == ""


def test_settings_of_the_network_make_a_kind() -> None:
    frozen, trained = (
        Job(str(frozen), replace(run_of("erm"), backbone_settings={"frozen": frozen}), PLACE)
        for frozen in (True, False)
    )
    estimate = Estimate([frozen, trained], 1, clock=lambda: 0.0)
    estimate.learn(took(frozen, 1.0))
    estimate.add(trained.run, 50.0)
    assert estimate.left == 50.0


def test_several_at_a_time_and_known_rows(tmp_path) -> None:
    with Store(tmp_path / "runs") as store:
        store.write(make_result(0, run=run_of("erm", seed=9), fit_seconds=8.0, predict_seconds=2.0))
        known = store.rows()
    assert Estimate(jobs_of("aaaa"), 2, known).left == 20
    assert Estimate(jobs_of("a"), 2, known).left == 10, "one run cannot be shared"


def test_what_passes_besides_the_fits_is_counted_in() -> None:
    now = [100.0]
    jobs = jobs_of("a" * 20)
    estimate = Estimate(jobs, 2, clock=lambda: now[0])
    for job in jobs[:7]:
        now[0] += 6.5  # 13 seconds of two processors for a run of 10
        estimate.learn(took(job, 10))
    assert estimate.left == 13 * 10 / 2, "too few are in to tell"
    now[0] += 6.5
    estimate.learn(took(jobs[7], 10))
    assert estimate.left == pytest.approx(12 * 13 / 2)
    now[0] -= 50
    estimate.learn(took(jobs[8], 10))
    assert estimate.overhead == 1.0, "no run is faster than its fit"


def test_durations() -> None:
    assert [duration(s) for s in (3, 89, 600, 5399, 9000)] == ["3 s", "89 s", "10 min", "90 min", "2.5 h"]
