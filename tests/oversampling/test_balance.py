"""``balance="auto"``: what is tried, what is chosen, and that nothing outside the fitting side has a say."""

from __future__ import annotations

import warnings
from collections import Counter
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.base import clone

from counterpoise import MISO, TextClassifier
from counterpoise.errors import CounterpoiseWarning, SettingsError
from counterpoise.estimators.loading import load_model
from counterpoise.groups import text_groups
from counterpoise.methods import sampled
from counterpoise.methods.base import Context, Data
from counterpoise.methods.registry import METHODS
from counterpoise.methods.sampled import sampled_method
from counterpoise.miso.variants import CAG, MisoEdit
from counterpoise.oversampling.anchors import Anchor
from counterpoise.oversampling.balance import FOLDS, SHARES, Fold, choose_balance, judge_by_words
from counterpoise.oversampling.base import TextSampler
from counterpoise.training.settings import TrainingSettings
from tiny_networks import NETWORK


class Scripted(TextSampler):
    """Writes what helps (the words of the class, nothing else), or what ruins (texts of the others)."""

    def __init__(self, *, kind="helps", balance=1.0, sampling_strategy="auto", random_state=None) -> None:
        super().__init__(sampling_strategy=sampling_strategy, random_state=random_state)
        self.kind, self.balance = kind, balance

    @property
    def chooses_balance(self) -> bool:
        return self.balance == "auto"

    def _make(self, texts, labels, label, count, rng) -> list[Anchor]:
        own = np.flatnonzero(labels == label)
        row = int(own[0])
        if self.kind == "helps":
            return [Anchor("sign0 sign1 sign2 sign3", row)] * count
        return [Anchor(text, row) for text in rng.choice(texts[labels != label], count)]


