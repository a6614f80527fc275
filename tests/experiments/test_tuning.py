"""Settings are searched for inside what is given, the default first, the same way again after an interruption."""

from __future__ import annotations

import pytest
from grids import make_jobs, make_task

from counterpoise.errors import MissingExtraError, SettingsError
from counterpoise.experiments import execution
from counterpoise.experiments.grid import jobs_of, plan
from counterpoise.experiments.tuning import STARTUP, Trial, best_of, search, space_of
from counterpoise.methods.registry import METHODS, make_method
from counterpoise.search_space import Choice, Range

pytest.importorskip("optuna")
SPACE = {
    "x": Range(-3.0, 3.0),
    "n": Range(1, 4),
    "word": Choice(("a", "b")),
    "rate": Range(1e-4, 1.0, log=True),
}


def parabola(settings, folds):
    """Best at x = 1; every fold is the same."""
    return [-((settings.get("x", -2.0) - 1) ** 2) for _ in folds]


def look(trials=30, score=parabola, seed=0, **more) -> list[Trial]:
    return search(SPACE, score, trials=trials, n_folds=3, seed=seed, **more)


def test_the_default_comes_first_and_the_best_is_near_the_optimum() -> None:
    found = look()
    assert [trial.number for trial in found] == list(range(30))
    assert found[0].settings == {}
    for trial in found[1:]:
        assert -3 <= trial.settings["x"] <= 3
        assert trial.settings["n"] in (1, 2, 3, 4)
        assert trial.settings["word"] in ("a", "b")
        assert 1e-4 <= trial.settings["rate"] <= 1
    assert abs(best_of(found).settings["x"] - 1) < 0.3
    assert any(trial.pruned for trial in found), "what is plainly worse is given up"
    assert not any(trial.pruned for trial in found[:STARTUP])
    assert all(trial.pruned is (len(trial.scores) < 3) for trial in found), (
        "what was finished is not given up"
    )


def test_it_learns_from_its_scores() -> None:
    """Later proposals lie nearer to the optimum than those drawn at random."""
    late = [abs(t.settings["x"] - 1) for seed in range(3) for t in look(40, seed=seed)[25:]]
    early = [abs(t.settings["x"] - 1) for seed in range(3) for t in look(40, seed=seed)[1:STARTUP]]
    assert sum(late) / len(late) < 0.6 * sum(early) / len(early)


def test_the_same_seed_and_scores_give_the_same_search() -> None:
    assert look(12) == look(12)
    assert look(12)[:8] == look(8), "how many trials there are to be changes none of them"
    assert [t.settings for t in look(12, seed=1)[1:]] != [t.settings for t in look(12)[1:]]


def test_folds_are_scored_together_when_asked() -> None:
    asked = []

    def score(settings, folds):
        asked.append(list(folds))
        return parabola(settings, folds)

    look(2, score, width=2)
    assert asked == [[0, 1], [2], [0, 1], [2]]


def test_undefined_scores() -> None:
    found = look(3, lambda settings, folds: [None for _ in folds])
    assert all(trial.mean is None for trial in found)
    with pytest.raises(SettingsError, match="no trial has a score"):
        best_of(found)
    assert Trial(0, {}, (None, 0.5), pruned=False).mean == 0.5


def test_the_first_of_equals_and_no_pruned_one_is_best() -> None:
    trials = [
        Trial(0, {}, (0.5,), pruned=False),
        Trial(1, {"x": 1}, (0.9,), pruned=True),
        Trial(2, {"x": 2}, (0.7,), pruned=False),
        Trial(3, {"x": 3}, (0.7,), pruned=False),
    ]
    assert best_of(trials).number == 2


def test_without_a_space_there_is_the_default() -> None:
    assert search({}, lambda settings, folds: [0.5], trials=9, n_folds=1, seed=0) == [
        Trial(0, {}, (0.5,), pruned=False)
    ]
    with pytest.raises(SettingsError, match="trials is 0"):
        look(0)


def test_without_optuna_the_extra_is_named(monkeypatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r'pip install "counterpoise\[tune\]"'):
        look(1)


