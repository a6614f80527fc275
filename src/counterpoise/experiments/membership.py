"""Do anchors stay inside their class? By who can tell them from real texts, and by who calls them minority.

    tell_apart(texts, labels, sampler.anchors_, "spam", held_back=more_spam).anchors     # area under the curve
    called_minority(texts, labels, sampler.anchors_, "spam").anchors                     # a share

In both, classifiers judge texts that they were not trained on, and real texts go through the same procedure.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from counterpoise.crossfit import make_folds
from counterpoise.errors import CounterpoiseWarning, DataError
from counterpoise.groups import text_groups
from counterpoise.methods.base import Context, Data
from counterpoise.methods.registry import make_method
from counterpoise.oversampling.quality import Figure, anchors_of, barred, one_per_source
from counterpoise.oversampling.word_swap import WordSwap
from counterpoise.seeding import derive_seed, generator
from counterpoise.text.duplicates import near_duplicate_groups
from counterpoise.text.tfidf import word_tfidf
from counterpoise.text.tokenizers import tokenize

Ints: TypeAlias = NDArray[np.int64]
Texts: TypeAlias = NDArray[np.object_]

POINTS = 0.03
"""How much less often anchors may be called minority than real texts."""

_DRAWS = 10
_FOLDS = 5
_FEWEST = 10  # of each kind; an area under the curve of fewer says nothing


@dataclass(frozen=True)
class Apart:
    """How well anchors are told from real texts of their class, beside other new texts from the same sources.

    Attributes
    ----------
    anchors, word_swap, copies : float
        Areas under the curve: 0.5 when they cannot be told, 1 when always. Copies are the sources themselves, real
        texts, and show what chance and the choice of sources make.
    spread : float
        Standard deviation of ``anchors - word_swap`` over the draws.
    n : int
        Texts of each kind.
    """

    anchors: float
    word_swap: float
    copies: float
    spread: float
    n: int

    name: ClassVar[str] = "told_apart"
    what: ClassVar[str] = "told from held-back texts (AUC)"

    def figure(self) -> Figure:
        """The area with its bar."""
        above = self.anchors - self.word_swap
        verdict = (
            "good"
            if above <= 0
            else "good, within the spread of draws"
            if above <= self.spread
            else "told better"
        )
        compared = f"at most {self.word_swap:.3f} of word_swap (copies {self.copies:.3f})"
        return Figure(self.name, self.what, self.anchors, ".3f", compared, verdict, above <= self.spread)


@dataclass(frozen=True)
class Called:
    """How often a classifier that knows neither them nor their origin calls texts minority.

    Attributes
    ----------
    anchors, real : float
        Shares of anchors, and of real minority texts.
    n_anchors, n_real : int
        How many were judged.
    """

    anchors: float
    real: float
    n_anchors: int
    n_real: int

    name: ClassVar[str] = "called_minority"
    what: ClassVar[str] = "called minority by others"

    def figure(self) -> Figure:
        """The share with its bar."""
        least = max(self.real - POINTS, 0.0)
        compared = f"at least {least:.1%}: {self.real:.1%} of {self.n_real} real texts, less {POINTS * 100:.0f} points"
        met = self.anchors >= least
        return barred(
            self.name, self.what, self.anchors, ".1%", compared, met, "too few: they leave the class"
        )


def tell_apart(
    texts: Texts,
    labels: NDArray[Any],
    anchors: pa.Table,
    label: Any,
    held_back: Texts,
    *,
    seed: int = 0,
) -> Apart:
    """Train a classifier to tell anchors from real texts of the same class, and see how well it does.

    One anchor for each source, since anchors of one source are much alike, and as many held-back texts; logistic
    regression on TF-IDF of words and word pairs and on the number of words, cross-validated with near repeats of a
    source on the side of its anchor. The mean over draws of sources, anchors, texts and folds.

    Parameters
    ----------
    texts : ndarray of str, shape (n,)
        What the sampler was given.
    labels : ndarray, shape (n,)
    anchors : pyarrow.Table
    label : object
    held_back : ndarray of str, shape (m,)
        Texts of the class that the sampler has not seen.
    seed : int, default=0

    Returns
    -------
    Apart

    Raises
    ------
    DataError
        If there are fewer than ten held-back texts, or sources.
    """
    made = anchors_of(anchors, labels, label)
    sources = np.array([anchor.source_row for anchor in made], dtype=np.int64)
    rows = np.unique(sources)
    n = min(len(rows), len(held_back))
    if n < _FEWEST:
        raise DataError(
            f"the sources ({len(rows)}) or held-back texts ({len(held_back)}) of class {label!r} are too few to be "
            f"told apart; {_FEWEST} of each are needed"
        )
    written = np.array([anchor.text for anchor in made], dtype=object)
    swapped = _word_swapped(texts, labels == label, rows, derive_seed(seed, "told apart", "word swap"))
    groups = near_duplicate_groups(np.concatenate([texts[rows], held_back]))
    areas = []
    for draw in range(_DRAWS):
        rng = generator(seed, "told apart", draw)
        own = np.sort(rng.choice(len(rows), n, replace=False))
        others = rng.choice(len(held_back), n, replace=False)
        group = np.concatenate([groups[own], groups[len(rows) + others]])
        kinds = (written[one_per_source(sources, rng)], swapped[draw], texts[rows])
        areas.append([_area(kind[own], held_back[others], group, derive_seed(seed, draw)) for kind in kinds])
    of_anchors, of_word_swap, of_copies = np.transpose(areas)
    return Apart(
        anchors=float(of_anchors.mean()),
        word_swap=float(of_word_swap.mean()),
        copies=float(of_copies.mean()),
        spread=float((of_anchors - of_word_swap).std(ddof=1)),
        n=n,
    )


def _word_swapped(texts: Texts, rare: NDArray[np.bool_], rows: Ints, seed: int) -> Texts:
    """Word swap's anchors of some rows, one a row in each of the draws, ``(draws, len(rows))``."""
    side = np.sort(np.concatenate([rows, np.flatnonzero(~rare)]))
    sampler = WordSwap(sampling_strategy={True: len(rows) * (_DRAWS + 1)}, random_state=seed)
    with warnings.catch_warnings():
        # imbalanced-learn remarks that the class becomes the largest one.
        warnings.simplefilter("ignore", UserWarning)
        sampler.fit_resample(texts[side], rare[side])
    made = np.array(sampler.anchors_["text"].to_pylist(), dtype=object).reshape(_DRAWS, len(rows))
    sources = sampler.anchors_["source_row"].to_numpy().reshape(_DRAWS, len(rows))
    return np.take_along_axis(made, sources.argsort(axis=1), axis=1)


