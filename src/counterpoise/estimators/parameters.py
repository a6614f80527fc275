"""What a classifier of any kind of data can be told, and how scikit-learn reads and sets it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from sklearn.base import BaseEstimator

from counterpoise.seeding import RandomState
from counterpoise.training.schedule import Drops

_NESTED = ("method__", "backbone__")


class ClassifierParameters(BaseEstimator):
    """Parameters of all classifiers; they are checked when fitting.

    Parameters
    ----------
    method : str or None, default=None
        What is done about the imbalance; None takes the default of the kind of data.
    backbone : str or None, default=None
        The network, for methods that train one; None takes the default of the kind of data.
    class_weight : "balanced", dict or None, default=None
        Weight of each class in the loss, on top of what the method does.
    pos_label : label or None, default=None
        The class that matters; None takes the rarer of two, and of more than two all alike.
    threshold : "tune", float or None, default="tune"
        Chosen on held-out rows, given (two classes), or none: the most probable class.
    threshold_metric : {"f1", "macro_f1", "mcc", "balanced_accuracy"} or array-like, default="f1"
        What the tuned threshold serves, or the costs ``(C, C)`` of decisions.
    prior_correction : bool, default=True
        Whether probabilities are returned to the class shares of the data.
    validation_fraction : float, default=0.1
        Share of rows held out, where they suffice.
    threshold_folds : int, default=3
        Folds of the out-of-fold predictions for the threshold, where they do not.
    max_epochs : int, default=10
        Passes over the training rows at most.
    batch_size : int, default=64
        Rows of one step.
    token_budget : int, default=16384
        Padded tokens, or rows, of one forward and backward pass at most.
    learning_rate : float or None, default=None
        None takes that of optimizer and backbone.
    optimizer : {"adam", "sgd"}, default="adam"
        Adam with decoupled weight decay, or SGD with momentum.
    schedule : {"constant", "linear", "cosine", "step"}, sequence of (share, factor), or None, default=None
        Of the learning rate after the warm-up.
    warmup : float or None, default=None
        Share of ``max_epochs`` in which the learning rate rises.
    weight_decay : float, default=0.0
        Of the weights.
    label_smoothing : float, default=0.0
        Share of every label that is spread over all classes.
    patience : int, default=3
        Epochs without a better one before training ends.
    track_margins : bool, default=False
        Whether ``history_`` holds the mean margin of each class.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Number format of training steps.
    device : str, default="auto"
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
    checkpoint : path or None, default=None
        A file that training goes on from.
    random_state : int, RandomState, Generator or None, default=None
        Seed of all that is random.
    **settings
        Settings of the method as ``method__x`` and of the backbone as ``backbone__x``.
    """

    def __init__(
        self,
        method: str | None = None,
        backbone: str | None = None,
        *,
        class_weight: dict[Any, float] | str | None = None,
        pos_label: Any = None,
        threshold: float | str | None = "tune",
        threshold_metric: Any = "f1",
        prior_correction: bool = True,
        validation_fraction: float = 0.1,
        threshold_folds: int = 3,
        max_epochs: int = 10,
        batch_size: int = 64,
        token_budget: int = 16_384,
        learning_rate: float | None = None,
        optimizer: str = "adam",
        schedule: str | Drops | None = None,
        warmup: float | None = None,
        weight_decay: float = 0.0,
        label_smoothing: float = 0.0,
        patience: int = 3,
        track_margins: bool = False,
        precision: str = "auto",
        device: str = "auto",
        checkpoint: str | Path | None = None,
        random_state: RandomState = None,
        **settings: Any,
    ) -> None:
        self.method = method
        self.backbone = backbone
        self.class_weight = class_weight
        self.pos_label = pos_label
        self.threshold = threshold
        self.threshold_metric = threshold_metric
        self.prior_correction = prior_correction
        self.validation_fraction = validation_fraction
        self.threshold_folds = threshold_folds
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.token_budget = token_budget
        self.learning_rate = learning_rate
        self.optimizer = optimizer
        self.schedule = schedule
        self.warmup = warmup
        self.weight_decay = weight_decay
        self.label_smoothing = label_smoothing
        self.patience = patience
        self.track_margins = track_margins
        self.precision = precision
        self.device = device
        self.checkpoint = checkpoint
        self.random_state = random_state
        for name, value in settings.items():
            if not name.startswith(_NESTED):
                raise TypeError(f"{type(self).__name__} has no parameter {name!r}")
            setattr(self, name, value)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters by name, those of method and backbone under ``method__x`` and ``backbone__x``."""
        nested = {k: v for k, v in vars(self).items() if k.startswith(_NESTED)}
        return {**super().get_params(deep=False), **nested}

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name; ``method__x`` and ``backbone__x`` are checked when fitting."""
        for name in [name for name in params if name.startswith(_NESTED)]:
            setattr(self, name, params.pop(name))
        return super().set_params(**params)

    def _nested(self, prefix: str) -> dict[str, Any]:
        return {k.removeprefix(prefix): v for k, v in vars(self).items() if k.startswith(prefix)}
