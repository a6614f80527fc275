"""Whole jobs on real data, as a user runs them. The slow ones belong to ``make test-all``."""

import csv
import json
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import average_precision_score

from counterpoise import load_model
from counterpoise.data.readers import read


def counterpoise(*args) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "counterpoise", *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.real_data
@pytest.mark.slow
def test_word_swap_lifts_the_ranking_of_thinned_spam() -> None:
    done = counterpoise(
        *("compare", "sms_spam", "--minority", "spam", "--keep", "0.1", "--folds", "5", "--json"),
        *("--methods", "erm,class_weight,random_oversample,word_swap,tfidf_lr"),
    )
    rows = {row["method"]: row["average_precision"]["mean"] for row in json.loads(done.stdout)["rows"]}
    assert len(rows) == 5
    assert rows["word_swap"] >= 0.95
    assert rows["word_swap"] >= rows["erm"] + 0.02


@pytest.mark.real_data
@pytest.mark.slow
def test_a_model_of_real_texts_scores_alike_in_another_process(tmp_path) -> None:
    counterpoise(
        *("fit", "sms_spam", "--minority", "spam", "--keep", "0.1", "--method", "word_swap"),
        *("-o", tmp_path / "model", "--threshold", "0.5", "--max-epochs", "2"),
    )
    data = read("sms_spam")
    with (tmp_path / "new.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["text"], *[[text] for text in data.texts]])
    counterpoise("predict", tmp_path / "model", tmp_path / "new.csv", "-o", tmp_path / "scored.parquet")
    scored = pq.read_table(tmp_path / "scored.parquet")["probability"].to_numpy()
    classifier = load_model(tmp_path / "model")
    # In another order, so that every text keeps other company in its batch.
    order = np.random.default_rng(0).permutation(len(data.texts))
    expected = classifier.predict_proba(data.texts[order])[:, list(classifier.classes_).index("spam")]
    np.testing.assert_allclose(scored[order], expected, atol=1e-6)


@pytest.mark.slow
def test_scoring_ten_times_as_many_rows_takes_no_more_memory(tmp_path) -> None:
    rng = np.random.default_rng(0)
    words = np.array([f"word{i}" for i in range(500)])
    with (tmp_path / "train.csv").open("w", newline="") as file:
        rows = [
            [" ".join(rng.choice(words[: 250 if i % 9 else 500], 12)), "ab"[i % 9 == 0]] for i in range(450)
        ]
        csv.writer(file).writerows([["text", "label"], *rows])
    counterpoise("fit", tmp_path / "train.csv", "-o", tmp_path / "model")
    peaks = []
    for n in (100_000, 1_000_000):
        with (tmp_path / "new.csv").open("w") as file:
            file.write("id,text\n")
            file.writelines(f"{i},{words[i % 500]} {words[i % 491]} {words[i % 7]} again\n" for i in range(n))
        script = (
            "import resource, sys; from counterpoise.cli import main\n"
            f"sys.argv = ['counterpoise', 'predict', {str(tmp_path / 'model')!r}, {str(tmp_path / 'new.csv')!r},"
            f" '-o', {str(tmp_path / 'scored.csv')!r}]\n"
            "try:\n    main()\nexcept SystemExit as leave:\n    assert not leave.code, leave.code\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout.split()[-1]))
    assert peaks[1] < 1.1 * peaks[0], f"peak memory {peaks} KiB at 100,000 and 1,000,000 rows"


@pytest.mark.real_data
@pytest.mark.slow
def test_miso_writes_until_the_classes_balance_and_the_same_file_twice(tmp_path) -> None:
    command = ("oversample", "sms_spam", "--minority", "spam", "--keep", "59", "--method", "miso")
    for name in ("anchors", "again"):
        counterpoise(*command, "-o", tmp_path / f"{name}.parquet", "--random-state", "0")
    first, again = (tmp_path / f"{name}.parquet" for name in ("anchors", "again"))
    assert first.read_bytes() == again.read_bytes()
    table = pq.read_table(first)
    assert table.num_rows == 4827 - 59
    assert set(table["label"].to_pylist()) == {"spam"}
    texts, sources = table["text"].to_pylist(), read("sms_spam").texts
    assert len(set(texts)) == len(texts)
    assert not set(texts) & set(sources.tolist())
    for row in (
        table.select(["source_row", "source_text", "partner_rows", "kept", "injected"])
        .slice(0, 200)
        .to_pylist()
    ):
        assert sources[row["source_row"]] == row["source_text"]
        assert all(word in row["source_text"] for word in row["kept"])
        assert all(word in sources[row["partner_rows"][0]] for word in row["injected"])


@pytest.mark.real_data
@pytest.mark.slow
def test_miso_trains_a_textrnn_that_finds_spam(tmp_path) -> None:
    counterpoise(
        *(
            "fit",
            "sms_spam",
            "--minority",
            "spam",
            "--keep",
            "59",
            "--method",
            "miso",
            "--backbone",
            "textrnn",
        ),
        *("-o", tmp_path / "M", "--threshold", "0.5"),
    )
    model = load_model(tmp_path / "M")
    data = read("sms_spam")
    scores = model.predict_proba(data.texts)[:, list(model.classes_).index("spam")]
    assert average_precision_score(data.labels == "spam", scores) > 0.9
