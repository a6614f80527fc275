"""The one training loop: a method's batches and loss over a backbone, on any device, resumable.

It knows no method. Whatever is special about one comes through the hooks of :class:`Objective`, which
``counterpoise.methods.base.GradientMethod`` fills with those of plain training.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from counterpoise.backbones.base import Batch, Network
from counterpoise.backbones.registry import Encoded
from counterpoise.errors import SettingsError
from counterpoise.progress import bar
from counterpoise.seeding import derive_seed, generator
from counterpoise.text.batching import pieces_by_length, within_budget
from counterpoise.training.checkpoint import load_checkpoint, save_checkpoint
from counterpoise.training.optimizer import make_optimizer
from counterpoise.training.precision import resolve_precision
from counterpoise.training.settings import TrainingSettings, TrainingState

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class Objective(Protocol):
    """The hooks of a method that the loop calls."""

    def batches(
        self, labels: np.ndarray, lengths: np.ndarray, batch_size: int, rng: np.random.Generator
    ) -> list[np.ndarray]:
        """Rows of each step of one epoch."""

    def views(self, batch: Batch, state: TrainingState) -> Batch:
        """The batch, with further views of it where a method wants them."""

    def loss(self, model: Network, batch: Batch, state: TrainingState) -> Tensor:
        """Loss ``(B,)`` of each row, before row weights."""

    def on_epoch(self, model: Network, state: TrainingState) -> None:
        """Called before each epoch."""

    def memory(self) -> dict[str, Tensor]:
        """What it keeps from one epoch to the next outside the model, for a checkpoint."""

    def remember(self, memory: dict[str, Tensor]) -> None:
        """Take back what :meth:`memory` gave, on the model's device, before a training goes on."""

    def logits(self, model: Network, batch: Batch) -> Tensor:
        """Logits ``(B, C)`` at prediction time."""

    def get_params(self) -> dict[str, Any]:
        """Settings of the method, by which a checkpoint knows its owner."""

    def identity(self) -> str:
        """What the settings name outside themselves, such as a file; a checkpoint goes by it too."""


@dataclass(frozen=True)
class Rows:
    """Encoded inputs with class numbers and row weights.

    Attributes
    ----------
    encoded : Encoded
        Inputs, already on the device.
    labels : ndarray of int64, shape (n,)
    weights : ndarray of float64, shape (n,)
        Scaled to 1 on average by the loop.
    class_weight : ndarray of float64, shape (C,), or None, default=None
        What of the weights is the caller's wish for each class, and says nothing of how large it is; None is 1 each.
    soft_labels : ndarray of float64, shape (n, C), or None, default=None
        Shares of the classes that rows are learnt as; None has each learnt as its label.
    """

    encoded: Encoded
    labels: np.ndarray
    weights: np.ndarray
    class_weight: np.ndarray | None = None
    soft_labels: np.ndarray | None = None


@dataclass(frozen=True)
class History:
    """What happened in a training: one row an epoch, and which epoch's weights were kept."""

    epochs: list[dict[str, float]]
    best_epoch: int
    precision: str


class _Step(nn.Module):
    """One forward pass through a method's loss: what Fabric wraps, so that precision and replicas hold."""

    def __init__(self, model: Network, objective: Objective) -> None:
        super().__init__()
        self.model = model
        self.objective = objective

    def forward(self, batch: Batch, state: TrainingState) -> Tensor:
        loss = self.objective.loss(self.model, self.objective.views(batch, state), state)
        # No product of matrices, which autocast would take in bfloat16.
        return (loss.float() * batch.weights).sum()


