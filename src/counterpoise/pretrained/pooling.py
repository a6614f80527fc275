"""From a vector for each token, of a text or an image, to one for the whole."""

from __future__ import annotations

from torch import Tensor

POOLINGS = ("mean", "first", "last", "max")


def pooled(tokens: Tensor, mask: Tensor | None, pooling: str) -> Tensor:
    """Pool token representations.

    Parameters
    ----------
    tokens : Tensor of shape (B, T, d)
    mask : Tensor of bool, shape (B, T), or None
        True at real tokens, which stand before the padding; None where nothing is padded.
    pooling : {"mean", "first", "last", "max"}
        ``"first"`` is BERT's summary token, ``"last"`` XLNet's.

    Returns
    -------
    Tensor of shape (B, d)
    """
    if pooling == "first":
        return tokens[:, 0]
    if mask is None:
        if pooling == "last":
            return tokens[:, -1]
        return tokens.mean(dim=1) if pooling == "mean" else tokens.max(dim=1).values
    if pooling == "last":
        last = mask.sum(dim=1) - 1
        return tokens.take_along_dim(last[:, None, None], dim=1).squeeze(1)
    if pooling == "mean":
        weights = mask.to(tokens.dtype)[..., None]
        return (tokens * weights).sum(dim=1) / weights.sum(dim=1)
    return tokens.masked_fill(~mask[..., None], float("-inf")).max(dim=1).values
