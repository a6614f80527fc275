"""Difficult samples in a comparison: whether a method re-embeds them, and finds them.

    difficulty = FoldDifficulty(texts, numbers, minority=1, seed=0)
    row |= difficulty.measured(fold, classifier, train, test, decided)       # plain training's folds first

Test samples are judged by the real rows of the fitting side, in two embeddings: plain training's of the same fold,
which is the same for every method and says who is difficult, and the method's own. A test sample is one that
neither model was trained on, so no further cross-fitting is needed. New texts are never looked at: among them
the minority would have neighbours of its own by their number alone.
"""

from __future__ import annotations

import numpy as np

from counterpoise.estimators.text import TextClassifier
from counterpoise.gamma import MAJORITY_ASKED, Difficulty, asked_rows, measure_difficulty, minority_sides
from counterpoise.methods.registry import METHODS
from counterpoise.seeding import derive_seed

PLAIN = "erm"
"""The method whose embedding says which samples are difficult."""

NAMES = (
    "difficult_share_before",
    "difficult_share_after",
    "majority_difficult_share_before",
    "majority_difficult_share_after",
    "recall_difficult",
    "recall_easy",
)
"""The keys of :meth:`FoldDifficulty.measured`, in order."""


class FoldDifficulty:
    """Difficulty of the test sides of a comparison, one fold and one method at a time.

    Parameters
    ----------
    texts : ndarray of object, shape (n,)
    numbers : ndarray of int64, shape (n,)
        Class numbers.
    minority : int or None
        The class that matters, against all others; None takes every class below the largest.
    seed : int
        Of the majority samples drawn.
    """

    def __init__(self, texts: np.ndarray, numbers: np.ndarray, minority: int | None, seed: int) -> None:
        self.texts, self.numbers, self.seed = texts, numbers, seed
        self.sides, self.rare = minority_sides(numbers, minority)
        self.plain: dict[int, Difficulty] = {}

    def measured(
        self, fold: int, classifier: TextClassifier, train: np.ndarray, test: np.ndarray, decided: np.ndarray
    ) -> dict[str, float | None]:
        """Measure one method on one fold; plain training's own fold must have been measured before, if at all.

        Parameters
        ----------
        fold : int
        classifier : TextClassifier
            Fitted to ``train``.
        train, test : ndarray of int64
            Rows of the (thinned) fitting side and of the whole test side.
        decided : ndarray of int64, shape (len(test),)
            Class numbers decided for the test side, at one threshold for all.

        Returns
        -------
        dict of str to float or None
            - ``difficult_share_before``, ``difficult_share_after``: share of the minority's test samples with a
              sample of another class among their 5 nearest training samples, in plain training's embedding
              and in the method's own.
            - ``majority_difficult_share_before``, ``majority_difficult_share_after``: share of the other test
              samples (at most 2,000, drawn) with one of the minority among theirs. An embedding that has
              collapsed lowers one share at the cost of the other.
            - ``recall_difficult``, ``recall_easy``: share of the minority's test samples decided rightly, among
              those that are difficult in plain training's embedding and among the others.

            None where there is no plain training in the comparison, the method trains no network, or there are
            no such samples.
        """
        own = None
        if METHODS[str(classifier.method)].uses_backbone and self.rare.any():
            own = self._looked_up(fold, classifier, train, test)
        if classifier.method == PLAIN and own is not None:
            self.plain[fold] = own
        fixed = self.plain.get(fold)
        before, after = self._shares(fixed), self._shares(own)
        recalls = (None, None) if fixed is None else self._recalls(fixed, test, decided)
        return dict(zip(NAMES, (before[0], after[0], before[1], after[1], *recalls), strict=True))

    def _looked_up(
        self, fold: int, classifier: TextClassifier, train: np.ndarray, test: np.ndarray
    ) -> Difficulty:
        rows = asked_rows(self.rare, test, MAJORITY_ASKED, derive_seed(self.seed, "difficulty", fold))
        queries, index = classifier.embed(self.texts[rows]), classifier.embed(self.texts[train])
        return measure_difficulty(queries, self.sides[rows], index, self.sides[train], rows=rows)

    def _shares(self, found: Difficulty | None) -> tuple[float | None, float | None]:
        """Of the minority, and of the others."""
        if found is None:
            return None, None
        rare = self.rare[found.rows]
        return found.take(rare).share, found.take(~rare).share

    def _recalls(
        self, fixed: Difficulty, test: np.ndarray, decided: np.ndarray
    ) -> tuple[float | None, float | None]:
        """Of the difficult minority samples, and of the easy ones."""
        right, rare = decided == self.numbers[test], self.rare[test]
        difficult = np.isin(test, fixed.difficult)
        return _mean(right[rare & difficult]), _mean(right[rare & ~difficult])


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None
