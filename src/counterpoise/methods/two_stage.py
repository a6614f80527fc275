"""Two-stage fine-tuning: first the head, all classes alike, then everything plainly (ValizadehAslani et al. 2022).

ValizadehAslani, Shi, Wang, Ren, Zhang, Hu, Zhao and Liang, "Two-Stage Fine-Tuning: A Novel Strategy for Learning
Class-Imbalanced Data", arXiv 2207.10858, 2022. The paper reweights the first stage's loss by class; batches of all
classes alike, which have the same gradient on average, are our reading, since the other second stages use them.
"""

from typing import ClassVar

from counterpoise.backbones.base import Network
from counterpoise.backbones.registry import Encoder
from counterpoise.methods.balanced_stage import train_head
from counterpoise.methods.base import Context, Data
from counterpoise.methods.gradient import GradientMethod
from counterpoise.methods.setting_checks import check_whole
from counterpoise.search_space import Range, Space


class TwoStage(GradientMethod):
    """Train the head on the untrained backbone with batches of all classes alike, then the whole network plainly.

    What it gives the rare class is a head start: the first steps into the backbone come from a head that knows
    the class. The paper starts from a pretrained transformer; from a backbone that has learnt nothing but its word
    vectors there is less to gain.

    Parameters
    ----------
    head_epochs : int, default=10
        Epochs of the first stage, each of as many steps as one of plain training; as many as cRT gives a new
        head. A validation side ends them earlier.

    Raises
    ------
    SettingsError
        From ``check``, if ``head_epochs`` is no int of 1 or more.
    """

    search_space: ClassVar[Space] = {"head_epochs": Range(1, 30)}
    summary = "first the head with all classes alike, then everything plainly"
    paper = "ValizadehAslani et al. 2022"

    def __init__(self, *, head_epochs: int = 10) -> None:
        self.head_epochs = head_epochs

    def check(self) -> None:
        """Refuse a number of epochs that is none."""
        check_whole("two_stage", head_epochs=self.head_epochs)

    def start(self, model: Network, data: Data, encoder: Encoder, context: Context) -> None:
        """Train the head alone; plain training of everything follows, and so the shares of the data's own prior."""
        train_head(model.head, model, data, encoder, context, self.head_epochs)
