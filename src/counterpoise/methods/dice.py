"""Dice loss as a method: a soft F1 of each row in place of its likelihood (Li et al. 2020)."""

from typing import ClassVar

import torch
from torch import Tensor

from counterpoise.backbones.base import Batch, Network
from counterpoise.backbones.registry import Encoder
from counterpoise.errors import SettingsError
from counterpoise.losses.dice import DENOMINATORS, DiceLoss
from counterpoise.methods.base import Context, Data
from counterpoise.methods.gradient import GradientMethod
from counterpoise.methods.network_predictor import NetworkPredictor
from counterpoise.methods.setting_checks import check_not_negative, check_positive
from counterpoise.search_space import Choice, Range, Space
from counterpoise.training.settings import TrainingState


class Dice(GradientMethod):
    """Train with self-adjusting Dice loss; see :class:`counterpoise.losses.dice.DiceLoss`.

    Dice loss is no proper scoring rule: its probabilities are no frequencies, and no shift of the prior mends that. The
    tuned threshold does. The head's bias starts at the log of the class shares, as Lin et al. (2017, section 3.3) start
    focal loss: from even odds the majority pushes all rows to where the loss is flat before anything is learnt.

    Parameters
    ----------
    alpha : float, default=0.5
        How fast the weight of easy rows falls; 0 is plain Dice, 0.01 what the authors' scripts use. 0.5 lets a row go
        before it is certain: those of the majority would else push the rare class to where the loss is flat.
    smoothing : float, default=1.0
        Added above and below the fraction; 1 is what the authors' scripts use.
    denominator : {"square", "linear"}, default="square"
        Without squares, as the paper writes the self-adjusting loss, the many rows of the majority can pull so hard
        that a rare class is never found; the authors' scripts have them.

    Raises
    ------
    SettingsError
        From ``check``, if a setting is out of range; from ``fit``, for two classes and an ``alpha`` of 1 or more, with
        which the loss does not depend on the label or prefers the wrong one.
    """

    search_space: ClassVar[Space] = {
        "alpha": Range(0.0, 0.9),
        "smoothing": Range(0.1, 10.0, log=True),
        "denominator": Choice(DENOMINATORS),
    }
    summary = "a soft F1 of each row as its loss"
    paper = "Li et al. 2020"
    soft_targets = True

    def __init__(self, *, alpha: float = 0.5, smoothing: float = 1.0, denominator: str = "square") -> None:
        self.alpha = alpha
        self.smoothing = smoothing
        self.denominator = denominator

    def check(self) -> None:
        """Refuse settings out of range."""
        check_not_negative("dice", alpha=self.alpha)
        check_positive("dice", smoothing=self.smoothing)
        if self.denominator not in DENOMINATORS:
            raise SettingsError(
                f"denominator is {self.denominator!r}; choose one of {', '.join(DENOMINATORS)}"
            )

    def fit(self, data: Data, context: Context) -> NetworkPredictor:
        """Train; see :meth:`counterpoise.methods.base.Method.fit`."""
        if data.n_classes == 2 and self.alpha >= 1:
            raise SettingsError(
                f"alpha is {self.alpha!r}, with which Dice loss cannot tell two classes apart; give less than 1"
            )
        return super().fit(data, context)

    @torch.no_grad()
    def start(self, model: Network, data: Data, encoder: Encoder, context: Context) -> None:
        """Start the head at the class shares."""
        model.head.bias.copy_(torch.from_numpy(data.class_mass()).float().log())

    def loss(self, model: Network, batch: Batch, state: TrainingState) -> Tensor:
        """Dice loss ``(B,)``."""
        loss = DiceLoss(self.alpha, self.smoothing, self.denominator)
        return loss(model(batch).float(), batch.labels)
