"""``compare --store`` and ``leaderboard``: killed, resumed, retried, read; and what can be wrong, a sentence each."""

from __future__ import annotations

import csv
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest

from counterpoise.errors import DataError
from counterpoise.experiments import execution
from counterpoise.experiments.store import Store

FAST = ("--folds", "2", "--max-epochs", "1", "--threshold", "0.5", "--precision", "float32")
METHODS = ("--methods", "tfidf_lr,erm")


@pytest.fixture
def store(tmp_path):
    return tmp_path / "grid.runs"


@pytest.fixture
def filled(labelled, run, store):
    run("compare", labelled, *METHODS, *FAST, "--seeds", "2", "--store", store)
    return store


def without_times(rows):
    return [{name: value for name, value in row.items() if not name.endswith("_seconds")} for row in rows]


class TestStore:
    def test_a_second_time_nothing_is_executed(self, filled, labelled, run, run_json, monkeypatch) -> None:
        monkeypatch.setattr(execution, "execute", None)
        again = run("compare", labelled, *METHODS, *FAST, "--seeds", "2", "--store", filled)
        assert f"8 runs, 8 of them in {filled}" in again.stderr
        assert "Average precision against erm" in again.stdout
        assert len(json.loads(_runs(filled))) == 8

    def test_without_a_store_the_rows_are_the_same(self, filled, labelled, run_json) -> None:
        asked = ("compare", labelled, *METHODS, *FAST, "--seeds", "2")
        rows = run_json(*asked, "--store", filled)
        assert without_times(run_json(*asked)) == without_times(rows)
        assert len(rows[0]["f1"]["folds"]) == 4
        assert rows[0]["verdict"]["against"] == "erm"
        assert rows[1]["verdict"] is None

    @pytest.mark.slow
    def test_two_jobs_give_the_rows_of_one(self, filled, labelled, run_json, tmp_path) -> None:
        asked = ("compare", labelled, *METHODS, *FAST, "--seeds", "2")
        apart = run_json(*asked, "--jobs", "2", "--store", tmp_path / "apart")
        assert without_times(apart) == without_times(run_json(*asked, "--store", filled))

    def test_failures_end_in_a_table_of_reasons_and_exit_1(
        self, labelled, run, run_json, store, monkeypatch
    ) -> None:
        def fail(*_):
            raise DataError("no word is left")

        asked = ("compare", labelled, "--methods", "tfidf_lr", *FAST, "--store", store)
        with monkeypatch.context() as patch:
            patch.setattr(execution, "execute", fail)
            result = run(*asked, code=1)
            assert "tfidf_lr, seed 0, fold 2" in result.stdout
            assert result.stdout.count("no word is left") == 2
            assert "error: 2 of 2 runs failed; --retry runs them again" in result.stderr
        again = run(*asked, code=1)
        assert "2 failed before (run again with --retry)" in again.stderr
        assert len(run_json(*asked, "--retry")) == 1

    def test_changed_data_are_said_to_be(self, filled, labelled, run, tmp_path) -> None:
        shorter = tmp_path / labelled.name
        lines = labelled.read_text(encoding="utf-8").splitlines(keepends=True)
        shorter.write_text("".join(lines[:-1]), encoding="utf-8")
        result = run("compare", shorter, "--methods", "tfidf_lr", *FAST, "--store", filled)
        assert "reviews.csv is not what it was when 8 rows" in result.stderr
        assert "2 runs, 0 of them in" in result.stderr
        with Store(filled) as store:
            assert len(store.rows()) == 10, "the old rows are kept"

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (["--executor", "slurm"], "there is no executor 'slurm'"),
            (["--seeds", "0"], "seeds"),
            (["--jobs", "0"], "jobs"),
            (["--metric", "f2"], "there is no metric 'f2'"),
            (["--against", "miso"], "--against miso is not among the methods"),
            (["--retry"], "--retry runs again what failed in a store; give the store with --store"),
            (["--address", "foo"], "--address foo has no use without --executor ray"),
        ],
    )
    def test_what_cannot_be_asked(self, options, message, labelled, run) -> None:
        result = run("compare", labelled, "--methods", "tfidf_lr", *FAST, *options, code=2)
        assert message in result.stderr

    def test_a_folder_or_foreign_file_is_no_store(self, labelled, run, tmp_path) -> None:
        for path, message in ((tmp_path, "is a folder"), (labelled, "a file of another program")):
            asked = ("compare", labelled, "--methods", "tfidf_lr", *FAST, "--store", path)
            assert message in run(*asked, code=2).stderr


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_killed_twice_and_resumed(labelled, run_json, tmp_path) -> None:
    """The acceptance of the part, on small data: the rows are those of a grid left alone."""
    asked = ["compare", str(labelled), *METHODS, *FAST, "--seeds", "2"]
    path = tmp_path / "killed.runs"
    command = [sys.executable, "-m", "counterpoise", *asked, "--store", str(path), "--jobs", "2"]
    n_rows = 0
    for _ in range(2):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and _count(path) <= n_rows:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert _count(path) > n_rows
        n_rows = _count(path)
    assert without_times(run_json(*asked, "--store", path)) == without_times(run_json(*asked))


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="there is no limit of file sizes")
def test_a_disk_that_fills_up_midway_loses_nothing(labelled, run_json, store) -> None:
    import resource

    asked = ["compare", str(labelled), *METHODS, *FAST, "--seeds", "3"]
    stopped = subprocess.run(
        [sys.executable, "-m", "counterpoise", *asked, "--store", str(store)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (140_000, 140_000)),
        capture_output=True,
        text=True,
    )
    assert stopped.returncode == 2
    assert f"error: {store} cannot be written" in stopped.stderr.splitlines()[-1]
    assert "Traceback" not in stopped.stderr
    assert 0 < _count(store) < 12
    assert without_times(run_json(*asked, "--store", store)) == without_times(run_json(*asked))


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_killed_while_it_waits_for_another_process(labelled, run_json, store, tmp_path) -> None:
    """This process has claimed all runs but one, so the other executes that one and waits."""
    asked = ["compare", str(labelled), *METHODS, *FAST]
    alone = run_json(*asked, "--store", tmp_path / "alone")
    with Store(tmp_path / "alone", read_only=True) as rows:
        keys = [record.key for record in rows.rows()]
    with Store(store) as rows:
        for key in keys[1:]:
            assert rows.claim(key)
        command = [sys.executable, "-m", "counterpoise", *asked, "--store", str(store)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while _count(store) == 0:
            assert process.poll() is None
            time.sleep(0.02)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1.0)
        process.kill()
        process.wait()
        assert rows.done(keys) == {keys[0]}
        rows.release(keys)
    assert without_times(run_json(*asked, "--store", store)) == without_times(alone)


