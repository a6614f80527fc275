"""Class weights: rows of rare classes count more in the loss, by the inverse of their class's share."""

from dataclasses import replace

import numpy as np

from counterpoise.methods.base import Context, Data
from counterpoise.methods.gradient import GradientMethod
from counterpoise.methods.setting_checks import check_not_negative


class ClassWeight(GradientMethod):
    """Weight each row by ``(1 / share of its class) ** power``, as scikit-learn's ``"balanced"`` does.

    Parameters
    ----------
    power : float, default=1.0
        1 gives all classes the same total weight; 0.5 goes half the way in the logarithm, which is gentler
        where the imbalance is extreme; 0 is plain training.

    Raises
    ------
    SettingsError
        From ``check``, if ``power`` is negative or no finite number.
    """

    summary = "rows of rare classes count more in the loss"

    def __init__(self, *, power: float = 1.0) -> None:
        self.power = power

    def check(self) -> None:
        """Refuse a negative power."""
        check_not_negative("class_weight", power=self.power)

    def resample(self, data: Data, context: Context) -> Data:
        """Multiply the row weights by those of the rows' classes."""
        by_class = np.power(data.class_mass(), -self.power)
        return replace(data, weights=data.weights * by_class[data.labels])
