"""Names that nearly match: what an error message offers after a typing slip."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_MOST_LISTED = 30


def near_match(wrong: str, known: Iterable[str]) -> str:
    """Phrase that names the nearest known name, or nothing when none is near.

    Parameters
    ----------
    wrong : str
        What was given.
    known : iterable of str
        What there is.

    Returns
    -------
    str
        ``"; did you mean 'label'?"`` or ``""``; upper and lower case are not told apart.
    """
    by_folded = {name.casefold(): name for name in known}
    found = difflib.get_close_matches(wrong.casefold(), by_folded, n=1, cutoff=0.6)
    return f"; did you mean {by_folded[found[0]]!r}?" if found else ""


def listed(names: Iterable[str], most: int = _MOST_LISTED) -> str:
    """Names for a message, separated by commas and cut after ``most``, by default thirty."""
    every = [repr(name) for name in names]
    rest = len(every) - most
    return ", ".join(every[:most]) + (f" and {rest} more" if rest > 0 else "")


def enumerated(names: Iterable[str]) -> str:
    """Names for a sentence, all of them: ``a, b and c``."""
    *rest, last = names
    return f"{', '.join(rest)} and {last}" if rest else last
