"""Cosine similarity of pairs: 1 within a class, 0 between classes (SetFit, Tunstall et al. 2022).

Tunstall, Reimers, Jo, Bates, Korat, Wasserblat and Pereg, "Efficient Few-Shot Learning Without Prompts", arXiv
2209.11055, 2022, section 3: pairs of one class and pairs of two, in equal numbers for each class, under the squared
error of their cosine. Here all pairs of a batch are taken at once.

>>> import torch
>>> loss = CosinePairLoss()
>>> embeddings = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0]])
>>> loss(embeddings, torch.tensor([0, 0, 1]))  # rows 0 and 1 at a right angle, row 2 between them
tensor([0.7500, 0.7500, 0.2500])
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class CosinePairLoss(nn.Module):
    """Squared error of the cosines of each row with all others of its batch, those of both kinds counting alike.

    The loss of a row is the mean of ``(1 - cosine) ** 2`` over its partners of the same class, plus the mean of
    ``cosine ** 2`` over those of other classes, halved. In batches that hold all classes alike its mean over rows has
    the same expectation as the paper's mean over drawn pairs: for each class as many within it as out of it.
    """

    def forward(
        self, embeddings: Tensor, labels: Tensor, weights: Tensor | None = None, rows: Tensor | None = None
    ) -> Tensor:
        """Loss of each row.

        Parameters
        ----------
        embeddings : Tensor of shape (B, d)
            Of any length; brought to length 1 here.
        labels : Tensor of int64, shape (B,)
            Class numbers.
        weights : Tensor of shape (B,) or None, default=None
            What each row counts as a partner. Multiplied with the result as well, a pair counts by the product of both
            its rows' weights.
        rows : Tensor of int64, shape (B,) or None, default=None
            Which row of the data each is: a row that the batch holds twice is no pair with itself. Without them all
            rows are different ones.

        Returns
        -------
        Tensor of shape (B,)
            In float32 at least. A row without partners of a kind has nothing of that kind; one without any has a loss
            of 0, with a gradient of 0.

        Raises
        ------
        ValueError
            For soft targets, and for another number of labels than of rows.
        """
        if labels.dtype != torch.int64 or labels.shape != embeddings.shape[:1]:
            raise ValueError(
                f"labels are {labels.dtype} of shape {tuple(labels.shape)}, but a pair is of one class or of two; give "
                f"class numbers, int64 of shape {tuple(embeddings.shape[:1])}"
            )
        # Not in bfloat16, where the distance of a cosine from 1 would drown.
        exact = torch.promote_types(embeddings.dtype, torch.float32)
        with torch.autocast(embeddings.device.type, enabled=False):
            unit = functional.normalize(embeddings.to(exact), dim=1)
            cosines = unit @ unit.T
        same = labels[:, None] == labels
        if rows is None:
            rows = torch.arange(len(labels), device=labels.device)
        near = same & (rows[:, None] != rows)
        counts = torch.ones_like(cosines[0]) if weights is None else weights.to(exact)
        return (_mean((1 - cosines) ** 2, near, counts) + _mean(cosines**2, ~same, counts)) / 2


def _mean(values: Tensor, taken: Tensor, counts: Tensor) -> Tensor:
    """Weighted mean ``(B,)`` of what is taken of each row of ``(B, B)`` values; 0 where nothing is."""
    shares = taken * counts
    return (values * shares).sum(dim=1) / shares.sum(dim=1).clamp_min(torch.finfo(shares.dtype).tiny)
