"""Labelled data as the commands take them: read, put into words, one class against the rest, thinned.

Used by every command that learns from labels; ``counterpoise.data`` does the work.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from counterpoise.cli.screen import Screen
from counterpoise.data.imbalance import imbalance_ratio, one_against_rest, thin
from counterpoise.data.near import listed, near_match
from counterpoise.data.readers import read, splits_of
from counterpoise.errors import DataError, SettingsError
from counterpoise.seeding import derive_seed

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

_MOST_CLASSES_SHOWN = 10


@dataclass(frozen=True)
class Labelled:
    """Labelled texts, ready for a method.

    Attributes
    ----------
    texts, labels : ndarray of object, shape (n,)
    groups, times : ndarray of shape (n,), or None
    rows : ndarray of int64, shape (n,)
        Row of each in the source, from 0.
    minority : str or None
        The class that matters: the one named, else the rarer of two.
    name : str
        Of the source, without its folder.
    story : str
        What was done to the rows, for the model card.
    columns : tuple of str
        Where the texts were taken from.
    table : pyarrow.Table
        Every column of the source.
    """

    texts: NDArray[np.object_]
    labels: NDArray[np.object_]
    groups: NDArray[np.object_] | None
    times: NDArray[np.generic] | None
    rows: NDArray[np.int64]
    minority: str | None
    name: str
    story: str
    columns: tuple[str, ...]
    table: pa.Table

    def take(self, rows: NDArray[np.int64]) -> Labelled:
        """Some of the rows."""
        return replace(
            self,
            texts=self.texts[rows],
            labels=self.labels[rows],
            groups=None if self.groups is None else self.groups[rows],
            times=None if self.times is None else self.times[rows],
            rows=self.rows[rows],
            table=self.table.take(rows),
        )


def read_labelled(
    screen: Screen,
    source: str,
    *,
    text: list[str] | None,
    label: str | None,
    group: str | None = None,
    time: str | None = None,
    split: str | None,
    encoding: str | None,
    data_dir: str | None,
    minority: str | None,
) -> Labelled:
    """Read what a method is to be fitted to, and tell how imbalanced it is.

    Parameters
    ----------
    screen : Screen
    source, text, label, group, time, split, encoding, data_dir
        See :func:`counterpoise.data.readers.read`; the training split is the default.
    minority : str or None
        With more than two classes, all others become ``"rest"``.

    Raises
    ------
    DataError
        Also for a single class, and a class of one row: it cannot be both learnt and judged.
    SettingsError
        When there is no class of that name.
    """
    table = read(
        source,
        text=text,
        label=label,
        group=group,
        time=time,
        split=split,
        encoding=encoding,
        data_dir=data_dir,
    )
    for note in table.notes:
        screen.note(note)
    labels = table.labels
    assert labels is not None  # they were asked for
    check_classes(labels, table.source)
    story = _split_read(source, split)
    if minority is not None:
        check_class(minority, labels, table.source)
        if len(set(labels)) > 2:
            labels = one_against_rest(labels, minority)
            screen.note(f"class {minority!r} against all the rest")
            story = ", ".join(filter(None, (story, f"class {minority!r} against the rest")))
    check_sizes(labels, table.source)
    screen.note(in_words(labels))
    if minority is None and len(set(labels)) == 2:
        minority = rarer(labels)
    rows = np.arange(len(labels))
    name = dataset_name(source)
    return Labelled(
        table.texts,
        labels,
        table.groups,
        table.times,
        rows,
        minority,
        name,
        story,
        table.text_columns,
        table.table,
    )


def dataset_name(source: str) -> str:
    """What rows and cards call a source: its name without the folder, which is nobody else's business."""
    return "standard input" if source == "-" else Path(source).name


def _split_read(source: str, split: str | None) -> str:
    splits = splits_of(source)
    return "" if not splits else split or (splits[0] if len(splits) == 1 else "train")


def thinned(screen: Screen, data: Labelled, keep: str | None, seed: int) -> Labelled:
    """Keep only part of the minority, or of all classes.

    Raises
    ------
    SettingsError
        When it is not known which class that is, or it has fewer rows.
    """
    if keep is None:
        return data
    kept, held_back, share = thin(data.labels, keep, data.minority, derive_seed(seed, "keep"))
    if share is None:
        what = f"{len(kept):,} of {len(data.labels):,} rows kept, {keep}"
    else:
        n_kept = int((data.labels[kept] == data.minority).sum())
        what = f"{n_kept:,} of {n_kept + len(held_back):,} rows of class {data.minority!r} kept"
    screen.note(what)
    return replace(data.take(kept), story=", ".join(filter(None, (data.story, what))))


def check_classes(labels: NDArray[np.object_], source: str) -> None:
    """Raise :class:`DataError` unless there are two classes or more."""
    if len(set(labels)) < 2:
        raise DataError(
            f"{source} has one class only, {labels[0]!r} in all {len(labels):,} rows; "
            "give data with at least two classes, or name another column with --label"
        )


def check_class(name: str, labels: NDArray[np.object_], source: str) -> None:
    """Raise :class:`SettingsError` unless there is a class of that name."""
    names = sorted(set(labels))
    if name not in names:
        raise SettingsError(
            f"{source} has no class {name!r} for --minority; it has {listed(names)}{near_match(name, names)}"
        )


def check_sizes(labels: NDArray[np.object_], source: str) -> None:
    """Raise :class:`DataError` for a class of one row."""
    names, counts = np.unique(labels, return_counts=True)
    if counts.min() == 1:
        raise DataError(
            f"{source} has one row only of class {str(names[counts.argmin()])!r}, which cannot be both learnt "
            "and judged; give two or more of every class, drop it, or set one class against the rest with "
            "--minority"
        )


def rarer(labels: NDArray[np.object_]) -> str:
    """The class with the fewest rows."""
    names, counts = np.unique(labels, return_counts=True)
    return str(names[counts.argmin()])


def in_words(labels: NDArray[np.object_]) -> str:
    """How many rows of which class there are, and how uneven that is."""
    names, counts = np.unique(labels, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    parts = [f"{counts[i]:,} {str(names[i])!r}" for i in order]
    if len(parts) > _MOST_CLASSES_SHOWN:
        n_hidden = len(parts) - _MOST_CLASSES_SHOWN
        parts = [*parts[: _MOST_CLASSES_SHOWN - 1], f"{n_hidden} classes between", parts[-1]]
    largest, smallest = str(names[order[0]]), str(names[order[-1]])
    return (
        f"{len(labels):,} rows: {', '.join(parts)}; {imbalance_ratio(labels):.1f} of {largest!r} "
        f"for each {smallest!r}"
    )
