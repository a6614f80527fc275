"""Decide classes from probabilities, and tune the cut-offs on rows the model was not fitted to.

The rule for any number of classes is ``argmax_c p_c / t_c``. Two classes with ``t = (1 - θ, θ)`` give
``p_1 > θ``; equal thresholds give the most probable class, and ties go to the lower class number.

>>> choice = tune_threshold(labels, probabilities, minority=1)          # doctest: +SKIP
>>> decide(new_probabilities, choice.thresholds)                        # doctest: +SKIP

With two classes every cut-off is tried; with more, coordinate ascent moves one class's threshold at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from counterpoise.errors import SettingsError
from counterpoise.metrics import confusion as cm
from counterpoise.metrics.confusion import Floats, Ints, checked
from counterpoise.seeding import generator

MIN_ROWS = 50
"""Fewer rows than this are not tuned on."""
MIN_CLASS_ROWS = 10
"""A class with fewer rows than this is not tuned for."""

_RESAMPLES = 50
_PASSES = 10
_MULTICLASS_CUTS = 256
_SAME = 1e-12


@dataclass(frozen=True, eq=False)
class ThresholdChoice:
    """Thresholds and how far to trust them.

    Attributes
    ----------
    thresholds : ndarray of float64, shape (C,)
        For :func:`decide`; they sum to 1, so with two classes they are ``(1 - θ, θ)``.
    tuned : bool
        False when there were too few rows and the default (equal thresholds) was kept.
    metric : str
        ``"f1"``, ``"macro_f1"``, ``"mcc"``, ``"balanced_accuracy"`` or ``"cost"``.
    score : float
        The metric at ``thresholds`` on the rows given (mean cost a row for ``"cost"``: lower is better). It
        is the best of many on these very rows, hence optimistic.
    score_default : float
        The same at equal thresholds.
    spread : float
        Inter-quartile range of the threshold of the minority (of the rarest class when none was named) over
        50 bootstrap resamples of the rows, the other thresholds held; 0.0 when not tuned.
    n_rows, n_minority : int
        Rows tuned on, and how many of them are of the minority (of the rarest class when none was named).
    note : str
        One sentence for the user; why not, when not tuned.
    """

    thresholds: Floats
    tuned: bool
    metric: str
    score: float
    score_default: float
    spread: float
    n_rows: int
    n_minority: int
    note: str


def decide(probabilities: ArrayLike, thresholds: ArrayLike | None = None) -> Ints:
    """Decide a class for each row.

    Parameters
    ----------
    probabilities : array-like of shape (n, C), or (n,) for the probability of class 1 of two
        Rows sum to 1.
    thresholds : array-like of shape (C,) or None, default=None
        Above 0 (with two classes one of them may be 0: then everything, or nothing, is class 1); only their
        ratios matter. None decides the most probable class.

    Returns
    -------
    ndarray of int64, shape (n,)

    Raises
    ------
    SettingsError
        If the thresholds are not C numbers above 0.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    if p.ndim == 1:
        p = np.column_stack([1.0 - p, p])
    if thresholds is None:
        return p.argmax(axis=1)
    t = np.asarray(thresholds, dtype=np.float64)
    zeros = int((t == 0).sum())
    if t.shape != (p.shape[1],) or not np.isfinite(t).all() or (t < 0).any() or zeros > (len(t) == 2):
        raise SettingsError(f"thresholds are {t.tolist()}; give {p.shape[1]} numbers above 0, one a class")
    if len(t) == 2:
        # Products rather than quotients: no rounding when t is (0.5, 0.5), and a threshold may be 0.
        return (p[:, 1] * t[0] > p[:, 0] * t[1]).astype(np.int64)
    return (p / t).argmax(axis=1)


