"""One split of a data set as token ids and vectors, and the networks that are trained on it.

The textbook networks are what users write; ours is here behind the same kind of forward pass, so that another
trainer can be given it. All have the same sizes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from counterpoise.backbones.base import Batch, Network
from counterpoise.backbones.textcnn import TextCNN
from counterpoise.backbones.textrnn import TextRNN

FILTERS, WIDTHS, HIDDEN, DROPOUT = 100, (3, 4, 5), 64, 0.5


@dataclass(frozen=True)
class Task:
    """One split of one data set as ids, and what to train on it.

    Attributes
    ----------
    values, offsets : ndarray
        Ragged token ids of all rows, cut at 256; vocabulary of the training side.
    labels : ndarray of int64
        1 is the class of interest.
    train, test : ndarray of int64
        Row numbers.
    vectors : ndarray of float32, shape (V, 128)
    frozen : bool
    network : str
        ``"textcnn"`` or ``"textrnn"``.
    epochs, seed : int
    """

    values: np.ndarray
    offsets: np.ndarray
    labels: np.ndarray
    train: np.ndarray
    test: np.ndarray
    vectors: np.ndarray
    frozen: bool
    network: str
    epochs: int
    seed: int

    def ragged(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Ids and offsets of some rows."""
        lengths = np.diff(self.offsets)[rows]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        at = np.repeat(self.offsets[rows] - offsets[:-1], lengths) + np.arange(offsets[-1])
        return self.values[at], offsets

    def padded(self, rows: np.ndarray, length: int) -> np.ndarray:
        """Ids of some rows in a matrix ``(n, length)`` of int64, cut and padded with 0."""
        values, offsets = self.ragged(rows)
        lengths = np.diff(offsets)
        place = np.arange(len(values)) - np.repeat(offsets[:-1], lengths)
        matrix = np.zeros((len(rows), max(length, int(lengths.max()))), dtype=np.int64)
        matrix[np.repeat(np.arange(len(rows)), lengths), place] = values
        return matrix[:, :length]

    def length(self, percentile: float) -> int:
        """Percentile of the lengths of the training rows, rounded up."""
        return int(np.ceil(np.percentile(np.diff(self.offsets)[self.train], percentile)))


class TextbookCNN(nn.Module):
    """Kim's network as tutorials write it: a convolution for each width, ReLU, max over time."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.embedding = _embedding(task)
        width = self.embedding.embedding_dim
        # Padded by half a window, so that a batch of one-word texts does not fail; ours sees as many windows.
        self.convolutions = nn.ModuleList([nn.Conv1d(width, FILTERS, w, padding=w // 2) for w in WIDTHS])
        self.dropout = nn.Dropout(DROPOUT)
        self.head = nn.Linear(FILTERS * len(WIDTHS), 2)

    def forward(self, ids: Tensor) -> Tensor:
        """Logits ``(B, 2)`` of ids ``(B, T)``."""
        x = self.embedding(ids).transpose(1, 2)
        pooled = [torch.relu(convolution(x)).max(dim=2).values for convolution in self.convolutions]
        return self.head(self.dropout(torch.cat(pooled, dim=1)))


class TextbookRNN(nn.Module):
    """A bidirectional LSTM as tutorials write it: over the padding too, max over time."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.embedding = _embedding(task)
        self.lstm = nn.LSTM(self.embedding.embedding_dim, HIDDEN, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(DROPOUT)
        self.head = nn.Linear(2 * HIDDEN, 2)

    def forward(self, ids: Tensor) -> Tensor:
        """Logits ``(B, 2)`` of ids ``(B, T)``."""
        states, _ = self.lstm(self.embedding(ids))
        return self.head(self.dropout(states.max(dim=1).values))


class OurNetwork(nn.Module):
    """Counterpoise's network behind a forward pass that takes ids only; 0 is padding."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.network = Network(NETWORKS[task.network](_embedding(task)), 2, dropout=DROPOUT)

    def forward(self, ids: Tensor) -> Tensor:
        """Logits ``(B, 2)`` of ids ``(B, T)``."""
        nothing = torch.empty(0)
        return self.network(Batch(ids, ids != 0, nothing, nothing, nothing))


NETWORKS: dict[str, Any] = {"textcnn": TextCNN, "textrnn": TextRNN}
TEXTBOOK: dict[str, Any] = {"textcnn": TextbookCNN, "textrnn": TextbookRNN}


def _embedding(task: Task) -> nn.Embedding:
    return nn.Embedding.from_pretrained(torch.tensor(task.vectors), freeze=task.frozen, padding_idx=0)
