"""MISO as a sampler: balance, contract of the anchors, bad input, determinism, Pipeline."""

from __future__ import annotations

import pickle
import warnings
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from imblearn.pipeline import Pipeline
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from counterpoise import MISO
from counterpoise.errors import CounterpoiseWarning, DataError, SettingsError
from counterpoise.miso import fitted
from counterpoise.miso.training import Algorithm1
from counterpoise.miso.variants import CAG, MisoEdit
from counterpoise.oversampling.anchors import anchor_schema, anchors_from
from tiny_miso import QUICK, corpus

GENERATORS = ("pointer", "free", "edit")


def make(generator: str = "pointer", **settings) -> MISO:
    return MISO(**{"generator": generator, **QUICK, "random_state": 0, **settings})


@pytest.mark.parametrize("generator", ["pointer", "edit"])
def test_classes_balance_and_originals_come_first(generator) -> None:
    texts, labels = corpus()
    X, y = make(generator).fit_resample(texts, labels)
    assert X[: len(texts)].tolist() == texts.tolist()
    assert Counter(y.tolist()) == {"rare": 60, "plain": 60}


@pytest.mark.parametrize("generator", GENERATORS)
def test_no_anchor_repeats_or_is_a_training_text_or_holds_an_unknown_token(generator) -> None:
    texts, labels = corpus()
    sampler = make(generator)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CounterpoiseWarning)  # a free decoder of six steps may supply too few
        X, _ = sampler.fit_resample(texts, labels)
    new = X[len(texts) :].tolist()
    assert len(set(new)) == len(new)
    assert not set(new) & set(texts.tolist())
    assert not any("<unk>" in text or "\ufffd" in text for text in new)


@pytest.mark.parametrize("generator", ["pointer", "edit"])
def test_an_anchor_keeps_most_words_of_its_source_and_borrows_from_its_partner(generator) -> None:
    texts, labels = corpus()
    sampler = make(generator)
    sampler.fit_resample(texts, labels)
    shares = []
    for anchor in anchors_from(sampler.anchors_):
        source, (partner,) = texts[anchor.source_row].split(), anchor.partner_rows
        assert labels[anchor.source_row] == "rare"
        assert labels[partner] == "plain"
        assert Counter(anchor.kept) <= Counter(source)
        assert Counter(anchor.injected) <= Counter(texts[partner].split())
        assert set(anchor.shared) <= set(anchor.kept)
        assert 0 <= anchor.difficulty <= 1
        shares.append(len(anchor.kept) / len(source))
    assert np.mean(shares) == pytest.approx(2 / 3, abs=0.08)


def test_difficult_samples_are_sources_or_easy_ones_or_all() -> None:
    texts, labels = corpus(30, 80)
    some, others, every = make("edit", sources="difficult"), make("edit", sources="easy"), make("edit")
    for sampler in (some, others, every):
        sampler.fit_resample(texts, labels)
    difficult = some.prepared_["rare"].field.sources
    assert 0 < len(difficult) < 30
    assert set(some.anchors_["source_row"].to_pylist()) == set(difficult.tolist())
    assert len(set(every.anchors_["source_row"].to_pylist())) > max(len(difficult), 25)
    easy = np.setdiff1d(np.flatnonzero(labels == "rare"), difficult)
    assert others.prepared_["rare"].field.sources.tolist() == easy.tolist()
    assert set(others.anchors_["source_row"].to_pylist()) == set(easy.tolist())


def test_how_many_are_difficult_is_said_where_settings_tell_them_apart() -> None:
    texts, labels = corpus(30, 80)
    sampler = make("edit", inject=0.5)
    for _ in range(2):
        sampler.fit_resample(texts, labels)
        (said,) = sampler.remarks_
    found = sampler.prepared_["rare"]
    assert 0 < found.n_difficult < 30
    assert said == (
        f"MISO: of 30 texts {found.n_difficult} are difficult and {found.n_easy} easy; "
        f"30 are written from and {found.n_donors} can lend words"
    )
    sampler.set_params(inject=0.0).fit_resample(texts, labels)
    assert not sampler.remarks_


