"""TextRNN: a bidirectional LSTM over the words, pooled (Liu et al. 2016).

Liu, Qiu and Huang, "Recurrent Neural Network for Text Classification with Multi-Task Learning", IJCAI 2016;
the reading with two directions and max-pooling, which loses less on long texts than the last state.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from counterpoise.backbones.base import Backbone, Batch


class TextRNN(Backbone):
    """A bidirectional LSTM over word vectors.

    Parameters
    ----------
    embedding : nn.Embedding
        Word vectors ``(V, d)``; id 0 is padding. Frozen or trained on as its weight says.
    hidden : int, default=64
        Units of each direction.
    """

    inputs = "text"

    def __init__(self, embedding: nn.Embedding, *, hidden: int = 64) -> None:
        super().__init__()
        self.embedding = embedding
        self.forwards = nn.LSTM(embedding.embedding_dim, hidden, batch_first=True)
        self.backwards = nn.LSTM(embedding.embedding_dim, hidden, batch_first=True)
        self.dim = 2 * hidden

    def tokens(self, batch: Batch) -> Tensor:
        """Hidden states of both directions, ``(B, T, 2 * hidden)``."""
        ahead, back, turn = self._directions(batch)
        return torch.cat([ahead, back.gather(1, turn[..., None].expand_as(back))], dim=-1)

    def forward(self, batch: Batch) -> Tensor:
        """Pooled representations ``(B, d)``: those of ``tokens``, without turning anything back first."""
        ahead, back, _ = self._directions(batch)
        return torch.cat([self.pool(ahead, batch.mask), self.pool(back, batch.mask)], dim=-1)

    def _directions(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """States ``(B, T, hidden)`` read forwards and, turned round, backwards; and the turn ``(B, T)``."""
        # The backward direction must not start in the padding, or a text's output would depend on its company
        # in the batch: each row is turned round within its own length. (Packed sequences do the same at a
        # higher cost.)
        turn = _turned_within(batch)
        ahead, _ = self.forwards(self.embedding(batch.inputs))
        back, _ = self.backwards(self.embedding(batch.inputs.gather(1, turn)))
        return ahead, back, turn


def _turned_within(batch: Batch) -> Tensor:
    """Positions ``(B, T)`` that reverse each row's real tokens and leave its padding in place."""
    size, length = batch.inputs.shape
    position = torch.arange(length, device=batch.inputs.device).expand(size, -1)
    if batch.mask is None:
        return position.flip(1)
    turned = batch.mask.sum(dim=1, keepdim=True) - 1 - position
    return torch.where(batch.mask, turned, position)
