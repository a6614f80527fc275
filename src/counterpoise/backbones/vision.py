"""Any vision model of the Hugging Face kind as a backbone: frozen, a vector for each image, or trained with the rest.

Frozen it is asked for each image once (:mod:`counterpoise.images.vision_features`), and what trains is a head over
standardised features. Trained, images are resized on the device to what the checkpoint expects, and classes are told by
our head in place of its own.
"""

from __future__ import annotations

import itertools
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from counterpoise.backbones.base import Backbone
from counterpoise.backbones.frozen_features import FrozenImageFeatures
from counterpoise.backbones.pixel_reader import PixelReader, check_augmentation
from counterpoise.backbones.pretrained_inputs import PretrainedInputs
from counterpoise.backbones.pretrained_layers import (
    DROPOUT,
    TRAINED_RATE,
    WARMUP,
    checkpoint_gradients,
    decayed_rates,
    layers_of,
)
from counterpoise.errors import SettingsError
from counterpoise.images.mapped import MappedImages
from counterpoise.images.pixels import MappedPixelRows, PixelRows, PixelSpec, pixel_rows
from counterpoise.images.vision_checkpoints import DEFAULT, VisionCheckpoint
from counterpoise.images.vision_features import FrozenVision
from counterpoise.pretrained.pooling import pooled

_POOLINGS = ("mean", "first", "max")


class TrainedVision(NamedTuple):
    """A vision model that is to be trained.

    Attributes
    ----------
    checkpoint : VisionCheckpoint
    weights : bool
        False leaves them to a state dict.
    pooling : str or None
        None is the model's own.
    height, width : int
        Of the images, in pixels.
    """

    checkpoint: VisionCheckpoint
    weights: bool
    pooling: str | None
    height: int
    width: int


class PretrainedImages(PretrainedInputs[VisionCheckpoint]):
    """Images as a pretrained vision model wants them: vectors of a frozen one, pixels for one that is trained.

    Pixels are resized to what its ``preprocessor_config.json`` says, or else to the ``image_size`` of its
    configuration, and have its own mean and deviation, or else those of ImageNet.

    Parameters
    ----------
    name : str, default="facebook/dinov2-small"
        Of the Hugging Face Hub, or a folder.
    revision : str or None, default=None
        Commit, branch or tag of the Hub; a saved model has the commit that was found.
    frozen : bool, default=True
        Whether the model stays as it is; it then reads each image once, however many methods and folds are tried, and
        images are not augmented.
    pooling : {"mean", "first", "max"} or None, default=None
        None takes the class token where the model has one, which is its first, and else the mean.
    cache : bool, default=True
        Whether vectors of a frozen model are kept on the disk for the next time.

    Raises
    ------
    SettingsError
        For an unknown pooling.
    """

    an = "a vision model"
    trained_only: ClassVar[dict[str, Any]] = {
        "layer_decay": 1.0,
        "gradient_checkpointing": False,
        "augment": True,
        "flip": True,
        "padding": None,
    }
    own = ("name", "pooling", "cache")

    def __init__(
        self,
        *,
        name: str = DEFAULT,
        revision: str | None = None,
        frozen: bool = True,
        pooling: str | None = None,
        cache: bool = True,
    ) -> None:
        if pooling not in (None, *_POOLINGS):
            raise SettingsError(f"pooling is {pooling!r}; choose from {', '.join(_POOLINGS)}")
        self.name, self.revision, self.pooling, self.cache = name, revision, pooling, cache
        super().__init__(FrozenVision(name, revision, pooling=pooling, cache=cache), frozen)

    def sizes(self, inputs: np.ndarray | MappedImages) -> dict[str, int]:
        """Height and width of the images."""
        return {"height": int(inputs.shape[1]), "width": int(inputs.shape[2])}

    @property
    def to_train(self) -> TrainedVision:
        """The model that is to be trained."""
        return TrainedVision(self.checkpoint, self._saved is None, self.pooling, **self._sizes)

    def served(
        self, inputs: np.ndarray | MappedImages, device: torch.device | None
    ) -> PixelRows | MappedPixelRows:
        """Pixels of uint8; those on the disk stay there."""
        return pixel_rows(inputs, (self._sizes["height"], self._sizes["width"], 3), device)

    def checkpoint_state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """What the checkpoint says of itself; it has no arrays but its weights."""
        return self.checkpoint.state, {}

    @classmethod
    def restored_checkpoint(cls, saved: dict[str, Any], tensors: dict[str, np.ndarray]) -> VisionCheckpoint:
        """The inverse of :meth:`checkpoint_state`."""
        return VisionCheckpoint.restored(saved)

    @classmethod
    def open(cls, settings: dict[str, Any]) -> VisionCheckpoint:
        """Open the model that settings name."""
        return VisionCheckpoint.open(settings.get("name", DEFAULT), settings.get("revision"))

    @classmethod
    def check(cls, settings: dict[str, Any]) -> None:
        """Refuse, before any work, settings that do not go together, and a model that cannot be had.

        Raises
        ------
        MissingExtraError, SettingsError
        """
        check_augmentation(settings)
        cls.check_settings(settings)
        cls.open(settings)


