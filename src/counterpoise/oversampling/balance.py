"""How far to fill the gap between the classes, chosen by cross-fitting: what a sampler's ``balance="auto"`` means.

    choose_balance(sampler, texts, labels, text_groups(texts), judge_by_words(texts, labels), seed)   # {"spam": 0.25}

New texts help some data and ruin others, and which of both is seen only by trying. In each fold the sampler writes
once, until the classes balance, and a smaller share of the gap takes the first of these texts; a judge trains with
each share and ranks the real texts of the other side. The share with the best mean average precision wins, and of
equally good ones the smallest. Only the given texts are used, so that a test side stays unseen.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from counterpoise.crossfit import Split, make_folds
from counterpoise.errors import CounterpoiseWarning, DataError
from counterpoise.metrics.ranking import average_precision
from counterpoise.oversampling.base import TextSampler
from counterpoise.progress import bar
from counterpoise.seeding import derive_seed
from counterpoise.text.tfidf import word_tfidf
from counterpoise.text.tokenizers import tokenize

Ints: TypeAlias = NDArray[np.int64]
Texts: TypeAlias = NDArray[np.object_]

SHARES = (0.0, 0.25, 0.5, 1.0)
"""Shares of the gap that are tried."""

FOLDS = 3


@dataclass(frozen=True)
class Fold:
    """One fold, with the new texts that a sampler wrote from its fitting side.

    Attributes
    ----------
    train, test : ndarray of int64
        Rows of the two sides.
    texts : ndarray of str, shape (m,)
        New ones, each class's in the order in which they were written.
    labels : ndarray, shape (m,)
    sources : ndarray of int64, shape (m,)
        Row, among all, that each was made from.
    gaps : dict
        For each class to judge, how many texts it lacks on the fitting side.
    """

    train: Ints
    test: Ints
    texts: Texts
    labels: NDArray[Any]
    sources: Ints
    gaps: dict[Any, int]

    def first(self, share: float, label: Any = None) -> Ints:
        """Positions of the new texts that fill a share of each class's gap, or of one class's; nested by share."""
        chosen = self.gaps if label is None else (label,)
        filled = [np.empty(0, dtype=np.int64)]
        filled += [np.flatnonzero(self.labels == name)[: round(share * self.gaps[name])] for name in chosen]
        return np.sort(np.concatenate(filled))


Judge: TypeAlias = "Callable[[Fold], dict[Any, list[float]]]"
"""Average precision of each class of ``fold.gaps`` on the test side, after training with each of SHARES."""


def choose_balance(
    sampler: TextSampler, texts: Texts, labels: NDArray[Any], groups: Ints, judge: Judge, seed: int
) -> dict[Any, float]:
    """Choose for each class below the largest how far to fill its gap.

    Parameters
    ----------
    sampler : TextSampler
        With a setting ``balance``; a clone of it writes in each fold.
    texts : ndarray of str, shape (n,)
        The fitting side.
    labels : ndarray, shape (n,)
    groups : ndarray of int64, shape (n,)
        Rows of one group, such as near repeats, are never parted.
    judge : callable
        From a :class:`Fold` to the scores of each class with each of SHARES.
    seed : int

    Returns
    -------
    dict
        One of SHARES for each class with fewer texts than the largest; 1.0 where it cannot be told.

    Warns
    -----
    CounterpoiseWarning
        If a class cannot be cross-fitted, because all its texts repeat each other or no split keeps it on both sides.
    """
    names, counts = np.unique(labels, return_counts=True)
    smaller = names[counts < counts.max()].tolist()
    found: dict[Any, list[list[float]]] = {name: [] for name in smaller}
    splits = _splits(labels, groups, smaller, seed)
    with bar("balance", len(splits)) as progress:
        for number, split in enumerate(splits):
            fold = _written(sampler, texts, labels, split, smaller, derive_seed(seed, "fold", number))
            for name, scores in judge(fold).items():
                found[name].append(scores)
            progress.advance()
    untold = [repr(name) for name, scores in found.items() if not scores]
    if untold:
        warnings.warn(
            f"how far to fill up {', '.join(untold)} cannot be told by cross-fitting, which needs two texts of a class "
            "that do not repeat each other; balance is 1.0 there: give a number or more texts",
            CounterpoiseWarning,
            stacklevel=2,
        )
    return {name: _best(scores) if scores else 1.0 for name, scores in found.items()}


def judge_by_words(texts: Texts, labels: NDArray[Any]) -> Judge:
    """A judge for a sampler on its own, which cannot know what will be trained on its texts.

    TF-IDF of words and word pairs and logistic regression, each class against the rest. Classes weigh alike with every
    share, so that it is the new texts that are judged, and not their number. Words are those of the real texts.

    Parameters
    ----------
    texts : ndarray of str, shape (n,)
    labels : ndarray, shape (n,)
    """

    def judge(fold: Fold) -> dict[Any, list[float]]:
        vectorizer = word_tfidf(max_ngram=2)
        real = vectorizer.fit_transform(_tokens(texts[fold.train]))
        asked = vectorizer.transform(_tokens(texts[fold.test]))
        new = vectorizer.transform(_tokens(fold.texts)) if len(fold.texts) else real[:0]
        found: dict[Any, list[float]] = {}
        for label in fold.gaps:
            own = labels[fold.train] == label
            found[label] = []
            for share in SHARES:
                added = fold.first(share, label)
                model = LogisticRegression(C=10.0, class_weight="balanced", max_iter=1000)
                model.fit(
                    sp.vstack([real, new[added]]), np.concatenate([own, np.ones(len(added), dtype=bool)])
                )
                scores = model.decision_function(asked)
                found[label].append(average_precision(labels[fold.test] == label, scores))
        return found

    return judge


def _splits(labels: NDArray[Any], groups: Ints, smaller: list[Any], seed: int) -> list[Split]:
    """Folds that part every class that can be parted; none where that is impossible."""
    kinds = np.zeros(len(labels), dtype=np.int64)
    for number, name in enumerate(smaller):
        own = labels == name
        if len(np.unique(groups[own])) > 1:  # the others go with the largest class
            kinds[own] = number + 1
    if not kinds.any():
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CounterpoiseWarning)  # a class is judged by the folds that test it
        try:
            return make_folds(kinds, FOLDS, groups=groups, seed=derive_seed(seed, "folds"))
        except DataError:
            return []


def _written(
    sampler: TextSampler, texts: Texts, labels: NDArray[Any], split: Split, smaller: list[Any], seed: int
) -> Fold:
    train, test = split
    settings = {"balance": 1.0, "counterfactual": 0.0, "checkpoint": None, "random_state": seed}
    own = sampler.get_params()
    writer = clone(sampler).set_params(**{name: value for name, value in settings.items() if name in own})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CounterpoiseWarning)  # what there is to say is said of the whole
        all_texts, all_labels = writer.fit_resample(texts[train], labels[train])
    n = len(train)
    largest = np.unique(labels[train], return_counts=True)[1].max()
    here = {name: int((labels[train] == name).sum()) for name in smaller}
    gaps = {name: int(largest) - count for name, count in here.items() if count and name in labels[test]}
    return Fold(train, test, all_texts[n:], all_labels[n:], train[writer.source_rows_[n:]], gaps)


def _best(scores: list[list[float]]) -> float:
    """The share with the best mean, and of equal ones the smallest."""
    means = np.round(np.mean(scores, axis=0), 12)
    return SHARES[int(means.argmax())]


def _tokens(texts: Texts) -> list[list[str]]:
    return tokenize(texts).to_list()
