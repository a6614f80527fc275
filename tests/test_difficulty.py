"""Difficult samples: no sample judges itself, repeats do not count, and every small case has an answer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from counterpoise.difficulty import difficult_samples, overlap
from counterpoise.errors import CounterpoiseWarning, DataError, SettingsError
from counterpoise.estimators.array import ArrayClassifier
from counterpoise.gamma import measure_difficulty
from counterpoise.text.embedding import label_free_embedding

MAILS = [
    "win a free prize now",
    "win free cash now today",
    "claim the free prize today",
    "see you at lunch today",
    "lunch at noon then",
    "see you at noon",
    "are you at home then",
    "are you home at noon",
]
LABELS = ["spam", "spam", "spam", "ham", "ham", "ham", "ham", "ham"]


def points(n: int = 80, n_rare: int = 24, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows whose labels are drawn at random: nothing can be learnt, so every rare one is difficult."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 6)).astype(np.float32), rng.permutation(np.arange(n) < n_rare).astype(int)


def network(X: np.ndarray, y: np.ndarray):
    """Train a small network on some rows until it knows them by heart; its embedding."""

    def fit_embed(train: np.ndarray):
        classifier = ArrayClassifier(
            "erm",
            threshold=None,
            validation_fraction=0.0,
            max_epochs=120,
            learning_rate=0.01,
            precision="float32",
            device="cpu",
            random_state=0,
            backbone__hidden=(128, 64),
        )
        classifier.fit(X[train], y[train])
        return lambda rows: classifier.embed(X[rows])

    return fit_embed


def test_a_network_calls_what_it_has_memorised_easy_and_cross_fitting_does_not() -> None:
    X, y = points()
    fit_embed = network(X, y)
    rare, alone = np.flatnonzero(y), np.arange(len(y))
    space = fit_embed(alone)(alone)
    memorised = measure_difficulty(space[rare], y[rare], space, y, same=(rare, alone))
    honest = difficult_samples(X, y, embed=fit_embed)
    assert memorised.share is not None
    assert memorised.share < 0.2, "the trap is gone: nothing is memorised any more"
    assert honest.share is not None
    assert honest.share > 0.6
    assert honest.rows.tolist() == rare.tolist()


@pytest.mark.parametrize("n_folds", [2, 5])
def test_each_sample_is_judged_by_what_a_model_that_had_not_seen_it_was_trained_on(n_folds) -> None:
    X, y = points(60, 20)
    trained: list[set[int]] = []
    place: dict[int, set[int]] = {}

    def fit_embed(train: np.ndarray):
        trained.append(set(train.tolist()))

        def embed(rows: np.ndarray) -> np.ndarray:
            if not set(rows.tolist()) <= trained[-1]:
                assert not set(rows.tolist()) & trained[-1], "a model judges a sample it was trained on"
                place.update((row, trained[-1]) for row in rows.tolist())
            return X[rows]

        return embed

    found = overlap(X, y, embed=fit_embed, n_folds=n_folds)
    assert len(trained) == n_folds
    assert set(found.minority.rows) == set(np.flatnonzero(y))
    assert set(found.majority.rows) == set(np.flatnonzero(y == 0))
    for side in (found.minority, found.majority):
        for row, neighbours in zip(side.rows.tolist(), side.neighbours.tolist(), strict=True):
            assert set(neighbours) <= place[row]
            assert row not in place[row]
        assert (side.hostile == (y[side.neighbours] != y[side.rows][:, None])).all()


def test_groups_stay_together_in_cross_fitting() -> None:
    X, y = points(60, 20)
    groups = np.arange(60) // 3
    sides: list[set[int]] = []

    def fit_embed(train: np.ndarray):
        sides.append(set(groups[train].tolist()))
        return lambda rows: X[rows]

    difficult_samples(X, y, embed=fit_embed, groups=groups)
    assert not sides[0] & sides[1]


def test_texts_by_vectors_without_labels() -> None:
    found = difficult_samples(MAILS, LABELS, k=2)
    assert found.rows.tolist() == [0, 1, 2]
    assert found.labels.tolist() == ["spam"] * 3
    assert found.gamma.tolist() == [0, 0, 0]
    assert not (found.neighbours == found.rows[:, None]).any()
    odd = difficult_samples([*MAILS, "see you at lunch then"], [*LABELS, "spam"], k=2)
    assert odd.difficult.tolist() == [8]
    assert odd.gamma.tolist() == [0, 0, 0, 2]


def test_repeats_of_a_text_are_no_neighbours_of_it() -> None:
    """Copies and near copies of a difficult text, which its own class sent, do not make it easy."""
    texts = [*MAILS, *["see you at lunch then"] * 4, "See  YOU at lunch, then!"]
    labels = [*LABELS, *["spam"] * 4, "ham"]
    found = difficult_samples(texts, labels, k=2, minority="spam")
    copies = found.take(found.rows >= 8)
    assert (copies.neighbours < 8).all()
    assert copies.gamma.tolist() == [2, 2, 2, 2]


def test_repeats_that_are_known_are_not_searched_again(monkeypatch) -> None:
    def searching(*_):
        raise AssertionError("repeats were searched for")

    monkeypatch.setattr("counterpoise.difficulty.joined_rows", searching)
    found = difficult_samples(MAILS, LABELS, k=2, repeats=np.array([0, 0, 2, 3, 4, 5, 6, 7]))
    assert not ((found.rows[:, None] < 2) & (found.neighbours < 2)).any()


def test_samples_of_a_group_are_no_neighbours() -> None:
    X, y = np.array([[0.0], [0.1], [1.0], [5.0], [6.0]]), [1, 1, 0, 0, 0]
    assert difficult_samples(X, y, k=1).gamma.tolist() == [0, 0]
    assert difficult_samples(X, y, k=1, groups=["a", "a", "b", "c", "d"]).neighbours[:, 0].tolist() == [2, 2]


def test_equal_rows_of_numbers_are_repeats() -> None:
    X, y = np.array([[0.0], [0.0], [1.0], [5.0], [6.0]]), [1, 1, 0, 0, 0]
    assert difficult_samples(X, y, k=1).neighbours[:, 0].tolist() == [2, 2]


def test_numbers_are_standardised() -> None:
    """The second column is large by its unit only; without scaling it alone would decide."""
    X = np.array([[0.0, 0], [0.1, 1000], [5, 900], [5.1, 2900], [5.2, 1500]])
    found = difficult_samples(X, [1, 1, 0, 0, 0], k=1)
    assert found.neighbours[0].tolist() == [1]
    constant = np.column_stack([X[:, 0], np.ones(5)])
    assert difficult_samples(constant, [1, 1, 0, 0, 0], k=1).gamma.tolist() == [0, 0]


def test_a_given_embedding_is_compared_by_cosine() -> None:
    space = np.array([[1.0, 0], [9, 1], [0, 2], [0, 7], [1, 8]])
    found = difficult_samples(MAILS[:5], [1, 1, 0, 0, 0], k=1, embed=space)
    assert found.neighbours[:, 0].tolist() == [1, 0]


def test_several_classes_each_against_all_others() -> None:
    X = np.array([[0.0], [1], [2.1], [3.3], [10], [11.1], [20], [21.1]])
    y = ["a", "a", "a", "b", "b", "b", "c", "c"]
    found = difficult_samples(X, y, k=1)
    assert found.rows.tolist() == [6, 7], "a and b are the largest"
    one = difficult_samples(X, y, k=1, minority="b")
    assert one.rows.tolist() == [3, 4, 5]
    assert one.gamma.tolist() == [1, 0, 0]
    y[0] = "d"
    several = overlap(X, y, k=1)
    assert several.minority.rows.tolist() == [0, 1, 2, 6, 7]
    assert several.minority.labels.tolist() == ["d", "a", "a", "c", "c"]
    assert several.minority.gamma.tolist() == [1, 1, 0, 0, 0]
    assert several.majority.rows.tolist() == [3, 4, 5]
    assert several.classes.tolist() == ["a", "b", "c", "d"]
    np.testing.assert_allclose(several.shares, [1 / 2, 1 / 3, 0, 1])
    expected = [[1 / 2, 0, 0, 1 / 2], [1 / 3, 2 / 3, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0]]
    np.testing.assert_allclose(several.neighbours, expected)


def test_against_a_named_class_the_others_are_one() -> None:
    """Around a majority sample only the minority is hostile, whatever the other classes are."""
    X, y = np.array([[0.0], [1], [2.1], [5], [9], [9.5]]), ["a", "b", "a", "c", "c", "b"]
    found = overlap(X, y, minority="c", k=1)
    assert found.majority.rows.tolist() == [0, 1, 2, 5]
    assert found.majority.gamma.tolist() == [0, 0, 0, 1]
    np.testing.assert_allclose(found.shares, [0, 1 / 2, 1])


def test_a_collapsed_embedding_shows_in_the_majority() -> None:
    """All in one place is no success: the minority's share alone would not tell."""
    X, y = points(200, 60)
    parted = overlap(np.column_stack([X[:, 0], 100.0 * y]), y)
    mixed = overlap(X, y)
    assert (parted.minority.share, parted.majority.share) == (0.0, 0.0)
    assert mixed.minority.share is not None
    assert mixed.majority.share is not None
    assert min(mixed.minority.share, mixed.majority.share) > 0.7


