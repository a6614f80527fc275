"""Grids: planned whole, filled from wherever they were left, by any executor, with the same rows."""

from __future__ import annotations

import os
import pickle
import signal
import time
from dataclasses import replace
from importlib.metadata import version

import numpy as np
import pytest
from grids import QUICK, check_same_rows, make_jobs, make_task

from counterpoise.errors import DataError, SettingsError
from counterpoise.experiments import execution, surroundings
from counterpoise.experiments.executors import processes
from counterpoise.experiments.executors.base import Job, Outcome
from counterpoise.experiments.executors.choice import make_executor
from counterpoise.experiments.executors.in_process import InProcess
from counterpoise.experiments.executors.processes import LocalProcesses
from counterpoise.experiments.grid import fill, jobs_of, plan, strangers
from counterpoise.experiments.results import Result
from counterpoise.experiments.store import Store
from counterpoise.experiments.task import Task
from tiny_texts import make_texts

pytestmark = pytest.mark.filterwarnings("ignore::counterpoise.errors.CounterpoiseWarning")


@pytest.fixture(scope="module")
def task() -> Task:
    return make_task()


@pytest.fixture(scope="module")
def jobs(task) -> list[Job]:
    return make_jobs(task)


@pytest.fixture(scope="module")
def whole(task, jobs, tmp_path_factory):
    """The grid, filled without interruption in this process."""
    path = tmp_path_factory.mktemp("whole") / "runs"
    with Store(path) as store:
        filled = fill(store, jobs, task, InProcess())
    assert (filled.failures, filled.found) == ({}, 0)
    return path


class TestPlan:
    def test_every_cell_once_with_the_settings_that_reach_it(self, task) -> None:
        settings = {**QUICK, "method__C": 2.0}
        runs = plan(task, ["tfidf_lr", "erm"], n_folds=3, seeds=(4, 5), keep="40%", settings=settings)
        assert [(r.method, r.seed, r.fold) for r in runs] == [
            (method, seed, fold) for method in ("tfidf_lr", "erm") for seed in (4, 5) for fold in range(3)
        ]
        linear, network = runs[0], runs[-1]
        assert (linear.backbone, linear.method_settings, linear.backbone_settings) == (None, {"C": 2.0}, {})
        assert (network.backbone, network.method_settings) == ("textcnn", {})
        assert network.backbone_settings == {"dim": 8, "n_filters": 4}
        for run in runs:
            assert (run.dataset, run.content, run.minority, run.keep) == ("toy", task.content, "spam", 0.4)
            assert run.estimator == {k: v for k, v in QUICK.items() if "__" not in k}
        assert len({job.key for job in jobs_of(runs)}) == 12

    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            ({"methods": ["nosuch"]}, "no method 'nosuch'"),
            ({"methods": ["tfidf_lr"], "backbone": "nosuch"}, "no backbone 'nosuch'"),
            (
                {"settings": {"method__nosuch": 1}},
                "no method of this comparison has the setting method__nosuch",
            ),
            ({"settings": {"nosuch": 1}}, "nosuch"),
            ({"settings": {"threshold": 2.0}}, "threshold is 2.0"),
            ({"settings": {"checkpoint": "c"}}, "runs keep none"),
            ({"keep": "500"}, "500"),
            ({"n_folds": 400}, "400"),
            ({"settings": {"batch_size": {1, 2}}}, "batch_size"),
        ],
    )
    def test_what_cannot_be_is_refused_before_any_run(self, changed, message, task) -> None:
        asked = {"methods": ["tfidf_lr", "erm"], **changed}
        with pytest.raises((SettingsError, DataError, TypeError), match=message):
            plan(task, **asked)

    def test_there_are_as_many_folds_as_time_allows(self) -> None:
        texts, labels = (
            np.array([f"word{i} sign" for i in range(40)], object),
            np.array(["a", "b"] * 20, object),
        )
        task = Task.of("t", texts, labels, time=np.repeat([0, 1, 2], [14, 13, 13]))
        with pytest.warns(match="folds"):
            runs = plan(task, ["tfidf_lr"], n_folds=5)
        assert [run.fold for run in runs] == [0, 1]