def too_few_to_tune(
    labels: ArrayLike, minority: int | None, class_names: Sequence[str] | None = None
) -> str | None:
    """Say why the rows do not suffice to tune thresholds on.

    Parameters
    ----------
    labels : array-like of shape (n,)
        Class numbers.
    minority : int or None
        The class that matters; None looks at the rarest class of two, and at rows alone with more classes
        (rare ones then keep their default while the others are tuned).
    class_names : sequence of str or None, default=None
        Names by class number, for the sentence.

    Returns
    -------
    str or None
        One sentence, or None when there are at least 50 rows with at least 10 of the class.
    """
    y = np.asarray(labels).astype(np.int64)
    if len(y) < MIN_ROWS:
        return (
            f"{len(y)} rows are too few to tune a threshold on; at least {MIN_ROWS} are needed; "
            "the default cut-off is kept."
        )
    counts = np.bincount(y, minlength=max(2, (minority or 0) + 1))
    if minority is None and len(counts) > 2:
        return None
    rare = int(counts.argmin()) if minority is None else minority
    if counts[rare] >= MIN_CLASS_ROWS:
        return None
    name = str(rare) if class_names is None else repr(str(class_names[rare]))
    return (
        f"{counts[rare]} rows of class {name} are too few to tune a threshold on; at least {MIN_CLASS_ROWS} "
        "are needed; the default cut-off is kept."
    )


def tune_threshold(
    labels: ArrayLike,
    probabilities: ArrayLike,
    *,
    minority: int | None,
    metric: str | ArrayLike = "f1",
    weights: ArrayLike | None = None,
    class_names: Sequence[str] | None = None,
    seed: int = 0,
) -> ThresholdChoice:
    """Choose the thresholds that serve a metric best on rows the model was not fitted to.

    Parameters
    ----------
    labels : array-like of shape (n,)
        Class numbers ``0..C-1``.
    probabilities : array-like of shape (n, C), or (n,) for the probability of class 1 of two
        Out-of-fold or validation probabilities.
    minority : int or None
        The class that matters; None when all do, and ``"f1"`` then means ``"macro_f1"``.
    metric : {"f1", "macro_f1", "mcc", "balanced_accuracy"} or array-like of shape (C, C), default="f1"
        What to serve; a matrix holds the cost of deciding the column's class for a row of the row's class.
    weights : array-like of shape (n,) or None, default=None
        Row weights of 0 or more.
    class_names : sequence of str or None, default=None
        Names by class number, for the note.
    seed : int, default=0
        For the bootstrap behind ``spread``.

    Returns
    -------
    ThresholdChoice
        Among equally good cut-offs the widest run of them is taken, and its middle. Without enough rows
        (:func:`too_few_to_tune`) the default thresholds, ``tuned=False`` and the reason in ``note``.

    Raises
    ------
    SettingsError
        For an unknown metric, a cost matrix of another shape, or a minority that is not a class number.
    DataError
        If the arrays do not fit together.
    """
    y, p, w = checked(labels, probabilities, weights)
    n_classes = p.shape[1]
    if minority is not None and not 0 <= minority < n_classes:
        raise SettingsError(f"minority is {minority}; give a class number from 0 to {n_classes - 1} or None")
    goal = _Goal.of(metric, minority, n_classes)
    counts = np.bincount(y, minlength=n_classes)
    watched = int(counts.argmin()) if minority is None else minority
    default = np.full(n_classes, 1.0 / n_classes)
    score_default = goal.reported(_score_at(goal, y, p, w, default))
    reason = too_few_to_tune(y, minority, class_names)
    if reason is not None:
        facts = (len(y), int(counts[watched]), reason)
        return ThresholdChoice(default, False, goal.name, score_default, score_default, 0.0, *facts)
    if n_classes == 2:
        movable = [1]
    elif goal.name == "f1":
        movable = [watched]
    else:
        movable = np.flatnonzero(counts >= MIN_CLASS_ROWS).tolist()
    thresholds = _ascend(goal, y, p, w, default, movable)
    reached = goal.reported(_score_at(goal, y, p, w, thresholds))
    spread = _spread(goal, y, p, w, thresholds, watched, seed)
    note = (
        f"Tuned for {goal.name} on {len(y)} rows, {counts[watched]} of them of class "
        f"{watched if class_names is None else repr(str(class_names[watched]))}: "
        f"{score_default:.3f} at the default cut-off, {reached:.3f} at the tuned one."
    )
    return ThresholdChoice(
        thresholds, True, goal.name, reached, score_default, spread, len(y), int(counts[watched]), note
    )