def train(
    model: Network,
    objective: Objective,
    rows: Rows,
    *,
    settings: TrainingSettings,
    seed: int,
    score: Callable[[], float] | None = None,
    watch: Callable[[], dict[str, float]] | None = None,
    checkpoint: Path | None = None,
    judged_by: str = "",
    network: Mapping[str, Any] | None = None,
    name: str = "training",
) -> History:
    """Train a network in place.

    Parameters
    ----------
    model : Network
        On its device; ends with the weights of the best epoch, or of the last one without ``score``.
    objective : Objective
    rows : Rows
    settings : TrainingSettings
    seed : int
        Root of every random stream; torch's global generator is restored afterwards.
    score : callable or None
        Average precision of ``model`` on the validation side as it is now; None trains all epochs.
    watch : callable or None
        Further numbers by name to be noted after each epoch, of ``model`` as it is then.
    checkpoint : Path or None
        A file written after each epoch. When it exists already, training goes on from it and ends with the
        same weights as if it had never stopped.
    judged_by : str
        What ``score`` depends on besides the model; a checkpoint of a training judged otherwise is refused.
    network : mapping or None
        Settings of the backbone, some of which, such as augmentation, its weights do not show; a checkpoint of a
        training with other ones is refused.
    name : str
        For the progress display.

    Returns
    -------
    History

    Raises
    ------
    SettingsError
        When the loss or a weight is no longer finite.
    ModelError
        When the checkpoint is broken or another training's.
    """
    from counterpoise.training.fabric import fabric_for

    device = next(model.parameters()).device
    precision = resolve_precision(settings.precision, device, gains=model.backbone.gains_by_bfloat16)
    fabric = fabric_for(device, precision)
    optimizer: Any = make_optimizer(model, settings, device)
    rates = [group["lr"] for group in optimizer.param_groups]
    trained = [p for group in optimizer.param_groups for p in group["params"]]
    weights = torch.from_numpy(rows.weights / rows.weights.mean()).float().to(device)
    shares = _class_shares(rows, model.head.out_features, device)
    state = TrainingState(0, settings.max_epochs, shares, seed, len(rows.labels))
    record: dict[str, Any] = {"fingerprint": "", "epoch": 0, "history": [], "best_epoch": 0, "done": False}
    best: dict[str, Tensor] | None = None
    if checkpoint is not None:
        facts = [asdict(settings), precision, seed, judged_by, {**(network or {})}]
        record["fingerprint"] = _fingerprint(model, objective, rows, facts)
        found = load_checkpoint(checkpoint, record["fingerprint"], model, optimizer)
        if found is not None:
            best, record, memory = found
            objective.remember({name: value.to(device) for name, value in memory.items()})
    step, optimizer = fabric.setup(_Step(model, objective), optimizer)

    with bar(name, settings.max_epochs) as progress, torch.random.fork_rng(devices=_cuda_devices(device)):
        progress.advance(record["epoch"])
        while not record["done"]:
            state = replace(state, epoch=record["epoch"])
            loss = _epoch(step, optimizer, fabric, objective, rows, weights, state, settings, rates)
            if not math.isfinite(loss) or not _finite(trained):
                raise SettingsError(
                    f"training diverged in epoch {state.epoch + 1} (loss {loss:g}); lower learning_rate, "
                    f"which is {rates[0]:g}"
                )
            row = {"epoch": float(state.epoch + 1), "loss": loss} | ({} if watch is None else watch())
            if score is not None:
                row["average_precision"] = score()
                if (
                    best is None
                    or row["average_precision"]
                    > record["history"][record["best_epoch"] - 1]["average_precision"]
                ):
                    best = {k: v.detach().clone() for k, v in model.state_dict().items()}
                    record["best_epoch"] = state.epoch + 1
            else:
                record["best_epoch"] = state.epoch + 1
            record["history"].append(row)
            record["epoch"] += 1
            stale = record["epoch"] - record["best_epoch"]
            record["done"] = record["epoch"] == settings.max_epochs or stale >= settings.patience
            if checkpoint is not None:
                save_checkpoint(checkpoint, model, optimizer.optimizer, best, record, objective.memory())
            progress.advance(1, f"loss {loss:.3f}")
    if best is not None:
        model.load_state_dict(best)
    model.eval()
    return History(record["history"], record["best_epoch"], precision)


def _epoch(
    step: Any,
    optimizer: Any,
    fabric: Fabric,
    objective: Objective,
    rows: Rows,
    weights: Tensor,
    state: TrainingState,
    settings: TrainingSettings,
    rates: list[float],
) -> float:
    """Run one epoch; return the mean loss of its rows."""
    _seed(derive_seed(state.seed, "torch", state.epoch) % 2**63, weights.device)
    step.train()
    objective.on_epoch(step.module.model, state)
    rng = generator(state.seed, "batches", state.epoch)
    learnt = rows.labels if rows.soft_labels is None else rows.soft_labels.astype(np.float32)
    labels = torch.from_numpy(learnt).to(weights.device)
    total, seen = torch.zeros((), device=weights.device), 0
    schedule = settings.schedule_of(step.module.model.backbone)
    batches = objective.batches(rows.labels, rows.encoded.lengths, settings.batch_size, rng)
    for done, whole in enumerate(batches):
        for part in within_budget(whole, rows.encoded.lengths, settings.token_budget):
            at = torch.from_numpy(part).to(weights.device)
            inputs, mask = rows.encoded.batch(part)
            targets = _smoothed(labels[at], len(state.class_shares), settings.label_smoothing)
            batch = Batch(inputs, mask, targets, weights[at], at)
            loss = step(batch, replace(state, rows=part))
            state = replace(state, step=state.step + 1)
            fabric.backward(loss / len(whole))
            total += loss.detach()
        if schedule.moves:
            begun, behind = (
                (state.epoch + steps / len(batches)) / state.max_epochs for steps in (done, done + 1)
            )
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * schedule.factor(begun, behind)
        optimizer.step()
        optimizer.zero_grad()
        seen += len(whole)
    return float(total) / max(seen, 1)


