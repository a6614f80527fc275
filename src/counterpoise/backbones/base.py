"""The one contract of every backbone, and the network that a method trains on top of it.

A backbone turns a :class:`Batch` into token representations ``(B, T, d)`` and pools them to ``(B, d)``. All that
needs "the embedding" asks it: a classifier's head, a contrastive loss, a search for difficult samples.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple

from torch import Tensor, nn

from counterpoise.errors import SettingsError
from counterpoise.mixing.pairs import Pairs

HEAD_RATE = 1e-3
"""Learning rate of what is not pretrained."""


class Batch(NamedTuple):
    """Some rows of a data set, on the device of the model.

    Attributes
    ----------
    inputs : Tensor
        Token ids ``(B, T)`` of int32, features ``(B, d)`` of float32, or pixels ``(B, C, H, W)`` of uint8.
    mask : Tensor of bool, shape (B, T), or None
        True at real tokens; None where nothing is padded.
    labels : Tensor
        Class numbers, ``(B,)`` of int64, or with soft labels or label smoothing shares of the classes, ``(B, C)`` of
        float32; empty at prediction time.
    weights : Tensor of float32, shape (B,)
        Weight of each row in the loss, 1 on average over the data set; empty at prediction time.
    rows : Tensor of int64, shape (B,)
        Which rows of the (resampled) data set these are.
    views : tuple of Batch
        Further versions of the same rows, when a method asks for them.
    """

    inputs: Tensor
    mask: Tensor | None
    labels: Tensor
    weights: Tensor
    rows: Tensor
    views: tuple[Batch, ...] = ()


class Backbone(nn.Module, ABC):
    """Base of all backbones.

    Attributes
    ----------
    inputs : str
        What it reads: ``"text"``, ``"array"`` or ``"image"``.
    dim : int
        Width ``d`` of its token and pooled representations.
    dropout : float
        Share of pooled features dropped before the head during training (0.5: Kim 2014, section 3.1).
    gains_by_bfloat16 : bool
        Whether its steps are a third faster in bfloat16 on a processor that has it.
    learning_rate : float
        Of its own parameters where none is given.
    warmup : float or None
        Share of a training in which learning rates rise from 0, to fall to 0 from there on; None keeps them.
    """

    inputs: ClassVar[str]
    dim: int
    gains_by_bfloat16: ClassVar[bool] = False
    dropout: ClassVar[float] = 0.5
    learning_rate: ClassVar[float] = HEAD_RATE
    warmup: ClassVar[float | None] = None

    @abstractmethod
    def tokens(self, batch: Batch) -> Tensor:
        """Token representations ``(B, T, d)`` of a batch; ``T`` is 1 where inputs have no tokens."""

    def pool(self, tokens: Tensor, mask: Tensor | None) -> Tensor:
        """Pooled representations ``(B, d)``: the maximum of each feature over the real tokens."""
        if mask is not None:
            tokens = tokens.masked_fill(~mask[..., None], float("-inf"))
        # max rather than amax: its gradient goes to one place, which is several times cheaper.
        return tokens.max(dim=1).values

    def parameter_groups(self, rate: float) -> list[dict[str, Any]]:
        """Its parameters with their learning rates, as torch's optimisers take them."""
        return [{"params": list(self.parameters()), "lr": rate}]

    def forward(self, batch: Batch) -> Tensor:
        """Pooled representations ``(B, d)`` of a batch."""
        return self.pool(self.tokens(batch), batch.mask)

    def check_mixing(self, depth: float = 0.0) -> None:
        """Refuse, before training, to be asked for :meth:`mixed`.

        Parameters
        ----------
        depth : float, default=0.0
            As for :meth:`mixed`.

        Raises
        ------
        SettingsError
            In one sentence, if rows cannot be mixed in this backbone, or not between its layers.
        """
        if type(self).mixed is Backbone.mixed:
            raise SettingsError(
                f"rows cannot be mixed in backbone {type(self).__name__}; choose another backbone or a method without "
                "mixing"
            )
        if depth:
            raise SettingsError(
                f"depth is {depth:g}, but backbone {type(self).__name__} mixes what it reads, and no layers; set it to "
                "0, or train an encoder"
            )

    def mixed(self, batch: Batch, pairs: Pairs, depth: float = 0.0) -> Tensor:
        """Pooled representations ``(B, d)`` of rows mixed in pairs, for the price of one forward pass.

        Parameters
        ----------
        batch : Batch
            The rows before they are mixed.
        pairs : Pairs
            Of rows of the batch.
        depth : float, default=0.0
            Share of the layers that the rows go through before they are mixed: 0 mixes embeddings or inputs, 1 the
            last layer's output. Only backbones of many layers of one kind look at it; the others mix their inputs.

        Raises
        ------
        NotImplementedError
            In backbones that :meth:`check_mixing` refuses.
        """
        raise NotImplementedError


