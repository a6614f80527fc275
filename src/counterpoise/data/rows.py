"""A run of rows on its way in: an Arrow table that knows how to name its rows to a person.

Every format yields :class:`Rows`; every check names the offending row through :meth:`Rows.where`, so that the
words are the same everywhere and fit the format (a line of JSON Lines, a data row of CSV).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from counterpoise.errors import DataError

BELOW_HEADER = "data row {} (counted from 1 below the header)"
FROM_ONE = "row {} (counted from 1)"
BY_LINE = "line {}"


@dataclass(frozen=True)
class Rows:
    """Consecutive rows of one source.

    Attributes
    ----------
    table : pyarrow.Table
        All columns, in the order of the source.
    first_row : int
        Index of the first of these rows in the source, from 0.
    counting : str
        Format string that turns a number from 1 into the words for that row.
    lines : ndarray of int64 or None
        Line number of each row from 1, for sources whose blank lines make lines and rows differ.
    """

    table: pa.Table
    first_row: int
    counting: str
    lines: np.ndarray | None = None

    def where(self, index: int) -> str:
        """Words for the row at ``index`` of these rows, such as ``"line 17"``."""
        number = self.first_row + index + 1 if self.lines is None else int(self.lines[index])
        return self.counting.format(number)

    def cut(self, start: int, stop: int) -> Rows:
        """The rows ``start`` to ``stop`` (exclusive) of these, without copying."""
        lines = None if self.lines is None else self.lines[start:stop]
        return Rows(self.table.slice(start, stop - start), self.first_row + start, self.counting, lines)


def joined(pieces: Iterable[Rows], name: str) -> Rows:
    """All pieces of a source as one.

    Raises
    ------
    DataError
        When there is not one row, or when the pieces do not have the same columns.
    """
    every = [piece for piece in pieces if piece.table.num_rows]
    if not every:
        raise DataError(f"{name} has no rows; give a file with at least one")
    try:
        table = pa.concat_tables([piece.table for piece in every])
    except pa.ArrowInvalid as error:
        raise DataError(
            f"{name}: its parts do not have the same columns; read one split at a time"
        ) from error
    lines = None
    if all(piece.lines is not None for piece in every):
        lines = np.concatenate([piece.lines for piece in every if piece.lines is not None])
    return Rows(table, every[0].first_row, every[0].counting, lines)


def regrouped(pieces: Iterable[Rows], name: str, rows_per_piece: int) -> Iterator[Rows]:
    """The same rows in pieces of exactly ``rows_per_piece``, but for the last one.

    At most one piece of the source and one of the result are held at a time.
    """
    held: list[Rows] = []
    waiting = 0
    for piece in pieces:
        start = 0
        while waiting + piece.table.num_rows - start >= rows_per_piece:
            stop = start + rows_per_piece - waiting
            yield joined([*held, piece.cut(start, stop)], name)
            held, waiting, start = [], 0, stop
        if start < piece.table.num_rows:
            held.append(piece.cut(start, piece.table.num_rows))
            waiting += piece.table.num_rows - start
    if held:
        yield joined(held, name)
