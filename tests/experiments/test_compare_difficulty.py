"""Difficult samples in a comparison: who is difficult, judged by what, and found by whom."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score

from counterpoise.estimators.text import TextClassifier
from counterpoise.experiments import difficulty as room
from counterpoise.experiments.compare import compare
from counterpoise.experiments.difficulty import NAMES, hostile_neighbours, measured
from counterpoise.experiments.results import Predictions
from counterpoise.experiments.store import Store
from counterpoise.gamma import minority_sides
from counterpoise.groups import text_groups

SETTINGS = {
    "max_epochs": 2,
    "precision": "float32",
    "device": "cpu",
    "threshold": None,
    "backbone__dim": 8,
    "backbone__n_filters": 4,
}
pytestmark = pytest.mark.filterwarnings("ignore::counterpoise.errors.CounterpoiseWarning")


class Placed:
    """A classifier whose embedding is written in the texts themselves: "x y"."""

    def __init__(self, method: str, moved: dict[str, str] | None = None) -> None:
        self.method, self.moved = method, moved or {}

    def embed(self, texts) -> np.ndarray:
        places = (self.moved.get(text, text).split() for text in texts)
        return np.array([[float(x), float(y)] for x, y in places])


def around(angle: float, n: int) -> list[str]:
    return [f"{np.cos(angle + i / 1000):.6f} {np.sin(angle + i / 1000):.6f}" for i in range(n)]


def said(classifier, texts, numbers, train, test, decided) -> Predictions:
    sides = minority_sides(numbers, 1)
    return Predictions(
        rows=test,
        labels=numbers[test],
        decided=np.array(decided),
        probabilities=np.zeros((len(test), 2)),
        rare=sides.rare[test],
        hostile=None
        if classifier is None
        else hostile_neighbours(classifier, texts, sides, train, test, classifier.embed(texts[test]), 0),
        classes=("ham", "spam"),
    )


def test_known_shares_and_recalls() -> None:
    """Two places: six of each class in its own; of four rare test samples, one stands among the others.

    Of the two others one stands among the rare ones.
    """
    texts = np.array(
        [*around(0, 6), *around(2, 6), *around(2.1, 3), *around(0.1, 1), *around(0.2, 1), *around(2.2, 1)],
        object,
    )
    numbers = np.array([0] * 6 + [1] * 6 + [1] * 3 + [1] + [0] * 2)
    train, test = np.arange(12), np.arange(12, 18)

    def of(classifier, decided):
        return said(classifier, texts, numbers, train, test, decided)

    plain = of(Placed("erm"), [1, 1, 0, 0, 0, 0])
    assert plain.hostile.tolist() == [0, 0, 0, 5, 0, 5]
    row = measured(plain, plain)
    assert row == {
        "difficult_share_before": 1 / 4,
        "difficult_share_after": 1 / 4,
        "majority_difficult_share_before": 1 / 2,
        "majority_difficult_share_after": 1 / 2,
        "recall_difficult": 0.0,
        "recall_easy": pytest.approx(2 / 3),
        "f1_difficult": 0.0,
        "f1_easy": pytest.approx(0.8),
        "f1_difficult_thinned": None,
        "f1_easy_thinned": None,
    }
    moving = of(Placed("class_weight", {texts[15]: texts[6]}), [0, 1, 1, 1, 0, 1])
    found = measured(moving, plain)
    assert (found["difficult_share_before"], found["recall_difficult"]) == (1 / 4, 1.0)
    assert found["recall_easy"] == pytest.approx(2 / 3)
    assert found["difficult_share_after"] == 0, "it was re-embedded among its own class"
    assert found["f1_difficult"] == pytest.approx(2 / 3), "one found, one false alarm"
    assert found["f1_easy"] == pytest.approx(0.8)
    linear = measured(of(None, [1, 1, 0, 0, 0, 0]), plain)
    assert linear["difficult_share_after"] is None
    assert linear["difficult_share_before"] == 1 / 4
    other = measured(of(Placed("focal"), [1, 1, 0, 0, 0, 0]), None)
    assert (other["difficult_share_before"], other["recall_easy"], other["f1_easy"]) == (None, None, None), (
        "no plain training of the fold"
    )
    assert other["difficult_share_after"] == 1 / 4


def test_each_sample_asked_is_judged_where_it_stands_itself(monkeypatch) -> None:
    """One of four majority samples is asked, so that rows asked and rows of the test side are counted differently."""
    monkeypatch.setattr(room, "MAJORITY_ASKED", 1)
    texts = np.array([*around(0, 6), *around(2, 6), *around(0.1, 4), *around(2.1, 2)], object)
    numbers = np.array([0] * 6 + [1] * 6 + [0] * 4 + [1] * 2)
    found = said(Placed("erm"), texts, numbers, np.arange(12), np.arange(12, 18), [0] * 6)
    assert sorted(found.hostile[:4]) == [-1, -1, -1, 0]
    assert found.hostile[4:].tolist() == [0, 0]


def test_majority_samples_stand_for_those_not_asked() -> None:
    """Of ten majority samples two were asked, one of them difficult and taken for rare: five false alarms."""
    n = 12
    plain = Predictions(
        rows=np.arange(n),
        labels=np.array([1, 1] + [0] * 10),
        decided=np.array([1, 0] + [1] * 10),
        probabilities=np.zeros((n, 2)),
        rare=np.array([True, True] + [False] * 10),
        hostile=np.array([1, 2, 3, 0] + [-1] * 8),
        classes=("ham", "spam"),
    )
    row = measured(plain, plain)
    assert row["f1_difficult"] == pytest.approx(2 * 1 / (2 * 1 + 1 + 5))
    assert row["f1_easy"] is None
    thinned = measured(plain, plain, 0.1)
    assert thinned["f1_difficult_thinned"] == pytest.approx(2 * 0.1 / (2 * 0.1 + 0.1 + 5))
    assert thinned["f1_easy_thinned"] is None
    assert {name: thinned[name] for name in row if not name.endswith("_thinned")} == {
        name: value for name, value in row.items() if not name.endswith("_thinned")
    }, "the others are of the test side as it is"
    assert row["majority_difficult_share_before"] == 1 / 2


def test_of_thinned_data_the_minority_weighs_what_was_kept(spam, tmp_path) -> None:
    texts, labels = spam
    rows = compare(texts, labels, ["erm"], keep="50%", n_folds=2, settings=SETTINGS, store=tmp_path / "runs")
    with Store(tmp_path / "runs", read_only=True) as store:
        found = [store.predictions(record.key) for record in store.rows()]
    shares = []
    for said in found:
        before = 25 - said.rare.sum()
        shares.append(round(0.5 * before) / before)
    for fold, (said, share) in enumerate(zip(found, shares, strict=True)):
        for kind, chosen in (("difficult", said.hostile > 0), ("easy", said.hostile <= 0)):
            own = rows[0].metrics[f"f1_{kind}_thinned"].folds[fold]
            if not (chosen & said.rare).any():
                assert own is None
                continue
            weights = np.where(said.rare, share, 1.0)[chosen]
            expected = f1_score(
                said.labels[chosen] == 1, said.decided[chosen] == 1, sample_weight=weights, zero_division=0
            )
            assert own == pytest.approx(expected)


def test_classes_of_one_size_have_no_difficult_samples(texts_of) -> None:
    texts, labels = texts_of((12, 12))
    names = np.array(["a", "b"], dtype=object)[labels]
    (row,) = compare(texts, names, ["erm"], minority=None, n_folds=2, settings=SETTINGS)
    assert row.metrics["difficult_share_before"].mean is not None, "of two classes one is always named"
    texts, labels = texts_of((8, 8, 8))
    (row,) = compare(texts, labels.astype(str), ["erm"], n_folds=2, settings=SETTINGS)
    assert all(row.metrics[name].mean is None for name in NAMES)


@pytest.mark.parametrize("methods", [["erm", "word_swap", "tfidf_lr"], ["tfidf_lr", "word_swap", "erm"]])
def test_a_comparison_reports_them_whatever_the_order(methods, spam) -> None:
    texts, labels = spam
    told: list[str] = []
    rows = compare(
        texts, labels, methods, n_folds=2, settings=SETTINGS, on_row=lambda row: told.append(row.method)
    )
    assert [row.method for row in rows] == methods
    assert told == methods
    by_name = {row.method: row.metrics for row in rows}
    plain = by_name["erm"]
    for before, after in zip(NAMES[::2][:2], NAMES[1::2][:2], strict=True):
        assert plain[before] == plain[after]
        assert all(metrics[before] == plain[before] for metrics in by_name.values())
        assert by_name["tfidf_lr"][after].mean is None
        assert by_name["word_swap"][after].mean is not None
    for metrics in by_name.values():
        n = 25 // 2
        for fold, share in enumerate(metrics["difficult_share_before"].folds):
            parts = metrics["recall_difficult"].folds[fold], metrics["recall_easy"].folds[fold]
            assert (parts[0] is None) == (share == 0)
            hits = share * (parts[0] or 0) + (1 - share) * (parts[1] or 0)
            assert hits * n == pytest.approx(round(hits * n), abs=0.6)


def test_without_plain_training_there_is_no_before(spam) -> None:
    (row,) = compare(*spam, ["focal"], n_folds=2, settings=SETTINGS)
    assert row.metrics["difficult_share_before"].mean is None
    assert row.metrics["recall_difficult"].mean is None
    assert row.metrics["difficult_share_after"].mean is not None


@pytest.mark.parametrize("keep", [None, "8"])
def test_the_index_is_the_real_fitting_side_and_the_queries_are_the_test_side(
    keep, spam, monkeypatch
) -> None:
    """Neither the texts a sampler writes, nor a test text, nor a text thinned out is a neighbour."""
    texts, labels = spam
    sides: list[tuple[set[str], set[str]]] = []
    measure, fit = room.measure_difficulty, TextClassifier.fit
    fitted: list[list[str]] = []
    embedded: list[list[str]] = []
    embed = TextClassifier.embed
    monkeypatch.setattr(
        TextClassifier, "fit", lambda self, X, y, **more: fitted.append(list(X)) or fit(self, X, y, **more)
    )
    monkeypatch.setattr(TextClassifier, "embed", lambda self, X: embedded.append(list(X)) or embed(self, X))

    def watched(queries, query_sides, index, index_sides, **more):
        assert len(index) == len(fitted[-1])
        assert embedded[-1] == fitted[-1]
        assert not set(embedded[-2]) & set(fitted[-1])
        assert len(queries) == len(embedded[-2])
        assert sum(query_sides) == sum(labels[[text in set(embedded[-2]) for text in texts]] == "spam")
        sides.append((set(embedded[-2]), set(embedded[-1])))
        return measure(queries, query_sides, index, index_sides, **more)

    monkeypatch.setattr(room, "measure_difficulty", watched)
    compare(texts, labels, ["erm", "random_oversample"], keep=keep, n_folds=2, settings=SETTINGS)
    assert len(sides) == 4
    assert sides[:2] == sides[2:], "the two methods are judged alike"


def test_repeats_are_searched_once_for_all_fits(spam, monkeypatch) -> None:
    texts, labels = (side.copy() for side in spam)
    texts[:8] = [text.upper() for text in texts[8:16]]
    labels[:8] = labels[8:16]
    n_calls = 0

    def counted(*args):
        nonlocal n_calls
        n_calls += 1
        return text_groups(*args)

    monkeypatch.setattr("counterpoise.groups.text_groups", counted)
    monkeypatch.setattr("counterpoise.estimators.text.text_groups", counted)
    seen: list[np.ndarray] = []
    import counterpoise.fitting as fitting

    make_folds = fitting.make_folds
    monkeypatch.setattr(
        fitting,
        "make_folds",
        lambda *args, groups, **more: seen.append(groups) or make_folds(*args, groups=groups, **more),
    )
    compare(texts, labels, ["tfidf_lr"], n_folds=3)
    assert n_calls == 1
    assert len(seen) == 3
    assert all(len(np.unique(groups)) < len(groups) for groups in seen), "repeats were not handed down"


def test_a_fit_that_splits_nothing_off_searches_no_repeats(spam, monkeypatch) -> None:
    def searching(*_):
        raise AssertionError("repeats were searched for")

    monkeypatch.setattr("counterpoise.estimators.text.text_groups", searching)
    TextClassifier(threshold=None).fit(*spam)
    TextClassifier(threshold=0.3).fit(*spam)
    with pytest.raises(AssertionError):
        TextClassifier(threshold="tune").fit(*spam)
