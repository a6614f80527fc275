"""The base of methods that mix rows in pairs: what mixed rows cost, whatever the rule that has paired them."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional

from counterpoise.backbones.base import Batch, Network
from counterpoise.errors import SettingsError
from counterpoise.losses.ldam import LDAMLoss
from counterpoise.methods.cosine_head import cosines, freeze_bias
from counterpoise.methods.deferred import DeferredReweighting
from counterpoise.methods.setting_checks import check_flag, check_not_negative, check_positive, check_share
from counterpoise.mixing.pairs import Pairs
from counterpoise.training.settings import TrainingSettings, TrainingState


class MixedLoss(DeferredReweighting):
    """Cross-entropy or LDAM of mixed rows, with late class weights.

    Attributes
    ----------
    depth : float
        Share of a trained encoder's layers that rows go through before they are mixed; other backbones mix what they
        read.
    ldam : bool
        Whether the loss is that of :class:`counterpoise.methods.ldam.LDAM`, over cosines, in place of cross-entropy.
    max_margin, scale : float
        Its margins and its scale, as there; not read without it.
    """

    depth: float
    ldam: bool
    max_margin: float
    scale: float

    def check(self) -> None:
        """Refuse settings out of range."""
        super().check()
        name = self.name
        check_share(name, depth=self.depth)
        check_flag(name, ldam=self.ldam)
        check_not_negative(name, max_margin=self.max_margin)
        check_positive(name, scale=self.scale)

    def check_training(self, training: TrainingSettings, kind: str) -> None:
        """Refuse label smoothing where margins belong to one true class."""
        super().check_training(training, kind)
        if self.ldam and training.label_smoothing:
            raise SettingsError(
                f"label_smoothing is {training.label_smoothing!r}, but LDAM's margins belong to one true class; set it "
                "to 0, or ldam to false"
            )

    def by_sizes(self) -> list[str]:
        """Margins too, where there are some."""
        return [*(["margins are alike"] if self.ldam else []), *super().by_sizes()]

    def shares(self, state: TrainingState) -> Tensor:
        """Share of each class ``(C,)`` that its margin goes by."""
        return state.class_shares

    def outputs(self, model: Network, batch: Batch, pairs: Pairs) -> Tensor:
        """Of mixed rows logits ``(n, C)``, or with LDAM cosines."""
        if self.ldam:
            return cosines(model, model.backbone.mixed(batch, pairs, self.depth))
        return model.mixed(batch, pairs, self.depth).float()

    def cost(self, state: TrainingState) -> Callable[[Tensor, Tensor], Tensor]:
        """What outputs cost for labels ``(n,)``, weighted by class once it is late."""
        late = self.late_weights(state)
        if not self.ldam:
            return lambda logits, labels: functional.cross_entropy(
                logits, labels, weight=late, reduction="none"
            )
        margins = LDAMLoss(self.shares(state), self.max_margin, self.scale)
        return lambda cosine, labels: margins(cosine, labels) * (1 if late is None else late[labels])

    def logits(self, model: Network, batch: Batch) -> Tensor:
        """Logits ``(B, C)``; those of LDAM are scaled cosines."""
        return self.scale * cosines(model, model.embed(batch)) if self.ldam else model(batch)

    def on_epoch(self, model: Network, state: TrainingState) -> None:
        """Leave the bias out of a classifier of cosines."""
        if self.ldam:
            freeze_bias(model)
