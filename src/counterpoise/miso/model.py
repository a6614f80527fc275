"""The parts of MISO together, and which of them an ablation leaves out.

The paper's ablation "CAG" (section 6) is ``fusion=None``: the generator guided by the difficult sample itself,
without SFM and without the mutual-information loss.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from counterpoise.miso.encoder import SharedEncoder
from counterpoise.miso.fusion import SemanticFusion
from counterpoise.miso.generator import CoupledGenerator
from counterpoise.miso.mutual_information import MutualInformationLoss


class Pair(NamedTuple):
    """A batch of difficult samples, each with a majority sample, as the encoder sees them.

    Attributes
    ----------
    q, k : Tensor of float32, shape (B, d)
    q_tokens, k_tokens : Tensor of float32, shape (B, T, d) and (B, S, d)
        Words among their neighbours.
    q_ids, k_ids : Tensor of int64, shape (B, T) and (B, S)
    q_mask, k_mask : Tensor of bool, same shapes
    """

    q: Tensor
    k: Tensor
    q_tokens: Tensor
    k_tokens: Tensor
    q_ids: Tensor
    k_ids: Tensor
    q_mask: Tensor
    k_mask: Tensor


class Fused(NamedTuple):
    """What guides the decoder and what the mutual-information loss compares.

    Attributes
    ----------
    z : Tensor of float32, shape (B, d)
        Q-bar with its heads side by side, or Q where there is no fusion.
    shared : Tensor of float32, shape (B, T), or None
        How much each word of the difficult sample is shared with its partner.
    triple : (Q, Qbar, K) or None
        Each ``(B, h, d_h)``.
    """

    z: Tensor
    shared: Tensor | None
    triple: tuple[Tensor, Tensor, Tensor] | None


class Miso(nn.Module):
    """Encoder, SFM, MINEs and CAG.

    Parameters
    ----------
    encoder : SharedEncoder
    generator : CoupledGenerator
    fusion : SemanticFusion or None
        None is the ablation without SFM: the latent comes from the difficult sample alone.
    """

    def __init__(
        self, encoder: SharedEncoder, generator: CoupledGenerator, fusion: SemanticFusion | None
    ) -> None:
        super().__init__()
        self.encoder, self.generator, self.fusion = encoder, generator, fusion
        heads = 1 if fusion is None else fusion.n_heads
        self.mutual_information = MutualInformationLoss(encoder.dim // heads)
        self.anchor_information = MutualInformationLoss(encoder.dim)

    def pair(self, ids: tuple[Tensor, Tensor], partner_ids: tuple[Tensor, Tensor]) -> Pair:
        """Encode difficult samples and their partners, each given as ids and mask."""
        encoder = self.encoder
        q_tokens, k_tokens = encoder(*ids), encoder(*partner_ids)
        q, k = encoder.pool(q_tokens, ids[1]), encoder.pool(k_tokens, partner_ids[1])
        return Pair(q, k, q_tokens, k_tokens, ids[0], partner_ids[0], ids[1], partner_ids[1])

    def fuse(self, pair: Pair, tau: float, generator: torch.Generator) -> Fused:
        """Fuse each difficult sample with majority samples, at temperature ``tau``.

        Nothing is drawn unless attention is at random.
        """
        fusion = self.fusion
        if fusion is None:
            return Fused(pair.q, None, None)
        if fusion.reading == "samples":
            found = fusion(pair.q, pair.k, tau, generator=generator)
        else:
            found = fusion(pair.q_tokens, pair.k_tokens, tau, pair.q_mask, pair.k_mask, generator)
        q_words = self.encoder.alone(pair.q_ids, pair.q_mask)
        k_words = self.encoder.alone(pair.k_ids, pair.k_mask)
        shared = fusion.shared(q_words, pair.q_mask, k_words, pair.k_mask)
        return Fused(found.z, shared, (found.q, found.qbar, found.k))

    def heads(self, q: Tensor, qbar: Tensor, k: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Q, a stand-in for Q-bar, and K as SFM would give them to the MI loss, ``(B, h, d_h)`` each."""
        n = 1 if self.fusion is None else self.fusion.n_heads
        split = (lambda x: x.unflatten(-1, (n, -1))) if self.fusion is None else self.fusion.split
        return split(q), qbar.unflatten(-1, (n, -1)), split(k)

    def statistics(self) -> list[nn.Module]:
        """The statistics networks of the mutual-information estimators."""
        return [self.mutual_information, self.anchor_information]
