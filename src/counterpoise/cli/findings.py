"""What ``counterpoise diagnose`` finds in labelled data: a row as ``--json`` prints it, and columns for a file.

    found = diagnosed(screen, "reviews.csv", k=5, output="reviews-diagnosed.parquet", minority="complaint", ...)
    found["difficult_share"]

The columns stand behind those of the input, a line for each of its rows.
"""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from sklearn.base import clone

from counterpoise.cli.labelled import kind_of_source, read_labelled, thinned
from counterpoise.cli.screen import Screen
from counterpoise.data.imbalance import imbalance_ratio
from counterpoise.data.writers import TableWriter
from counterpoise.difficulty import MAJORITY_ASKED, overlap
from counterpoise.errors import DataError, SettingsError
from counterpoise.estimators.loading import CLASSIFIERS
from counterpoise.groups import joined_rows
from counterpoise.methods.registry import DEFAULT_BACKBONE

if TYPE_CHECKING:
    from counterpoise.cli.labelled import Labelled
    from counterpoise.difficulty import FitEmbed, Overlap
    from counterpoise.gamma import Difficulty

MOST_SHOWN = 10
"""Difficult samples that are quoted."""

IMAGE_EPOCHS = 5
"""Epochs of the networks in which images are compared: enough to tell likeness, few enough to wait for."""

COLUMNS = ("other_class_neighbours", "near_repeats", "conflicting")
"""What is found of each row, behind the columns of the input; see :func:`columns_of`."""

_NEAREST_SHOWN = 2


def diagnosed(
    screen: Screen,
    source: str,
    *,
    k: int,
    backbone: str | None,
    max_epochs: int | None = None,
    keep: str | None,
    random_state: int,
    output: str | None = None,
    **reading: Any,
) -> dict[str, Any]:
    """Read data and look at them.

    Parameters
    ----------
    screen : Screen
        For remarks.
    source : str
    k : int
        Nearest texts or images to look at.
    backbone : str or None
        Network whose embedding is looked at; None takes word vectors learnt without labels for texts, and
        ``"resnet"`` for images.
    max_epochs : int or None, default=None
        Of that network; None takes 10 for texts and :data:`IMAGE_EPOCHS` for images.
    keep : str or None
        How much of the minority, or of all classes, is kept.
    random_state : int
    output : str or None, default=None
        File for :func:`columns_of` behind the input's own columns. Every row is looked up for it, where otherwise
        2,000 of the majority are.
    **reading
        Of :func:`counterpoise.cli.labelled.read_labelled`.

    Returns
    -------
    dict

    Raises
    ------
    DataError, SettingsError
    """
    kind = kind_of_source(source, **reading)
    network = _network(kind, backbone, max_epochs, random_state)
    with nullcontext() if output is None else TableWriter(output) as out:
        data = thinned(screen, read_labelled(screen, source, kind, **reading), keep, random_state)
        if out is not None:
            _check_columns(data.table, source)
        repeats = joined_rows(data.inputs)
        found = overlap(
            data.inputs,
            data.labels,
            minority=data.minority,
            k=k,
            embed=None if network is None else _cross_fitted(network, data),
            groups=data.groups,
            repeats=repeats,
            random_state=random_state,
            majority_asked=MAJORITY_ASKED if out is None else len(data.labels),
        )
        if out is not None:
            table = data.table
            for name, column in columns_of(data.labels, found, repeats).items():
                table = table.append_column(name, column)
            out.write(table)
    return {
        **_counted(data),
        **_repeated(data, repeats),
        **_overlapping(data, found),
        **_compared_in(network),
    }


class FileDiagnoser:
    """Looks at one file after another: a worker of :func:`counterpoise.cluster.map_files`.

    Parameters
    ----------
    asked : dict
        Of :func:`diagnosed`.
    """

    def __init__(self, asked: dict[str, Any]) -> None:
        self.asked = asked

    def __call__(self, source: str, output: str) -> dict[str, Any]:
        """Look at a file, and write what is found of each row."""
        silent = Screen("diagnose", as_json=True, quiet=True)
        return diagnosed(silent, source, output=output, **self.asked)


def columns_of(labels: np.ndarray, found: Overlap, repeats: np.ndarray) -> dict[str, pa.Array]:
    """What is found of each row.

    Parameters
    ----------
    labels : ndarray of object, shape (n,)
    found : Overlap
        Every row looked up.
    repeats : ndarray of int64, shape (n,)
        Which texts (nearly) repeat each other, or which images are the same.

    Returns
    -------
    dict of str to pyarrow.Array
        ``other_class_neighbours`` is how many of the nearest texts or images are of another class (of the minority, for
        one of the majority), ``near_repeats`` how many others nearly repeat this one (images: are the same), and
        ``conflicting`` whether one of those has another label.
    """
    hostile = np.zeros(len(labels), dtype=np.int32)
    for part in (found.minority, found.majority):
        hostile[part.rows] = part.gamma
    _, group, copies = np.unique(repeats, return_inverse=True, return_counts=True)
    _, numbers = np.unique(labels, return_inverse=True)
    pairs = np.unique(np.stack([group, numbers]), axis=1)
    found_of = (hostile, (copies[group] - 1).astype(np.int32), np.bincount(pairs[0])[group] > 1)
    return dict(zip(COLUMNS, map(pa.array, found_of), strict=True))


