"""``tune``, ``compare --tune``, ``leaderboard --plot`` and ``reproduce`` as they are typed."""

from __future__ import annotations

import shutil

import pytest

from counterpoise.experiments import execution
from counterpoise.experiments.papers import miso, miso_numbers
from counterpoise.experiments.papers.base import Budget, Set, task_of
from counterpoise.experiments.store import Store
from counterpoise.methods.registry import METHODS
from tiny_encoders import tiny_encoder

pytest.importorskip("optuna")
QUICK = (
    "--max-epochs",
    "1",
    "--precision",
    "float32",
    "--set",
    "backbone__dim=8",
    "--set",
    "backbone__n_filters=4",
)


class TestTune:
    def test_trials_settings_and_the_line_to_type(self, labelled, run, run_json) -> None:
        asked = ("tune", labelled, "--method", "tfidf_lr", "--trials", "6")
        shown = run(*asked).stdout
        assert shown.splitlines()[0].split() == ["trial", "average", "precision", "settings"]
        assert "6 settings tried" in shown
        rows = run_json(*asked)
        assert [row["trial"] for row in rows] == list(range(6))
        assert rows[0]["settings"] == {}
        assert sum(row["best"] for row in rows) == 1
        best = max((r for r in rows if not r["pruned"]), key=lambda r: r["average_precision"]["mean"])
        assert best["average_precision"] == next(r for r in rows if r["best"])["average_precision"]

    def test_it_goes_on_from_a_store_the_same_way(self, labelled, run_json, tmp_path, monkeypatch) -> None:
        asked = ("tune", labelled, "--method", "tfidf_lr", "--store", tmp_path / "s")
        first = run_json(*asked, "--trials", "4")
        with Store(tmp_path / "s") as store:
            n_rows = len(store.rows())
        whole = run_json(*asked, "--trials", "6")
        assert [row["settings"] for row in whole[:4]] == [row["settings"] for row in first]
        monkeypatch.setattr(execution, "execute", None)
        assert run_json(*asked, "--trials", "6") == whole
        with Store(tmp_path / "s") as store:
            assert len(store.rows()) > n_rows
            assert store.failed() == {}

    def test_what_is_given_stays(self, labelled, run_json) -> None:
        rows = run_json("tune", labelled, "--trials", "4", "--set", "method__C=2.0")
        assert all("method__C" not in row["settings"] for row in rows)
        assert all("method__max_ngram" in row["settings"] for row in rows[1:])

    def test_a_network(self, labelled, run_json) -> None:
        rows = run_json("tune", labelled, "--method", "focal", "--trials", "2", "--folds", "2", *QUICK)
        assert set(rows[1]["settings"]) == {"method__gamma", "method__alpha", "learning_rate"}

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (["--method", "nosuch"], "no method 'nosuch'"),
            (["--trials", "0"], "trials"),
            (["--keep", "9999"], "9999"),
        ],
    )
    def test_what_cannot_be_asked(self, options, message, labelled, run) -> None:
        assert message in run("tune", labelled, *options, code=2).stderr

    def test_inside_a_comparison(self, labelled, run, run_json) -> None:
        (row,) = run_json("compare", labelled, "--methods", "tfidf_lr", "--folds", "2", "--tune", "3")
        assert row["settings"]["trials"] == 3
        assert sum("settings tried on the fitting side" in note for note in row["notes"]) >= 1


def test_pictures_of_a_store(labelled, run, tmp_path) -> None:
    pytest.importorskip("matplotlib")
    store = tmp_path / "s"
    asked = (
        "--methods",
        "tfidf_lr,random_oversample",
        "--folds",
        "2",
        "--threshold",
        "0.5",
        *QUICK,
        "--store",
        store,
    )
    run("compare", labelled, *asked)
    shown = run("leaderboard", store, "--plot", tmp_path / "a.svg")
    assert "precision-recall and cost curves" in shown.stderr
    assert (tmp_path / "a.svg").stat().st_size > 1000
    run("compare", labelled, *asked, "--keep", "0.5")
    shown = run("leaderboard", store, "--plot", tmp_path / "b.png", code=2)
    assert "this store has 2, of one data set or without two methods in common" in shown.stderr
    run("compare", shutil.copy(labelled, tmp_path / "others.csv"), *asked)
    assert "average ranks" in run("leaderboard", store, "--plot", tmp_path / "b.png").stderr
    assert (
        "no picture has that ending" in run("leaderboard", store, "--plot", tmp_path / "b.gif", code=2).stderr
    )


