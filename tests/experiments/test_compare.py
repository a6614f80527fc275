"""Comparisons: the same folds for all, whole test sides, and no test text anywhere near a fit."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score

from counterpoise.errors import CounterpoiseError, DataError, SettingsError
from counterpoise.estimators.text import TextClassifier
from counterpoise.experiments import execution
from counterpoise.experiments.compare import compare
from counterpoise.experiments.grid import jobs_of, plan
from counterpoise.experiments.store import Store
from counterpoise.experiments.table import Metric
from counterpoise.experiments.task import Task
from counterpoise.groups import text_groups
from counterpoise.metrics.scores import score

SETTINGS = {
    "max_epochs": 1,
    "precision": "float32",
    "device": "cpu",
    "threshold_folds": 2,
    "backbone__dim": 8,
    "backbone__n_filters": 4,
}
pytestmark = pytest.mark.filterwarnings("ignore::counterpoise.errors.CounterpoiseWarning")


@pytest.fixture
def corpus(spam) -> tuple[np.ndarray, np.ndarray]:
    """With repeats of texts, which must share a fold."""
    texts, labels = (side.copy() for side in spam)
    texts[:10] = [text.upper() for text in texts[10:20]]
    labels[:10] = labels[10:20]
    return texts, labels


class Watcher:
    """Notes what every classifier was fitted to and asked about, and with which random state."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fits: list[tuple[str, list[str], int]] = []
        self.asked: list[list[str]] = []
        fit, predict_proba = TextClassifier.fit, TextClassifier.predict_proba

        def watched_fit(classifier, X, y, **more):
            self.fits.append((classifier.method, list(X), classifier.random_state))
            return fit(classifier, X, y, **more)

        def watched_predict(classifier, X):
            self.asked.append(list(X))
            return predict_proba(classifier, X)

        monkeypatch.setattr(TextClassifier, "fit", watched_fit)
        monkeypatch.setattr(TextClassifier, "predict_proba", watched_predict)


@pytest.mark.parametrize("keep", [None, 0.4, "8"])
def test_folds_are_the_same_for_all_and_test_sides_whole(keep, corpus, monkeypatch) -> None:
    texts, labels = corpus
    watcher = Watcher(monkeypatch)
    methods = ["tfidf_lr", "erm", "word_swap"]
    rows = compare(texts, labels, methods, minority="spam", keep=keep, n_folds=3, settings=SETTINGS)
    assert [row.method for row in rows] == methods
    by_method = [watcher.fits[i : i + 3] for i in (0, 3, 6)]
    for fits in by_method[1:]:
        assert [fit[1:] for fit in fits] == [fit[1:] for fit in by_method[0]]
    asked = [watcher.asked[i : i + 3] for i in (0, 3, 6)]
    assert asked[0] == asked[1] == asked[2]
    assert sorted(text for side in asked[0] for text in side) == sorted(texts), "a test side is not whole"
    label_of, group_of = (
        dict(zip(texts, labels, strict=True)),
        dict(zip(texts, text_groups(texts), strict=True)),
    )
    for (_, fitted, _), tested in zip(by_method[0], asked[0], strict=True):
        assert not {group_of[text] for text in fitted} & {group_of[text] for text in tested}
        n_spam = sum(label_of[text] == "spam" for text in fitted)
        before = sum(labels == "spam") - sum(label_of[text] == "spam" for text in tested)
        assert n_spam == {None: before, 0.4: round(0.4 * before), "8": 8}[keep]
        n_ham = [sum(label_of[text] == "ham" for text in one_side) for one_side in (fitted, tested)]
        assert sum(n_ham) == sum(labels == "ham")
    for row in rows:
        assert ("f1_thinned" in row.metrics) == (keep is not None)
        assert {"f1", "f1_tuned", "average_precision", "macro_f1", "mcc", "brier", "fit_seconds"} <= set(
            row.metrics
        )
        assert len(row.metrics["f1"].folds) == 3


def test_thinned_metrics_weight_the_minority_by_the_kept_share(corpus, tmp_path) -> None:
    texts, labels = corpus
    compare(texts, labels, ["tfidf_lr"], keep=0.8, n_folds=3, store=tmp_path / "runs")
    with Store(tmp_path / "runs") as store:
        found = [(record.metrics, store.predictions(record.key)) for record in store.rows()]
    assert len(found) == 3
    for metrics, said in found:
        n_before = sum(labels == "spam") - said.labels.sum()
        share = round(0.8 * n_before) / n_before
        for name, value in score(said.labels, said.probabilities, 1, decisions_tuned=said.decided).items():
            assert metrics[name] == pytest.approx(value, abs=1e-6)
        weights = np.where(said.labels == 1, share, 1.0)
        by_hand = score(said.labels, said.probabilities, 1, decisions_tuned=said.decided, weights=weights)
        for name, value in by_hand.items():
            assert metrics[f"{name}_thinned"] == pytest.approx(value, abs=1e-6)
        assert metrics["brier"] != metrics["brier_thinned"]


