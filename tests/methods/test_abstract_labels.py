"""Groups found in a representation, and the parts of it that are theirs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from counterpoise.errors import CounterpoiseWarning, SettingsError
from counterpoise.estimators.array import ArrayClassifier
from counterpoise.methods.abstract_labels import (
    dealt_out,
    find_groups,
    n_groups_of,
    outside,
    own_parts,
    renumbered,
)


def test_how_many() -> None:
    assert [n_groups_of(n) for n in (2, 3, 4, 9, 10, 23, 100)] == [3, 2, 2, 3, 3, 5, 10]


def test_classes_whose_means_are_near_are_one_group() -> None:
    rng = np.random.default_rng(0)
    places = np.array([[0, 0], [1, 0], [20, 0], [21, 0], [0, 30], [1, 30], [0, 31], [21, 1], [0, 1]])
    labels = np.repeat(np.arange(9), 5)
    groups = find_groups((places[labels] + rng.normal(0, 0.1, (45, 2))).astype(np.float32), labels, 9, 0)
    by_class = groups[::5]
    assert (groups == by_class[labels]).all()
    together = [{0, 1, 8}, {2, 3, 7}, {4, 5, 6}]
    assert {frozenset(np.flatnonzero(by_class == g)) for g in range(3)} == set(map(frozenset, together))


@pytest.mark.parametrize("larger", [0, 1])
def test_of_two_classes_the_larger_is_parted(larger) -> None:
    features = np.array([[0.0], [0.1], [9.0], [9.1], [9.2], [5.0], [5.1]], dtype=np.float32)
    labels = np.array([larger] * 5 + [1 - larger] * 2)
    groups = find_groups(features, labels, 2, 0)
    assert groups[5:].tolist() == [2, 2]
    assert groups[0] == groups[1] != groups[2] == groups[3] == groups[4]
    assert set(groups[:5]) == {0, 1}


def test_rows_at_one_place_are_parted_without_a_word(recwarn) -> None:
    groups = find_groups(np.ones((9, 2), dtype=np.float32), np.array([0] * 6 + [1] * 3), 2, 0)
    assert set(groups[:6]) <= {0, 1}
    assert not recwarn.list


def test_a_hundred_classes_are_trained_on() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(100), rng.integers(1, 6, 100))
    values = rng.normal(size=(len(labels), 8)).astype(np.float32)
    settings = {"method__abstract_labels": True, "max_epochs": 4, "threshold": None, "precision": "float32"}
    with pytest.warns(
        CounterpoiseWarning,
        match=r"dos: 5 neighbours were asked for, but classes '\d+', .* and \d+ more have only 1 to 2 rows",
    ):
        model = ArrayClassifier("dos", random_state=0, **settings).fit(values, labels)
    assert model.predict_proba(values).shape == (len(labels), 100)
    assert np.isfinite(model.predict_proba(values)).all()


def test_groups_dealt_out_are_as_large_keep_classes_whole_and_change_as_those_found_do() -> None:
    labels = np.repeat(np.arange(9), 4)
    found = np.repeat([0, 0, 0, 0, 0, 1, 1, 1, 2], 4)
    dealt = dealt_out(found, labels, 9, np.random.default_rng(0))
    assert np.bincount(dealt).tolist() == [20, 12, 4]
    assert (dealt.reshape(9, 4) == dealt[::4, None]).all()
    assert dealt.tolist() != found.tolist()
    assert dealt.tolist() == dealt_out(found, labels, 9, np.random.default_rng(0)).tolist()
    moved = np.repeat([0, 0, 0, 0, 1, 1, 1, 1, 2], 4)
    again = dealt_out(moved, labels, 9, np.random.default_rng(0))
    assert (again != dealt).sum() == 4, "one class has moved, so one has here"


def test_of_two_classes_the_rows_of_the_larger_are_dealt_out() -> None:
    labels = np.array([0] * 50 + [1] * 5)
    found = np.array([0] * 30 + [1] * 20 + [2] * 5)
    dealt = dealt_out(found, labels, 2, np.random.default_rng(0))
    assert np.bincount(dealt).tolist() == [30, 20, 5]
    assert (dealt[50:] == 2).all()
    assert dealt.tolist() != found.tolist()


def test_groups_keep_the_numbers_of_those_they_share_most_with() -> None:
    before = np.array([0, 0, 0, 1, 1, 2, 2, 2])
    now = np.array([2, 2, 2, 0, 0, 1, 1, 0])
    assert renumbered(now, before, 3).tolist() == [0, 0, 0, 1, 1, 2, 2, 1]


def test_blocks_by_hand() -> None:
    assert own_parts(7, 3).int().tolist() == [
        [1, 1, 1, 1, 1, 0, 0],
        [1, 1, 1, 1, 0, 1, 0],
        [1, 1, 1, 1, 0, 0, 1],
    ]
    assert own_parts(64, 5).sum(dim=1).tolist() == [64 - 5 * 6 + 6] * 5
    with pytest.raises(SettingsError, match=r"has 5 features, too few for blocks of 4 groups; .* 8 or more"):
        own_parts(5, 4)


def test_what_lies_outside_is_a_share_of_the_squared_length() -> None:
    features = torch.tensor([[1.0, 2.0, 2.0], [0.0, 0.0, 0.0], [-4.0, 0.0, 3.0]], requires_grad=True)
    allowed = torch.tensor([[True, True, False], [True, False, True], [False, True, True]])
    share = outside(features, allowed)
    assert share.tolist() == pytest.approx([4 / 9, 0, 16 / 25])
    share.sum().backward()
    assert torch.isfinite(features.grad).all()
