"""Some of a table's lines, by the names that it prints.

>>> chosen_lines(["cross-entropy, TextCNN", "SupCon, TextCNN"], "supcon, textcnn")
['SupCon, TextCNN']
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from counterpoise.data.near import near_match
from counterpoise.errors import SettingsError
from counterpoise.experiments.papers.base import Table


def chosen_lines(known: Sequence[str], asked: str) -> list[str]:
    """Lines that are asked for, in the table's order.

    Parameters
    ----------
    known : sequence of str
        Names of the table's lines, which may have commas in them.
    asked : str
        Names, separated by commas; upper and lower case are not told apart.

    Raises
    ------
    SettingsError
        For a name that no line has.
    """
    by_words = {_words(name.casefold()): name for name in known}
    words, given = _words(asked.casefold()), _words(asked)
    found, unknown = set[str](), list[list[str]]()
    place, after_a_name = 0, True
    while place < len(words):
        # The longest name that begins here, since one may begin another.
        ends = (end for end in range(len(words), place, -1) if words[place:end] in by_words)
        if (end := next(ends, None)) is not None:
            found.add(by_words[words[place:end]])
            place, after_a_name = end, True
            continue
        if after_a_name:
            unknown.append([])
        unknown[-1].append(given[place])
        place, after_a_name = place + 1, False
    if unknown or not found:
        wrong = [", ".join(each) for each in unknown] or [asked]
        near = near_match(wrong[0], known)
        named = f"{near} There are:" if near else "; choose from"
        raise SettingsError(
            f"--lines: there is no line {' and none '.join(map(repr, wrong))}{named} {'; '.join(known)}"
        )
    return [name for name in known if name in found]


def without(table: Table, left_out: Collection[str]) -> Table:
    """The table without some lines, which its foot tells."""
    if not left_out:
        return table
    rows = tuple(row for row in table.rows if not set(row[: table.words]) & set(left_out))
    return replace(table, rows=rows, foot=(*table.foot, f"Left out by --lines: {'; '.join(left_out)}."))


def _words(names: str) -> tuple[str, ...]:
    return tuple(part for each in names.split(",") if (part := " ".join(each.split())))
