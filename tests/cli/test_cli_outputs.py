"""Where tables go: never over the input, alone on standard output, and refused before any work."""

from __future__ import annotations

import csv
import os

import pytest
from cli_helpers import make_texts, write_csv

from counterpoise.cli import findings

ROWS = {"predict": 160, "diagnose": 160, "oversample": 96}


@pytest.fixture
def command(request, model):
    return ["predict", model] if request.param == "predict" else [request.param]


@pytest.fixture
def given(tmp_path):
    texts, labels = make_texts()
    return write_csv(tmp_path / "given.csv", {"text": texts, "label": labels})


@pytest.mark.parametrize("command", ROWS, indirect=True)
@pytest.mark.parametrize("name", ["given.csv", "link.csv"])
def test_the_input_is_never_written_over(command, given, name, run, tmp_path) -> None:
    before = given.read_bytes()
    os.symlink(given, tmp_path / "link.csv")
    result = run(*command, given, "-o", tmp_path / name, code=2)
    assert f"error: -o {tmp_path / name} is the input itself, which would be lost; name" in result.stderr
    assert given.read_bytes() == before


def test_images_are_not_lost_to_their_scores(image_model, pictures, run) -> None:
    before = pictures.read_bytes()
    assert "is the input itself" in run("predict", image_model, pictures, "-o", pictures, code=2).stderr
    assert pictures.read_bytes() == before


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("predict", "160 rows scored"),
        ("diagnose", "1 text in 5.0 is 'rare'"),
        ("oversample", "new texts"),
    ],
    indirect=["command"],
)
def test_a_table_has_standard_output_to_itself(command, said, given, run) -> None:
    result = run(*command, given, "-o", "-")
    rows = list(csv.DictReader(result.stdout.splitlines()))
    assert len(rows) == ROWS[command[0]]
    assert all(row["text"] for row in rows)
    assert said in result.stderr
    quiet = run(*command, given, "-o", "-", "--quiet")
    assert (quiet.stdout, quiet.stderr) == (result.stdout, "")
    refused = run(*command, given, "-o", "-", "--json", code=2)
    assert "--json and the table would both go to standard output" in refused.stderr
    assert refused.stdout == ""


def test_what_cannot_be_written_is_said_before_the_work(given, run, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(findings, "read_labelled", lambda *args, **kwargs: pytest.fail("data were read"))
    for name, message in (
        ("x.xyz", "no output format has that ending"),
        ("none/x.csv", "there is no folder"),
    ):
        assert message in run("diagnose", given, "-o", tmp_path / name, code=2).stderr


def test_a_taken_column_is_said_before_the_work(run, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(findings, "overlap", lambda *args, **kwargs: pytest.fail("work was begun"))
    texts, labels = make_texts()
    path = write_csv(tmp_path / "given.csv", {"text": texts, "label": labels, "conflicting": labels})
    result = run("diagnose", path, "-o", tmp_path / "out.csv", code=2)
    assert "has a column 'conflicting' already" in result.stderr
    assert not (tmp_path / "out.csv").exists()
