"""``predict`` over many files: here and on a Ray cluster, resumed, and with a bad file among them."""

import polars as pl
import pytest

from counterpoise.data.readers import read


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


@pytest.mark.parametrize(
    ("options", "message"),
    [
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


@pytest.mark.slow
def test_a_cluster_of_two_nodes_gives_the_same_files(scored, model, shards, run, tmp_path):
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes()
        (shards / "part-9.parquet").write_text("no parquet")
        out = tmp_path / "by ray"
        asked = ("predict", model, f"{shards}/*.parquet", "-o", out, "--executor", "ray")
        result = run(*asked, "--address", cluster.address, code=1)
    finally:
        ray.shutdown()
        cluster.shutdown()
    assert "160 rows scored" in result.stderr
    assert "part-9.parquet" in result.stderr
    mine, theirs = scores(out), scores(scored)
    assert list(mine) == list(theirs)
    assert all(mine[name].equals(theirs[name]) for name in mine)
    assert len(read(out / "part-0.parquet", text="body", label="topic").texts) == 40
