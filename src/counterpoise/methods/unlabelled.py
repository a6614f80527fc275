"""Texts without labels beside those that have them: read, given views by word dropout, and served in batches."""

from __future__ import annotations

import hashlib
from os import PathLike
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from counterpoise.backbones.registry import Encoder
from counterpoise.data.python_inputs import as_texts
from counterpoise.data.readers import read
from counterpoise.errors import DataError
from counterpoise.oversampling.word_dropout import drop_words
from counterpoise.seeding import generator

Inputs: TypeAlias = "tuple[Tensor, Tensor | None]"
"""Inputs of some rows and their mask, as :class:`counterpoise.backbones.base.Batch` holds them."""


def read_unlabelled(given: Any, column: str | None) -> np.ndarray:
    """Texts as the user has given them.

    Parameters
    ----------
    given : path, str or sequence of str
        A file, a saved data set or the name of a known one, as ``counterpoise.data.readers.read`` takes them; or the
        texts themselves, in whatever ``counterpoise.data.python_inputs.as_texts`` takes.
    column : str or None
        Where a file holds the texts; None guesses.

    Returns
    -------
    ndarray of object, shape (n,)

    Raises
    ------
    DataError
        When they cannot be had or used.
    """
    try:
        if not isinstance(given, str | PathLike):
            return as_texts(given)
        if str(given) == "-":
            raise DataError("standard input is read once, and they are needed again; name a file")
        return read(given, text=column, needs_label=False).texts
    except DataError as error:
        said = str(error).replace("--text", "method__unlabelled_column")
        raise DataError(f"unlabelled texts: {said}") from error


def hash_of(texts: np.ndarray) -> str:
    """Hash of texts, 20 hexadecimal digits."""
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()[:20]


class Unlabelled:
    """Unlabelled texts and views of them, encoded on the device of a training.

    A view is made once, as the paper's back-translations are (Chen et al. 2020, section 4.1), and by word dropout,
    which needs no translator: each word goes with the same probability.

    Parameters
    ----------
    texts : ndarray of object, shape (n,)
    encoder : Encoder
        Fitted.
    device : torch.device
    n_views : int
        Views of each text besides itself.
    rate : float
        Probability of each of its words to be missing in a view.
    seed : int
    """

    def __init__(
        self,
        texts: np.ndarray,
        encoder: Encoder,
        device: torch.device,
        *,
        n_views: int,
        rate: float,
        seed: int,
    ) -> None:
        versions = [texts]
        for number in range(n_views):
            rng = generator(seed, "view", number)
            versions.append(np.array([drop_words(text, rate, rng)[0] for text in texts], dtype=object))
        self._versions = [encoder.encode(version, device) for version in versions]

    def __len__(self) -> int:
        return len(self._versions[0])

    def draw(self, count: int, rng: np.random.Generator) -> list[Inputs]:
        """Some of the texts, no more than there are and none twice: as they are, then each view of them."""
        rows = rng.choice(len(self), min(count, len(self)), replace=False)
        return [encoded.batch(rows) for encoded in self._versions]


def joined(parts: list[Inputs]) -> Inputs:
    """Rows of several batches one after the other, padded to the longest."""
    if parts[0][0].is_floating_point() or parts[0][0].dim() == 4:  # features and pixels, which have no length
        return torch.cat([inputs for inputs, _ in parts]), None
    length = max(inputs.shape[1] for inputs, _ in parts)
    padded, masks = [], []
    for inputs, mask in parts:
        rest = (0, length - inputs.shape[1])
        real = torch.ones_like(inputs, dtype=torch.bool) if mask is None else mask
        padded.append(functional.pad(inputs, rest))
        masks.append(functional.pad(real, rest))
    # Without a mask only where none is needed, as batches of one data set are.
    alike = all(mask is None and inputs.shape[1] == length for inputs, mask in parts)
    return torch.cat(padded), None if alike else torch.cat(masks)
