"""The store: rows whole or not at all, whatever happens to the processes that write them."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import signal
import sqlite3
import time
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from stored_rows import (
    PLACE,
    check_predictions,
    check_row,
    check_whole,
    counts,
    make_predictions,
    make_result,
    make_run,
    two_rows,
)

from counterpoise.errors import DataError
from counterpoise.experiments import store as room
from counterpoise.experiments.memory import available_memory, forget_peak, peak_memory
from counterpoise.experiments.store import Store


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "grid 100%?.runs"  # characters that mean something in a URI


@pytest.fixture
def full(path) -> Path:
    return two_rows(path)


class TestRows:
    def test_what_is_written_is_read(self, path) -> None:
        made = make_result(3)
        with Store(path) as store:
            assert store.write(made)
        assert [entry.name for entry in path.parent.iterdir()] == [path.name]
        with Store(path) as store:
            (record,) = store.rows()
            check_row(store, 3)
        assert (record.key, record.run, record.surroundings) == (made.key, made.run, made.surroundings)
        for name in (
            "metrics",
            "notes",
            "fit_seconds",
            "predict_seconds",
            "peak_memory",
            "machine",
            "finished_at",
        ):
            assert getattr(record, name) == getattr(made, name)
        assert (record.status, record.error) == ("done", None)
        assert record.finished_at.endswith("+00:00")
        assert record.machine

    def test_a_store_from_before_a_column_is_read_and_gets_it(self, full) -> None:
        with closing(sqlite3.connect(full)) as connection:
            connection.execute("ALTER TABLE runs DROP COLUMN fitting_rows")
        with Store(full, read_only=True) as store:
            assert [record.fitting_rows for record in store.rows()] == [None, None]
        with Store(full) as store:
            assert store.write(make_result(2, fitting_rows=40))
            assert [record.fitting_rows for record in store.rows()] == [None, None, 40]
        check_whole(full, 3)

    def test_done_and_rows_by_key(self, full) -> None:
        keys = [make_result(seed).key for seed in range(3)]
        with Store(full) as store:
            assert store.done(keys[1:]) == {keys[1]}
            assert store.done([]) == set()
            assert [record.key for record in store.rows()] == keys[:2]
            assert [record.key for record in store.rows([keys[1], keys[2]])] == [keys[1]]

    def test_the_same_row_again_is_ignored(self, full) -> None:
        with Store(full) as store:
            before = store.rows()[0]
            assert not store.write(make_result(0, machine="another"))
            after = store.rows()[0]
        assert (after.fit_seconds, after.machine) == (before.fit_seconds, before.machine)
        check_whole(full)

    @pytest.mark.parametrize(
        ("name", "other"), [("metrics", {"f1": 0.5}), ("curves", {"loss": []}), ("notes", ())]
    )
    def test_a_differing_row_is_refused(self, name, other, full) -> None:
        self.refused(full, name, replace(make_result(0), **{name: other}))

    @pytest.mark.parametrize(
        "name", ["rows", "labels", "decided", "probabilities", "rare", "hostile", "classes"]
    )
    def test_a_row_of_differing_predictions_is_refused(self, name, full) -> None:
        made = make_result(0)
        value = getattr(made.predictions, name)
        if name == "classes":
            other = ("ham", "spam", "another")
        else:
            other = value.copy()
            last = other.flat[-1]
            other.flat[-1] = np.nextafter(last, 9, dtype=other.dtype) if name == "probabilities" else not last
        self.refused(full, name, replace(made, predictions=replace(made.predictions, **{name: other})))

    def test_a_row_without_neighbours_is_another_one(self, full) -> None:
        made = make_result(0)
        self.refused(full, "hostile", replace(made, predictions=replace(made.predictions, hostile=None)))

    def refused(self, full, name, other) -> None:
        with (
            Store(full) as store,
            pytest.raises(DataError, match=f"another row .*differs in {name},.*was kept"),
        ):
            store.write(other)
        check_whole(full)

    def test_a_failure_is_replaced_by_a_row_and_never_a_row_by_a_failure(self, full) -> None:
        made = make_result(2)
        with Store(full) as store:
            assert store.fail(made.run, PLACE, "the worker died")
            assert store.fail(made.run, PLACE, "the worker died again")
            assert store.failed() == {made.key: "the worker died again"}
            assert store.done([made.key]) == set()
            assert [record.key for record in store.rows(status="failed")] == [made.key]
            assert len(store.rows()) == 2
            assert store.write(made)
            assert not store.fail(made.run, PLACE, "too late")
            assert store.failed() == {}
        check_whole(full, 3)

    def test_errors_say_what_and_where_but_hold_no_values(self, path) -> None:
        def fail() -> None:
            text = "a text of the data"
            raise ValueError(f"no room for {len(text)}")

        with Store(path) as store:
            try:
                fail()
            except ValueError as error:
                store.fail(make_run(0), PLACE, error)
            store.fail(make_run(1), PLACE, MemoryError())
            store.fail(make_run(2), PLACE, "x" * 9_999)
            first, second, third = store.failed().values()
        assert first.startswith("ValueError: no room for 18 (test_store.py:")
        assert first.endswith(", fail)")
        assert second == "MemoryError: "
        assert len(third) == 2_000
        assert b"a text of the data" not in path.read_bytes()

    @pytest.mark.parametrize("ask", [Store.predictions, Store.curves])
    def test_an_unknown_key(self, ask, full) -> None:
        with Store(full) as store:
            store.fail(make_run(5), PLACE, "no")
            for key in ("00", make_run(5).key_in(PLACE)):
                with pytest.raises(DataError, match=f"no finished run with key {key}"):
                    ask(store, key)

    def test_a_row_is_written_whole_or_not_at_all(self, full, monkeypatch) -> None:
        made = make_result(2)
        with Store(full) as store:
            store.fail(made.run, PLACE, "first")
            monkeypatch.setattr(room, "canonical", _tired(room.canonical, after=5))
            with pytest.raises(KeyboardInterrupt):
                store.write(made)
            monkeypatch.undo()
            assert store.failed() == {made.key: "first"}
        assert counts(full) == [3, 2, 2]


def _tired(function, after: int):
    """A function that is interrupted when called for a time too many."""
    calls = itertools.count(1)

    def called(*values):
        if next(calls) == after:
            raise KeyboardInterrupt
        return function(*values)

    return called


class TestBits:
    counter = itertools.count(1000)

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        arrays(np.uint32, st.tuples(st.integers(0, 9), st.integers(1, 4))),
        st.sampled_from([np.int64, np.int32, np.uint8]),
    )
    def test_predictions_come_back_to_the_bit(self, full, bits, kind) -> None:
        """Every float32: infinities, both zeros, each of the many NaN."""
        n, n_classes = bits.shape
        rows = np.arange(n, dtype=kind)[::-1]
        classes = tuple("abcd"[:n_classes])
        predictions = make_predictions(0, n, rows=rows, probabilities=bits.view(np.float32), classes=classes)
        made = make_result(next(self.counter), predictions=predictions)
        with Store(full) as store:
            assert store.write(made)
            assert not store.write(made)
            found = store.predictions(made.key)
        check_predictions(found, predictions)
        np.testing.assert_array_equal(found.rows, rows)
        assert found.probabilities.tobytes() == bits.tobytes()
        found.probabilities[:] = 0  # may be written to, as any array

    def test_they_are_stored_as_the_page_says(self, full) -> None:
        import zlib

        made = make_result(0)
        with closing(sqlite3.connect(full)) as connection:
            query = "SELECT classes, rows, probabilities, hostile FROM predictions WHERE key = ?"
            classes, *kept = connection.execute(query, (made.key,)).fetchone()
        assert json.loads(classes) == list(made.predictions.classes)
        rows, probabilities, hostile = map(zlib.decompress, kept)
        assert rows == made.predictions.rows.astype("<i8").tobytes()
        assert probabilities == made.predictions.probabilities.astype("<f4").tobytes()
        assert hostile == made.predictions.hostile.astype("<i2").tobytes()

    def test_what_is_not_finite_is_not_known(self, path) -> None:
        made = make_result(0, metrics={"f1": np.float64("nan")}, curves={"loss": np.array([1.0, np.inf])})
        with Store(path) as store:
            store.write(made)
            assert store.rows()[0].metrics == {"f1": None}
            assert store.curves(made.key) == {"loss": [1.0, None]}
            assert not store.write(made)

    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            ({"curves": {"words": ["a text"]}}, "curves of a result hold str"),
            ({"metrics": {"f1": "a text"}}, "metrics of a result hold str"),
            ({"curves": {"x": {1, 2}}}, "hold set"),
        ],
    )
    def test_bad_results_are_refused(self, changed, message) -> None:
        with pytest.raises(DataError, match=message):
            make_result(0, **changed)

    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            ({"rows": np.arange(49)}, r"have rows \(49,\)"),
            ({"labels": np.arange(49)}, r"labels \(49,\)"),
            ({"rows": np.arange(50.0)}, "rows of predictions are of type float64"),
            ({"probabilities": np.zeros(50)}, r"probabilities \(50,\)"),
            ({"classes": ("a", "b")}, "predictions of 2 classes"),
        ],
    )
    def test_bad_predictions_are_refused(self, changed, message) -> None:
        with pytest.raises(DataError, match=message):
            make_predictions(0, **changed)


class TestMemory:
    def test_it_is_in_bytes(self) -> None:
        assert 10_000_000 < peak_memory() < 1_000_000_000_000
        assert 10_000_000 < available_memory() < 100_000_000_000_000

    @pytest.mark.skipif(
        not Path("/proc/self/clear_refs").exists(), reason="the peak cannot be forgotten here"
    )
    def test_a_peak_is_forgotten(self) -> None:
        np.ones(50_000_000)
        high = peak_memory()
        forget_peak()
        assert peak_memory() < high - 300_000_000


class TestClaims:
    def test_a_run_is_claimed_by_one_living_process(self, full, monkeypatch) -> None:
        done, key = make_result(0).key, make_result(7).key
        with Store(full) as store:
            assert not store.claim(done), "its row is here"
            assert store.claim(key)
            assert store.claim(key), "a claim of one's own is no hindrance"
            for other, left in (((os.getpid(), 1.0), True), ((os.getppid(), _started(os.getppid())), False)):
                store.release([key])
                with monkeypatch.context() as patch:
                    patch.setattr(room, "_this_process", lambda other=other: other)
                    assert store.claim(key)
                assert store.claim(key) is left, "the number of a dead process may have gone to another one"

    @pytest.mark.parametrize("end", ["write", "fail"])
    def test_a_claim_ends_with_the_run(self, end, full) -> None:
        made = make_result(7)
        with Store(full) as store:
            store.claim(made.key)
            store.write(made) if end == "write" else store.fail(made.run, PLACE, "no")
            assert counts(full)[:1] == [3]
            assert store._read("SELECT * FROM claims") == []

    def test_claims_of_others_are_not_released(self, full, monkeypatch) -> None:
        with Store(full) as store:
            with monkeypatch.context() as patch:
                patch.setattr(room, "_this_process", lambda: (os.getppid(), _started(os.getppid())))
                store.claim("00")
            store.release(["00"])
            assert not store.claim("00")


def _started(process: int) -> float:
    return psutil.Process(process).create_time()


def _write_all(path: Path, seeds: list[int], start, told) -> None:
    start.wait()
    with Store(path) as store:
        for seed in seeds:
            told.put((seed, store.write(make_result(seed))))


def test_two_processes_at_once(path) -> None:
    """They make the store together, and write the same rows in opposite orders."""
    context = multiprocessing.get_context("spawn")
    start, told = context.Barrier(2), context.Queue()
    seeds = list(range(40))
    workers = [
        context.Process(target=_write_all, args=(path, order, start, told)) for order in (seeds, seeds[::-1])
    ]
    for worker in workers:
        worker.start()
    answers = [told.get(timeout=60) for _ in range(80)]
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    assert sorted(answers) == sorted([*((seed, True) for seed in seeds), *((seed, False) for seed in seeds)])
    assert counts(path) == [40, 40, 40]
    with Store(path) as store:
        for seed in seeds:
            check_row(store, seed)


def _write_for_ever(path: Path, start: int, told) -> None:
    with Store(path) as store:
        for seed in itertools.count(start):
            store.write(make_result(seed, 2_000))
            told.send(seed)


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="starting 24 processes takes long"
)
def test_killed_while_writing(path) -> None:
    """24 processes are killed at random moments, some while they open the store, most in the middle of a write."""
    context = multiprocessing.get_context("fork")
    rng = np.random.default_rng(0)
    reported: list[int] = []
    for turn in range(24):
        ours, theirs = context.Pipe(duplex=False)
        worker = context.Process(target=_write_for_ever, args=(path, turn * 1_000, theirs))
        worker.start()
        theirs.close()
        for _ in range(rng.integers(1, 6) if turn >= 6 else 0):
            assert ours.poll(60)
            reported.append(ours.recv())
        time.sleep(rng.uniform(0, 0.01))
        os.kill(worker.pid, signal.SIGKILL)
        worker.join()
        with suppress(EOFError, OSError):
            while True:
                reported.append(ours.recv())
    with Store(path) as store:
        records = store.rows(status=None)
        seeds = [record.run.seed for record in records]
        assert set(reported) <= set(seeds)
        assert len(seeds) == len(set(seeds)) <= len(reported) + 24
        for record in records:
            assert record.status == "done"
            assert record.metrics == make_result(record.run.seed, 2_000).metrics
            check_row(store, record.run.seed, 2_000)
    assert counts(path) == [len(seeds)] * 3


def test_fields_are_plain_json(full) -> None:
    with closing(sqlite3.connect(full)) as connection:
        fields, place = connection.execute("SELECT fields, surroundings FROM runs").fetchone()
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA application_id").fetchone()[0].to_bytes(4, "big") == b"CPrs"
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
    assert json.loads(fields) == make_run(0).fields
    assert json.loads(place) == PLACE.fields
