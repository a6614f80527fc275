"""Which column is the text and which the label: named by the user, or guessed and said.

``choose(table, text=None, label=None, ...)`` gives the names and, for each guess, a sentence for the screen.
A guess goes by common names first, then by shape (the longest strings are the text, the column with few
distinct values is the label), and refuses when two columns would do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from counterpoise.data.near import listed, near_match
from counterpoise.errors import DataError

TEXT_NAMES = (
    *("text", "texts", "body", "message", "sms", "sentence", "document", "review", "review_text", "tweet"),
    *("comment", "content", "question", "utterance", "description", "abstract", "headline", "title", "v2"),
)
LABEL_NAMES = (
    *(
        "label",
        "labels",
        "class",
        "class_label",
        "label_name",
        "category",
        "target",
        "y",
        "topic",
        "sentiment",
    ),
    *("intent", "tag", "v1"),
)
OF_NUMBERS = "for tables of numbers use counterpoise.ArrayClassifier in Python"
"""What to do about a table without texts: the command line takes none of numbers."""
_NUMBER = r"^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$"
_MOST_CLASSES = 200
_CLEARLY_LONGER = 2.0


@dataclass(frozen=True)
class Columns:
    """The columns in use.

    Attributes
    ----------
    text : tuple of str
        One, or several that are joined.
    label : str or None
        None when no label is wanted.
    notes : tuple of str
        One sentence for each guess.
    """

    text: tuple[str, ...]
    label: str | None
    notes: tuple[str, ...]


def choose(
    table: pa.Table,
    name: str,
    *,
    text: str | Sequence[str] | None = None,
    label: str | None = None,
    needs_label: bool = True,
    taken: Sequence[str] = (),
    expected: Sequence[str] = (),
) -> Columns:
    """Settle the text and the label column.

    Parameters
    ----------
    table : pyarrow.Table
        All rows, or the first ones of a stream.
    name : str
        What messages call the source.
    text, label : str, sequence of str (text only) or None, default=None
        Names as given; None guesses.
    needs_label : bool, default=True
        Without it a label that is not named is not looked for.
    taken : sequence of str, default=()
        Columns that serve something else (groups, times) and are left out of the guess.
    expected : sequence of str, default=()
        Text columns to take rather than guess, if the source has them all: those a model was fitted to.

    Raises
    ------
    DataError
        When a named column does not exist or is there twice, when one is named for both, or when a guess
        would be a coin toss; the message lists the columns.
    """
    names = table.column_names
    given = (text,) if isinstance(text, str) else tuple(text or ())
    if not given and set(expected) <= set(names):
        given = tuple(expected)
    for wanted in [*given, *([] if label is None else [label]), *taken]:
        check_column(names, wanted, name)
    if label is not None and label in given:
        raise DataError(
            f"{name}: column {label!r} is named both as text and as label; name two different ones"
        )
    notes = []
    if not given:
        given = (_guessed_text(table, name, {label, *taken}),)
        check_column(names, given[0], name)
        notes.append(f"text column: {given[0]!r} (guessed)")
    if label is None and needs_label:
        label = _guessed_label(table, name, {*given, *taken})
        check_column(names, label, name)
        notes.append(f"label column: {label!r} (guessed)")
    return Columns(given, label, tuple(notes))


def check_column(names: Sequence[str], wanted: str, name: str) -> None:
    """Raise :class:`DataError` unless there is exactly one column of that name."""
    if wanted not in names:
        raise DataError(f"{name} has no column {wanted!r}; it has {listed(names)}{near_match(wanted, names)}")
    if names.count(wanted) > 1:
        raise DataError(f"{name} has {names.count(wanted)} columns named {wanted!r}; rename all but one")


def _by_common_name(names: Sequence[str], common: Sequence[str], not_these: set[str | None]) -> list[str]:
    """The columns that bear the first common name there is; several may, in upper and lower case."""
    by_folded: dict[str, list[str]] = {}
    for column in dict.fromkeys(names):
        if column not in not_these:
            by_folded.setdefault(column.strip().casefold(), []).append(column)
    return next((by_folded[known] for known in common if known in by_folded), [])


def is_string(arrow_type: pa.DataType) -> bool:
    """Whether values of this Arrow type are strings, however stored."""
    if pa.types.is_dictionary(arrow_type):
        arrow_type = arrow_type.value_type
    return (
        pa.types.is_string(arrow_type)
        or pa.types.is_large_string(arrow_type)
        or pa.types.is_string_view(arrow_type)
    )


def as_strings(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A string column, however stored, as plain Arrow strings of 64-bit offsets."""
    return column if column.type == pa.large_string() else column.cast(pa.large_string())


def all_numbers(column: pa.ChunkedArray) -> bool:
    """Whether every value of a string column that is not null or blank is written as a number."""
    for part in (column.slice(0, 100), column):  # the first values nearly always settle it
        stated = part.filter(pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(part), ""), False))
        if not pc.all(pc.match_substring_regex(stated, _NUMBER)).as_py():
            return False
    return len(stated) > 0


def _guessed_text(table: pa.Table, name: str, not_these: set[str | None]) -> str:
    common = _by_common_name(table.column_names, TEXT_NAMES, not_these)
    if len(common) == 1:
        return common[0]
    if common:
        raise DataError(
            f"{name}: which column is the text cannot be told ({listed(common)} would do); name it with --text, "
            f"out of {listed(table.column_names)}"
        )
    lengths: dict[str, float] = {}
    for field, column in zip(table.schema, table.columns, strict=True):
        if is_string(field.type) and field.name not in not_these:
            values = as_strings(column)
            length = pc.mean(pc.utf8_length(values)).as_py()
            if length and not all_numbers(values):
                lengths[field.name] = length
    if not lengths:
        raise DataError(
            f"{name} has no column of texts among {listed(table.column_names)}; name one with --text; {OF_NUMBERS}"
        )
    longest, *others = sorted(lengths, key=lambda column: -lengths[column])
    labels = _by_common_name(table.column_names, LABEL_NAMES, not_these)
    if not lengths.keys() - labels:
        raise DataError(
            f"{name} has strings in {listed(sorted(lengths))} only, named like a label and not like a text; name the "
            f"column of texts with --text, out of {listed(table.column_names)}; {OF_NUMBERS}"
        )
    rivals = [o for o in others if o not in labels and lengths[longest] < _CLEARLY_LONGER * lengths[o]]
    if rivals or longest in labels:
        raise DataError(
            f"{name}: which column is the text cannot be told ({listed(sorted(lengths))} hold strings); name "
            f"it with --text, out of {listed(table.column_names)}"
        )
    return longest


def _guessed_label(table: pa.Table, name: str, not_these: set[str | None]) -> str:
    most = min(_MOST_CLASSES, max(2, table.num_rows // 2))
    candidates = _by_common_name(table.column_names, LABEL_NAMES, not_these) or [
        field.name
        for field, column in zip(table.schema, table.columns, strict=True)
        if field.name not in not_these
        and _may_be_classes(field.type)
        and 2 <= pc.count_distinct(column).as_py() <= most
    ]
    if len(candidates) == 1:
        return candidates[0]
    why = f"{listed(candidates)} would do" if candidates else "none has a few distinct values"
    raise DataError(
        f"{name}: which column is the label cannot be told ({why}); name it with --label, out of "
        f"{listed(table.column_names)}"
    )


def _may_be_classes(arrow_type: pa.DataType) -> bool:
    return is_string(arrow_type) or pa.types.is_integer(arrow_type) or pa.types.is_boolean(arrow_type)
