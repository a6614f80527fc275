"""Bad input: exit code 2, one sentence on standard error that names what and where, nothing left behind."""

import json
import os
import re
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cli_helpers import make_texts, write_csv

TEXTS, LABELS = make_texts(40, 8)


def bad(path, rows=(), header="text,label"):
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def pairs(n=20):
    return [f"some text number {i},{'a' if i % 4 else 'b'}" for i in range(n)]


def missing(folder):
    return folder / "nothing.csv"


def empty(folder):
    (folder / "empty.csv").touch()
    return folder / "empty.csv"


def a_folder(folder):
    (folder / "things").mkdir()
    return folder / "things"


def header_only(folder):
    return bad(folder / "header.csv")


def one_class(folder):
    return bad(folder / "one.csv", ["some text,a", "another text,a"])


def class_of_one(folder):
    return bad(folder / "lonely.csv", [*pairs(), "the only one,c"])


def numbers_as_texts(folder):
    table = pa.table({"text": list(range(10)), "label": ["a", "b"] * 5})
    pq.write_table(table, folder / "numbers.parquet")
    return folder / "numbers.parquet"


def numbers_in_csv(folder):
    return bad(folder / "numbers.csv", [f"{i}.5,{'ab'[i % 2]}" for i in range(10)])


def lists_as_texts(folder):
    table = pa.table({"text": [["a", "b"]] * 10, "label": ["a", "b"] * 5})
    pq.write_table(table, folder / "lists.parquet")
    return folder / "lists.parquet"


def null_text(folder):
    lines = [json.dumps({"text": t, "label": name}) for t, name in zip(TEXTS, LABELS, strict=True)]
    lines[4] = '{"text": null, "label": "rare"}'
    (folder / "nulls.jsonl").write_text("\n".join(lines))
    return folder / "nulls.jsonl"


def empty_text(folder):
    return bad(folder / "blank.csv", [*pairs(), '"  ",a'])


def null_label(folder):
    return bad(folder / "nolabel.csv", [*pairs(), "a text without,"])


def broken_json(folder):
    lines = [json.dumps({"text": t, "label": name}) for t, name in zip(TEXTS, LABELS, strict=True)]
    lines[16] = lines[16][:-4]
    (folder / "broken.jsonl").write_text("\n".join(lines))
    return folder / "broken.jsonl"


def truncated_parquet(folder):
    whole = folder / "cut.parquet"
    pq.write_table(pa.table({"text": TEXTS, "label": LABELS}), whole)
    whole.write_bytes(whole.read_bytes()[:-100])
    return whole


def not_utf8(folder):
    path = folder / "latin.csv"
    path.write_bytes("text,label\ngood text,a\ncaf\xe9,b\n".encode("latin-1"))
    return path


def good(folder):
    return write_csv(folder / "good.csv", {"text": TEXTS, "label": LABELS})


DATA = [
    (missing, [], r"there is no file '.*nothing\.csv'; check the path"),
    (empty, [], r"empty\.csv"),
    (a_folder, [], r"things is a folder that was not saved by Hugging Face datasets"),
    (header_only, [], r"header\.csv"),
    (one_class, [], r"one\.csv has one class only, 'a' in all 2 rows; give data"),
    (class_of_one, [], r"lonely\.csv has one row only of class 'c'"),
    (numbers_as_texts, [], r"numbers\.parquet: the text column 'text' holds numbers"),
    (numbers_in_csv, [], r"numbers\.csv: every value in the text column 'text' is a number"),
    (lists_as_texts, [], r"lists\.parquet: the text column 'text' holds lists"),
    (null_text, [], r"nulls\.jsonl: line 5 has no text \(null\) in column 'text'"),
    (empty_text, [], r"blank\.csv: data row 21 .* has an empty text in column 'text'"),
    (null_label, [], r"nolabel\.csv: data row 21 .* label"),
    (broken_json, [], r"broken\.jsonl.*line 17"),
    (truncated_parquet, [], r"cut\.parquet"),
    (not_utf8, [], r"latin\.csv.*(row|line|byte)"),
    (good, ["--text", "body"], r"good\.csv has no column 'body'; it has 'text', 'label'"),
    (good, ["--label", "topic"], r"good\.csv has no column 'topic'"),
    (good, ["--label", "text", "--text", "text"], r"named both as text and as label"),
    (good, ["--minority", "rares"], r"has no class 'rares' .* did you mean 'rare'"),
    (good, ["--split", "test"], r"good\.csv has no splits"),
    (good, ["--encoding", "klingon"], r"klingon"),
    (good, ["--keep", "0", "--minority", "rare"], r"keep is '0'; give a share"),
    (good, ["--keep", "99"], r"keep is 99, but class 'rare' has \d+ rows"),
]


