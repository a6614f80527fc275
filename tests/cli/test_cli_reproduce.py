"""``reproduce`` as it is typed."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import loky
import pytest
from cli_helpers import make_texts, write_csv

from counterpoise import progress
from counterpoise.data import image_sets
from counterpoise.experiments.executors import choice
from counterpoise.experiments.executors.in_process import InProcess
from counterpoise.experiments.papers import dos, miso, mixup, sharprecl, sharprecl_lines, sharprecl_numbers
from counterpoise.experiments.papers.base import Budget, Set
from tiny_papers import three_classes, toy_cifar, toy_mnist

QUICK = {"max_epochs": 1, "precision": "float32", "backbone__dim": 8, "backbone__n_filters": 4}
KILLED = {**QUICK, "max_epochs": 4}
"""Long enough to be killed midway."""


@pytest.fixture
def made(tmp_path, monkeypatch) -> Set:
    """Three classes in a saved data set with both splits, under the name of the paper's first set."""
    made = three_classes(tmp_path)
    for module in (sharprecl, sharprecl_lines):
        monkeypatch.setattr(module, "SETS", (made,))
    monkeypatch.setattr(sharprecl_numbers, "SCRIPT", {})  # of the real set, whose name the toy has
    return made


LINES = ("--lines", "SupCon, TextCNN, cross-entropy, textcnn")


def test_some_lines_of_a_table_and_its_json(made, run, run_json, tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sharprecl.BUDGETS, "small", Budget(2, 1, QUICK))
    asked = ("reproduce", "sharprecl", "--datasets", made.dataset, "--store", tmp_path / "s", *LINES)
    (row,) = run_json(*asked)
    assert [line["method"] for line in row["rows"]] == ["cross-entropy, TextCNN", "SupCon, TextCNN"]
    assert "warning" not in row
    (left_out,) = (note for note in row["foot"] if note.startswith("Left out by --lines: "))
    assert left_out.count(";") == len(sharprecl.lines_of("main")) - 3
    assert not any("No encoder named" in note for note in row["foot"])
    (hopeful,) = run_json(*asked, "--selection", "test")
    assert "OPTIMISTIC" in hopeful["warning"]
    said = run(*asked, "--selection", "both")
    assert "OPTIMISTIC" in said.stdout
    assert "TREC: accuracy, chosen on the test" in said.stdout
    assert "4 runs, 4 of them in" in said.stderr, "both are there already"


@pytest.mark.parametrize(("cores", "given", "expected"), [(2, (), 2), (64, (), 3), (2, ("--jobs", 1), 1)])
def test_all_cores_are_used_but_no_more_than_there_are_runs(
    made, run, tmp_path, monkeypatch, cores, given, expected
) -> None:
    monkeypatch.setitem(sharprecl.BUDGETS, "small", Budget(2, 3, {"max_epochs": 1}))
    monkeypatch.setattr(loky, "cpu_count", lambda: cores)
    widths = []

    def noted(*, jobs: int) -> InProcess:
        widths.append(jobs)
        return InProcess()

    monkeypatch.setattr(choice, "make_executor", noted)
    asked = ("reproduce", "sharprecl", "--datasets", made.dataset, "--store", tmp_path / "s")
    run(*asked, "--lines", "TF-IDF + logistic regression", *given)
    assert widths == [expected]


def test_lines_without_a_model_are_told(made, run_json, tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sharprecl.BUDGETS, "small", Budget(2, 1, {"max_epochs": 1}))
    names = "TF-IDF + logistic regression, cross-entropy, frozen encoder"
    asked = (
        "reproduce",
        "sharprecl",
        "--datasets",
        made.dataset,
        "--store",
        tmp_path / "s",
        "--lines",
        names,
    )
    (row,) = run_json(*asked)
    assert "No encoder named: 1 line not run; --encoder NAME|FOLDER runs it." in row["foot"]
    own = [line["method"] for line in row["rows"] if not line["method"].endswith("prior put back")]
    assert own == ["TF-IDF + logistic regression"]


def test_lines_left_out_of_a_table_that_prints_all(run_json, tmp_path, monkeypatch) -> None:
    texts = write_csv(tmp_path / "toy.csv", dict(zip(("text", "label"), make_texts(), strict=True)))
    monkeypatch.setattr(miso, "SETS", (Set("SMS Spam", str(texts), "rare"),))
    asked = ("reproduce", "miso", "--datasets", texts, "--store", tmp_path / "s")
    (row,) = run_json(*asked, "--lines", "tf-idf + logistic regression")
    assert [line["method"] for line in row["rows"]] == ["TF-IDF + logistic regression"]


