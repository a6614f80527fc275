"""``fit``, and that what it saves is what Python trains."""

import json
import re

import numpy as np
import pytest
from cli_helpers import write_csv

from counterpoise import TextClassifier, load_model
from counterpoise.data.readers import read
from counterpoise.estimators.saving import SavableMixin
from tiny_encoders import tiny_encoder


def test_fit_says_what_it_does(labelled, run, tmp_path):
    result = run("fit", labelled, "-o", tmp_path / "model")
    assert "text column: 'body' (guessed)" in result.stderr
    assert "label column: 'topic' (guessed)" in result.stderr
    assert "160 rows: 128 'usual', 32 'rare'; 4.0 of 'usual' for each 'rare'" in result.stderr
    assert "out-of-fold, 160 rows" in result.stdout
    assert "Tuned for f1" in result.stdout
    assert f"Model: {tmp_path / 'model'}" in result.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("method", ["balanced_forest", "easy_ensemble"])
def test_a_model_that_cannot_be_saved_is_refused_before_any_work(
    labelled, run, tmp_path, monkeypatch, method
):
    monkeypatch.setattr(TextClassifier, "fit", lambda *args, **kwargs: pytest.fail("work was begun"))
    result = run("fit", labelled, "-o", tmp_path / "model", "--method", method, code=2)
    assert f"a model of method '{method}' cannot be saved" in result.stderr
    assert "text column" not in result.stderr
    assert not any(tmp_path.iterdir())


def test_a_blend_that_cannot_be_saved_is_refused_before_anything_is_read(run, tmp_path):
    members = ("--method", "blend", "--set", "method__members=tfidf_lr,balanced_forest")
    result = run("fit", tmp_path / "none.csv", "-o", tmp_path / "model", *members, code=2)
    assert "the member 'balanced_forest' cannot be saved" in result.stderr
    assert "none.csv" not in result.stderr


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ('method__weights=[1,"a"]', "weights is [1, 'a']; give"),
        ("method__weights=3", "weights is 3; give"),
        ("method__weights=[1,NaN]", "weights is '[1,NaN]'; give"),
        ("method__members=5", "members is 5; give"),
        ("method__settings=[1]", "settings is [1]; give"),
    ],
)
@pytest.mark.parametrize("command", ["fit", "compare"])
def test_settings_of_a_blend_that_are_none_end_in_one_sentence(
    labelled, run, tmp_path, command, setting, said
):
    output = ("-o", tmp_path / "model", "--method") if command == "fit" else ("--methods",)
    members = () if "members" in setting else ("--set", "method__members=tfidf_lr,nb_lr")
    result = run(command, labelled, *output, "blend", *members, "--set", setting, code=2)
    assert said in result.stderr


def test_quiet_leaves_remarks_out(labelled, run, tmp_path):
    result = run("fit", labelled, "-o", tmp_path / "model", "-q")
    assert result.stderr == ""
    assert "tfidf_lr" in result.stdout


def test_the_saved_model_is_that_of_python(labelled, run_json, tmp_path):
    (row,) = run_json("fit", labelled, "-o", tmp_path / "model", "--random-state", "3")
    data = read(labelled)
    expected = TextClassifier(random_state=3).fit(data.texts, data.labels)
    loaded = load_model(tmp_path / "model")
    np.testing.assert_allclose(
        loaded.predict_proba(data.texts), expected.predict_proba(data.texts), atol=1e-12
    )
    assert row["f1_tuned"] == expected.fitted_.scores["f1_tuned"]
    assert row["thresholds"] == dict(zip(expected.classes_, expected.thresholds_, strict=True))
    assert (row["method"], row["backbone"], row["pos_label"]) == ("auto", None, "rare")
    assert row["class_counts"] == {"rare": 32, "usual": 128}