class TestKeys:
    def test_data_of_the_same_name_have_other_keys(self, task, jobs) -> None:
        others = make_jobs(make_task(seed=4))
        assert not {job.key for job in jobs} & {job.key for job in others}
        assert [job.key for job in make_jobs(make_task())] == [job.key for job in jobs]

    def test_what_proposes_settings_belongs_to_the_keys_of_runs_that_try_some(
        self, task, jobs, monkeypatch
    ) -> None:
        plain, tried = jobs_of([jobs[0].run, replace(jobs[0].run, trials=3)])
        assert plain.key == jobs[0].key
        assert "optuna" not in plain.surroundings.versions
        assert {**plain.surroundings.versions, "optuna": version("optuna")} == tried.surroundings.versions
        known = surroundings._version
        monkeypatch.setattr(surroundings, "_version", lambda name: "9" if name == "optuna" else known(name))
        again = jobs_of([plain.run, tried.run])
        assert again[0].key == plain.key
        assert again[1].key != tried.key

    def test_a_run_counts_with_one_thread_whatever_torch_has(self, task, jobs) -> None:
        import torch

        torch.set_num_threads(2)
        try:
            assert [job.key for job in make_jobs(task)] == [job.key for job in jobs]
            execution.execute(task, jobs[0].run, jobs[0].surroundings)
            assert torch.get_num_threads() == 2
        finally:
            torch.set_num_threads(1)


class TestFill:
    def test_what_is_there_is_not_executed(self, whole, task, jobs, monkeypatch) -> None:
        monkeypatch.setattr(execution, "execute", _must_not_run)
        with Store(whole) as store:
            filled = fill(store, jobs, task, InProcess())
        assert (filled.found, filled.failures) == (len(jobs), {})

    @pytest.mark.parametrize("stop_after", [1, 4])
    def test_an_interrupted_grid_goes_on_to_the_same_rows(
        self, stop_after, whole, task, jobs, tmp_path
    ) -> None:
        path, executed = tmp_path / "runs", []

        def interrupt(outcome: Outcome) -> None:
            executed.append(outcome.job.key)
            if len(executed) == stop_after:
                raise KeyboardInterrupt

        with Store(path) as store, pytest.raises(KeyboardInterrupt):
            fill(store, jobs, task, InProcess(), on_outcome=interrupt)
        with Store(path) as store:
            filled = fill(store, jobs, task, InProcess(), on_outcome=interrupt)
        assert filled.found == stop_after
        assert sorted(executed) == sorted(filled.keys), "a run was executed twice, or not at all"
        check_same_rows(whole, path, jobs)

    def test_a_failure_fails_its_run_only_and_is_retried_when_asked(
        self, whole, task, jobs, tmp_path, monkeypatch
    ) -> None:
        path, original = tmp_path / "runs", execution.execute
        bad = jobs[1].key

        def failing(task, run, surroundings):
            if run.key_in(surroundings) == bad:
                raise DataError("fold 2 has no words")
            return original(task, run, surroundings)

        monkeypatch.setattr(execution, "execute", failing)
        with Store(path) as store:
            assert fill(store, jobs, task, InProcess()).failures == {bad: "fold 2 has no words"}
            assert len(store.done(job.key for job in jobs)) == len(jobs) - 1
        monkeypatch.setattr(execution, "execute", _must_not_run)
        with Store(path) as store:
            assert fill(store, jobs, task, InProcess()).failures == {bad: "fold 2 has no words"}
        monkeypatch.undo()
        with Store(path) as store:
            assert fill(store, jobs, task, InProcess(), retry=True).failures == {}
        check_same_rows(whole, path, jobs)

    def test_runs_of_another_process_are_waited_for(self, whole, task, jobs, tmp_path, monkeypatch) -> None:
        """The other process has claimed two runs; it writes one, and dies before the other."""
        from counterpoise.experiments import store as room

        path, ours = tmp_path / "runs", room._this_process()
        other = (os.getppid(), room.psutil.Process(os.getppid()).create_time())
        with Store(path) as store, Store(whole) as ready:
            with monkeypatch.context() as patch:
                patch.setattr(room, "_this_process", lambda: other)
                for job in jobs[:2]:
                    assert store.claim(job.key)
            executed = []
            naps = iter(range(99))

            def nap(_: float) -> None:
                if next(naps) == 0:
                    assert len(executed) == len(jobs) - 2, "what is free comes first"
                    store.write(_result(ready, jobs[0]))
                    monkeypatch.setattr(room, "_alive", lambda process, started: (process, started) == ours)

            monkeypatch.setattr("counterpoise.experiments.executors.in_process.time.sleep", nap)
            fill(store, jobs, task, InProcess(), on_outcome=lambda outcome: executed.append(outcome.job.key))
        assert jobs[0].key not in executed
        assert executed[-1] == jobs[1].key
        check_same_rows(whole, path, jobs)

    def test_why_rows_are_not_found_is_said(self, whole, task, jobs) -> None:
        with Store(whole) as store:
            assert strangers(store, jobs) == []
            (changed,) = strangers(store, make_jobs(make_task(seed=4)))
            newer = [
                Job(
                    "00",
                    job.run,
                    replace(job.surroundings, versions={**job.surroundings.versions, "torch": "9"}),
                )
                for job in jobs
            ]
            (older,) = strangers(store, newer)
        assert changed.startswith(f"toy is not what it was when {len(jobs)} rows")
        assert older.startswith(f"{len(jobs)} rows of ")
        assert f"torch ({jobs[0].surroundings.versions['torch']})" in older


