"""Pretrained vision models of the Hugging Face kind, opened by name or from a folder.

checkpoint = VisionCheckpoint.open("facebook/dinov2-small")
reader = checkpoint.reader(height=32, width=32)          # torch.nn.Module: standardised pixels to tokens
"""

from __future__ import annotations

import hashlib
import os
import warnings
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from counterpoise.errors import CounterpoiseWarning, SettingsError
from counterpoise.images.preparation import Preparation, unknown_processor
from counterpoise.pretrained.files import json_of
from counterpoise.pretrained.model import PretrainedModel, json_values, without_pooler

DEFAULT = "facebook/dinov2-small"
"""Small (22 million weights), and trained without labels on very different images, so that it suits many as it is."""

_PREPARATIONS = ("preprocessor_config.json", "processor_config.json")
_FURTHER = {"clip_vision_model", "dinov3_convnext", "dinov3_vit", "siglip_vision_model"}
_OTHER_INPUTS = {"imagegpt"}  # numbers of colours
_SUMMARIES = ("cls_token", "class_token", "class_embedding")


@dataclass(frozen=True, eq=False)
class VisionCheckpoint(PretrainedModel):
    """A vision model's configuration, and what it wants done to pixels; weights are read when they are asked for.

    Attributes
    ----------
    name, revision, config, snapshot
        See :class:`counterpoise.pretrained.model.PretrainedModel`.
    preparation : Preparation
    """

    preparation: Preparation

    files: ClassVar[tuple[str, ...]] = _PREPARATIONS
    what: ClassVar[str] = "vision model"
    option: ClassVar[str] = " (--set backbone__name=FOLDER)"
    known_by: ClassVar[str] = "weights, the configuration or the preprocessing"

    @classmethod
    def open(cls, name: str | os.PathLike[str], revision: str | None = None) -> VisionCheckpoint:
        """Open a checkpoint.

        Parameters
        ----------
        name : str or path
            Of the Hugging Face Hub, or of a folder that ``save_pretrained`` wrote.
        revision : str or None, default=None
            Commit, branch or tag of the Hub; None is its main branch, or what the cache on this machine has of it; see
            :mod:`counterpoise.pretrained.hub`.

        Raises
        ------
        MissingExtraError
            When ``transformers`` is not installed.
        SettingsError
            When it cannot be had, is no vision model, or does not read three channels; or when name or revision is
            none.

        Warns
        -----
        CounterpoiseWarning
            When its processor is not known.
        """
        found, snapshot = cls.configuration(name, revision)
        name = snapshot.name
        _check_vision(name, found)
        own, of_all = _PREPARATIONS
        described = json_of(snapshot, own, cls.what)
        if described is None:  # a model that belongs to several processors says it there
            whole = json_of(snapshot, of_all, cls.what) or {}
            described = whole.get("image_processor")
        if processor := unknown_processor(described):
            warnings.warn(
                f"vision model {name} wants its images prepared by {processor}, which is not known here, so they are "
                "resized, cut and standardised by the numbers in its file alone; see that these say all it does",
                CounterpoiseWarning,
                stacklevel=2,
            )
        config = json_values(found)
        preparation = Preparation.described(described, config)
        if {len(preparation.mean), len(preparation.scale), config.get("num_channels", 3)} != {3}:
            raise SettingsError(
                f"vision model {name} does not read red, green and blue, which images are here; choose another one"
            )
        return cls(name, snapshot.commit, config, snapshot, preparation)

    @classmethod
    def restored(cls, state: dict[str, Any]) -> VisionCheckpoint:
        """Put a checkpoint together from :attr:`state`, without its weights."""
        preparation = Preparation.restored(state["preparation"])
        return cls(state["name"], state["revision"], state["config"], None, preparation)

    @property
    def state(self) -> dict[str, Any]:
        """What :meth:`restored` needs, JSON values."""
        return {
            "name": self.name,
            "revision": self.revision,
            "config": self.config,
            "preparation": self.preparation.state,
        }

    def facts(self) -> list[str]:
        """The configuration, and what is done to pixels."""
        order = ["blue first"] if self.preparation.reversed else []
        return [*super().facts(), str(self.preparation), *order]

    @property
    def earlier_digest(self) -> str:
        """Hash of the weights' files and of what is done to pixels."""
        return hashlib.sha256(f"{self.weights_digest} {self.preparation}".encode()).hexdigest()[:20]

    def reader(self, height: int, width: int, *, weights: bool = True) -> TokenReader:
        """The network, in evaluation mode.

        Parameters
        ----------
        height, width : int
            Of the images, before they are prepared.
        weights : bool, default=True
            False leaves them as they are drawn, for a state dict to come.

        Raises
        ------
        SettingsError
            When there are no weights in safetensors, or it cannot read images of that size.
        """
        model = self.model(weights=weights)
        blank = self.preparation.sized(torch.zeros(1, 3, height, width))
        try:
            return TokenReader(model, blank).eval()
        except Exception as error:  # whatever it fails with, it means the same to a user
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
            raise SettingsError(
                f"vision model {self.name} does not read images of {blank.shape[2]} x {blank.shape[3]} pixels, which "
                f"its preprocessing makes them ({reason}); choose another one"
            ) from error


class TokenReader(nn.Module):
    """A vision model of any kind: standardised pixels ``(B, 3, H, W)`` to tokens ``(B, T, d)``.

    Parameters
    ----------
    model : transformers model
    blank : Tensor of shape (1, 3, H, W)
        To see what it makes of an image.

    Attributes
    ----------
    dim : int
        ``d``.
    pooling : {"first", "mean"}
        ``"first"`` where the first token stands for the whole image, as the class token of ViT does.
    """

    def __init__(self, model: Any, blank: Tensor) -> None:
        super().__init__()
        with torch.no_grad():
            found = model(pixel_values=blank)
        last, summary = found.last_hidden_state, found.pooler_output
        width = None if summary is None else summary.flatten(1).shape[1]
        # Maps have their channels first, but for some of timm's.
        self.channels_last = last.dim() == 4 and last.shape[1] != width == last.shape[3]
        self.dim = int(self._flat(last).shape[2])
        named = {name.rpartition(".")[2] for name, _ in model.named_parameters()}
        self.pooling = "first" if last.dim() == 3 and named & set(_SUMMARIES) else "mean"
        self.model = without_pooler(model)

    def forward(self, vectors: Tensor) -> Tensor:
        """Last hidden state, maps laid out position by position."""
        return self._flat(self.model(pixel_values=vectors).last_hidden_state)

    def _flat(self, last: Tensor) -> Tensor:
        if last.dim() == 3:
            return last
        return last.flatten(1, 2) if self.channels_last else last.flatten(2).transpose(1, 2)


def _check_vision(name: str, config: Any) -> None:
    from transformers.models.auto import modeling_auto as auto

    known = set(auto.MODEL_FOR_IMAGE_MAPPING_NAMES) & set(auto.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES)
    if config.model_type not in (known | _FURTHER) - _OTHER_INPUTS:
        raise SettingsError(
            f"{name} is a model of kind {config.model_type!r} and no vision model that can be a backbone; choose one "
            "such as ViT, DeiT, Swin, ConvNeXT, ResNet or DINOv2"
        )
