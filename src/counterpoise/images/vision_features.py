"""Images to the vectors of a pretrained vision model as it is: computed once for each image, and kept on the disk.

    vectors = FrozenVision("facebook/dinov2-small").features(images)       # (n, 384) float32

An image's vector does not depend on the images beside it, to the bit: every forward pass has the same number of rows.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from numpy.typing import NDArray

from counterpoise.images.mapped import MappedImages, read_rows
from counterpoise.images.vision_checkpoints import TokenReader, VisionCheckpoint
from counterpoise.pretrained.frozen import FrozenModel
from counterpoise.pretrained.pooling import pooled
from counterpoise.pretrained.vectors import ROWS, Batches, vectors_once
from counterpoise.progress import bar

_AT_ONCE = 1024


class FrozenVision(FrozenModel[VisionCheckpoint]):
    """Vectors of images by a vision model that nothing changes.

    Parameters are those of :class:`counterpoise.pretrained.frozen.FrozenModel`. Vectors of a GPU differ from those of a
    processor in their last bits, and are kept apart.
    """

    def open(self) -> VisionCheckpoint:
        """Open the model."""
        return VisionCheckpoint.open(self.name, self.revision)

    def features(
        self, inputs: np.ndarray | MappedImages, device: torch.device | None = None
    ) -> NDArray[np.float32]:
        """Vectors ``(n, d)`` of images ``(n, H, W, 3)`` of uint8.

        Raises
        ------
        SettingsError
            When the weights cannot be had, do not fit the images, or give numbers that are not finite.
        """
        where = torch.device("cpu") if device is None else device
        checkpoint = self.checkpoint
        about = f"{checkpoint.digest}|{self.pooling}|{inputs.shape[1:]}|{where.type}|{torch.__version__}|"
        first: dict[bytes, int] = {}
        keys: list[bytes] = []
        for start in range(0, len(inputs), _AT_ONCE):
            for image in read_rows(inputs, slice(start, start + _AT_ONCE)):
                keys.append(hashlib.sha256(about.encode() + image.tobytes()).digest()[:16])
                first.setdefault(keys[-1], len(keys) - 1)
        rows = np.fromiter(first.values(), dtype=np.int64, count=len(first))

        def compute(missing: list[int]) -> Batches:
            return self._computed(inputs, rows, missing, where)

        vectors = vectors_once(checkpoint, list(first), compute, cache=self.cache)
        place = {key: number for number, key in enumerate(first)}
        return vectors[[place[key] for key in keys]]

    def _computed(
        self,
        images: np.ndarray | MappedImages,
        rows: NDArray[np.int64],
        missing: list[int],
        device: torch.device,
    ) -> Batches:
        """Vectors of some of the images, batch by batch."""
        height, width, channels = images.shape[1:]
        reader = self.checkpoint.reader(height, width).to(device)
        with bar("images read by the vision model", len(missing)) as progress:
            for start in range(0, len(missing), ROWS):
                numbers = missing[start : start + ROWS]
                levels = np.zeros((ROWS, height, width, channels), dtype=np.uint8)
                levels[: len(numbers)] = read_rows(images, rows[numbers])
                yield numbers, self._forward(reader, torch.from_numpy(levels).to(device))[: len(numbers)]
                progress.advance(len(numbers))

    @torch.no_grad()
    def _forward(self, reader: TokenReader, levels: torch.Tensor) -> NDArray[np.float32]:
        preparation = self.checkpoint.preparation
        tokens = reader(preparation.standardised(preparation.sized(levels.permute(0, 3, 1, 2).float())))
        return pooled(tokens, None, self.pooling or reader.pooling).float().cpu().numpy()