def _area(new: Texts, real: Texts, groups: Ints, seed: int) -> float:
    """Area under the curve on unseen texts, the mean over folds that hold both kinds."""
    kind = np.repeat([1, 0], [len(new), len(real)])
    tokens = [*tokenize(new).to_list(), *tokenize(real).to_list()]
    words = word_tfidf(max_ngram=2).fit_transform(tokens)
    lengths = np.log1p([len(given) for given in tokens])
    features = sp.hstack([words, (lengths - lengths.mean())[:, None]]).tocsr()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CounterpoiseWarning)  # folds with one kind only are passed over
        splits = make_folds(kind, _FOLDS, groups=groups, seed=seed)
    areas = []
    for train, test in splits:
        if len(np.unique(kind[test])) > 1:
            model = LogisticRegression(C=10.0, solver="liblinear").fit(features[train], kind[train])
            areas.append(roc_auc_score(kind[test], model.decision_function(features[test])))
    return float(np.mean(areas))


def called_minority(
    texts: Texts,
    labels: NDArray[Any],
    anchors: pa.Table,
    label: Any,
    *,
    difficult: Ints | None = None,
    seed: int = 0,
) -> Called:
    """Ask classifiers that know neither an anchor nor where it came from whether it is of the minority.

    TF-IDF and logistic regression with balanced weights, trained on real texts only. The minority is cut into five
    folds and the majority into two; an anchor is judged by a model trained without the folds of its source and its
    partners, a real text by those trained without its own fold and one half of the majority, so that all models have
    as much to learn from; but for an anchor with a partner in the minority, of another fold than its source, which a
    model without both folds judges.

    Parameters
    ----------
    texts : ndarray of str, shape (n,)
    labels : ndarray, shape (n,)
    anchors : pyarrow.Table
    label : object
    difficult : ndarray of int64 or None, default=None
        Rows of the real texts to compare with; None takes all of the class.
    seed : int, default=0

    Returns
    -------
    Called

    Raises
    ------
    DataError
        If the minority, or the majority, cannot be parted, or the partners of every anchor are in both halves.
    """
    made, rare = anchors_of(anchors, labels, label), labels == label
    blocks = _blocks(rare, text_groups(texts), seed)
    halves = np.unique(blocks[~rare]).tolist()
    real = np.flatnonzero(rare) if difficult is None else difficult
    asked: dict[frozenset[int], _Asked] = defaultdict(_Asked)
    for row in real:
        for half in halves:
            asked[frozenset((int(blocks[row]), half))].real.append(texts[row])
    for anchor in made:
        key = frozenset(blocks[[anchor.source_row, *anchor.partner_rows]].tolist())
        # Without a partner, an anchor is judged by a model of the same size as the others are.
        key = key if key & set(halves) else key | {halves[0]}
        left = np.unique(rare[~np.isin(blocks, list(key))])
        if len(left) == 2:
            asked[key].anchors.append(anchor.text)
    shares = [_called(texts, rare, ~np.isin(blocks, list(key)), given, seed) for key, given in asked.items()]
    of_anchors, of_real = (np.concatenate(parts) for parts in zip(*shares, strict=True))
    if not len(of_anchors):
        raise DataError(f"no part of the data is free of the sources and partners of class {label!r}")
    return Called(float(of_anchors.mean()), float(of_real.mean()), len(of_anchors), len(real))