def test_options_reach_the_classifier(labelled, run, tmp_path):
    run(
        *("fit", labelled, "-o", tmp_path / "model", "--threshold", "0.3", "--class-weight", "balanced"),
        *(
            "--method",
            "tfidf_lr",
            "--set",
            "method__C=2.5",
            "--set",
            "prior_correction=false",
            "--minority",
            "usual",
        ),
    )
    params = load_model(tmp_path / "model").get_params()
    assert params["threshold"] == 0.3
    assert params["class_weight"] == "balanced"
    assert params["method__C"] == 2.5
    assert params["prior_correction"] is False
    assert params["pos_label"] == "usual"


def test_keep_thins_the_minority_only_and_the_card_says_so(labelled, run_json, tmp_path):
    (row,) = run_json("fit", labelled, "-o", tmp_path / "model", "--keep", "50%", "--minority", "rare")
    assert row["class_counts"] == {"rare": 16, "usual": 128}
    card = (tmp_path / "model" / "README.md").read_text()
    assert "Source: reviews.csv, 16 of 32 rows of class 'rare' kept" in card
    assert str(labelled.parent) not in card


def test_keep_is_seeded(labelled, run, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        run("fit", labelled, "-o", tmp_path / name, "--keep", "12", "--random-state", seed, "--quiet")
    a, b, c = ((tmp_path / name / "model.safetensors").read_bytes() for name in "abc")
    assert a == b != c


def test_one_class_against_the_rest(rest_model):
    loaded = load_model(rest_model)
    assert loaded.classes_.tolist() == ["rare", "rest"]
    assert loaded.pos_label_ == "rare"


def test_groups_are_never_parted(tmp_path, run):
    # A class within one group can be on one side only, so nothing can be held out of it.
    texts = [f"word{i % 5} thing{i}" for i in range(80)]
    columns = {"text": texts, "label": ["a"] * 20 + ["b"] * 60, "author": ["x"] * 20 + ["y", "z"] * 30}
    path = write_csv(tmp_path / "grouped.csv", columns)
    result = run("fit", path, "--group", "author", "-o", tmp_path / "model")
    assert "No threshold was tuned" in result.stdout
    assert "none" in result.stdout


def test_a_model_that_predicts_one_class_is_explained(tmp_path, run):
    rng = np.random.default_rng(0)
    texts = [f"w{rng.integers(30)} w{rng.integers(30)} n{i}" for i in range(200)]
    for i in range(20):
        texts[i] += " rare" if i % 2 else " rarer"
    path = write_csv(tmp_path / "data.csv", {"text": texts, "label": ["x"] * 20 + ["y"] * 180})
    result = run("fit", path, "-o", tmp_path / "m", "--method", "tfidf_lr", "--set", "method__C=0.01")
    assert "At a threshold of 0.5: Only class 'y' is predicted, yet the ranking is fine" in result.stdout
    assert "use the tuned one" in result.stdout


def test_fit_replaces_a_model_and_nothing_else(labelled, run, tmp_path):
    folder = tmp_path / "model"
    run("fit", labelled, "-o", folder, "--quiet")
    run("fit", labelled, "-o", folder, "--quiet", "--method", "tfidf_lr", "--set", "method__C=1.0")
    assert load_model(folder).get_params()["method__C"] == 1.0
    (folder / "config.json").write_text(json.dumps({"model_type": "bert"}))
    assert "not replaced" in run("fit", labelled, "-o", folder, code=2).stderr


NETWORK = ("--method", "erm", "--max-epochs", "2", "--precision", "float32", "--folds", "2")


def test_an_interrupted_training_resumes_to_the_same_weights(labelled, run, tmp_path, monkeypatch):
    run("fit", labelled, "-o", tmp_path / "whole", *NETWORK, "--quiet")
    folder = tmp_path / "cut"
    with monkeypatch.context() as patch:
        patch.setattr(SavableMixin, "save", _interrupt)
        result = run("fit", labelled, "-o", folder, *NETWORK, code=130)
    assert "interrupted; no model was written" in result.stderr
    assert "--resume" in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "cut.checkpoint-fold-0.safetensors",
        "cut.checkpoint-fold-1.safetensors",
        "cut.checkpoint.safetensors",
        "whole",
    ]
    assert "going on from" in run("fit", labelled, "-o", folder, *NETWORK, "--resume").stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut", "whole"]
    one, other = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "cut"))
    assert one == other


