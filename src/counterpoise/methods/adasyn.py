"""ADASYN: as SMOTE, with more points where a row has more neighbours of other classes (He et al. 2008)."""

import warnings
from typing import Any, ClassVar

import numpy as np

from counterpoise.docstrings import with_parameters_of
from counterpoise.errors import CounterpoiseWarning, DataError
from counterpoise.methods.feature_space import FeatureSpaceMethod
from counterpoise.methods.setting_checks import check_whole
from counterpoise.methods.smote import Smote
from counterpoise.neighbors import NearestNeighbors
from counterpoise.search_space import Range, Space


@with_parameters_of(Smote)
class Adasyn(FeatureSpaceMethod):
    """Fill the smaller classes up with points, shared out among their rows by how difficult these are.

    A row is difficult in the measure in which its nearest rows are of another class. He, Bai, Garcia and Li, "ADASYN:
    Adaptive Synthetic Sampling Approach for Imbalanced Learning", IJCNN 2008; the sampler is imbalanced-learn's. Shares
    are rounded, so the classes balance but roughly.

    Parameters that do not stand here are those of :class:`counterpoise.methods.smote.Smote`.

    Parameters
    ----------
    n_neighbors : int, default=5
        Nearest rows, both of any class, for the difficulty, and of the same class, one of which a point lies on the way
        to; the paper's number. A class of fewer rows takes as many as it has others.
    """

    summary = "points between neighbours, most from difficult rows; texts as TF-IDF"
    paper = "He et al. 2008"
    name = "adasyn"
    search_space: ClassVar[Space] = {"n_neighbors": Range(2, 10), **FeatureSpaceMethod.linear_space}

    def __init__(
        self,
        *,
        n_neighbors: int = 5,
        balance: float = 1.0,
        space: str = "tfidf",
        C: float = 10.0,
        max_ngram: int = 2,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.balance = balance
        self.space = space
        self.C = C
        self.max_ngram = max_ngram

    def check(self) -> None:
        """Refuse settings out of range."""
        check_whole(self.name, n_neighbors=self.n_neighbors)
        super().check()

    @property
    def k(self) -> int:
        """The setting."""
        return self.n_neighbors

    def maker(self, k: int, n_rows: int) -> Any:
        """imbalanced-learn's, with our neighbours, among which it counts a row itself."""
        from imblearn.over_sampling import ADASYN

        return ADASYN(n_neighbors=NearestNeighbors(n_neighbors=k + 1))

    def amount(self, rows: Any, labels: np.ndarray, label: int, count: int, k: int) -> int | None:
        """The sum of the rounded shares; None without a difficult row, for which imbalanced-learn would fail."""
        own = np.flatnonzero(labels == label)
        _, near = NearestNeighbors(n_neighbors=k + 1).fit(rows).kneighbors(rows[own])
        difficulty = (labels[near[:, 1:]] != label).sum(axis=1) / k
        if not difficulty.any():
            return None
        return int(np.rint(difficulty / difficulty.sum() * count).sum())

    def say_left(self, n_left: int, n_smaller: int) -> None:
        """Refuse data in which it has nothing to do; warn where that holds for some classes only."""
        found = (
            f"{n_left} of {n_smaller} smaller classes have no difficult row, that is with a row of another class "
            f"among its {self.n_neighbors} nearest"
        )
        if n_left == n_smaller:
            raise DataError(f"{found}, so there is nothing for adasyn to do; use smote")
        warnings.warn(f"{found}: adasyn adds nothing to them; use smote", CounterpoiseWarning, stacklevel=2)
