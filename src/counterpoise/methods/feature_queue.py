"""The last features of each class from steps before, which tiny batches are compared with beside themselves.

He, Fan, Wu, Xie and Girshick, "Momentum Contrast for Unsupervised Visual Representation Learning", CVPR 2020, section
3.2, keep one queue of past features; here each class has its own, so that common ones do not push rare ones out.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


class FeatureQueue:
    """A ring of past features for each class.

    Parameters
    ----------
    features : Tensor of float32, shape (C, Q, d)
        Of length 1; zeros where there is none yet.
    counts : Tensor of float32, shape (C, Q)
        What each place counts: the weight of the row whose feature it holds, 0 where it holds none.
    pushed : Tensor of int64, shape (C,)
        How many features each class has been given so far, those that have been pushed out among them.
    """

    def __init__(self, features: Tensor, counts: Tensor, pushed: Tensor) -> None:
        self.features = features
        self.counts = counts
        self.pushed = pushed

    @classmethod
    def empty(cls, n_classes: int, size: int, dim: int, device: torch.device) -> FeatureQueue:
        """A queue without features."""
        return cls(
            torch.zeros(n_classes, size, dim, device=device),
            torch.zeros(n_classes, size, device=device),
            torch.zeros(n_classes, dtype=torch.int64, device=device),
        )

    def cosines(self, features: Tensor) -> Tensor:
        """Cosines ``(M, C * Q)`` of features of length 1 with all places of the queue, class by class."""
        return features @ self.features.flatten(0, 1).T

    def labels(self) -> Tensor:
        """Class number ``(C * Q,)`` of each place."""
        n_classes, size, _ = self.features.shape
        return torch.arange(n_classes, device=self.pushed.device).repeat_interleave(size)

    def memory(self) -> dict[str, Tensor]:
        """What it is made of again."""
        return {"features": self.features, "counts": self.counts, "pushed": self.pushed}

    def push(self, features: Tensor, labels: Tensor, counts: Tensor) -> None:
        """Take features in, each in the place of its class's oldest; what counts 0 pushes nothing out.

        Parameters
        ----------
        features : Tensor of float32, shape (M, d)
            Of length 1; what is kept has no gradient.
        labels : Tensor of int64, shape (M,)
        counts : Tensor of float32, shape (M,)
        """
        n_classes, size, _ = self.features.shape
        hit = functional.one_hot(labels, n_classes) * (counts > 0)[:, None]
        order = (hit.cumsum(dim=0) - 1).gather(1, labels[:, None]).squeeze(1)
        total = hit.sum(dim=0)
        # Of more than a class has places for, the last ones: two rows in one place would be a race.
        last = (order >= (total - size)[labels]) & (counts > 0)
        places = (labels[last], ((self.pushed[labels] + order) % size)[last])
        self.features = self.features.index_put(places, features.detach()[last])
        self.counts = self.counts.index_put(places, counts.to(self.counts.dtype)[last])
        self.pushed = self.pushed + total
