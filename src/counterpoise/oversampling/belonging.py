"""Does an anchor still read as of its class? Asked of classifiers that have not seen its source.

    belonging = Belonging(texts, labels == "spam", groups, seed=0)
    kept = belonging.keeps([["win", "a", "prize"], ...], source_rows)

An anchor is to stay inside the distribution of the minority. Giving up a share of the words blindly can take away the
very words that made the class, and a text without them is a majority text with the wrong label. So a text that these
classifiers give to the majority is refused, unless they give its source to the majority as well: that one is difficult
for them, and so may its anchors be. The minority is cut into folds, and a text is judged by TF-IDF and logistic
regression trained without the fold of its source, near repeats included, since a classifier that knows the source
would recognise it in whatever is left of it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression

from counterpoise.crossfit import make_folds
from counterpoise.seeding import derive_seed, generator
from counterpoise.text.tfidf import word_tfidf
from counterpoise.text.tokenizers import tokenize

_FOLDS = 5
_MAJORITY = 20_000  # texts of it that the classifiers learn from


class Belonging:
    """Cross-fitted classifiers of one class against the rest.

    Parameters
    ----------
    texts : ndarray of str, shape (n,)
        The fitting side.
    minority : ndarray of bool, shape (n,)
        Whether a text is of the class.
    groups : ndarray of int64, shape (n,)
        Near repeats, which are never parted.
    seed : int
    """

    def __init__(
        self, texts: np.ndarray, minority: npt.NDArray[np.bool_], groups: npt.NDArray[np.int64], seed: int
    ) -> None:
        rare, others = np.flatnonzero(minority), np.flatnonzero(~minority)
        if len(others) > _MAJORITY:
            rng = generator(seed, "belonging", "majority")
            others = np.sort(rng.choice(others, _MAJORITY, replace=False))
        rows = np.concatenate([rare, others])
        self._place = {int(row): place for place, row in enumerate(rare)}
        self._vectorizer = word_tfidf()
        features = self._vectorizer.fit_transform(tokenize(texts[rows]).to_list())
        own = np.arange(len(rows)) < len(rare)
        self._fold = np.full(len(rare), -1)
        self._models: list[LogisticRegression] = []
        n_folds = min(_FOLDS, len(np.unique(groups[rare])))
        if n_folds > 1:
            for split in make_folds(
                own[own], n_folds, groups=groups[rare], seed=derive_seed(seed, "belonging")
            ):
                self._fold[split.test] = len(self._models)
                known = ~own
                known[split.train] = True
                self._models.append(_fitted(features[known], own[known]))
        self._source_called = self._called(features[: len(rare)], np.arange(len(rare)))

    def keeps(self, tokens: list[list[str]], rows: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Whether each text reads as of the class, or its source does not either; all, where there are no folds.

        Parameters
        ----------
        tokens : list of list of str
            Of :func:`counterpoise.text.tokenizers.tokenize`.
        rows : ndarray of int64, shape (m,)
            Source row of each.
        """
        if not self._models or not tokens:
            return np.ones(len(tokens), dtype=bool)
        places = np.array([self._place[int(row)] for row in rows])
        features = self._vectorizer.transform(tokens)
        return self._called(features, places) | ~self._source_called[places]

    def _called(self, features: sp.csr_matrix, places: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Whether each row is given to the class by the classifier that does not know the source at its place."""
        called = np.ones(len(places), dtype=bool)
        for fold, model in enumerate(self._models):
            asked = np.flatnonzero(self._fold[places] == fold)
            if len(asked):
                called[asked] = model.decision_function(features[asked]) > 0
        return called


def _fitted(features: sp.csr_matrix, own: npt.NDArray[np.bool_]) -> LogisticRegression:
    return LogisticRegression(C=10.0, class_weight="balanced", max_iter=1000).fit(features, own)