def test_sets_that_a_table_has_no_place_for_are_told(made, run, tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sharprecl.BUDGETS, "small", Budget(2, 1, {"max_epochs": 1}))
    other = Set("Toutiao 10:1", "toutiao", None, keep="exponential:10")
    monkeypatch.setattr(sharprecl, "SETS", (made, other))
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN_LINES", 0.0)
    said = run(
        *("reproduce", "sharprecl", "--datasets", f"{made.dataset},toutiao", "--store", tmp_path / "s"),
        *("--lines", "TF-IDF + logistic regression"),
    )
    assert "table main has no place for toutiao; --table imbalance has" in said.stderr
    assert "\n1 runs, 0 of them" in said.stderr
    assert f"\nruns on {made.name}: 1/1 tfidf_lr, fold 1" in said.stderr, "several sets follow one another"
    both = ("reproduce", "sharprecl", "--datasets", f"{made.dataset},toutiao")
    said = run(*both, "--ratio", "100", code=2).stderr
    assert (
        f"in table main {made.dataset} has no set that is thinned to a ratio; there are 10 in --table imbalance"
        in said
    )


def test_what_cannot_be_asked(made, run) -> None:
    asked = ("reproduce", "sharprecl", "--datasets", made.dataset)
    said = run(*asked, "--table", "imbalance", code=2).stderr
    assert f"table imbalance has no place for {made.dataset}; --table main or ablation has" in said
    said = run(*asked, "--ratio", "100", code=2).stderr
    assert f"in table main {made.dataset} has no set that is thinned to a ratio; leave --ratio out" in said
    said = run("reproduce", "sharprecl", "--datasets", made.dataset + "x", code=2).stderr
    assert f"x: choose from {made.dataset}; did you mean {made.dataset!r}?" in said
    said = run(*asked, "--lines", "cross-entropy, trained encoder", code=2).stderr
    assert "error: No encoder named: 1 line not run; --encoder NAME|FOLDER runs it." in said
    said = run(*asked, "--table", "4", code=2).stderr
    assert "there is no table '4' of sharprecl; choose from main, ablation, imbalance" in said
    assert "-o x.svg is for the figure; add --figure 1" in run(*asked, "-o", "x.svg", code=2).stderr
    assert "there is no selection 'best'" in run(*asked, "--selection", "best", code=2).stderr
    assert "leave it out for miso" in run("reproduce", "miso", "--selection", "both", code=2).stderr
    assert "no line of miso asks a language model" in run("reproduce", "miso", "--llm", "x", code=2).stderr
    said = run("reproduce", "miso", "--table", "1", "--lines", "x", code=2).stderr
    assert "table 1 of miso has no lines to choose from; leave --lines out" in said
    said = run(*asked, "--lines", "SupCo, TextCNN", code=2).stderr
    assert "'SupCo, TextCNN'; did you mean 'SupCon, TextCNN'? There are: " in said


