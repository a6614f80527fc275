"""LDAM-DRW as a method: larger margins for rarer classes, and class weights late in training (Cao et al. 2019)."""

from typing import ClassVar

from counterpoise.docstrings import with_parameters_of
from counterpoise.losses.ldam import SCALE
from counterpoise.methods.deferred import DRW_FROM
from counterpoise.methods.ldam import LDAM
from counterpoise.search_space import Range, Space


@with_parameters_of(LDAM)
class LDAMDRW(LDAM):
    """Train a classifier of cosines with LDAM loss, and late in training with class weights too.

    Cao et al., NeurIPS 2019, algorithm 1. Early stopping may end the training before the weights set in.

    Parameters that do not stand here are those of :class:`counterpoise.methods.ldam.LDAM`.

    Parameters
    ----------
    drw : bool or float, default=0.8
        Share of ``max_epochs`` after which rows weigh by the effective number of their class; see
        :class:`counterpoise.methods.deferred.DeferredReweighting`.
    """

    search_space: ClassVar[Space] = {**LDAM.search_space, "drw": Range(0.5, 1.0)}
    summary = "larger margins for rarer classes, class weights late in training (LDAM-DRW)"
    paper = "Cao et al. 2019"

    def __init__(
        self, *, max_margin: float = 0.5, scale: float = SCALE, drw: bool | float = DRW_FROM
    ) -> None:
        super().__init__(max_margin=max_margin, scale=scale, drw=drw)