def test_the_majority_is_sampled() -> None:
    X, y = points(300, 30)
    found = overlap(X, y, majority_asked=50)
    assert len(found.majority.rows) == 50
    assert (y[found.majority.rows] == 0).all()
    again = overlap(X, y, majority_asked=50)
    assert found.majority.rows.tolist() == again.majority.rows.tolist()
    assert (
        found.majority.rows.tolist()
        != overlap(X, y, majority_asked=50, random_state=1).majority.rows.tolist()
    )


def test_one_minority_sample() -> None:
    found = difficult_samples(MAILS, ["spam"] + ["ham"] * 7, k=3)
    assert (found.rows.tolist(), found.gamma.tolist()) == ([0], [3])
    with pytest.raises(DataError, match=r"cannot be cross-fitted: class '1' has 1 row.*embed=None"):
        difficult_samples(np.eye(5), [1, 0, 0, 0, 0], k=2, embed=lambda train: lambda rows: np.eye(5)[rows])


def test_k_beyond_the_samples_is_lowered_with_a_warning() -> None:
    with pytest.warns(CounterpoiseWarning, match="k is 20, but there are 7 samples"):
        found = difficult_samples(MAILS, LABELS, k=20)
    assert found.k == 7
    assert found.gamma.tolist() == [5, 5, 5]