class TestEstimate:
    def test_what_it_would_take(self, filled, labelled, run, run_json, monkeypatch) -> None:
        asked = ("compare", labelled, "--methods", "tfidf_lr,erm,focal", *FAST, "--seeds", "2", "--estimate")
        *kinds, whole = run_json(*asked, "--store", filled, "--jobs", "2")
        assert [(row["method"], row["runs"]) for row in kinds] == [("focal", 4)], "the others are there"
        assert whole == {"runs": 4, "processes": 2, "seconds_left": pytest.approx(kinds[0]["seconds"] * 2)}
        assert _count(filled) == 8, "nothing was run"
        shown = run(*asked).stdout
        assert "12 runs to go, about" in shown
        assert "with 1 process." in shown
        done = run("compare", labelled, *METHODS, *FAST, "--seeds", "2", "--estimate", "--store", filled)
        assert "No run to go." in done.stdout

    def test_what_could_not_be_tried(self, labelled, run, monkeypatch) -> None:
        def fail(*_):
            raise DataError("no word is left")

        monkeypatch.setattr(execution, "execute", fail)
        shown = run("compare", labelled, "--methods", "tfidf_lr", *FAST, "--estimate").stdout
        assert "2 runs to go; how long they take could not be told" in shown


class TestLeaderboard:
    def test_a_verdict_for_each_method(self, filled, run, run_json) -> None:
        result = run("leaderboard", filled)
        assert "tfidf_lr" in result.stdout
        assert "Average precision against erm" in result.stdout
        assert result.stdout.rstrip().endswith(".")
        rows = run_json("leaderboard", filled, "--metric", "f1", "--against", "tfidf_lr")
        verdicts = {row["method"]: row["verdict"] for row in rows}
        assert verdicts["tfidf_lr"] is None
        assert verdicts["erm"]["against"] == "tfidf_lr"
        assert verdicts["erm"]["sentence"]

    def test_runs_failures_and_files(self, filled, run, tmp_path) -> None:
        with Store(filled) as store:
            record = store.rows()[0]
            from counterpoise.experiments.runs import Run

            other = Run.from_fields({**record.run.fields, "method": "focal"})
            store.fail(other, record.surroundings, "no words")
        shown = run("leaderboard", filled, "--runs", "-o", tmp_path / "runs.csv")
        assert record.key in shown.stdout
        assert "reviews.csv, focal, seed 0, fold 1" in shown.stdout
        assert "9 runs" in shown.stderr
        assert (tmp_path / "runs.csv").read_text().count("\n") == 10
        with open(tmp_path / "runs.csv", encoding="utf-8", newline="") as file:
            row = next(row for row in csv.DictReader(file) if row["key"] == record.key)
        assert float(row["precision"]) == record.metrics["precision"], "and no number format"
        assert row["arithmetic"] == "float32"
        run("leaderboard", filled, "-o", tmp_path / "table.tex", "--quiet")
        assert r"\toprule" in (tmp_path / "table.tex").read_text()

    def test_runs_have_standard_output_to_themselves(self, filled, run) -> None:
        result = run("leaderboard", filled, "-o", "-")
        assert len(list(csv.DictReader(result.stdout.splitlines()))) == 8
        assert "Average precision against erm" in result.stderr
        assert "would both go" in run("leaderboard", filled, "-o", "-", "--json", code=2).stderr

    def test_nothing_is_drawn_of_what_cannot_be_judged(self, filled, run, tmp_path) -> None:
        result = run("leaderboard", filled, "--against", "bogus", "--plot", tmp_path / "p.svg", code=2)
        assert "bogus" in result.stderr
        assert not (tmp_path / "p.svg").exists()

    def test_several_comparisons_are_not_mixed(self, filled, labelled, run, run_json) -> None:
        run("compare", labelled, *METHODS, *FAST, "--keep", "0.5", "--store", filled)
        shown = run("leaderboard", filled).stdout
        assert "reviews.csv, class 'rare', 2 folds, 2 seeds" in shown
        assert "reviews.csv, class 'rare', 0.5 of it kept, 2 folds" in shown
        assert len(run_json("leaderboard", filled)) == 4

    def test_what_is_no_store(self, run, tmp_path, labelled) -> None:
        assert "there is no store" in run("leaderboard", tmp_path / "none", code=2).stderr
        assert "another program" in run("leaderboard", labelled, code=2).stderr
        with Store(tmp_path / "new"):
            pass
        assert "has no run yet" in run("leaderboard", tmp_path / "new", code=2).stderr
        assert "no output format" in run("leaderboard", tmp_path / "new", "-o", "x.docx", code=2).stderr


def _count(path) -> int:
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            return connection.execute("SELECT count(*) FROM runs").fetchone()[0]
    except sqlite3.Error:
        return 0


def _runs(path) -> str:
    with Store(path, read_only=True) as store:
        return json.dumps([{"key": record.key} for record in store.rows()])