def fails(run, tmp_path, *args, stdin=None):
    """Run; check the exit code, the one sentence and that no file was made; return the sentence."""
    before = sorted(tmp_path.rglob("*"))
    result = run(*args, code=2, stdin=stdin)
    sentences = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(sentences) == 1, result.stderr
    assert result.stderr.rstrip().endswith(sentences[0])
    assert result.stdout == ""
    assert sorted(tmp_path.rglob("*")) == before
    return sentences[0]


@pytest.mark.parametrize("command", ["fit", "compare", "oversample"])
@pytest.mark.parametrize(("make", "options", "message"), DATA)
def test_data(run, tmp_path, command, make, options, message):
    output = {
        "fit": ["-o", tmp_path / "model"],
        "oversample": ["-o", tmp_path / "a.parquet"],
        "compare": ["--methods", "tfidf_lr", "--folds", "2"],
    }
    sentence = fails(run, tmp_path, command, make(tmp_path), *output[command], *options)
    assert re.search(message, sentence), sentence


SCORED = [
    (missing, [], r"nothing\.csv"),
    (empty, [], r"empty\.csv"),
    (a_folder, [], r"things is a folder"),
    (header_only, [], r"header\.csv"),
    (numbers_as_texts, [], r"holds numbers"),
    (lists_as_texts, [], r"holds lists"),
    (null_text, [], r"line 5 has no text"),
    (empty_text, [], r"data row 21 .* empty text"),
    (broken_json, [], r"line 17"),
    (truncated_parquet, [], r"cut\.parquet"),
    (good, ["--text", "body"], r"no column 'body'"),
]


@pytest.mark.parametrize(("make", "options", "message"), SCORED)
def test_scored_files(run, tmp_path, model, make, options, message):
    source = make(tmp_path)
    sentence = fails(run, tmp_path, "predict", model, source, "-o", tmp_path / "out.csv", *options)
    assert re.search(message, sentence), sentence
    assert re.search(message, fails(run, tmp_path, "evaluate", model, source, *options))


def test_a_column_of_the_same_name(run, tmp_path, model):
    path = write_csv(tmp_path / "scored.csv", {"text": TEXTS, "prediction": LABELS})
    sentence = fails(run, tmp_path, "predict", model, path, "-o", tmp_path / "out.csv")
    assert "scored.csv has a column 'prediction' already" in sentence


def test_an_empty_standard_input(run, tmp_path, model):
    assert "standard input" in fails(run, tmp_path, "predict", model, "-", stdin="")


def test_a_row_that_is_bad_late_leaves_no_half_of_the_output(run, tmp_path, model):
    rows = [f"some text number {i},a" for i in range(9000)]
    path = bad(tmp_path / "late.csv", [*rows, ",a"])
    sentence = fails(run, tmp_path, "predict", model, path, "-o", tmp_path / "out.csv")
    assert "data row 9001" in sentence


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--method", "nosuch"], "there is no method 'nosuch'; choose one of erm, "),
        (["--method", "erm", "--backbone", "nosuch"], "there is no backbone 'nosuch'; choose one of textcnn"),
        (
            ["--backbone", "textcnn"],
            "--backbone textcnn has no use: no network is trained by auto; leave it out, or name a method that trains "
            "one, such as class_weight",
        ),
        (["--backbone", "nosuch"], "there is no backbone 'nosuch'"),
        (["--method", "erm", "--backbone", "mlp"], "backbone 'mlp' reads array data"),
        (["--threshold", "high"], "--threshold is 'high'; give tune or a number from 0 to 1"),
        (["--threshold", "1.5"], "threshold is 1.5; give 'tune', None or a number from 0 to 1"),
        (["--class-weight", "heavy"], "class_weight is 'heavy'; give 'balanced'"),
        (["--method", "erm", "--precision", "half"], "precision is 'half'; choose"),
        (["--method", "erm", "--device", "abacus"], "device 'abacus' is not on this machine"),
        (["--device", "abacus"], "device 'abacus' is not on this machine"),
        (["--method", "erm", "--max-epochs", "0"], "max_epochs is 0; give an int of 1 or more"),
        (["--threshold", "0.5", "--folds", "7"], "--folds has no use: the threshold is given and not tuned"),
        (
            ["--method", "erm", "--set", f"learning_rate={'9' * 400}"],
            "learning_rate is inf; give a number above 0",
        ),
        (["--method", "erm", "--set", f"batch_size={'9' * 30}"], "give a whole number"),
    ],
)
def test_settings_are_refused_before_anything_is_read(run, tmp_path, options, message):
    source = missing(tmp_path)
    assert message in fails(run, tmp_path, "fit", source, "-o", tmp_path / "model", *options)


