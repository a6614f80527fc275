"""Abstract labels: groups found in the representation, which guide it towards subspaces of their own (after Ando 2018).

Ando, "Weak-supervision for Deep Representation Learning under Class Imbalance", 2018 (arXiv 1810.12513). Of the paper
the abstract could be had, which says that the labels are made automatically, serve as side information as in learning
with weak labels, extend deep over-sampling, and guide representations to different subspaces for a soft separation of
subtasks, with many classes and with few. How all that is done is our reading:

- the groups are clusters of class means, about as many as the root of the number of classes; of two classes the larger
  one is parted in two;
- they are found anew in each round, and numbered as the old groups that they share most rows with;
- a head of their own learns to tell them apart from the same representation;
- half of the representation is shared, the rest is divided into blocks, one a group, and a row pays for the share of
  its squared length that lies in the blocks of other groups.
"""

from __future__ import annotations

import math
import warnings

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor

from counterpoise.errors import SettingsError


def n_groups_of(n_classes: int) -> int:
    """How many groups there are for that many classes: 3 for two classes, else the root of their number, 2 or more."""
    return 3 if n_classes == 2 else max(2, round(math.sqrt(n_classes)))


def find_groups(features: np.ndarray, labels: np.ndarray, n_classes: int, seed: int) -> np.ndarray:
    """Group each row belongs to.

    Parameters
    ----------
    features : ndarray of float32, shape (n, d)
    labels : ndarray of int64, shape (n,)
        A class without a row has its mean at 0.
    n_classes : int
    seed : int
        Of the clustering of a single class.

    Returns
    -------
    ndarray of int64, shape (n,)
        From 0 to ``n_groups_of(n_classes) - 1``.
    """
    if n_classes > 2:
        sums = np.zeros((n_classes, features.shape[1]))
        np.add.at(sums, labels, features)
        means = sums / np.maximum(np.bincount(labels, minlength=n_classes), 1)[:, None]
        return AgglomerativeClustering(n_groups_of(n_classes)).fit_predict(means)[labels]
    larger = np.flatnonzero(labels == np.bincount(labels, minlength=2).argmax())
    groups = np.full(len(labels), 2)
    if len(larger) > 1:
        with warnings.catch_warnings():
            # Rows that are all at one place are one cluster, and scikit-learn says so.
            warnings.simplefilter("ignore", ConvergenceWarning)
            groups[larger] = KMeans(2, n_init=1, random_state=seed % 2**32).fit_predict(features[larger])
    return groups


def dealt_out(groups: np.ndarray, labels: np.ndarray, n_classes: int, rng: np.random.Generator) -> np.ndarray:
    """Groups that are as many, as large and as steady as those found, and mean nothing: a control.

    Parameters
    ----------
    groups : ndarray of int64, shape (n,)
        By :func:`find_groups`.
    labels : ndarray of int64, shape (n,)
    n_classes : int
    rng : numpy.random.Generator
        Decides which class takes the place of which, and of two classes which row of the larger one that of which; in
        the same state it decides alike, so that these groups change from round to round only as those found do.

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    if n_classes > 2:
        by_class = np.zeros(n_classes, dtype=np.int64)
        by_class[labels] = groups
        return by_class[rng.permutation(n_classes)][labels]
    larger = np.flatnonzero(groups < 2)
    dealt = groups.copy()
    dealt[larger] = groups[rng.permutation(larger)]
    return dealt


def renumbered(groups: np.ndarray, before: np.ndarray, n_groups: int) -> np.ndarray:
    """The same groups, numbered so that as many rows as can be keep their number.

    Parameters
    ----------
    groups, before : ndarray of int64, shape (n,)
        Those found now, and those of the round before.
    n_groups : int
    """
    common = np.zeros((n_groups, n_groups), dtype=np.int64)
    np.add.at(common, (groups, before), 1)
    now, then = linear_sum_assignment(common, maximize=True)
    numbers = np.empty(n_groups, dtype=np.int64)
    numbers[now] = then
    return numbers[groups]


def own_parts(dim: int, n_groups: int) -> Tensor:
    """Which features each group may use, bool ``(n_groups, dim)``: the shared half or a bit more, and its own block.

    Raises
    ------
    SettingsError
        When there are fewer features than that takes.
    """
    size = (dim - dim // 2) // n_groups
    if not size:
        raise SettingsError(
            f"the representation has {dim} features, too few for blocks of {n_groups} groups; abstract labels need "
            f"{2 * n_groups} or more"
        )
    allowed = torch.ones(n_groups, dim, dtype=torch.bool)
    allowed[:, dim - n_groups * size :] = torch.eye(n_groups, dtype=torch.bool).repeat_interleave(size, dim=1)
    return allowed


def outside(features: Tensor, allowed: Tensor) -> Tensor:
    """Share ``(B,)`` of each row's squared length in features that it may not use.

    Parameters
    ----------
    features : Tensor of shape (B, d)
    allowed : Tensor of bool, shape (B, d)
    """
    squares = features.square()
    tiny = torch.finfo(features.dtype).tiny
    return squares.masked_fill(allowed, 0).sum(dim=1) / squares.sum(dim=1).clamp_min(tiny)
