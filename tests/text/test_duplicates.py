"""Near-duplicates: exact against brute force, on the threshold, in bulk, and on real messages."""

import os
import re

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components

from counterpoise.errors import DataError, SettingsError
from counterpoise.text import duplicates
from counterpoise.text.duplicates import near_duplicate_groups
from counterpoise.text.tokenizers import tokenize


def brute_force(texts, threshold):
    folded = [" ".join(text.casefold().split()) for text in texts]
    sets = [{t for t in row if re.search(r"[^\W_]", t)} for row in tokenize(folded).to_list()]
    linked = np.eye(len(texts), dtype=bool)
    for i, a in enumerate(sets):
        for j, b in enumerate(sets[:i]):
            linked[i, j] = folded[i] == folded[j] or (bool(a | b) and len(a & b) / len(a | b) >= threshold)
    return connected_components(linked, directed=False)[1]


def same_partition(a, b):
    return len(a) == len(b) and len(set(zip(a, b, strict=True))) == len(set(a)) == len(set(b))


def words(*numbers):
    return " ".join(f"w{i}" for i in numbers)


def test_by_hand():
    texts = [
        "Call now!",
        "call  NOW",
        "Call me now",
        "!!!",
        "!!!",
        "???",
        "",
        " ",
        "Straße",
        "STRASSE",
        "now call",
    ]
    assert near_duplicate_groups(texts).tolist() == [0, 0, 1, 2, 2, 3, 4, 4, 5, 5, 0]


def test_on_the_threshold_and_just_below():
    nine_of_ten = [words(*range(10)), words(*range(9))]
    assert near_duplicate_groups(nine_of_ten).tolist() == [0, 0]
    eight_of_nine = [words(*range(9)), words(*range(8))]
    assert near_duplicate_groups(eight_of_nine).tolist() == [0, 1]
    eighteen_of_twenty = [words(*range(19)), words(*range(18), 99)]
    assert near_duplicate_groups(eighteen_of_twenty).tolist() == [0, 0]
    seventeen_of_nineteen = [words(*range(18)), words(*range(17), 99)]
    assert near_duplicate_groups(seventeen_of_nineteen).tolist() == [0, 1]


def test_links_connect_in_chains():
    chain = [words(*range(start, start + 20)) for start in range(6)]
    assert near_duplicate_groups(chain).tolist() == [0] * 6
    assert near_duplicate_groups([chain[0], chain[5]]).tolist() == [0, 1]


@settings(max_examples=150)
@given(
    st.lists(st.lists(st.integers(0, 14), max_size=14), max_size=25),
    st.sampled_from([0.1, 0.3, 0.5, 2 / 3, 0.75, 0.8, 0.9, 1.0]),
)
@example([list(range(10)), list(range(9))], 0.9)
def test_as_brute_force_on_random_sets(sets, threshold):
    texts = [words(*numbers) for numbers in sets]
    assert same_partition(near_duplicate_groups(texts, threshold), brute_force(texts, threshold))


@settings(max_examples=100)
@given(st.data())
def test_as_brute_force_on_edited_copies(data):
    """Sets of 8 to 45 words with a few exchanged, dropped or added: many pairs lie near .9."""
    texts = []
    for source in range(data.draw(st.integers(1, 3))):
        base = [f"s{source}w{i}" for i in range(data.draw(st.integers(8, 45)))]
        for copy in range(data.draw(st.integers(1, 6))):
            kept = base[data.draw(st.integers(0, 3)) : len(base) - data.draw(st.integers(0, 2))]
            texts.append(" ".join(kept + [f"c{copy}n{i}" for i in range(data.draw(st.integers(0, 3)))]))
    assert same_partition(near_duplicate_groups(texts), brute_force(texts, 0.9))


@given(st.lists(st.text(st.sampled_from("aAbß ,😀你\t"), max_size=6), max_size=12))
def test_as_brute_force_on_odd_texts(texts):
    assert same_partition(near_duplicate_groups(texts), brute_force(texts, 0.9))


def test_groups_are_numbered_by_first_appearance_and_ignore_the_order():
    rng = np.random.default_rng(0)
    texts = np.array([words(*range(i, i + 12)) for i in (0, 40, 80)] * 3, dtype=object)
    groups = near_duplicate_groups(texts)
    assert groups.dtype == np.int64
    assert groups.tolist() == [0, 1, 2] * 3
    order = rng.permutation(len(texts))
    assert same_partition(near_duplicate_groups(texts[order]), groups[order])


def test_small_chunks_change_nothing(monkeypatch):
    rng = np.random.default_rng(1)
    texts = [words(*rng.choice(16, 11, replace=False)) for _ in range(120)]
    expected = brute_force(texts, 0.8)
    assert 1 < len(set(expected)) < 120
    monkeypatch.setattr(duplicates, "_PAIRS_AT_ONCE", 5)
    monkeypatch.setattr(duplicates, "_COUNTED_AT_ONCE", 2)
    assert same_partition(near_duplicate_groups(texts, 0.8), expected)


def test_thousands_of_copies_of_a_template_cost_few_comparisons(monkeypatch):
    counted = []
    count = duplicates._count_and_merge

    def counting(sets, sizes, labels, x, y, threshold):
        counted.append(len(x))
        return count(sets, sizes, labels, x, y, threshold)

    monkeypatch.setattr(duplicates, "_count_and_merge", counting)
    one_word = [words(*range(19)) + f" order{k}" for k in range(5000)]
    assert near_duplicate_groups(one_word).max() == 0
    assert max(counted) <= duplicates._PAIRS_AT_ONCE
    counted.clear()
    two_words = [words(*range(18)) + f" order{k} name{k}" for k in range(5000)]
    assert near_duplicate_groups(two_words).max() == 4999
    assert sum(counted) == 0


def test_bad_input_is_refused():
    with pytest.raises(SettingsError, match="threshold"):
        near_duplicate_groups(["a"], 0)
    with pytest.raises(SettingsError, match="threshold"):
        near_duplicate_groups(["a"], 1.1)
    with pytest.raises(DataError, match="Row 1"):
        near_duplicate_groups(["a", None])
    assert near_duplicate_groups([]).tolist() == []


@pytest.mark.real_data
def test_real_messages():
    folder = os.environ["COUNTERPOISE_DATA"]
    texts = pq.read_table(f"{folder}/sms_spam/train.parquet")["text"].to_pylist()
    groups = near_duplicate_groups(texts)
    repeats = len(texts) - len({text.casefold() for text in texts})
    assert groups.max() + 1 < len(texts) - repeats
    part = np.random.default_rng(0).choice(len(texts), 500, replace=False)
    part = np.union1d(part, np.flatnonzero(np.bincount(groups)[groups] > 3)[:200])
    some = [texts[i] for i in part]
    assert same_partition(near_duplicate_groups(some), brute_force(some, 0.9))
