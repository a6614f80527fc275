"""From labelled data to a thresholded model: validation side, method, prior, threshold, in this order.

The one procedure behind every estimator. Only rows of the fitting side reach the method; the rows that choose
the stopping epoch or the threshold are held out of what predicts them, with all their near duplicates and group
members, unless the caller has rows of their own for that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from counterpoise.crossfit import Split, holdout, make_folds, out_of_fold
from counterpoise.errors import DataError
from counterpoise.methods.base import Context, CrossFittingMethod, Data, Method
from counterpoise.methods.predictors import Predictor
from counterpoise.metrics.calibration import shift_prior, softmax
from counterpoise.metrics.diagnosis import one_class_predicted
from counterpoise.metrics.scores import score
from counterpoise.metrics.thresholds import (
    MIN_CLASS_ROWS,
    MIN_ROWS,
    ThresholdChoice,
    decide,
    given_threshold,
    too_few_to_tune,
    tune_threshold,
    untuned,
)
from counterpoise.seeding import derive_seed

Groups: TypeAlias = "np.ndarray | Callable[[], np.ndarray | None] | None"
"""Groups of rows that are never parted, or how to find them."""


@dataclass(frozen=True)
class Plan:
    """How to choose what is not learnt by the method itself.

    Attributes
    ----------
    minority : int or None
        The class that matters; None when all do.
    prior_correction : bool
        Whether probabilities are returned to the fitting side's prior after resampling or weighting.
    threshold : float, str or None
        ``"tune"``, None for the most probable class, or the probability of the class that matters (of two)
        above which it is predicted.
    metric : str or array-like of shape (C, C)
        What the threshold serves; see :func:`counterpoise.metrics.thresholds.tune_threshold`.
    validation_fraction : float
        Share of the rows held out for early stopping and the threshold, when that leaves enough of them.
    folds : int
        Of the out-of-fold predictions for the threshold, when a validation side would be too small.
    class_names : sequence of str
        For messages.
    """

    minority: int | None
    prior_correction: bool
    threshold: float | str | None
    metric: Any
    validation_fraction: float
    folds: int
    class_names: Sequence[str]


@dataclass(frozen=True)
class Fitted:
    """A thresholded model.

    Attributes
    ----------
    predictor : Predictor
    prior : ndarray of float64, shape (C,)
        Class shares of the fitting side, by sample weights but not class weights.
    prior_correction : bool
    choice : ThresholdChoice
    scores : dict
        Of the held-out rows that the threshold was chosen on; empty where there were none.
    scored_on : str
        ``"validation"``, ``"out-of-fold"`` or ``""``.
    warning : str or None
        What to say when the most probable class of all these rows is the same one.
    given : bool
        Whether these rows were the caller's, with class shares of their own.
    """

    predictor: Predictor
    prior: np.ndarray
    prior_correction: bool
    choice: ThresholdChoice
    scores: dict[str, float | None]
    scored_on: str
    warning: str | None = None
    given: bool = False

    def probabilities(self, inputs: np.ndarray) -> np.ndarray:
        """Probabilities ``(n, C)`` of float64, rows summing to 1."""
        return _probabilities(self.predictor, inputs, self.prior if self.prior_correction else None)

    def under_prior(self, probabilities: np.ndarray) -> np.ndarray:
        """What :meth:`probabilities` gives, as it would be with ``prior_correction``; the same ones if it is on."""
        if self.prior_correction:
            return probabilities
        with np.errstate(divide="ignore"):
            return _probabilities_of(np.log(probabilities), self.predictor, self.prior)


def fit_model(
    method: Method,
    data: Data,
    context: Context,
    plan: Plan,
    *,
    groups: Groups = None,
    time: np.ndarray | None = None,
    validation: Data | None = None,
) -> Fitted:
    """Fit a method, and choose its stopping epoch and threshold on held-out rows.

    Parameters
    ----------
    method : Method
    data : Data
        The fitting side; its weights make the prior and weigh the held-out scores, class weights do not.
    context : Context
        Without a validation side; this function makes it.
    plan : Plan
    groups : ndarray of int64, shape (n,), a function that finds it, or None
        Rows of a group are never parted. Finding near repeats takes a while, so a function is called only
        when rows are held out, and once.
    time : ndarray, shape (n,), or None
        Held-out rows are then later than those fitted to.
    validation : Data or None
        Rows to choose by, where they are given; none of ``data`` are held out then.

    Returns
    -------
    Fitted

    Raises
    ------
    DataError
        When a class cannot reach the fitting side.
    """
    prior = data.class_mass()
    kept_prior = prior if plan.prior_correction else None
    find_groups = _found_once(groups)
    fitted_to, held_out = data, validation
    if validation is None:
        side = _validation_side(method, data, context, plan, find_groups, time)
        if side is not None:
            fitted_to, held_out = data.take(side.train), data.take(side.test)
    reason = ""
    if held_out is not None:
        predictor = method.fit(fitted_to, replace(context, validation=held_out))
        scored_on = "validation"
        probabilities = _probabilities(predictor, held_out.inputs, kept_prior)
    else:
        scored_on = "out-of-fold"
        splits, reason = _threshold_folds(data, plan, find_groups, time, context.seed)
        if splits and isinstance(method, CrossFittingMethod):
            predictor, rows, logits = method.fit_on_folds(data, context, splits)
            probabilities = _probabilities_of(logits, predictor, kept_prior)
        else:
            predictor = method.fit(data, context)
            rows, probabilities = _out_of_fold(method, data, context, splits, kept_prior)
        held_out = data.take(rows)
    labels, weights = held_out.labels, held_out.weights
    choice = _choose(labels, probabilities, weights, reason, plan, context.seed)
    scores: dict[str, float | None] = {}
    warning = None
    if len(labels):
        tuned = decide(probabilities, choice.thresholds)
        probable = probabilities.argmax(axis=1)
        warning = one_class_predicted(
            labels, probabilities, probable, plan.minority, plan.class_names, tuned=choice.tuned
        )
        scores = dict(score(labels, probabilities, plan.minority, decisions_tuned=tuned, weights=weights))
    return Fitted(
        predictor=predictor,
        prior=prior,
        prior_correction=plan.prior_correction,
        choice=choice,
        scores=scores,
        scored_on=scored_on if len(labels) else "",
        warning=warning,
        given=validation is not None,
    )


def _found_once(groups: Groups) -> Callable[[], np.ndarray | None]:
    if callable(groups):
        return cache(groups)
    known = groups
    return lambda: known


def _probabilities(predictor: Predictor, inputs: np.ndarray, prior: np.ndarray | None) -> np.ndarray:
    return _probabilities_of(predictor.logits(inputs), predictor, prior)


def _probabilities_of(logits: np.ndarray, predictor: Predictor, prior: np.ndarray | None) -> np.ndarray:
    if prior is not None:
        logits = shift_prior(logits, predictor.training_prior, prior)
    return softmax(logits)


def _validation_side(
    method: Method,
    data: Data,
    context: Context,
    plan: Plan,
    find_groups: Callable[[], np.ndarray | None],
    time: np.ndarray | None,
) -> Split | None:
    """Held-out rows for a method that can stop early, if they would be enough to judge by."""
    if not method.trains_backbone(data.kind) or plan.validation_fraction <= 0:
        return None
    # The rarest class decides, whichever class matters: stopping early on two rows of it is a coin's choice.
    held_out = np.bincount(data.labels, minlength=data.n_classes).min() * plan.validation_fraction
    if held_out < MIN_CLASS_ROWS or len(data) * plan.validation_fraction < MIN_ROWS:
        return None
    seed, groups = derive_seed(context.seed, "validation"), find_groups()
    try:
        side = holdout(data.labels, plan.validation_fraction, groups=groups, time=time, seed=seed)
    except DataError:
        return None  # a class in one group cannot be parted; all rows are trained on, for all epochs
    # Groups stay whole, and the latest rows are of whatever classes they are: a class may get less than its share.
    held = np.bincount(data.labels[side.test], minlength=data.n_classes)
    return side if held.min() >= MIN_CLASS_ROWS and held.sum() >= MIN_ROWS else None


def _threshold_folds(
    data: Data,
    plan: Plan,
    find_groups: Callable[[], np.ndarray | None],
    time: np.ndarray | None,
    seed: int,
) -> tuple[list[Split], str]:
    """Folds to tune the threshold on, or none and the reason."""
    if plan.threshold != "tune":
        return [], ""
    reason = too_few_to_tune(data.labels, plan.minority, plan.class_names)
    if reason is None:
        seed, groups = derive_seed(seed, "threshold folds"), find_groups()
        try:
            names = np.array(plan.class_names, dtype=object)[data.labels]  # for what is said of a class
            return make_folds(names, plan.folds, groups=groups, time=time, seed=seed), ""
        except DataError as error:
            reason = f"No threshold was tuned: {error}"
    return [], reason


def _out_of_fold(
    method: Method, data: Data, context: Context, splits: list[Split], prior: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Rows that have out-of-fold probabilities, and these."""
    folds = iter(range(len(splits)))

    def fit_predict(train: np.ndarray, test: np.ndarray) -> np.ndarray:
        fold = next(folds)
        seed = derive_seed(context.seed, "fold", fold)
        inner = replace(context, seed=seed, checkpoint=_beside(context.checkpoint, fold))
        return _probabilities(method.fit(data.take(train), inner), data.inputs[test], prior)

    if not splits:
        return np.empty(0, dtype=np.int64), np.empty((0, data.n_classes))
    probabilities, covered = out_of_fold(fit_predict, splits, len(data), data.n_classes)
    rows = np.flatnonzero(covered)
    return rows, probabilities[rows]


def _beside(checkpoint: Path | None, fold: int) -> Path | None:
    return checkpoint and checkpoint.with_name(f"{checkpoint.stem}-fold-{fold}{checkpoint.suffix}")


def _choose(
    labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray, reason: str, plan: Plan, seed: int
) -> ThresholdChoice:
    """Tune on the held-out rows, or say why not."""
    if plan.threshold == "tune" and not reason:
        return tune_threshold(
            labels,
            probabilities,
            minority=plan.minority,
            metric=plan.metric,
            weights=weights,
            class_names=plan.class_names,
            seed=derive_seed(seed, "spread"),
        )
    if plan.threshold is not None and plan.threshold != "tune":
        return given_threshold(float(plan.threshold), plan.minority)
    if plan.threshold is None:
        reason = "No threshold was asked for; the most probable class is predicted."
    n_classes = len(plan.class_names)
    return untuned(np.full(n_classes, 1 / n_classes), reason)