def test_where_none_is_difficult_all_serve() -> None:
    texts = np.array(
        [f"free prize cash {w}" for w in "abcdefgh"] + [f"home lunch office {w}" for w in "ijklmnopqrstuvw"],
        dtype=object,
    )
    labels = np.array(["rare"] * 8 + ["plain"] * 15)
    sampler = make("edit", sources="difficult")
    with pytest.warns(CounterpoiseWarning, match="none of the 8 texts"):
        sampler.fit_resample(texts, labels)
    assert sampler.prepared_["rare"].n_difficult == 0
    assert len(sampler.prepared_["rare"].field.sources) == 8


def test_where_none_is_easy_all_serve() -> None:
    # Each rare text has its words from a plain one, but for one of its own.
    plain = [f"{w} {v} home lunch office" for w in "abcdefgh" for v in "pqrs"]
    texts = np.array([*(f"{text} prize" for text in plain[::4]), *plain], dtype=object)
    sampler = make("edit", sources="easy")
    with pytest.warns(CounterpoiseWarning, match="none of the 8 texts"):
        sampler.fit_resample(texts, np.array(["rare"] * 8 + ["plain"] * 32))
    assert sampler.prepared_["rare"].n_difficult == 8
    assert len(sampler.prepared_["rare"].field.sources) == 8


@pytest.mark.parametrize("generator", ["pointer", "edit"])
def test_the_same_seed_gives_the_same_anchors_and_another_gives_others(generator) -> None:
    texts, labels = corpus()
    first, second, third = (make(generator, random_state=seed) for seed in (3, 3, 4))
    for sampler in (first, second, third):
        sampler.fit_resample(texts, labels)
    assert first.anchors_ == second.anchors_
    assert first.anchors_ != third.anchors_


@pytest.mark.parametrize("n", [1, 2, 6])
@pytest.mark.parametrize("generator", ["pointer", "edit"])
@pytest.mark.filterwarnings("ignore::counterpoise.errors.CounterpoiseWarning")
def test_very_few_minority_texts(generator, n) -> None:
    texts, labels = corpus(n, 30)
    _, y = make(generator).fit_resample(texts, labels)
    assert Counter(y.tolist())["rare"] > n


@pytest.mark.parametrize("generator", ["pointer", "edit"])
@pytest.mark.filterwarnings("ignore::counterpoise.errors.CounterpoiseWarning")
def test_a_majority_of_a_few_and_of_one(generator) -> None:
    texts, labels = corpus(2, 3)
    assert len(make(generator).fit_resample(texts, labels)[0]) == 6
    texts, labels = corpus(3, 1)
    X, y = make(generator).fit_resample(
        texts, labels
    )  # the larger class stays, the single text is the minority
    assert Counter(y.tolist())["rare"] == 3
    assert len(X) > 4


def test_balanced_classes_come_back_unchanged() -> None:
    texts, labels = corpus(10, 10)
    sampler = make()
    X, y = sampler.fit_resample(texts, labels)
    assert X.tolist() == texts.tolist()
    assert y.tolist() == labels.tolist()
    assert len(sampler.anchors_) == 0


@pytest.mark.filterwarnings("ignore::counterpoise.errors.CounterpoiseWarning")
def test_equal_minority_texts_texts_of_one_word_and_long_ones() -> None:
    texts, labels = corpus(4, 40)
    for same in ("free prize cash now", "prize", "word " * 400 + "end"):
        texts[:4] = same
        sampler = make("pointer", max_length=32)
        X, _ = sampler.fit_resample(texts, labels)
        assert all(len(text.split()) <= 33 for text in X[len(texts) :])


def test_texts_that_are_cut_are_counted_in_one_warning() -> None:
    texts, labels = corpus()
    texts[0] = "prize " * 50
    with pytest.warns(CounterpoiseWarning, match="1 text is longer than 32 words"):
        make("edit", max_length=32).fit_resample(texts, labels)


