"""``compare --store FILE --only KEY``: a run of the store made again from what is known of it, and what is refused."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from counterpoise.errors import DataError
from counterpoise.experiments import execution
from counterpoise.experiments.runs import Run
from counterpoise.experiments.store import Store

FAST = ("--folds", "2", "--max-epochs", "1", "--threshold", "0.5", "--precision", "float32")


@pytest.fixture(scope="module")
def made(labelled, run, tmp_path_factory):
    path = tmp_path_factory.mktemp("stores") / "made.runs"
    run("compare", labelled, "--methods", "tfidf_lr", *FAST, "--store", path, "--random-state", "3")
    return path


@pytest.fixture
def store(made, tmp_path):
    path = tmp_path / "grid.runs"
    path.write_bytes(made.read_bytes())
    return path


def records_of(path):
    with Store(path, read_only=True) as rows:
        return rows.rows(status=None)


def test_its_settings_are_those_that_the_store_has(store, labelled, run_json, monkeypatch) -> None:
    before, executed, execute = records_of(store), [], execution.execute
    monkeypatch.setattr(execution, "execute", lambda *given: executed.append(given[1]) or execute(*given))
    (row,) = run_json("compare", labelled, "--store", store, "--only", before[1].key)
    assert executed == [before[1].run]
    assert (row["equal"], row["differs_in"], row["made_with_other"]) == (True, [], [])
    assert row["metrics"] == row["metrics_again"] == before[1].metrics
    assert (row["key"], row["key_here"], row["fold"], row["seed"]) == (before[1].key, before[1].key, 1, 3)
    assert [record.key for record in records_of(store)] == [record.key for record in before]


def test_options_of_the_grid_have_no_use_and_that_is_said(store, labelled, run) -> None:
    key = records_of(store)[0].key
    result = run(
        "compare", labelled, "--methods", "erm", *FAST, "--seeds", "2", "--store", store, "--only", key
    )
    assert (
        f"{key} has the settings that it had, and takes none from --methods, --folds, --seeds, "
        in result.stderr
    )
    assert "--max-epochs, --threshold, --precision" in result.stderr
    assert (
        f"Run {key} (reviews.csv, tfidf_lr, seed 3, fold 1) came out as it was, to the bit." in result.stdout
    )


def test_a_known_set_need_not_be_named(run, run_json, tmp_path) -> None:
    path = tmp_path / "demo.runs"
    asked = (
        "compare",
        "demo",
        "--minority",
        "fraud",
        "--methods",
        "tfidf_lr",
        "--threshold",
        "0.5",
        "--keep",
        "50%",
    )
    run(*asked, "--folds", "2", "--store", path)
    key = records_of(path)[0].key
    assert run_json("compare", "--store", path, "--only", key)[0]["equal"]
    assert run_json("compare", "demo", "--store", path, "--only", key)[0]["equal"]


def test_a_row_that_comes_out_otherwise_is_told_in_what_and_kept(store, labelled, run, monkeypatch) -> None:
    execute, before = execution.execute, records_of(store)[0]

    def other(*given):
        result = execute(*given)
        return replace(result, metrics={**result.metrics, "f1": 0.123})

    monkeypatch.setattr(execution, "execute", other)
    result = run("compare", labelled, "--store", store, "--only", before.key, code=1)
    assert "came out otherwise than it was: it differs in metrics." in result.stdout
    (line,) = (line for line in result.stdout.splitlines() if line.endswith("*"))
    assert line.split() == ["f1", f"{before.metrics['f1']:.6f}", "0.123000", "*"]
    assert records_of(store)[0].metrics == before.metrics


def test_one_that_cannot_be_made_this_time_keeps_its_row(store, labelled, run, monkeypatch) -> None:
    def fail(*_):
        raise DataError("no memory is left")

    monkeypatch.setattr(execution, "execute", fail)
    key = records_of(store)[0].key
    result = run("compare", labelled, "--store", store, "--only", key, code=1)
    assert "could not be made this time: no memory is left; its row is kept." in result.stdout
    assert [record.status for record in records_of(store)] == ["done", "done"]


def test_a_failure_is_given_another_chance(store, labelled, run) -> None:
    known = records_of(store)[0]
    with closing(sqlite3.connect(store)) as connection, connection:
        for table in ("predictions", "curves", "runs"):
            connection.execute(f"DELETE FROM {table}")
    with Store(store) as rows:
        rows.fail(known.run, known.surroundings, "no words")
    result = run("compare", labelled, "--store", store, "--only", known.key)
    assert "had failed, and was made this time." in result.stdout
    (record,) = records_of(store)
    assert (record.status, record.metrics) == ("done", known.metrics)


def test_a_row_of_other_code_is_made_with_the_code_that_is_here_and_not_written(store, labelled, run) -> None:
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("""UPDATE runs SET surroundings = json_set(surroundings, '$.source', 'ab')""")
    known = records_of(store)[0]
    result = run("compare", labelled, "--store", store, "--only", known.key)
    assert (
        "to the bit. That was with other code of Counterpoise than here, where its key is " in result.stdout
    )
    assert result.stdout.rstrip().endswith("; nothing was written.")
    assert len(records_of(store)) == 2


def test_a_run_that_the_store_lacks_is_planned_as_before(store, labelled, run, run_json, tmp_path) -> None:
    asked = ("compare", labelled, "--methods", "tfidf_lr", *FAST, "--random-state", "3")
    keys = [record.key for record in records_of(store)]
    path = tmp_path / "new.runs"
    (row,) = run_json(*asked, "--store", path, "--only", keys[1])
    assert row["method"] == "tfidf_lr"
    assert [record.key for record in records_of(path)] == keys[1:]
    refused = run(*asked, "--store", path, "--only", "00", code=2).stderr
    assert "--only 00: neither the store nor this grid has a run with that key" in refused


def test_what_is_missing_is_said(store, labelled, run, tmp_path) -> None:
    key = records_of(store)[0].key
    other = tmp_path / "other.csv"
    other.write_text(
        "".join(labelled.read_text(encoding="utf-8").splitlines(keepends=True)[:-1]), encoding="utf-8"
    )
    for options, message in (
        ((labelled, "--only", key), "give the store with --store"),
        (("--store", store), "DATA is missing"),
        (("--store", store, "--only", "00"), "has no run 00; `counterpoise leaderboard"),
        (("--store", store, "--only", key), "was made of reviews.csv, which is no known set; give DATA"),
        (
            (other, "--store", store, "--only", key),
            f"other.csv does not hold the rows that run {key} was made of",
        ),
        (("demo", "--store", store, "--only", key), "demo has no split or splits"),
        ((labelled, "--store", store, "--only", key, "--estimate"), "--estimate is for grids"),
    ):
        assert message in run("compare", *options, code=2).stderr


def test_texts_are_sent_again_only_with_consent(store, labelled, run) -> None:
    (known, *_) = records_of(store)
    asked = {"method": "llm_zero_shot", "method_settings": {"allow_sending": True}}
    with Store(store) as rows:
        rows.fail(Run.from_fields({**known.run.fields, **asked}), known.surroundings, "nobody answered")
    key = records_of(store)[-1].key
    assert (
        "give --yes-send if it may do so again"
        in run("compare", labelled, "--store", store, "--only", key, code=2).stderr
    )