def given_threshold(threshold: float, minority: int | None) -> ThresholdChoice:
    """Thresholds of two classes that were given and not chosen on rows.

    Parameters
    ----------
    threshold : float
        Probability of the class that matters above which it is predicted, from 0 to 1.
    minority : {0, 1} or None
        The class that matters; None takes 1.
    """
    thresholds = np.array([threshold, 1 - threshold] if minority == 0 else [1 - threshold, threshold])
    return untuned(thresholds, f"The threshold {threshold:g} was given.")


def untuned(thresholds: Floats, note: str) -> ThresholdChoice:
    """Thresholds ``(C,)`` that no rows were asked about, and why."""
    return ThresholdChoice(thresholds, False, "none", 0.0, 0.0, 0.0, 0, 0, note)


def check_metric(metric: str | ArrayLike, n_classes: int) -> None:
    """Refuse, before any work, what :func:`tune_threshold` would: an unknown metric or a wrong cost matrix.

    Raises
    ------
    SettingsError
    """
    _Goal.of(metric, None, n_classes)


def check_threshold(threshold: Any) -> None:
    """Refuse, before any work, what says nothing of a threshold: all but ``"tune"``, None and 0 to 1.

    Raises
    ------
    SettingsError
    """
    number = isinstance(threshold, Real) and not isinstance(threshold, bool)
    said = threshold is None or (isinstance(threshold, str) and threshold == "tune")
    if not (said or (number and 0 <= threshold <= 1)):
        raise SettingsError(f"threshold is {threshold!r}; give 'tune', None or a number from 0 to 1")


@dataclass(frozen=True)
class _Goal:
    """A metric as a function of stacks of confusion matrices, higher being better."""

    name: str
    minority: int | None
    cost: Floats | None

    @classmethod
    def of(cls, metric: str | ArrayLike, minority: int | None, n_classes: int) -> _Goal:
        if not isinstance(metric, str):
            cost = np.asarray(metric, dtype=np.float64)
            if cost.shape != (n_classes, n_classes) or not np.isfinite(cost).all():
                raise SettingsError(
                    f"the cost matrix has shape {cost.shape}; give {n_classes} x {n_classes} finite costs, "
                    "a row a true class and a column a decided class"
                )
            return cls("cost", minority, cost)
        known = ("f1", "macro_f1", "mcc", "balanced_accuracy")
        if metric not in known:
            raise SettingsError(
                f"metric {metric!r} is unknown; give one of {', '.join(known)} or a cost matrix"
            )
        return cls("macro_f1" if metric == "f1" and minority is None else metric, minority, None)

    def __call__(self, matrices: Floats) -> Floats:
        if self.cost is not None:
            return -cm.mean_cost(matrices, self.cost)
        if self.name == "f1":
            return cm.f1_by_class(matrices)[..., self.minority]
        return {"macro_f1": cm.macro_f1, "mcc": cm.mcc, "balanced_accuracy": cm.balanced_accuracy}[self.name](
            matrices
        )

    def reported(self, value: float) -> float:
        return -value if self.cost is not None else value


def _score_at(goal: _Goal, y: Ints, p: Floats, w: Floats, thresholds: Floats) -> float:
    return float(goal(cm.confusion(y, decide(p, thresholds), p.shape[1], w)))


