"""``predict`` and ``diagnose`` over many files: here and on a Ray cluster, resumed, and with a bad file among them."""

import json
import subprocess
import sys

import polars as pl
import pytest

from counterpoise.data.readers import read
from counterpoise.estimators import scoring
from counterpoise.estimators.scoring import score_file


@pytest.fixture
def shards(labelled, tmp_path):
    """The labelled file in four Parquet files."""
    folder = tmp_path / "new"
    folder.mkdir()
    table = pl.read_csv(labelled, infer_schema=False)
    for i in range(4):
        table[i::4].write_parquet(folder / f"part-{i}.parquet")
    return folder


def scores(folder):
    return {path.name: pl.read_parquet(path) for path in sorted(folder.iterdir())}


@pytest.fixture
def scored(model, shards, run, tmp_path):
    out = tmp_path / "scored"
    run("predict", model, f"{shards}/*.parquet", "-o", out)
    return out


def test_each_file_is_scored_as_it_is_alone(scored, model, shards, run, tmp_path):
    assert sorted(path.name for path in scored.iterdir()) == [f"part-{i}.parquet" for i in range(4)]
    for i in range(4):
        run("predict", model, shards / f"part-{i}.parquet", "-o", tmp_path / "alone.parquet")
        alone = pl.read_parquet(tmp_path / "alone.parquet")
        assert alone.equals(pl.read_parquet(scored / f"part-{i}.parquet"))
        assert alone["id"].to_list() == pl.read_parquet(shards / f"part-{i}.parquet")["id"].to_list()


def test_what_is_there_is_left(scored, model, shards, run, run_json):
    kept = (scored / "part-0.parquet").read_bytes()
    (scored / "part-1.parquet").unlink()
    result = run("predict", model, f"{shards}/*.parquet", "-o", scored)
    assert "3 of 4 files are in" in result.stderr
    assert "40 rows scored" in result.stderr
    assert (scored / "part-0.parquet").read_bytes() == kept
    assert len(list(scored.iterdir())) == 4
    (row,) = run_json("predict", model, f"{shards}/*.parquet", "-o", scored)
    assert row["rows"] == 0


def test_a_bad_file_fails_alone(model, shards, run, tmp_path):
    (shards / "part-2.parquet").write_text("no parquet")
    result = run("predict", model, f"{shards}/*.parquet", "-o", tmp_path / "out", code=1)
    assert "part-2.parquet" in result.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "part-0.parquet",
        "part-1.parquet",
        "part-3.parquet",
    ]


def test_an_error_of_ours_stops_one_file_alone(model, shards, run, tmp_path, monkeypatch):
    def broken(classifier, source, output, **reading):
        if source.endswith("part-1.parquet"):
            raise ZeroDivisionError("by nought")
        return score_file(classifier, source, output, **reading)

    monkeypatch.setattr(scoring, "score_file", broken)
    result = run("predict", model, f"{shards}/*.parquet", "-o", tmp_path / "out", code=1)
    assert f"error: {shards / 'part-1.parquet'}: ZeroDivisionError: by nought" in result.stderr
    assert "120 rows scored" in result.stderr


@pytest.mark.parametrize("command", ["predict", "diagnose"])
def test_what_failed_is_said_in_quiet_and_in_json(command, model, shards, run, tmp_path):
    bad = shards / "part-2.parquet"
    bad.write_text("no parquet")
    asked = [command, *([model] if command == "predict" else []), f"{shards}/*.parquet", "--quiet"]
    result = run(*asked, "-o", tmp_path / "out", code=1)
    assert (
        result.stderr
        == f"error: {bad} is no Parquet file: it begins with b'no parqu'; give a Parquet file or "
        + ("another ending\n")
    )
    found = json.loads(run(*asked, "-o", tmp_path / "again", "--json", code=1).stdout)
    assert found["failed"] == {str(bad): result.stderr.removeprefix("error: ").rstrip()}
    assert len(found["rows"]) == (1 if command == "predict" else 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["new/*.parquet", "-o", "new"], "the files come from the folder new themselves; give another one"),
        (
            ["new/*.parquet", "-o", "out", "--address", "foo"],
            "--address foo has no use without --executor ray",
        ),
        (["new/part-0.parquet", "--address", "foo"], "--address foo has no use without --executor ray"),
        (["new/*.csv", "-o", "out"], "no file is named like"),
        (["new/*.parquet"], "give a folder with -o FOLDER"),
        (["new/part-0.parquet", "--executor", "ray"], "is for several files"),
        (["new/*.parquet", "-o", "out", "--executor", "slurm"], "there is no executor 'slurm'"),
        (["*/part-*.parquet", "-o", "out"], "two of the files are called part-0.parquet"),
    ],
)
def test_what_cannot_be_asked(options, message, model, shards, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / "part-0.parquet").write_bytes((shards / "part-0.parquet").read_bytes())
    assert message in run("predict", model, *options, code=2).stderr


COLUMNS = ["other_class_neighbours", "near_repeats", "conflicting"]


