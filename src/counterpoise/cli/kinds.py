"""Which kinds of values a setting takes, read from the signature that it stands in.

A setting with a number as default may also take a word, and one that is true or false a number; its annotation says so,
and is the only place that does: ``drw: bool | float``, ``balance: float | Literal["auto"]``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import UnionType
from typing import Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

Kind: TypeAlias = "type | str"
"""bool, int or float, or a word that may be given."""

_MEANS = {bool: "true or false", int: "a whole number", float: "a number"}


def kinds_of(owner: Any) -> dict[str, list[Kind]]:
    """What each setting takes, of those whose annotations have truth values, numbers or words in them.

    Parameters
    ----------
    owner : object
        A method or a sampler; of a method that is made of a sampler, the sampler's signature counts.
    """
    hints = get_type_hints(getattr(owner, "sampler", type(owner)).__init__)
    return {name: _kinds(hint) for name, hint in hints.items()}


def fits(value: Any, kinds: Iterable[Kind]) -> bool:
    """Whether a value read from JSON is of one of the kinds; numbers have to be finite, and to fit a machine's."""
    taken = set(kinds)
    if isinstance(value, bool):
        return bool in taken
    if isinstance(value, int) and int in taken and abs(value) <= sys.maxsize:
        return True
    if isinstance(value, int | float):
        return float in taken and abs(value) <= sys.float_info.max  # which infinity and NaN are not
    return isinstance(value, str) and value in taken


def in_words(kinds: Iterable[Kind]) -> str:
    """What there is to be given."""
    *first, last = (_MEANS[kind] if isinstance(kind, type) else kind for kind in kinds)
    return f"{', '.join(first)} or {last}" if first else last


def _kinds(hint: Any) -> list[Kind]:
    if get_origin(hint) in (Union, UnionType):
        return [kind for part in get_args(hint) for kind in _kinds(part)]
    if get_origin(hint) is Literal:
        return [word for word in get_args(hint) if isinstance(word, str)]
    return [hint] if hint in (bool, int, float) else []
