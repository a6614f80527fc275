"""``oversample --check``: the quality report beside the texts that were written."""

import json

import pyarrow.parquet as pq
import pytest

from counterpoise.data.readers import read
from counterpoise.experiments.anchor_check import check_anchors
from counterpoise.oversampling.anchors import Anchor
from counterpoise.oversampling.word_swap import WordSwap


def test_the_report_is_that_of_python_with_the_texts_left_out(labelled, run_json, run, tmp_path):
    args = ("oversample", labelled, "-o", tmp_path / "a.parquet", "--minority", "rare", "--keep", "16")
    (row,) = run_json(*args, "--check", "--random-state", "3")
    data = read(labelled)
    anchors = pq.read_table(tmp_path / "a.parquet").to_pylist()
    sources = {anchor["source_row"] for anchor in anchors}
    kept = [i for i in range(160) if data.labels[i] == "usual" or i in sources]
    left_out = [i for i in range(160) if i not in kept]
    assert len(left_out) == 16
    sampler = WordSwap(random_state=3)
    texts, labels = data.texts[kept], data.labels[kept]
    sampler.fit_resample(texts, labels)
    assert sampler.anchors_["text"].to_pylist() == [anchor["text"] for anchor in anchors]
    expected = check_anchors(texts, labels, sampler.anchors_, "rare", held_back=data.texts[left_out], seed=3)
    assert list(row["check"]) == ["rare"]
    assert list(row["check"]["rare"]) == [figure.name for figure in expected]
    for figure in expected:
        assert row["check"]["rare"][figure.name] == {
            "value": figure.value,
            "compared": figure.compared,
            "verdict": figure.verdict,
            "met": figure.met,
        }
    assert row["check"]["rare"]["told_apart"]["value"] is not None
    printed = run(*args, "--check", "--random-state", "3").stdout
    assert "The 112 new texts of 'rare':" in printed
    for figure in expected:
        assert " ".join(figure.what.split()) in " ".join(printed.split())
    assert "good" in printed


def test_without_keep_it_says_what_is_missing(labelled, run, tmp_path):
    printed = run("oversample", labelled, "-o", tmp_path / "a.parquet", "--check").stdout
    assert "not measured: no texts of the class that the sampler has not seen" in printed


def test_texts_of_another_class_are_not_what_was_held_back(labelled, run_json, tmp_path):
    args = ("--minority", "usual", "--keep", "100", "--check")
    (row,) = run_json("oversample", labelled, "-o", tmp_path / "a.parquet", *args)
    assert row["after"] == {"rare": 100, "usual": 100}
    assert row["check"]["rare"]["told_apart"]["value"] is None


def test_each_class_has_its_own_report(three_classes, run_json, tmp_path):
    (row,) = run_json("oversample", three_classes, "-o", tmp_path / "a.parquet", "--check")
    assert sorted(row["check"]) == ["early", "rare"]


def test_without_the_option_or_new_texts_there_is_none(labelled, run, run_json, tmp_path):
    (row,) = run_json("oversample", labelled, "-o", tmp_path / "a.parquet")
    assert "check" not in row
    even = ("--set", 'sampling_strategy={"rare": 32}', "--check")
    result = run("oversample", labelled, "-o", tmp_path / "b.parquet", *even)
    assert "There are no new texts to check." in result.stdout
    (row,) = run_json("oversample", labelled, "-o", tmp_path / "b.parquet", *even)
    assert (row["check"], row["new_texts"]) == ({}, 0)


def test_an_interrupted_check_leaves_the_texts(labelled, run, tmp_path, monkeypatch):
    def interrupt(*_args, **_settings):
        raise KeyboardInterrupt

    monkeypatch.setattr("counterpoise.experiments.anchor_check.check_anchors", interrupt)
    output = tmp_path / "a.parquet"
    result = run("oversample", labelled, "-o", output, "--check", code=130)
    assert result.stderr.endswith(f"interrupted; {output} was written, but not checked\n")
    assert pq.read_table(output).num_rows == 96


@pytest.mark.parametrize("difficulty", [0.6, None])
def test_difficulty_is_written_where_the_sampler_knows_it(labelled, run, tmp_path, monkeypatch, difficulty):
    def make(self, texts, labels, label, count, rng):
        row = int((labels == label).argmax())
        return [Anchor(f"new {i}", row, difficulty=difficulty) for i in range(count)]

    monkeypatch.setattr(WordSwap, "_make", make)
    run("oversample", labelled, "-o", tmp_path / "a.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert {row["difficulty"] for row in rows} == {difficulty}