def test_each_file_is_diagnosed_as_it_is_alone(shards, run_json, run, tmp_path):
    out = tmp_path / "out"
    rows = run_json("diagnose", f"{shards}/*.parquet", "--minority", "rare", "-o", out)
    assert [row["dataset"] for row in rows] == [f"part-{i}.parquet" for i in range(4)]
    asked = ("diagnose", shards / "part-2.parquet", "--minority", "rare")
    (alone,) = run_json(*asked, "-o", tmp_path / "alone.parquet")
    assert rows[2] == alone
    written = pl.read_parquet(out / "part-2.parquet")
    assert written.equals(pl.read_parquet(tmp_path / "alone.parquet"))
    assert written.columns == ["id", "body", "topic", *COLUMNS]
    assert written["id"].to_list() == pl.read_parquet(shards / "part-2.parquet")["id"].to_list()
    hard = {case["row"]: case["gamma"] for case in alone["difficult"]}
    rare = (written["topic"] == "rare").to_numpy()
    found = written["other_class_neighbours"].to_numpy()
    assert {row: gamma for row, gamma in enumerate(found) if rare[row] and gamma} == hard
    assert (found[~rare] > 0).mean() == pytest.approx(alone["majority_difficult_share"])
    shown = run("diagnose", f"{shards}/*.parquet", "-o", tmp_path / "again")
    assert "4 files diagnosed into" in shown.stderr
    assert shown.stdout.splitlines()[0].split() == [
        "file",
        "class",
        "rows",
        "ratio",
        "difficult",
        "share",
        "repeats",
        "in",
        "two",
        "classes",
    ]


def test_repeats_and_conflicts_have_columns(shards, run, tmp_path):
    table = pl.read_parquet(shards / "part-0.parquet")
    rare, usual = (table.filter(pl.col("topic") == name)["body"].to_list() for name in ("rare", "usual"))
    more = pl.DataFrame(
        {"id": ["a", "b", "c"], "body": [usual[0], usual[0] + "!", rare[0]], "topic": ["usual"] * 3}
    )
    pl.concat([table, more]).write_csv(tmp_path / "flawed.csv")
    run("diagnose", tmp_path / "flawed.csv", "-o", tmp_path / "out.csv")
    written = pl.read_csv(tmp_path / "out.csv")
    told = {text: (copies, other) for text, copies, other in written.select("body", *COLUMNS[1:]).rows()}
    assert told[usual[0]] == (2, False)
    assert told[rare[0]] == (1, True)
    assert told[usual[1]] == (0, False)
    again = run("diagnose", tmp_path / "out.csv", "-o", tmp_path / "twice.csv", "--text", "body", code=2)
    assert "has a column 'other_class_neighbours' already" in again.stderr
    assert not (tmp_path / "twice.csv").exists()


def test_a_bad_file_is_not_diagnosed(shards, run, tmp_path):
    (shards / "part-2.parquet").write_text("no parquet")
    table = pl.read_parquet(shards / "part-1.parquet")
    table.filter(pl.col("topic") == "usual").write_parquet(shards / "part-1.parquet")
    asked = ("diagnose", f"{shards}/*.parquet", "--minority", "rare", "-o", tmp_path / "out")
    result = run(*asked, code=1)
    assert "has one class only" in result.stderr
    assert result.stderr.count("error: ") == 2
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["part-0.parquet", "part-3.parquet"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["new/*.parquet"], "give a folder with -o FOLDER"),
        (["new/part-0.parquet", "--executor", "ray"], "is for several files"),
        (["new/*.parquet", "-o", "out", "--executor", "slurm"], "there is no executor 'slurm'"),
    ],
)
def test_what_cannot_be_asked_of_diagnose(options, message, shards, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert message in run("diagnose", *options, code=2).stderr


@pytest.mark.slow
def test_a_cluster_of_two_nodes_gives_the_same_files(scored, model, shards, run, run_json, tmp_path):
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    looked_at = run_json("diagnose", f"{shards}/*.parquet", "-o", tmp_path / "here")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes()
        on_ray = ("--executor", "ray", "--address", cluster.address)
        asked = ["diagnose", f"{shards}/*.parquet", "-o", str(tmp_path / "there"), *on_ray, "--json"]
        done = subprocess.run([sys.executable, "-m", "counterpoise", *asked], capture_output=True, check=True)
        (shards / "part-9.parquet").write_text("no parquet")
        out = tmp_path / "by ray"
        result = run("predict", model, f"{shards}/*.parquet", "-o", out, *on_ray, code=1)
    finally:
        ray.shutdown()
        cluster.shutdown()
    assert "160 rows scored" in result.stderr
    assert "part-9.parquet" in result.stderr
    for mine, theirs in (
        (scores(out), scores(scored)),
        (scores(tmp_path / "there"), scores(tmp_path / "here")),
    ):
        assert list(mine) == list(theirs)
        assert all(mine[name].equals(theirs[name]) for name in mine)
    assert len(read(out / "part-0.parquet", text="body", label="topic").texts) == 40
    assert json.loads(done.stdout)["rows"] == looked_at
