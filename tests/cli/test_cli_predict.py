"""``predict`` and ``evaluate``: the same probabilities as Python's, columns kept, labels understood."""

import csv
import json
import os

import numpy as np
import pyarrow.parquet as pq
import pytest
from cli_helpers import process, write_csv
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score

from counterpoise import ArrayClassifier, TextClassifier, load_model
from counterpoise.data.readers import read
from counterpoise.estimators.scoring import score_metadata


@pytest.mark.slow
@pytest.mark.parametrize("method", ["tfidf_lr", "word_swap"])
def test_a_new_process_gives_the_probabilities_of_python(labelled, tmp_path, method):
    data = read(labelled)
    settings = {} if method == "tfidf_lr" else {"max_epochs": 1, "threshold": 0.5, "precision": "float32"}
    classifier = TextClassifier(method, random_state=0, **settings).fit(data.texts, data.labels)
    classifier.save(tmp_path / "model")
    scored = tmp_path / "scored.parquet"
    done = process("predict", tmp_path / "model", labelled, "-o", scored)
    assert done.wait() == 0, done.stderr.read()
    found = pq.read_table(scored)
    assert found.column_names == ["id", "body", "topic", "prediction", "probability"]
    assert found.drop_columns(["prediction", "probability"]).equals(
        data.table.cast(found.schema.remove(4).remove(3))
    )
    expected = classifier.predict_proba(data.texts)[:, list(classifier.classes_).index("rare")]
    np.testing.assert_allclose(found["probability"].to_numpy(), expected, atol=1e-6)
    assert found["prediction"].to_pylist() == classifier.predict(data.texts).tolist()


def test_parquet_metadata_hold_the_threshold(model, labelled, run, tmp_path):
    run("predict", model, labelled, "-o", tmp_path / "scored.parquet")
    metadata = pq.read_schema(tmp_path / "scored.parquet").metadata
    classifier = load_model(model)
    assert json.loads(metadata[b"counterpoise.threshold"]) == classifier.thresholds_[0]
    assert metadata[b"counterpoise.class"] == b"rare"
    assert metadata[b"counterpoise.method"] == b"tfidf_lr"


def test_scores_name_the_method_that_is_the_default(spam, tmp_path):
    classifier = TextClassifier(random_state=0).fit(*spam)
    assert score_metadata(classifier)["counterpoise.method"] == "auto"


def test_csv_goes_to_standard_output_with_its_values_as_they_stood(model, labelled, run):
    result = run("predict", model, labelled)
    scored = list(csv.DictReader(result.stdout.splitlines()))
    given = list(csv.DictReader(labelled.open(encoding="utf-8")))
    assert [{k: row[k] for k in ("id", "body", "topic")} for row in scored] == given
    assert "160 rows scored" in result.stderr


def test_standard_input_and_json_lines(model, run, tmp_path):
    lines = '{"text": "refund for the broken parcel", "n": 1}\n{"text": "we wait cold coffee station", "n": null}\n'
    run("predict", model, "-", "-o", tmp_path / "out.jsonl", stdin=lines)
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["n"] for row in rows] == [1, None]
    assert [row["prediction"] for row in rows] == ["rare", "usual"]
    assert list(rows[0]) == ["text", "n", "prediction", "probability"]


def test_a_pipe_is_scored_whole(model, labelled, run):
    reading, writing = os.pipe()
    os.write(writing, labelled.read_bytes())
    os.close(writing)
    piped = run("predict", model, f"/dev/fd/{reading}")
    os.close(reading)
    assert piped.stdout == run("predict", model, labelled).stdout


def test_several_classes_give_a_column_each(many_model, three_classes, run, tmp_path):
    run("predict", many_model, three_classes, "-o", tmp_path / "out.parquet")
    table = pq.read_table(tmp_path / "out.parquet")
    names = ["probability_early", "probability_late", "probability_rare"]
    assert table.column_names == ["text", "label", "prediction", *names]
    np.testing.assert_allclose(sum(table[name].to_numpy() for name in names), 1)