@pytest.mark.parametrize("command", [("compare", "--methods"), ("tune", "--method")], ids=lambda it: it[0])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--threshold", "1.5"], "threshold is 1.5; give 'tune', None or a number from 0 to 1"),
        (["--device", "abacus"], "device 'abacus' is not on this machine"),
        (["--max-epochs", "0"], "max_epochs is 0; give an int of 1 or more"),
        (["--set", "precision=half"], "precision is 'half'; choose"),
    ],
    ids=lambda it: it[0].strip("-") if isinstance(it, list) else "",
)
def test_grids_refuse_them_before_anything_is_read_too(run, tmp_path, command, options, message):
    assert message in fails(run, tmp_path, *command, "tfidf_lr", missing(tmp_path), *options)


@pytest.mark.parametrize("option", ["--group", "--time"])
def test_columns_of_groups_and_times(run, tmp_path, option):
    args = ["fit", good(tmp_path), "-o", tmp_path / "model", option, "author"]
    assert "has no column 'author'" in fails(run, tmp_path, *args)


def remove(name):
    return lambda folder: (folder / name).unlink()


def tamper(name):
    def change(folder):
        content = bytearray((folder / name).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / name).write_bytes(content)

    return change


def foreign_config(folder):
    (folder / "config.json").write_text('{"model_type": "bert"}')


def newer(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"format_version": 99}))


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (remove("config.json"), "has no config.json"),
        (remove("model.safetensors"), "has no model.safetensors"),
        (remove("vocabulary.txt"), "has no vocabulary.txt"),
        (tamper("model.safetensors"), "model.safetensors is not the file that was saved with this model"),
        (tamper("vocabulary.txt"), "vocabulary.txt is not the file that was saved with this model"),
        (foreign_config, "config.json is not that of a Counterpoise model"),
        (newer, "format version 99"),
        (shutil.rmtree, "does not exist"),
    ],
)
@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_model_folders(run, tmp_path, model, command, harm, message):
    folder = tmp_path / "copy"
    shutil.copytree(model, folder)
    harm(folder)
    assert message in fails(run, tmp_path, command, folder, good(tmp_path))


def test_a_file_for_a_model(run, tmp_path):
    path = good(tmp_path)
    assert f"model folder {path} is a file" in fails(run, tmp_path, "predict", path, path)


@pytest.mark.parametrize("command", ["fit", "predict", "oversample"])
def test_outputs_that_cannot_be_written(run, tmp_path, model, command):
    source = good(tmp_path)
    args = [command, *([model] if command == "predict" else []), source, "-o"]
    where = tmp_path / "not" / "there.csv"
    assert f"{where} cannot be written: there is no folder" in fails(run, tmp_path, *args, where)
    taken = source
    if command != "fit":
        taken = tmp_path / "folder.csv"
        taken.mkdir()
    assert re.search("is a (file|folder); name a", fails(run, tmp_path, *args, taken))


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_without_permission(run, tmp_path):
    source = good(tmp_path)
    locked = a_folder(tmp_path)
    locked.chmod(0o500)
    assert "permission is denied" in fails(run, tmp_path, "fit", source, "-o", locked / "model")


def test_output_endings(run, tmp_path, model):
    source = good(tmp_path)
    for args in (["predict", model], ["oversample"]):
        sentence = fails(run, tmp_path, *args, source, "-o", tmp_path / "out.xlsx")
        assert "no output format has that ending" in sentence


def test_somebody_elses_folder_is_not_replaced(run, tmp_path):
    folder = a_folder(tmp_path)
    (folder / "thesis.txt").write_text("years of work")
    assert "is not replaced" in fails(run, tmp_path, "fit", good(tmp_path), "-o", folder)


def test_unknown_samplers(run, tmp_path):
    args = ["oversample", good(tmp_path), "-o", tmp_path / "a.csv", "--method", "smote"]
    assert "there is no sampler 'smote'" in fails(run, tmp_path, *args)


def test_settings_of_samplers_are_refused_before_anything_is_read(run, tmp_path):
    args = ["oversample", missing(tmp_path), "-o", tmp_path / "a.csv", "--set", "rate=5"]
    assert "rate is 5" in fails(run, tmp_path, *args)


def test_an_error_of_ours_is_one_sentence_too(run, tmp_path, monkeypatch):
    def broken(*_args, **_settings):
        raise ZeroDivisionError("by nought")

    monkeypatch.setattr(np, "arange", broken)
    result = run("fit", good(tmp_path), "-o", tmp_path / "model", code=1)
    assert "internal error (ZeroDivisionError: by nought); set COUNTERPOISE_DEBUG=1" in result.stderr
    assert not (tmp_path / "model").exists()
