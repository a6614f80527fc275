"""Texts to the vectors of a pretrained encoder as it is: computed once for each text, and kept on the disk.

    features = pretrained_features(checkpoint, texts)          # (n, 384) float32

A text's vector does not depend on the texts beside it, to the bit: every forward pass has the same number of rows, and
as many columns as the length of its texts, rounded up. So it may be kept, and folds that share texts share the work.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from counterpoise.pretrained.pooling import pooled
from counterpoise.pretrained.vectors import ROWS, Batches, vectors_once
from counterpoise.progress import bar
from counterpoise.text.checkpoints import Checkpoint

if TYPE_CHECKING:
    from numpy.typing import NDArray

COLUMNS = 16
"""Lengths are rounded up to a multiple of it."""


def pretrained_features(
    checkpoint: Checkpoint,
    texts: Sequence[str],
    *,
    max_length: int = 256,
    pooling: str | None = None,
    device: torch.device | None = None,
    cache: bool = True,
) -> NDArray[np.float32]:
    """Vectors of texts.

    Parameters
    ----------
    checkpoint : Checkpoint
        Its weights are read only when a text's vector is not known yet.
    texts : sequence of n str
    max_length : int, default=256
        Tokens read of each text.
    pooling : {"mean", "first", "last", "max"} or None, default=None
        None is the checkpoint's own.
    device : torch.device or None, default=None
        Vectors of a GPU differ from those of a processor in their last bits, and are kept apart.
    cache : bool, default=True
        Whether vectors are looked up and kept in ``counterpoise/features`` under ``XDG_CACHE_HOME`` or ``~/.cache``; a
        file for each encoder, 1.6 kB a text of 384 dimensions. A folder that cannot be written is done without.

    Returns
    -------
    ndarray of float32, shape (n, d)
        Of length 1 where the checkpoint's description has them so.

    Raises
    ------
    SettingsError
        When the weights cannot be had, or give numbers that are not finite.
    """
    kind = pooling or checkpoint.pooling
    where = torch.device("cpu") if device is None else device
    about = (
        f"{checkpoint.digest}|{max_length}|{kind}|{checkpoint.normalized}|{where.type}|{torch.__version__}"
    )
    different, place = np.unique(np.asarray(texts, dtype=object).astype(str), return_inverse=True)
    keys = [
        hashlib.sha256(f"{about}|{text}".encode("utf-8", "surrogatepass")).digest()[:16] for text in different
    ]

    def compute(missing: list[int]) -> Batches:
        batches = _computed(checkpoint, [str(different[i]) for i in missing], max_length, kind, where)
        return (([missing[row] for row in rows], vectors) for rows, vectors in batches)

    return vectors_once(checkpoint, keys, compute, cache=cache)[place]


def _computed(
    checkpoint: Checkpoint, texts: Sequence[str], max_length: int, pooling: str, device: torch.device
) -> Batches:
    """Vectors of some texts, batch by batch, with the positions of the texts."""
    values, offsets = checkpoint.encode(texts, max_length)
    lengths = np.diff(offsets)
    columns = np.minimum(-(-lengths // COLUMNS) * COLUMNS, checkpoint.longest)
    model = checkpoint.model().to(device)
    order = np.argsort(columns, kind="stable")
    with bar("texts read by the encoder", len(texts)) as progress:
        start = 0
        while start < len(order):
            width = int(columns[order[start]])
            rows = [int(i) for i in order[start : start + ROWS] if columns[i] == width]
            start += len(rows)
            ids = torch.zeros(ROWS, width, dtype=torch.int64)
            mask = torch.zeros(ROWS, width, dtype=torch.bool)
            mask[:, 0] = True
            for place, row in enumerate(rows):
                own = values[offsets[row] : offsets[row + 1]]
                ids[place, : len(own)] = torch.from_numpy(own.astype(np.int64))
                mask[place, : len(own)] = True
            yield (
                rows,
                _forward(model, ids.to(device), mask.to(device), pooling, checkpoint.normalized)[: len(rows)],
            )
            progress.advance(len(rows))


@torch.no_grad()
def _forward(
    model: torch.nn.Module, ids: Tensor, mask: Tensor, pooling: str, normalized: bool
) -> NDArray[np.float32]:
    tokens = model(input_ids=ids, attention_mask=mask.long()).last_hidden_state
    vectors = pooled(tokens, mask, pooling)
    if normalized:
        vectors = torch.nn.functional.normalize(vectors, dim=1)
    return vectors.float().cpu().numpy()