@dataclass
class _Asked:
    """Texts that one model judges."""

    anchors: list[str] = field(default_factory=list)
    real: list[str] = field(default_factory=list)


def _blocks(rare: NDArray[np.bool_], groups: Ints, seed: int) -> Ints:
    """Number of each row's fold: of the minority's five at most, or, after these, of the majority's two."""
    blocks = np.empty(len(rare), dtype=np.int64)
    start = 0
    for side, most in ((rare, _FOLDS), (~rare, 2)):
        rows = np.flatnonzero(side)
        n_folds = min(most, len(np.unique(groups[rows])))
        if n_folds < 2:
            raise DataError(
                f"the texts of one side ({len(rows)}) all repeat each other and cannot be parted; give more"
            )
        splits = make_folds(side[rows], n_folds, groups=groups[rows], seed=derive_seed(seed, "called", start))
        for fold, split in enumerate(splits):
            blocks[rows[split.test]] = start + fold
        start += n_folds
    return blocks


def _called(
    texts: Texts, rare: NDArray[np.bool_], train: NDArray[np.bool_], asked: _Asked, seed: int
) -> list[NDArray[np.bool_]]:
    """Whether a model of some rows calls the anchors, and the real texts, minority."""
    n = int(train.sum())
    data = Data(texts[train], rare[train].astype(np.int64), 2, np.ones(n))
    model = make_method("tfidf_lr").fit(data, Context(seed))
    logits = model.logits(np.array([*asked.anchors, *asked.real], dtype=object))
    return np.split(logits[:, 1] > logits[:, 0], [len(asked.anchors)])
