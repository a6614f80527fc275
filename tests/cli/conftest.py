"""Small labelled texts and images, models of them, and the command line called in this process."""

import json
from pathlib import Path

import loky
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cli_helpers import make_texts, write_csv
from cli_pictures import FIT, NAMES, png, put
from typer.testing import CliRunner

from counterpoise.cli.app import app
from tiny_images import make_images


@pytest.fixture(scope="session")
def labelled(tmp_path_factory):
    texts, labels = make_texts()
    folder = tmp_path_factory.mktemp("data")
    return write_csv(
        folder / "reviews.csv", {"id": [f"{i:04}" for i in range(len(texts))], "body": texts, "topic": labels}
    )


@pytest.fixture(scope="session")
def three_classes(tmp_path_factory):
    texts, labels = make_texts(seed=1)
    labels = [("late" if i % 3 else "early") if name == "usual" else name for i, name in enumerate(labels)]
    return write_csv(tmp_path_factory.mktemp("data") / "three.csv", {"text": texts, "label": labels})


@pytest.fixture(scope="session")
def run():
    """Call a command in this process and check its exit code."""

    def call(*args, code=0, stdin=None):
        command = [str(arg) for arg in args]
        result = CliRunner().invoke(app, command, input=stdin, prog_name="counterpoise")
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        return result

    return call


@pytest.fixture(autouse=True)
def one_core(monkeypatch) -> None:
    """Keep commands that take all cores by default in this process, where tests have changed what they need."""
    monkeypatch.setattr(loky, "cpu_count", lambda: 1)


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch) -> None:
    """Print tables as wide as without a terminal, whatever the shell says of its own."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture(scope="session")
def run_json(run):
    """Call a command with --json; its rows."""

    def call(*args):
        result = run(*args, "--json")
        assert result.stdout.count("\n") == 1
        found = json.loads(result.stdout)
        assert found.keys() == {"schema", "command", "rows"}
        assert (found["schema"], found["command"]) == (1, args[0])
        return found["rows"]

    return call


@pytest.fixture(scope="session")
def model(labelled, run, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "linear"
    run("fit", labelled, "--method", "tfidf_lr", "-o", folder, "--quiet")
    return folder


@pytest.fixture(scope="session")
def rest_model(three_classes, run, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "rest"
    run("fit", three_classes, "--method", "tfidf_lr", "--minority", "rare", "-o", folder, "--quiet")
    return folder


@pytest.fixture(scope="session")
def many_model(three_classes, run, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "many"
    run("fit", three_classes, "--method", "tfidf_lr", "-o", folder, "--quiet")
    return folder


@pytest.fixture(scope="session")
def squares():
    images, numbers = make_images((60, 20), 3)
    return images, NAMES[numbers]


@pytest.fixture(scope="session")
def photos(squares, tmp_path_factory):
    """A folder for each class."""
    folder = tmp_path_factory.mktemp("images") / "photos"
    for i, (image, label) in enumerate(zip(*squares, strict=True)):
        put(folder / label / f"{i:03}.png", image)
    return folder


@pytest.fixture(scope="session")
def pictures(squares, tmp_path_factory):
    """The same as a Parquet file with other columns."""
    images, labels = squares
    path = tmp_path_factory.mktemp("tables") / "pictures.parquet"
    cells = pa.array([png(image) for image in images], pa.binary())
    columns = {"id": [f"{i:03}" for i in range(len(labels))], "photo": cells, "class": labels}
    pq.write_table(pa.table(columns), path)
    return path


@pytest.fixture(scope="session")
def image_model(photos, run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "images"
    run("fit", photos, "-o", folder, *FIT, "--quiet")
    return folder