class VisionNetwork(PixelReader):
    """A pretrained vision model, all of it trained; images are mixed as pixels.

    Parameters
    ----------
    spec : TrainedVision
    augment, flip, padding
        See :class:`counterpoise.backbones.pixel_reader.PixelReader`; images are augmented before they are resized.
    layer_decay : float
        Learning rate of each layer (or stage, where a model has stages) over that of the layer above it.
    gradient_checkpointing : bool
        Compute representations anew on the way back, for a fraction of the memory and a third more time.

    Raises
    ------
    SettingsError
        When the model cannot read the images, or is asked for what it does not have.
    """

    gains_by_bfloat16 = True
    dropout: ClassVar[float] = DROPOUT
    learning_rate: ClassVar[float] = TRAINED_RATE
    warmup: ClassVar[float] = WARMUP

    def __init__(
        self,
        spec: TrainedVision,
        *,
        augment: bool,
        flip: bool,
        padding: int | None,
        layer_decay: float,
        gradient_checkpointing: bool,
    ) -> None:
        preparation = spec.checkpoint.preparation
        pixels = PixelSpec(spec.height, spec.width, preparation.mean, preparation.scale)
        super().__init__(pixels, augment=augment, flip=flip, padding=padding)
        self.preparation = preparation
        self.reader = spec.checkpoint.reader(spec.height, spec.width, weights=spec.weights)
        if gradient_checkpointing:
            checkpoint_gradients(self.reader.model)
        self.pooling, self.layer_decay = spec.pooling or self.reader.pooling, layer_decay
        self.dim = self.reader.dim
        if layer_decay < 1 and 2 * _n_weights(self.layers) < _n_weights(self):
            raise SettingsError(
                f"layer_decay is for models whose layers come one after the other, which {spec.checkpoint.name} does "
                "not show; leave it out"
            )

    def sized(self, levels: Tensor) -> Tensor:
        """Levels from 0 to 255 in the size that the checkpoint expects."""
        return self.preparation.sized(levels)

    def read(self, vectors: Tensor, mask: Tensor | None) -> Tensor:
        """Tokens of the last layer, ``(B, T, d)``: patches, after a class token where there is one, or positions."""
        return self.reader(vectors)

    def pool(self, tokens: Tensor, mask: Tensor | None) -> Tensor:
        """The class token, or the mean, ``(B, d)``."""
        return pooled(tokens, None, self.pooling)

    @property
    def layers(self) -> Any:
        """Its blocks or stages, the lowest first."""
        return layers_of(self.reader.model, nn.Sequential)

    def parameter_groups(self, rate: float) -> list[dict[str, Any]]:
        """Parameters with their learning rates, lower from layer to layer down."""
        if self.layer_decay == 1:
            return super().parameter_groups(rate)
        within = {id(p) for p in self.layers.parameters()}
        lowest = itertools.takewhile(lambda p: id(p) not in within, self.parameters())
        return decayed_rates(self.parameters(), self.layers, lowest, rate, self.layer_decay)


def vision_network(
    spec: int | TrainedVision,
    *,
    augment: bool = True,
    flip: bool = True,
    padding: int | None = None,
    layer_decay: float = 1.0,
    gradient_checkpointing: bool = False,
) -> Backbone:
    """Make the network over :class:`PretrainedImages`.

    Parameters
    ----------
    spec
        Their ``input_spec``.
    augment : bool, default=True
        Whether each image is shifted and mirrored at random whenever it is trained on; not of a frozen model.
    flip : bool, default=True
        See :class:`VisionNetwork`, as for the others.
    padding : int or None, default=None
    layer_decay : float, default=1.0
        1 trains all layers alike.
    gradient_checkpointing : bool, default=False
    """
    if isinstance(spec, int):
        return FrozenImageFeatures(spec)
    return VisionNetwork(
        spec,
        augment=augment,
        flip=flip,
        padding=padding,
        layer_decay=layer_decay,
        gradient_checkpointing=gradient_checkpointing,
    )


def _n_weights(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())
