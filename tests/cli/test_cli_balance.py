"""``balance=auto`` from the command line: chosen, said, and refused as anything else."""

import pyarrow.parquet as pq
import pytest

from counterpoise.data.readers import read
from counterpoise.miso.variants import MisoEdit
from counterpoise.oversampling.balance import SHARES
from tiny_networks import NETWORK

AUTO = ("--method", "miso_edit", "--set", "balance=auto")


def test_oversample_writes_what_was_chosen_and_says_it(labelled, run, run_json, tmp_path):
    (row,) = run_json("oversample", labelled, "-o", tmp_path / "a.parquet", *AUTO)
    data = read(labelled)
    sampler = MisoEdit(balance="auto", random_state=0)
    sampler.fit_resample(data.texts, data.labels)
    assert row["balance"] == sampler.balance_
    share = row["balance"]["rare"]
    assert row["new_texts"] == len(sampler.anchors_) == round(share * 96)
    written = pq.read_table(tmp_path / "a.parquet")
    assert written["text"].to_pylist() == sampler.anchors_["text"].to_pylist()
    printed = run("oversample", labelled, "-o", tmp_path / "a.parquet", *AUTO).stdout
    assert f"rare: {share:.0%} of what it lacks is to be filled, by cross-fitting" in printed
    given = ("--method", "miso_edit", "--set", "balance=0.5")
    (row,) = run_json("oversample", labelled, "-o", tmp_path / "b.parquet", *given)
    assert "balance" not in row
    assert row["new_texts"] == 48


@pytest.mark.slow
def test_fit_lets_the_network_choose(labelled, run, run_json, tmp_path):
    sets = {name: value for name, value in NETWORK.items() if name not in ("random_state", "device")}
    options = [part for name, value in sets.items() for part in ("--set", f"{name}={value}")]
    command = ("fit", labelled, "-o", tmp_path / "model", "--method", "miso_edit", *options)
    auto = ("--set", "method__balance=auto")
    (row,) = run_json(*command, *auto)
    assert list(row["balance"]) == ["rare"]
    assert row["balance"]["rare"] in SHARES
    assert f"rare: {row['balance']['rare']:.0%} of what it lacks" in run(*command, *auto).stdout
    assert "balance" not in run_json(*command)[0]


@pytest.mark.parametrize("value", ["all", "true", '"0.5"', "null"])
def test_another_word_is_refused(labelled, run, tmp_path, value):
    output = ("-o", tmp_path / "x.parquet", "--method", "miso_edit")
    for command, key in (("oversample", "balance"), ("fit", "method__balance")):
        error = run(command, labelled, *output, "--set", f"{key}={value}", code=2).stderr
        assert error.splitlines()[-1].startswith(f"error: --set {key}=")
        assert error.splitlines()[-1].endswith(": give a number or auto")
    error = run("oversample", labelled, *output, "--set", "budget=auto", code=2).stderr
    assert error.splitlines()[-1] == "error: --set budget=auto: give a number"
