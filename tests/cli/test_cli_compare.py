"""``compare``, ``oversample`` and the two listings."""

import csv
import json

import pyarrow.parquet as pq
import pytest

from counterpoise import WordSwap
from counterpoise.data.readers import read
from counterpoise.experiments.compare import compare
from counterpoise.methods.registry import METHODS
from counterpoise.oversampling.anchors import anchors_from

METRICS = (
    "f1",
    "f1_tuned",
    "precision_tuned",
    "recall_tuned",
    "average_precision",
    "macro_f1",
    "mcc",
    "brier",
    "fit_seconds",
    "predict_seconds",
)
FAST = ("--folds", "2", "--max-epochs", "1", "--threshold", "0.5", "--precision", "float32")


def test_compare_rows_are_those_of_python(labelled, run_json):
    rows = run_json("compare", labelled, "--methods", "tfidf_lr,erm", *FAST)
    assert [(row["method"], row["backbone"], row["dataset"]) for row in rows] == [
        ("tfidf_lr", None, "reviews.csv"),
        ("erm", "textcnn", "reviews.csv"),
    ]
    data = read(labelled)
    settings = {"threshold": 0.5, "max_epochs": 1, "precision": "float32"}
    expected = compare(data.texts, data.labels, ["tfidf_lr", "erm"], n_folds=2, settings=settings)
    for row, other in zip(rows, expected, strict=True):
        assert {name for name in METRICS if set(row[name]) == {"mean", "std", "folds"}} == set(METRICS)
        assert row["average_precision"]["folds"] == list(other.metrics["average_precision"].folds)
        assert row["average_precision"]["mean"] == other.metrics["average_precision"].mean
        assert row["notes"] == list(other.notes)


def test_compare_prints_a_table_and_marks_the_best(labelled, run):
    result = run("compare", labelled, "--methods", "tfidf_lr, random_oversample", *FAST)
    lines = result.stdout.splitlines()
    assert lines[0].split()[:4] == ["method", "backbone", "f1", "average_precision"], "nothing was tuned"
    assert lines[2].startswith("tfidf_lr")
    assert " ± " in lines[2]
    assert sum(line.count("*") for line in lines[2:4]) >= len(lines[0].split()) - 2 == 4  # one in each column
    assert "tfidf_lr: average precision" in result.stderr


def test_keep_adds_the_thinned_metrics(labelled, run_json):
    (row,) = run_json("compare", labelled, "--methods", "tfidf_lr", "--folds", "2", "--keep", "0.5")
    assert row["prevalence"]["mean"] == pytest.approx(0.2)
    assert row["prevalence_thinned"]["mean"] == pytest.approx(0.1 / 0.9)
    assert row["recall_tuned_thinned"] == row["recall_tuned"]


def test_one_class_against_the_rest(three_classes, run_json):
    (row,) = run_json("compare", three_classes, "--methods", "tfidf_lr", "--folds", "2", "--minority", "rare")
    assert row["prevalence"]["mean"] == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        ("erm,nosuch", "there is no method 'nosuch'"),
        ("erm,erm", "names 'erm' twice"),
        (",", "names no method"),
    ],
)
def test_methods_are_checked(labelled, run, methods, message):
    assert message in run("compare", labelled, "--methods", methods, code=2).stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--methods", "tfidf_lr", "--backbone", "nosuch"],
            "there is no backbone 'nosuch'; choose one of textcnn",
        ),
        (
            ["--methods", "tfidf_lr", "--backbone", "textrnn"],
            "no network is trained by tfidf_lr; leave it out",
        ),
        (["--methods", "tfidf_lr,erm", "--backbone", "mlp"], "backbone 'mlp' reads array data"),
        (["--set", "checkpoint=c"], "--set checkpoint is not taken; a comparison keeps none"),
        (["--set", "method=erm"], "--set method is not taken; use --methods"),
        (["--set", "backbone=textrnn"], "--set backbone is not taken; use --backbone"),
    ],
)
def test_what_no_method_can_use_is_refused(labelled, run, options, message):
    assert message in run("compare", labelled, *options, code=2).stderr


def test_a_backbone_is_for_those_methods_that_train_one(labelled, run_json):
    rows = run_json("compare", labelled, "--methods", "tfidf_lr,erm", "--backbone", "textrnn", *FAST)
    assert [row["backbone"] for row in rows] == [None, "textrnn"]


def test_a_setting_of_one_of_the_methods_is_enough(labelled, run, run_json):
    sets = ("--set", "method__C=1.0", *FAST)
    assert len(run_json("compare", labelled, "--methods", "tfidf_lr,erm", *sets)) == 2
    assert "no such setting" in run("compare", labelled, "--methods", "erm", *sets, code=2).stderr


def test_oversample_writes_new_texts_with_their_origin(labelled, run, tmp_path):
    result = run("oversample", labelled, "--method", "word_swap", "-o", tmp_path / "anchors.parquet")
    data = read(labelled)
    sampler = WordSwap(random_state=0)
    sampler.fit_resample(data.texts, data.labels)
    rows = pq.read_table(tmp_path / "anchors.parquet").to_pylist()
    assert list(rows[0]) == [
        *("text", "label", "source_row", "source_text", "partner_rows"),
        *("difficulty", "method", "kept", "shared", "injected"),
    ]
    assert len(rows) == 96
    for row, anchor in zip(rows, anchors_from(sampler.anchors_), strict=True):
        assert row["text"] == anchor.text
        assert (row["source_row"], tuple(row["partner_rows"])) == (anchor.source_row, anchor.partner_rows)
        assert row["source_text"] == data.texts[row["source_row"]]
        assert data.labels[row["source_row"]] == row["label"] == "rare"
        assert data.labels[row["partner_rows"][0]] == "usual"
        assert tuple(row["injected"]) == anchor.injected
        assert (row["method"], row["difficulty"]) == ("word_swap", None)
    assert [line.split() for line in result.stdout.splitlines()[2:4]] == [
        ["rare", "32", "128", "96"],
        ["usual", "128", "128", "0"],
    ]


