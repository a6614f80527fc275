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
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from stored_rows import PLACE, check_row, check_whole, counts, make_result, make_run, two_rows

from counterpoise.errors import DataError
from counterpoise.experiments import store as room
from counterpoise.experiments.results import peak_memory
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
        "name", ["metrics", "curves", "notes", "rows", "probabilities", "probabilities of one class less"]
    )
    def test_a_differing_row_is_refused(self, name, full) -> None:
        name, _, less = name.partition(" ")
        made = make_result(0)
        value = getattr(made, name)
        if isinstance(value, np.ndarray):
            other = value[:, :2] if less else value.copy()
            other.flat[-1] = (
                np.nextafter(other.flat[-1], 9, dtype=other.dtype) if name == "probabilities" else 7_777
            )
        else:
            other = {"metrics": {"f1": 0.5}, "curves": {"loss": []}, "notes": ()}[name]
        with (
            Store(full) as store,
            pytest.raises(DataError, match=f"another row .*differs in {name},.*was kept"),
        ):
            store.write(replace(made, **{name: other}))
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
        rows = np.arange(len(bits), dtype=kind)[::-1]
        made = make_result(next(self.counter), rows=rows, probabilities=bits.view(np.float32))
        with Store(full) as store:
            assert store.write(made)
            assert not store.write(made)
            found, probabilities = store.predictions(made.key)
        assert found.dtype == np.int64
        np.testing.assert_array_equal(found, rows)
        assert probabilities.dtype == np.float32
        assert probabilities.shape == bits.shape
        assert probabilities.tobytes() == bits.tobytes()
        probabilities[:] = 0  # may be written to, as any array

    def test_they_are_stored_as_the_page_says(self, full) -> None:
        import zlib

        made = make_result(0)
        with closing(sqlite3.connect(full)) as connection:
            row = connection.execute("SELECT * FROM predictions WHERE key = ?", (made.key,)).fetchone()
        assert row[1:3] == (50, 3)
        assert zlib.decompress(row[3]) == made.rows.astype("<i8").tobytes()
        assert zlib.decompress(row[4]) == made.probabilities.astype("<f4").tobytes()

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
            ({"rows": np.arange(49)}, "49 row numbers and 50 rows"),
            ({"rows": np.arange(50.0)}, "type float64"),
            ({"probabilities": np.zeros(50)}, r"probabilities of shape \(50,\)"),
            ({"curves": {"words": ["a text"]}}, "curves of a result hold str"),
            ({"metrics": {"f1": "a text"}}, "metrics of a result hold str"),
            ({"curves": {"x": {1, 2}}}, "hold set"),
        ],
    )
    def test_bad_results_are_refused(self, changed, message) -> None:
        with pytest.raises(DataError, match=message):
            make_result(0, **changed)

    def test_peak_memory_is_in_bytes(self) -> None:
        assert 10_000_000 < peak_memory() < 1_000_000_000_000


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
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    assert json.loads(fields) == make_run(0).fields
    assert json.loads(place) == PLACE.fields
