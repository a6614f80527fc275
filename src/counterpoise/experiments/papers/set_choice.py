"""Which sets of a paper are run: those that are named, where a table has a place for them, and of these one ratio.

sets, remark = chosen_sets("mixup", protocol, "cifar10", "small", ratio=100)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from counterpoise.data.near import enumerated, near_match
from counterpoise.errors import SettingsError
from counterpoise.experiments.papers.base import Set


def chosen_sets(
    paper: str,
    protocol: Any,
    table: str,
    budget: str,
    *,
    names: Sequence[str] | None = None,
    ratio: int | None = None,
    every: bool = False,
) -> tuple[list[Set], str]:
    """Choose sets.

    Parameters
    ----------
    paper : str
        For messages.
    protocol : module
        Of the paper.
    table, budget : str
    names : sequence of str or None, default=None
        Data sets; None takes those of the budget.
    ratio : int or None, default=None
        Of the largest class to the smallest; None takes all.
    every : bool, default=False
        Whether it is not the table that is to be made, and sets are taken that it has no place for.

    Returns
    -------
    list of Set
    str
        Which of the named ones are left out, and where they belong; empty where none is.

    Raises
    ------
    SettingsError
        For a name that no set has, and if nothing is left.
    """
    names = [name for name in names if name] if names else None
    known = list(dict.fromkeys(made.dataset for made in protocol.SETS))
    if unknown := [name for name in names or () if name not in known]:
        near = near_match(unknown[0], known)
        raise SettingsError(f"--datasets {', '.join(unknown)}: choose from {', '.join(known)}{near}")
    wanted = names or protocol.DEFAULT_SETS[budget]
    asked = [made for made in protocol.SETS if made.dataset in wanted]
    placed = [made for made in asked if every or protocol.about(table, made)]
    left_out = [made for made in asked if made.dataset not in {other.dataset for other in placed}]
    if not placed:
        raise SettingsError(_no_place(protocol, table, asked))
    sets = [made for made in placed if ratio in (None, made.ratio)]
    if not sets:
        raise SettingsError(f"--ratio {ratio}: {_other_ratios(protocol, table, placed, asked)}")
    remarks = [_no_place(protocol, table, left_out)] if names and left_out else []
    without = [made for made in placed if made.dataset not in {other.dataset for other in sets}]
    if names and without:
        remarks.append(f"{_named(without)}: nothing at a ratio of {ratio}")
    return sets, "; ".join(remarks)


def _no_place(protocol: Any, table: str, sets: Sequence[Set]) -> str:
    """That a table has no place for sets, and which have."""
    said = f"table {table} has no place for {_named(sets)}"
    tables = [other for other in protocol.TABLES if all(protocol.about(other, made) for made in sets)]
    return f"{said}; --table {' or '.join(tables)} has" if tables else f"{said}; give other --datasets"


def _other_ratios(protocol: Any, table: str, placed: Sequence[Set], asked: Sequence[Set]) -> str:
    """Which ratios there are of the sets of a table, or in which other tables there are some."""
    if ratios := _ratios(placed):
        return f"of {_named(placed)} there are {ratios}"
    said = f"in table {table} {_named(placed)} has no set that is thinned to a ratio"
    others = [
        f"{ratios} in --table {other}"
        for other in protocol.TABLES
        if (ratios := _ratios([made for made in asked if protocol.about(other, made)]))
    ]
    return f"{said}; there are {' and '.join(others)}" if others else f"{said}; leave --ratio out"


def _ratios(sets: Sequence[Set]) -> str:
    return ", ".join(str(ratio) for ratio in sorted({made.ratio for made in sets if made.ratio}))


def _named(sets: Sequence[Set]) -> str:
    return enumerated(dict.fromkeys(made.dataset for made in sets))