def test_predict_json(model, labelled, run_json, tmp_path):
    (row,) = run_json("predict", model, labelled, "-o", tmp_path / "out.csv.gz")
    assert row["rows"] == 160 == sum(row["predicted"].values())
    assert row["predicted"].keys() == {"rare", "usual"}


def test_evaluate_gives_the_metrics(model, labelled, run_json, run):
    (row,) = run_json("evaluate", model, labelled)
    data, classifier = read(labelled), load_model(model)
    probability = classifier.predict_proba(data.texts)[:, 0]
    rare = data.labels == "rare"
    predicted = classifier.predict(data.texts) == "rare"
    for name, of in (("f1", f1_score), ("precision", precision_score), ("recall", recall_score)):
        assert row[f"{name}_tuned"] == pytest.approx(of(rare, predicted))
    assert row["found"] == (rare & predicted).sum()
    assert row["missed"] == (rare & ~predicted).sum()
    assert row["false_alarms"] == (~rare & predicted).sum()
    assert row["f1"] == pytest.approx(f1_score(rare, probability > 0.5))
    assert row["average_precision"] == pytest.approx(average_precision_score(rare, probability))
    assert (row["method"], row["backbone"], row["rows"], row["minority"]) == ("tfidf_lr", None, 160, "rare")
    assert row["prevalence"] == 0.2
    result = run("evaluate", model, labelled)
    assert f"{row['average_precision']:.3f}" in result.stdout
    assert (
        f"By the model's own threshold, {classifier.thresholds_[0]:.3f}: {row['found']} of the 32 rows of class 'rare' "
        f"are found, {row['missed']} missed; {row['false_alarms']} of the 128 others are taken for it."
    ) in result.stdout
    assert "those ending in _tuned by the model's own threshold, the others at 0.5" in result.stderr


@pytest.mark.parametrize("threshold", [0.02, 0.9])
def test_another_threshold_than_the_models_own(model, labelled, run, run_json, tmp_path, threshold):
    data = read(labelled)
    wanted = load_model(model).predict_proba(data.texts)[:, 0] > threshold
    out = tmp_path / "scored.parquet"
    run("predict", model, labelled, "-o", out, "--threshold", threshold)
    scored = pq.read_table(out)
    assert [name == "rare" for name in scored["prediction"].to_pylist()] == wanted.tolist()
    assert json.loads(scored.schema.metadata[b"counterpoise.threshold"]) == threshold
    many = tmp_path / "many"
    run("predict", model, str(labelled).replace("reviews", "review?"), "-o", many, "--threshold", threshold)
    assert [
        row["prediction"] == "rare" for row in csv.DictReader((many / labelled.name).open())
    ] == wanted.tolist()
    (row,) = run_json("evaluate", model, labelled, "--threshold", threshold)
    rare = data.labels == "rare"
    assert row["precision_tuned"] == pytest.approx(precision_score(rare, wanted, zero_division=0))
    assert row["recall_tuned"] == pytest.approx(recall_score(rare, wanted))
    assert (row["found"], row["false_alarms"]) == ((rare & wanted).sum(), (~rare & wanted).sum())
    assert row["recall"] == run_json("evaluate", model, labelled)[0]["recall"]
    assert (
        f"By the threshold given, {threshold:.3f}:"
        in run("evaluate", model, labelled, "--threshold", threshold).stdout
    )


@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_a_threshold_that_cannot_be_given_is_refused(
    model, many_model, three_classes, labelled, run, command
):
    error = run(command, many_model, three_classes, "--threshold", "0.3", code=2).stderr
    assert "--threshold 0.3 is for a model of two classes" in error
    assert "tells 3 apart; leave it out" in error
    for bad in ("1.5", "nan"):
        error = run(command, model, labelled, "--threshold", bad, code=2).stderr
        assert f"error: --threshold is {bad}; give a number from 0 to 1" in error