class TestExecution:
    def test_other_libraries_or_code_are_refused(self, task, jobs) -> None:
        job = jobs[0]
        newer = replace(job.surroundings, versions={**job.surroundings.versions, "numpy": "9.0"})
        with pytest.raises(SettingsError, match=r"numpy is .* here and 9.0 in the process that planned"):
            execution.execute(task, job.run, newer)
        assert "install the same" in execution.attempt(task, job.run, replace(job.surroundings, source="00"))

    def test_warnings_of_the_package_become_notes(self, task, jobs, monkeypatch) -> None:
        import warnings

        from counterpoise.errors import CounterpoiseWarning

        predict = execution.FoldClassifier.predict_proba

        def warning(self, X):
            warnings.warn("cut at 300 tokens", CounterpoiseWarning, stacklevel=1)
            return predict(self, X)

        monkeypatch.setattr(execution.FoldClassifier, "predict_proba", warning)
        result = execution.execute(task, jobs[0].run, jobs[0].surroundings)
        assert result.notes.count("cut at 300 tokens") == 1

    def test_notes_do_not_hang_on_what_the_process_has_done_before(self) -> None:
        """Of folds that lack a class the process that plans the grid has warned, and no row tells."""
        texts, labels = make_texts((50, 40, 3), seed=1)
        task = Task.of("three", texts, np.array(["a", "b", "c"], dtype=object)[labels])
        (job, *_) = jobs_of(plan(task, ["tfidf_lr"], settings={"threshold": None}))
        elsewhere = pickle.loads(pickle.dumps(task))
        assert not elsewhere._folds
        first = execution.execute(elsewhere, job.run, job.surroundings)
        here = execution.execute(task, job.run, job.surroundings)
        assert here.differences(first) == []
        assert not any("test sides lack a class" in note for note in here.notes)

    def test_rows_tell_the_size_of_the_fitting_side_before_thinning(self) -> None:
        texts, labels = make_texts((100, 25), seed=3)
        names = np.array(["ham", "spam"], dtype=object)[labels]
        task = Task.of("toy", texts, names, time=np.arange(125))
        job = jobs_of(plan(task, ["tfidf_lr"], n_folds=3, keep=0.5, settings={"threshold": 0.5}))[-1]
        result = execution.execute(task, job.run, job.surroundings)
        assert result.fitting_rows == len(task.folds(3, 0)[-1].train) > len(task.side(job.run).train)

    def test_curves_are_the_history(self, whole, jobs) -> None:
        with Store(whole) as store:
            curves = store.curves(jobs[-1].key)
            assert store.curves(jobs[0].key) == {}
        assert curves["epoch"] == [1]
        assert len(curves["loss"]) == 1


