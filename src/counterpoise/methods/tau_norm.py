"""tau-normalisation: plain training, then rows of the head nearer to one length, no bias (Kang et al. 2020).

Kang, Xie, Rohrbach, Yan, Gordo, Feng and Kalantidis, "Decoupling Representation and Classifier for Long-Tailed
Recognition", ICLR 2020, section 4, "tau-normalized classifier": ``w_c := w_c / ||w_c||^tau``, and no bias.
"""

from __future__ import annotations

from numbers import Real
from typing import ClassVar

import numpy as np
import torch

from counterpoise.errors import SettingsError
from counterpoise.methods.base import Context, Data
from counterpoise.methods.gradient import GradientMethod
from counterpoise.methods.network_predictor import NetworkPredictor
from counterpoise.methods.validation import average_precision, whole_side
from counterpoise.metrics.calibration import implied_prior
from counterpoise.search_space import Range, Space

TAUS = tuple(step / 10 for step in range(11))
"""What is tried where ``tau`` is to be chosen; the authors' steps."""

UNJUDGED = 0.5
"""``tau`` where there are no rows to choose it on: half way, in the logarithm of the lengths."""


class TauNorm(GradientMethod):
    """Train plainly, drop the head's bias, and divide the weights of each class by their length to the power of tau.

    Frequent classes tend to have longer weights, and so larger logits. Of two classes, cross-entropy moves the
    weights by equal and opposite steps, so that their lengths hardly differ: then the method changes little but
    the bias.

    The logits' own class shares are measured on the rows that chose ``tau``, or else on those trained on: they
    are those that return the mean probability of each class to its share. With ``tau = 0``, where the bias of
    plain training is at its optimum on these rows, prior correction gives back plain training's probabilities.

    Parameters
    ----------
    tau : float or None, default=None
        From 0, plain training without a bias, to 1, all lengths 1. None takes the one of 0, 0.1, ..., 1 with the
        best average precision on the validation side, the smallest of equals, as the paper chooses it on held-out
        rows; where there is none, or it lacks a class, 0.5: the backbone has seen all other rows, so a choice
        made on them would rest on features that were fitted to the answers. ``notes["tau"]`` of the
        predictor holds what was taken.

    Raises
    ------
    SettingsError
        From ``check``, if ``tau`` is no number in [0, 1] and not None.
    """

    search_space: ClassVar[Space] = {"tau": Range(0.0, 1.0)}
    summary = "plain training, then weights of all classes nearer to one length"
    paper = "Kang et al. 2020"

    def __init__(self, *, tau: float | None = None) -> None:
        self.tau = tau

    def check(self) -> None:
        """Refuse a tau out of range."""
        if self.tau is not None and not (isinstance(self.tau, Real) and 0 <= self.tau <= 1):
            raise SettingsError(
                f"tau is {self.tau!r}; tau_norm needs a number from 0 to 1, or none to choose it"
            )

    def fit(self, data: Data, context: Context) -> NetworkPredictor:
        """Train plainly, choose tau, and normalise; see :meth:`counterpoise.methods.base.Method.fit`."""
        predictor = super().fit(data, context)
        side = whole_side(context, data.n_classes)
        judges = data if side is None else side
        features = predictor.embed(judges.inputs).astype(np.float64)
        head = predictor.model.head
        weight = head.weight.detach().cpu().double().numpy()
        tau = self.tau
        if tau is None:
            tau = UNJUDGED if side is None else _best(weight, features, side, context.minority)
        tau = float(tau)
        weight = rescaled(weight, tau)
        with torch.no_grad():
            head.weight.copy_(torch.from_numpy(weight))
            head.bias.zero_()
        predictor.notes["tau"] = tau
        predictor.training_prior = implied_prior(features @ weight.T, judges.labels, judges.weights)
        return predictor


def _best(weight: np.ndarray, features: np.ndarray, side: Data, minority: int | None) -> float:
    """The tau whose logits have the best average precision, the smallest of equals."""
    scores = [average_precision(features @ rescaled(weight, tau).T, side, minority) for tau in TAUS]
    return TAUS[int(np.argmax(scores))]


def rescaled(weight: np.ndarray, tau: float) -> np.ndarray:
    """Divide each row of weights ``(C, d)`` by its length to the power of ``tau``."""
    return weight / np.linalg.norm(weight, axis=1, keepdims=True) ** tau
