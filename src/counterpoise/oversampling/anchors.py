"""New minority texts with where they came from: the record, the Arrow table of many, and the columns of a file.

    table = anchor_table(anchors, labels)                    # what every sampler has as ``anchors_``
    table["text"].to_pylist(), table["source_row"].to_numpy()
    anchors_from(table)                                      # the records again

Samplers make records one by one; what they hand out is a table, which can be filtered, joined and written as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

OWN_SHARE = "own_share"
"""A column that only samplers have which say it, and only where they are asked to."""

_LISTS = ("partner_rows", "kept", "shared", "injected")


@dataclass(frozen=True)
class Anchor:
    """One new minority sample and where it came from.

    Attributes
    ----------
    text : str
        The new text.
    source_row : int
        Row of the minority text that it was made from.
    partner_rows : tuple of int
        Rows that lent it words: of the majority, then, where words of other minority texts were injected, those.
    kept, shared, injected : tuple of str
        Words kept from the source, those of them that a majority partner has too, and words taken from partners, or
        from no text in particular where there is no partner.
    difficulty : float or None
        Of the source: share of its nearest neighbours that are of another class, in [0, 1]; None where the sampler
        does not ask.
    own_share : float or None
        Share of its words that the first of the partners, which is of another class, has not lent; None where it is not
        asked for.
    """

    text: str
    source_row: int
    partner_rows: tuple[int, ...] = ()
    kept: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    injected: tuple[str, ...] = ()
    difficulty: float | None = None
    own_share: float | None = None


def anchor_schema(label_type: pa.DataType | None = None) -> pa.Schema:
    """Columns of an anchor table: text, label, source_row, partner_rows, difficulty, kept, shared, injected.

    Parameters
    ----------
    label_type : pyarrow.DataType or None, default=None
        None leaves the label out.
    """
    import pyarrow as pa

    words, rows = pa.list_(pa.string()), pa.list_(pa.int64())
    columns = [("text", pa.string())] + ([] if label_type is None else [("label", label_type)])
    columns += [("source_row", pa.int64()), ("partner_rows", rows), ("difficulty", pa.float64())]
    return pa.schema([*columns, ("kept", words), ("shared", words), ("injected", words)])


def anchor_table(anchors: Sequence[Anchor], labels: np.ndarray | None = None) -> pa.Table:
    """Records as a table.

    Parameters
    ----------
    anchors : sequence of Anchor
    labels : ndarray, shape (n,), or None, default=None
        Class of each, strings, whole numbers or truth values; None leaves the column out.

    Returns
    -------
    pyarrow.Table
        With the columns of :func:`anchor_schema`, one row an anchor; then ``own_share``, where the records have it.
    """
    import pyarrow as pa

    kind = None
    if labels is not None:
        # Of an array of objects, which are strings, an empty one would not say so.
        kind = pa.string() if labels.dtype.kind in "OU" else pa.from_numpy_dtype(labels.dtype)
    schema = anchor_schema(kind)
    columns: dict[str, Any] = {
        name: [getattr(anchor, name) for anchor in anchors] for name in schema.names if name != "label"
    }
    if labels is not None:
        columns["label"] = labels.tolist()
    table = pa.table(columns, schema=schema)
    shares = [anchor.own_share for anchor in anchors]
    return table if None in shares or not shares else table.append_column(OWN_SHARE, pa.array(shares))


def anchors_from(table: pa.Table) -> list[Anchor]:
    """The records of a table, in its order; columns that a record lacks are passed over."""
    told = [name for name in (*anchor_schema().names, OWN_SHARE) if name in table.column_names]
    rows = table.select(told).to_pylist()
    return [Anchor(**{**row, **{name: tuple(row[name]) for name in _LISTS}}) for row in rows]


def file_table(
    table: pa.Table, texts: np.ndarray, rows: np.ndarray, method: str, originals: np.ndarray | None = None
) -> pa.Table:
    """An anchor table as it is written to a file, with what a reader needs who does not have the sampler's input.

    Parameters
    ----------
    table : pyarrow.Table
        Of :func:`anchor_table`, with labels that are strings.
    texts : ndarray of str, shape (n,)
        What the sampler was given.
    rows : ndarray of int64, shape (n,)
        Row of each of these in the file that they come from; the rows of the table are turned into them.
    method : str
        Name of the sampler.
    originals : ndarray of str, shape (n,), or None, default=None
        Labels of the given texts, which are then put first, under the method "original".

    Returns
    -------
    pyarrow.Table
        The columns of :func:`anchor_schema` with ``source_text`` after ``source_row`` and ``method`` after
        ``difficulty``; then those that the sampler has put beside them.
    """
    import pyarrow as pa

    schema = anchor_schema(pa.string())
    for after, name in (("source_row", "source_text"), ("difficulty", "method")):
        schema = schema.insert(schema.get_field_index(after) + 1, pa.field(name, pa.string()))
    for field in table.schema:
        schema = schema if field.name in schema.names else schema.append(field)
    columns: dict[str, list[Any]] = {name: [] for name in schema.names}
    if originals is not None:
        given: dict[str, Any] = {"text": texts, "label": originals, "source_row": rows, "source_text": texts}
        given |= {"method": ["original"] * len(texts), "partner_rows": [[]] * len(texts)}
        for name, values in columns.items():
            values += list(given.get(name, [None] * len(texts)))
    made = table.to_pydict()
    made["source_text"] = [texts[row] for row in made["source_row"]]
    made["source_row"] = [rows[row] for row in made["source_row"]]
    made["partner_rows"] = [[rows[row] for row in partners] for partners in made["partner_rows"]]
    made["method"] = [method] * len(table)
    for name, values in columns.items():
        values += made[name]
    return pa.table(columns, schema=schema)
