"""The one procedure behind every classifier: which rows the method sees, and what is judged on which."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from sklearn.metrics import f1_score

from counterpoise.fitting import Plan, fit_model
from counterpoise.methods.base import Context, Data, Method
from counterpoise.metrics.scores import score
from counterpoise.metrics.thresholds import decide

PLAN = Plan(1, True, "tune", "f1", 0.1, 3, ["ham", "spam"])


class Told:
    """A predictor whose logits are the inputs themselves."""

    kind = "told"

    def __init__(self, prior: np.ndarray) -> None:
        self.training_prior = prior
        self.history: list[dict[str, float]] = []

    def logits(self, inputs: np.ndarray) -> np.ndarray:
        found = np.zeros((len(inputs), len(self.training_prior)))
        found[:, 1] = inputs[:, 1]
        return found


@dataclass(eq=False)
class Note(Method):
    """Notes the rows of each fit; the first column of the inputs is their number."""

    summary = "notes"
    early: bool = True
    fits: list[tuple[np.ndarray, np.ndarray | None, Context]] = field(default_factory=list)

    @property
    def uses_backbone(self) -> bool:  # type: ignore[override]
        return self.early

    def fit(self, data: Data, context: Context) -> Told:
        held = None if context.validation is None else context.validation.inputs[:, 0].astype(int)
        self.fits.append((data.inputs[:, 0].astype(int), held, context))
        return Told(np.full(data.n_classes, 1 / data.n_classes))


def make_data(n: int, n_rare: int, seed: int = 0) -> Data:
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat([0, 1], [n - n_rare, n_rare]))
    inputs = np.column_stack([np.arange(n), rng.normal(3 * labels, 1.0)]).astype(np.float32)
    return Data(inputs, labels, 2, np.ones(n))


def fit(method: Note, data: Data, plan: Plan = PLAN, context: Context | None = None, **more):
    return fit_model(method, data, context or Context(0, 1), plan, **more)


def test_a_validation_side_is_held_out_of_the_fit() -> None:
    data, method = make_data(600, 150), Note()
    fitted = fit(method, data)
    (rows, held, _), *others = method.fits
    assert not others
    assert len(held) == 60
    assert sorted([*rows, *held]) == list(range(600))
    assert fitted.scored_on == "validation"
    assert fitted.choice.n_rows == 60
    assert abs(data.labels[held].mean() - 0.25) < 0.02


@pytest.mark.parametrize("early", [True, False])
def test_given_rows_are_chosen_by_and_all_others_fitted_to(early) -> None:
    data, method = make_data(600, 150), Note(early=early)
    given = make_data(80, 40, seed=1)
    given = replace(given, inputs=given.inputs + np.float32([1000, 0]))
    fitted = fit(method, data, validation=given)
    (rows, held, _), *others = method.fits
    assert not others
    assert rows.tolist() == list(range(600))
    assert held.tolist() == list(range(1000, 1080))
    assert (fitted.scored_on, fitted.choice.n_rows) == ("validation", 80)
    expected = score(given.labels, fitted.probabilities(given.inputs), 1)
    assert fitted.scores["average_precision"] == expected["average_precision"]


NOT_HELD_OUT = [(600, 150, False, 0.1), (600, 150, True, 0.0), (400, 90, True, 0.1), (600, 90, True, 0.1)]


@pytest.mark.parametrize(("n", "rare", "early", "fraction"), NOT_HELD_OUT)
def test_otherwise_out_of_fold_and_a_final_fit_on_all(n, rare, early, fraction) -> None:
    method = Note(early=early)
    fitted = fit(method, make_data(n, rare), replace(PLAN, validation_fraction=fraction))
    sides = [set(rows.tolist()) for rows, _, _ in method.fits]
    everything = set(range(n))
    assert len(sides) == 4
    assert sides[0] == everything
    out = [everything - side for side in sides[1:]]
    assert sum(map(len, out)) == n
    assert set().union(*out) == everything
    assert all(held is None for _, held, _ in method.fits)
    assert len({context.seed for *_, context in method.fits}) == 4
    assert fitted.scored_on == "out-of-fold"
    assert fitted.choice.n_rows == n


@pytest.mark.parametrize(("size", "held_out"), [(1, True), (50, False)])
def test_nothing_is_held_out_that_lacks_a_class(size, held_out) -> None:
    """Four groups of a class are too large for one of them to be held out."""
    labels = np.repeat([0, 1, 2], [1000, 1000, 200])
    rows = np.arange(2200)
    data = Data(np.column_stack([rows, rows % 7]).astype(np.float32), labels, 3, np.ones(2200))
    groups = np.where(labels == 2, 2200 + rows // size, rows)
    method = Note()
    plan = replace(PLAN, minority=None, class_names=["a", "b", "c"], threshold=None)
    fit(method, data, plan, groups=groups)
    (_, held, _), *others = method.fits
    assert not others
    assert (np.bincount(labels[held]).tolist() == [100, 100, 20]) if held_out else held is None


def test_a_given_threshold_costs_no_further_fits() -> None:
    method = Note()
    fitted = fit(method, make_data(100, 30), replace(PLAN, threshold=0.2))
    assert len(method.fits) == 1
    np.testing.assert_allclose(fitted.choice.thresholds, [0.8, 0.2])
    assert (fitted.scores, fitted.scored_on) == ({}, "")


def test_too_few_rows_keep_the_default_and_say_so() -> None:
    method = Note()
    fitted = fit(method, make_data(200, 9))
    assert len(method.fits) == 1
    assert not fitted.choice.tuned
    assert "9 rows of class 'spam' are too few" in fitted.choice.note


def test_groups_that_cannot_be_parted_keep_the_default_and_say_so() -> None:
    data, method = make_data(600, 150), Note()
    fitted = fit(method, data, groups=data.labels)
    assert len(method.fits) == 1
    assert not fitted.choice.tuned
    assert "No threshold was tuned: " in fitted.choice.note
    assert "'0'" not in fitted.choice.note, "a class is called by its number"


def test_groups_stay_together() -> None:
    groups = np.arange(600) // 4
    for method in (Note(), Note(early=False)):
        fit(method, make_data(600, 150), groups=groups)
        for rows, _, _ in method.fits:
            counts = np.bincount(groups[rows], minlength=150)
            assert set(counts) <= {0, 4}


def test_fold_checkpoints_stand_beside_the_main_one(tmp_path) -> None:
    method = Note()
    fit(method, make_data(100, 30), context=Context(0, 1, checkpoint=tmp_path / "run.ckpt"))
    names = [context.checkpoint.name for *_, context in method.fits]
    assert names == ["run.ckpt", "run-fold-0.ckpt", "run-fold-1.ckpt", "run-fold-2.ckpt"]


def test_probabilities_and_scores_are_at_the_prior_of_the_weights() -> None:
    data, method = make_data(600, 150), Note()
    weights = np.where(data.labels == 1, 3.0, 1.0)
    fitted = fit(method, replace(data, weights=weights))
    np.testing.assert_allclose(fitted.prior, [0.5, 0.5])
    plain = fit(Note(), data)
    np.testing.assert_allclose(plain.prior, [0.75, 0.25])
    p = plain.probabilities(data.inputs)
    odds = np.log(p[:, 1] / p[:, 0])
    np.testing.assert_allclose(odds, data.inputs[:, 1] + np.log(0.25 / 0.75), atol=1e-5)
    held = method.fits[0][1]
    by_hand = score(data.labels[held], fitted.probabilities(data.inputs[held]), 1, weights=weights[held])
    for name in ("f1", "average_precision", "brier"):
        assert fitted.scores[name] == pytest.approx(by_hand[name])
    left = fit(Note(), data, replace(PLAN, prior_correction=False))
    uncorrected = left.probabilities(data.inputs)
    np.testing.assert_allclose(np.log(uncorrected[:, 1] / uncorrected[:, 0]), data.inputs[:, 1], atol=1e-5)
    np.testing.assert_allclose(left.under_prior(uncorrected), p, rtol=1e-9)
    assert plain.under_prior(p) is p


def test_in_time_only_later_rows_are_judged() -> None:
    """The first block has no out-of-fold prediction, and is left out of threshold and scores."""
    method = Note(early=False)
    fitted = fit(method, make_data(600, 150), time=np.arange(600))
    assert fitted.choice.n_rows == 450
    assert np.isfinite(fitted.scores["average_precision"])
    for rows, _, _ in method.fits[1:]:
        np.testing.assert_array_equal(rows, np.arange(len(rows)))


def test_the_threshold_is_tuned_by_the_rows_own_weights() -> None:
    weights = np.where(np.arange(600) % 2, 5.0, 0.2)
    data, method = replace(make_data(600, 150), weights=weights), Note()
    fitted = fit(method, data)
    held = method.fits[0][1]
    decided = decide(fitted.probabilities(data.inputs[held]), fitted.choice.thresholds)
    expected = f1_score(data.labels[held], decided, sample_weight=weights[held])
    assert fitted.choice.score == pytest.approx(expected)
