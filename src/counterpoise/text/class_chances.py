"""Probabilities of classes from what a model at an address answers, where each class has a letter."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from counterpoise.text.language_models import letter

SMOOTHING = 0.05
"""Probability that is spread over all classes where an answer is all there is to go by."""

MOST_NAMES = 26
"""Classes that there are letters for."""

_LEAST = 1e-9  # probability of what is not listed, where the listed ones have all of it


def listed_chances(choice: dict[str, Any], n_names: int) -> list[float] | None:
    """Log-probabilities of classes from the likeliest first tokens of an answer.

    Classes that are not listed share what the listed tokens leave, and have no more than the least likely one of these.

    Parameters
    ----------
    choice : dict
        Of a chat completion, with ``logprobs``.
    n_names : int
        Classes, by their letters.

    Returns
    -------
    list of float or None
        Normalised over the classes; None where the completion lists nothing, or no class.
    """
    try:
        listed = choice["logprobs"]["content"][0]["top_logprobs"]
        tokens = [
            (str(entry["token"]).strip().upper(), math.exp(float(entry["logprob"]))) for entry in listed
        ]
    except (LookupError, TypeError, ValueError, OverflowError):
        return None
    found = [sum(p for token, p in tokens if token == letter(i)) for i in range(n_names)]
    missing = found.count(0.0)
    if missing == n_names:
        return None
    left = max(1.0 - sum(p for _, p in tokens), _LEAST) / max(missing, 1)
    least = max(min(left, min(p for _, p in tokens)), _LEAST**2)
    chances = [p or least for p in found]
    total = sum(chances)
    return [math.log(p / total) for p in chances]


def answered_chances(text: str, names: Sequence[str]) -> list[float]:
    """Log-probabilities of classes from an answer alone.

    The class that it names, by its letter or else its name, has the probability ``1 - SMOOTHING + SMOOTHING / C`` and
    the others ``SMOOTHING / C``; all have ``1 / C`` where it names none.
    """
    n = len(names)
    places = _lettered(text, n) or _named(text, names) or _capitals(text, n)
    if len(places) != 1:
        return [-math.log(n)] * n
    return [math.log(SMOOTHING / n + (1 - SMOOTHING) * (i == places[0])) for i in range(n)]


def _lettered(text: str, n: int) -> list[int]:
    """Classes by lone capitals, or by the one that an answer consists of or begins with, a mark behind it."""
    first = re.match(r"\W*([A-Z])\W*(?:$|(?<=[.:)\]*]))", text)
    # Before a word, A and I are words themselves.
    words = re.sub(r"(?<!\w)[AI](?=['’]|\s+[a-z])", "", text)
    return _capitals(first.group(1) if first else words, n)


def _capitals(text: str, n: int) -> list[int]:
    """Classes whose letters stand alone in a text."""
    found = re.findall(r"(?<![\w'’])([A-Z])(?!\w)", text)
    return sorted({ord(one) - ord("A") for one in found if ord(one) - ord("A") < n})


def _named(text: str, names: Sequence[str]) -> list[int]:
    """Classes whose names stand in a text as words of their own, and in no longer name that stands there."""
    said = text.casefold()
    found = {}
    for i, name in enumerate(names):
        # Names may end in signs, at which there is no boundary of words.
        spans = re.finditer(rf"(?<!\w){re.escape(name.casefold())}(?!\w)", said)
        found[i] = [match.span() for match in spans]
    every = [span for spans in found.values() for span in spans]
    return [
        i
        for i, spans in found.items()
        if any(not any(_within(span, other) for other in every) for span in spans)
    ]


def _within(span: tuple[int, int], other: tuple[int, int]) -> bool:
    return span != other and other[0] <= span[0] and span[1] <= other[1]
