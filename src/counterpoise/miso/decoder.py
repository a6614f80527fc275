"""The interface of decoders: rows of a corpus in, likelihoods and new texts out.

    soft = decoder.reconstruct(rows, partners, z, generator)       # teacher-forced
    texts = decoder.write(rows, partners, z, Decoding(), generator)

A decoder is built on a corpus and owns its own way of cutting it up: sub-words for one that spells texts out, words
as written for one that points at them. What trains it and what judges it see word vectors only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from counterpoise.miso.decoding import Decoding


class Soft(NamedTuple):
    """What a teacher-forced pass says about a batch of texts.

    Attributes
    ----------
    nll : Tensor of float32, shape (B,)
        Mean negative log-likelihood of a token, in nats.
    real : Tensor of float32, shape (B, T, e)
        Vectors of the tokens of the texts themselves; ``e`` is the width of the word vectors.
    written : Tensor of float32, shape (B, T, e)
        Expected vectors of what the decoder would write, or straight-through samples; gradient flows.
    mask : Tensor of bool, shape (B, T)
        True at tokens.
    """

    nll: Tensor
    real: Tensor
    written: Tensor
    mask: Tensor


class Written(NamedTuple):
    """One finished text.

    Attributes
    ----------
    text : str
    kept : tuple of str
        Its words that come from the source.
    injected : tuple of str
        Its other words.
    donors : tuple of int
        Rows of the minority texts that some of these come from; empty where all are the partner's.
    lent : int
        How many of its words are the majority partner's.
    """

    text: str
    kept: tuple[str, ...]
    injected: tuple[str, ...]
    donors: tuple[int, ...] = ()
    lent: int = 0


class TextDecoder(nn.Module, ABC):
    """Base of decoders: a distribution over texts, given a latent and a pair of texts."""

    @abstractmethod
    def reconstruct(
        self,
        rows: np.ndarray,
        partners: np.ndarray,
        z: Tensor | None,
        generator: torch.Generator,
        gumbel: float | None = None,
        shared: Tensor | None = None,
    ) -> Soft:
        """Likelihood of texts under teacher forcing, and what would be written in their place.

        Parameters
        ----------
        rows : ndarray of int64, shape (B,)
            Texts of the corpus to give back.
        partners : ndarray of int64, shape (B,)
            Majority texts that may lend words.
        z : Tensor of float32, shape (B, d), or None
            Latent that guides; None is no guidance, for learning language.
        generator : torch.Generator
        gumbel : float or None, default=None
            Temperature of straight-through Gumbel-softmax samples; None gives expected vectors.
        shared : Tensor of float32, shape (B, T), or None, default=None
            How much each word of ``rows`` is shared with its partner, for a decoder that has a gate.

        Returns
        -------
        Soft
        """

    @abstractmethod
    def write(
        self,
        rows: np.ndarray,
        partners: np.ndarray,
        z: Tensor,
        decoding: Decoding,
        generator: torch.Generator,
        shared: Tensor | None = None,
    ) -> list[Written]:
        """Write one text for each pair.

        Parameters
        ----------
        rows, partners, z, generator, shared
            As for :meth:`reconstruct`.
        decoding : Decoding

        Returns
        -------
        list of Written
        """


def straight_through(logits: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    """One-hot samples whose gradient is that of the Gumbel-softmax (Jang et al. 2017), over the last axis."""
    uniform = torch.rand(logits.shape, generator=generator).to(logits.device).clamp(1e-9, 1 - 1e-7)
    soft = ((logits - (-uniform.log()).log()) / temperature).softmax(dim=-1)
    hard = torch.zeros_like(soft).scatter_(-1, soft.argmax(dim=-1, keepdim=True), 1.0)
    return hard + soft - soft.detach()