@dataclass(frozen=True)
class _Cuts:
    """All decisions that moving one class's threshold can bring about, the other thresholds held.

    Row i is decided as class ``moved`` when ``cut < margin_i`` and as its ``rival`` otherwise. ``edges``
    holds ``K + 2`` ascending numbers; cut-off k may lie anywhere between edges k and k + 1 and is passed by
    the rows whose ``bin`` is above k.
    """

    moved: int
    rival: Ints
    bin: Ints
    edges: Floats

    def confusions(self, y: Ints, w: Floats, n_classes: int) -> Floats:
        """Confusion matrices ``(K + 1, C, C)`` of all cut-offs under row weights ``w``."""
        n_bins = len(self.edges) - 1
        cell = (self.bin * n_classes + y) * n_classes + self.rival
        counts = np.bincount(cell, weights=w, minlength=n_bins * n_classes**2)
        matrices = counts.reshape(n_bins, n_classes, n_classes).cumsum(axis=0)
        matrices[:, :, self.moved] += np.bincount(y, weights=w, minlength=n_classes) - matrices.sum(axis=2)
        return matrices

    def best(self, values: Floats) -> float:
        """Middle of the widest run of cut-offs that are equally good, and best, by ``values (K + 1,)``."""
        if self.edges[0] == self.edges[1]:
            # A probability of 0 passes no cut-off, so that "everything" is out of reach.
            values = np.concatenate([[-np.inf], values[1:]])
        good = np.concatenate([[False], values >= values.max() - _SAME, [False]])
        starts = np.flatnonzero(good[1:] & ~good[:-1])
        ends = np.flatnonzero(good[:-1] & ~good[1:])
        widest = np.argmax(self.edges[ends] - self.edges[starts])
        return float(self.edges[starts[widest]] + self.edges[ends[widest]]) / 2


def _cuts(p: Floats, thresholds: Floats, moved: int) -> _Cuts:
    if p.shape[1] == 2:
        margin = p[:, 1] / np.maximum(p.sum(axis=1), np.finfo(float).tiny)
        values, position = np.unique(margin, return_inverse=True)
        edges = np.concatenate([[min(0.0, values[0])], values, [max(1.0, values[-1])]])
        return _Cuts(1, np.zeros(len(p), dtype=np.int64), position + 1, edges)
    ratio = np.log(np.maximum(p, np.finfo(float).tiny)) - np.log(thresholds)
    own = ratio[:, moved] + np.log(thresholds[moved])
    ratio[:, moved] = -np.inf
    rival = ratio.argmax(axis=1)
    margin = own - ratio.max(axis=1)
    values = np.unique(margin)
    if len(values) > _MULTICLASS_CUTS:
        values = values[np.linspace(0, len(values) - 1, _MULTICLASS_CUTS).round().astype(np.int64)]
    edges = np.concatenate([[values[0] - 1.0], values, [values[-1] + 1.0]])
    # A thinned list of values leaves rows between two edges: the middle of a run may split them, but only
    # the end of the run decides which rows pass, so they are counted with the edge above them.
    return _Cuts(moved, rival, np.searchsorted(values, margin, side="left") + 1, edges)


def _with_cut(thresholds: Floats, moved: int, cut: float) -> Floats:
    if len(thresholds) == 2:
        return np.array([1.0 - cut, cut])
    changed = thresholds.copy()
    changed[moved] = np.exp(cut)
    return changed / changed.sum()


def _ascend(goal: _Goal, y: Ints, p: Floats, w: Floats, thresholds: Floats, movable: list[int]) -> Floats:
    reached = -np.inf if len(thresholds) == 2 else _score_at(goal, y, p, w, thresholds)
    for _ in range(_PASSES if len(movable) > 1 else 1):
        before = reached
        for moved in movable:
            cuts = _cuts(p, thresholds, moved)
            cut = cuts.best(goal(cuts.confusions(y, w, p.shape[1])))
            candidate = _with_cut(thresholds, moved, cut)
            value = _score_at(goal, y, p, w, candidate)
            if value > reached + _SAME:
                thresholds, reached = candidate, value
        if reached <= before + _SAME:
            break
    return thresholds


def _spread(goal: _Goal, y: Ints, p: Floats, w: Floats, thresholds: Floats, watched: int, seed: int) -> float:
    cuts = _cuts(p, thresholds, watched)
    rng = generator(seed, "threshold", "bootstrap")
    chosen: list[NDArray[np.float64]] = []
    for _ in range(_RESAMPLES):
        drawn = np.bincount(rng.integers(0, len(y), len(y)), minlength=len(y))
        cut = cuts.best(goal(cuts.confusions(y, w * drawn, p.shape[1])))
        chosen.append(_with_cut(thresholds, cuts.moved, cut))
    low, high = np.percentile(np.array(chosen)[:, watched], [25, 75])
    return float(high - low)
