"""When a representation that rows are drawn together in has collapsed, told from its distances before and after.

A representation may shrink and do no harm, and one that has learnt little so far has classes near each other too. So
two things are looked for. *Classes run into each other*: their means have come to half their distance, and rows do not
lie closer to them in proportion. *All is at one place*: means are within a tenth of their distance, where no
classifier of the size that it has by then can tell them apart, whatever the proportions.

>>> before = Spread(within=1.0, between=2.0)
>>> Spread(0.5, 0.9).collapsed_from(before), Spread(0.3, 0.9).collapsed_from(before)  # shares of .56 and .33, after .5
(True, False)
"""

from __future__ import annotations

from typing import NamedTuple

NEARER = 0.5
AT_ONE_PLACE = 0.1


class Spread(NamedTuple):
    """Distances in a representation; see :mod:`counterpoise.metrics.spread`.

    Attributes
    ----------
    within : float
        Mean distance of rows to the mean of their class.
    between : float
        Mean distance between the means of two classes.
    """

    within: float
    between: float

    def collapsed_from(self, before: Spread) -> bool:
        """Whether classes that were told apart before, or about to be, no longer are."""
        # Products, since a representation that is the same for all rows has distances of 0.
        merged = self.within * before.between >= before.within * self.between
        return self.between < NEARER * before.between and (
            merged or self.between < AT_ONE_PLACE * before.between
        )
