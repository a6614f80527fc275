"""The encoder Ee of MISO: one for difficult and majority samples, so that both live in one semantic space.

    encoder = SharedEncoder(corpus.vectors)
    tokens = encoder(ids, mask)                    # (B, T, 64)
    encoder.pool(tokens, mask)                     # (B, 64)

Tian et al. 2021, section 3 (the two encoders share their parameters). Its word vectors are learnt without labels and
stay as they are, the very ones a classifier starts from: a few minority texts would only bend them towards
themselves.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class SharedEncoder(nn.Module):
    """Word vectors, projected, with a view of the words beside them.

    Parameters
    ----------
    vectors : Tensor of float32, shape (V, e)
        Frozen.
    dim : int, default=64
        Width ``d`` of token and text representations (the paper's 64).
    """

    def __init__(self, vectors: Tensor, dim: int = 64) -> None:
        super().__init__()
        self.words = nn.Embedding.from_pretrained(vectors.clone(), freeze=True, padding_idx=0)
        self.projection = nn.Linear(vectors.shape[1], dim)
        self.context = nn.Conv1d(dim, dim, 3, padding=1)
        self.dim = dim

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Token representations ``(B, T, d)`` of word ids ``(B, T)``; zeros at padding."""
        return self.from_vectors(self.words(ids), mask)

    def from_vectors(self, vectors: Tensor, mask: Tensor) -> Tensor:
        """The same of word vectors ``(B, T, e)``, such as the expected ones of a text being written."""
        there = mask[..., None].to(vectors.dtype)
        projected = self.projection(vectors) * there
        beside = self.context(projected.transpose(1, 2)).transpose(1, 2)
        return functional.layer_norm(projected + functional.gelu(beside), (self.dim,)) * there

    def alone(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Representations ``(B, T, d)`` of words without the words beside them: equal words are equal."""
        there = mask[..., None].to(self.words.weight.dtype)
        return functional.layer_norm(self.projection(self.words(ids)), (self.dim,)) * there

    def pool(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Mean over the real tokens, ``(B, d)``."""
        return tokens.sum(dim=1) / mask.sum(dim=1, keepdim=True).clamp(min=1)

    def embed(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Text representations ``(B, d)``."""
        return self.pool(self(ids, mask), mask)
