"""``reproduce sharprecl``: which runs, from which views and sides, and the tables that are made of them."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from counterpoise.errors import SettingsError
from counterpoise.estimators.text import TextClassifier
from counterpoise.experiments import stopping_side
from counterpoise.experiments.compare import opened
from counterpoise.experiments.execution import execute
from counterpoise.experiments.executors.in_process import InProcess
from counterpoise.experiments.grid import fill, jobs_of, plan
from counterpoise.experiments.papers import sharprecl, sharprecl_lines, sharprecl_numbers
from counterpoise.experiments.papers.base import Budget, Set, percent, task_of
from counterpoise.experiments.papers.held_out import held_out
from counterpoise.experiments.pilot import pilots
from counterpoise.experiments.surroundings import Surroundings
from counterpoise.experiments.table import Metric, comparisons
from tiny_causal_model import causal_model
from tiny_encoders import tiny_encoder
from tiny_papers import three_classes

QUICK = {"max_epochs": 1, "precision": "float32", "backbone__dim": 8, "backbone__n_filters": 4}
BUDGET = Budget(folds=2, seeds=2, settings={"max_epochs": 1, "precision": "float32"})


@pytest.fixture
def made(tmp_path, monkeypatch) -> Set:
    """Three classes in a saved data set with both splits, under the name of the paper's first set."""
    made = three_classes(tmp_path, "it is a toy")
    for module in (sharprecl, sharprecl_lines):
        monkeypatch.setattr(module, "SETS", (made,))
    monkeypatch.setattr(sharprecl_numbers, "SCRIPT", {})  # of the real set, whose name the toy has
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
    assert not table.hopeful
    assert {(run.n_folds, run.fold, run.seed) for run in runs} == {(1, 0, 0), (1, 0, 1)}
    own = [row[0] for row in table.rows if not row[0].endswith(sharprecl_lines.PUT_BACK)]
    assert own == ["cross-entropy, TextCNN", "TF-IDF + logistic regression"]
    assert table.headers == ("method", "TREC: accuracy", "TREC: macro F1", "TREC: F1, rarest third")
    assert all("±" in cell for row in table.rows for cell in row[1:])
    assert "TREC 2" in table.foot[0]
    assert "TREC: it is a toy." in table.foot
    assert not table.warning
    assert all(run.estimator["selection"] == "validation" for run in runs)
    assert all(run.estimator["prior_correction"] is False for run in runs)


def test_chosen_on_the_test_side_it_says_so(made) -> None:
    task = task_of(made)
    table, runs = filled("main", made, task, ("erm",), selection="test")
    assert all(run.estimator["selection"] == "test" for run in runs)
    assert table.warning.startswith("OPTIMISTIC")
    assert [table.headers[i] for i in table.hopeful] == [name for name in table.headers if name != "method"]


@pytest.mark.parametrize("least", [1, 10])
def test_the_same_rows_are_fitted_to_whoever_decides(made, monkeypatch, least) -> None:
    """Of few rows of the rarest third a tenth decides nothing: all are fitted to, for all epochs."""
    monkeypatch.setattr(stopping_side, "LEAST", least)
    task, seen = task_of(made), []
    kept = TextClassifier.fit

    def fit(self, X, y, **more):
        judges = more["validation"]
        seen.append((set(X), set() if judges is None else set(judges[0]), self.validation_fraction))
        return kept(self, X, y, **more)

    monkeypatch.setattr(TextClassifier, "fit", fit)
    for selection in ("validation", "test"):
        (run, _) = (
            r for r in sharprecl.runs_of("main", task, made, BUDGET, selection=selection) if r.method == "erm"
        )
        result = execute(task, run, Surroundings.here(run, threads=1))
        assert any("OPTIMISTIC" in note for note in result.notes) == (selection == "test")
        judged = least == 1 or selection == "test"
        assert any("for all epochs" in note for note in result.notes) != judged
        assert ("average_precision" in result.curves) == judged
    (one, held_out, fraction), (two, tested, _) = seen
    test = set(task.inputs[task.test])
    assert one == two
    assert not one & held_out
    assert not (one | held_out) & test
    assert tested == test
    assert (len(held_out), fraction) == ((7, 0.1) if least == 1 else (0, 0.0))


def test_other_selections_are_refused(made) -> None:
    with pytest.raises(SettingsError, match="selection is 'tets'; choose from validation, test"):
        sharprecl.runs_of("main", task_of(made), made, BUDGET, selection="tets")


