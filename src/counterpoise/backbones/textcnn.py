"""TextCNN: filters over three, four and five words, the strongest response of each kept (Kim 2014).

Kim, "Convolutional Neural Networks for Sentence Classification", EMNLP 2014, section 2.

>>> import torch
>>> network = TextCNN(torch.nn.Embedding(1000, 64, padding_idx=0))  # usable in any PyTorch loop
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from counterpoise.backbones.base import Batch, VectorReader
from counterpoise.backbones.strongest_responses import strongest_responses
from counterpoise.mixing.pairs import Pairs


class TextCNN(VectorReader):
    """One-dimensional convolutions of several widths over word vectors.

    Parameters
    ----------
    embedding : nn.Embedding
        Word vectors ``(V, d)``; id 0 is padding. Frozen or trained on as its weight says.
    n_filters : int, default=100
        Filters of each width (the paper's 100).
    widths : sequence of int, default=(3, 4, 5)
        Words a filter spans.
    """

    inputs = "text"

    def __init__(
        self,
        embedding: nn.Embedding,
        *,
        n_filters: int = 100,
        widths: Sequence[int] = (3, 4, 5),
    ) -> None:
        super().__init__()
        self.embedding = embedding
        convolutions = [nn.Conv1d(embedding.embedding_dim, n_filters, width) for width in widths]
        self.weights = nn.ParameterList(
            [c.weight.detach().transpose(1, 2).contiguous() for c in convolutions]
        )
        self.biases = nn.Parameter(torch.cat([c.bias.detach() for c in convolutions if c.bias is not None]))
        self.window = max(widths)
        self.dim = n_filters * len(widths)

    def forward(self, batch: Batch) -> Tensor:
        """Pooled representations ``(B, d)`` of a batch."""
        if not self._by_words():
            return super().forward(batch)
        return self._strongest(batch, batch.mask)

    def mixed(self, batch: Batch, pairs: Pairs, depth: float = 0.0) -> Tensor:
        """Pooled representations ``(B, d)`` of rows whose vectors are mixed; see :meth:`Backbone.mixed`."""
        if not self._by_words():
            return super().mixed(batch, pairs, depth)
        return self._strongest(batch, pairs.mask(batch.mask), pairs)

    def _strongest(self, batch: Batch, mask: Tensor | None, pairs: Pairs | None = None) -> Tensor:
        return strongest_responses(
            batch.inputs, mask, self.embedding, list(self.weights), self.biases, pairs
        ).relu()

    def _by_words(self) -> bool:
        """Whether each word is multiplied with the filters once, which pays where products are dear."""
        return self.embedding.weight.device.type == "cpu" and not torch.is_autocast_enabled("cpu")

    def vectors(self, batch: Batch) -> Tensor:
        """Word vectors ``(B, T, e)``."""
        return self.embedding(batch.inputs)

    def read(self, vectors: Tensor, mask: Tensor | None) -> Tensor:
        """Filter responses ``(B, T, n_filters * len(widths))``, before ReLU; shorter texts are padded with zeros."""
        x = vectors
        if torch.is_autocast_enabled(x.device.type):
            x = x.to(torch.get_autocast_dtype(x.device.type))  # now, not after the windows multiply it
        # All filters in one matrix product over overlapping windows: on a CPU faster than one convolution for each
        # width, most of all in bfloat16 (benchmarks/training.py compares it with the textbook's convolutions).
        left, right = (self.window - 1) // 2, self.window // 2
        x = functional.pad(x, (0, 0, left, right))
        batch_size, length, width = x.shape
        shape = (batch_size, length - self.window + 1, self.window * width)
        windows = x.as_strided(shape, (x.stride(0), x.stride(1), 1))
        return functional.linear(windows, self._filters(), self.biases)

    def pool(self, tokens: Tensor, mask: Tensor | None) -> Tensor:
        """Strongest response of each filter, ``(B, d)``, after ReLU (which commutes with the maximum)."""
        return super().pool(tokens, mask).relu()

    def _filters(self) -> Tensor:
        """Weights of all filters ``(n, window * width)``, the narrower ones with zeros around them."""
        padded = []
        for weight in self.weights:
            before = (self.window - 1) // 2 - (weight.shape[1] - 1) // 2
            after = self.window - weight.shape[1] - before
            padded.append(functional.pad(weight, (0, 0, before, after)).flatten(1))
        return torch.cat(padded)
