"""Labelled texts or images as the commands take them: read, put into words, one class against the rest, thinned.

Used by every command that learns from labels; ``counterpoise.data`` does the work.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from counterpoise.cli.screen import Screen
from counterpoise.data.image_files import read_images
from counterpoise.data.image_table import ImageTable
from counterpoise.data.imbalance import imbalance_ratio, one_against_rest, thin
from counterpoise.data.near import listed, near_match
from counterpoise.data.readers import TextTable, read, splits_of
from counterpoise.data.source_kinds import IMAGE, refuse_options_of_others, source_kind
from counterpoise.errors import DataError, SettingsError
from counterpoise.images.python_inputs import as_images
from counterpoise.seeding import derive_seed

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

_MOST_CLASSES_SHOWN = 10


@dataclass(frozen=True)
class Labelled:
    """Labelled texts or images, ready for a method.

    Attributes
    ----------
    kind : {"text", "image"}
    inputs : ndarray
        Texts, ``(n,)`` of object, or images, ``(n, H, W, 3)`` of uint8, which may be
        :class:`counterpoise.images.mapped.MappedImages` where they are many.
    labels : ndarray of object, shape (n,)
    shown : ndarray of object, shape (n,)
        What people are shown of each: the text, or the image's path; None for an image that has none.
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
        Where the texts or images were taken from.
    table : pyarrow.Table
        Every column of the source, but for images.
    """

    kind: str
    inputs: Any
    labels: NDArray[np.object_]
    shown: NDArray[np.object_]
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
            inputs=self.inputs[rows],
            labels=self.labels[rows],
            shown=self.shown[rows],
            groups=None if self.groups is None else self.groups[rows],
            times=None if self.times is None else self.times[rows],
            rows=self.rows[rows],
            table=self.table.take(rows),
        )


def read_labelled(
    screen: Screen,
    source: str,
    kind: str,
    *,
    text: list[str] | None = None,
    image: str | None = None,
    image_size: int | None = None,
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
    source : str
    kind : {"text", "image"}
        What it holds (:func:`kind_of_source`).
    text, label, group, time, split, encoding, data_dir
        See :func:`counterpoise.data.readers.read`; the training split is the default.
    image : str or None
        See :func:`counterpoise.data.image_files.read_images`.
    image_size : int or None
        See :class:`counterpoise.ImageClassifier`.
    minority : str or None
        With more than two classes, all others become ``"rest"``.

    Raises
    ------
    DataError
        Also for a single class, and a class of one row: it cannot be both learnt and judged.
    SettingsError
        When there is no class of that name.
    """
    found: TextTable | ImageTable
    shared: Any = {"label": label, "group": group, "time": time, "split": split, "data_dir": data_dir}
    if kind == IMAGE:
        found = read_images(source, image=image, **shared)
    else:
        found = read(source, text=text, encoding=encoding, **shared)
    for note in found.notes:
        screen.note(note)
    labels = found.labels
    assert labels is not None  # they were asked for
    check_classes(labels, found.source)
    story = _split_read(source, split)
    if minority is not None:
        check_class(minority, labels, found.source)
        if len(set(labels)) > 2:
            labels = one_against_rest(labels, minority)
            screen.note(f"class {minority!r} against all the rest")
            story = ", ".join(filter(None, (story, f"class {minority!r} against the rest")))
    check_sizes(labels, found.source)
    screen.note(in_words(labels))
    if minority is None and len(set(labels)) == 2:
        minority = rarer(labels)
    inputs: Any
    if isinstance(found, ImageTable):
        columns, shown = found.columns, np.array(found.files, dtype=object)
        inputs = as_images(found.images, image_size)
    else:
        columns, shown = found.text_columns, found.texts
        inputs = found.texts
    return Labelled(
        kind,
        inputs,
        labels,
        shown,
        found.groups,
        found.times,
        np.arange(len(labels)),
        minority,
        dataset_name(source),
        story,
        columns,
        found.table,
    )


def kind_of_source(
    source: str,
    *,
    text: list[str] | None = None,
    image: str | None = None,
    image_size: int | None = None,
    encoding: str | None = None,
    **_others: Any,
) -> str:
    """Whether a source holds texts or images, as the options of a command have it.

    Raises
    ------
    DataError, SettingsError
        Also for options that the other kind has.
    """
    kind = source_kind(source, text=text, image=image)
    refuse_options_of_others(kind, source, encoding=encoding, image_size=image_size)
    return kind


def dataset_name(source: str) -> str:
    """What rows and cards call a source: its name without the folder, which is nobody else's business."""
    return "standard input" if source == "-" else Path(source).name or Path(source).resolve().name


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
            "give data with at least two classes or, where labels are a column, name another one with --label"
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