def test_images_at_one_ratio_with_a_figure_beside_the_table(run, run_json, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(image_sets, "check_content", lambda *given: None)
    quick = {"max_epochs": 1, "precision": "float32", "backbone__depth": 8}
    monkeypatch.setitem(mixup.BUDGETS, "small", Budget(2, 1, quick, at_most=8))
    monkeypatch.setattr(
        mixup, "LINES", tuple(line for line in mixup.LINES if line.name in ("ERM", "MAMix-DRW"))
    )
    folder, picture = toy_cifar(tmp_path), tmp_path / "margins.svg"
    asked = ("reproduce", "mixup", "--data-dir", folder, "--store", tmp_path / "s", "--ratio", "100")
    (row,) = run_json(*asked)
    assert [(line["method"], line["the authors'"]) for line in row["rows"]] == [
        ("ERM", "71.2"),
        ("MAMix-DRW", "82.3"),
    ]
    said = run(*asked, "--figure", "1", "-o", picture)
    assert f"Figure: {picture}" in said.stdout
    assert "2 of them in" in said.stderr
    drawn = picture.read_text()
    assert all(word in drawn for word in ("MAMix-DRW", "rare classes", "mean margin on test rows"))
    assert "--ratio 70: of cifar10 there are 10, 50, 100, 200" in run(*asked[:-1], "70", code=2).stderr


def test_the_epoch_chosen_by_validation(run, run_json, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(image_sets, "check_content", lambda *given: None)
    quick = {"max_epochs": 1, "precision": "float32", "backbone__depth": 8}
    monkeypatch.setitem(mixup.BUDGETS, "small", Budget(2, 1, quick, at_most=8))
    monkeypatch.setattr(mixup, "LINES", mixup.LINES[:1])
    asked = (
        "reproduce",
        "mixup",
        "--data-dir",
        toy_cifar(tmp_path),
        "--store",
        tmp_path / "s",
        "--ratio",
        "10",
    )
    (last,) = run_json(*asked)
    (chosen,) = run_json(*asked, "--selection", "validation")
    assert any("that of the last epoch" in note for note in last["foot"])
    assert any("a tenth of the fitting side" in note for note in chosen["foot"])
    said = run(*asked, "--selection", "test", code=2).stderr
    assert "there is no selection 'test' of mixup; choose from last, validation" in said


@pytest.fixture
def mnist(tmp_path) -> Path:
    """Toy digits with colours in place of shapes, where MNIST lies."""
    return toy_mnist(tmp_path)


DRIVER = """
import sys
sys.path.insert(0, {tests!r})
from counterpoise.data import image_sets
from counterpoise.experiments.papers import dos, sharprecl, sharprecl_lines
from counterpoise.experiments.papers.base import Budget, Set
image_sets.check_content = lambda *given: None
dos._NETWORKS["mnist"] = {{"backbone__channels": [2, 2], "backbone__hidden": [12, 8]}}
dos.BUDGETS["small"] = Budget(2, 1, {{"max_epochs": 4, "precision": "float32"}})
sharprecl.BUDGETS["small"] = Budget(2, 2, {quick!r})
sharprecl.SETS = sharprecl_lines.SETS = (Set("TREC", {toy!r}, None, given=True),)
from counterpoise.cli.app import app
app({arguments!r}, prog_name="counterpoise")
"""


def killed_midway(asked: list[str], store: Path, toy: str = "") -> dict[str, str]:
    """What a reproduction in another process had finished when it was killed, after its first run; of six."""
    tests, arguments = str(Path(__file__).parents[1]), [*asked, "--store", str(store)]
    script = DRIVER.format(tests=tests, arguments=arguments, quick=KILLED, toy=toy)
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while process.poll() is None and _count(store) < 1:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = _finished(store)
    assert 0 < len(before) < 6
    return before


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_killed_and_resumed(mnist, run_json, tmp_path, monkeypatch) -> None:
    """The table is that of a reproduction left alone, and what was there is not run again; then its figure."""
    monkeypatch.setattr(image_sets, "check_content", lambda *given: None)
    small = {"backbone__channels": [2, 2], "backbone__hidden": [12, 8]}
    monkeypatch.setitem(dos._NETWORKS, "mnist", small)
    monkeypatch.setitem(dos.BUDGETS, "small", Budget(2, 1, {"max_epochs": 4, "precision": "float32"}))
    asked = [
        "reproduce",
        "dos",
        "--table",
        "7",
        "--datasets",
        "mnist",
        "--data-dir",
        str(mnist),
        "--jobs",
        "1",
    ]
    killed, alone = tmp_path / "killed.runs", tmp_path / "alone.runs"
    before = killed_midway(asked, killed)
    picture = tmp_path / "rounds.svg"
    resumed = run_json(*asked, "--store", killed, "--figure", "1", "-o", picture)
    after = _finished(killed)
    assert len(after) == 6
    assert {key: after[key] for key in before} == before, "they were run again"
    assert resumed[-1:] == run_json(*asked, "--store", alone)
    drawn = picture.read_text()
    assert all(word in drawn for word in ("MNIST 0.99, within", "DOS, k = 5", "F1, rare classes"))


@pytest.mark.slow  # what is killed and resumed is the same as above
@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_sharprecl_killed_and_resumed(made, run_json, tmp_path, monkeypatch) -> None:
    """Three lines of two seeds: the table is that of a reproduction left alone, and no seed is run again."""
    monkeypatch.setitem(sharprecl.BUDGETS, "small", Budget(2, 2, KILLED))
    names = ", ".join(f"{name}, TextCNN" for name in ("cross-entropy", "SupCon", "SharpReCL"))
    asked = ["reproduce", "sharprecl", "--datasets", made.dataset, "--jobs", "1", "--lines", names]
    killed, alone = tmp_path / "killed.runs", tmp_path / "alone.runs"
    before = killed_midway(asked, killed, made.dataset)
    resumed = run_json(*asked, "--store", killed)
    after = _finished(killed)
    assert len(after) == 6
    assert {key: after[key] for key in before} == before, "they were run again"
    assert resumed == run_json(*asked, "--store", alone)


def test_a_table_without_rows_for_the_figure_says_so(mnist, run, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(image_sets, "check_content", lambda *given: None)
    monkeypatch.setitem(dos._NETWORKS, "mnist", {"backbone__channels": [2, 2], "backbone__hidden": [12, 8]})
    monkeypatch.setitem(dos.BUDGETS, "small", Budget(2, 1, {"max_epochs": 1, "precision": "float32"}))
    monkeypatch.setitem(dos._LINES, "8", dos._LINES["8"][:1])
    asked = ("reproduce", "dos", "--table", "8", "--datasets", "mnist", "--data-dir", mnist)
    picture = tmp_path / "rounds.svg"
    said = run(*asked, "--store", tmp_path / "s", "--figure", "1", "-o", picture)
    assert "Table 8 has no rows for the figure." in said.stdout
    assert "how long they take is told from the first of them on" in said.stderr
    assert not picture.exists()


def _count(path) -> int:
    return len(_finished(path))


def _finished(path) -> dict[str, str]:
    """When each run was finished, by key."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            return dict(connection.execute("SELECT key, finished_at FROM runs"))
    except sqlite3.Error:
        return {}
