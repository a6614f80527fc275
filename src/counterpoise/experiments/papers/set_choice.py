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
    known = list(dict.fromkeys(made.dataset for made in protocol.SETS))
    if unknown := [name for name in names or () if name not in known]:
        near = near_match(unknown[0], known)
        raise SettingsError(f"--datasets {', '.join(unknown)}: the paper has {', '.join(known)}{near}")
    wanted = names or protocol.DEFAULT_SETS[budget]
    asked = [made for made in protocol.SETS if made.dataset in wanted]
    placed = [made for made in asked if every or protocol.about(table, made)]
    left_out = [made for made in asked if made.dataset not in {other.dataset for other in placed}]
    if not placed:
        raise SettingsError(f"table {table} of {paper} {_elsewhere(protocol, asked)}")
    sets = [made for made in placed if ratio in (None, made.ratio)]
    if not sets:
        ratios = sorted({made.ratio for made in placed if made.ratio})
        there = f"there are {', '.join(map(str, ratios))}" if ratios else "none of them is thinned to any"
        raise SettingsError(f"--ratio {ratio}: of {_named(placed)} {there}")
    remark = f"table {table} {_elsewhere(protocol, left_out)}" if names and left_out else ""
    return sets, remark


def _elsewhere(protocol: Any, sets: Sequence[Set]) -> str:
    """That a table is not about sets, and which are."""
    tables = [table for table in protocol.TABLES if any(protocol.about(table, made) for made in sets)]
    where = f"--table {' or '.join(tables)} is" if tables else "give other --datasets"
    return f"is about none of {_named(sets)}; {where}"


def _named(sets: Sequence[Set]) -> str:
    return enumerated(dict.fromkeys(made.dataset for made in sets))
