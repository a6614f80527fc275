"""What the row of a run tells of its test side: every metric there is of such a task and classifier.

    metrics = score_run(task, side, predictions, probabilities, embedded, classifier)

Scores of what was decided have the name of where the threshold is from: ``f1_tuned`` of a tuned one,
``f1_at_threshold`` of one that was given. Nothing that was not tuned is called so.
"""

from __future__ import annotations

import numpy as np

from counterpoise.estimators.base import RareClassClassifier
from counterpoise.experiments.difficulty import shares
from counterpoise.experiments.results import Predictions
from counterpoise.experiments.task import Side, Task
from counterpoise.metrics.by_class import score_by_class
from counterpoise.metrics.class_groups import rare_group, score_groups
from counterpoise.metrics.many_classes import score_all_classes, score_prior_corrected
from counterpoise.metrics.margins import fitted_margins
from counterpoise.metrics.scores import NAMES, score, score_thinned
from counterpoise.metrics.spread import score_spread

_TUNED, _GIVEN = "_tuned", "_at_threshold"

AT_GIVEN = tuple(name.removesuffix(_TUNED) + _GIVEN for name in NAMES if name.endswith(_TUNED))
"""Scores at a threshold that was given in place of one to be tuned, where that is not 0.5, at which ``f1`` is."""


def score_run(
    task: Task,
    side: Side,
    predictions: Predictions,
    probabilities: np.ndarray,
    embedded: np.ndarray | None,
    classifier: RareClassClassifier,
) -> dict[str, float | None]:
    """Score a fitted classifier on the test side of a run.

    Parameters
    ----------
    task : Task
    side : Side
        Of a run of this task.
    predictions : Predictions
        What the classifier said of the test side.
    probabilities : ndarray of float64, shape (n, C)
        The same as in ``predictions``, unrounded.
    embedded : ndarray of float32, shape (n, d), or None
        The test side in the classifier's embedding; None where it trains no network.
    classifier : RareClassClassifier
        Fitted to the fitting side.

    Returns
    -------
    dict of str to float or None
        Those of :func:`counterpoise.metrics.scores.score`; with a thinned fitting side also those of
        :func:`counterpoise.metrics.scores.score_thinned`; where all classes matter those of single classes.
        ``f1_tuned`` and all others of a tuned threshold are None where none was tuned; with a number for a threshold
        those of :data:`AT_GIVEN` take their place.
    """
    labels, decided, number = predictions.labels, predictions.decided, task.number
    metrics = dict(score(labels, probabilities, number, decisions_tuned=decided))
    fitted = _fitted_rows(task, side)
    rare = rare_group(fitted, number)
    metrics |= score_groups(labels, probabilities, fitted, number)
    if embedded is not None:
        metrics |= score_spread(embedded, labels, rare)
    if number is None:
        metrics |= score_all_classes(labels, probabilities, fitted)
        metrics |= score_by_class(labels, probabilities, predictions.classes, decisions_tuned=decided)
    if side.kept_share is not None and number is not None:
        metrics |= score_thinned(labels, probabilities, number, side.kept_share, decisions_tuned=decided)
    if not classifier.fitted_.choice.tuned:
        metrics = _not_tuned(metrics, classifier.threshold)
    after, majority_after = shares(predictions)
    metrics |= {"difficult_share_after": after, "majority_difficult_share_after": majority_after}
    if number is None and not classifier.prior_correction:
        metrics |= score_prior_corrected(labels, classifier.fitted_.under_prior(probabilities), fitted)
    return metrics | fitted_margins(_kept_epoch(classifier), rare)


def _not_tuned(metrics: dict[str, float | None], threshold: float | str | None) -> dict[str, float | None]:
    """Call nothing tuned; what was decided at another threshold than 0.5 has a name of its own."""
    # Of names such as f1_tuned_thinned and f1_tuned[CLASS].
    own = [name for name in metrics if name.partition("[")[0].removesuffix("_thinned").endswith(_TUNED)]
    left = metrics | dict.fromkeys(own)
    if not isinstance(threshold, int | float) or threshold == 0.5:
        return left
    return left | {name.replace(_TUNED, _GIVEN, 1): metrics[name] for name in own}


def _fitted_rows(task: Task, side: Side) -> np.ndarray:
    """Rows of each class to fit to."""
    return np.bincount(task.numbers[side.train], minlength=len(task.names))


def _kept_epoch(classifier: RareClassClassifier) -> dict[str, float]:
    """What the history says of the epoch whose network was kept."""
    best = getattr(classifier.fitted_.predictor, "best_epoch", None)
    return next((row for row in classifier.history_ if row.get("epoch") == best), {})
