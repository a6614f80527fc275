"""EasyEnsemble: boosted stumps on many balanced draws, each with all of the rarest class (Liu et al. 2009)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.ensemble import AdaBoostClassifier

from counterpoise.errors import DataError
from counterpoise.methods.balanced_ensemble import BalancedEnsemble, Probable
from counterpoise.methods.setting_checks import check_whole
from counterpoise.search_space import Range, Space
from counterpoise.seeding import derive_seed


class EasyEnsemble(BalancedEnsemble):
    """AdaBoost on balanced draws, in which every class is cut to the size of the rarest, and the mean of them.

    Liu, Wu and Zhou, "Exploratory Undersampling for Class-Imbalance Learning", IEEE Transactions on Systems, Man, and
    Cybernetics B 39, 2009. It is imbalanced-learn's ``EasyEnsembleClassifier`` put together from its parts, which,
    unlike the whole, let rows and classes have weights, of which boosting forgets much as it goes on. AdaBoost's
    probabilities lean towards one half, and no shift of the prior mends that; its ranking and the tuned threshold are
    to be trusted.

    Parameters
    ----------
    n_estimators : int, default=10
        Draws; imbalanced-learn's number.
    rounds : int, default=50
        Stumps of each AdaBoost at most; scikit-learn's number.
    max_ngram : int, default=2
        Longest run of words that is a feature of TF-IDF; a stump looks at all features. Not read for arrays.
    min_df : int, default=1
        Texts a feature must occur in. Not read for arrays.
    """

    summary = "boosted stumps on balanced draws; texts as TF-IDF; cannot be saved"
    paper = "Liu et al. 2009"
    name = "easy_ensemble"
    search_space: ClassVar[Space] = {
        "n_estimators": Range(5, 50, log=True),
        "rounds": Range(10, 100, log=True),
    }

    def __init__(
        self, *, n_estimators: int = 10, rounds: int = 50, max_ngram: int = 2, min_df: int = 1
    ) -> None:
        self.n_estimators = n_estimators
        self.rounds = rounds
        self.max_ngram = max_ngram
        self.min_df = min_df

    def check(self) -> None:
        """Refuse settings out of range."""
        check_whole(self.name, rounds=self.rounds)
        super().check()

    def members(
        self, rows: Any, labels: np.ndarray, weights: np.ndarray, by_class: np.ndarray, seed: int
    ) -> tuple[list[Probable], np.ndarray]:
        """The boosted stumps of each draw, and what each class weighed.

        Raises
        ------
        DataError
            When no stump tells the classes of a draw apart.
        """
        from imblearn.under_sampling import RandomUnderSampler

        weights = weights * by_class[labels]
        numbers = np.arange(len(labels))[:, None]
        members: list[Probable] = []
        for member in range(self.n_estimators):
            draw = RandomUnderSampler(random_state=derive_seed(seed, "draw", member) % 2**32)
            drawn = draw.fit_resample(numbers, labels)[0][:, 0]
            boosted = AdaBoostClassifier(
                n_estimators=int(self.rounds), random_state=derive_seed(seed, "stumps", member) % 2**32
            )
            try:
                members.append(boosted.fit(rows[drawn], labels[drawn], sample_weight=weights[drawn]))
            except ValueError as error:  # scikit-learn's, when the first stump is no better than chance
                raise DataError(
                    f"in a draw of {len(drawn)} rows, as many of each class, no feature tells the classes apart; look "
                    "for equal rows with different labels, or give more rows of the rarest class"
                ) from error
        return members, by_class