def test_too_few_different_anchors_are_said() -> None:
    texts, labels = corpus(1, 40)
    texts[0] = "prize"
    with pytest.warns(CounterpoiseWarning, match="only 0 different texts of class 'rare'"):
        X, _ = make("edit").fit_resample(texts, labels)
    assert len(X) == len(texts)


def test_several_classes_each_against_all_others() -> None:
    texts, labels = corpus(8, 40)
    labels[8:10] = "odd"
    sampler = make("edit")
    _, y = sampler.fit_resample(texts, labels)
    assert Counter(y.tolist()) == {"rare": 38, "odd": 38, "plain": 38}
    assert set(sampler.prepared_) == {"rare", "odd"}
    odd = [anchor for anchor in anchors_from(sampler.anchors_) if labels[anchor.source_row] == "odd"]
    assert {labels[anchor.partner_rows[0]] for anchor in odd} > {"plain"}


def test_balance_fills_a_share_of_the_gap_with_the_automatic_strategy_only() -> None:
    texts, labels = corpus()
    assert Counter(make("edit", balance=0.5).fit_resample(texts, labels)[1].tolist())["rare"] == 36
    given = make("edit", balance=0.5, sampling_strategy={"rare": 20})
    assert Counter(given.fit_resample(texts, labels)[1].tolist())["rare"] == 20


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"generator": "nosuch"}, "generator is 'nosuch'"),
        ({"budget": 1.0}, "budget is 1.0"),
        ({"balance": 0}, "balance is 0"),
        ({"heads": 5}, "multiple of heads"),
        ({"tau": "rising"}, "tau is 'rising'"),
        ({"steps": (1, 2, 3)}, "steps is"),
        ({"preset": "journal"}, "preset is 'journal'"),
        ({"decoding": "magic"}, "decoding"),
        ({"mi_weight": -1}, "mi_weight is -1"),
        ({"k": 0}, "k is 0"),
        ({"precision": "float16"}, "precision is 'float16'"),
    ],
)
def test_settings_out_of_range_are_refused_in_one_sentence(settings, said) -> None:
    with pytest.raises(SettingsError, match=said):
        make(**settings).fit_resample(*corpus())


def test_an_item_that_is_no_text_is_named() -> None:
    texts, labels = corpus()
    texts[3] = 7
    with pytest.raises(DataError, match="3"):
        make("edit").fit_resample(texts, labels)


def test_divergence_names_phase_and_step() -> None:
    with pytest.raises(SettingsError, match=r"diverged in phase '\w+', step \d+"):
        make(learning_rate=1e9, steps=(30, 30, 5, 5)).fit_resample(*corpus())


def test_fit_then_sample_writes_as_many_as_are_asked_for() -> None:
    texts, labels = corpus()
    sampler = make("edit").fit(texts, labels)
    first, second = sampler.sample(7), sampler.sample(7, "rare")
    assert len(first) == len(second) == 7
    assert set(first["text"].to_pylist()) != set(second["text"].to_pylist())
    assert make("edit").fit(texts, labels).sample(7) == first
    assert first.schema == anchor_schema(pa.string())
    assert set(first["label"].to_pylist()) == {"rare"}
    with pytest.raises(SettingsError, match="no anchors can be written for 'plain'; fitted are 'rare'"):
        sampler.sample(1, "plain")
    with pytest.raises(SettingsError, match="call fit"):
        make("edit").sample(1)


def test_history_says_what_happened_in_each_phase() -> None:
    sampler = make()
    sampler.fit_resample(*corpus())
    history = sampler.prepared_["rare"].history
    assert [row["phase"] for row in history.rows] == ["language"] * 6 + ["autoencoder"] * 6 + ["mine"] * 3 + [
        "joint"
    ] * 6
    joint = history.rows[-1]
    assert {"tau", "I(Q; Qbar)", "I(K; Qbar)", "I(Q; anchor)", "I(K; anchor)", "discriminators"} <= set(joint)
    assert joint["tau"] == 1.0
    assert history.rows[15]["tau"] > 4