def test_rows_of_thinned_data_are_those_of_the_file(labelled, run, tmp_path):
    run("oversample", labelled, "-o", tmp_path / "a.jsonl", "--keep", "8", "--minority", "rare")
    data = read(labelled)
    rows = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert len(rows) == 120
    assert len({row["source_row"] for row in rows}) == 8
    assert all(data.texts[row["source_row"]] == row["source_text"] for row in rows)
    assert all(data.labels[i] == "usual" for row in rows for i in row["partner_rows"])


def test_with_originals_and_settings(labelled, run_json, tmp_path):
    sets = ("--set", "sampling_strategy=0.5", "--with-originals", "--method", "random_oversample")
    (row,) = run_json("oversample", labelled, "-o", tmp_path / "all.csv", *sets)
    assert row["after"] == {"rare": 64, "usual": 128}
    assert row["new_texts"] == 32
    rows = list(csv.DictReader((tmp_path / "all.csv").open(encoding="utf-8")))
    assert len(rows) == 192
    assert [row["text"] for row in rows[:160]] == read(labelled).texts.tolist()
    assert {row["method"] for row in rows[:160]} == {"original"}
    assert json.loads(rows[-1]["kept"]) == rows[-1]["text"].split()


def test_an_impossible_sampling_strategy_is_one_sentence(labelled, run, tmp_path):
    sets = ("--set", "sampling_strategy=0.01")
    error = run("oversample", labelled, "-o", tmp_path / "a.parquet", *sets, code=2).stderr
    assert "error: sampling_strategy 0.01: " in error
    assert not list(tmp_path.iterdir())


def test_methods_lists_the_registry(run, run_json):
    rows = run_json("methods")
    assert [row["method"] for row in rows] == list(METHODS)
    settings = {row["method"]: row["settings"] for row in rows}
    assert settings["tfidf_lr"]["C"] == 10.0
    needs = {row["method"]: row["needs"] for row in rows if row["needs"]}
    assert needs == {
        "encoder_lr": "extra encoders",
        "encoder_lda": "extra encoders",
        "encoder_neighbors": "extra encoders",
        "blend": "extra encoders",
        "mask_fill": "extra encoders, a model",
        "llm_oversample": "extra llm, a model",
        "llm_zero_shot": "extra llm, a model",
    }
    papers = {row["method"]: row["paper"] for row in rows}
    assert [papers[name] for name in ("focal", "word_dropout", "miso", "cag")] == [
        *("Lin et al. 2017", "Wei and Zou 2019", "Tian et al. 2021", "Tian et al. 2021"),
    ]
    assert not any(papers[name] for name in ("erm", "class_weight", "random_oversample", "tfidf_lr", "blend"))
    lines = {line.split()[0]: line.split() for line in run("methods").stdout.splitlines() if line.strip()}
    assert lines["tfidf_lr"][2] == "no"
    assert lines["erm"][1:5] == ["array,", "image,", "text", "yes"]
    assert lines["smote"][3:5] == ["on", "array"]


@pytest.mark.parametrize("width", [80, 120])
def test_methods_are_folded_to_the_width_of_the_terminal(run, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    for args in ([], ["mamix"], ["miso"]):
        lines = run("methods", *args).stdout.splitlines()
        assert max(map(len, lines)) <= width
        assert lines


def test_one_method_is_shown_with_its_settings(run, run_json):
    shown = " ".join(run("methods", "mamix").stdout.split())
    assert "Cheng et al. 2023" in shown
    assert "array, image, text" in shown
    assert "power 0.25 A class has a margin in proportion to n ** -power; 0 is Mixup." in shown
    assert "alpha 1 Of the Beta distribution; 1 is uniform" in shown, "said by the class that it is made from"
    assert "drw false Late class weights; see DeferredReweighting." in shown
    assert "rate 0.333333 " in " ".join(run("methods", "word_swap").stdout.split()), "of the sampler"
    (row,) = run_json("methods", "encoder_lr")
    assert row == next(each for each in run_json("methods") if each["method"] == "encoder_lr")
    assert row["meanings"].keys() == row["settings"].keys()
    assert "It has no settings." in run("methods", "erm").stdout
    assert "did you mean 'mamix'" in run("methods", "mamx", code=2).stderr


def test_no_setting_of_a_method_is_without_a_meaning(run_json):
    unsaid = {
        (row["method"], key)
        for row in run_json("methods")
        if row["method"] != "miso"  # two settings share what is said of them
        for key, said in row["meanings"].items()
        if not said
    }
    assert not unsaid


def test_datasets_says_where_each_would_come_from(run, run_json, tmp_path):
    (tmp_path / "trec").mkdir()
    for split in ("train", "test"):
        (tmp_path / "trec" / f"{split}.parquet").touch()
    rows = {row["dataset"]: row for row in run_json("datasets", "--data-dir", tmp_path)}
    assert rows["trec"]["found"] == str(tmp_path / "trec")
    assert rows["demo"]["found"] == "built in"
    assert rows["sms_spam"]["found"] == "not here"
    assert rows["trec"]["rows"] == {"train": 5452, "test": 500}
    assert (rows["trec"]["data"], rows["mnist"]["data"]) == ("text", "image")
    assert rows["mnist"]["rows"] == {"test": 10000}
    assert rows["mnist"]["language"] is None
    assert "sms_spam" in run("datasets").stdout
