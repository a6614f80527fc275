"""Rows read from stores: who is compared with whom, what they are called, and what their metrics depend on."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from stored_rows import PLACE, make_predictions, make_result, run_of

from counterpoise.errors import SettingsError
from counterpoise.experiments.export import check_export, export, runs_table
from counterpoise.experiments.leaderboard import judged, ranked, reference_of, smaller_wins
from counterpoise.experiments.runs import Run
from counterpoise.experiments.store import Store
from counterpoise.experiments.table import Comparison, Metric, comparisons


class Rows:
    """A store that is filled with made-up scores."""

    def __init__(self, path: Path) -> None:
        self.path, self.count = path, 0

    def add(self, run: Run, score: float | None, surroundings=PLACE, **changed) -> str:
        self.count += 1
        asked = {
            "metrics": {"f1": score, "brier": None if score is None else 1 - score},
            "notes": (),
            **changed,
        }
        result = make_result(self.count, run=run, surroundings=surroundings, **asked)
        with Store(self.path) as store:
            store.write(result)
        return result.key

    def comparisons(self, keys=None) -> list[Comparison]:
        with Store(self.path, read_only=True) as store:
            return comparisons(store, keys)


@pytest.fixture
def rows(tmp_path) -> Rows:
    return Rows(tmp_path / "runs")


def scored(rows: Rows, scores: dict[str, float], dataset: str = "toy", n_folds: int = 5) -> None:
    """Every fold a little off, the same for all methods."""
    for method, mean in scores.items():
        for fold in range(n_folds):
            wobble = np.sin(fold) / 50 + np.sin(7 * fold + len(method)) / 500
            rows.add(run_of(method, fold, dataset=dataset), mean + wobble)


class TestComparisons:
    def test_a_row_a_method_with_its_folds_in_order(self, rows) -> None:
        for seed in (1, 0):
            for fold in (2, 0, 1):
                rows.add(run_of("erm", fold, seed), seed + fold / 10, notes=(f"note {fold}", "always"))
        rows.add(run_of("focal", 0, 0), None)
        (found,) = rows.comparisons()
        assert found.cells == tuple((seed, fold) for seed in (0, 1) for fold in range(3))
        first, second = found.rows
        assert first.metrics["f1"].folds == (0.0, 0.1, 0.2, 1.0, 1.1, 1.2)
        assert (first.label, first.method, first.backbone, first.settings) == ("erm", "erm", None, {})
        assert first.notes == (
            "folds 1 of seed 0, 1 of seed 1: note 0",
            "folds 1 of seed 0, 2 of seed 0, 3 of seed 0, 1 of seed 1, 2 of seed 1, 3 of seed 1: always",
            "folds 2 of seed 0, 2 of seed 1: note 1",
            "folds 3 of seed 0, 3 of seed 1: note 2",
        )
        assert second.notes == ("5 of 6 runs are missing",)
        assert second.metrics["f1"] == Metric(None, None, (None,) * 6)
        assert [key is None for key in second.keys] == [False, *[True] * 5]

    @pytest.mark.parametrize(
        "other", [{"dataset": "b"}, {"content": "11"}, {"keep": 0.5}, {"minority": None}, {"n_folds": 4}]
    )
    def test_what_differs_in_data_or_folds_is_another_comparison(self, other, rows) -> None:
        rows.add(run_of("erm"), 0.5)
        rows.add(run_of("focal", **other), 0.6)
        assert [[row.method for row in found.rows] for found in rows.comparisons()] == [["erm"], ["focal"]]

    def test_contestants_of_one_method_are_told_apart(self, rows) -> None:
        rows.add(run_of("miso", backbone="textcnn"), 0.5)
        rows.add(run_of("miso", backbone="textrnn"), 0.5)
        rows.add(run_of("miso", backbone="textcnn", method_settings={"inject": 0.5}), 0.5)
        rows.add(run_of("miso", backbone="textcnn", estimator={"max_epochs": 5}), 0.5)
        rows.add(run_of("erm", backbone="textcnn"), 0.5)
        (found,) = rows.comparisons()
        labels = [row.label for row in found.rows]
        assert labels == [
            "miso (textcnn, inject by default, max_epochs by default)",
            "miso (textrnn, inject by default, max_epochs by default)",
            "miso (textcnn, inject=0.5, max_epochs by default)",
            "miso (textcnn, inject by default, max_epochs=5)",
            "erm",
        ]
        assert found.rows[2].settings == {"method__inject": 0.5}

    def test_of_a_run_made_again_by_newer_code_the_later_row_counts(self, rows) -> None:
        old = rows.add(run_of("erm"), 0.5)
        new = rows.add(run_of("erm"), 0.7, replace(PLACE, source="cd"))
        (found,) = rows.comparisons()
        assert found.rows[0].metrics["f1"].folds == (0.7,)
        assert found.rows[0].keys == (new,)
        (asked,) = rows.comparisons([old])
        assert asked.rows[0].metrics["f1"].folds == (0.5,)

    @pytest.mark.parametrize(
        ("made", "said"),
        [
            ({"source": "cd"}, "code of Counterpoise"),
            ({"versions": {"torch": "3"}}, r"torch \(2\)"),
            ({"device": "cuda"}, r"device \(cpu\)"),
            ({"precision": "bfloat16"}, r"precision \(float32\)"),
        ],
    )
    def test_rows_that_were_made_otherwise_are_not_averaged_with_new_ones(self, made, said, rows) -> None:
        for fold in range(5):
            rows.add(run_of("erm", fold), 0.1)
            rows.add(run_of("focal", fold), 0.2)
        key = rows.add(run_of("erm", 0), 0.9, replace(PLACE, **made))
        first, second = rows.comparisons()[0].rows
        assert first.metrics["f1"].folds == (0.9, None, None, None, None)
        assert first.keys == (key, None, None, None, None)
        missing, left_out = first.notes
        assert missing == "4 of 5 runs are missing"
        assert re.fullmatch(f"folds 2, 3, 4, 5: made with other {said}, and left out", left_out)
        assert (second.metrics["f1"].folds, second.notes) == ((0.2,) * 5, ())

    def test_the_number_of_threads_parts_no_rows(self, rows) -> None:
        rows.add(run_of("erm", 0), 0.1)
        rows.add(run_of("erm", 1), 0.2, replace(PLACE, threads=2))
        (found,) = rows.comparisons()
        assert (found.rows[0].metrics["f1"].folds, found.rows[0].notes) == ((0.1, 0.2), ())

    def test_rows_come_in_the_order_of_the_keys(self, rows) -> None:
        keys = [rows.add(run_of(method), 0.5) for method in ("erm", "focal", "tfidf_lr")]
        (found,) = rows.comparisons(keys[::-1])
        assert [row.method for row in found.rows] == ["tfidf_lr", "focal", "erm"]

    def test_difficulty_is_judged_by_plain_training_of_the_same_network(self, rows) -> None:
        """For each contestant the share before is the share after of its own kind of plain training."""
        shares = {}
        for backbone, share in (("textcnn", 1), ("textrnn", 2)):
            for method in ("erm", "focal"):
                n = share if method == "erm" else 0
                said = make_predictions(
                    0,
                    4,
                    rare=[True] * 4,
                    hostile=np.array([1] * n + [0] * (4 - n)),
                    labels=[1] * 4,
                    decided=[1] * 4,
                )
                rows.add(run_of(method, backbone=backbone), 0.5, predictions=said)
                shares[method, backbone] = share / 4
        rows.add(run_of("tfidf_lr"), 0.5, predictions=make_predictions(1, 4, rare=[True] * 4))
        (found,) = rows.comparisons()
        for row in found.rows:
            expected = shares.get((row.method, row.backbone), 1 / 4)
            assert row.metrics["difficult_share_before"].mean == expected

    def test_recalls_are_of_the_contestants_own_decisions(self, rows) -> None:
        """Of four rare samples one is difficult for plain training, which misses it; the other finds it alone."""
        for method, decided in (("erm", [0, 1, 1, 1]), ("focal", [1, 0, 0, 0])):
            said = make_predictions(
                0, 4, rare=[True] * 4, hostile=[2, 0, 0, 0], labels=[1] * 4, decided=decided
            )
            rows.add(run_of(method, backbone="textcnn"), 0.5, predictions=said)
        plain, other = (row.metrics for row in rows.comparisons()[0].rows)
        assert (plain["recall_difficult"].mean, plain["recall_easy"].mean) == (0.0, 1.0)
        assert (other["recall_difficult"].mean, other["recall_easy"].mean) == (1.0, 0.0)

    def test_folds_share_their_fitting_rows(self, rows) -> None:
        rows.add(run_of("erm"), 0.5)
        assert rows.comparisons()[0].test_to_train == pytest.approx(1 / 4)

    def test_titles_say_what_is_compared(self, rows) -> None:
        rows.add(run_of("erm", keep="10%"), 0.5)
        rows.add(run_of("erm", keep=59), 0.5)
        rows.add(run_of("erm", thinned_as="10%"), 0.5)
        rows.add(run_of("erm", seed=1, minority=None), 0.5)
        rows.add(run_of("erm", seed=2, minority=None), 0.5)
        assert [found.title for found in rows.comparisons()] == [
            "toy, class 'a', 0.1 of it kept, 5 folds",
            "toy, class 'a', 59 of it kept, 5 folds",
            "toy, class 'a', all of it kept, judged as if 0.1 were, 5 folds",
            "toy, all classes alike, 5 folds, 2 seeds",
        ]


class TestLeaderboard:
    def test_verdicts_are_against_the_plain_remedy(self, rows) -> None:
        scored(rows, {"erm": 0.70, "class_weight": 0.75, "miso": 0.90})
        (found,) = rows.comparisons()
        judgement = judged(found, "f1")
        assert judgement.reference == "class_weight"
        assert {v.method: v.kind for v in judgement.verdicts} == {"erm": "worse", "miso": "better"}
        assert judgement.sentence == "miso beats class_weight here."
        assert judged(found, "f1", "miso").reference == "miso"
        inverse = judged(found, "brier")
        assert {v.method: v.kind for v in inverse.verdicts} == {"erm": "worse", "miso": "better"}, (
            "less is better"
        )

    @pytest.mark.parametrize(("repeated", "pairs"), [(True, 5), (False, 15)])
    def test_seeds_on_the_same_test_sides_are_no_further_pairs(self, repeated, pairs, rows) -> None:
        """Folds in time, by hand: test sides grow no longer, fitting sides do."""
        ratios = []
        for seed in range(3):
            for fold, (fitting, test) in enumerate(((21, 21), (42, 20), (62, 21), (83, 21), (104, 21))):
                ratios.append(test / fitting)
                start = fitting + (0 if repeated else 1000 * (seed + 1))
                said = make_predictions(0, test, rows=np.arange(start, start + test))
                own = {"predictions": said, "fitting_rows": fitting}
                rows.add(run_of("class_weight", fold, seed), 0.5, **own)
                rows.add(run_of("erm", fold, seed), 0.5 + np.sin(fold) / 10 + np.sin(5 * seed) / 100, **own)
        (found,) = rows.comparisons()
        assert found.test_to_train == pytest.approx(np.mean(ratios))
        test = judged(found, "f1").verdicts[0].test
        own = np.reshape(found.rows[1].metrics["f1"].folds, (3, 5))
        scores = own.mean(axis=0) if repeated else own.ravel()
        error = np.sqrt((1 / pairs + np.mean(ratios)) * scores.var(ddof=1))
        assert test.pairs == pairs
        assert test.high - test.mean == pytest.approx(stats.t.isf(0.025, pairs - 1) * error)

    @pytest.mark.parametrize("metric", ["fit_seconds", "margin_rare", "spread_common"])
    def test_metrics_without_a_largest_value_are_not_judged_as_shares(self, metric, rows) -> None:
        for fold in range(5):
            for method, shift in (("class_weight", 0.0), ("erm", 40 * np.sin(fold))):
                values = {"margin_rare": shift, "spread_common": shift}
                rows.add(run_of(method, fold), 0.5, metrics=values, fit_seconds=50.0 + shift)
        (verdict,) = judged(rows.comparisons()[0], metric).verdicts
        assert verdict.sentence.startswith("no difference seen; one of ")
        assert verdict.practical is None

    def test_references(self, rows) -> None:
        scored(rows, {"focal": 0.5, "erm": 0.5}, n_folds=2)
        (found,) = rows.comparisons()
        assert reference_of(found) == "erm"
        with pytest.raises(SettingsError, match=r"no 'fokal' on toy .*focal"):
            reference_of(found, "fokal")
        with pytest.raises(SettingsError, match="no metric 'f2'"):
            judged(found, "f2")
        rows.add(run_of("focal", method_settings={"gamma": 1.0}), 0.5)
        (found,) = rows.comparisons()
        with pytest.raises(SettingsError, match="there 2 times"):
            reference_of(found, "focal")
        assert reference_of(found, "focal (gamma=1.0)") == "focal (gamma=1.0)"

    def test_ranks_need_two_data_sets_and_take_common_methods(self, rows) -> None:
        for i in range(6):
            scored(rows, {"erm": 0.5, "class_weight": 0.6, "miso": 0.7}, f"set {i}", n_folds=2)
        found = rows.comparisons()
        assert ranked(found[:1], "f1") is None
        ranking = ranked(found, "f1")
        assert ranking is not None
        assert (ranking.labels, ranking.ranks) == (("miso", "class_weight", "erm"), (1.0, 2.0, 3.0))
        assert "do not rank alike" in ranking.sentence
        assert ranking.groups == (("miso", "class_weight"), ("class_weight", "erm"))
        backwards = ranked(found, "brier")
        assert backwards is not None
        assert backwards.labels == ranking.labels
        rows.add(run_of("erm", dataset="one more"), 0.5)
        assert ranked(rows.comparisons(), "f1") is None, "one method alone is common"

    def test_comparisons_on_one_data_set_count_once(self, rows) -> None:
        for keep in (0.01, 0.05, 0.2):
            for method, score in (("erm", 0.5), ("miso", 0.7)):
                rows.add(run_of(method, dataset="first", keep=keep), score)
        assert ranked(rows.comparisons(), "f1") is None, "several comparisons, but on one data set"
        for method, score in (("erm", 0.6), ("miso", 0.5)):
            rows.add(run_of(method, dataset="second"), score)
        ranking = ranked(rows.comparisons(), "f1")
        assert (ranking.ranks, ranking.datasets) == ((1.5, 1.5), ("first", "second"))
        assert ranking.test.datasets == 2
        assert ranking.sentence.startswith("Over 2 data sets")
        assert ranking.sentence.endswith("Several comparisons on one data set count as one, by their mean.")

    def test_ranks_are_of_the_runs_that_all_have(self, rows) -> None:
        """A method that has nothing but an easy fold is not better for it."""
        for dataset in ("first", "second"):
            for fold in range(5):
                rows.add(run_of("erm", fold, dataset=dataset), 0.9 if fold == 0 else 0.6)
            rows.add(run_of("miso", 0, dataset=dataset), 0.85)
        ranking = ranked(rows.comparisons(), "f1")
        assert (ranking.labels, ranking.ranks) == (("erm", "miso"), (1.0, 2.0))
        assert ranking.sentence.endswith(
            "Scores are means over the 2 of 10 runs in which all of them have one."
        )
        rows.add(run_of("erm", 0, dataset="third"), 0.5)
        rows.add(run_of("miso", 1, dataset="third"), 0.9)
        assert ranked(rows.comparisons(), "f1").datasets == ("first", "second"), "the third has no such run"


class TestExport:
    def written(self, rows: Rows, path: Path) -> str:
        found = rows.comparisons()
        with Store(rows.path, read_only=True) as store:
            records = store.rows(status=None)
        export(path, found, [judged(each, "f1") for each in found], records, "f1")
        return path.read_text(encoding="utf-8") if path.suffix in (".md", ".tex", ".csv") else ""

    def test_markdown(self, rows, tmp_path) -> None:
        scored(rows, {"class_weight": 0.7, "miso": 0.9})
        lines = self.written(rows, tmp_path / "table.md").splitlines()
        assert lines[0] == "**toy, class 'a', 5 folds**"
        assert lines[2] == "| method | f1 | brier | f1 against class_weight |"
        assert lines[4].startswith("| class_weight | 0.7")
        assert lines[4].endswith("| reference |")
        assert "**0.9" in lines[5]
        assert "better by .198 [" in lines[5]
        assert lines[-1] == "miso beats class_weight here."

    def test_latex_is_escaped_and_ruled(self, rows, tmp_path) -> None:
        scored(rows, {"class_weight": 0.7, "word_swap": 0.9}, "50%_of {it}")
        text = self.written(rows, tmp_path / "table.tex")
        assert r"\caption{50\%\_of \{it\}, class 'a', 5 folds}" in text
        assert r"class\_weight & 0.7" in text
        for command in (r"\toprule", r"\midrule", r"\bottomrule", r"\textbf{0.9", r"$\pm$"):
            assert command in text

    @pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
    def test_runs(self, suffix, rows, tmp_path) -> None:
        from counterpoise.data.readers import read

        rows.add(run_of("erm", 0), 0.7)
        rows.add(run_of("erm", 1, keep="50%"), 0.6, fitting_rows=80)
        with Store(rows.path) as store:
            store.fail(run_of("focal", thinned_as="10%"), PLACE, "no words")
            records = store.rows(status=None)
        self.written(rows, tmp_path / f"runs{suffix}")
        assert read(tmp_path / f"runs{suffix}", text="key", label="status").labels.tolist() == [
            "done",
            "done",
            "failed",
        ]
        table = runs_table(records).to_pylist()
        assert [line["error"] for line in table] == [None, None, "no words"]
        assert [line["fitting_rows"] for line in table] == [None, 80, None]
        assert [(line["keep"], line["thinned_as"]) for line in table] == [
            (None, None),
            ("0.5", None),
            (None, "0.1"),
        ]
        assert [(line["threads"], line["arithmetic"]) for line in table] == [(1, "float32")] * 3
        assert [line["f1"] for line in table[:2]] == [record.metrics["f1"] for record in records[:2]]

    def test_runs_tell_of_difficult_samples_what_plain_training_of_their_fold_knows(self, rows) -> None:
        for fold, (difficult, decided) in enumerate(
            (([2, 0, 0, 0], [1, 0, 0, 0]), ([3, 1, 0, 0], [1, 0, 1, 1]))
        ):
            for method, hostile in (("erm", difficult), ("focal", [0, 0, 0, 1])):
                said = make_predictions(
                    0, 4, rare=[True] * 4, hostile=hostile, labels=[1] * 4, decided=decided
                )
                rows.add(run_of(method, fold, backbone="textcnn"), 0.5, predictions=said)
        older = rows.add(run_of("focal", 0, backbone="textcnn"), 0.5, replace(PLACE, source="cd"))
        rows.add(run_of("focal", 0, backbone="textcnn"), 0.5, replace(PLACE, source="ef"), predictions=said)
        with Store(rows.path, read_only=True) as store:
            records = store.rows()
        table = runs_table(records, rows.comparisons()).to_pylist()
        told = {(line["key"], line["method"], line["fold"]): line for line in table}
        first, second = (told[key] for key in told if key[1] == "erm")
        assert (first["recall_difficult"], first["difficult_share_before"]) == (1.0, 1 / 4)
        assert (second["recall_difficult"], second["recall_easy"]) == (0.5, 1.0)
        assert next(line for line in table if line["key"] == older)["recall_difficult"] is None
        assert runs_table(records).to_pylist()[0]["recall_difficult"] is None

    def test_an_unknown_ending(self, tmp_path) -> None:
        with pytest.raises(SettingsError, match=r"no output format.*for runs, or .md or .tex"):
            check_export(tmp_path / "table.docx")


@pytest.mark.parametrize(
    "metric",
    [
        *("brier", "brier_minority", "calibration_error", "fit_seconds", "spread_rare"),
        *("difficult_share_after", "majority_difficult_share_after"),
        *("brier_thinned", "calibration_error_thinned"),
    ],
)
def test_less_is_better_of_errors_spreads_and_seconds(metric) -> None:
    assert smaller_wins(metric)
    assert not smaller_wins("f1_thinned")