@pytest.mark.parametrize("name", METHODS)
def test_spaces_are_of_settings_that_there_are_and_within_their_bounds(name) -> None:
    space = METHODS[name].search_space
    assert set(space) <= set(make_method(name).get_params())
    assert set(space_of(name)) >= {f"method__{key}" for key in space}
    for key, where in space.items():
        for value in where.values if isinstance(where, Choice) else (where.low, where.high):
            make_method(name, {key: value}).check()


@pytest.mark.parametrize(
    ("backbone", "settings", "low", "high"),
    [
        (None, None, 3e-4, 5e-3),
        ("textrnn", {"hidden": 8}, 3e-4, 5e-3),
        ("encoder", {}, 3e-4, 5e-3),
        ("encoder", {"frozen": False}, 1.5e-5, 2.5e-4),
    ],
)
def test_learning_rates_are_looked_for_around_the_networks_own(backbone, settings, low, high) -> None:
    where = space_of("erm", backbone, settings)["learning_rate"]
    assert (where.low, where.high, where.log) == (pytest.approx(low), pytest.approx(high), True)
    assert "learning_rate" not in space_of("tfidf_lr", backbone, settings)


class TestInsideARun:
    def job(self, trials: int):
        task = make_task()
        return task, jobs_of(plan(task, ["tfidf_lr"], n_folds=3, settings={"threshold": 0.5}, trials=trials))[
            0
        ]

    def test_the_choice_is_made_on_the_fitting_side_and_told(self, monkeypatch) -> None:
        task, job = self.job(4)
        seen = []
        inside = type(task).inside
        monkeypatch.setattr(type(task), "inside", lambda self, rows: seen.append(rows) or inside(self, rows))
        result = execution.execute(task, job.run, job.surroundings)
        assert seen[0].tolist() == task.side(job.run).train.tolist()
        assert len(result.curves["trials"]) == 4
        assert any(
            note.startswith("of 4 settings tried on the fitting side the best was") for note in result.notes
        )
        again = execution.execute(task, job.run, job.surroundings)
        assert result.differences(again) == []

    def test_the_best_settings_are_those_fitted(self, monkeypatch) -> None:
        task, job = self.job(2)
        monkeypatch.setattr(
            execution, "_searched", lambda *_: [Trial(0, {"method__C": 0.001}, (0.9,), pruned=False)]
        )
        tuned = execution.execute(task, job.run, job.surroundings)
        _, plain = self.job(0)
        given = make_jobs(task, ["tfidf_lr"])[0]
        fixed = jobs_of(plan(task, ["tfidf_lr"], n_folds=3, settings={"threshold": 0.5, "method__C": 0.001}))[
            0
        ]
        assert plain.key == given.key
        expected = execution.execute(task, fixed.run, fixed.surroundings)
        assert tuned.metrics == expected.metrics
        assert job.key not in (plain.key, fixed.key)

    @pytest.mark.parametrize(
        ("method", "given", "left"),
        [
            ("tfidf_lr", {"method__C": 0.001}, {"method__max_ngram"}),
            ("focal", {"learning_rate": 0.01, "method__gamma": 2.0}, {"method__alpha", "max_epochs"}),
        ],
    )
    def test_settings_that_were_given_stay(self, method, given, left, monkeypatch) -> None:
        task = make_task()
        job = jobs_of(plan(task, [method], n_folds=3, settings=given, trials=4))[0]
        spaces = []
        monkeypatch.setattr(execution, "search", lambda space, *_, **more: spaces.append(space) or [])
        execution._searched(task.inside(task.side(job.run).train), job.run, job.surroundings)
        assert set(spaces[0]) == left

    def test_rows_of_a_part_are_those_of_the_part_alone(self) -> None:
        task = make_task()
        rows = task.folds(3, 0)[0].train
        inner = task.inside(rows)
        assert inner.inputs.tolist() == task.inputs[rows].tolist()
        assert (inner.names[inner.numbers] == task.names[task.numbers[rows]]).all()
        assert inner.content != task.content
        assert len(inner.joined) == len(rows)
