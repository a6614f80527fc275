"""Allot rows to folds so that groups stay whole and every class is spread as evenly as it can be.

:func:`allot` is the arithmetic behind the splits of :mod:`counterpoise.crossfit`. Groups of two rows or more
are placed one by one, largest first; single rows then even out, class by class, what the groups left uneven.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from counterpoise.errors import DataError
from counterpoise.seeding import generator

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Group = list[tuple[int, int]]
"""The ``(class, rows)`` pairs of one group."""


def allot(
    names: NDArray[np.object_], classes: Ints, group: Ints, shares: Floats, tested: list[int], seed: int
) -> Ints:
    """Give each row a fold.

    Parameters
    ----------
    names : ndarray of shape (C,)
        Class names, for messages.
    classes : ndarray of int64, shape (n,)
        Class numbers.
    group : ndarray of int64, shape (n,)
        Group numbers; rows of one group get one fold.
    shares : ndarray of float64, shape (k,)
        Share of the rows, and of each class, every fold is to have; they sum to 1.
    tested : list of int
        Folds that must not hold all rows of a class.
    seed : int

    Returns
    -------
    ndarray of int64, shape (n,)
        When all groups are single rows and all shares equal, the rows of each class, and rows in all, differ
        by at most 1 between folds.

    Raises
    ------
    DataError
        If no way is found to keep every class out of at least one fold.
    """
    rng = generator(seed, "folds")
    counts = np.zeros((len(shares), len(names)), dtype=np.int64)
    totals = np.bincount(classes, minlength=len(names))
    sizes = np.bincount(group)
    fold = np.full(len(classes), -1, dtype=np.int64)
    grouped = np.flatnonzero(sizes[group] > 1)
    if len(grouped):
        numbers, members = _members(classes[grouped], group[grouped], rng)
        fold_of_group = np.full(len(sizes), -1, dtype=np.int64)
        fold_of_group[numbers] = _place_groups(members, counts, totals, shares)
        fold[grouped] = fold_of_group[group[grouped]]
    for c in range(len(names)):
        rows = np.flatnonzero((classes == c) & (fold < 0))
        quota = _quotas(counts[:, c], len(rows), counts.sum(axis=1), shares)
        fold[rng.permutation(rows)] = np.repeat(np.arange(len(shares)), quota)
        counts[:, c] += quota
    _mend(names, classes, group, fold, counts, tested)
    return fold if len(tested) < len(shares) else rng.permutation(len(shares))[fold]


def _members(classes: Ints, group: Ints, rng: np.random.Generator) -> tuple[list[int], list[Group]]:
    """Group numbers and what each group holds, largest group first, equals in random order."""
    width = int(classes.max()) + 1
    cells, n_rows = np.unique(group * width + classes, return_counts=True)
    held: dict[int, Group] = {}
    for cell, n in zip(cells.tolist(), n_rows.tolist(), strict=True):
        held.setdefault(cell // width, []).append((cell % width, n))
    numbers = list(held)
    numbers = [numbers[i] for i in rng.permutation(len(numbers))]
    numbers.sort(key=lambda number: -sum(n for _, n in held[number]))
    return numbers, [held[number] for number in numbers]


def _place_groups(members: list[Group], counts: Ints, totals: Ints, shares: Floats) -> list[int]:
    """Choose each group's fold: where the squared relative excess over the classes' shares grows least.

    Plain lists: a group has one or two classes, and NumPy calls on so little cost more than the arithmetic.
    """
    table, total, share = counts.tolist(), totals.tolist(), shares.tolist()
    load = [0] * len(share)
    place = []
    for items in members:
        best, best_key = 0, (np.inf, np.inf)
        for f, row in enumerate(table):
            excess = sum((2 * row[c] + n) * n / (share[f] * total[c] ** 2) for c, n in items)
            key = (round(excess, 12), load[f] / share[f])
            if key < best_key:
                best, best_key = f, key
        for c, n in items:
            table[best][c] += n
            load[best] += n
        place.append(best)
    counts[:] = table
    return place


def _quotas(counts: Ints, n: int, loads: Ints, shares: Floats) -> Ints:
    """Divide ``n`` single rows so that ``counts + quotas`` come as near to ``shares`` as they can."""
    order = np.argsort(counts / shares, kind="stable")
    levels = (n + np.cumsum(counts[order])) / np.cumsum(shares[order])
    raised = int(np.flatnonzero(levels >= (counts / shares)[order])[-1])
    wanted = np.maximum(0.0, levels[raised] * shares - counts)
    quota = np.floor(wanted + 1e-9).astype(np.int64)
    rest = np.round(wanted - quota, 9)
    # The remainder goes where most is missing, and among equals to the smallest fold.
    quota[np.lexsort((loads / shares, -rest))[: n - int(quota.sum())]] += 1
    for f in np.flatnonzero(counts + quota == 0):
        richest = int(np.argmax(quota))
        if quota[richest] > 1:
            quota[[f, richest]] += [1, -1]
    return quota


def _mend(
    names: NDArray[np.object_], classes: Ints, group: Ints, fold: Ints, counts: Ints, tested: list[int]
) -> None:
    """Move groups, in place, until no tested fold holds all of a class; raise if that cannot be done."""
    totals = counts.sum(axis=0)

    def trapped() -> list[tuple[int, int]]:
        return [(f, int(c)) for f in tested for c in np.flatnonzero(counts[f] == totals)]

    def move_one(f: int, c: int, n_trapped: int) -> bool:
        for number in np.unique(group[(fold == f) & (classes == c)]).tolist():
            rows = np.flatnonzero(group == number)
            moved = np.bincount(classes[rows], minlength=len(names))
            counts[f] -= moved
            for target in range(len(counts)):
                counts[target] += moved
                if target != f and counts[f].any() and len(trapped()) < n_trapped:
                    fold[rows] = target
                    return True
                counts[target] -= moved
            counts[f] += moved
        return False

    while found := trapped():
        if not any(move_one(f, c, len(found)) for f, c in found):
            raise DataError(
                f"class {str(names[found[0][1]])!r} cannot reach every fitting side, because its groups also "
                "hold rows that other classes need there; ask for another number of folds or give more groups"
            )
