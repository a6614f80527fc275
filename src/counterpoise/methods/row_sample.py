"""Some rows that stand for all, where a step would grow too dear with their number."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from counterpoise.groups import text_groups
from counterpoise.methods.base import Data


def sample(data: Data, most: int, rng: np.random.Generator) -> Data:
    """Some rows that stand for all, see :func:`sample_rows`.

    Returns
    -------
    Data
        In the order of ``data``, with weights under which each class keeps its mass.
    """
    if len(data) <= most:
        return data
    return standing_for(data, sample_rows(data, most, rng))


def standing_for(data: Data, rows: np.ndarray) -> Data:
    """Rows that stand for all, with weights under which each class keeps its mass."""
    found = data.take(rows)
    lost = data.class_mass() / np.maximum(found.class_mass(), np.finfo(float).tiny)
    return replace(found, weights=found.weights * lost[found.labels])


def sample_rows(data: Data, most: int, rng: np.random.Generator) -> np.ndarray:
    """Rows of large classes, as many each, and every row of small ones.

    Parameters
    ----------
    data : Data
    most : int
        Rows at most, if there are no more classes than that.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of int64
        In order.
    """
    if len(data) <= most:
        return np.arange(len(data))
    counts = np.bincount(data.labels, minlength=data.n_classes)
    room, left = most, data.n_classes
    taken = np.zeros_like(counts)
    for c in np.argsort(counts, kind="stable"):  # what a small class leaves is for the larger ones
        taken[c] = min(counts[c], max(1, room // left))
        room, left = room - taken[c], left - 1
    rows = [rng.permutation(np.flatnonzero(data.labels == c))[: taken[c]] for c in range(data.n_classes)]
    return np.sort(np.concatenate(rows))


def one_of_repeated(data: Data) -> Data:
    """Of texts of a class that (nearly) repeat each other the first, with the weights of all."""
    versions = np.column_stack([text_groups(data.inputs), data.labels])
    _, first, of = np.unique(versions, axis=0, return_index=True, return_inverse=True)
    weights = np.bincount(of.ravel(), data.weights)
    return replace(data.take(first), weights=weights)
