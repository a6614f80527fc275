"""Borderline-SMOTE: as SMOTE, but only from rows at the border of their class (Han, Wang and Mao 2005)."""

import warnings
from typing import Any, ClassVar

from counterpoise.docstrings import with_parameters_of
from counterpoise.errors import CounterpoiseWarning
from counterpoise.methods.feature_space import FeatureSpaceMethod
from counterpoise.methods.setting_checks import check_whole
from counterpoise.methods.smote import Smote
from counterpoise.neighbors import NearestNeighbors
from counterpoise.search_space import Range, Space


@with_parameters_of(Smote)
class BorderlineSmote(FeatureSpaceMethod):
    """Fill the smaller classes up with points that start from rows in danger, by the paper's first variant.

    A row is in danger when at least half of its nearest rows, but not all, are of another class; one among strangers
    alone is taken for noise. Han, Wang and Mao, "Borderline-SMOTE: A New Over-Sampling Method in Imbalanced Data Sets
    Learning", ICIC 2005; the sampler is imbalanced-learn's. A class without a row in danger stays as it is.

    Parameters that do not stand here are those of :class:`counterpoise.methods.smote.Smote`.

    Parameters
    ----------
    m_neighbors : int, default=10
        Nearest rows of any class by which danger is judged; imbalanced-learn's number.
    """

    summary = "points from rows of a rare class at its border; texts as TF-IDF"
    paper = "Han et al. 2005"
    name = "borderline_smote"
    search_space: ClassVar[Space] = {
        "k_neighbors": Range(1, 10),
        "m_neighbors": Range(5, 20),
        **FeatureSpaceMethod.linear_space,
    }

    def __init__(
        self,
        *,
        k_neighbors: int = 5,
        m_neighbors: int = 10,
        balance: float = 1.0,
        space: str = "tfidf",
        C: float = 10.0,
        max_ngram: int = 2,
    ) -> None:
        self.k_neighbors = k_neighbors
        self.m_neighbors = m_neighbors
        self.balance = balance
        self.space = space
        self.C = C
        self.max_ngram = max_ngram

    def check(self) -> None:
        """Refuse settings out of range."""
        check_whole(self.name, k_neighbors=self.k_neighbors, m_neighbors=self.m_neighbors)
        super().check()

    @property
    def k(self) -> int:
        """The setting."""
        return self.k_neighbors

    def maker(self, k: int, n_rows: int) -> Any:
        """imbalanced-learn's, with our neighbours, among which it counts a row itself."""
        from imblearn.over_sampling import BorderlineSMOTE

        return BorderlineSMOTE(
            k_neighbors=NearestNeighbors(n_neighbors=k + 1),
            m_neighbors=NearestNeighbors(n_neighbors=min(self.m_neighbors + 1, n_rows)),
        )

    def say_left(self, n_left: int, n_smaller: int) -> None:
        """Warn, since training goes on without them."""
        warnings.warn(
            f"{n_left} of {n_smaller} smaller classes have no row in danger, that is with half or more, but not "
            f"all, of its {self.m_neighbors} nearest rows of another class: borderline_smote adds nothing to them; "
            "use smote",
            CounterpoiseWarning,
            stacklevel=2,
        )
