"""TextRNN: a bidirectional LSTM over the words, pooled (Liu et al. 2016).

Liu, Qiu and Huang, "Recurrent Neural Network for Text Classification with Multi-Task Learning", IJCAI 2016;
the reading with two directions and max-pooling, which loses less on long texts than the last state.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from counterpoise.backbones.base import Batch, VectorReader
from counterpoise.backbones.lstm import LSTM


class TextRNN(VectorReader):
    """A bidirectional LSTM over word vectors.

    Parameters
    ----------
    embedding : nn.Embedding
        Word vectors ``(V, d)``; id 0 is padding. Frozen or trained on as its weight says.
    hidden : int, default=64
        Units of each direction.
    """

    inputs = "text"
    gains_by_bfloat16 = True

    def __init__(self, embedding: nn.Embedding, *, hidden: int = 64) -> None:
        super().__init__()
        self.embedding = embedding
        self.forwards = LSTM(embedding.embedding_dim, hidden, batch_first=True)
        self.backwards = LSTM(embedding.embedding_dim, hidden, batch_first=True)
        self.dim = 2 * hidden

    def vectors(self, batch: Batch) -> Tensor:
        """Word vectors ``(B, T, e)``."""
        return self.embedding(batch.inputs)

    def read(self, vectors: Tensor, mask: Tensor | None) -> Tensor:
        """Hidden states of both directions, ``(B, T, 2 * hidden)``."""
        ahead, back, turn = self._directions(vectors, mask)
        return torch.cat([ahead, _turned(back, turn)], dim=-1)

    def summary(self, vectors: Tensor, mask: Tensor | None) -> Tensor:
        """Pooled representations ``(B, d)``: those of ``read``, without turning anything back first."""
        ahead, back, _ = self._directions(vectors, mask)
        return torch.cat([self.pool(ahead, mask), self.pool(back, mask)], dim=-1)

    def _directions(self, vectors: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """States ``(B, T, hidden)`` read forwards and, turned round, backwards; and the turn ``(B, T)``."""
        # The backward direction must not start in the padding, or a text's output would depend on its company
        # in the batch: each row is turned round within its own length. (Packed sequences do the same at a
        # higher cost.)
        turn = _turn_within(vectors, mask)
        ahead, _ = self.forwards(vectors)
        back, _ = self.backwards(_turned(vectors, turn))
        return ahead, back, turn


def _turn_within(vectors: Tensor, mask: Tensor | None) -> Tensor:
    """Positions ``(B, T)`` that reverse each row's real tokens and leave its padding in place."""
    size, length, _ = vectors.shape
    position = torch.arange(length, device=vectors.device).expand(size, -1)
    if mask is None:
        return position.flip(1)
    turned = mask.sum(dim=1, keepdim=True) - 1 - position
    return torch.where(mask, turned, position)


def _turned(values: Tensor, turn: Tensor) -> Tensor:
    """Values ``(B, T, k)`` at other positions ``(B, T)``."""
    return values.gather(1, turn[..., None].expand_as(values))