def test_the_ablation_switches_one_part_a_line(made) -> None:
    task = task_of(made)
    runs = sharprecl.runs_of("ablation", task, made, Budget(2, 1, {"max_epochs": 1}))
    assert {run.method for run in runs} == {"sharprecl"}
    assert len(runs) == len({repr(run.method_settings) for run in runs}) == len(sharprecl.ABLATION)
    names = [line.name for line in sharprecl.ABLATION]
    assert len(set(names)) == len(names)
    table, _ = filled("ablation", made, task)
    own = [row[0] for row in table.rows if not row[0].endswith(sharprecl_lines.PUT_BACK)]
    assert own == names


def test_sets_thinned_to_long_tails_have_folds(made) -> None:
    thinned = Set("TREC", made.dataset, None, keep="exponential:10")
    task = task_of(thinned)
    runs = sharprecl.runs_of("imbalance", task, thinned, BUDGET)
    assert {(run.n_folds, run.seed, run.keep) for run in runs} == {(2, 0, "exponential:10")}
    runs = sharprecl.runs_of("imbalance", task, thinned, replace(BUDGET, fold_seeds=3))
    assert {run.seed for run in runs} == {0, 1, 2}
    assert sharprecl.runs_of("imbalance", task_of(made), made, BUDGET) == []
    assert sharprecl.runs_of("main", task, thinned, BUDGET) == []


def test_lines_with_an_encoder_are_run_where_one_is_named(made) -> None:
    task, encoder = task_of(made), tiny_encoder()
    plain, whole = (sharprecl.runs_of("main", task, made, BUDGET, encoder=name) for name in (None, encoder))
    added = [run for run in whole if run not in plain]
    methods = ("erm", "class_weight", "logit_adjustment", "supcon", "sharprecl")
    script = [run for run in added if run.backbone_settings.get("pooling")]
    assert [(run.method, run.seed) for run in script] == [("sharprecl", 0)]
    added = [run for run in added if run not in script]
    assert {(run.method, run.backbone, run.backbone_settings.get("frozen")) for run in added} == {
        *((name, "encoder", frozen) for name in methods for frozen in (False, True)),
        ("encoder_lr", None, None),
    }
    assert len(whole) == 2 * (len(sharprecl.MAIN) - 2) + len(script)
    table, _ = filled("main", made, task, ("erm",), encoder=encoder)
    assert [row[0] for row in table.rows] == [
        f"cross-entropy, {network}" for network in ("TextCNN", "frozen encoder", "trained encoder")
    ]
    assert len({row[1:] for row in table.rows}) == 3


def test_views_that_come_with_a_set_are_taken(made, tmp_path, monkeypatch) -> None:
    folder = tmp_path / "data" / "trec"
    folder.mkdir(parents=True)
    texts = task_of(made).inputs.tolist()
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
    monkeypatch.delenv("COUNTERPOISE_DATA")
    there = sharprecl.runs_of("main", task_of(made), named, BUDGET, data_dir=str(tmp_path / "data"))
    path = str(folder / "train_augmented.parquet")
    assert {run.method for run in there if run.method_settings.get("view") == path} == {
        name for name, view in views.items() if view
    }


def test_trials_are_of_rows_that_have_views(made, tmp_path) -> None:
    """The rows of the given test side have none, and are nobody's trial."""
    task = task_of(made)
    texts = task.inputs[~task.test].tolist()
    pq.write_table(pa.table({"text": texts, "augmented": texts}), tmp_path / "views.parquet")
    settings = {**QUICK, "threshold": None, "method__view": str(tmp_path / "views.parquet")}
    runs = plan(task, ["supcon"], n_folds=1, settings=settings)
    (found,) = pilots(task, jobs_of(runs), sizes=(30, 45))
    assert found[1] > 0


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


def test_a_line_is_trained_as_the_script_does_and_found_again(made) -> None:
    """Where the script can be run, with its epochs unless the budget has fewer."""
    task, asked = task_of(made), {"encoder": tiny_encoder(), "lines": ["SharpReCL, as the script"]}
    table, (run,) = filled("main", made, task, **asked)
    assert run.method_settings == {"n_positives": 0, "n_negatives": 0, "scale": 1.0}
    own = {"frozen": False, "pooling": "first", "max_length": 256, "name": asked["encoder"]}
    assert run.backbone_settings == own
    like = {
        "batch_size": 128,
        "learning_rate": 5e-5,
        "schedule": "constant",
        "warmup": 0.0,
        "weight_decay": 4e-5,
    }
    assert {name: run.estimator[name] for name in like} == like
    assert run.estimator["max_epochs"] == 1
    assert [row[0] for row in table.rows] == ["SharpReCL, as the script"]
    assert any("What cannot be set here" in note for note in table.foot)
    whole = sharprecl.runs_of("main", task, made, replace(BUDGET, settings={}), **asked)
    assert [each.estimator["max_epochs"] for each in whole] == [30]
    assert not sharprecl.runs_of("main", task, replace(made, name="R8"), BUDGET, **asked)


