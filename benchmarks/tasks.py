"""Rare classes to benchmark on: a data set, its class of interest, how much of it is kept, and splits by seed.

side = TASKS["sms_spam 10%"].side(seed=0)
side.texts[side.train], side.labels[side.train]     # thinned
side.texts[side.test], side.labels[side.test]       # whole; no near duplicate of a training text in it

Data come from the folder named by COUNTERPOISE_DATA.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from counterpoise.crossfit import holdout
from counterpoise.data.imbalance import keep_minority
from counterpoise.data.readers import read
from counterpoise.groups import text_groups

TEST_SHARE = 0.2


@dataclass(frozen=True)
class Side:
    """Texts with labels (1 is the rare class) and the row numbers of both sides of a split."""

    texts: np.ndarray
    labels: np.ndarray
    train: np.ndarray
    test: np.ndarray


@dataclass(frozen=True)
class RareClass:
    """One class of a data set against the rest.

    Attributes
    ----------
    dataset, minority : str
    keep : float or None
        Share of the class kept on the training side.
    official : bool
        Whether the published test split is the test side; otherwise all rows are split anew by each seed,
        near duplicates together, since published splits have ten rows of the rarest classes.
    """

    dataset: str
    minority: str
    keep: float | None = None
    official: bool = False

    def side(self, seed: int, rows: int | None = None) -> Side:
        """Split by ``seed``; ``rows`` takes only about that many rows of the data set."""
        texts, labels, tested, groups = _loaded(self.dataset, self.official)
        if rows is not None:
            at = np.arange(len(texts))[:: max(1, len(texts) // rows)]
            texts, labels, tested, groups = texts[at], labels[at], tested[at], groups[at]
        rare = (labels == self.minority).astype(np.int64)
        if self.official:
            train, test = np.flatnonzero(~tested), np.flatnonzero(tested)
        else:
            train, test = holdout(rare, TEST_SHARE, groups=groups, seed=seed)
        if self.keep is not None:
            train = train[keep_minority(labels[train], self.minority, self.keep, seed)[0]]
        return Side(texts, rare, train, test)


@functools.cache
def _loaded(dataset: str, official: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Texts, labels, whether a row is of the test split, groups of near duplicates."""
    tables = [read(dataset, split=split) for split in (("train", "test") if official else ("all",))]
    texts = np.concatenate([table.texts for table in tables])
    labels = np.concatenate([table.labels for table in tables])
    tested = np.repeat(np.arange(len(tables)) > 0, [len(table.texts) for table in tables])
    return texts, labels, tested, text_groups(texts)


TASKS = {
    "sms_spam": RareClass("sms_spam", "spam"),
    "sms_spam 10%": RareClass("sms_spam", "spam", 0.1),
    "trec abbreviation": RareClass("trec", "abbreviation"),
    "trec abbreviation, published test": RareClass("trec", "abbreviation", official=True),
    "ag_news Business": RareClass("ag_news", "Business"),
    "ag_news Business 4%": RareClass("ag_news", "Business", 0.04),
    "ag_news World 4%": RareClass("ag_news", "World", 0.04),
    "toutiao car 10%": RareClass("toutiao", "news_car", 0.1),
    "r8 grain": RareClass("r8", "grain"),
}
