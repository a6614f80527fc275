"""Semantic fusion (SFM): what difficult samples share with majority samples, mixed into a new representation.

    fusion = SemanticFusion(dim=64, heads=8)
    q, qbar, k, z = fusion(encode(difficult), encode(majority), tau=balance_tau(n_minority, n_majority))
    loss = mutual_information(q, qbar, k, generator).loss        # counterpoise.miso.mutual_information
    words = fusion.shared(q_tokens, q_mask, k_tokens, k_mask)    # which words the majority partner has too

Tian et al., "Re-embedding Difficult Samples via Mutual Information Constrained Semantically Oversampling for
Imbalanced Text Classification", EMNLP 2021. For each head, with Q the difficult samples, K the majority samples,

    Qbar = [softmax(Q K^T / sqrt(tau)) Q] softmax(Q^T K / sqrt(tau)),

and a feed-forward layer after it. The shapes allow two readings: the rows of Q and K are samples (a batch against
a batch) or the tokens of one pair of texts. The temperature tau is the ratio of the classes: large, it flattens
both softmaxes (a wide scope), at balance it is 1 and sharpens them.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from counterpoise.miso.gate import dealt

_READINGS = ("samples", "tokens")


class Fusion(NamedTuple):
    """What :class:`SemanticFusion` makes of a batch of pairs.

    Attributes
    ----------
    q, qbar, k : Tensor of shape (B, h, d_h)
        The triples of the mutual information loss, one a pair and head: difficult sample, fused representation
        and majority sample. Each vector has a root mean square of 1.
    z : Tensor of shape (B, h * d_h)
        ``qbar`` with its heads side by side, which guides the minority decoder.
    """

    q: Tensor
    qbar: Tensor
    k: Tensor
    z: Tensor


def balance_tau(n_minority: int, n_majority: int) -> float:
    """Temperature of the softmaxes: how many majority samples there are for each minority sample, at least 1.

    Parameters
    ----------
    n_minority : int
        Minority samples, the anchors written so far among them; so tau falls to 1 as anchors come.
    n_majority : int

    Returns
    -------
    float
        ``max(n_majority / n_minority, 1)``.

    Raises
    ------
    ValueError
        If ``n_minority`` is below 1.

    Examples
    --------
    >>> balance_tau(50, 4000), balance_tau(50 + 3950, 4000)
    (80.0, 1.0)
    """
    if n_minority < 1:
        raise ValueError(f"n_minority is {n_minority}; the temperature needs at least one minority sample")
    return max(n_majority / n_minority, 1.0)


def falling_tau(progress: float, n_minority: int, n_majority: int) -> float:
    """:func:`balance_tau` on the way: n-/n+ before the first anchor (0), 1 when the last has come (1)."""
    return balance_tau(n_minority + round(progress * max(n_majority - n_minority, 0)), n_majority)


def fuse(
    q: Tensor,
    k: Tensor,
    tau: float,
    q_mask: Tensor | None = None,
    k_mask: Tensor | None = None,
    dealing: torch.Generator | None = None,
) -> Tensor:
    """Evaluate the formula of the module docstring for one head, or for many at once.

    Parameters
    ----------
    q, k : Tensor of shape (..., n, d_h)
        Rows are samples or tokens; row ``j`` of the one belongs with row ``j`` of the other, since the
        formula weighs the rows of Q by their likeness to the rows of K.
    tau : float
        Temperature, above 0.
    q_mask, k_mask : Tensor of bool, shape (..., n), or None
        True at real rows. A masked row of K gets no attention, and a masked row of either adds nothing.
    dealing : torch.Generator or None, default=None
        Deals out the weights of each softmax anew, which is as sharp then and tells nothing; real rows have to stand
        before masked ones. None leaves them where they belong.

    Returns
    -------
    Tensor of shape (..., n, d_h)
        Zeros where there is no real row of K.

    Raises
    ------
    ValueError
        If ``tau`` is not above 0.

    Notes
    -----
    The paper's ``Q^T K`` is a sum over the rows, so that it would sharpen its softmax with the size of the batch
    whatever tau says. Here it is the mean over the rows that are real in both, times ``d_h``: equal to the
    paper's for ``n = d_h``, and on the scale of ``Q K^T`` for any n.
    """
    scale = _softness(tau)
    if q_mask is not None:
        q = q.masked_fill(~q_mask[..., None], 0)
    if k_mask is not None:
        k = k.masked_fill(~k_mask[..., None], 0)
    by_row = _attend(q, k, scale, k_mask)
    real = _rows_in_both(q, q_mask, k_mask)
    by_feature = q.transpose(-1, -2) @ k * (q.shape[-1] / real)
    by_feature = torch.softmax(by_feature / scale, dim=-1)
    if dealing is not None:
        everywhere = torch.ones(1, dtype=torch.bool, device=q.device)
        by_row = dealt(by_row, everywhere if k_mask is None else k_mask[..., None, :], dealing)
        by_feature = dealt(by_feature, everywhere, dealing)
    return (by_row @ q) @ by_feature


class SemanticFusion(nn.Module):
    """Multi-head semantic fusion of difficult samples with majority samples.

    Parameters
    ----------
    dim : int, default=64
        Width ``d`` of the representations (the paper's).
    heads : int, default=8
        Number of heads ``h`` (the paper's), each ``d_h = dim / heads`` wide.
    reading : {"samples", "tokens"}, default="samples"
        What the rows of Q and K are: the pooled samples of a batch, each difficult sample being compared with
        all majority samples of the batch, or the tokens of each pair of texts.
    residual : bool, default=True
        Add Q to the formula's result before the feed-forward layer, as a transformer does. The formula alone
        (False, as published) gives all rows of a batch nearly the same ``qbar`` where tau is large: the first
        softmax then averages over the batch and the second over the features.
    at_random : bool, default=False
        Whether the weights of both softmaxes are dealt out at random in every pass, as a control.

    Raises
    ------
    ValueError
        If ``reading`` is unknown, or ``dim`` is not a multiple of ``heads`` of at least twice its size.

    Notes
    -----
    Q and K go through one layer normalisation and one linear projection (the paper's encoders share their
    parameters: one semantic space), and each head's vector is then brought to a root mean square of 1. So
    ``Q K^T`` stays within ``-d_h`` and ``d_h`` however the weights grow, and tau means the same throughout a
    training: at the published width of 8, equal rows get ``exp(8)`` against ``exp(0)`` at tau = 1, and
    ``exp(0.8)`` at tau = 100.

    The paper's second feed-forward layer, "between the MI loss and the minority decoder", belongs to the
    decoder's side: it has to be trained while this module is frozen and a layer on ``concat(K, Q)`` stands in
    for it (Algorithm 1, line 1). ``z`` is what that layer reads.
    """

    def __init__(
        self,
        dim: int = 64,
        heads: int = 8,
        reading: str = "samples",
        *,
        residual: bool = True,
        at_random: bool = False,
    ) -> None:
        super().__init__()
        if reading not in _READINGS:
            raise ValueError(f"reading is {reading!r}; choose 'samples' or 'tokens'")
        if dim % heads or dim < 2 * heads:
            raise ValueError(
                f"dim is {dim} and heads is {heads}; dim must be a multiple, at least twice heads"
            )
        self.dim = dim
        self.n_heads = heads
        self.reading = reading
        self.residual, self.at_random = residual, at_random
        self.norm = nn.LayerNorm(dim)
        self.projection = nn.Linear(dim, dim, bias=False)
        # A rotation at first: what is alike before it is alike after it.
        nn.init.orthogonal_(self.projection.weight)
        self.feed_forward = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

    def forward(
        self,
        q: Tensor,
        k: Tensor,
        tau: float,
        q_mask: Tensor | None = None,
        k_mask: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Fusion:
        """Fuse each difficult sample with majority samples.

        Parameters
        ----------
        q : Tensor, shape (B, d) for ``reading="samples"``, (B, Tq, d) for ``reading="tokens"``
            Difficult samples, or their tokens.
        k : Tensor, shape (B, d) or (B, Tk, d)
            Their majority partners, row by row.
        tau : float
            Temperature, above 0; see :func:`balance_tau`.
        q_mask, k_mask : Tensor of bool, shape (B, Tq) and (B, Tk), or None
            True at real tokens; None where none is padding. Only for ``reading="tokens"``.
        generator : torch.Generator or None
            Nothing is drawn from it unless weights are dealt out at random.

        Returns
        -------
        Fusion
            For tokens, the means over the real tokens of each text. A text without any gives zeros.

        Raises
        ------
        ValueError
            If the shapes do not go with the reading, ``tau`` is not above 0, or attention is at random without a
            generator.
        """
        if self.reading == "samples":
            if q.ndim != 2 or q.shape != k.shape or q_mask is not None or k_mask is not None:
                raise ValueError(
                    f"q is {tuple(q.shape)} and k is {tuple(k.shape)}; reading='samples' takes two of (B, d), no masks"
                )
            # The batch is to this reading what one pair of texts is to the other.
            q_rows, qbar_rows, k_rows = self._fused(q[None], k[None], tau, None, None, generator)
            return self._finished(q_rows[0], qbar_rows[0], k_rows[0])
        if q.ndim != 3 or k.ndim != 3 or len(q) != len(k):
            raise ValueError(
                f"q is {tuple(q.shape)} and k is {tuple(k.shape)}; reading='tokens' takes (B, Tq, d) and (B, Tk, d)"
            )
        length = max(q.shape[1], k.shape[1])
        q, q_mask = _padded(q, q_mask, length)
        k, k_mask = _padded(k, k_mask, length)
        q_rows, qbar_rows, k_rows = self._fused(q, k, tau, q_mask, k_mask, generator)
        return self._finished(_mean(q_rows, q_mask), _mean(qbar_rows, q_mask), _mean(k_rows, k_mask))

    def split(self, x: Tensor) -> Tensor:
        """Project representations ``(..., d)`` to heads ``(..., h, d_h)`` of root mean square 1."""
        return self._unit(self.projection(self.norm(x)))

    def attention(
        self, q_tokens: Tensor, q_mask: Tensor, k_tokens: Tensor, k_mask: Tensor, tau: float
    ) -> Tensor:
        """How much each word of the difficult sample attends to each word of its majority partner.

        Parameters
        ----------
        q_tokens, k_tokens : Tensor of shape (B, Tq, d) and (B, Tk, d)
        q_mask, k_mask : Tensor of bool, shape (B, Tq) and (B, Tk)
            True at real tokens.
        tau : float
            Temperature, above 0.

        Returns
        -------
        Tensor of shape (B, Tq, Tk)
            Mean over the heads of the first softmax in the formula. Rows of real tokens sum to 1 over the
            partner's real tokens (to 0 where it has none); rows of padding are zeros.
        """
        q, k = self._heads_first(q_tokens, q_mask), self._heads_first(k_tokens, k_mask)
        weights = _attend(q, k, _softness(tau), k_mask[:, None]).mean(dim=1)
        return weights * q_mask[..., None]

    def shared(self, q_tokens: Tensor, q_mask: Tensor, k_tokens: Tensor, k_mask: Tensor) -> Tensor:
        """How much each word of the difficult sample is shared with its majority partner.

        Parameters
        ----------
        q_tokens, k_tokens : Tensor of shape (B, Tq, d) and (B, Tk, d)
        q_mask, k_mask : Tensor of bool, shape (B, Tq) and (B, Tk)
            True at real tokens.

        Returns
        -------
        Tensor of shape (B, Tq)
            Largest cosine similarity, averaged over the heads, to any word of the partner, from 0 (no word
            is like it) to 1 (a word with the same vector is there); 0 at padding.
        """
        q, k = self.split(_zeroed(q_tokens, q_mask)), self.split(_zeroed(k_tokens, k_mask))
        cosines = q.flatten(2) @ k.flatten(2).transpose(1, 2) / self.dim
        largest = cosines.masked_fill(~k_mask[:, None], 0).amax(dim=2)
        return largest.clamp(0, 1) * q_mask

    def _unit(self, x: Tensor) -> Tensor:
        heads = x.unflatten(-1, (self.n_heads, -1))
        return functional.rms_norm(heads, heads.shape[-1:], eps=1e-5)

    def _heads_first(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Heads ``(B, h, T, d_h)`` of tokens ``(B, T, d)``."""
        return self.split(_zeroed(x, mask)).transpose(1, 2)

    def _fused(
        self,
        q: Tensor,
        k: Tensor,
        tau: float,
        q_mask: Tensor | None,
        k_mask: Tensor | None,
        generator: torch.Generator | None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Q, the feed-forward layer's Qbar, and K; all of shape (B, T, d)."""
        q_heads, k_heads = self._heads_first(q, q_mask), self._heads_first(k, k_mask)
        if self.at_random and generator is None:
            raise ValueError("attention at random needs a generator to draw from")
        dealing = generator if self.at_random else None
        fused = fuse(q_heads, k_heads, tau, _over_heads(q_mask), _over_heads(k_mask), dealing)
        if self.residual:
            fused = fused + q_heads
        q_flat, fused_flat, k_flat = (x.transpose(1, 2).flatten(2) for x in (q_heads, fused, k_heads))
        return q_flat, self.feed_forward(fused_flat), k_flat

    def _finished(self, q: Tensor, qbar: Tensor, k: Tensor) -> Fusion:
        qbar_heads = self._unit(qbar)
        return Fusion(self._unit(q), qbar_heads, self._unit(k), qbar_heads.flatten(1))


def _softness(tau: float) -> float:
    if not tau > 0:
        raise ValueError(f"tau is {tau}; the temperature must be above 0")
    return math.sqrt(tau)


def _attend(q: Tensor, k: Tensor, scale: float, k_mask: Tensor | None) -> Tensor:
    """Softmax over the real rows of K; all zeros where there is none."""
    scores = q @ k.transpose(-1, -2) / scale
    if k_mask is None:
        return torch.softmax(scores, dim=-1)
    real = k_mask[..., None, :]
    # Not minus infinity: a partner without any token would then turn into NaN, in the gradient too.
    return torch.softmax(scores.masked_fill(~real, torch.finfo(scores.dtype).min), dim=-1) * real


def _rows_in_both(q: Tensor, q_mask: Tensor | None, k_mask: Tensor | None) -> Tensor | int:
    if q_mask is None and k_mask is None:
        return q.shape[-2]
    masks = [mask for mask in (q_mask, k_mask) if mask is not None]
    both = masks[0] & masks[-1]
    return both.sum(dim=-1).clamp_min(1)[..., None, None]


def _over_heads(mask: Tensor | None) -> Tensor | None:
    return None if mask is None else mask[:, None]


def _zeroed(x: Tensor, mask: Tensor | None) -> Tensor:
    return x if mask is None else x.masked_fill(~mask[..., None], 0)


def _padded(x: Tensor, mask: Tensor | None, length: int) -> tuple[Tensor, Tensor]:
    if mask is None:
        mask = torch.ones(x.shape[:2], dtype=torch.bool, device=x.device)
    missing = length - x.shape[1]
    return functional.pad(x, (0, 0, 0, missing)), functional.pad(mask, (0, missing))


def _mean(x: Tensor, mask: Tensor) -> Tensor:
    """Mean over the real tokens, (B, T, d) to (B, d)."""
    return _zeroed(x, mask).sum(dim=1) / mask.sum(dim=1).clamp_min(1)[:, None]