def signs(n_rare: int = 12, n_usual: int = 120, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rare texts have all four signs, the others one of them, all among twenty words that say nothing."""
    rng = np.random.default_rng(seed)
    texts = []
    for i in range(n_rare + n_usual):
        words = [*rng.choice([f"w{j}" for j in range(40)], 20, replace=False)]
        words += rng.choice(
            ["sign0", "sign1", "sign2", "sign3"], 4 if i < n_rare else 1, replace=False
        ).tolist()
        texts.append(" ".join(rng.permutation(words)))
    return np.array(texts, dtype=object), np.array(["rare"] * n_rare + ["usual"] * n_usual, dtype=object)


def test_a_smaller_share_takes_the_first_of_the_same_texts() -> None:
    labels = np.array([*"aabbabbaab"], dtype=object)
    fold = Fold(np.arange(3), np.arange(3, 6), labels, labels, np.zeros(10, int), {"a": 5, "b": 6, "c": 0})
    assert fold.first(0.0).tolist() == []
    assert fold.first(0.25).tolist() == [0, 2, 3]  # round(1.25) of "a", round(1.5) of "b"
    assert fold.first(0.5, "a").tolist() == [0, 1]
    assert fold.first(0.5, "c").tolist() == []
    assert fold.first(1.0).tolist() == list(range(10))  # of "b" only five of six came
    for less, more in pairwise(SHARES):
        assert set(fold.first(less)) <= set(fold.first(more))


@pytest.mark.parametrize(
    ("scores", "best"),
    [
        ([[0.1, 0.2, 0.3, 0.4]] * 3, 1.0),
        ([[0.4, 0.3, 0.2, 0.1]] * 3, 0.0),
        ([[0.5, 0.5, 0.5, 0.5]] * 3, 0.0),  # equally good: the smallest
        ([[0.1, 0.6, 0.5, 0.6]] * 3, 0.25),
        ([[1.0, 0.0, 0.9, 0.0], [0.0, 0.0, 0.9, 0.9], [0.0, 0.0, 0.0, 0.9]], 0.5),  # the mean decides
    ],
)
def test_the_best_mean_wins(scores, best) -> None:
    given = iter(scores)
    texts, labels = signs(9, 30)
    chosen = choose_balance(
        Scripted(), texts, labels, np.arange(39), lambda fold: {"rare": next(given)}, seed=0
    )
    assert chosen == {"rare": best}


def test_folds_part_no_group_and_texts_are_written_from_their_fitting_side_only() -> None:
    texts, labels = signs(12, 40)
    labels[20:28] = "odd"
    texts[1], texts[25] = texts[0], texts[24].upper()
    groups = text_groups(texts)
    folds = []

    def judge(fold):
        folds.append(fold)
        return {name: [0.0] * 4 for name in fold.gaps}

    chosen = choose_balance(MisoEdit(balance="auto", random_state=1), texts, labels, groups, judge, seed=0)
    assert chosen == {"odd": 0.0, "rare": 0.0}
    assert len(folds) == FOLDS
    assert sorted(np.concatenate([fold.test for fold in folds])) == list(range(52))
    for fold in folds:
        assert not set(groups[fold.train]) & set(groups[fold.test])
        assert np.isin(fold.sources, fold.train).all()
        assert (labels[fold.sources] == fold.labels).all()
        counts = Counter(labels[fold.train])
        assert fold.gaps == {name: counts["usual"] - counts[name] for name in ("odd", "rare")}
        assert Counter(fold.labels) == fold.gaps, "anchors are written until the classes balance"
        known = {word for text in texts[fold.train] for word in text.split()}
        assert all(set(text.split()) <= known for text in fold.texts)


@pytest.mark.parametrize(("kind", "good"), [("helps", True), ("ruins", False)])
def test_the_judge_of_words_knows_help_from_harm(kind, good) -> None:
    texts, labels = signs()
    chosen = choose_balance(
        Scripted(kind=kind), texts, labels, np.arange(132), judge_by_words(texts, labels), seed=0
    )
    assert (chosen["rare"] > 0) == good


@pytest.mark.parametrize(("budget", "good"), [(0.3, True), (0.9, False)])
def test_miso_fills_up_where_that_helps_and_not_where_it_ruins(budget, good) -> None:
    """A third of the words swapped breaks up what rare texts have in common by chance; nine of ten leave no sign.

    What leaves no sign would be refused as no anchor, were that not switched off.
    """
    texts, labels = signs()
    sampler = MisoEdit(balance="auto", budget=budget, belonging=good, random_state=0)
    _, y = sampler.fit_resample(texts, labels)
    share = sampler.balance_["rare"]
    assert share in SHARES
    assert share > 0 if good else share < 1
    assert Counter(y)["rare"] == 12 + round(share * 108)
    again = clone(sampler)
    assert again.balance == "auto"
    again.fit_resample(texts, labels)
    assert again.balance_ == sampler.balance_
    assert again.anchors_ == sampler.anchors_


def test_what_is_chosen_is_written_as_if_it_had_been_given() -> None:
    texts, labels = signs()
    auto = MisoEdit(balance="auto", random_state=0)
    auto.fit_resample(texts, labels)
    given = MisoEdit(balance=auto.balance_["rare"], random_state=0)
    given.fit_resample(texts, labels)
    assert given.anchors_ == auto.anchors_
    assert len(given.anchors_)
    assert given.balance_ == auto.balance_


def test_several_classes_each_have_a_share(texts_of) -> None:
    texts, labels = texts_of((40, 9, 12), seed=1)
    sampler = MisoEdit(balance="auto", random_state=0)
    _, y = sampler.fit_resample(texts, labels)
    assert set(sampler.balance_) == {1, 2}
    counts = {0: 40, 1: 9, 2: 12}
    for name, share in sampler.balance_.items():
        counts[name] += round(share * (40 - counts[name]))
    assert Counter(y.tolist()) == counts


def test_a_class_that_cannot_be_parted_is_filled_whole_and_that_is_said_once() -> None:
    texts, labels = signs(12, 40)
    labels[12:14] = "odd"
    texts[13] = texts[12]
    sampler = MisoEdit(balance="auto", random_state=0)
    with pytest.warns(CounterpoiseWarning, match=r"how far to fill up 'odd' cannot be told") as said:
        sampler.fit_resample(texts, labels)
    assert len(said) == 1
    assert sampler.balance_["odd"] == 1.0
    assert set(sampler.balance_) == {"odd", "rare"}
    lone = MisoEdit(balance="auto", random_state=0)
    with pytest.warns(CounterpoiseWarning, match="'rare' cannot be told"):
        lone.fit_resample(*signs(1, 20))
    assert lone.balance_ == {"rare": 1.0}


def test_nothing_is_chosen_where_the_numbers_are_given_or_nothing_lacks() -> None:
    texts, labels = signs(12, 40)
    for settings in ({"sampling_strategy": 0.5}, {"sampling_strategy": {"rare": 20}}, {"preset": "paper"}):
        assert not MISO(balance="auto", **settings).chooses_balance
    sampler = MisoEdit(balance="auto", sampling_strategy={"rare": 20}, random_state=0)
    sampler.fit_resample(texts, labels)
    assert sampler.balance_ == {}
    assert len(sampler.anchors_) == 8
    even = MisoEdit(balance="auto", random_state=0)
    even.fit_resample(texts[:24], labels[:24])
    assert (even.balance_, len(even.anchors_)) == ({}, 0)


@pytest.mark.parametrize("sampler", [MISO, MisoEdit, CAG])
@pytest.mark.parametrize("balance", ["all", "0.5", None, 0, 1.5, float("nan")])
def test_another_word_is_refused_in_one_sentence(sampler, balance) -> None:
    with pytest.raises(SettingsError, match=r"^balance is .*; give a share above 0, at most 1, or 'auto'$"):
        sampler(balance=balance).fit_resample(*signs(4, 9))


def test_the_trained_sampler_chooses_too_and_keeps_its_checkpoint_to_itself(tmp_path) -> None:
    texts, labels = signs(9, 30)
    sampler = MISO(balance="auto", checkpoint=tmp_path / "miso.safetensors", random_state=0)
    sampler.fit_resample(texts, labels)
    assert sampler.balance_["rare"] in SHARES
    assert len(list(tmp_path.iterdir())) == (sampler.balance_["rare"] > 0)


SETTINGS = {"dim": 8, "vectors": "random", "n_filters": 8}


def fitted(kind: str, texts: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None):
    training = TrainingSettings(
        max_epochs=4, learning_rate=1e-2, batch_size=16, precision="float32", device="cpu"
    )
    method = sampled_method(Scripted, "scripted")(kind=kind, balance="auto")
    weights = np.ones(len(labels)) if weights is None else weights
    return method.fit(Data(texts, labels, 2, weights), Context(0, 1, "textcnn", SETTINGS, training))


def test_as_a_method_the_network_decides() -> None:
    """Four epochs over nine rare texts teach it nothing; of texts that hold all signs it learns them."""
    texts, names = signs()
    labels = (names == "rare").astype(np.int64)
    predictor = fitted("helps", texts, labels)
    largest, share = predictor.notes["balance"]
    assert largest is None
    assert share in SHARES[1:]
    again = fitted("helps", texts, labels)
    assert again.notes == predictor.notes
    np.testing.assert_array_equal(again.logits(texts[:5]), predictor.logits(texts[:5]))


def test_what_the_sampler_remarks_is_noted_when_the_network_decides(monkeypatch) -> None:
    monkeypatch.setattr(Scripted, "remarks_", ("it was so",))
    texts, names = signs()
    predictor = fitted("helps", texts, (names == "rare").astype(np.int64))
    assert predictor.notes["remarks"] == ["it was so"]
    assert "balance" in predictor.notes


@pytest.mark.parametrize("best", SHARES)
def test_the_share_at_which_the_network_ranks_best_is_taken(monkeypatch, best) -> None:
    """A network that knows the class only after so many new texts, and without them ranks all texts alike."""
    texts, names = signs()
    labels = (names == "rare").astype(np.int64)

    class Knows(sampled.Enlarged):
        def fit(self, data, context):
            added = len(self.whole) - len(data)
            assert added in {round(share * 72) for share in SHARES}, "80 usual and 8 rare texts are left"
            assert self.whole.labels[len(data) :].all()
            assert context.checkpoint is None
            right = added == round(best * 72)
            return SimpleNamespace(logits=lambda x: np.array([[0, right * ("rare" in of[t])] for t in x]))

    of = dict(zip(texts, names, strict=True))
    monkeypatch.setattr(sampled, "Enlarged", Knows)
    predictor = fitted("ruins", texts, labels)
    assert predictor.notes == {"balance": [None, best]}
    made = 12 + round(best * 108)
    np.testing.assert_allclose(predictor.training_prior, [120 / (120 + made), made / (120 + made)])


def test_weights_go_with_the_texts_that_anchors_were_made_from(monkeypatch) -> None:
    texts, names = signs(9, 30)
    data = Data(texts, (names == "rare").astype(np.int64), 2, np.arange(39) + 1.0)
    weights = dict(zip(texts, data.weights, strict=True))

    class Weighed(sampled.Enlarged):
        def fit(self, data, context):
            n = len(data)
            assert [weights[text] for text in data.inputs] == self.whole.weights[:n].tolist()
            assert (self.whole.weights[n:] == data.weights[data.labels == 1][0]).all(), (
                "all are of one source"
            )
            return super().fit(data, context)

    monkeypatch.setattr(sampled, "Enlarged", Weighed)
    fitted("helps", data.inputs, data.labels, weights=data.weights)


def test_the_network_judges_texts_that_it_was_not_trained_on(monkeypatch) -> None:
    texts, names = signs(9, 30)
    labels = (names == "rare").astype(np.int64)
    trained = []

    class Watched(sampled.Enlarged):
        def fit(self, data, context):
            predictor = super().fit(data, context)
            trained.append((set(self.whole.inputs), predictor))
            logits = predictor.logits

            def asked(inputs):
                assert not set(inputs) & set(self.whole.inputs)
                return logits(inputs)

            predictor.logits = asked  # type: ignore[method-assign]
            return predictor

    monkeypatch.setattr(sampled, "Enlarged", Watched)
    fitted("helps", texts, labels)
    assert len(trained) == FOLDS * len(SHARES)


def test_the_classifier_records_the_choice_and_saves_it(tmp_path) -> None:
    texts, labels = signs(12, 40)
    settings = {**NETWORK, "threshold": 0.5}
    model = TextClassifier("miso_edit", method__balance="auto", **settings).fit(texts, labels)
    balance = model.fitted_.predictor.notes["balance"]
    assert balance[1] is None
    assert balance[0] in SHARES
    model.save(tmp_path / "model")
    assert load_model(tmp_path / "model").fitted_.predictor.notes == {"balance": balance}
    plain = TextClassifier("miso_edit", method__balance=0.5, **settings).fit(texts, labels)
    assert plain.fitted_.predictor.notes == {}
    with pytest.raises(SettingsError, match="balance is 'all'"):
        TextClassifier("miso_edit", method__balance="all", **settings).fit(texts, labels)


def test_every_method_with_a_balance_takes_the_word() -> None:
    texts, labels = signs(8, 24)
    data = Data(texts, (labels == "rare").astype(np.int64), 2, np.ones(32))
    samplers = {name: method for name, method in METHODS.items() if issubclass(method, sampled.SampledMethod)}
    takers = [name for name, method in samplers.items() if "balance" in method().get_params()]
    assert takers == ["llm_oversample", "miso", "miso_edit", "cag"]
    # Texts that are paid for one by one are not written on trial.
    with pytest.raises(SettingsError, match="balance is 'auto'"):
        METHODS[takers.pop(0)](balance="auto").check()
    for name in takers:
        method = METHODS[name]().set_params(balance="auto")
        method.check()
        with warnings.catch_warnings():
            warnings.simplefilter("error", CounterpoiseWarning)
            resampled = method.resample(data, Context(seed=0))
        assert len(resampled) - 32 in {round(share * 16) for share in SHARES}
