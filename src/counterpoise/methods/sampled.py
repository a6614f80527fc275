"""Any text sampler as a method: resample the fitting side, then train plainly.

One line in the registry makes a sampler a method; its settings become the method's.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any, ClassVar

import numpy as np

from counterpoise.errors import SettingsError
from counterpoise.methods.base import Data
from counterpoise.methods.gradient import GradientMethod
from counterpoise.oversampling.base import TextSampler


class SampledMethod(GradientMethod):
    """Base of methods made by :func:`sampled_method`."""

    inputs = frozenset({"text"})
    sampler: ClassVar[type[TextSampler]]

    def __init__(self, **settings: Any) -> None:
        # Checked and stored by the sampler itself, so that its signature is the only list of settings.
        self._settings = self.sampler(**settings).get_params()

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Settings of the sampler but for its seed, which comes from the classifier."""
        return {k: v for k, v in self._settings.items() if k != "random_state"}

    def set_params(self, **params: Any) -> SampledMethod:
        """Change settings of the sampler."""
        self._settings = self.sampler(**self._settings).set_params(**params).get_params()
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        # A class made at run time stands in no module, where pickle would look for it.
        return _restored, (self.sampler, self.summary, self._settings)

    def check(self) -> None:
        """Refuse what the sampler refuses, and a strategy by class name, which a method does not know."""
        if isinstance(self._settings["sampling_strategy"], dict):
            raise SettingsError(
                "sampling_strategy as a dict is for the sampler on its own; give a float or 'auto'"
            )
        self.sampler(**self._settings).check()

    def resample(self, data: Data, seed: int) -> Data:
        """Add the sampler's new texts; each weighs what the text it was made from weighs."""
        sampler = self.sampler(**{**self._settings, "random_state": seed})
        texts, labels = sampler.fit_resample(data.inputs, data.labels)
        weights = data.weights[sampler.source_rows_]
        return replace(data, inputs=texts, labels=np.asarray(labels), weights=weights)


@cache
def sampled_method(sampler: type[TextSampler], summary: str) -> type[SampledMethod]:
    """Make a method of a sampler.

    Parameters
    ----------
    sampler : type of TextSampler
    summary : str
        One line for ``counterpoise methods``.
    """
    body = {"sampler": sampler, "summary": summary, "__doc__": sampler.__doc__}
    return type(sampler.__name__, (SampledMethod,), body)


def _restored(sampler: type[TextSampler], summary: str, settings: dict[str, Any]) -> SampledMethod:
    """Unpickle a method with all its settings, the sampler's seed included."""
    return sampled_method(sampler, summary)(**settings)
