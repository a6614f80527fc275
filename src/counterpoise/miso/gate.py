"""The gate: which words of a difficult sample an anchor instance gives up, and what comes in their place.

    gate = Gate(budget=(0.1, 0.6), run=1)
    chance = gate(shared, mask, gate.budgets(len(mask), generator))   # (B, T), its mean over a text is its budget
    holes = gate.holes(chance, mask, generator)                       # (B, T): KEEP, PARTNER or INJECTED

The optimum of the mutual-information loss, written out as text, is a copy of the difficult sample (Theorem 1 of
Tian et al. 2021 is reached by it), which is random over-sampling. So the surface taken from elsewhere has a
budget. Which words are given up is blind unless ``weight`` says otherwise, by which the words that SFM finds shared
with the majority are given up more (above 0) or less (below 0) often.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

KEEP, PARTNER, INJECTED = 0, 1, 2


class Gate(nn.Module):
    """Chances and choices of the words to give up.

    Parameters
    ----------
    budget : float or (float, float)
        Share of the words that are given up on average, above 0 and below 1; of two, each anchor draws its own
        between them.
    run : float
        Mean length, in words, of a stretch that is given up or kept as one; 1 decides word by word.
    inject : float, default=0.0
        Share of the words given up that are filled from other minority texts and not from the majority partner.
    weight : float, default=0.0
        How much the words that SFM calls shared are preferred; 0 is blind.
    shuffled : bool, default=False
        Whether words change places before their chances are told: as uneven, and blind.
    """

    def __init__(
        self,
        budget: float | tuple[float, float],
        run: float,
        inject: float = 0.0,
        weight: float = 0.0,
        *,
        shuffled: bool = False,
    ) -> None:
        super().__init__()
        self.least, self.most = budget if isinstance(budget, tuple) else (budget, budget)
        self.run, self.inject = run, inject
        self.weight, self.shuffled = weight, shuffled

    def budgets(self, size: int, generator: torch.Generator) -> Tensor:
        """Draw the budget of each of ``size`` anchors, ``(size, 1)``."""
        return self.least + (self.most - self.least) * torch.rand(size, 1, generator=generator)

    def forward(
        self,
        shared: Tensor | None,
        mask: Tensor,
        budgets: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Chance ``(B, T)`` of each word to be given up.

        Parameters
        ----------
        shared : Tensor of float32, shape (B, T), or None
            How shared each word is, in [0, 1]; None is blind, whatever the weight.
        mask : Tensor of bool, shape (B, T)
        budgets : Tensor of float32, shape (B, 1), or None
            Of each text; None is the middle for all.
        generator : torch.Generator or None
            Nothing is drawn from it but places of words, where they are shuffled.
        """
        there = mask.float()
        if budgets is None:
            budgets = torch.full((len(mask), 1), (self.least + self.most) / 2)
        budgets = budgets.to(mask.device)
        if shared is None:
            return budgets * there
        if self.shuffled:
            shared = dealt(shared, mask, generator)
        words = there.sum(dim=1, keepdim=True).clamp(min=1)
        centred = shared - (shared * there).sum(dim=1, keepdim=True) / words
        chance = torch.sigmoid(torch.logit(budgets) + self.weight * centred) * there
        # The mean of a sigmoid is not the sigmoid of the mean; the budget holds for each text.
        mean = chance.sum(dim=1, keepdim=True) / words
        return (chance * (budgets / mean.clamp(min=1e-6))).clamp(max=0.99)

    def holes(self, chance: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
        """Draw what happens to each word, ``(B, T)`` of int64: KEEP, PARTNER or INJECTED.

        A text of two or more words gives up one at least and keeps one at least.
        """
        size, length = chance.shape
        joined = drawn(size, length, chance.device, generator) < 1 - 1 / self.run
        start = torch.arange(length, device=chance.device).expand(size, -1).masked_fill(joined, 0)
        start = start.cummax(dim=1).values  # first word of each stretch
        draw = drawn(size, length, chance.device, generator).gather(1, start)
        given = (draw < chance) & mask
        # Where chance gave up nothing or everything, the word with the extreme draw differs.
        several = mask.sum(dim=1) > 1
        margin = (draw - chance).masked_fill(~mask, torch.inf)
        none = several & ~given.any(dim=1)
        given[none, margin[none].argmin(dim=1)] = True
        every = (given | ~mask).all(dim=1)
        margin = margin.masked_fill(~mask, -torch.inf)
        given[every, margin[every].argmax(dim=1)] = False
        lot = drawn(size, length, chance.device, generator).gather(1, start)
        kind = torch.where(lot < self.inject, INJECTED, PARTNER)
        return kind * given


def drawn(size: int, length: int, device: torch.device, generator: torch.Generator) -> Tensor:
    """Uniform numbers ``(size, length)``, drawn on the CPU so that they are the same on every device."""
    return torch.rand(size, length, generator=generator).to(device)


def dealt(values: Tensor, mask: Tensor, generator: torch.Generator | None) -> Tensor:
    """Values ``(..., T)`` in an order drawn anew for each row; 0 where ``mask``, True up to a place, is False."""
    if generator is None:
        raise ValueError("what is dealt out at random needs a generator to draw from")
    lots = torch.rand(values.shape, generator=generator).to(values.device).masked_fill(~mask, torch.inf)
    return values.gather(-1, lots.argsort(dim=-1)) * mask
