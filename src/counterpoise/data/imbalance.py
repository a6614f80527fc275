"""Making a class rare on purpose: one class against the rest, a kept share, long-tailed and step profiles.

>>> import numpy as np
>>> labels = np.array(["ham"] * 90 + ["spam"] * 10, dtype=object)
>>> kept, held_back = keep_minority(labels, "spam", "20%", seed=0)
>>> len(kept), len(held_back), imbalance_ratio(labels[kept])
(92, 8, 45.0)

Use these on the fitting side only: a test side keeps its natural prevalence. Each function returns the rows
held back as well, since they tell what more real data would have brought. With one seed the rows kept at a
smaller share are among those kept at a larger one.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from counterpoise.data.near import listed, near_match
from counterpoise.errors import DataError, SettingsError
from counterpoise.seeding import generator

REST = "rest"
"""Name of everything that is not the minority class, in :func:`one_against_rest`."""

PROFILES = ("exponential", "step")
"""Names of profiles that :func:`parse_keep` takes, each followed by a colon and a ratio."""

DRAWN = "drawn"
"""Name of the profile that is followed by a number of classes and the share of each that is kept."""

Labels = NDArray[np.generic]
Indices = NDArray[np.int64]


def one_against_rest(labels: Labels, minority: str) -> NDArray[np.object_]:
    """Turn several classes into two.

    Parameters
    ----------
    labels : ndarray, shape (n,)
        Class names (or numbers, taken by their ``str``).
    minority : str
        The class that keeps its name; every other one becomes ``"rest"``.

    Returns
    -------
    ndarray of object, shape (n,)

    Raises
    ------
    SettingsError
        When there is no such class, or it is itself called ``"rest"`` among others.
    DataError
        When every row is of that class.
    """
    rare = _rows_of(labels, minority)
    if rare.all():
        raise DataError(f"every row is of class {minority!r}; give data with at least one other class")
    if str(minority) == REST:
        raise SettingsError(f"a class named {REST!r} cannot be set against the rest; rename it")
    binary = np.full(len(labels), REST, dtype=object)
    binary[rare] = str(minority)
    return binary


def parse_keep(keep: str | float) -> float | int | str:
    """Read how much to keep.

    Parameters
    ----------
    keep : str, int or float
        ``"0.1"``, ``0.1`` and ``"10%"`` are a share of one class; ``25`` and ``"25"`` a count of its rows. What is
        written as an integer is a count: ``"1"`` keeps one row, ``"1.0"`` and ``"100%"`` keep all.
        ``"exponential:100"`` and ``"step:100"`` thin all classes to a profile with that ratio; ``"drawn:4:0.1"``
        draws four classes, which keep a tenth each.

    Returns
    -------
    float, int or str
        A float is a share in (0, 1], an int a count of 1 or more, a str a profile.

    Raises
    ------
    SettingsError
        For anything else.
    """
    text = str(keep).strip()
    profile, colon, ratio = text.partition(":")
    if colon and profile in PROFILES and re.fullmatch(r"\d+(\.\d+)?", ratio) and float(ratio) >= 1:
        times = float(ratio)
        return f"{profile}:{int(times) if times.is_integer() else times!r}"
    if (drawn := re.fullmatch(rf"{DRAWN}:([1-9]\d*):(.+)", text)) and isinstance(
        share := parse_keep(drawn[2]), float
    ):
        return f"{DRAWN}:{drawn[1]}:{share!r}"
    if re.fullmatch(r"[+-]?\d+", text):
        if int(text) >= 1:
            return int(text)
    elif re.fullmatch(r"\+?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?%?", text):
        share = float(text[:-1]) / 100 if text.endswith("%") else float(text)
        if 0 < share <= 1:
            return share
    raise SettingsError(
        f"keep is {keep!r}; give a share above 0 and up to 1 (0.1 or 10%), a count of rows of 1 or "
        "more (25), or a profile of all classes (exponential:100, step:100, or drawn:4:0.1)"
    )


def thin(
    labels: Labels, keep: str | float, minority: str | None, seed: int
) -> tuple[Indices, Indices, float | None]:
    """Choose at random which rows to keep, of one class or of all.

    Parameters
    ----------
    labels : ndarray, shape (n,)
        Class names.
    keep : str, int or float
        See :func:`parse_keep`.
    minority : str or None
        The class that a share or count is of.
    seed : int
        Root seed.

    Returns
    -------
    kept, held_back : ndarray of int64
        Row numbers in ascending order; together every row once.
    kept_share : float or None
        Share of the minority that is kept; None for a profile.

    Raises
    ------
    SettingsError
        When a share or count is of no class, there is no such class, or a count exceeds its rows.
    """
    wanted = parse_keep(keep)
    if isinstance(wanted, str):
        profile, _, ratio = wanted.partition(":")
        if profile == DRAWN:
            number, _, part = ratio.partition(":")
            return *drawn_classes(labels, int(number), float(part), seed), None
        make = {"exponential": exponential_profile, "step": step_profile}[profile]
        return *make(labels, float(ratio), seed), None
    if minority is None:
        raise SettingsError(
            "--keep thins the minority; name it with --minority, or give a profile of all classes"
        )
    kept, held_back = keep_minority(labels, minority, keep, seed)
    return kept, held_back, 1 - len(held_back) / int(_rows_of(labels, minority).sum())


def keep_minority(labels: Labels, minority: str, keep: str | float, seed: int) -> tuple[Indices, Indices]:
    """Choose at random which rows of one class to keep.

    Parameters
    ----------
    labels : ndarray, shape (n,)
        Class names.
    minority : str
        The class to thin out; rows of other classes are all kept.
    keep : str, int or float
        See :func:`parse_keep`; no profile. A share is rounded to the nearest row, and at least one row is kept.
    seed : int
        Root seed.

    Returns
    -------
    kept, held_back : ndarray of int64
        Row numbers in ascending order; together every row once.

    Raises
    ------
    SettingsError
        When there is no such class, or a count exceeds its rows.
    """
    rows = np.flatnonzero(_rows_of(labels, minority))
    wanted = parse_keep(keep)
    if isinstance(wanted, str):
        raise SettingsError(f"keep is {keep!r}, a profile of all classes; give how much of one to keep")
    if isinstance(wanted, int) and wanted > len(rows):
        raise SettingsError(f"keep is {wanted}, but class {minority!r} has {len(rows)} rows here; keep fewer")
    count = wanted if isinstance(wanted, int) else max(1, round(wanted * len(rows)))
    held_back = _shuffled(rows, str(minority), seed)[count:]
    return _split_off(len(labels), held_back)


def exponential_profile(labels: Labels, ratio: float, seed: int) -> tuple[Indices, Indices]:
    """Thin the classes to a long tail: sizes fall exponentially from the most frequent class to the rarest.

    With the C classes in order of falling frequency and n the size of the first, class i (from 0) keeps
    ``n * ratio ** (-i / (C - 1))`` rows, or all it has when those are fewer (Cao, Wei, Gaidon, Arechiga and
    Ma, 2019, Learning Imbalanced Datasets with Label-Distribution-Aware Margin Loss, section 4.1).

    Parameters
    ----------
    labels : ndarray, shape (n,)
        Class names.
    ratio : float
        Size of the largest class over that of the smallest, 1 or more.
    seed : int
        Root seed.

    Returns
    -------
    kept, held_back : ndarray of int64
        As in :func:`keep_minority`; every class keeps at least one row.

    Raises
    ------
    SettingsError
        When ``ratio`` is below 1.
    DataError
        When there is one class only.
    """
    names, counts = _by_frequency(labels)
    exponents = np.arange(len(names)) / (len(names) - 1)
    return _thinned(labels, names, counts[0] * _checked_ratio(ratio) ** -exponents, seed)


def step_profile(
    labels: Labels, ratio: float, seed: int, share_minority: float = 0.5
) -> tuple[Indices, Indices]:
    """Thin some classes to one small size and leave the others whole.

    The less frequent classes are the minority ones; each keeps ``n / ratio`` rows, with n the size of the
    most frequent class, or all it has when those are fewer (Buda, Maki and Mazurowski, 2018, A Systematic
    Study of the Class Imbalance Problem in Convolutional Neural Networks, section 3.1, where ``ratio`` is rho
    and ``share_minority`` is mu).

    Parameters
    ----------
    labels : ndarray, shape (n,)
        Class names.
    ratio : float
        Size of the largest class over that of a minority class, 1 or more.
    seed : int
        Root seed.
    share_minority : float, default=0.5
        Share of the classes that become minority ones, in (0, 1); rounded down, at least one.

    Returns
    -------
    kept, held_back : ndarray of int64
        As in :func:`keep_minority`; every class keeps at least one row.

    Raises
    ------
    SettingsError
        When ``ratio`` is below 1 or ``share_minority`` outside (0, 1).
    DataError
        When there is one class only.
    """
    if not 0 < share_minority < 1:
        raise SettingsError(f"share_minority is {share_minority}; give a number above 0 and below 1")
    names, counts = _by_frequency(labels)
    sizes = counts.astype(np.float64)
    n_minority = max(1, int(share_minority * len(names)))
    sizes[-n_minority:] = counts[0] / _checked_ratio(ratio)
    return _thinned(labels, names, sizes, seed)


def drawn_classes(labels: Labels, n_classes: int, share: float, seed: int) -> tuple[Indices, Indices]:
    """Thin some classes, drawn at random, to a share of their rows, and leave the others whole.

    So Ando and Huang ("Deep Over-sampling Framework for Classifying Imbalanced Data", ECML-PKDD 2017, section 4) make
    four of ten classes rare.

    Parameters
    ----------
    labels : ndarray, shape (n,)
        Class names.
    n_classes : int
        How many, 1 or more, and fewer than there are.
    share : float
        Of the rows of each that is kept, above 0 and up to 1; rounded, and at least one row.
    seed : int
        Root seed, of the classes and of the rows.

    Returns
    -------
    kept, held_back : ndarray of int64
        As in :func:`keep_minority`.

    Raises
    ------
    SettingsError
        When there are no more classes than that.
    """
    names, counts = _by_frequency(labels)
    if not 1 <= n_classes < len(names):
        raise SettingsError(
            f"{n_classes} classes were to be drawn of the {len(names)} that there are; give from 1 to {len(names) - 1}"
        )
    sizes = counts.astype(np.float64)
    drawn = generator(seed, "classes").permutation(np.argsort([str(name) for name in names]))[:n_classes]
    sizes[drawn] = np.rint(share * sizes[drawn])
    return _thinned(labels, names, sizes, seed)


def imbalance_ratio(labels: Labels) -> float:
    """Rows of the most frequent class over those of the rarest one that occurs.

    Raises
    ------
    DataError
        When there is no label.
    """
    if len(labels) == 0:
        raise DataError("there are no labels; an imbalance ratio needs at least one")
    _, counts = np.unique(np.asarray(labels), return_counts=True)
    return float(counts.max() / counts.min())


def _rows_of(labels: Labels, minority: str) -> NDArray[np.bool_]:
    rows = np.asarray([str(label) == str(minority) for label in labels], dtype=bool)
    if not rows.any():
        names = sorted({str(label) for label in labels})
        raise SettingsError(
            f"there is no class {minority!r}; there are {listed(names)}{near_match(str(minority), names)}"
        )
    return rows


def _checked_ratio(ratio: float) -> float:
    if not (np.isfinite(ratio) and ratio >= 1):
        raise SettingsError(f"ratio is {ratio}; give a number of 1 or more, such as 10 for ten to one")
    return float(ratio)


def _by_frequency(labels: Labels) -> tuple[list[object], NDArray[np.int64]]:
    """Classes from the most to the least frequent, equals in the order of their names."""
    names, counts = np.unique(np.asarray(labels), return_counts=True)
    if len(names) < 2:
        raise DataError("labels have one class only; a profile needs at least two")
    order = np.argsort(-counts, kind="stable")
    return [names[i] for i in order], counts[order]


def _shuffled(rows: Indices, name: str, seed: int) -> Indices:
    """Rows of a class in an order that depends on seed and class only, so that larger shares hold smaller."""
    return generator(seed, "keep", name).permutation(rows)


def _thinned(
    labels: Labels, names: list[object], sizes: NDArray[np.float64], seed: int
) -> tuple[Indices, Indices]:
    held_back = [
        _shuffled(np.flatnonzero(labels == name), str(name), seed)[max(1, int(size + 1e-9)) :]
        for name, size in zip(names, sizes, strict=True)
    ]
    return _split_off(len(labels), np.concatenate(held_back))


def _split_off(n_rows: int, held_back: Indices) -> tuple[Indices, Indices]:
    kept = np.ones(n_rows, dtype=bool)
    kept[held_back] = False
    return np.flatnonzero(kept), np.sort(held_back)
