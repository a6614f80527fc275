"""Scores of what was decided have the name of where the threshold is from; nothing that was not tuned is called so."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score

from counterpoise.experiments import pilot
from counterpoise.experiments.compare import compare
from counterpoise.experiments.execution import execute, inner_run
from counterpoise.experiments.export import runs_table
from counterpoise.experiments.grid import jobs_of, plan
from counterpoise.experiments.leaderboard import judged
from counterpoise.experiments.store import Store
from counterpoise.experiments.table import comparisons
from counterpoise.experiments.task import Task
from counterpoise.metrics.scores import NAMES
from tiny_texts import make_texts

pytestmark = pytest.mark.filterwarnings("ignore::counterpoise.errors.CounterpoiseWarning")


def executed(threshold, sizes=(100, 40), **asked):
    texts, numbers = make_texts(sizes, seed=3)
    task = Task.of("toy", texts, np.array(["ham", "spam", "is_tuned"], dtype=object)[numbers])
    (job, *_) = jobs_of(plan(task, ["tfidf_lr"], n_folds=2, settings={"threshold": threshold}, **asked))
    return execute(task, job.run, job.surroundings)


def test_a_tuned_threshold_has_its_f1_and_needs_no_note() -> None:
    made = executed("tune", keep="50%")
    said = made.predictions
    rare = said.labels == 1
    assert made.metrics["f1_tuned"] == pytest.approx(f1_score(rare, said.decided == 1))
    assert made.metrics["f1_tuned_thinned"] is not None
    assert "f1_at_threshold" not in made.metrics
    assert not any("threshold" in note for note in made.notes)


@pytest.mark.parametrize(
    ("threshold", "sizes", "why"),
    [
        (0.5, (100, 40), "The threshold 0.5 was given."),
        (None, (100, 40), "No threshold was asked for; the most probable class is predicted."),
        ("tune", (120, 16), "8 rows of class 'spam' are too few to tune a threshold on"),
    ],
)
def test_where_none_was_tuned_there_is_no_tuned_f1_and_a_note_says_why(threshold, sizes, why) -> None:
    made = executed(threshold, sizes, keep="100%")
    assert made.metrics["f1"] is not None
    tuned = [name for name in NAMES if name.endswith("_tuned")]
    assert "f1_tuned" in tuned
    assert {made.metrics[name + suffix] for name in tuned for suffix in ("", "_thinned")} == {None}
    assert not any("_at_threshold" in name for name in made.metrics)
    assert any(note.startswith(why) for note in made.notes)


def test_f1_at_a_given_threshold_has_a_name_of_its_own() -> None:
    made = executed(0.2, keep="50%")
    said = made.predictions
    rare, found = said.labels == 1, said.probabilities[:, 1] > 0.2
    assert made.metrics["f1_at_threshold"] == pytest.approx(f1_score(rare, found))
    weights = np.where(rare, 0.5, 1.0)
    assert made.metrics["f1_at_threshold_thinned"] == pytest.approx(
        f1_score(rare, found, sample_weight=weights)
    )
    assert made.metrics["f1_at_threshold"] != made.metrics["f1"]
    assert made.metrics["f1_tuned"] is None


def test_of_many_classes_too() -> None:
    made = executed(None, (40, 40, 40))
    assert made.metrics["f1[is_tuned]"] is not None
    assert made.metrics["f1_tuned[is_tuned]"] is None


def test_a_run_that_keeps_all_is_judged_as_those_are_that_keep_a_part() -> None:
    part, whole, plain = executed("tune", keep="50%"), executed("tune", thinned_as="50%"), executed("tune")
    assert (
        whole.metrics["prevalence_thinned"]
        == part.metrics["prevalence_thinned"]
        < whole.metrics["prevalence"]
    )
    assert "f1_thinned" not in plain.metrics
    assert whole.differences(plain) == ["metrics"]
    assert {name: value for name, value in whole.metrics.items() if name in plain.metrics} == plain.metrics
    assert whole.predictions.probabilities.tobytes() != part.predictions.probabilities.tobytes()


def test_trials_are_of_part_of_the_rows_and_held_against_nothing(monkeypatch) -> None:
    texts, numbers = make_texts((100, 40), seed=3)
    task = Task.of("toy", texts, np.array(["ham", "spam"], dtype=object)[numbers])
    (job, *_) = jobs_of(plan(task, ["tfidf_lr"], n_folds=2, thinned_as=18))
    assert inner_run(job.run, "00", {}, 0).thinned_as is None
    tried = []
    monkeypatch.setattr(pilot, "attempt", lambda inner, run, place: tried.append(run) or "no row")
    assert list(pilot.pilots(task, [job])) == []
    assert {run.thinned_as for run in tried} == {None}


def test_comparisons_verdicts_and_files_do_without(tmp_path) -> None:
    texts, numbers = make_texts((100, 40), seed=3)
    labels = np.array(["ham", "spam"], dtype=object)[numbers]
    settings = {"threshold": 0.5}
    compare(texts, labels, ["tfidf_lr", "nb_lr"], n_folds=2, settings=settings, store=tmp_path / "runs")
    with Store(tmp_path / "runs", read_only=True) as store:
        (found,) = comparisons(store)
        records = store.rows()
    assert found.rows[0].metrics["f1_tuned"].folds == (None, None)
    (verdict,) = judged(found, "f1_tuned").verdicts
    assert verdict.sentence.startswith("not tested: no run in which both are defined")
    assert [row["f1_tuned"] for row in runs_table(records).to_pylist()] == [None] * 4
