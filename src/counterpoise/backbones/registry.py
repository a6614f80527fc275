"""The backbones by name: what each reads, how inputs become tensors, and the network itself.

A new backbone is one file and one line in :data:`BACKBONES`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from counterpoise.backbones.base import HEAD_RATE, Backbone
from counterpoise.backbones.convnet import ConvNet
from counterpoise.backbones.mlp import MLP
from counterpoise.backbones.pixel_reader import check_augmentation
from counterpoise.backbones.pretrained import PretrainedTexts, pretrained_network
from counterpoise.backbones.resnet import ResNet, check_depth
from counterpoise.backbones.textcnn import TextCNN
from counterpoise.backbones.textrnn import TextRNN
from counterpoise.backbones.vision import PretrainedImages, vision_network
from counterpoise.backbones.words import WordEncoder
from counterpoise.data.arrays import Standardizer
from counterpoise.errors import SettingsError
from counterpoise.images.pixels import Pixels


class Encoded(Protocol):
    """Inputs as tensors, served batch by batch."""

    lengths: np.ndarray

    def __len__(self) -> int: ...

    def pieces(self) -> Iterator[Tensor]:
        """All values in the rows' order, no more at a time than memory has room for: a checkpoint knows them again."""

    def batch(self, rows: np.ndarray) -> tuple[Tensor, Tensor | None]:
        """Inputs and mask of some rows."""


class Encoder(Protocol):
    """What turns inputs into tensors, fitted on the fitting side only."""

    def fit(self, inputs: np.ndarray, seed: int = 0, device: torch.device | None = None) -> Encoder:
        """Learn from the fitting side; what has to be computed for it is, on the device."""

    @property
    def input_spec(self) -> Any:
        """First argument of the network."""

    def encode(self, inputs: np.ndarray, device: torch.device | None = None) -> Encoded:
        """Inputs as tensors."""

    def state(self) -> dict[str, Any]:
        """What is saved."""

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Encoder:
        """The inverse of :meth:`state`."""


@dataclass(frozen=True)
class BackboneEntry:
    """One line of the registry.

    Attributes
    ----------
    name, summary : str
    encoder : type
        Fitted on the fitting side; its keyword arguments are settings of the backbone.
    network : callable
        Makes the :class:`Backbone` on the encoder's ``input_spec``; its keyword arguments are settings too.
    inputs : {"text", "array", "image"}
    check : callable, default=nothing
        Refuses settings that do not go together.
    identity : callable, default=nothing
        What of the machine the settings name, such as the weights in a folder: part of a run's key.
    trained : callable, default=yes
        Whether the network has weights that training changes, with those settings.
    learning_rate : callable, default=:data:`counterpoise.backbones.base.HEAD_RATE`
        Of the network with those settings, where none is given.
    """

    name: str
    summary: str
    encoder: type[Any]
    network: Callable[..., Backbone]
    inputs: str
    check: Callable[[dict[str, Any]], None] = lambda settings: None
    identity: Callable[[dict[str, Any]], str] = lambda settings: ""
    trained: Callable[[dict[str, Any]], bool] = lambda settings: True
    learning_rate: Callable[[dict[str, Any]], float] = lambda settings: HEAD_RATE

    def settings(self) -> dict[str, Any]:
        """Every setting with its default."""
        return {**_keywords(self.encoder), **_keywords(self.network)}

    def gains_by_bfloat16(self, settings: dict[str, Any]) -> bool:
        """What the network with those settings says of itself; a frozen pretrained model leaves a head to train."""
        return self.trained(settings) and getattr(self.network, "gains_by_bfloat16", True)

    def make_encoder(self, settings: dict[str, Any]) -> Encoder:
        """Make an unfitted encoder from those settings that are its own."""
        return self.encoder(**{k: v for k, v in settings.items() if k in _keywords(self.encoder)})

    def make_network(self, encoder: Encoder, settings: dict[str, Any]) -> Backbone:
        """Make the network over a fitted encoder from the remaining settings."""
        own = {k: v for k, v in settings.items() if k in _keywords(self.network)}
        return self.network(encoder.input_spec, **own)


def _keywords(owner: Callable[..., Any]) -> dict[str, Any]:
    parameters = inspect.signature(owner).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


BACKBONES: dict[str, BackboneEntry] = {
    entry.name: entry
    for entry in (
        BackboneEntry(
            "textcnn", "convolutions over 3, 4 and 5 words (Kim 2014)", WordEncoder, TextCNN, "text"
        ),
        BackboneEntry("textrnn", "bidirectional LSTM (Liu et al. 2016)", WordEncoder, TextRNN, "text"),
        BackboneEntry(
            "encoder",
            "any Hugging Face encoder, frozen or trained",
            PretrainedTexts,
            pretrained_network,
            "text",
            PretrainedTexts.check,
            PretrainedTexts.identity,
            PretrainedTexts.trained,
            PretrainedTexts.learning_rate,
        ),
        BackboneEntry("mlp", "fully connected layers over numeric rows", Standardizer, MLP, "array"),
        BackboneEntry(
            "resnet", "residual network over images (He et al. 2016)", Pixels, ResNet, "image", check_depth
        ),
        BackboneEntry(
            "convnet",
            "convolutions, then fully connected layers (Ando and Huang 2017)",
            Pixels,
            ConvNet,
            "image",
            check_augmentation,
        ),
        BackboneEntry(
            "vision",
            "any Hugging Face vision model, frozen or trained",
            PretrainedImages,
            vision_network,
            "image",
            PretrainedImages.check,
            PretrainedImages.identity,
            PretrainedImages.trained,
            PretrainedImages.learning_rate,
        ),
    )
}


def find_backbone(name: str, settings: dict[str, Any] | None = None) -> BackboneEntry:
    """Look a backbone up and check that it has the settings asked for.

    Raises
    ------
    SettingsError
        For an unknown name or setting, with what there is.
    """
    if name not in BACKBONES:
        raise SettingsError(f"there is no backbone {name!r}; choose one of {', '.join(BACKBONES)}")
    entry = BACKBONES[name]
    for key, value in (settings or {}).items():
        if key not in entry.settings():
            raise SettingsError(
                f"backbone {name!r} has no setting {key!r}; it has {', '.join(entry.settings())}"
            )
        _check_sizes(name, key, value, entry.settings()[key])
    return entry


def _check_sizes(name: str, key: str, value: Any, default: Any) -> None:
    """Refuse a size that is no positive int where the default is one, or several of them where it is several."""
    several = isinstance(default, tuple)
    sizes = value if several and isinstance(value, tuple | list) else (value,)
    if (several and (sizes is not value or not sizes)) or (
        (several or type(default) is int)
        and not all(isinstance(size, int | np.integer) and size >= 1 and size is not True for size in sizes)
    ):
        wanted = "one or more ints" if several else "an int"
        raise SettingsError(f"{key} of backbone {name!r} is {value!r}; give {wanted} of 1 or more")