def test_all_texts_equal() -> None:
    found = overlap(["the same text"] * 6, ["rare"] + ["usual"] * 5, k=2)
    assert (found.minority.share, found.majority.share) == (0.0, 0.0)
    assert (found.minority.neighbours == -1).all()
    assert np.isnan(found.neighbours).all()


def test_equal_minority_texts_and_texts_of_one_token() -> None:
    texts = ["win"] * 3 + ["lunch", "noon", "home", "lunch noon", "home noon", "lunch home"]
    found = difficult_samples(texts, ["spam"] * 3 + ["ham"] * 6, k=2)
    assert (found.neighbours > 2).all()
    assert found.share == 1.0


def test_the_same_seed_gives_the_same_answer(texts_of) -> None:
    texts, labels = texts_of((60, 15))
    first, again, other = (overlap(texts, labels, random_state=seed) for seed in (0, 0, 1))
    for name in ("rows", "neighbours", "distances", "hostile"):
        np.testing.assert_array_equal(getattr(first.minority, name), getattr(again.minority, name))
    assert (first.minority.distances != other.minority.distances).any()


def test_containers(texts_of) -> None:
    texts, labels = texts_of((40, 10))
    expected = difficult_samples(texts, labels).gamma.tolist()
    assert difficult_samples(pd.Series(texts), pd.Series(labels)).gamma.tolist() == expected
    assert difficult_samples(texts.tolist(), labels.tolist()).gamma.tolist() == expected
    space = label_free_embedding(texts)
    frame = pd.DataFrame(space)
    assert difficult_samples(frame, labels).rows.tolist() == difficult_samples(space, labels).rows.tolist()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"y": LABELS[:-1]}, DataError, "8 samples and 7 labels"),
        ({"y": ["ham", "spam"] * 4}, SettingsError, "no class is rarer than another"),
        ({"minority": "eggs"}, SettingsError, "no class 'eggs'"),
        ({"k": 0}, SettingsError, "k is 0"),
        ({"embed": np.ones((3, 2))}, DataError, r"embedding of 8 samples has shape \(3, 2\)"),
        ({"embed": np.full((8, 2), np.nan)}, DataError, "not finite"),
        ({"X": np.diag([1, 1, np.inf, 1, 1, 1, 1, 1])}, DataError, "row 2 holds a value that is not finite"),
        ({"embed": lambda train: lambda rows: np.ones(3)}, DataError, "has shape"),
        ({"X": ["", *MAILS[1:]]}, DataError, "position 0 is empty"),
        ({"X": MAILS[:1], "y": ["ham"]}, DataError, "one sample only"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(change, error, message) -> None:
    with pytest.raises(error, match=message):
        difficult_samples(**{"X": MAILS, "y": LABELS, "k": 2, **change})