def _check_columns(table: pa.Table, source: str) -> None:
    for name in COLUMNS:
        if name in table.column_names:
            raise DataError(f"{source} has a column {name!r} already; rename or drop it, then diagnose again")


def _network(kind: str, backbone: str | None, max_epochs: int | None, seed: int) -> Any:
    """The classifier in whose embedding rows are compared, its settings checked; None where no network is wanted."""
    settings: dict[str, Any] = {} if max_epochs is None else {"max_epochs": max_epochs}
    if kind == "image":
        settings = {"max_epochs": IMAGE_EPOCHS, **settings}
    elif backbone is None:
        if settings:
            raise SettingsError(
                "--max-epochs has no use without --backbone: texts are compared without training; leave it out"
            )
        return None
    classifier = CLASSIFIERS[kind](
        "erm", backbone or DEFAULT_BACKBONE[kind], threshold=None, random_state=seed, **settings
    )
    classifier._checked_settings()
    return classifier


def _cross_fitted(network: Any, data: Labelled) -> FitEmbed:
    """Plain training on some rows, and the embedding it leads to."""

    def fit_embed(train: np.ndarray) -> Any:
        classifier = clone(network).fit(data.inputs[train], data.labels[train])
        return lambda rows: classifier.embed(data.inputs[rows])

    return fit_embed


def _compared_in(network: Any) -> dict[str, Any]:
    if network is None:
        return {"embedding": "label-free"}
    return {"embedding": network.backbone, "epochs": network.max_epochs}


def _counted(data: Labelled) -> dict[str, Any]:
    return {
        "dataset": data.name,
        "data": data.kind,
        "rows": len(data.labels),
        "classes": dict(Counter(data.labels.tolist()).most_common()),
        "minority": data.minority,
        "ratio": imbalance_ratio(data.labels),
    }


def _repeated(data: Labelled, repeats: np.ndarray) -> dict[str, Any]:
    """Near repeats within a class by class, and those that have several labels."""
    names, numbers = np.unique(data.labels, return_inverse=True)
    pairs, first, pair, copies = np.unique(
        repeats * len(names) + numbers, return_index=True, return_inverse=True, return_counts=True
    )
    within = np.bincount(numbers[copies[pair] > 1], minlength=len(names))
    group = pairs // len(names)
    n_labels = np.bincount(group)
    conflicts = [
        [{**_sample(data, first[i]), "copies": int(copies[i])} for i in np.flatnonzero(group == g)]
        for g in np.flatnonzero(n_labels > 1)
    ]
    return {
        "repeats_within": {str(name): int(count) for name, count in zip(names, within, strict=True)},
        "repeats_across": int((n_labels[repeats] > 1).sum()),
        "conflicts": conflicts,
    }


def _overlapping(data: Labelled, found: Overlap) -> dict[str, Any]:
    difficult = found.minority.take(found.minority.ranked()[: len(found.minority.difficult)])
    shares = {}
    for i, name in enumerate(found.classes):
        near = zip(found.classes, found.neighbours[i].tolist(), strict=True)
        shares[str(name)] = {
            "difficult_share": float(found.shares[i]),
            "neighbours": {str(other): share for other, share in near},
        }
    return {
        "k": found.minority.k,
        "difficult_share": found.minority.share,
        "majority_difficult_share": found.majority.share,
        "by_class": shares,
        "difficult": [
            {"row": int(data.rows[row]), "gamma": int(gamma)}
            for row, gamma in zip(difficult.rows, difficult.gamma, strict=True)
        ],
        "most_difficult": [_case(data, difficult, i) for i in range(min(MOST_SHOWN, len(difficult.rows)))],
    }


def _case(data: Labelled, difficult: Difficulty, i: int) -> dict[str, Any]:
    """One difficult sample with the nearest ones of other classes."""
    hostile = difficult.neighbours[i][difficult.hostile[i]]
    return {
        **_sample(data, difficult.rows[i]),
        "gamma": int(difficult.gamma[i]),
        "nearest": [_sample(data, row) for row in hostile[:_NEAREST_SHOWN]],
    }


def _sample(data: Labelled, row: int) -> dict[str, Any]:
    return {"row": int(data.rows[row]), "label": str(data.labels[row]), data.kind: data.shown[row]}
