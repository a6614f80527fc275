"""Balanced softmax as a method: the softmax counts each class by its share while training (Ren et al. 2020).

Ren, Yu, Sheng, Ma, Zhao, Yi and Li, "Balanced Meta-Softmax for Long-Tailed Visual Recognition", NeurIPS 2020, without
its meta sampler.
"""

from typing import ClassVar

from counterpoise.methods.logit_adjustment import LogitAdjustment
from counterpoise.search_space import Space


class BalancedSoftmax(LogitAdjustment):
    """Train with ``-log(n_y e^{z_y} / sum_c n_c e^{z_c})``: logit adjustment of strength 1, with nothing to set."""

    search_space: ClassVar[Space] = {}
    summary = "the softmax counts each class by its share while training"
    paper = "Ren et al. 2020"

    def __init__(self) -> None:
        super().__init__(tau=1.0, post_hoc=False)