class TestPapers:
    def test_published_numbers_are_whole_and_agree_with_each_other(self) -> None:
        """Table 3's plain lines are table 1's two groups weighted by their shares, as far as rounding allows."""
        names = set(miso_numbers.NAMES)
        assert len(miso_numbers.TABLE_3) == 13
        for table in (miso_numbers.TABLE_1, miso_numbers.TABLE_2, miso_numbers.TABLE_4, miso_numbers.TABLE_5):
            assert set(table) == names
        for name, (share, *pairs) in miso_numbers.TABLE_1.items():
            for method, pair in zip(("TextCNN", "TextRNN"), pairs, strict=True):
                hard, easy = map(float, pair.split(" / "))
                weighted = share / 100 * hard + (1 - share / 100) * easy
                assert weighted == pytest.approx(miso_numbers.TABLE_3[method][name], abs=0.8), (name, method)

    def test_lines_with_an_encoder_are_run_where_one_is_named(self, labelled) -> None:
        made = Set("SMS Spam", str(labelled), "rare", keep="0.8")
        task, encoder = task_of(made), tiny_encoder()
        plain, whole = (
            miso.runs_of("3", task, made, Budget(2, 1, {"max_epochs": 1}), encoder=name)
            for name in (None, encoder)
        )
        added = [run for run in whole if run not in plain]
        assert len(whole) - len(plain) == len(added) == 10, "five lines, two folds"
        trained = {"name": encoder, "frozen": False}
        assert {run.method for run in added if run.backbone_settings == trained} == {"erm", "miso"}
        linear = [run.method_settings["encoder"] for run in added if run.method in ("encoder_lr", "blend")]
        assert linear == [encoder] * 4
        planned = {(run.method, run.backbone) for run in whole}
        asked = {(line.method, METHODS[line.method]().trains_backbone("text")) for line in miso.LINES}
        assert {(method, backbone is not None) for method, backbone in planned} == asked

    @pytest.mark.parametrize("number", miso.TABLES)
    def test_a_table_of_small_data(self, number, labelled, monkeypatch) -> None:
        from counterpoise.experiments.compare import opened
        from counterpoise.experiments.executors.in_process import InProcess
        from counterpoise.experiments.grid import fill, jobs_of
        from counterpoise.experiments.table import comparisons

        made = Set("SMS Spam", str(labelled), "rare", keep="0.8", differs="it is a toy")
        monkeypatch.setattr(miso, "SETS", (made,))
        task = task_of(made)
        quick = {"max_epochs": 1, "threshold": 0.5, "precision": "float32"}
        budget = Budget(2, 1, quick, without=miso.BUDGETS["small"].without)
        found = {}
        runs = miso.runs_of(number, task, made, budget)
        asked = {(run.method, run.backbone) for run in runs}
        if number == "5":
            assert asked == {("erm", "textcnn"), ("erm", "textrnn"), ("cag", "textcnn"), ("cag", "textrnn")}
        cheap = [run for run in runs if run.method in ("erm", "tfidf_lr") and run.backbone != "textrnn"]
        with opened(None) as store:
            filled = fill(store, jobs_of(cheap), task, InProcess())
            if cheap:
                (found[made.name],) = comparisons(store, filled.keys)
        table = miso.TABLES[number](found, {made.name: task})
        assert all(len(row) == len(table.headers) for row in table.rows)
        assert "SMS Spam: it is a toy." in table.foot
        lines = {row[0]: row[1:] for row in table.rows}
        if number == "3":
            assert lines["TextCNN"][0].endswith("| 80.1")
            assert lines["M-CNN"][0] == "- | 89.0"
            assert lines["TF-IDF + logistic regression"][0].endswith("| -")
            assert lines["XLNet"][0] == "- | 81.9"
            assert lines["MixText"][0] == "- | 86.1"
            assert any("XLNet is here the encoder that --encoder names" in note for note in table.foot)
        elif number == "2":
            assert any("each Chinese character is one" in note for note in table.foot)
            assert lines["SMS Spam"][1:] == ("2 | 2", lines["SMS Spam"][2], "128 | 4,601", "26 | 1,813")
        elif number == "1":
            assert lines["SMS Spam"][0].endswith("| 42.1")
            assert lines["SMS Spam"][1].endswith("| 61.9 / 93.2")

    def test_larger_budgets_say_how_long_they_take(
        self, labelled, run, run_json, tmp_path, monkeypatch
    ) -> None:
        monkeypatch.setattr(miso, "SETS", (Set("SMS Spam", str(labelled), "rare"),))
        quick = {"max_epochs": 1, "threshold": 0.5, "precision": "float32"}
        monkeypatch.setitem(miso.BUDGETS, "medium", Budget(2, 1, quick))
        monkeypatch.setattr(miso, "DEFAULT_SETS", {"medium": (str(labelled),)})
        asked = ("reproduce", "miso", "--table", "1", "--budget", "medium", "--store", tmp_path / "runs")
        *kinds, whole = run_json(*asked, "--estimate")
        assert {(row["method"], row["backbone"]) for row in kinds} == {("erm", "textcnn"), ("erm", "textrnn")}
        assert whole["runs"] == 4
        assert not (tmp_path / "runs").exists() or not Store(tmp_path / "runs").rows()
        assert "4 runs to go" in run(*asked, "--estimate").stdout
        assert "told from trials on few rows" in run(*asked).stderr

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (["nosuch"], "there is no paper 'nosuch'"),
            (["miso", "--table", "7"], "there is no table '7' of miso; choose from 1, 2, 3, 4, 5, 6"),
            (["miso", "--budget", "huge"], "there is no budget 'huge'"),
            (["miso", "--datasets", "yelp"], "choose from sms_spam, toutiao, imdb, ag_news"),
            (["miso", "--figure", "1", "-o", "a.gif"], "no picture has that ending"),
        ],
    )
    def test_what_cannot_be_asked(self, options, message, run) -> None:
        assert message in run("reproduce", *options, code=2).stderr

    @pytest.mark.real_data
    def test_the_table_of_sizes_of_real_data(self, run, tmp_path) -> None:
        shown = run("reproduce", "miso", "--table", "2", "--store", tmp_path / "s").stdout
        assert "4,827 | 4,601" in shown
        assert "747 | 1,813" in shown
        assert "the paper prints the sizes of UCI Spambase" in shown
