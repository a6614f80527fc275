"""SMOTE: new points on the way from each row of a rare class to one of its neighbours (Chawla et al. 2002)."""

from typing import Any, ClassVar

from counterpoise.methods.feature_space import FeatureSpaceMethod
from counterpoise.methods.setting_checks import check_whole
from counterpoise.neighbors import NearestNeighbors
from counterpoise.search_space import Range, Space


class Smote(FeatureSpaceMethod):
    """Fill the smaller classes up with points between neighbours of one class.

    Chawla, Bowyer, Hall and Kegelmeyer, "SMOTE: Synthetic Minority Over-sampling Technique", Journal of Artificial
    Intelligence Research 16, 2002; the sampler is imbalanced-learn's.

    Parameters
    ----------
    k_neighbors : int, default=5
        Neighbours of the same class, one of which a point lies on the way to; the paper's number. A class of fewer rows
        takes all its others.
    balance : float, default=1.0
        How much of the gap between each class and the largest is filled.
    space : {"tfidf", "embedding"}, default="tfidf"
        Where texts are points: TF-IDF, with logistic regression, or the embedding of a backbone trained plainly, whose
        head is fitted anew. The embedding of texts that were trained on is optimistic, so TF-IDF is the default. Not
        read for arrays.
    C : float, default=10.0
        Inverse strength of the linear classifier's ridge penalty, as in ``tfidf_lr``. Not read for arrays.
    max_ngram : int, default=2
        Longest run of words that is a feature of TF-IDF.
    """

    summary = "points between neighbours of a rare class; texts as TF-IDF"
    paper = "Chawla et al. 2002"
    name = "smote"
    search_space: ClassVar[Space] = {"k_neighbors": Range(1, 10), **FeatureSpaceMethod.linear_space}

    def __init__(
        self,
        *,
        k_neighbors: int = 5,
        balance: float = 1.0,
        space: str = "tfidf",
        C: float = 10.0,
        max_ngram: int = 2,
    ) -> None:
        self.k_neighbors = k_neighbors
        self.balance = balance
        self.space = space
        self.C = C
        self.max_ngram = max_ngram

    def check(self) -> None:
        """Refuse settings out of range."""
        check_whole(self.name, k_neighbors=self.k_neighbors)
        super().check()

    @property
    def k(self) -> int:
        """The setting."""
        return self.k_neighbors

    def maker(self, k: int, n_rows: int) -> Any:
        """imbalanced-learn's, with our neighbours, among which it counts a row itself."""
        from imblearn.over_sampling import SMOTE

        return SMOTE(k_neighbors=NearestNeighbors(n_neighbors=k + 1))
