"""Texts of the largest class beside the anchors of the others: what is nearly of a rare class, and is not.

    amounts = with_counterfactuals(amounts, labels, share=0.5)

They are anchors like all: difficult texts of the class, those with texts of another class among their neighbours, with
words of these put in. The label stays, which tells a classifier that those words do not make the rare class.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def largest_class(labels: np.ndarray) -> Any:
    """The class with the most rows, the first of several."""
    names, counts = np.unique(labels, return_counts=True)
    return names[counts.argmax()]


def with_counterfactuals(amounts: dict[Any, int], labels: np.ndarray, share: float) -> dict[Any, int]:
    """How many texts are written of each class, of the largest a share of those of the others more.

    Parameters
    ----------
    amounts : dict of int
        By class.
    labels : ndarray, shape (n,)
    share : float
        0 leaves the amounts as they are.
    """
    if not share:
        return amounts
    largest = largest_class(labels)
    others = sum(count for label, count in amounts.items() if label != largest)
    return {**amounts, largest: amounts.get(largest, 0) + round(share * others)}
