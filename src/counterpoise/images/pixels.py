"""Images for networks: pixels served in batches, and what standardises their channels.

Pixels stay uint8 until they are in a batch: a quarter of the memory of float32 on the device, and augmentation moves
bytes. The network standardises them (:class:`counterpoise.backbones.pixel_reader.PixelReader`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from counterpoise.errors import DataError
from counterpoise.images.mapped import MappedImages, read_rows

_AT_ONCE = 1024


@dataclass(frozen=True)
class PixelSpec:
    """What a network over images has to know of them.

    Attributes
    ----------
    height, width : int
        In pixels.
    mean, scale : tuple of float
        Of each channel, in levels from 0 to 255: what is subtracted, and what that is divided by.
    """

    height: int
    width: int
    mean: tuple[float, ...]
    scale: tuple[float, ...]

    @property
    def channels(self) -> int:
        """How many channels there are."""
        return len(self.mean)


class PixelRows:
    """Images on the device of the model.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, H, W, C)
    device : torch.device or None
    """

    def __init__(self, images: np.ndarray, device: torch.device | None = None) -> None:
        # A tensor cannot be read-only, which arrays shared between processes are.
        images = np.ascontiguousarray(images)
        self._stored = torch.from_numpy(images if images.flags.writeable else images.copy()).to(device)
        self.lengths = np.ones(len(images), dtype=np.int64)

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def values(self) -> Tensor:
        """All of them, uint8 ``(n, C, H, W)``, in channels-last order."""
        return self._stored.permute(0, 3, 1, 2)

    def pieces(self) -> Iterator[Tensor]:
        """Some images at a time."""
        yield from self.values.split(_AT_ONCE)

    def batch(self, rows: np.ndarray) -> tuple[Tensor, None]:
        """Pixels ``(B, C, H, W)`` of uint8, in channels-last order; there is no mask, since nothing is padded."""
        return self._stored[torch.from_numpy(rows).to(self._stored.device)].permute(0, 3, 1, 2), None


class MappedPixelRows:
    """Images on the disk, read and moved to the device of the model batch by batch.

    Parameters
    ----------
    images : MappedImages
    device : torch.device or None
    """

    def __init__(self, images: MappedImages, device: torch.device | None = None) -> None:
        self._images, self._device = images, device
        self.lengths = np.ones(len(images), dtype=np.int64)

    def __len__(self) -> int:
        return len(self.lengths)

    def pieces(self) -> Iterator[Tensor]:
        """Some images at a time, uint8 ``(B, C, H, W)``."""
        for start in range(0, len(self), _AT_ONCE):
            images = self._images.read(slice(start, start + _AT_ONCE))
            yield torch.from_numpy(images).permute(0, 3, 1, 2)

    def batch(self, rows: np.ndarray) -> tuple[Tensor, None]:
        """As :meth:`PixelRows.batch`."""
        return torch.from_numpy(self._images.read(rows)).to(self._device).permute(0, 3, 1, 2), None


def pixel_rows(
    inputs: np.ndarray | MappedImages, fitted: tuple[int, ...], device: torch.device | None = None
) -> PixelRows | MappedPixelRows:
    """Serve images ``(n, H, W, C)`` of uint8; those on the disk stay there.

    Raises
    ------
    DataError
        For images of another shape ``(H, W, C)`` than those fitted to.
    """
    if inputs.shape[1:] != fitted:
        raise DataError(
            f"images are of shape {inputs.shape[1:]} (height, width, channels), but the model was fitted to "
            f"{fitted}; resize them"
        )
    return MappedPixelRows(inputs, device) if isinstance(inputs, MappedImages) else PixelRows(inputs, device)


class Pixels:
    """Learn mean and standard deviation of each channel from the fitting side, and serve pixels in batches.

    The encoder of all backbones over images. A channel that is constant is centred only.
    """

    def fit(
        self, inputs: np.ndarray | MappedImages, seed: int = 0, device: torch.device | None = None
    ) -> Pixels:
        """Learn from images ``(n, H, W, C)`` of uint8; ``seed`` and ``device`` are not needed."""
        height, width, channels = inputs.shape[1:]
        self.height_, self.width_ = int(height), int(width)
        levels = np.arange(256, dtype=np.float64)
        counts = np.zeros((channels, 256), dtype=np.int64)
        for start in range(0, len(inputs), _AT_ONCE):
            piece = read_rows(inputs, slice(start, start + _AT_ONCE))
            for channel in range(channels):
                counts[channel] += np.bincount(piece[..., channel].ravel(), minlength=256)
        # Of counted levels both are exact, however many pixels there are.
        shares = counts / counts.sum(axis=1, keepdims=True)
        self.mean_ = shares @ levels
        scale = np.sqrt((shares * (levels - self.mean_[:, None]) ** 2).sum(axis=1))
        self.scale_ = np.where((counts > 0).sum(axis=1) > 1, scale, 1.0)
        return self

    @property
    def input_spec(self) -> PixelSpec:
        """Size, and mean and scale of each channel."""
        return PixelSpec(self.height_, self.width_, tuple(self.mean_.tolist()), tuple(self.scale_.tolist()))

    def encode(
        self, inputs: np.ndarray | MappedImages, device: torch.device | None = None
    ) -> PixelRows | MappedPixelRows:
        """Serve images ``(n, H, W, C)`` of uint8; those on the disk stay there.

        Raises
        ------
        DataError
            For images of another size than those fitted to.
        """
        return pixel_rows(inputs, (self.height_, self.width_, len(self.mean_)), device)

    def state(self) -> dict[str, Any]:
        """Everything :meth:`from_state` needs: JSON values and tensors by name."""
        tensors = {"mean": self.mean_, "scale": self.scale_}
        return {"settings": {"height": self.height_, "width": self.width_}, "tensors": tensors}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Pixels:
        """Restore a fitted object."""
        encoder = cls()
        encoder.height_, encoder.width_ = state["settings"]["height"], state["settings"]["width"]
        encoder.mean_, encoder.scale_ = state["tensors"]["mean"], state["tensors"]["scale"]
        return encoder