class TestProcesses:
    def test_they_give_the_same_rows(self, whole, task, jobs, tmp_path) -> None:
        path = tmp_path / "runs"
        with Store(path) as store:
            assert fill(store, jobs, task, make_executor(jobs=2)).failures == {}
        check_same_rows(whole, path, jobs)

    @pytest.mark.slow
    def test_a_dying_worker_fails_its_run_and_not_the_grid(self, task, jobs, tmp_path, monkeypatch) -> None:
        path = tmp_path / "runs"
        bad = jobs[2].key
        monkeypatch.setattr(processes, "_work", _Deadly(bad))
        with Store(path) as store:
            filled = fill(store, jobs[:4], task, LocalProcesses(2))
            assert len(store.done(filled.keys)) == 3
        assert list(filled.failures) == [bad]
        assert "the process that executed it died" in filled.failures[bad]

    def test_workers_end_with_their_parent(self, tmp_path) -> None:
        """A worker that looks for a parent which is not there ends itself."""
        import multiprocessing

        context = multiprocessing.get_context("spawn")
        worker = context.Process(target=_orphan)
        worker.start()
        worker.join(60)
        assert worker.exitcode == 1

    def test_a_run_waits_for_the_memory_that_its_kind_has_needed(self, jobs, monkeypatch) -> None:
        needs = processes._Needs()
        monkeypatch.setattr(processes, "available_memory", lambda: 1_000)
        assert needs.met(jobs[0]), "nothing is known yet"
        linear, network = jobs[0], jobs[-1]
        needs.learn(network, _Peak(5_000))
        assert not needs.met(network)
        assert not needs.met(linear), "an unknown kind is taken for the largest"
        needs.learn(linear, _Peak(900))
        assert needs.met(linear)

    @pytest.mark.slow
    def test_a_grid_without_memory_for_two_still_ends(self, task, jobs, tmp_path, monkeypatch) -> None:
        monkeypatch.setattr(processes, "available_memory", lambda: 0)
        with Store(tmp_path / "runs") as store:
            assert fill(store, jobs[:3], task, LocalProcesses(2)).failures == {}

    def test_no_jobs_are_refused(self) -> None:
        with pytest.raises(SettingsError, match="jobs is 0"):
            LocalProcesses(0)
        with pytest.raises(SettingsError, match="no executor 'slurm'"):
            make_executor("slurm")


class _Peak(Result):
    def __init__(self, peak_memory: int) -> None:
        object.__setattr__(self, "peak_memory", peak_memory)


class _Deadly:
    """Work, except that one run kills its process."""

    def __init__(self, key: str) -> None:
        self.key = key

    def __call__(self, job: Job):
        if job.key == self.key:
            os.kill(os.getpid(), signal.SIGKILL)
        return execution.attempt(processes._here["task"], job.run, job.surroundings)


def _orphan() -> None:
    processes._start(None, -1)  # type: ignore[arg-type]
    time.sleep(60)


def _must_not_run(*_):
    raise AssertionError("executed")


def _result(store: Store, job: Job) -> Result:
    (record,) = store.rows([job.key])
    return Result(
        run=record.run,
        surroundings=record.surroundings,
        metrics=record.metrics,
        predictions=store.predictions(job.key),
        curves=store.curves(job.key),
        fit_seconds=1.0,
        predict_seconds=1.0,
        notes=record.notes,
    )
