"""``reproduce sharprecl``: which runs, from which views and sides, and the tables that are made of them."""

from __future__ import annotations

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from counterpoise.experiments.compare import opened
from counterpoise.experiments.executors.in_process import InProcess
from counterpoise.experiments.grid import fill, jobs_of
from counterpoise.experiments.papers import sharprecl, sharprecl_numbers
from counterpoise.experiments.papers.base import Budget, Set, task_of
from counterpoise.experiments.table import comparisons
from tiny_encoders import tiny_encoder
from tiny_texts import make_texts

QUICK = {"max_epochs": 1, "precision": "float32", "backbone__dim": 8, "backbone__n_filters": 4}
BUDGET = Budget(folds=2, seeds=2, settings={"max_epochs": 1, "precision": "float32"})


@pytest.fixture
def made(tmp_path, monkeypatch) -> Set:
    """Three classes in a saved data set with both splits, under the name of the paper's first set."""
    parts = {}
    for seed, (split, counts) in enumerate({"train": (40, 20, 12), "test": (12, 12, 6)}.items()):
        texts, labels = make_texts(counts, seed=seed)
        parts[split] = datasets.Dataset.from_dict({"text": list(texts), "label": [f"c{n}" for n in labels]})
    datasets.DatasetDict(parts).save_to_disk(tmp_path / "toy")
    made = Set("TREC", str(tmp_path / "toy"), None, given=True, differs="it is a toy")
    monkeypatch.setattr(sharprecl, "SETS", (made,))
    monkeypatch.setattr(sharprecl.catalog, "views_file", lambda name: None)
    return made


def filled(table: str, made: Set, task, names: tuple[str, ...] = (), **asked):
    """The table of some of its runs."""
    runs = [
        run
        for run in sharprecl.runs_of(table, task, made, BUDGET, **asked)
        if not names or run.method in names
    ]
    with opened(None) as store:
        done = fill(store, jobs_of(runs), task, InProcess())
        assert not done.failures
        (found,) = comparisons(store, done.keys)
    return sharprecl.TABLES[table]({made.name: found}, {made.name: task}), runs


def test_all_classes_on_the_given_side_for_each_seed(made) -> None:
    task = task_of(made)
    assert task.minority is None
    assert task.test is not None
    assert task.test.sum() == 30
    table, runs = filled("main", made, task, ("erm", "tfidf_lr"))
    assert {(run.n_folds, run.fold, run.seed) for run in runs} == {(1, 0, 0), (1, 0, 1)}
    assert [row[0] for row in table.rows] == ["cross-entropy, TextCNN", "TF-IDF + logistic regression"]
    assert table.headers == ("method", "TREC: accuracy", "TREC: macro F1", "TREC: F1, rarest third")
    assert all("±" in cell for row in table.rows for cell in row[1:])
    assert "TREC 2" in table.foot[0]
    assert "TREC: it is a toy." in table.foot
    assert not table.warning


def test_chosen_on_the_test_side_it_says_so(made) -> None:
    task = task_of(made)
    table, runs = filled("main", made, task, ("erm",), selection="test")
    assert all(run.estimator["selection"] == "test" for run in runs)
    assert table.warning.startswith("OPTIMISTIC")


def test_the_ablation_switches_one_part_a_line(made) -> None:
    task = task_of(made)
    runs = sharprecl.runs_of("ablation", task, made, Budget(2, 1, {"max_epochs": 1}))
    assert {run.method for run in runs} == {"sharprecl"}
    assert len(runs) == len({repr(run.method_settings) for run in runs}) == len(sharprecl.ABLATION)
    names = [line.name for line in sharprecl.ABLATION]
    assert len(set(names)) == len(names)
    table, _ = filled("ablation", made, task)
    assert [row[0] for row in table.rows] == names


def test_sets_thinned_to_long_tails_have_folds(made) -> None:
    thinned = Set("TREC", made.dataset, None, keep="exponential:10")
    task = task_of(thinned)
    runs = sharprecl.runs_of("imbalance", task, thinned, BUDGET)
    assert {(run.n_folds, run.seed, run.keep) for run in runs} == {(2, 0, "exponential:10")}
    assert sharprecl.runs_of("imbalance", task_of(made), made, BUDGET) == []


def test_lines_with_an_encoder_are_run_where_one_is_named(made) -> None:
    task, encoder = task_of(made), tiny_encoder()
    plain, whole = (sharprecl.runs_of("main", task, made, BUDGET, encoder=name) for name in (None, encoder))
    added = [run for run in whole if run not in plain]
    assert {(run.method, run.backbone) for run in added} == {
        *((name, "encoder") for name in ("erm", "class_weight", "logit_adjustment", "supcon", "sharprecl")),
        ("encoder_lr", None),
    }
    assert all(run.backbone_settings["frozen"] is False for run in added if run.backbone)
    assert len(whole) == 2 * len(sharprecl.MAIN)


def test_views_that_come_with_a_set_are_taken(made, tmp_path, monkeypatch) -> None:
    folder = tmp_path / "data" / "trec"
    folder.mkdir(parents=True)
    texts = task_of(made).texts.tolist()
    pq.write_table(
        pa.table({"text": texts, "augmented": texts[::-1], "label": ["a"] * len(texts)}),
        folder / "train_augmented.parquet",
    )
    monkeypatch.undo()
    monkeypatch.setenv("COUNTERPOISE_DATA", str(tmp_path / "data"))
    named = Set("TREC", "trec", None, given=True)
    runs = sharprecl.runs_of("main", task_of(made), named, BUDGET)
    views = {run.method: run.method_settings.get("view") for run in runs}
    assert {name for name, view in views.items() if view == "trec"} == {"supcon", "bcl", "kcl", "sharprecl"}
    assert views["erm"] is None


def test_figure_1_has_all_classes_and_their_prototypes(made, monkeypatch) -> None:
    from counterpoise.experiments.papers import sharprecl_figure

    monkeypatch.setattr(sharprecl_figure, "UNTRAINED", {**sharprecl_figure.UNTRAINED, **QUICK})
    before, after = sharprecl_figure.figure_1(made, task_of(made), 0)
    for panel in (before, after):
        assert list(panel.points) == list(panel.marks) == ["c0", "c1", "c2"]
        assert sum(map(len, panel.points.values())) == 30
        assert all(mark.shape == (1, 2) for mark in panel.marks.values())

    def spread(panel) -> float:
        """How far rows are from their own class's prototype, by how far from any."""
        own = [np.linalg.norm(panel.points[c] - panel.marks[c], axis=1).mean() for c in panel.points]
        every = [
            np.linalg.norm(panel.points[c] - panel.marks[d], axis=1).mean()
            for c in own_names
            for d in own_names
        ]
        return float(np.mean(own) / np.mean(every))

    own_names = list(before.points)
    assert spread(after) < 0.7 < spread(before)


def test_what_the_script_gives_is_told_with_its_origin() -> None:
    assert set(sharprecl.METRICS) == {"accuracy", "macro_f1", "f1_rarest_third"}
    for scores in sharprecl_numbers.SCRIPT.values():
        for own in scores.values():
            assert set(own) <= set(sharprecl.METRICS)
            assert all(0 < value < 1 for value in own.values())
