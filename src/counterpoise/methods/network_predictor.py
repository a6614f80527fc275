"""The predictor of every gradient method: a trained network with the encoder of its inputs."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from counterpoise.backbones.base import Batch, Network
from counterpoise.backbones.registry import Encoded, Encoder, find_backbone
from counterpoise.methods.predictors import SavedState
from counterpoise.training.checkpoint import below
from counterpoise.training.loop import History, predict


class NetworkHooks(Protocol):
    """The part of a gradient method that its trained network still needs."""

    def modules(self, dim: int, n_classes: int) -> nn.Module | None:
        """The method's own parts of the network, untrained."""

    def logits(self, model: Network, batch: Batch) -> Tensor:
        """Logits ``(B, C)`` at prediction time."""


class NetworkPredictor:
    """A trained network with the encoder of its inputs.

    Parameters
    ----------
    hooks : NetworkHooks
        The method that trained it.
    model : Network
    encoder : Encoder
    backbone : str
        Name in the registry of backbones.
    backbone_settings : dict
    training_prior : ndarray of float64, shape (C,)

    Attributes
    ----------
    notes : dict
        What the method chose by itself, JSON values by name; ``"remarks"`` are sentences for whoever fitted it.
    """

    kind: ClassVar[str] = "network"

    def __init__(
        self,
        hooks: NetworkHooks,
        model: Network,
        encoder: Encoder,
        backbone: str,
        backbone_settings: dict[str, Any],
        training_prior: np.ndarray,
    ) -> None:
        self.hooks, self.model, self.encoder = hooks, model, encoder
        self.backbone, self.backbone_settings = backbone, backbone_settings
        self.training_prior = training_prior
        self.history: list[dict[str, float]] = []
        self.best_epoch, self.precision = 0, "float32"
        self.notes: dict[str, Any] = {}

    def record(self, history: History) -> None:
        """Keep what happened in training."""
        self.history, self.best_epoch = history.epochs, history.best_epoch
        self.precision = history.precision

    def encode(self, inputs: np.ndarray) -> Encoded:
        """Inputs as tensors on the network's device."""
        return self.encoder.encode(inputs, next(self.model.parameters()).device)

    def logits_of(self, encoded: Encoded) -> np.ndarray:
        """Logits ``(n, C)`` of float64 of encoded inputs."""
        return predict(self.model, encoded, self.hooks.logits).astype(np.float64)

    def logits(self, inputs: np.ndarray) -> np.ndarray:
        """Logits ``(n, C)`` of float64."""
        return self.logits_of(self.encode(inputs))

    def embed(self, inputs: np.ndarray) -> np.ndarray:
        """Pooled representations ``(n, d)`` of float32."""
        return predict(self.model, self.encode(inputs), lambda model, batch: model.embed(batch))

    def state(self) -> SavedState:
        """Take the predictor apart."""
        encoder = self.encoder.state()
        tensors = {f"model/{k}": v.cpu().numpy() for k, v in self.model.state_dict().items()}
        tensors |= {f"encoder/{k}": v for k, v in encoder.get("tensors", {}).items()}
        config = {
            "backbone": self.backbone,
            "backbone_settings": self.backbone_settings,
            "encoder": encoder.get("settings", {}),
            "training_prior": self.training_prior.tolist(),
            "best_epoch": self.best_epoch,
            "precision": self.precision,
            "history": self.history,
            "notes": self.notes,
        }
        return SavedState(config, tensors, encoder.get("vocabulary", []))

    @classmethod
    def from_state(cls, state: SavedState, method: NetworkHooks) -> NetworkPredictor:
        """Put a predictor together again, on the CPU."""
        config = state.config
        entry = find_backbone(config["backbone"], config["backbone_settings"])
        encoder = entry.encoder.from_state(
            {
                "settings": config["encoder"],
                "tensors": below("encoder", state.tensors),
                "vocabulary": state.vocabulary,
            }
        )
        backbone = entry.make_network(encoder, config["backbone_settings"])
        n_classes = len(config["training_prior"])
        model = Network(backbone, n_classes, method.modules(backbone.dim, n_classes))
        model.load_state_dict({k: torch.from_numpy(v) for k, v in below("model", state.tensors).items()})
        prior = np.array(config["training_prior"])
        predictor = cls(method, model.eval(), encoder, config["backbone"], config["backbone_settings"], prior)
        predictor.record(History(config["history"], config["best_epoch"], config["precision"]))
        predictor.notes = config.get("notes", {})  # models saved before there were any have none
        return predictor