def test_trained_encoders_have_settings_of_their_own(made) -> None:
    budget = replace(BUDGET, fine_tuned={"max_epochs": 2, "backbone__max_length": 16})
    names = [f"cross-entropy, {what}" for what in ("TextCNN", "frozen encoder", "trained encoder")]
    runs = sharprecl.runs_of("main", task_of(made), made, budget, encoder=tiny_encoder(), lines=names)
    told = {(run.estimator["max_epochs"], run.backbone_settings.get("max_length")) for run in runs[:4]}
    assert told == {(1, None)}
    assert {(run.estimator["max_epochs"], run.backbone_settings["max_length"]) for run in runs[4:]} == {
        (2, 16)
    }
    assert all(sharprecl.BUDGETS[name].fine_tuned["max_epochs"] == 3 for name in ("small", "medium"))


def test_a_language_model_is_asked_where_one_is_named(made) -> None:
    task, name = task_of(made), "language model asked, nothing trained"
    assert not sharprecl.runs_of("main", task, made, BUDGET, lines=[name])
    table, (run,) = filled("main", made, task, llm=causal_model(), lines=[name])
    assert (run.method, run.seed) == ("llm_zero_shot", 0)
    assert [row[0] for row in table.rows] == [name]


def test_both_protocols_stand_side_by_side(made) -> None:
    task = task_of(made)
    runs = [
        run
        for selection in ("validation", "test")
        for run in sharprecl.runs_of(
            "main", task, made, BUDGET, selection=selection, lines=["SupCon, TextCNN"]
        )
    ]
    with opened(None) as store:
        done = fill(store, jobs_of(runs), task, InProcess())
        (found,) = comparisons(store, done.keys)
    honest, hopeful = found.rows
    # Figures that tell the two apart, whatever one epoch of a toy gives.
    rows = []
    for row, folds in ((honest, (0.5, 0.7)), (hopeful, (0.6, 0.9))):
        rows.append(replace(row, metrics={**row.metrics, "macro_f1": Metric.of(folds)}))
    table = sharprecl.TABLES["main"]({made.name: replace(found, rows=tuple(rows))}, {made.name: task})
    names = ("TREC: macro F1", "TREC: macro F1, chosen on the test", "TREC: macro F1: difference")
    assert table.headers[4:7] == names
    assert table.rows[0][4:7] == ("60.0 ± 14.1", "75.0 ± 21.2", "+15.0 ± 7.1")
    assert [table.headers[i].endswith("chosen on the test") for i in table.hopeful] == [True] * 3
    assert "OPTIMISTIC" in table.warning
    assert "red columns" in table.warning


def test_a_line_has_a_second_one_where_the_prior_makes_a_difference(made) -> None:
    task, names = task_of(made), ("cross-entropy, TextCNN", "logit adjustment, TextCNN")
    runs = sharprecl.runs_of("main", task, made, BUDGET, lines=names)
    with opened(None) as store:
        (found,) = comparisons(store, fill(store, jobs_of(runs), task, InProcess()).keys)
    rows = []
    for row, put_back in zip(found.rows, ((0.5, 0.7), (0.6, 0.9)), strict=True):
        own = {"macro_f1": Metric.of((0.5, 0.7)), "macro_f1_prior_corrected": Metric.of(put_back)}
        alike = {f"{name}_prior_corrected": row.metrics[name] for name in ("accuracy", "f1_rarest_third")}
        rows.append(replace(row, metrics={**row.metrics, **alike, **own}))
    table = sharprecl.TABLES["main"]({made.name: replace(found, rows=tuple(rows))}, {made.name: task})
    macro_f1 = [(row[0], row[2]) for row in table.rows]
    put_back = f"{names[1]}{sharprecl_lines.PUT_BACK}"
    assert macro_f1 == [(names[0], "60.0 ± 14.1"), (names[1], "60.0 ± 14.1"), (put_back, "75.0 ± 21.2")]