def _interrupt(*_args, **_settings):
    raise KeyboardInterrupt


def test_an_old_checkpoint_is_used_with_resume_only(labelled, run, tmp_path):
    checkpoint = tmp_path / "m.checkpoint.safetensors"
    checkpoint.write_bytes(b"of another training")
    result = run("fit", labelled, "-o", tmp_path / "m", *NETWORK, "--resume", code=2)
    assert f"checkpoint {checkpoint} is broken" in result.stderr
    assert checkpoint.exists()
    run("fit", labelled, "-o", tmp_path / "m", *NETWORK)
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_resume_without_a_network_says_so(labelled, run, tmp_path):
    assert "nothing to resume" in run("fit", labelled, "-o", tmp_path / "m", "--resume").stderr


def test_a_pretrained_encoder(labelled, run, run_json, tmp_path):
    asked = (
        "fit",
        labelled,
        "--backbone",
        "encoder",
        "--encoder",
        tiny_encoder(),
        "--method",
        "class_weight",
    )
    (row,) = run_json(*asked, "--threshold", "0.5", "-o", tmp_path / "m")
    assert row["backbone"] == "encoder"
    run("predict", tmp_path / "m", labelled, "-o", tmp_path / "scored.csv")
    assert "probability" in (tmp_path / "scored.csv").read_text().splitlines()[0]
    nowhere = run(*asked[:4], "--encoder", "./none", "--method", "erm", "-o", tmp_path / "n", code=2)
    assert "there is no encoder folder ./none" in nowhere.stderr
    idle = run("fit", labelled, "--encoder", "x", "--method", "erm", "-o", tmp_path / "n", code=2)
    choose = "choose `auto` or an `encoder_*` method"
    assert (
        idle.stderr
        == f"error: `erm` uses no encoder; {choose}, add --backbone encoder, or leave --encoder out\n"
    )
    untrained = run("compare", labelled, "--encoder", "x", "--methods", "tfidf_lr,char_lr", code=2)
    assert (
        untrained.stderr == f"error: `tfidf_lr`, `char_lr` use no encoder; {choose}, or leave --encoder out\n"
    )


@pytest.mark.parametrize(
    ("items", "message"),
    [
        (["batch_size"], "'batch_size' is not KEY=VALUE"),
        (["batchsize=3"], "there is no such setting here; .* did you mean 'batch_size'"),
        (["method__rate=0.1"], "there is no such setting here"),
        (["backbone__dropout=0.1"], "there is no such setting here"),
        (["method__folds=strong"], "give a whole number"),
        (["learning_rate=strong"], "give a number"),
        (["learning_rate=NaN"], "give a number"),
        (["batch_size=1.5"], "give a whole number"),
        (["batch_size=true"], "give a whole number"),
        (["prior_correction=1"], "give true or false"),
        (["pos_label=rare"], "use --minority"),
        (["backbone=textrnn"], "use --backbone"),
        (["checkpoint=c"], "fit keeps one by itself, and goes on from it with --resume"),
        (["method__folds=-1"], "folds is -1"),
    ],
)
def test_settings_are_checked(labelled, run, tmp_path, items, message):
    sets = [part for item in items for part in ("--set", item)]
    assert not list(tmp_path.iterdir())
    error = run("fit", labelled, "-o", tmp_path / "m", *sets, code=2).stderr
    assert error.count("error: ") == 1
    assert re.search(message, error), error
    assert not list(tmp_path.iterdir())