def _seed(seed: int, device: torch.device) -> None:
    # torch.manual_seed formats the call stack for each kind of accelerator that has not been started: a fifth of the
    # training of a small network.
    (torch.default_generator.manual_seed if device.type == "cpu" else torch.manual_seed)(seed)


@torch.no_grad()
def predict(
    model: Network,
    encoded: Encoded,
    function: Callable[[Network, Batch], Tensor],
    *,
    batch_size: int = 256,
    token_budget: int = 65_536,
) -> np.ndarray:
    """Apply a function of the model to all rows, in evaluation mode, float32, in the rows' order.

    Parameters
    ----------
    model : Network
        Left in the mode it was in.
    encoded : Encoded
        Inputs on the model's device.
    function : callable
        ``(model, batch) -> Tensor (B, k)``.
    batch_size, token_budget : int
        Rows and padded tokens of one forward pass at most.

    Returns
    -------
    ndarray of float32, shape (n, k)
    """
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    pieces = pieces_by_length(encoded.lengths, token_budget, batch_size)
    outputs: list[Tensor] = []
    for part in pieces:
        inputs, mask = encoded.batch(part)
        nothing = torch.empty(0, device=device)
        batch = Batch(inputs, mask, nothing, nothing, torch.from_numpy(part).to(device))
        outputs.append(function(model, batch).float())
    model.train(was_training)
    result = torch.cat(outputs).cpu().numpy()
    return result[np.argsort(np.concatenate(pieces))]


def _finite(parameters: list[nn.Parameter]) -> bool:
    return all(bool(torch.isfinite(p).all()) for p in parameters)


def _smoothed(labels: Tensor, n_classes: int, smoothing: float) -> Tensor:
    """Class numbers ``(B,)`` or shares of the classes ``(B, C)`` as they are, or smoothed, as shares of float32."""
    if not smoothing:
        return labels
    if labels.dim() == 2:
        return labels * (1 - smoothing) + smoothing / n_classes
    shares = torch.full((len(labels), n_classes), smoothing / n_classes, device=labels.device)
    return shares.scatter_(1, labels[:, None], 1 - smoothing + smoothing / n_classes)


def _class_shares(rows: Rows, n_classes: int, device: torch.device) -> Tensor:
    weights = rows.weights
    if rows.soft_labels is not None:
        mass = weights @ rows.soft_labels / (1 if rows.class_weight is None else rows.class_weight)
    else:
        if rows.class_weight is not None:
            weights = weights / rows.class_weight[rows.labels]
        mass = np.bincount(rows.labels, weights, n_classes)
    return torch.from_numpy(mass / mass.sum()).float().to(device)


def _cuda_devices(device: torch.device) -> list[int]:
    return [device.index or 0] if device.type == "cuda" else []


def _fingerprint(model: Network, objective: Objective, rows: Rows, facts: list[Any]) -> str:
    """Hash of all that decides the outcome of a training: method, weights, data and further facts."""
    digest = hashlib.sha256()
    method = [type(objective).__name__, repr(sorted(objective.get_params().items())), objective.identity()]
    trained = [name for name, value in model.named_parameters() if value.requires_grad]
    every = [method, type(model.backbone).__name__, trained, *facts]
    digest.update(json.dumps(every, default=str, sort_keys=True).encode())
    for name, value in model.state_dict().items():
        digest.update(name.encode() + value.cpu().numpy().tobytes())
    for array in (rows.labels, rows.weights, rows.encoded.lengths, rows.class_weight, rows.soft_labels):
        if array is not None:
            digest.update(np.ascontiguousarray(array).tobytes())
    for piece in rows.encoded.pieces():
        digest.update(piece.cpu().numpy().tobytes())
    return digest.hexdigest()
