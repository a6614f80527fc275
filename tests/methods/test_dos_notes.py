"""What deep over-sampling notes of its rounds, and when it warns that the representation collapses."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from mixtext_helpers import context_of, data_of

from counterpoise.errors import CounterpoiseWarning
from counterpoise.methods.dos import DOS


def data() -> object:
    """36 rows of two overlapping classes, 6 of the rarer."""
    found = data_of("mlp", (30, 6))
    return replace(found, weights=np.ones(36))


def test_the_history_has_how_far_apart_rows_were_when_the_round_began(monkeypatch) -> None:
    each = ([8.0, 0.25], 3.0), ([7.0, 0.5], 4.0), ([6.0, 0.75], 5.0)
    spreads = iter([(np.array(within), between) for within, between in each])
    monkeypatch.setattr("counterpoise.methods.dos.class_spread", lambda *given: next(spreads))
    history = DOS(rounds=2).fit(data(), context_of("mlp", max_epochs=6)).history
    found = [(row.get("within_classes"), row.get("between_classes")) for row in history]
    assert found == [(None, None)] * 2 + [(0.25, 3.0)] * 2 + [(0.5, 4.0)] * 2
    after = [(row.get("within_classes_after"), row.get("between_classes_after")) for row in history]
    assert after == [(None, None)] * 5 + [(0.75, 5.0)]


@pytest.mark.parametrize("settings", [{"k_majority": 5}, {"k": 0}])
def test_how_wide_classes_are_is_a_mean_over_those_with_neighbours_or_over_all(settings, monkeypatch) -> None:
    monkeypatch.setattr("counterpoise.methods.dos.class_spread", lambda *given: (np.array([8.0, 0.25]), 3.0))
    history = DOS(rounds=1, **settings).fit(data(), context_of("mlp", max_epochs=2)).history
    assert history[1]["within_classes"] == pytest.approx(4.125)


@pytest.mark.parametrize("rounds", [1, 3])
def test_collapse_is_warned_of_with_the_distances(rounds) -> None:
    context = context_of("mlp", max_epochs=12, learning_rate=0.01, optimizer="sgd")
    with pytest.warns(
        CounterpoiseWarning,
        match=r"is collapsing: in the end class means were .* and rows .* from theirs, after .* lower weight",
    ):
        DOS(k_majority=5, rounds=rounds, weight=1e5).fit(data(), context)


def test_collapse_is_warned_of_as_soon_as_a_round_begins() -> None:
    context = context_of("mlp", max_epochs=16, learning_rate=0.001)
    with pytest.warns(CounterpoiseWarning, match="is collapsing: when round 3 began"):
        DOS().fit(data(), context)


@pytest.mark.parametrize("rounds", [1, 3])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("settings", [{}, {"k_majority": 5}, {"weight": 0.0}])
def test_plain_trainings_warn_of_nothing(rounds, optimizer, settings) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", CounterpoiseWarning)
        context = context_of("mlp", max_epochs=12, learning_rate=0.01, optimizer=optimizer)
        DOS(rounds=rounds, **settings).fit(data(), context)


def test_what_the_loss_is_made_of_stands_in_the_history() -> None:
    """The loss is the classification and the drawing, and for rows with neighbours what these are apart themselves."""
    found = data()
    history = DOS(rounds=1, weight=0.25).fit(found, context_of("mlp", max_epochs=4)).history
    assert "classification_loss" not in history[1]
    for row in history[2:]:
        constant = row["loss"] - row["classification_loss"] - 0.25 * row["drawing_loss"]
        assert constant > 0
        assert 0 < row["neighbor_share"] < 5 / 6
    none = DOS(rounds=1, k=0).fit(found, context_of("mlp", max_epochs=4)).history
    assert "drawing_loss" not in none[3]


def test_means_of_an_epoch_by_hand(monkeypatch) -> None:
    found, seen = replace(data(), weights=np.linspace(0.5, 1.5, 36)), []
    kept = DOS._note

    def note(self, batch, classified, features, points, weights, there) -> None:
        for i in range(len(batch.rows)):
            point = (weights[i, :, None] * points[i]).sum(dim=0)
            squares = (features[i] - points[i]).square().sum(dim=1)
            amounts = torch.exp(-weights[i] * squares)[there[i]]
            drawn = (features[i] - point).square().sum() if there[i].any() else 0.0
            share = float(amounts.sum() / (1 + amounts.sum())) if there[i].any() else np.nan
            seen.append(
                (
                    state_epoch[0],
                    float(classified[i] * batch.weights[i]),
                    float(drawn * batch.weights[i]),
                    share,
                )
            )
        kept(self, batch, classified, features, points, weights, there)

    state_epoch, began = [0], DOS.on_epoch
    monkeypatch.setattr(
        DOS,
        "on_epoch",
        lambda self, m, state: (state_epoch.__setitem__(0, state.epoch), began(self, m, state)),
    )
    monkeypatch.setattr(DOS, "_note", note)
    history = DOS(rounds=1).fit(found, context_of("mlp", max_epochs=4)).history
    for epoch in (2, 3):
        rows = np.array([row[1:] for row in seen if row[0] == epoch])
        assert len(rows) == 60
        expected = [rows[:, 0].mean(), rows[:, 1].mean(), np.nanmean(rows[:, 2])]
        names = ("classification_loss", "drawing_loss", "neighbor_share")
        assert [history[epoch][name] for name in names] == pytest.approx(expected, rel=1e-4)


def test_an_epoch_kept_from_before_the_rounds_is_remarked(monkeypatch) -> None:
    found, scores = data(), iter([0.1, 0.9, 0.3, 0.2])
    monkeypatch.setattr(DOS, "judge", lambda *given: lambda: next(scores))
    predictor = DOS(rounds=1).fit(found, context_of("mlp", max_epochs=4))
    np.testing.assert_allclose(predictor.training_prior, [30 / 36, 6 / 36])
    (remark,) = predictor.notes["remarks"]
    assert remark.startswith(
        "dos: epoch 2, which was best on the validation side, comes before the first round"
    )
    assert "within_classes_after" not in str(predictor.history)
    scores = iter([0.1, 0.2, 0.9, 0.3])
    late = DOS(rounds=1).fit(found, context_of("mlp", max_epochs=4))
    np.testing.assert_allclose(late.training_prior, [0.5, 0.5])
    assert "remarks" not in late.notes
    assert "within_classes_after" in late.history[2]
