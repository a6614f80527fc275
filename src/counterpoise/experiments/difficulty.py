"""Difficult samples in a comparison: whether a method re-embeds them, and finds them.

    hostile = hostile_neighbours(classifier, inputs, sides, train, test, embedded, seed)  # while the run is executed
    measured(predictions, plain, kept_share)                                        # when rows are read

Test samples are judged by the real rows of the fitting side, in two embeddings: plain training's of the same fold,
which is the same for every method and says who is difficult, and the method's own. A test sample is one that
neither model was trained on, so no further cross-fitting is needed. New texts are never looked at: among them
the minority would have neighbours of its own by their number alone.
"""

from __future__ import annotations

import numpy as np

from counterpoise.estimators.base import RareClassClassifier
from counterpoise.experiments.results import Predictions
from counterpoise.gamma import MAJORITY_ASKED, Sides, asked_rows, measure_difficulty

PLAIN = "erm"
"""The method whose embedding says which samples are difficult."""

NAMES = (
    "difficult_share_before",
    "difficult_share_after",
    "majority_difficult_share_before",
    "majority_difficult_share_after",
    "recall_difficult",
    "recall_easy",
    "f1_difficult",
    "f1_easy",
    "f1_difficult_thinned",
    "f1_easy_thinned",
)
"""The keys of :func:`measured`, in order."""


def hostile_neighbours(
    classifier: RareClassClassifier,
    inputs: np.ndarray,
    sides: Sides,
    train: np.ndarray,
    test: np.ndarray,
    embedded: np.ndarray,
    seed: int,
) -> np.ndarray:
    """Count the nearest training samples of another class, in a classifier's own embedding.

    Parameters
    ----------
    classifier : RareClassClassifier
        Fitted to ``train``.
    inputs : ndarray, shape (n, ...)
    sides : Sides
        Of all n.
    train, test : ndarray of int64
        Rows of the (thinned) fitting side and of the whole test side, ascending.
    embedded : ndarray of float32, shape (len(test), d)
        The test side in the classifier's embedding.
    seed : int
        Of the majority samples drawn, at most 2,000.

    Returns
    -------
    ndarray of int64, shape (len(test),)
        Among the 5 nearest; -1 for a sample that was not looked up.
    """
    rows = asked_rows(sides.rare, test, MAJORITY_ASKED, seed)
    queries, index = embedded[np.searchsorted(test, rows)], classifier.embed(inputs[train])
    found = measure_difficulty(queries, sides.sides[rows], index, sides.sides[train], rows=rows)
    counts = np.full(len(inputs), -1, dtype=np.int64)
    counts[found.rows] = found.gamma
    return counts[test]


def shares(predictions: Predictions | None) -> tuple[float | None, float | None]:
    """Shares of test samples with a hostile neighbour: of the minority, and of the others.

    None each without an embedding or without such samples.
    """
    if predictions is None or predictions.hostile is None:
        return None, None
    asked, hostile = predictions.hostile >= 0, predictions.hostile > 0
    return _mean(hostile[asked & predictions.rare]), _mean(hostile[asked & ~predictions.rare])


def measured(
    predictions: Predictions, plain: Predictions | None, kept_share: float | None = None
) -> dict[str, float | None]:
    """Measure one run of a method by plain training's run of the same fold.

    Parameters
    ----------
    predictions : Predictions
    plain : Predictions or None
        None when there is no plain training in the comparison.
    kept_share : float or None, default=None
        Share of the minority that thinned test sides hold, as the metrics with the suffix ``_thinned`` have it
        (:func:`counterpoise.metrics.scores.kept_share_of`); None when none is thinned.

    Returns
    -------
    dict of str to float or None
        - ``difficult_share_before``, ``difficult_share_after``: share of the minority's test samples with a sample
          of another class among their 5 nearest training samples, in plain training's embedding and in
          the method's own.
        - ``majority_difficult_share_before``, ``majority_difficult_share_after``: share of the other test samples
          (at most 2,000, drawn) with one of the minority among theirs. An embedding that has collapsed lowers
          one share at the cost of the other.
        - ``recall_difficult``, ``recall_easy``: share of the minority's test samples decided rightly, among those
          that are difficult in plain training's embedding and among the others.
        - ``f1_difficult``, ``f1_easy``: F1 of the minority among the samples of either kind, those of the majority
          included, each of which stands for as many as were drawn from; of the test side as it is.
        - ``f1_difficult_thinned``, ``f1_easy_thinned``: the same where each sample of the minority counts
          ``kept_share``, as if the test side were as thin as the fitting side. Recalls and shares are of the minority
          alone, or of the majority alone, and so the same on both.

        None where plain training is missing, the method trains no network, there are no such samples, or nothing is
        thinned.
    """
    before, after = shares(plain), shares(predictions)
    values: list[float | None] = [before[0], after[0], before[1], after[1], *[None] * 6]
    if plain is not None and plain.hostile is not None:
        asked, difficult = plain.hostile >= 0, plain.hostile > 0
        right = predictions.decided == predictions.labels
        values[4:] = [
            _mean(right[plain.rare & difficult]),
            _mean(right[plain.rare & ~difficult]),  # all of the minority is asked
            *(
                None if share is None else _f1(predictions, asked, asked & chosen, share)
                for share in (1.0, kept_share)
                for chosen in (difficult, ~difficult)
            ),
        ]
    return dict(zip(NAMES, values, strict=True))


def _f1(predictions: Predictions, asked: np.ndarray, chosen: np.ndarray, kept_share: float) -> float | None:
    """F1 of minority against majority among some of the samples that were asked; None without any minority."""
    rare, labels, decided = predictions.rare, predictions.labels, predictions.decided
    if not (chosen & rare).any():
        return None
    right, claimed = decided == labels, np.isin(decided, labels[rare])
    weight = (~rare).sum() / max(1, (asked & ~rare).sum())
    hits, missed = (kept_share * (chosen & rare & found).sum() for found in (right, ~right))
    false = weight * (chosen & ~rare & claimed).sum()
    return float(2 * hits / (2 * hits + missed + false))


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None