def test_ablations_leave_their_parts_out() -> None:
    texts, labels = corpus()
    plain = CAG(**{key: value for key, value in QUICK.items() if key != "heads"}, random_state=0)
    plain.fit_resample(texts, labels)
    rows = plain.prepared_["rare"].history.rows
    assert not any("I(Q; Qbar)" in row for row in rows)
    quiet = make(adversarial=False)
    quiet.fit_resample(texts, labels)
    assert not any("discriminators" in row for row in quiet.prepared_["rare"].history.rows)
    fixed = make(tau="fixed")
    fixed.fit_resample(texts, labels)
    assert {row["tau"] for row in fixed.prepared_["rare"].history.rows if "tau" in row} == {5.0}


@pytest.mark.parametrize("reading", ["samples", "tokens"])
def test_both_readings_of_the_formula_train(reading) -> None:
    _, y = make(reading=reading).fit_resample(*corpus())
    assert Counter(y.tolist())["rare"] == 60


@pytest.mark.parametrize("asked", ["float32", "bfloat16"])
def test_decoders_are_trained_in_the_number_format_that_was_asked_for(asked, monkeypatch) -> None:
    seen = []
    begun = Algorithm1.__init__

    def init(self, *given):
        begun(self, *given)
        seen.append(self.bfloat16)

    monkeypatch.setattr(Algorithm1, "__init__", init)
    for sampler in (make(precision=asked), CAG(precision=asked, random_state=0)):
        sampler.fit(*corpus())
    assert seen == [asked == "bfloat16"] * 2


@pytest.mark.parametrize(
    ("sampler", "grid"),
    [
        (MisoEdit(random_state=0), {"miso__budget": [0.2, 0.4], "miso__balance": [0.5, 1.0]}),
        pytest.param(
            make("pointer"),
            {"miso__mi_weight": [0.0, 1.0], "miso__sources": ["all", "difficult"]},
            marks=pytest.mark.slow,
        ),
    ],
    ids=["edit", "pointer"],
)
def test_it_clones_and_searches_inside_a_pipeline(sampler, grid) -> None:
    texts, labels = corpus(20, 60)
    pipeline = Pipeline([("miso", sampler), ("tfidf", TfidfVectorizer()), ("model", LogisticRegression())])
    search = GridSearchCV(pipeline, grid, cv=2, scoring="neg_log_loss")
    search.fit(texts, labels)
    assert search.best_score_ > np.log(0.5)
    assert len(set(search.cv_results_["mean_test_score"].tolist())) > 1, "settings reach the sampler"
    assert clone(sampler).get_params() == sampler.get_params()


@pytest.mark.parametrize("generator", GENERATORS)
def test_what_is_fitted_can_be_pickled_and_writes_the_same(generator) -> None:
    sampler = make(generator).fit(*corpus())
    again = pickle.loads(pickle.dumps(sampler))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CounterpoiseWarning)  # a free decoder of six steps may supply too few
        assert again.sample(3).equals(sampler.sample(3))


def test_samples_are_new_each_time() -> None:
    texts = ["win a prize", "claim the cash now", "you are the winner"] + [
        f"plain text number {i}" for i in range(9)
    ]
    sampler = make("edit", belonging=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CounterpoiseWarning)
        sampler.fit_resample(texts, ["rare"] * 3 + ["plain"] * 9)
        tables = [sampler.anchors_, sampler.sample(10), sampler.sample(10)]
        written = [text for table in tables for text in table["text"].to_pylist()]
        assert len(written) == 26
        assert len(set(written)) == 26
        sampler.fit_resample(texts, ["rare"] * 3 + ["plain"] * 9)
        assert sampler.sample(10).equals(tables[1])


@pytest.mark.parametrize("tau", ["fixed", "falling"])
def test_the_harvest_is_told_whether_tau_falls(tau, monkeypatch) -> None:
    told, kept = [], fitted.harvest

    def harvest(*given, falling, **more):
        told.append(falling)
        return kept(*given, falling=falling, **more)

    monkeypatch.setattr(fitted, "harvest", harvest)
    MisoEdit(tau=tau, random_state=0).fit_resample(*corpus())
    assert told == [tau == "falling"]
