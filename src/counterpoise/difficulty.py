"""Difficult samples: minority samples that sit among samples of other classes, and how far classes overlap.

    found = difficult_samples(texts, labels)            # of every class below the largest
    found.share, found.difficult                        # how many have a neighbour of another class, and which
    found.rows[found.ranked()[:10]]                     # the ten most difficult
    overlap(texts, labels).majority.share               # majority texts with a minority text among their nearest

gamma of a minority sample is the number of its k nearest neighbours that are of another class, and the sample is
difficult when gamma is above 0 (Tian et al., "Re-embedding Difficult Samples via Mutual Information Constrained
Semantically Oversampling for Imbalanced Text Classification", EMNLP 2021, section 7.1). The paper leaves open
where the embedding comes from, and that decides everything:

- A network pulls the samples it was trained on apart by their labels, however difficult they were, and gamma is
  then 0 for nearly all of them. Here an embedding has either seen no label at all (the default), or it is
  cross-fitted: a sample is embedded by a model that was not trained on it, and compared with those it was.
- A repeat of a text is no neighbour of it, or else every text that was sent twice would be easy.
- An embedding in which everything has collapsed looks as good as one that parts the classes if only the
  minority is asked. :func:`overlap` asks the majority too: how many of its samples have a minority neighbour.

Only minority samples, and some thousands of the majority, are looked up; there is never an n by n matrix.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from counterpoise.crossfit import make_folds
from counterpoise.data.python_inputs import as_labels, as_texts
from counterpoise.errors import CounterpoiseWarning, DataError, SettingsError
from counterpoise.gamma import (
    MAJORITY_ASKED,
    Difficulty,
    Embedding,
    Ints,
    asked_rows,
    checked_k,
    measure_difficulty,
    minority_sides,
)
from counterpoise.groups import joined_rows, merge_groups
from counterpoise.images.mapped import MappedImages
from counterpoise.progress import bar
from counterpoise.seeding import RandomState, derive_seed, root_seed
from counterpoise.text.embedding import label_free_embedding

FitEmbed: TypeAlias = Callable[[Ints], Callable[[Ints], Embedding]]
"""From the rows to train on to a function from any rows to their embedding."""


@dataclass(frozen=True, eq=False)
class Overlap:
    """How far the classes reach into each other.

    Attributes
    ----------
    minority, majority : Difficulty
        Every sample of the class(es) that matter, and those of the others that were drawn.
    classes : ndarray, shape (C,)
        Class labels, sorted.
    shares : ndarray of float64, shape (C,)
        Share of the samples of each class, of those looked up, that have a hostile neighbour; NaN without any.
    neighbours : ndarray of float64, shape (C, C)
        Which classes the neighbours come from: row ``i`` holds their shares around samples of class ``i``, and
        sums to 1; NaN where there are none.
    """

    minority: Difficulty
    majority: Difficulty
    classes: NDArray[Any]
    shares: NDArray[np.float64]
    neighbours: NDArray[np.float64]


def difficult_samples(
    X: Any,
    y: Any,
    *,
    minority: Any = None,
    k: int = 5,
    embed: FitEmbed | Embedding | None = None,
    n_folds: int = 2,
    groups: ArrayLike | None = None,
    repeats: Ints | None = None,
    random_state: RandomState = 0,
) -> Difficulty:
    """Find the minority samples that sit among samples of other classes.

    Parameters
    ----------
    X : list of str, column of texts, or array of shape (n, d) or (n, H, W, C)
        Texts, numbers, or images, which are compared as numbers unless ``embed`` is given.
    y : sequence of n labels
    minority : label or None, default=None
        The class that matters, against all others; None takes every class below the largest.
    k : int, default=5
        Neighbours to look at; lowered, with a warning, where there are fewer other samples.
    embed : callable, array of shape (n, d) or None, default=None
        Where samples are compared. None learns vectors of texts without labels
        (:func:`counterpoise.text.embedding.label_free_embedding`), and takes numbers themselves, standardised,
        compared by Euclidean distance. An array is an embedding that has seen no label, compared by cosine. A
        callable is cross-fitted: ``embed(train_rows)`` trains on these rows and returns a function from rows to
        their embedding, compared by cosine; each sample is judged by the training samples of a model that was
        not trained on it.
    n_folds : int, default=2
        Of the cross-fitting, which trains as many models. With two a sample is judged by half of the others, with
        five by four fifths of them.
    groups : array-like of shape (n,) or None, default=None
        Samples of one group (an author, a thread) are no neighbours of each other, as repeats never are.
    repeats : ndarray of int64, shape (n,), or None, default=None
        Groups of repeats, where they are known already (:func:`counterpoise.groups.text_groups`); None looks for
        near repeats among texts, and for equal rows among numbers.
    random_state : int, RandomState, Generator or None, default=0
        Of the word vectors and the folds.

    Returns
    -------
    Difficulty
        Of every minority sample, by rows of ``X``, ascending.

    Warns
    -----
    CounterpoiseWarning
        When there are fewer than ``k`` samples to compare with.

    Raises
    ------
    DataError
        For inputs or labels that cannot be used, or a class that cannot be cross-fitted.
    SettingsError
        When no class is rarer than another and none is named, or for a setting out of range.

    Examples
    --------
    >>> import numpy as np
    >>> line = np.array([[0.0], [1.0], [1.9], [3.0], [10.0], [11.0], [13.0]])
    >>> found = difficult_samples(line, ["a", "a", "b", "a", "a", "b", "b"], k=1)
    >>> found.rows, found.gamma, found.neighbours[:, 0]
    (array([2, 5, 6]), array([1, 1, 0]), array([1, 4, 5]))
    """
    return overlap(
        X,
        y,
        minority=minority,
        k=k,
        embed=embed,
        n_folds=n_folds,
        groups=groups,
        repeats=repeats,
        random_state=random_state,
        majority_asked=0,
    ).minority


def overlap(
    X: Any,
    y: Any,
    *,
    minority: Any = None,
    k: int = 5,
    embed: FitEmbed | Embedding | None = None,
    n_folds: int = 2,
    groups: ArrayLike | None = None,
    repeats: Ints | None = None,
    random_state: RandomState = 0,
    majority_asked: int = MAJORITY_ASKED,
) -> Overlap:
    """Find the difficult samples of the minority, those of the majority, and where their neighbours come from.

    Parameters
    ----------
    X, y
        As in :func:`difficult_samples`.
    minority : label or None, default=None
    k : int, default=5
    embed : callable, array of shape (n, d) or None, default=None
    n_folds : int, default=2
    groups, repeats : array-like of shape (n,) or None, default=None
    random_state : int, RandomState, Generator or None, default=0
        As in :func:`difficult_samples`.
    majority_asked : int, default=2000
        Majority samples to look up, drawn at random; all of them where there are fewer.

    Returns
    -------
    Overlap

    Warns
    -----
    CounterpoiseWarning
        As :func:`difficult_samples`.

    Raises
    ------
    DataError, SettingsError
        As :func:`difficult_samples`.
    """
    labels, seed = as_labels(y), root_seed(random_state)
    inputs = _inputs(X, len(labels))
    k = _lowered(k, len(labels) - 1)
    sides, rare = minority_sides(labels, minority)
    if not rare.any():
        raise SettingsError("no class is rarer than another; name the one that matters as the minority")
    repeats = _repeats(inputs) if repeats is None else repeats
    joined = repeats if groups is None else merge_groups(repeats, groups)
    rows = asked_rows(rare, np.arange(len(labels)), majority_asked, seed)
    if callable(embed):
        names = labels if minority is None else np.where(rare, str(minority), f"not {minority}")
        measured = _cross_fitted(embed, rows, names, joined, k, n_folds, seed)
    else:
        space, metric = _space(inputs, embed, seed)
        same = joined[rows], joined
        measured = measure_difficulty(
            space[rows], sides[rows], space, sides, k=k, metric=metric, same=same, rows=rows
        )
    measured = replace(measured, labels=labels[rows])
    classes, shares, neighbours = _by_class(measured, labels)
    return Overlap(measured.take(rare[rows]), measured.take(~rare[rows]), classes, shares, neighbours)


def _cross_fitted(
    embed: FitEmbed, rows: Ints, sides: NDArray[Any], joined: Ints, k: int, n_folds: int, seed: int
) -> Difficulty:
    """Look rows up, each in the embedding of a model that was not trained on it, among those it was trained on."""
    try:
        splits = make_folds(sides, n_folds, groups=joined, seed=derive_seed(seed, "difficulty folds"))
    except DataError as error:
        raise DataError(
            f"difficulty cannot be cross-fitted: {error}; or compare without labels (embed=None)"
        ) from error
    k = _lowered(k, min(len(split.train) for split in splits))
    parts = []
    with bar("difficult samples", n_folds) as progress:
        for train, test in splits:
            asked = rows[np.isin(rows, test)]
            if len(asked):
                place = embed(train)
                queries, index = _checked(place(asked), len(asked)), _checked(place(train), len(train))
                part = measure_difficulty(queries, sides[asked], index, sides[train], k=k, rows=asked)
                found = np.where(part.neighbours < 0, -1, train[part.neighbours])
                parts.append(replace(part, neighbours=found))
            progress.advance()
    return Difficulty.joined(parts)


def _inputs(X: Any, n_labels: int) -> NDArray[Any]:
    """Texts as an array of objects, or numbers and images as they are."""
    numeric = isinstance(X, MappedImages) or (
        getattr(X, "ndim", 1) > 1 and np.asarray(X).dtype.kind in "fiub"
    )
    inputs: Any = X if isinstance(X, MappedImages) else np.asarray(X) if numeric else as_texts(X)
    if (
        inputs.dtype.kind == "f"
        and not (finite := np.isfinite(inputs.reshape(len(inputs), -1)).all(axis=1)).all()
    ):
        raise DataError(
            f"row {int(finite.argmin())} holds a value that is not finite; fill it in or leave the row out"
        )
    if len(inputs) != n_labels:
        raise DataError(f"there are {len(inputs)} samples and {n_labels} labels; give one label a sample")
    return inputs


def _repeats(inputs: NDArray[Any]) -> Ints:
    """Groups of near repeats among texts, of equal rows among numbers and images."""
    if inputs.dtype == object or inputs.ndim == 4:
        return joined_rows(inputs)
    seen: dict[bytes, int] = {}
    return np.array([seen.setdefault(row.tobytes(), len(seen)) for row in inputs], dtype=np.int64)


def _space(inputs: NDArray[Any], embed: Embedding | None, seed: int) -> tuple[Embedding, str]:
    """Where samples are compared without cross-fitting, and by which metric."""
    if embed is not None:
        return _checked(embed, len(inputs)), "cosine"
    if inputs.dtype == object:
        return label_free_embedding(inputs, seed), "cosine"
    numbers = inputs.reshape(len(inputs), -1).astype(np.float64)
    spread = numbers.std(axis=0)
    scaled = (numbers - numbers.mean(axis=0)) / np.where(spread > 0, spread, 1)
    return scaled.astype(np.float32), "euclidean"


def _checked(embedding: Embedding, n_rows: int) -> Embedding:
    if sp.issparse(embedding):
        embedding = embedding.tocsr()
        values = embedding.data
    else:
        embedding = values = np.asarray(embedding, dtype=np.float32)
    if embedding.ndim != 2 or embedding.shape[0] != n_rows or not np.isfinite(values).all():
        raise DataError(
            f"the embedding of {n_rows} samples has shape {embedding.shape}, or holds values that are not finite; "
            f"give {n_rows} rows of finite numbers"
        )
    return embedding


def _lowered(k: int, n_others: int) -> int:
    """k, or how many samples there are to look among."""
    if checked_k(k) <= n_others:
        return k
    if n_others < 1:
        raise DataError("there is one sample only, which has no neighbours; give more")
    warnings.warn(
        f"k is {k}, but there are {n_others} samples to look for neighbours among; all of them are looked at",
        CounterpoiseWarning,
        stacklevel=3,
    )
    return n_others


def _by_class(
    measured: Difficulty, labels: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[np.float64], NDArray[np.float64]]:
    """Classes; for each, the share of samples with a hostile neighbour, and where the neighbours come from."""
    classes, numbers = np.unique(labels, return_inverse=True)
    own, n_classes = numbers[measured.rows], len(classes)
    query, place = np.nonzero(measured.neighbours >= 0)
    counts = np.zeros((n_classes, n_classes))
    np.add.at(counts, (own[query], numbers[measured.neighbours[query, place]]), 1)
    asked = np.bincount(own, minlength=n_classes)
    hit = np.bincount(own[measured.gamma > 0], minlength=n_classes)
    with np.errstate(invalid="ignore"):
        return classes, hit / asked, counts / counts.sum(axis=1, keepdims=True)