def test_no_test_text_reaches_any_fit(corpus, monkeypatch) -> None:
    """Vocabulary, TF-IDF, word vectors, sampler and threshold see texts of the fitting side alone."""
    import counterpoise.backbones.words as words
    import counterpoise.fitting as fitting
    import counterpoise.methods.tfidf_lr as tfidf
    from counterpoise.oversampling.base import TextSampler
    from counterpoise.text.tokenizers import WordTokenizer

    texts, labels = corpus
    side: dict[str, set[str]] = {"train": set()}
    seen: dict[str, int] = dict.fromkeys(("vocabulary", "vectors", "sampler", "tfidf", "threshold"), 0)

    def check(what: str, inputs) -> None:
        seen[what] += 1
        assert set(inputs) <= side["train"], f"{what} saw a test text"

    def spy(owner, name: str, what: str, argument: int) -> None:
        original = getattr(owner, name)

        def watched(*args, **kwargs):
            check(what, args[argument])
            return original(*args, **kwargs)

        monkeypatch.setattr(owner, name, watched)

    spy(WordTokenizer, "fit", "vocabulary", 1)
    spy(words.WordEncoder, "make_vectors", "vectors", 1)
    spy(TextSampler, "fit_resample", "sampler", 1)
    fit = tfidf.TfidfLR.fit
    monkeypatch.setattr(
        tfidf.TfidfLR,
        "fit",
        lambda self, data, context: check("tfidf", data.inputs) or fit(self, data, context),
    )
    tune = fitting.tune_threshold

    def watched_tune(labels, probabilities, **more):
        seen["threshold"] += 1
        assert len(labels) <= len(side["train"])
        return tune(labels, probabilities, **more)

    monkeypatch.setattr(fitting, "tune_threshold", watched_tune)
    fitted = execution._fitted

    def watched_fit(classifier, task, sides, run):
        side["train"] = set(texts[sides.train])
        assert not side["train"] & set(texts[sides.test])
        return fitted(classifier, task, sides, run)

    monkeypatch.setattr(execution, "_fitted", watched_fit)
    compare(texts, labels, ["word_swap", "tfidf_lr"], keep=0.8, n_folds=3, settings=SETTINGS)
    assert seen["vocabulary"] >= 3
    assert seen["vectors"] >= 3
    assert seen["sampler"] >= 3
    assert seen["tfidf"] >= 6
    assert seen["threshold"] >= 3


def test_equal_inputs_give_equal_rows(corpus) -> None:
    texts, labels = corpus

    def metrics(seed: int) -> dict[str, Metric]:
        row = compare(texts, labels, ["word_swap"], n_folds=2, random_state=seed, settings=SETTINGS)[0]
        return {name: value for name, value in row.metrics.items() if not name.endswith("seconds")}

    assert metrics(0) == metrics(0)
    assert metrics(0) != metrics(1)


def test_rows_are_told_as_they_come_and_summarised(corpus) -> None:
    texts, labels = corpus
    told: list[str] = []
    both = ["tfidf_lr", "focal"]
    rows = compare(texts, labels, both, n_folds=2, settings=SETTINGS, on_row=lambda r: told.append(r.method))
    assert told == both
    assert [row.backbone for row in rows] == [None, "textcnn"]
    metric = rows[0].metrics["average_precision"]
    assert metric.mean == pytest.approx(np.mean(metric.folds))
    assert metric.std == pytest.approx(np.std(metric.folds, ddof=1))
    assert Metric.of([None, 0.5]) == Metric(0.5, 0.0, (None, 0.5))
    assert Metric.of([None]) == Metric(None, None, (None,))


def test_groups_and_time_reach_the_classifier(spam, monkeypatch) -> None:
    texts, labels = spam
    groups = np.arange(125) // 2
    given: list[tuple] = []
    fit = TextClassifier.fit

    def watched(classifier, X, y, groups=None, time=None, **more):
        given.append((groups, time, len(X)))
        assert more == {"validation": None}, "only a reproduction chooses on the test side"
        return fit(classifier, X, y, groups=groups, time=time)

    monkeypatch.setattr(TextClassifier, "fit", watched)
    compare(texts, labels, ["tfidf_lr"], n_folds=2, groups=groups)
    assert all(len(g) == n and t is None for g, t, n in given)
    assert not set(given[0][0]) & set(given[1][0]), "a group was parted"
    given.clear()
    compare(texts, labels, ["tfidf_lr"], n_folds=2, time=np.arange(125))
    assert all(g is None and len(t) == n for g, t, n in given)
    assert [t.max() for _, t, _ in given] == sorted(t.max() for _, t, _ in given)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"methods": ["magic"]}, "there is no method 'magic'"),
        ({"minority": "eggs"}, "eggs"),
        ({"keep": 7.5}, "7.5"),
        ({"n_folds": 1}, "n_folds is 1"),
        ({"settings": {"method__nonsense": 1}}, "method__nonsense"),
        ({"settings": {"backbone__dim": 8}, "methods": ["tfidf_lr"]}, "backbone__dim"),
        ({"settings": {"threshold": 3}}, "threshold is 3"),
        ({"methods": ["erm"], "backbone": "mlp"}, "'mlp' reads array"),
        ({"methods": ["erm"], "backbone": "nosuch"}, "there is no backbone 'nosuch'; choose one of textcnn"),
        ({"backbone": "nosuch"}, "there is no backbone 'nosuch'; choose one of textcnn"),
    ],
    ids=str,
)
def test_impossible_comparisons_are_refused_before_any_fit(change, message, spam, monkeypatch) -> None:
    def working(*args, **kwargs):
        raise AssertionError("work was begun")

    monkeypatch.setattr(TextClassifier, "fit", working)
    with pytest.raises(CounterpoiseError, match=message):
        compare(*spam, **{"methods": ["tfidf_lr"], **change})


