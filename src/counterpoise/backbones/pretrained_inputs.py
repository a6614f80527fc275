"""Inputs as a pretrained model wants them, whatever they are: its vectors where it stays frozen, else what it reads.

Frozen, the model is asked for each input once, and what is served are its vectors, standardised; a saved model has its
name and a hash. Trained, inputs are served as they go in, and a saved model is whole.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from numbers import Real
from typing import Any, ClassVar, Generic, Self

import numpy as np
import torch

from counterpoise.backbones.base import HEAD_RATE
from counterpoise.backbones.pretrained_layers import TRAINED_RATE
from counterpoise.data.arrays import Standardizer
from counterpoise.errors import SettingsError
from counterpoise.pretrained.frozen import FrozenModel, Opened

_FLAGS = ("frozen", "cache", "gradient_checkpointing")


class PretrainedInputs(ABC, Generic[Opened]):
    """Base of the encoders of inputs for pretrained models.

    Parameters
    ----------
    model : FrozenModel
        As it is.
    frozen : bool
        Whether it stays so.

    Attributes
    ----------
    an : str
        What messages call the model, with its article.
    trained_only : dict
        Settings that a frozen model has no use for, with their defaults.
    own : tuple of str
        Settings that are saved with a trained model, by their attributes.
    """

    an: ClassVar[str]
    trained_only: ClassVar[dict[str, Any]]
    own: ClassVar[tuple[str, ...]]

    def __init__(self, model: FrozenModel[Opened], frozen: bool) -> None:
        self.frozen = frozen
        self._encoder = model
        self._saved: Opened | None = None
        self._sizes: dict[str, int] = {}

    @property
    @abstractmethod
    def to_train(self) -> Any:
        """What the network of a model that is to be trained has to know."""

    @abstractmethod
    def served(self, inputs: Any, device: torch.device | None) -> Any:
        """Inputs as a model that is trained reads them."""

    @abstractmethod
    def checkpoint_state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """What is saved of the checkpoint besides its weights: JSON values, and arrays by name."""

    @classmethod
    @abstractmethod
    def restored_checkpoint(cls, saved: dict[str, Any], tensors: dict[str, np.ndarray]) -> Opened:
        """The inverse of :meth:`checkpoint_state`."""

    @classmethod
    @abstractmethod
    def open(cls, settings: dict[str, Any]) -> Opened:
        """Open the checkpoint that settings name."""

    def sizes(self, inputs: Any) -> dict[str, int]:
        """What of the inputs' shape is kept, by names that are no settings; by default nothing."""
        return {}

    def fit(self, inputs: Any, seed: int = 0, device: torch.device | None = None) -> Self:
        """Open the model; of the inputs only the scale of a frozen one's features is learnt."""
        self._sizes = self.sizes(inputs)
        if self.frozen:
            self._scale = Standardizer().fit(self._encoder.features(inputs, device))
        return self

    @property
    def checkpoint(self) -> Opened:
        """The model, or of a saved one that was trained what it has been saved with."""
        return self._encoder.checkpoint if self._saved is None else self._saved

    @property
    def input_spec(self) -> Any:
        """Width of a frozen model's features, or the model that is to be trained."""
        return self._scale.input_spec if self.frozen else self.to_train

    def encode(self, inputs: Any, device: torch.device | None = None) -> Any:
        """Features ``(n, d)`` of a frozen model, or what a trained one reads."""
        if self.frozen:
            return self._scale.encode(self._encoder.features(inputs, device), device)
        return self.served(inputs, device)

    def state(self) -> dict[str, Any]:
        """A trained model whole, its weights being saved with the network; of a frozen one the name and a hash."""
        if self.frozen:
            settings = {**self._encoder.state(), "frozen": True, "sizes": self._sizes}
            return {"settings": settings, **self._scale.state()}
        saved, tensors = self.checkpoint_state()
        settings = {name: getattr(self, name) for name in self.own}
        settings |= {"revision": self.checkpoint.revision, "frozen": False, "checkpoint": saved}
        return {"settings": {**settings, "sizes": self._sizes}, "tensors": tensors}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Restore a fitted object; a frozen model is looked for when the first inputs come."""
        settings = dict(state["settings"])
        digest, saved = settings.pop("digest", None), settings.pop("checkpoint", None)
        sizes = settings.pop("sizes", {})  # models saved before there were any have none
        restored = cls(**settings)
        restored._sizes = sizes
        if saved is None:
            restored._encoder.digest = digest
            restored._scale = Standardizer.from_state(state)
        else:
            restored._saved = cls.restored_checkpoint(saved, state["tensors"])
        return restored

    @classmethod
    def identity(cls, settings: dict[str, Any]) -> str:
        """Hash of the model, with the version of what computes with it."""
        return cls.open(settings).identity

    @classmethod
    def trained(cls, settings: dict[str, Any]) -> bool:
        """Whether the settings leave the model anything to learn."""
        return not settings.get("frozen", True)

    @classmethod
    def learning_rate(cls, settings: dict[str, Any]) -> float:
        """Of the network that the settings make, where none is given."""
        return TRAINED_RATE if cls.trained(settings) else HEAD_RATE

    @classmethod
    def check_settings(cls, settings: dict[str, Any]) -> None:
        """Refuse settings out of range, and those that do not go together.

        Raises
        ------
        SettingsError
        """
        for flag in _FLAGS:
            if not isinstance(settings.get(flag, False), bool):
                raise SettingsError(f"{flag} is {settings[flag]!r}; give true or false")
        made = cls(**{k: v for k, v in settings.items() if k not in cls.trained_only})
        idle = [k for k, default in cls.trained_only.items() if settings.get(k, default) != default]
        if made.frozen and idle:
            raise SettingsError(
                f"{idle[0]} is for {cls.an} that is trained, and this one is frozen; give frozen=false as well, or "
                f"leave {idle[0]} out"
            )
        decay = settings.get("layer_decay", 1.0)
        if not isinstance(decay, Real) or isinstance(decay, bool) or not 0 < float(decay) <= 1:
            raise SettingsError(f"layer_decay is {decay!r}; give a number above 0, 1 at most")
