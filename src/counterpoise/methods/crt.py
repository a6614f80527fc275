"""cRT, classifier re-training: plain training, then a new head with all classes alike (Kang et al. 2020).

Kang, Xie, Rohrbach, Yan, Gordo, Feng and Kalantidis, "Decoupling Representation and Classifier for Long-Tailed
Recognition", ICLR 2020, section 4, "Classifier Re-training".
"""

from typing import ClassVar

import numpy as np

from counterpoise.backbones.base import Network
from counterpoise.backbones.registry import Encoder
from counterpoise.methods.balanced_batches import BalancedBatches
from counterpoise.methods.balanced_stage import fresh_head, train_balanced, train_head
from counterpoise.methods.base import Context, Data
from counterpoise.methods.gradient import GradientMethod
from counterpoise.methods.setting_checks import check_flag, check_whole
from counterpoise.search_space import Range, Space


class CRT(GradientMethod):
    """Train plainly, freeze the backbone, draw the head anew and train it with batches of all classes alike.

    Parameters
    ----------
    head_epochs : int, default=10
        Epochs of the second stage, each of as many steps as one of plain training (the authors' 10 on
        ImageNet-LT); a validation side ends it earlier, as it does the first.
    unfreeze : bool, default=False
        Whether the second stage trains the backbone too: then it is plain training gone on with balanced batches
        and a new head, at a plain training's cost, and the few rare rows bend the backbone towards themselves.

    Raises
    ------
    SettingsError
        From ``check``, if ``head_epochs`` is no int of 1 or more or ``unfreeze`` no bool.
    """

    search_space: ClassVar[Space] = {"head_epochs": Range(2, 30)}
    summary = "plain training, then a new head with all classes alike (cRT)"
    paper = "Kang et al. 2020"

    def __init__(self, *, head_epochs: int = 10, unfreeze: bool = False) -> None:
        self.head_epochs = head_epochs
        self.unfreeze = unfreeze

    def check(self) -> None:
        """Refuse settings out of range."""
        check_whole("crt", head_epochs=self.head_epochs)
        check_flag("crt", unfreeze=self.unfreeze)

    def finish(self, model: Network, data: Data, encoder: Encoder, context: Context) -> None:
        """Train a new head, alone or with the backbone."""
        head = model.head = fresh_head(model, context.seed)
        if self.unfreeze:
            device = head.weight.device
            train_balanced(model, data, lambda i: encoder.encode(i, device), context, self.head_epochs)
        else:
            train_head(head, model, data, encoder, context, self.head_epochs)

    def training_prior(self, data: Data) -> np.ndarray:
        """All classes alike, but for the rows' own weights: the head has seen nothing else."""
        return BalancedBatches().training_prior(data)
