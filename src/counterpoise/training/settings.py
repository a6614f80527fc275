"""What can be set about a training, and what a method's hooks are told while it runs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
import torch
from torch import Tensor

from counterpoise.backbones.base import Backbone, Batch
from counterpoise.errors import SettingsError
from counterpoise.seeding import derive_seed
from counterpoise.training.schedule import Drops, Schedule

OPTIMIZERS = ("adam", "sgd")


@dataclass(frozen=True)
class TrainingSettings:
    """Settings of the training loop, the same for every gradient method.

    Attributes
    ----------
    max_epochs : int
        Passes over the (resampled) training rows; fewer when early stopping ends them.
    batch_size : int
        Rows of one step.
    token_budget : int
        Padded tokens of one forward pass at most, a row of an array or an image being one; a batch over it is
        accumulated in parts.
    learning_rate : float or None
        At full speed; None takes the backbone's own, which is meant for Adam, and 100 times that for SGD.
    optimizer : {"adam", "sgd"}
        Adam with decoupled decay (AdamW), or stochastic gradient descent with a momentum of 0.9.
    schedule : str, sequence of (share, factor), or None
        How the learning rate moves after the warm-up; see :class:`counterpoise.training.schedule.Schedule`. None is the
        backbone's own: constant, but falling to 0 in a line for a pretrained encoder.
    warmup : float or None
        Share of the training in which learning rates rise from 0; None is the backbone's own: 0, but 0.1 for a
        pretrained encoder.
    weight_decay : float
        Decoupled from the gradient with Adam, part of it (an L2 penalty) with SGD.
    label_smoothing : float
        Share of every row's label that is spread over all classes alike before the loss sees it (Szegedy et al.,
        "Rethinking the Inception Architecture for Computer Vision", CVPR 2016, section 7). 0 leaves the labels as
        they are: smoothed ones pull the probabilities of a rare class away from its share.
    patience : int
        Epochs without a better average precision on the validation side before training ends.
    track_margins : bool
        Whether each epoch is followed by a look at all training rows, and the history holds the mean margin of each
        class under ``margin_<class number>``, at the epoch that is kept by the network that is returned; see
        :mod:`counterpoise.metrics.margins`.
    precision : {"auto", "float32", "bfloat16"}
        Of the training step; predictions are always float32. ``"auto"`` probes the machine once, for networks that
        may gain (:attr:`counterpoise.backbones.base.Backbone.gains_by_bfloat16`).
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.

    Raises
    ------
    SettingsError
        When a value is out of range.
    """

    max_epochs: int = 10
    batch_size: int = 64
    token_budget: int = 16_384
    learning_rate: float | None = None
    optimizer: str = "adam"
    schedule: str | Drops | None = None
    warmup: float | None = None
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    patience: int = 3
    track_margins: bool = False
    precision: str = "auto"
    device: str = "auto"

    def __post_init__(self) -> None:
        for name in ("max_epochs", "batch_size", "token_budget", "patience"):
            value = getattr(self, name)
            if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
                raise SettingsError(f"{name} is {value!r}; give an int of 1 or more")
        rate = self.learning_rate
        if rate is not None and not (isinstance(rate, Real) and 0 < rate < math.inf):
            raise SettingsError(f"learning_rate is {rate!r}; give a number above 0")
        if self.optimizer not in OPTIMIZERS:
            raise SettingsError(f"optimizer is {self.optimizer!r}; choose one of {', '.join(OPTIMIZERS)}")
        Schedule(
            "constant" if self.schedule is None else self.schedule,
            0.0 if self.warmup is None else self.warmup,
        )
        if not (isinstance(self.weight_decay, Real) and self.weight_decay >= 0):
            raise SettingsError(f"weight_decay is {self.weight_decay!r}; give 0 or more")
        if not (isinstance(self.label_smoothing, Real) and 0 <= self.label_smoothing < 1):
            raise SettingsError(f"label_smoothing is {self.label_smoothing!r}; give 0 or more, below 1")
        if self.precision not in ("auto", "float32", "bfloat16"):
            raise SettingsError(f"precision is {self.precision!r}; choose 'auto', 'float32' or 'bfloat16'")

    def schedule_of(self, backbone: Backbone) -> Schedule:
        """How learning rates move in a training of that backbone."""
        own = "constant" if backbone.warmup is None else "linear"
        warmup = backbone.warmup or 0.0
        return Schedule(
            own if self.schedule is None else self.schedule, warmup if self.warmup is None else self.warmup
        )

    def torch_device(self) -> torch.device:
        """Return the device to use; ``"auto"`` prefers CUDA, then MPS, then the CPU.

        Raises
        ------
        SettingsError
            For a device that this machine does not have.
        """
        if self.device == "auto":
            if torch.cuda.is_available():
                return torch.device("cuda")
            return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
        there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
        if not there.get(self.device.split(":")[0], False):
            raise SettingsError(f"device {self.device!r} is not on this machine; choose 'auto' or 'cpu'")
        try:
            return torch.device(self.device)
        except RuntimeError as error:
            raise SettingsError(f"device {self.device!r} is none; choose 'auto', 'cpu' or 'cuda'") from error


@dataclass
class TrainingState:
    """What a method's hooks may know about the training they take part in.

    Attributes
    ----------
    epoch : int
        Number of finished epochs.
    max_epochs : int
    class_shares : Tensor of float32, shape (C,), on the training device
        How large each class is: its share by rows and their weights, but for class weights; sums to 1.
    seed : int
        Root of the training's random streams.
    n_rows : int, default=1
        Rows of the training data; times ``class_shares``, how many each class has. 1 leaves shares.
    step : int, default=0
        Number of finished forward passes of this epoch.
    rows : ndarray of int64, shape (B,), or None, default=None
        Rows of this forward pass in main memory, where a GPU need not be waited for.
    """

    epoch: int
    max_epochs: int
    class_shares: Tensor
    seed: int
    n_rows: int = 1
    step: int = 0
    rows: np.ndarray | None = None

    def numbers_of(self, batch: Batch) -> np.ndarray:
        """Which rows of the data a batch is of, in main memory."""
        return batch.rows.cpu().numpy() if self.rows is None else self.rows

    def generator(self, name: str, device: torch.device | str) -> torch.Generator:
        """Torch generator of a random stream of this step's own, on a device.

        Whoever draws from it leaves dropout's draws, which come from torch's global generator, as they are without it.

        Parameters
        ----------
        name : str
            What the numbers are for.
        device : torch.device or str
            Where they are drawn; the same seed gives other numbers on other devices.
        """
        seed = derive_seed(self.seed, name, self.epoch, self.step)
        return torch.Generator(device).manual_seed(seed)

    @property
    def progress(self) -> float:
        """Share of the longest possible training that is done, in [0, 1): what schedules go by."""
        return self.epoch / self.max_epochs
