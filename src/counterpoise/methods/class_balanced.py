"""Class-balanced weights as a method: rare classes count more, by the effective number of rows (Cui et al. 2019)."""

from dataclasses import replace
from typing import ClassVar

import torch

from counterpoise.losses.effective_number import effective_number_weights
from counterpoise.methods.base import Context, Data
from counterpoise.methods.gradient import GradientMethod
from counterpoise.methods.setting_checks import check_below_1
from counterpoise.search_space import Choice, Space


class ClassBalanced(GradientMethod):
    """Weight each row by ``(1 - beta) / (1 - beta^n)`` with ``n`` the rows of its class.

    Rows count by their weights, which are 1 on average.

    Parameters
    ----------
    beta : float, default=0.999
        0 is plain training; towards 1 the weights become the inverse of the class sizes. No class counts as more than
        ``1 / (1 - beta)`` rows. 0.999 treats classes of up to some hundreds of rows, where the rare ones are, almost by
        their inverse, and all beyond a few thousand alike. The paper chose among 0.9, 0.99, 0.999 and 0.9999 for each
        data set.

    Raises
    ------
    SettingsError
        From ``check``, if ``beta`` is out of range.
    """

    search_space: ClassVar[Space] = {"beta": Choice((0.9, 0.99, 0.999, 0.9999))}
    summary = "rows of rare classes count more, by the effective number of rows"
    paper = "Cui et al. 2019"

    def __init__(self, *, beta: float = 0.999) -> None:
        self.beta = beta

    def check(self) -> None:
        """Refuse a beta that is not in [0, 1)."""
        check_below_1("class_balanced", beta=self.beta)

    def resample(self, data: Data, context: Context) -> Data:
        """Multiply the row weights by those of the rows' classes."""
        counts = torch.from_numpy(data.class_mass() * len(data))
        by_class = effective_number_weights(counts, self.beta).numpy()
        return replace(data, weights=data.weights * by_class[data.labels])
