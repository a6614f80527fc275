"""Where MISO looks for neighbours: in label-free vectors of the texts at hand, or in those of a pretrained encoder.

    embedding = neighborhood(texts, None, "auto", seed=0)
    difficult_samples(texts, labels, embed=embedding)

Both have seen no label. Neighbours tell which texts are difficult, and which majority texts they are paired with.
"""

from __future__ import annotations

import numpy as np

from counterpoise.oversampling.device import sampler_device
from counterpoise.text.checkpoints import Checkpoint
from counterpoise.text.embedding import label_free_embedding
from counterpoise.text.frozen import FrozenEncoder


def neighborhood(texts: np.ndarray, encoder: str | None, device: str, seed: int) -> np.ndarray:
    """Vectors ``(n, e)`` of float32, to be compared by cosine.

    Parameters
    ----------
    texts : ndarray of str, shape (n,)
    encoder : str or None
        Of the Hugging Face Hub, or a folder; None learns vectors from the texts.
    device : str
        Of the encoder, see :func:`counterpoise.oversampling.device.sampler_device`.
    seed : int
        Of the vectors that are learnt.
    """
    if encoder is None:
        return label_free_embedding(texts, seed)
    return FrozenEncoder(encoder).features(texts, sampler_device(device))


def check_neighborhood(encoder: str | None, device: str) -> None:
    """Refuse an encoder that cannot be had, and a device that is not here, before any work."""
    if encoder is not None:
        sampler_device(device)
        Checkpoint.open(encoder)


def identity_of(encoder: str | None) -> str:
    """Hash of the encoder, with the version of what computes with it; empty without one."""
    return "" if encoder is None else Checkpoint.open(encoder).identity