def test_rows_that_decide_are_counted(made, monkeypatch) -> None:
    task = task_of(made)
    table, _ = filled("main", made, task, ("tfidf_lr",))
    assert "Held-out rows of the rarest third, in the first run: TREC: none." in table.foot
    monkeypatch.setattr(stopping_side, "LEAST", 1)
    table, _ = filled("main", made, task, ("tfidf_lr",))
    assert "Held-out rows of the rarest third, in the first run: TREC: c2 1." in table.foot


def test_classes_are_rare_by_what_is_fitted_to(made, monkeypatch) -> None:
    """With most rows of the first class on the test side it is the rarest of those that are left."""
    monkeypatch.setattr(stopping_side, "LEAST", 1)
    task = task_of(made)
    place = np.cumsum(task.numbers == 0)
    other = replace(task, test=((task.numbers == 0) & (place > 8)) | ((task.numbers > 0) & task.test))
    runs = plan(other, ["tfidf_lr"], n_folds=1, settings={"threshold": None})
    with opened(None) as store:
        (found,) = comparisons(store, fill(store, jobs_of(runs), other, InProcess()).keys)
    assert held_out(found, other) == {"c0": 1}


SCORES = {"TREC": {"accuracy": 0.9}}


@pytest.mark.parametrize("chosen", ["epoch chosen on the test", "last epoch"])
def test_what_the_script_gives_is_told_with_its_origin(made, monkeypatch, chosen) -> None:
    monkeypatch.setattr(sharprecl_numbers, "SCRIPT", {f"authors' script, {chosen}": SCORES})
    monkeypatch.setattr(sharprecl_numbers, "ORIGIN", "Run once, with care.")
    table, _ = filled("main", made, task_of(made), ("tfidf_lr",))
    assert table.rows[-1] == (f"authors' script, {chosen}", "90.0", "-", "-")
    assert "Run once, with care." in table.foot
    assert ("OPTIMISTIC: lines of the authors' script" in table.warning) == ("test" in chosen)
    assert any("no line of ours above has an encoder" in note for note in table.foot)


@pytest.mark.parametrize("metric", sharprecl.METRICS)
def test_the_numbers_of_the_script_are_shares_of_both_published_sets(metric) -> None:
    assert {sharprecl_numbers.ON_TEST in name for name in sharprecl_numbers.SCRIPT} == {True, False}
    for by_set in sharprecl_numbers.SCRIPT.values():
        assert set(by_set) == set(sharprecl_lines.PUBLISHED)
        assert all(0 < scores[metric] < 1 for scores in by_set.values())


def test_the_scripts_encoder_is_told_where_ours_is_another(made, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(sharprecl_numbers, "SCRIPT", {"authors' script, last epoch": SCORES})
    for name, told in ((sharprecl_numbers.ENCODER, False), ("other", True)):
        (tmp_path / name).symlink_to(tiny_encoder())
        asked = {"encoder": str(tmp_path / name), "lines": ["cross-entropy, frozen encoder"]}
        table, _ = filled("main", made, task_of(made), **asked)
        assert any("ours has other, so compare with care" in note for note in table.foot) == told
        assert any("compare with care" in note for note in table.foot) == told


def test_lines_that_are_not_run_for_want_of_a_model_are_told() -> None:
    assert sharprecl.lacking("main") == (
        "No encoder named: 12 lines not run; --encoder NAME|FOLDER runs them.",
        "No language model named: 'language model asked, nothing trained' not run; --llm NAME|FOLDER runs it.",
    )
    assert sharprecl.lacking("main", encoder="e", llm="l") == sharprecl.lacking("ablation") == ()
    assert sharprecl.lacking("main", ["cross-entropy, TextCNN", "cross-entropy, frozen encoder"]) == (
        "No encoder named: 1 line not run; --encoder NAME|FOLDER runs it.",
    )


@pytest.mark.parametrize(
    ("folds", "shown"),
    [
        ([0.5], "50.0"),
        ([0.4, 0.6], "50.0 ± 14.1"),
        ([None], "-"),
        ([0.85, None, None], "85.0 (1 of 3 runs)"),
        ([0.4, None, 0.6], "50.0 ± 14.1 (2 of 3 runs)"),
    ],
)
def test_one_run_has_no_deviation(folds, shown) -> None:
    assert percent(SimpleNamespace(metrics={"f1": Metric.of(folds)}), "f1") == shown