class VectorReader(Backbone):
    """Base of backbones that look vectors up and then read them, which is where rows are mixed."""

    @abstractmethod
    def vectors(self, batch: Batch) -> Tensor:
        """What is read: word vectors ``(B, T, e)``, standardised pixels ``(B, C, H, W)``, or inputs as they are."""

    @abstractmethod
    def read(self, vectors: Tensor, mask: Tensor | None) -> Tensor:
        """Token representations ``(B, T, d)`` of vectors, which are those of padding where the mask is False."""

    def tokens(self, batch: Batch) -> Tensor:
        """Token representations ``(B, T, d)`` of a batch."""
        return self.read(self.vectors(batch), batch.mask)

    def summary(self, vectors: Tensor, mask: Tensor | None) -> Tensor:
        """Pooled representations ``(B, d)`` of vectors."""
        return self.pool(self.read(vectors, mask), mask)

    def forward(self, batch: Batch) -> Tensor:
        """Pooled representations ``(B, d)`` of a batch."""
        return self.summary(self.vectors(batch), batch.mask)

    def mixed(self, batch: Batch, pairs: Pairs, depth: float = 0.0) -> Tensor:
        """Pooled representations ``(B, d)`` of rows whose vectors are mixed; see :meth:`Backbone.mixed`.

        Where one text of a pair has ended the vector of padding, which is 0, is mixed into the other.
        """
        return self.summary(pairs.states(self.vectors(batch)), pairs.mask(batch.mask))


class Network(nn.Module):
    """A backbone, dropout, a linear head, and whatever parts a method adds.

    Parameters
    ----------
    backbone : Backbone
    n_classes : int
    parts : nn.Module or None, default=None
        A method's own modules (projections, prototypes); trained and saved with the rest.
    dropout : float or None, default=None
        Share of pooled features dropped before the head during training; None is the backbone's own.
    """

    def __init__(
        self,
        backbone: Backbone,
        n_classes: int,
        parts: nn.Module | None = None,
        dropout: float | None = None,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.dropout = nn.Dropout(backbone.dropout if dropout is None else dropout)
        self.head = nn.Linear(backbone.dim, n_classes)
        self.parts = parts

    def embed(self, batch: Batch) -> Tensor:
        """Pooled representations ``(B, d)``, before dropout."""
        return self.backbone(batch)

    def forward(self, batch: Batch) -> Tensor:
        """Logits ``(B, C)``."""
        return self.head(self.dropout(self.embed(batch)))

    def mixed(self, batch: Batch, pairs: Pairs, depth: float = 0.0) -> Tensor:
        """Logits ``(B, C)`` of rows mixed in pairs; see :meth:`Backbone.mixed`."""
        return self.head(self.dropout(self.backbone.mixed(batch, pairs, depth)))

    def parameter_groups(self, rate: float | None) -> list[dict[str, Any]]:
        """Trained parameters with their learning rates, as torch's optimisers take them.

        Parameters
        ----------
        rate : float or None
            Of the backbone; None takes its own. Head and parts, which begin from nothing, learn as much faster or
            slower as they do beside :attr:`Backbone.learning_rate`.
        """
        rate = self.backbone.learning_rate if rate is None else rate
        groups = self.backbone.parameter_groups(rate)
        inside = {id(p) for group in groups for p in group["params"]}
        rest = [p for p in self.parameters() if id(p) not in inside]
        groups.append({"params": rest, "lr": rate * (HEAD_RATE / self.backbone.learning_rate)})
        by_rate: dict[float, list[nn.Parameter]] = {}
        for group in groups:
            by_rate.setdefault(group["lr"], []).extend(p for p in group["params"] if p.requires_grad)
        return [{"params": params, "lr": own} for own, params in by_rate.items() if params]