def test_several_classes_are_not_counted_as_one(many_model, three_classes, run, run_json):
    (row,) = run_json("evaluate", many_model, three_classes)
    assert "found" not in row
    (one,) = run_json("evaluate", many_model, three_classes, "--minority", "rare")
    assert one["found"] + one["missed"] == 32
    assert one["recall_tuned"] == one["found"] / 32
    assert (
        "By the model's own thresholds: "
        in run("evaluate", many_model, three_classes, "--minority", "rare").stdout
    )


def test_evaluate_takes_all_other_labels_for_the_rest(rest_model, three_classes, run_json, run):
    (row,) = run_json("evaluate", rest_model, three_classes)
    assert row["minority"] == "rare"
    assert row["prevalence"] == 0.2
    assert "128 rows of classes not named in the model" in run("evaluate", rest_model, three_classes).stderr


def test_evaluate_one_class_of_many(many_model, three_classes, run_json):
    (macro,) = run_json("evaluate", many_model, three_classes)
    (one,) = run_json("evaluate", many_model, three_classes, "--minority", "rare")
    assert macro["minority"] is None
    assert one["prevalence"] == 0.2
    assert macro["prevalence"] == pytest.approx(1 / 3)


def test_evaluate_explains_one_class_predicted(labelled, run, tmp_path):
    run("fit", labelled, "-o", tmp_path / "m", "--threshold", "1.0", "--minority", "usual", "--quiet")
    result = run("evaluate", tmp_path / "m", labelled)
    assert "With the model's own threshold: Only class 'rare' is predicted" in result.stdout


def test_unknown_labels_are_named(model, tmp_path, run):
    texts = ["the train is late", "refund please", "cold station"]
    path = write_csv(tmp_path / "other.csv", {"text": texts, "label": ["usual", "spam", "spam"]})
    error = run("evaluate", model, path, code=2).stderr
    assert "row 2 (counted from 1) has label 'spam', which the model does not know" in error
    assert "'rare', 'usual'" in error


def test_a_classifier_of_arrays_is_refused(tmp_path, labelled, run):
    X = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
    ArrayClassifier(max_epochs=1, threshold=0.5).fit(X, [0, 1] * 20).save(tmp_path / "arrays")
    assert "holds a classifier of arrays" in run("predict", tmp_path / "arrays", labelled, code=2).stderr


def test_classes_that_were_numbers_in_python(tmp_path, run_json):
    # As strings 10 comes before 2, as numbers after it.
    texts, labels = [f"word{i % 2} n{i}" for i in range(60)], [(2, 10)[i % 2] for i in range(60)]
    TextClassifier(random_state=0, threshold=0.5).fit(texts, labels).save(tmp_path / "m")
    path = write_csv(tmp_path / "data.csv", {"text": texts, "label": labels})
    (row,) = run_json("evaluate", tmp_path / "m", path)
    assert row["macro_f1"] == 1.0


def test_the_model_remembers_its_text_column(model, labelled, run, tmp_path):
    """A file whose guess would be another column is read as the model was fitted; without that column, guessed."""
    data = read(labelled)
    longer = [text + " and a great deal more than that" * 5 for text in data.texts]
    both = write_csv(tmp_path / "both.csv", {"text": longer, "body": data.texts})
    out = tmp_path / "scored.parquet"
    result = run("predict", model, both, "-o", out)
    assert "guessed" not in result.stderr
    expected = load_model(model).predict_proba(data.texts)[:, 0]
    np.testing.assert_allclose(pq.read_table(out)["probability"].to_numpy(), expected, atol=1e-12)
    other = write_csv(tmp_path / "other.csv", {"message": data.texts})
    assert "text column: 'message' (guessed)" in run("predict", model, other, "-o", out).stderr
