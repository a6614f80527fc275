"""MISO's tables run again: which lines are as published, what the foot says of the others, both readings of a set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from counterpoise.cli.estimates import foretold
from counterpoise.errors import SettingsError
from counterpoise.experiments import pilot
from counterpoise.experiments.compare import opened
from counterpoise.experiments.grid import jobs_of
from counterpoise.experiments.papers import miso, miso_lines, miso_numbers
from counterpoise.experiments.papers.base import Budget, Set, task_of
from counterpoise.experiments.papers.miso_foot import about_data, unlike_published
from counterpoise.experiments.table import Comparison, Metric, Row
from counterpoise.experiments.task import Task
from counterpoise.methods.registry import METHODS
from counterpoise.miso.recipe import PUBLISHED
from tiny_papers import three_classes
from tiny_texts import make_texts

SPAM = miso.SETS[0]
PAPER = {"method__preset": "paper"}


@pytest.fixture
def task() -> Task:
    texts, numbers = make_texts((60, 20))
    return Task.of("sms_spam", texts, np.array(["ham", "spam"], dtype=object)[numbers], minority="spam")


def row(
    method: str, backbone: str | None = "textcnn", *, metrics: Mapping[str, float] | None = None, **settings
) -> Row:
    found = {name: Metric.of([value]) for name, value in (metrics or {}).items()}
    return Row(method, method, backbone, settings, found, ("key",), ())


def found_of(*rows: Row, n_folds: int = 5, name: str = SPAM.name) -> dict[str, Comparison]:
    return {name: Comparison("sms_spam", "c", "spam", None, n_folds, ((0, 0),), (0,), 0.25, rows)}


class TestLines:
    def test_a_setting_of_a_budget_that_a_method_lacks_is_refused(self, task) -> None:
        budget = Budget(2, 1, {"max_epochs": 1, "method__preset": "paper"})
        with pytest.raises(
            SettingsError, match="no method of this comparison has the setting method__preset"
        ):
            miso.runs_of("1", task, SPAM, budget)

    @pytest.mark.parametrize("table", ["3", "4", "5"])
    def test_the_paper_budget_runs_the_papers_own_methods_as_published_where_they_have_that(
        self, table, task
    ) -> None:
        runs = miso.runs_of(table, task, SPAM, replace(miso.BUDGETS["paper"], folds=2, seeds=1))
        own = {
            (run.method, run.method_settings.get("preset")) for run in runs if run.method in miso_lines.OWN
        }
        assert own == {
            (name, "paper" if "preset" in METHODS[name]().get_params() else None)
            for name in {"3": ("miso", "cag"), "4": ("miso",), "5": ("cag",)}[table]
        }

    def test_medium_has_both_where_that_is_a_matter_of_hours(self, task) -> None:
        def presets(made: Set) -> list[str | None]:
            budget = replace(miso.BUDGETS["medium"], folds=2)
            runs = miso.runs_of("3", task, made, budget, lines=["M-CNN", "M-CNN, as published", "M-RNN"])
            return [run.method_settings.get("preset") for run in runs if run.backbone == "textcnn"]

        assert presets(SPAM) == [None, None, "paper", "paper"]
        assert presets(next(made for made in miso.SETS if made.dataset == "imdb")) == [None, None]
        small = miso.runs_of("3", task, SPAM, miso.BUDGETS["small"])
        assert not any(run.method_settings.get("preset") for run in small)

    def test_lines_that_a_budget_does_not_run_are_told(self, task) -> None:
        with pytest.raises(SettingsError, match="this budget does not run M-CNN; give --lines that it runs"):
            miso.runs_of("3", task, SPAM, miso.BUDGETS["paper"], lines=["M-CNN"])

    def test_what_is_run_as_published_needs_no_trial(self, task, monkeypatch) -> None:
        def unneeded(task, jobs, known):
            assert all(known(job.run) for job in jobs), "a trial would take an hour"
            return iter(())

        monkeypatch.setattr(pilot, "pilots", unneeded)
        budget = replace(miso.BUDGETS["medium"], folds=2)
        runs = miso.runs_of("3", task, SPAM, budget, lines=["M-CNN, as published"])
        assert [miso.seconds_of(run) for run in runs] == [3600 * miso_lines.HOURS["sms_spam"]] * 2
        plain = miso.runs_of("3", task, SPAM, budget, lines=["M-CNN", "TextCNN"])
        assert {miso.seconds_of(run) for run in plain} == {None}
        with opened(None) as store:
            guess, _ = foretold(store, [(task, jobs_of(runs))], 1, miso.seconds_of)
        assert guess.left == 2 * 3600 * miso_lines.HOURS["sms_spam"]

    def test_each_set_has_its_hours_and_its_published_numbers(self) -> None:
        assert {made.dataset for made in miso.SETS} <= set(miso_lines.HOURS)
        assert {miso_lines.name_in_paper(made) for made in miso.SETS} <= set(miso_numbers.NAMES)
        assert {made.dataset for made in miso.SETS} == set(miso.DEFAULT_SETS["medium"])


class TestFoot:
    def test_settings_that_are_not_as_published_are_looked_up(self) -> None:
        said = unlike_published(
            "miso", {"method__k": 7, "method__steps": [0, 1000, 200, 2000], "max_epochs": 9}
        )
        assert said.startswith("generator 'pointer' ('free'), sources 'all' ('difficult'), k 7 (5), ")
        assert "steps" not in said, "as it is in the preset, though JSON has a list"
        named = {part.split()[0] for part in said.split(", ") if "(" in part and not part[0].isdigit()}
        defaults = METHODS["miso"]().get_params()
        assert named - {"k"} == {
            name for name, value in PUBLISHED.items() if defaults[name] != value and name != "steps"
        }
        assert unlike_published("miso", PAPER) == ""

    def test_the_generator_alone_lacks_what_it_is_the_ablation_of(self) -> None:
        said = unlike_published("cag", {})
        assert "generator 'pointer' ('free')" in said
        assert "likelihood_floor 0.5 (0.0)" in said, "which is no setting of its own"
        assert "sfm" not in said
        assert "mi_weight" not in said

    def test_the_table_names_the_lines(self, task) -> None:
        found = found_of(row("miso"), row("miso", "textrnn"), row("miso", **PAPER), n_folds=2)
        table = miso.TABLES["3"](found, {SPAM.name: task})
        (note,) = (note for note in table.foot if "not as published" in note)
        assert note.startswith(
            "M-CNN and M-RNN: not as published, which stands in brackets: generator 'pointer'"
        )
        assert any(note.startswith('M-CNN, as published: preset="paper"') for note in table.foot)
        assert "Ours have 2 folds, the paper's 5." in table.foot
        assert not any("alone. A run" in note for note in table.foot)

    @pytest.mark.filterwarnings("ignore::counterpoise.errors.CounterpoiseWarning")
    def test_so_does_the_table_of_examples(self, task) -> None:
        table = miso.EXAMPLES["6"](SPAM, task, 0)
        assert {what for what, _ in table.rows} >= {"difficult sample", "CAG: anchor", "MISO: anchor"}
        assert table.foot[-1].startswith(
            "CAG and MISO: not as published, which stands in brackets: generator 'pointer'"
        )

    def test_why_a_line_is_not_run_everywhere(self, task) -> None:
        imdb = next(made for made in miso.SETS if made.dataset == "imdb")
        found = {**found_of(row("miso"), row("miso", **PAPER)), **found_of(row("miso"), name=imdb.name)}
        foot = miso.TABLES["3"](found, {SPAM.name: task, imdb.name: task}).foot
        (note,) = (note for note in foot if "alone. A run" in note)
        assert note.startswith("M-CNN, as published: on SMS Spam alone.")
        assert "sms_spam 1.3, " in note

    def test_data_that_were_cut_and_stop_words_that_stay_are_told(self, task) -> None:
        foot = " ".join(about_data([SPAM], {SPAM.name: task}))
        assert "read with stop words" not in foot
        assert "drawn, of each class" not in foot
        texts = np.array(["the prize", "of cash"] * 1050, dtype=object)
        cut = replace(task, inputs=texts, numbers=(np.arange(2100) >= 2000).astype(int))
        imdb = next(made for made in miso.SETS if made.dataset == "imdb")
        foot = " ".join(about_data([SPAM, imdb], {SPAM.name: cut, imdb.name: cut}))
        assert f"{imdb.name}: some of the texts, drawn, of each class at most 2,000" in foot
        assert f"SMS Spam and {imdb.name}: read with stop words, which the paper leaves out." in foot

    def test_where_the_papers_numbers_do_not_agree(self, task) -> None:
        four, five = (" ".join(miso.TABLES[number](found_of(), {SPAM.name: task}).foot) for number in "45")
        assert (
            "falls by 22.1 points on SMS Spam, where its own shares fall by 20.1: a mean of 13.7 points over its data, "
            "where its shares make 13.5."
        ) in four
        assert "on SMS Spam 86.5, where its table 3 has 89.0" in four
        assert "falls by 2.2 points on Toutiao, where its own shares fall by 2.4" in five


class TestRows:
    def test_of_a_line_and_its_twin_what_was_run_is_shown_or_else_the_first(self, task) -> None:
        def names(*rows: Row) -> list[str]:
            table = miso.TABLES["3"](found_of(*rows), {SPAM.name: task})
            return [cells[0] for cells in table.rows if cells[0].startswith("M-CNN")]

        plain, published = row("miso"), row("miso", **PAPER)
        assert names() == names(plain) == ["M-CNN"]
        assert names(published) == ["M-CNN, as published"]
        assert names(published, plain) == ["M-CNN", "M-CNN, as published"]

    def test_each_has_its_own_cells_beside_the_same_numbers(self, task) -> None:
        rows = (row("miso", metrics={"f1": 0.5}), row("miso", metrics={"f1": 0.7}, **PAPER))
        table = miso.TABLES["3"](found_of(*rows), {SPAM.name: task})
        cells = {each[0]: each[1] for each in table.rows}
        assert cells["M-CNN"] == "50.0 | 89.0"
        assert cells["M-CNN, as published"] == "70.0 | 89.0"

    def test_the_tables_by_difficulty_have_both_too(self, task) -> None:
        rows = (
            row("miso", metrics={"difficult_share_after": 0.4, "f1_difficult": 0.2, "f1_easy": 0.6}),
            row("miso", metrics={"difficult_share_after": 0.3}, **PAPER),
        )
        table = miso.TABLES["4"](found_of(*rows), {SPAM.name: task})
        assert [cells[:3] for cells in table.rows] == [
            ("SMS Spam", "40.0 | 22.0", "20.0 / 60.0 | 62.1 / 93.4"),
            ("SMS Spam, as published", "30.0 | 22.0", "- / - | 62.1 / 93.4"),
        ]
        assert [cells[0] for cells in miso.TABLES["4"](found_of(rows[1]), {SPAM.name: task}).rows] == [
            "SMS Spam, as published"
        ]

    @pytest.mark.parametrize("thinned", [False, True])
    def test_f1_of_thinned_data_is_weighted(self, thinned, task) -> None:
        made = next(made for made in miso.SETS if bool(made.keep) == thinned)
        plain = {"f1_difficult": 0.2, "f1_easy": 0.6}
        weighted = {"f1_difficult_thinned": 0.1, "f1_easy_thinned": 0.3}
        found = found_of(row("erm", metrics={**plain, **weighted}), name=made.name)
        table = miso.TABLES["1"](found, {made.name: task})
        assert table.rows[0][2].startswith("10.0 / 30.0" if thinned else "20.0 / 60.0")


def test_a_class_against_one_other_alone(tmp_path) -> None:
    made = three_classes(tmp_path)
    whole, pair = (
        task_of(replace(made, minority="c2", given=False, whole=True, against=against))
        for against in (None, "c1")
    )
    assert len(whole.inputs) == 102
    assert sorted(whole.names) == ["c2", "rest"]
    assert len(pair.inputs) == 32 + 18
    assert sorted(pair.names) == ["c1", "c2"]
    assert pair.name != whole.name
    assert pair.minority == "c2"


def test_the_second_reading_of_ag_news_stands_beside_the_first(task) -> None:
    readings = [made for made in miso.SETS if miso_lines.name_in_paper(made) == "AG_News (1%)"]
    assert [made.against for made in readings] == [None, "Business"]
    found = {made.name: found_of(row("erm", metrics={"f1_thinned": 0.5}))[SPAM.name] for made in readings}
    tasks = dict.fromkeys(found, task)
    table = miso.TABLES["3"](found, tasks)
    cells = dict(zip(table.headers, table.rows[0], strict=True))
    assert [cells[f"{made.name}: F1 at 0.5"] for made in readings] == ["50.0 | 46.2"] * 2
    assert len(miso.TABLES["2"](found, tasks).rows) == 2
    assert not any("Not run" in note and "AG_News (1%)" in note for note in table.foot)
