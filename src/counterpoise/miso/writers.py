"""What writes anchor instances for one class: a trained generator, or the editor that needs no training.

    writer = TrainedWriter(model, corpus, decoding)
    written, shared = writer.write(rows, partners, tau, generator)

Both take pairs of a difficult sample and a majority sample and give a text for each, with how much of the difficult
sample's words are shared with the partner.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from counterpoise.miso.corpus import Corpus
from counterpoise.miso.decoder import Written
from counterpoise.miso.decoding import Decoding
from counterpoise.miso.edit import Editor
from counterpoise.miso.model import Miso


class Writer(Protocol):
    """Writes one text for each pair."""

    def write(
        self, rows: np.ndarray, partners: np.ndarray, tau: float, generator: torch.Generator
    ) -> tuple[list[Written], Tensor]:
        """Texts, and how shared each word of ``rows`` is, ``(B, T)`` in [0, 1].

        Parameters
        ----------
        rows, partners : ndarray of int64, shape (B,)
        tau : float
            Majority samples for each minority sample by now, anchors included.
        generator : torch.Generator
        """


class EditWriter:
    """The editor as a writer; it pays no heed to tau, which the pairing has heeded already.

    Parameters
    ----------
    editor : Editor
    """

    def __init__(self, editor: Editor) -> None:
        self.editor = editor

    def write(
        self, rows: np.ndarray, partners: np.ndarray, tau: float, generator: torch.Generator
    ) -> tuple[list[Written], Tensor]:
        """Edit each of the rows."""
        return self.editor.write(rows, partners, generator), self.editor.shared(rows, partners)


class TrainedWriter:
    """SFM, latent and minority decoder: Algorithm 1, lines 10 to 12.

    Parameters
    ----------
    model : Miso
        Trained.
    corpus : Corpus
    decoding : Decoding
    """

    def __init__(self, model: Miso, corpus: Corpus, decoding: Decoding) -> None:
        self.model, self.corpus, self.decoding = model, corpus, decoding

    @torch.no_grad()
    def write(
        self, rows: np.ndarray, partners: np.ndarray, tau: float, generator: torch.Generator
    ) -> tuple[list[Written], Tensor]:
        """Fuse and decode each pair."""
        model = self.model
        pair = model.pair(self.corpus.batch(rows), self.corpus.batch(partners))
        fused = model.fuse(pair, tau, generator)
        z = model.generator.z(fused.z)
        texts = model.generator.minority.write(rows, partners, z, self.decoding, generator, fused.shared)
        shared = (
            fused.shared if fused.shared is not None else torch.zeros_like(pair.q_mask, dtype=torch.float32)
        )
        return texts, shared.cpu()
