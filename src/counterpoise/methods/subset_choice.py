"""Which of several members a blend is better without, told from chance.

    choice = choose_subset({"encoder_lr": a, "tfidf_lr": b}, labels, weights, minority=1, seed=0)
    choice.members, choice.why

The blend of all stays unless a smaller one ranks held-out rows better in nearly all of many redraws of these rows: so
many that the chance of taking any of the smaller ones for better stays the same, however many of them are compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from counterpoise.data.near import enumerated
from counterpoise.metrics.calibration import softmax
from counterpoise.seeding import generator

DRAWS = 200
"""Redraws of the rows, each class by itself."""

SURE = 0.9
"""How sure it must be that one of the smaller blends ranks better than that of all, their chances put together."""


@dataclass(frozen=True)
class Choice:
    """What was chosen.

    Attributes
    ----------
    members : tuple of str
    scores : dict of float
        Average precision of each blend on the rows compared, by its members' names joined with ``+``; empty where
        nothing was compared.
    why : str
        One line, without a full stop.
    """

    members: tuple[str, ...]
    scores: dict[str, float]
    why: str


def choose_subset(
    logits: Mapping[str, np.ndarray],
    labels: np.ndarray,
    weights: np.ndarray,
    minority: int | None,
    seed: int,
) -> Choice:
    """Choose members whose mean is to be used.

    Parameters
    ----------
    logits : mapping of ndarray of float64, shape (n, C)
        Of each member, of rows it was not fitted to, under equal class shares.
    labels : ndarray of int64, shape (n,)
    weights : ndarray of float64, shape (n,)
    minority : int or None
        The class whose average precision decides; None takes the mean over classes.
    seed : int
        Of the redraws.

    Returns
    -------
    Choice
        The blend of all, or the smaller one of best average precision among those that are better in nearly all
        redraws: what is left to chance, ``1 - SURE``, is shared out among the smaller blends.

    Notes
    -----
    That is Bonferroni's correction. Of four members there are 14 smaller blends; asked for ``SURE`` each, one of them
    would often pass by luck alone. Holm's procedure asks the same of the first one to pass, and no blend is smaller for
    another one's having passed, so that the simpler rule is taken.
    """
    names = tuple(logits)
    subsets = [found for size in range(len(names), 0, -1) for found in combinations(names, size)]
    classes = range(next(iter(logits.values())).shape[1]) if minority is None else [minority]
    drawn = np.vstack([weights, weights * _redraws(labels, seed)])
    scores = {}
    for subset in subsets:
        given = softmax(np.mean([logits[name] for name in subset], axis=0))
        scores[subset] = np.mean([ranked(given[:, c], labels == c, drawn) for c in classes], axis=0)
    whole = scores[names]
    left_to_chance = (1 - SURE) / max(len(subsets) - 1, 1)
    better = [found for found in subsets[1:] if np.mean(scores[found][1:] <= whole[1:]) <= left_to_chance]
    best = max(better, key=lambda found: scores[found][0], default=names)
    told = {"+".join(found): round(float(values[0]), 4) for found, values in scores.items()}
    return Choice(best, told, _why(best, names, scores))


def ranked(scores: np.ndarray, found: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Average precision under many weightings of the same rows.

    Parameters
    ----------
    scores : ndarray of float64, shape (n,)
    found : ndarray of bool, shape (n,)
        Which rows are of the class.
    weights : ndarray of float64, shape (B, n)

    Returns
    -------
    ndarray of float64, shape (B,)
        That of :func:`sklearn.metrics.average_precision_score`, equal scores being one cut.
    """
    order = np.argsort(-scores, kind="stable")
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))  # of each run of equal scores
    sorted_weights = weights[:, order]
    right = np.cumsum(sorted_weights * found[order], axis=1)[:, last]
    taken = np.cumsum(sorted_weights, axis=1)[:, last]
    precision = np.divide(right, taken, out=np.zeros_like(right), where=taken > 0)
    return (np.diff(right, axis=1, prepend=0.0) * precision).sum(axis=1) / right[:, -1]


def _redraws(labels: np.ndarray, seed: int) -> np.ndarray:
    """How often each row is drawn, ``(DRAWS, n)``, as many rows of each class as there are."""
    rng = generator(seed, "redraws")
    counts = np.zeros((DRAWS, len(labels)))
    for c in np.unique(labels):
        rows = np.flatnonzero(labels == c)
        counts[:, rows] = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=DRAWS)
    return counts


def _why(best: tuple[str, ...], names: tuple[str, ...], scores: Mapping[tuple[str, ...], np.ndarray]) -> str:
    own, whole = scores[best][0], scores[names][0]
    if best == names:
        second = max((found for found in scores if found != names), key=lambda found: scores[found][0])
        said = f"none of them ranks surely better without the rest ({enumerated(second)}: {scores[second][0]:.3f})"
        return f"{enumerated(names)}, blended: average precision {own:.3f} where they were not fitted; {said}"
    surely = np.mean(scores[best][1:] > scores[names][1:])
    return (
        f"{enumerated(best)}: average precision {own:.3f} where not fitted, against {whole:.3f} of the blend of "
        f"all; better in {surely:.0%} of {DRAWS} redraws"
    )
