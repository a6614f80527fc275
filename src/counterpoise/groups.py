"""Rows that belong together, so that a split keeps them on one side: repeats, and groups that were given.

>>> merge_groups([0, 0, 1, 2], ["a", "b", "b", "c"]).tolist()
[0, 0, 0, 1]
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from counterpoise.errors import DataError

Ints = NDArray[np.int64]


def merge_groups(*groupings: ArrayLike) -> Ints:
    """Join rows that share a group in any of several groupings, directly or through other rows.

    Parameters
    ----------
    *groupings : array-like of shape (n,)
        Group names or numbers, one a row.

    Returns
    -------
    ndarray of int64, shape (n,)
        Groups numbered from 0 by first appearance.

    Raises
    ------
    DataError
        If the lengths differ.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    codes = [np.unique(np.asarray(grouping), return_inverse=True)[1] for grouping in groupings]
    n = len(codes[0])
    if any(len(code) != n for code in codes):
        raise DataError(f"groupings have {[len(code) for code in codes]} rows; give as many in each")
    # Rows and groups are the two sides of one graph: its components are the merged groups.
    starts = n + np.cumsum([0] + [int(code.max(initial=-1)) + 1 for code in codes])
    rows = np.tile(np.arange(n), len(codes))
    columns = np.concatenate([code + start for code, start in zip(codes, starts[:-1], strict=True)])
    size = int(starts[-1])
    graph = coo_array((np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=(size, size))
    component = connected_components(graph, directed=False)[1][:n]
    _, first, inverse = np.unique(component, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse].astype(np.int64)


def text_groups(texts: NDArray[np.object_], groups: ArrayLike | None = None) -> Ints:
    """Group texts for splitting: equal after case-folding, word-set Jaccard of .9 or more, or in one group.

    Parameters
    ----------
    texts : ndarray of str, shape (n,)
    groups : array-like of shape (n,) or None, default=None
        Groups known otherwise, such as the author; merged with those of the texts.

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    from counterpoise.text.duplicates import near_duplicate_groups

    duplicates = near_duplicate_groups(texts, threshold=0.9)
    return merge_groups(duplicates) if groups is None else merge_groups(duplicates, groups)


def image_groups(images: NDArray[np.uint8], groups: ArrayLike | None = None) -> Ints:
    """Group images for splitting: the same in every pixel, or in one group.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, H, W, C), or MappedImages
    groups : array-like of shape (n,) or None, default=None
        Groups known otherwise, such as the patient; merged with those of the images.

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    from counterpoise.images.repeats import repeated_image_groups

    repeats = repeated_image_groups(images)
    return repeats if groups is None else merge_groups(repeats, groups)


def joined_rows(inputs: NDArray[Any], groups: ArrayLike | None = None) -> Ints:
    """Group rows for splitting, whatever they are: repeated texts and images, and rows in one group.

    Equal numeric rows are not joined: where features have few values, rows that have nothing to do with each other are
    equal.

    Parameters
    ----------
    inputs : ndarray, shape (n, ...)
        Texts of object, numeric rows ``(n, d)``, or images ``(n, H, W, 3)`` of uint8.
    groups : array-like of shape (n,) or None, default=None
        Groups known otherwise.

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    if inputs.dtype == object:
        return text_groups(inputs, groups)
    if inputs.ndim == 4:
        return image_groups(inputs, groups)
    return merge_groups(np.arange(len(inputs)) if groups is None else groups)
