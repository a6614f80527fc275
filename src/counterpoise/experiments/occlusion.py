"""How much a classifier leans on the words that a minority text shares with the majority.

    found = occlusion_of_shared(texts, labels, sampler.anchors_, "spam", held_back=unseen_spam)
    found.anchors, found.copies, found.difference, found.error

A word's occlusion weight is how much the log-odds of the minority fall when the word is left out (Zeiler and Fergus,
"Visualizing and understanding convolutional networks", ECCV 2014, for images; Li, Monroe and Jurafsky,
"Understanding neural networks through representation erasure", 2016, for words). Two classifiers are trained alike,
one on the texts with anchors, one with as many copies of minority texts, and each is asked about texts that neither
was trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from counterpoise.crossfit import Split, make_folds
from counterpoise.errors import DataError
from counterpoise.groups import text_groups
from counterpoise.methods.base import Context, Data
from counterpoise.methods.predictors import Predictor
from counterpoise.methods.registry import make_method
from counterpoise.methods.sampled import Enlarged
from counterpoise.neighbors import NearestNeighbors
from counterpoise.oversampling.base import draw_sources
from counterpoise.oversampling.quality import Figure, anchors_of
from counterpoise.seeding import derive_seed, generator
from counterpoise.text.embedding import label_free_embedding
from counterpoise.text.tokenizers import tokenize

Ints: TypeAlias = NDArray[np.int64]
Texts: TypeAlias = NDArray[np.object_]

_PARTNERS = 5
_FOLDS = 3
_ERASED_AT_MOST = 10_000  # texts with a word left out, over all texts asked about


@dataclass(frozen=True)
class Occlusion:
    """Weight of shared words in a classifier trained with anchors, and in one trained with copies.

    Attributes
    ----------
    anchors, copies : float
        Mean weight of a shared word, over the mean absolute weight of the other words of the same texts, so that a
        classifier does not look good for being less sure of everything. 1: shared words say "minority" as much as
        the others say anything; 0: nothing; below 0: they speak for the majority.
    shared, shared_copies, others, others_copies : float
        The four means themselves, in log-odds a word.
    difference, error : float
        ``anchors - copies`` and its standard error over texts (jackknife).
    n : int
        Texts asked about, which have shared words and others.
    """

    anchors: float
    copies: float
    shared: float
    shared_copies: float
    others: float
    others_copies: float
    difference: float
    error: float
    n: int

    name: ClassVar[str] = "shared_weight"
    what: ClassVar[str] = "weight of shared words"

    def figure(self) -> Figure:
        """The weight with its bar."""
        falls = "falls" if self.difference < 0 else "does not fall"
        verdict = falls if abs(self.difference) > 2 * self.error else f"{falls}, within the noise"
        compared = f"below {self.copies:.2f} of random_oversample"
        return Figure(self.name, self.what, self.anchors, ".2f", compared, verdict, self.difference < 0)


def occlusion_of_shared(
    texts: Texts,
    labels: NDArray[Any],
    anchors: pa.Table,
    label: Any,
    *,
    held_back: Texts | None = None,
    difficult: Ints | None = None,
    context: Context | None = None,
    seed: int = 0,
) -> Occlusion:
    """Compare what shared words weigh after training with anchors and after random over-sampling.

    A word is shared when it stands in one of the five majority texts nearest to the text, in an embedding that has seen
    no label. Each different word is left out alone.

    Parameters
    ----------
    texts : ndarray of str, shape (n,)
        What the sampler was given.
    labels : ndarray, shape (n,)
    anchors : pyarrow.Table
    label : object
        The class that the anchors are of, against all others.
    held_back : ndarray of str, shape (m,), or None, default=None
        Texts of the class to ask about, which nothing was trained on; best the difficult ones. None asks about
        ``difficult``, cross-fitted in three folds: each by classifiers that were trained without the fold, and
        without anchors whose source or partners are in it.
    difficult : ndarray of int64 or None, default=None
        Rows to ask about without ``held_back``; None takes all of the class.
    context : Context or None, default=None
        None trains TF-IDF and logistic regression, which takes seconds; otherwise plain training of its backbone.
    seed : int, default=0

    Returns
    -------
    Occlusion

    Raises
    ------
    DataError
        If fewer than two texts have both shared words and others, or the class cannot be cross-fitted.
    """
    own, rare = anchors_of(anchors, labels, label), labels == label
    n = len(texts)
    if held_back is not None:
        every = np.concatenate([texts, held_back])
        splits = [Split(np.arange(n), np.arange(n, len(every)))]
    else:
        every = texts
        splits = make_folds(rare, _FOLDS, groups=text_groups(texts), seed=derive_seed(seed, "occlusion"))
        asked = np.flatnonzero(rare) if difficult is None else difficult
        splits = [Split(train, np.intersect1d(test, asked)) for train, test in splits]
    space = label_free_embedding(every, seed)
    after_anchors, after_copies = [], []
    for train, test in splits:
        inside = set(train.tolist())
        written = [a.text for a in own if inside.issuperset((a.source_row, *a.partner_rows))]
        if len(test) and written:
            side = Data(every[train], rare[train].astype(np.int64), 2, np.ones(len(train)))
            erased = _Erased.of(every, test, _nearest(space, train[~rare[train]], test), seed)
            rows = draw_sources(
                np.flatnonzero(side.labels), len(written), generator(seed, "occlusion", "copies")
            )
            after_anchors.append(
                erased.weights(_trained(side, np.array(written, dtype=object), context, seed))
            )
            after_copies.append(erased.weights(_trained(side, side.inputs[rows], context, seed)))
    return _summary(after_anchors, after_copies)


@dataclass(frozen=True)
class _Erased:
    """Texts with one word left out.

    Attributes
    ----------
    whole : ndarray of str, shape (m,)
    lacking : ndarray of str, shape (v,)
        Each of the texts as often as it has different words.
    owner : ndarray of int64, shape (v,)
        Which of the texts it is.
    shared : ndarray of bool, shape (v,)
        Whether the missing word is shared.
    """

    whole: Texts
    lacking: Texts
    owner: Ints
    shared: NDArray[np.bool_]

    @classmethod
    def of(cls, every: Texts, rows: Ints, partners: list[Ints], seed: int) -> _Erased:
        """Erase each different word of texts that have shared words and others, in a random order, up to a limit."""
        tokens = tokenize(every).to_list()
        whole: list[str] = []
        lacking: list[str] = []
        owner: list[int] = []
        shared: list[bool] = []
        for i in generator(seed, "occlusion", "order").permutation(len(rows)):
            lent = set().union(*(tokens[row] for row in partners[i]))
            words = tokens[rows[i]]
            different = dict.fromkeys(words)
            if lent.isdisjoint(different) or lent.issuperset(different):
                continue
            if len(lacking) + len(different) > _ERASED_AT_MOST:
                break
            lacking += [" ".join(word for word in words if word != gone) for gone in different]
            owner += [len(whole)] * len(different)
            shared += [word in lent for word in different]
            whole.append(" ".join(words))
        return cls(
            whole=np.array(whole, dtype=object),
            lacking=np.array(lacking, dtype=object),
            owner=np.array(owner, dtype=np.int64),
            shared=np.array(shared, dtype=bool),
        )

    def weights(self, predictor: Predictor) -> NDArray[np.float64]:
        """Mean weight of the shared words, and mean absolute weight of the others, of each text: ``(m, 2)``."""
        if not len(self.whole):
            return np.empty((0, 2))
        fall = _log_odds(predictor, self.whole)[self.owner] - _log_odds(predictor, self.lacking)
        return np.stack(
            [
                np.bincount(self.owner, values * chosen) / np.bincount(self.owner, chosen)
                for values, chosen in ((fall, self.shared), (np.abs(fall), ~self.shared))
            ],
            axis=1,
        )


def _enlarged(data: Data, added: Texts) -> Data:
    labels = np.concatenate([data.labels, np.ones(len(added), dtype=np.int64)])
    return Data(np.concatenate([data.inputs, added]), labels, 2, np.ones(len(labels)))


def _trained(data: Data, added: Texts, context: Context | None, seed: int) -> Predictor:
    if context is None:
        return make_method("tfidf_lr").fit(_enlarged(data, added), Context(seed))
    return Enlarged(_enlarged(data, added)).fit(data, context)


def _log_odds(predictor: Predictor, texts: Texts) -> NDArray[np.float64]:
    logits = predictor.logits(texts)
    return logits[:, 1] - logits[:, 0]


def _nearest(space: NDArray[np.float32], majority: Ints, rows: Ints) -> list[Ints]:
    index = NearestNeighbors(min(_PARTNERS, len(majority)), metric="cosine").fit(space[majority])
    return list(majority[index.kneighbors(space[rows])[1]])


def _summary(after_anchors: list[NDArray[np.float64]], after_copies: list[NDArray[np.float64]]) -> Occlusion:
    parts = [np.concatenate(part) if part else np.empty((0, 2)) for part in (after_anchors, after_copies)]
    n = len(parts[0])
    if n < 2:
        raise DataError(
            f"the texts of the class that have both words of their nearest majority texts and other words ({n}) are "
            "too few; two are needed"
        )
    sums = [part.sum(axis=0) for part in parts]
    (shared, others), (shared_copies, others_copies) = (total / n for total in sums)
    relative = [_quotient(total) for total in sums]
    without = [_quotient(total - part) for total, part in zip(sums, parts, strict=True)]
    differences = without[0] - without[1]
    error = np.sqrt((n - 1) * differences.var())
    return Occlusion(
        anchors=float(relative[0]),
        copies=float(relative[1]),
        shared=float(shared),
        shared_copies=float(shared_copies),
        others=float(others),
        others_copies=float(others_copies),
        difference=float(relative[0] - relative[1]),
        error=float(error),
        n=n,
    )


def _quotient(pairs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shared over others, of the last axis; no weight over none is none."""
    return pairs[..., 0] / np.maximum(pairs[..., 1], np.finfo(np.float64).tiny)
