"""Predictors whose logits are averaged, each brought to equal class shares first: what a fitted blend is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from counterpoise.methods.network_predictor import NetworkPredictor
from counterpoise.methods.predictors import Predictor, SavedState
from counterpoise.methods.restoring import PREDICTORS
from counterpoise.metrics.calibration import shift_prior


def even_logits(predictor: Predictor, inputs: np.ndarray) -> np.ndarray:
    """Logits ``(n, C)`` of a predictor as they would be if all classes had the same share, centred by row."""
    logits = shift_prior(
        predictor.logits(inputs), predictor.training_prior, np.ones(len(predictor.training_prior))
    )
    return logits - logits.mean(axis=1, keepdims=True)


@dataclass(eq=False)
class BlendPredictor:
    """Several predictors and what each of them counts.

    Attributes
    ----------
    predictors : dict of Predictor
        By name.
    weights : ndarray of float64, shape (M,)
    notes : dict
        See :class:`counterpoise.methods.network_predictor.NetworkPredictor`.
    class_weight : ndarray of float64, shape (C,), or None, default=None
        What the caller wants each class to count; None is 1 each.
    """

    predictors: dict[str, Predictor]
    weights: np.ndarray
    notes: dict[str, Any] = field(default_factory=dict)
    class_weight: np.ndarray | None = None

    kind: ClassVar[str] = "blend"

    def __post_init__(self) -> None:
        factors = np.ones(len(self._first.training_prior)) if self.class_weight is None else self.class_weight
        self.training_prior = factors / factors.sum()
        self.history: list[dict[str, float]] = []

    def logits(self, inputs: np.ndarray) -> np.ndarray:
        """Logits ``(n, C)`` of float64 under class shares that are equal but for class weights."""
        return self.weighted(
            sum(
                weight * even_logits(predictor, inputs)
                for weight, predictor in zip(self.weights, self.predictors.values(), strict=True)
            )
        )

    def weighted(self, logits: np.ndarray) -> np.ndarray:
        """Blended logits ``(n, C)`` under equal class shares as class weights move them, which members' own cannot."""
        return logits if self.class_weight is None else logits + np.log(self.class_weight)

    def embed(self, inputs: np.ndarray) -> Any:
        """What the first member that trains a network sees of the inputs; without any, the first member."""
        trained = (each for each in self.predictors.values() if isinstance(each, NetworkPredictor))
        return next(trained, self._first).embed(inputs)

    @property
    def _first(self) -> Predictor:
        return next(iter(self.predictors.values()))

    def state(self) -> SavedState:
        """Take all members apart."""
        members, tensors, words = [], {"weights": self.weights}, []
        if self.class_weight is not None:
            tensors["class_weight"] = self.class_weight
        for i, (name, predictor) in enumerate(self.predictors.items()):
            state = predictor.state()
            members.append(
                {
                    "name": name,
                    "kind": predictor.kind,
                    "config": state.config,
                    "n_words": len(state.vocabulary),
                }
            )
            tensors |= {f"member{i}/{key}": value for key, value in state.tensors.items()}
            words += state.vocabulary
        return SavedState({"members": members, "notes": self.notes}, tensors, words)

    @classmethod
    def from_state(cls, state: SavedState, method: Any) -> BlendPredictor:
        """Put all members together again."""
        made, predictors, first = method.made(), {}, 0
        for i, member in enumerate(state.config["members"]):
            prefix, last = f"member{i}/", first + member["n_words"]
            tensors = {k.removeprefix(prefix): v for k, v in state.tensors.items() if k.startswith(prefix)}
            saved = SavedState(member["config"], tensors, state.vocabulary[first:last])
            # Models saved before members had their names beside them have them in the order of the settings.
            name = member.get("name", list(made)[i])
            predictors[name] = PREDICTORS[member["kind"]].from_state(saved, made[name])
            first = last
        notes, class_weight = state.config.get("notes", {}), state.tensors.get("class_weight")
        return cls(predictors, state.tensors["weights"], notes, class_weight)
