"""Texts whose words were edited, put together again: nothing runs together, punctuation and capitals stay.

    before, core, after = undressed("(Entry!")              # ("(", "entry", "!")
    dressed("ticket", like="(Entry!")                       # "(Ticket!"
    join_edited(["win", "now"], ["", "", ""])               # "win now"

Words are those of :func:`counterpoise.text.tokenizers.words_and_gaps`. What joins them here splits into the same
words again, in scripts with and without spaces.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from counterpoise.text.tokenizers import join_words, words_and_gaps


@lru_cache(maxsize=100_000)
def gap_between(left: str, right: str) -> str:
    """What has to stand between two words that were not neighbours.

    Parameters
    ----------
    left, right : str
        Words.

    Returns
    -------
    str
        A space, or nothing where one of them is a character of a script without spaces.

    Examples
    --------
    >>> gap_between("free", "entry"), gap_between("免", "费")
    (' ', '')
    """
    return " " if len(words_and_gaps(left + right)[0]) == 1 else ""


def join_edited(words: Sequence[str], gaps: Sequence[str]) -> str:
    """Put edited words between gaps, with a space wherever two of them would run together.

    Parameters
    ----------
    words : sequence of str
        One fewer than the gaps.
    gaps : sequence of str
        White space or nothing; empty between words that were not neighbours before.

    Returns
    -------
    str
        The text; :func:`~counterpoise.text.tokenizers.words_and_gaps` finds the same words in it.
    """
    inner = [
        gap or gap_between(left, right)
        for left, gap, right in zip(words, gaps[1:-1], words[1:], strict=False)
    ]
    return join_words(words, [gaps[0], *inner, gaps[-1]] if words else gaps)


def put_in(
    words: Sequence[str], gaps: Sequence[str], place: int, new: Sequence[str], between: Sequence[str] = ()
) -> tuple[list[str], list[str]]:
    """Put words between others.

    Parameters
    ----------
    words, gaps : sequence of str
        As :func:`~counterpoise.text.tokenizers.words_and_gaps` gave them.
    place : int
        Words that are to stand before the new ones, from 0 to ``len(words)``.
    new : sequence of str
        One word or more.
    between : sequence of str, default=()
        The gaps between the new words, one fewer than these.

    Returns
    -------
    words, gaps : list of str
        For :func:`join_edited`. White space around the text stays around it.
    """
    longer = [*words[:place], *new, *words[place:]]
    if place == len(words):
        return longer, [*gaps[:place], "", *between, gaps[-1]]
    return longer, [*gaps[: place + 1], *between, "", *gaps[place + 1 :]]


def undressed(word: str) -> tuple[str, str, str]:
    """Take a word as written apart.

    Parameters
    ----------
    word : str

    Returns
    -------
    before, core, after : str
        Punctuation before, the word in lower case with a plain apostrophe, as
        :func:`~counterpoise.text.tokenizers.tokenize` gives it, and punctuation after. The core of a word without
        letters and digits is empty.

    Examples
    --------
    >>> undressed("“Don’t!”")
    ('“', "don't", '!”')
    """
    inside = [place for place, character in enumerate(word) if _is_part_of_words(character)]
    first, end = (inside[0], inside[-1] + 1) if inside else (len(word), len(word))
    return word[:first], word[first:end].replace("’", "'").lower(), word[end:]


def dressed(core: str, like: str) -> str:
    """Write a word as another one was written: its capitals and the punctuation around it.

    Parameters
    ----------
    core : str
        A word without punctuation.
    like : str
        The word as written in whose place it comes.

    Returns
    -------
    str
        One word. Around a character of a script without spaces punctuation would be a word of its own; it is left
        out there.

    Examples
    --------
    >>> dressed("ticket", like="Entry!"), dressed("ticket", like="FREE"), dressed("奖", like="Entry!")
    ('Ticket!', 'TICKET', '奖')
    """
    before, lowered, after = undressed(like)
    bare = like[len(before) : len(like) - len(after)]
    if bare.isupper() and len(lowered) > 1:
        core = core.upper()
    elif bare[:1].isupper():
        core = core[:1].upper() + core[1:]
    whole = before + core + after
    return whole if words_and_gaps(whole)[0] == [whole] else core


def _is_part_of_words(character: str) -> bool:
    # Marks belong to the letter before them, as vowels do in many scripts.
    return character.isalnum() or character == "_" or unicodedata.category(character).startswith("M")
