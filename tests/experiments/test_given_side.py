"""Tasks whose test side is given, and fitting sides thinned to a profile of all classes."""

from __future__ import annotations

import numpy as np
import pytest

from counterpoise.errors import DataError, SettingsError
from counterpoise.experiments.execution import execute
from counterpoise.experiments.grid import jobs_of, plan
from counterpoise.experiments.leaderboard import judged
from counterpoise.experiments.store import Store
from counterpoise.experiments.surroundings import Surroundings
from counterpoise.experiments.table import comparisons
from counterpoise.experiments.task import Task
from counterpoise.metrics.many_classes import score_all_classes
from tiny_texts import make_texts

TEXTS, NUMBERS = make_texts((60, 40, 30), seed=5)
LABELS = np.array(["a", "b", "c"], dtype=object)[NUMBERS]
TEST = np.arange(130) % 4 == 1
QUICK = {"max_epochs": 2, "precision": "float32", "backbone__dim": 8, "backbone__n_filters": 4}


def task_of(test: np.ndarray | None = TEST) -> Task:
    return Task.of("three", TEXTS, LABELS, test=test)


def run_of(task: Task, **asked):
    (run, *_) = plan(task, ["tfidf_lr"], settings={"threshold": None}, **{"n_folds": 1, **asked})
    return run


def test_the_given_side_is_the_test_side_for_every_seed() -> None:
    task = task_of()
    for seed in (0, 1):
        side = task.side(run_of(task, seeds=(seed,)))
        np.testing.assert_array_equal(side.test, np.flatnonzero(TEST))
        np.testing.assert_array_equal(side.train, np.flatnonzero(~TEST))
        assert side.kept_share is None


def test_there_is_one_fold_of_it() -> None:
    with pytest.raises(SettingsError, match="three comes with a test side of its own; give 1 fold, not 5"):
        run_of(task_of(), n_folds=5)


def test_which_side_is_given_is_part_of_the_key() -> None:
    keys = [run_of(task_of(test)).content for test in (TEST, ~TEST)]
    assert len({*keys, task_of(None).content}) == 3


def test_rows_are_not_joined_by_what_they_repeat_on_the_test_side() -> None:
    words = [f"word{number}" for number in range(19)]
    one, between, other = (
        " ".join(words[start : 19 - end] + extra)
        for start, end, extra in ((0, 0, ["one"]), (0, 0, ["two"]), (1, 0, ["two", "three"]))
    )
    texts = np.array([one, other, between, "nothing like it", "nothing like it"], dtype=object)
    labels = np.array(["a", "b", "a", "a", "b"], dtype=object)
    tested = np.arange(5) == 2
    assert len(set(Task.of("toy", texts, labels).joined[:3])) == 1
    joined = Task.of("toy", texts, labels, test=tested).joined
    assert len(set(joined)) == 4
    assert joined[3] == joined[4], "rows of the fitting side that repeat each other stay together"


def test_inside_the_fitting_side_folds_are_made() -> None:
    inner = task_of().inside(np.flatnonzero(~TEST))
    assert len(inner.folds(3, 0)) == 3


@pytest.mark.parametrize("given", [True, False])
def test_a_profile_thins_all_classes_of_the_fitting_side_alone(given) -> None:
    task = task_of(TEST if given else None)
    run = run_of(task, keep="exponential:10", n_folds=1 if given else 3)
    side = task.side(run)
    counts = np.bincount(NUMBERS[side.train], minlength=3)
    whole = task.folds(run.n_folds, run.seed)[0]
    assert counts[0] == np.bincount(NUMBERS[whole.train])[0]
    assert counts[0] // counts[2] in (9, 10, 11)
    np.testing.assert_array_equal(side.test, whole.test)


@pytest.mark.parametrize("method", ["erm", "logit_adjustment"])
def test_scores_with_the_prior_put_back_are_those_of_a_run_that_puts_it_back(method) -> None:
    task, found = task_of(), {}
    for on in (False, True):
        settings = {"threshold": None, "prior_correction": on, **QUICK}
        runs = plan(task, [method], backbone="textcnn", n_folds=1, keep="exponential:10", settings=settings)
        (job,) = jobs_of(runs)
        found[on] = execute(task, job.run, Surroundings.here(job.run, threads=1)).metrics
    names = ("accuracy", "macro_f1", "f1_rarest_third")
    put_back = {name: found[False][f"{name}_prior_corrected"] for name in names}
    assert put_back == {name: found[True][name] for name in names}
    assert (put_back == {name: found[False][name] for name in names}) == (method == "erm")
    assert not any(name.endswith("prior_corrected") for name in found[True])


def test_rows_of_all_classes_have_accuracy_and_the_rarest_third(tmp_path) -> None:
    task = task_of()
    runs = plan(task, ["tfidf_lr"], n_folds=1, keep="exponential:10", settings={"threshold": None})
    (job,) = jobs_of(runs)
    result = execute(task, job.run, Surroundings.here(job.run, threads=1))
    predictions = result.predictions
    fitted = np.bincount(NUMBERS[task.side(job.run).train])
    expected = score_all_classes(predictions.labels, predictions.probabilities, fitted)
    assert {name: result.metrics[name] for name in expected} == expected
    with Store(tmp_path / "rows.runs") as store:
        store.write(result)
        (found,) = comparisons(store)
    assert (
        found.title
        == "three, all classes alike, classes thinned, exponential with a ratio of 10, a given test side"
    )
    assert found.test_to_train == 0


@pytest.mark.parametrize(
    ("test", "message"),
    [
        (np.ones(130, dtype=bool), "class a, b, c is on the test side alone"),
        (np.zeros(130, dtype=bool), "a test side of 0 of 130 rows"),
        (LABELS == "c", "class c is on the test side alone"),
        (TEST[:9], "of 130 rows was given"),
    ],
)
def test_sides_that_cannot_be_are_refused(test, message) -> None:
    with pytest.raises(DataError, match=message):
        task_of(test)


def test_seeds_on_one_test_side_are_no_test_of_other_rows(tmp_path) -> None:
    task = task_of()
    with Store(tmp_path / "rows.runs") as store:
        for method in ("tfidf_lr", "nb_lr"):
            for run in plan(task, [method], n_folds=1, seeds=(0, 1, 2), settings={"threshold": None}):
                store.write(execute(task, run, Surroundings.here(run, threads=1)))
        (found,) = comparisons(store)
    (verdict,) = judged(found, "accuracy").verdicts
    assert verdict.kind == "not tested"
