"""Nearest neighbours in a trained representation: plain training, then its head is replaced by those who lie near.

A common probe of representations; Ando and Huang ("Deep Over-sampling Framework for Classifying Imbalanced Data",
ECML-PKDD 2017) have it as a rival, "CNN-CL", and on top of their own.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from counterpoise.backbones.base import Batch, Network
from counterpoise.backbones.registry import Encoder
from counterpoise.methods.base import Context, Data
from counterpoise.methods.gradient import GradientMethod
from counterpoise.methods.network_predictor import NetworkPredictor
from counterpoise.methods.setting_checks import check_whole
from counterpoise.search_space import Range, Space
from counterpoise.training.loop import predict


class Neighborhood(nn.Module):
    """Rows that vote for their classes; none at first.

    Parameters
    ----------
    dim, n_classes, k : int
    """

    rows: Tensor
    votes: Tensor

    def __init__(self, dim: int, n_classes: int, k: int) -> None:
        super().__init__()
        self.k = k
        self.register_buffer("rows", torch.zeros(0, dim))
        self.register_buffer("votes", torch.zeros(0, n_classes))

    def forward(self, features: Tensor) -> Tensor:
        """Logits ``(B, C)``: logarithms of the votes of the ``k`` nearest rows, each class having a vote more to share.

        One vote in all, divided among the classes alike, keeps a class that nobody votes for from being impossible.
        """
        # Without matrix products, whose last digits depend on the company in the batch.
        distances = torch.cdist(features.float(), self.rows, compute_mode="donot_use_mm_for_euclid_dist")
        near = distances.topk(min(self.k, len(self.rows)), largest=False).indices
        votes = self.votes[near].sum(dim=1)
        return torch.log(votes + 1 / votes.shape[1])

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        for name in ("rows", "votes"):  # as many as were saved
            setattr(
                self, name, torch.empty_like(state_dict[prefix + name], device=getattr(self, name).device)
            )
        super()._load_from_state_dict(state_dict, prefix, *rest)


class FeatureKNN(GradientMethod):
    """Train plainly, then let the nearest rows of the fitting side decide, in the representation that was learnt.

    A saved model holds the representation of every row it was fitted to.

    Parameters
    ----------
    k : int, default=5
        Neighbours that vote, each with the weight of its class where classes have one.

    Raises
    ------
    SettingsError
        From ``check``, for a setting out of range.
    DataError
        For rows of a class that weigh differently: how near a neighbour of weight 2 has to be for another to be left
        out is not defined.
    """

    search_space: ClassVar[Space] = {"k": Range(1, 50, log=True)}
    summary = "plain training, then nearest neighbours in its representation"
    paper = "Cover and Hart 1967"
    takes_sample_weight = False

    def __init__(self, *, k: int = 5) -> None:
        self.k = k

    def check(self) -> None:
        """Refuse settings out of range."""
        check_whole("feature_knn", k=self.k)

    def fit(self, data: Data, context: Context) -> NetworkPredictor:
        """Train plainly and take the rows in; see :meth:`counterpoise.methods.base.Method.fit`."""
        self.check_data(data)
        return super().fit(data, context)

    def modules(self, dim: int, n_classes: int) -> Neighborhood:
        """The rows that vote, none yet."""
        return Neighborhood(dim, n_classes, self.k)

    def logits(self, model: Network, batch: Batch) -> Tensor:
        """Logits ``(B, C)`` by votes, or by the head as long as there are no rows to vote."""
        neighborhood: Any = model.parts
        return neighborhood(model.embed(batch)) if len(neighborhood.rows) else model(batch)

    def finish(self, model: Network, data: Data, encoder: Encoder, context: Context) -> None:
        """Take the rows in."""
        neighborhood: Any = model.parts
        device = model.head.weight.device
        rows = predict(model, encoder.encode(data.inputs, device), lambda model, batch: model.embed(batch))
        labels, weights = (
            torch.from_numpy(values) for values in (data.labels, data.weights / data.weights.mean())
        )
        neighborhood.rows = torch.from_numpy(np.ascontiguousarray(rows)).to(device)
        votes = functional.one_hot(labels, data.n_classes) * weights[:, None]
        neighborhood.votes = votes.float().to(device)