def test_a_known_backbone_is_ignored_where_no_method_has_one(spam) -> None:
    with_one, without = (compare(*spam, ["tfidf_lr"], backbone=name, n_folds=2)[0] for name in ("mlp", None))
    assert with_one.backbone is None
    assert with_one.metrics["f1"] == without.metrics["f1"]


def test_keep_needs_a_minority(texts_of) -> None:
    texts, labels = texts_of((20, 20, 20))
    with pytest.raises(SettingsError, match="--minority"):
        compare(texts, labels.astype(str), ["tfidf_lr"], keep=0.5)
    with pytest.raises(DataError):
        compare(texts[:3], np.array(["a", "a", "b"], dtype=object), ["tfidf_lr"])


def test_several_classes(texts_of) -> None:
    texts, labels = texts_of((40, 20, 10))
    names = np.array(["a", "b", "c"], dtype=object)[labels]
    alike, named = (compare(texts, names, ["tfidf_lr"], minority=m, n_folds=2)[0] for m in (None, "c"))
    assert alike.metrics["f1"].mean == pytest.approx(alike.metrics["macro_f1"].mean)
    assert named.metrics["f1"].mean != named.metrics["macro_f1"].mean


def test_a_class_that_is_never_predicted_is_remarked_on(spam, monkeypatch) -> None:
    original = TextClassifier.predict_proba

    def timid(classifier, X):
        p = original(classifier, X)[:, 1] / 3
        return np.column_stack([1 - p, p])

    monkeypatch.setattr(TextClassifier, "predict_proba", timid)
    row = compare(*spam, ["tfidf_lr"], n_folds=2)[0]
    assert row.metrics["f1"].mean == 0
    assert row.metrics["average_precision"].mean > 0.9
    assert [note.partition(":")[0] for note in row.notes] == ["fold 1", "fold 2"]
    assert "the ranking is fine" in row.notes[0]


def test_a_blend_has_the_embedding_of_its_network_whatever_the_order(corpus) -> None:
    task = Task.of("toy", *corpus)
    settings = SETTINGS | {"threshold": None, "method__members": ["tfidf_lr", "erm"]}
    job = jobs_of(plan(task, ["blend"], n_folds=3, settings=settings))[0]
    found = execution.execute(task, job.run, job.surroundings)
    assert found.metrics["spread_rare"] > 0
    assert found.predictions.hostile is not None


def test_groups_and_spread_of_a_run_where_one_class_matters(corpus, tmp_path) -> None:
    """By hand, of the model fitted again. The class that matters is the larger one, and is the rare group even so."""
    texts, labels = corpus
    task = Task.of("toy", texts, labels, minority="ham")
    runs = plan(task, ["erm", "tfidf_lr"], n_folds=3, settings=SETTINGS | {"threshold": None})
    plain, linear = jobs_of(runs)[::3]
    found = execution.execute(task, plain.run, plain.surroundings)
    side = task.side(plain.run)
    classifier = execution.classifier_of(plain.run, "text").set_params(device="cpu", precision="float32")
    classifier.joined = task.joined[side.train]
    classifier.fit(texts[side.train], labels[side.train])
    embedded, numbers = classifier.embed(texts[side.test]), task.numbers[side.test]
    means = [embedded[numbers == label].mean(axis=0) for label in (0, 1)]
    apart = np.linalg.norm(means[0] - means[1])
    for name, label in (("spread_rare", 0), ("spread_common", 1)):
        own = np.linalg.norm(embedded[numbers == label] - means[label], axis=1).mean()
        assert found.metrics[name] == pytest.approx(own / apart, rel=1e-3)
    p = found.predictions.probabilities.astype(np.float64)
    assert found.metrics["margin_rare"] == pytest.approx(
        np.log(p[:, 0] / p[:, 1])[numbers == 0].mean(), rel=1e-4
    )
    assert found.metrics["f1_rare"] == pytest.approx(f1_score(numbers == 0, p[:, 0] > p[:, 1]), abs=1e-9)
    other = execution.execute(task, linear.run, linear.surroundings).metrics
    assert "spread_rare" not in other
    assert other["margin_common"] is not None
