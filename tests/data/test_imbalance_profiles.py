"""Imbalance made on purpose: known sizes, nested choices, and nothing lost."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.data.imbalance import (
    drawn_classes,
    exponential_profile,
    imbalance_ratio,
    keep_minority,
    one_against_rest,
    parse_keep,
    step_profile,
    thin,
)
from counterpoise.errors import DataError, SettingsError

LABELS = np.array(["ham"] * 90 + ["spam"] * 40 + ["news"] * 10, dtype=object)[
    np.random.default_rng(0).permutation(140)
]


def sizes(labels):
    return dict(
        zip(*(part.tolist() for part in np.unique(labels.astype(str), return_counts=True)), strict=True)
    )


def test_one_against_rest():
    binary = one_against_rest(LABELS, "spam")
    assert sizes(binary) == {"rest": 100, "spam": 40}
    assert (binary.dtype, binary is LABELS) == (object, False)
    assert sizes(one_against_rest(np.array([0, 1, 2, 1]), "1")) == {"1": 2, "rest": 2}


@pytest.mark.parametrize(
    ("labels", "minority", "error", "message"),
    [
        (
            LABELS,
            "spma",
            SettingsError,
            "no class 'spma'; there are 'ham', 'news', 'spam'; did you mean 'spam'",
        ),
        (LABELS[LABELS == "spam"], "spam", DataError, "every row is of class 'spam'"),
        (np.array(["rest", "b"]), "rest", SettingsError, "rename it"),
    ],
)
def test_one_against_rest_refuses(labels, minority, error, message):
    with pytest.raises(error, match=message):
        one_against_rest(labels, minority)


@pytest.mark.parametrize(
    ("keep", "expected"),
    [
        ("0.1", 0.1),
        (0.1, 0.1),
        ("10%", 0.1),
        ("2.5 %".replace(" ", ""), 0.025),
        (25, 25),
        ("25", 25),
        (" 25 ", 25),
        ("1", 1),
        (1, 1),
        ("1.0", 1.0),
        (1.0, 1.0),
        ("100%", 1.0),
        ("1e-2", 0.01),
        (np.int64(3), 3),
        (np.float64(0.5), 0.5),
        ("exponential:100", "exponential:100"),
        (" step:10.0 ", "step:10"),
        ("exponential:2.5", "exponential:2.5"),
    ],
)
def test_parse_keep(keep, expected):
    assert parse_keep(keep) == expected
    assert type(parse_keep(keep)) is type(expected)


@pytest.mark.parametrize(
    "keep",
    [
        *("", "0", 0, -3, "-3", "0.0", 1.5, "150%", "-0.1", "ten", "nan", "inf", True, "1/2", "0%"),
        *("exponential", "exponential:", "exponential:0.5", "step:-3", "step:1e9", "linear:10", ":10"),
    ],
)
def test_parse_keep_refuses(keep):
    with pytest.raises(SettingsError, match="give a share above 0"):
        parse_keep(keep)


@pytest.mark.parametrize(
    ("keep", "count"), [("10%", 4), (0.25, 10), ("1", 1), (40, 40), ("1.0", 40), ("0.001", 1)]
)
def test_keep_minority_counts(keep, count):
    kept, held_back = keep_minority(LABELS, "spam", keep, seed=3)
    assert sizes(LABELS[kept])["spam"] == count
    assert len(held_back) == 40 - count
    assert set(LABELS[held_back]) <= {"spam"}
    assert sizes(LABELS[kept])["ham"] == 90


def test_keep_more_than_there_are():
    with pytest.raises(SettingsError, match="keep is 41, but class 'spam' has 40 rows"):
        keep_minority(LABELS, "spam", 41, seed=0)


def test_seeds_matter_and_repeat():
    first = keep_minority(LABELS, "spam", 10, seed=0)[0]
    assert np.array_equal(first, keep_minority(LABELS, "spam", 10, seed=0)[0])
    assert not np.array_equal(first, keep_minority(LABELS, "spam", 10, seed=1)[0])


def test_exponential_profile_of_three_classes():
    labels = np.repeat(np.array(["a", "b", "c"], dtype=object), 100)
    kept, held_back = exponential_profile(labels, 100, seed=0)
    assert sizes(labels[kept]) == {"a": 100, "b": 10, "c": 1}
    assert len(held_back) == 189


def test_step_profile_of_five_classes():
    labels = np.repeat(np.array(list("abcde"), dtype=object), [100, 90, 80, 70, 3])
    assert sizes(labels[step_profile(labels, 10, seed=0)[0]]) == {"a": 100, "b": 90, "c": 80, "d": 10, "e": 3}
    everyone_but_one = step_profile(labels, 20, seed=0, share_minority=0.8)[0]
    assert sizes(labels[everyone_but_one]) == {"a": 100, "b": 5, "c": 5, "d": 5, "e": 3}


@pytest.mark.parametrize("ratio", [0.5, 0, -1, float("nan"), float("inf")])
@pytest.mark.parametrize("profile", [exponential_profile, step_profile])
def test_profiles_refuse(profile, ratio):
    with pytest.raises(SettingsError, match="give a number of 1 or more"):
        profile(LABELS, ratio, seed=0)
    with pytest.raises(DataError, match="one class only"):
        profile(LABELS[:0].astype(str), 2, seed=0) if ratio == 0.5 else profile(
            np.array(["a", "a"]), 2, seed=0
        )


@pytest.mark.parametrize("share", [0, 1, -0.5])
def test_step_share(share):
    with pytest.raises(SettingsError, match="share_minority"):
        step_profile(LABELS, 2, seed=0, share_minority=share)


def test_imbalance_ratio():
    assert imbalance_ratio(LABELS) == 9.0
    assert imbalance_ratio(np.array([1, 1, 1])) == 1.0
    with pytest.raises(DataError, match="at least one"):
        imbalance_ratio(np.array([]))


label_arrays = st.lists(st.sampled_from("abcd"), min_size=2, max_size=80).filter(lambda x: len(set(x)) > 1)


@given(label_arrays, st.integers(0, 2**40), st.floats(0.01, 1), st.floats(0.01, 1))
def test_kept_rows_are_nested_and_complete(labels, seed, one, other):
    labels = np.array(labels, dtype=object)
    small, large = sorted([one, other])
    few, held_back = keep_minority(labels, labels[0], small, seed)
    many, _ = keep_minority(labels, labels[0], large, seed)
    assert set(few) <= set(many)
    assert sorted([*few, *held_back]) == list(range(len(labels)))
    assert (np.diff(few) > 0).all()


@given(label_arrays, st.integers(0, 2**40), st.floats(1, 500), st.floats(1, 500), st.booleans())
def test_profiles_are_nested_and_keep_every_class(labels, seed, one, other, step):
    labels = np.array(labels, dtype=object)
    profile = step_profile if step else exponential_profile
    mild, strong = sorted([one, other])
    few, held_back = profile(labels, strong, seed)
    many, _ = profile(labels, mild, seed)
    assert set(few) <= set(many)
    assert set(labels[few]) == set(labels)
    assert sorted([*few, *held_back]) == list(range(len(labels)))
    assert sizes(labels[few])[max(sizes(labels), key=sizes(labels).get)] == max(sizes(labels).values())


@given(st.integers(1, 10_000), st.integers(2, 12))
def test_exponential_profile_has_the_ratio_asked_for(ratio, n_classes):
    labels = np.repeat(np.arange(n_classes), 200)
    kept, _ = exponential_profile(labels, ratio, seed=0)
    assert imbalance_ratio(labels[kept]) == 200 / max(1, 200 // ratio)


def test_thin_does_what_keep_says():
    kept, held_back, share = thin(LABELS, "25%", "spam", seed=3)
    np.testing.assert_array_equal(kept, keep_minority(LABELS, "spam", "25%", seed=3)[0])
    assert share == 0.25
    assert len(kept) + len(held_back) == len(LABELS)
    for profile, make in (("exponential:9", exponential_profile), ("step:9", step_profile)):
        kept, held_back, share = thin(LABELS, profile, None, seed=3)
        np.testing.assert_array_equal(kept, make(LABELS, 9, seed=3)[0])
        assert share is None
        assert sizes(LABELS[kept])["ham"] == 9 * sizes(LABELS[kept])["news"]


def test_a_share_is_of_a_class_and_a_profile_of_all():
    with pytest.raises(SettingsError, match="name it with --minority, or give a profile of all classes"):
        thin(LABELS, "25%", None, seed=3)
    with pytest.raises(SettingsError, match="a profile of all classes; give how much of one"):
        keep_minority(LABELS, "spam", "step:9", seed=3)


@given(st.sampled_from(["exponential", "step"]), st.floats(1, 1e9) | st.integers(1, 10**12))
def test_a_profile_that_was_read_is_read_again_as_it_is(profile, ratio):
    once = parse_keep(f"{profile}:{ratio:f}" if isinstance(ratio, float) else f"{profile}:{ratio}")
    assert parse_keep(once) == once


TEN = np.repeat(np.array(list("abcdefghij"), dtype=object), 50)


@pytest.mark.parametrize("seed", range(5))
def test_classes_drawn_keep_their_share_and_the_others_all(seed):
    kept, held_back = drawn_classes(TEN, 4, 0.1, seed)
    assert sorted(sizes(TEN[kept]).values()) == [5] * 4 + [50] * 6
    assert sorted(np.concatenate([kept, held_back])) == list(range(500))
    more, _ = drawn_classes(TEN, 4, 0.5, seed)
    assert set(kept) <= set(more)


def test_which_classes_are_drawn_depends_on_the_seed_and_not_on_the_order_of_rows():
    def drawn(labels, seed):
        found = sizes(labels[drawn_classes(labels, 3, 0.02, seed)[0]])
        return {name for name, size in found.items() if size == 1}

    assert len({frozenset(drawn(TEN, seed)) for seed in range(20)}) > 10
    assert drawn(TEN, 3) == drawn(TEN[::-1], 3)
    more = np.concatenate([TEN, np.repeat(np.array(list("ij"), dtype=object), 9)])
    assert drawn(more, 3) == drawn(TEN, 3), "sizes have no say"


def test_drawn_classes_as_a_word():
    assert parse_keep("drawn:4:10%") == parse_keep("drawn:4:0.10") == "drawn:4:0.1"
    kept, _, share = thin(TEN, "drawn:4:0.1", None, 7)
    np.testing.assert_array_equal(kept, drawn_classes(TEN, 4, 0.1, 7)[0])
    assert share is None
    for wrong in ("drawn:0:0.1", "drawn:4", "drawn:4:25", "drawn:4:0", "drawn:-1:0.1", "drawn:4:drawn:1:0.1"):
        with pytest.raises(SettingsError):
            parse_keep(wrong)
    with pytest.raises(
        SettingsError, match="10 classes were to be drawn of the 10 that there are; give from 1 to 9"
    ):
        thin(TEN, "drawn:10:0.1", None, 7)
