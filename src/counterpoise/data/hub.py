"""A named data set from the Hugging Face Hub, brought into the form of ours.

``fetch(entry, split)`` gives the table; the caller checks its content hash. The package ``datasets`` does the
fetching and is imported only here and only then.
"""

from __future__ import annotations

import re

import pyarrow as pa

from counterpoise.data.catalog_entries import Entry
from counterpoise.errors import DataError, MissingExtraError

_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_SPACES = re.compile(r"\s+")


def fetch(entry: Entry, split: str) -> pa.Table:
    """Fetch one split.

    Parameters
    ----------
    entry : Entry
        With a ``hub`` copy.
    split : str
        One of ours.

    Returns
    -------
    pyarrow.Table
        Columns ``text`` (surrounding white space removed) and ``label`` (class names).

    Raises
    ------
    MissingExtraError
        When ``datasets`` is not installed.
    DataError
        When the Hub cannot be reached or does not have it.
    """
    copy = entry.hub
    assert copy is not None
    otherwise = f"set COUNTERPOISE_DATA or --data-dir to a folder with {entry.folder}/{split}.parquet"
    try:
        import datasets
    except ImportError as error:
        raise MissingExtraError(
            f"fetching {entry.name} needs the package datasets (pip install 'counterpoise[hub]'), or {otherwise}"
        ) from error
    try:
        rows = datasets.load_dataset(copy.id, split=copy.splits[split])
        names = rows.features["label"].names
        texts = [_normal(text, copy.drops_html_breaks) for text in rows[copy.text_column][:]]
        labels = [names[label] for label in rows["label"][:]]
    except (
        Exception
    ) as error:  # the Hub's clients raise dozens of kinds, all of which mean the same to a user
        reason = (str(error).strip().splitlines() or ["no reason given"])[0]
        raise DataError(
            f"{entry.name} could not be fetched from {copy.id} on the Hugging Face Hub "
            f"({type(error).__name__}: {reason}); without a network {otherwise}"
        ) from error
    return pa.table({"text": texts, "label": labels})


def _normal(text: str, drops_html_breaks: bool) -> str:
    return _SPACES.sub(" ", _BREAK.sub(" ", text)).strip() if drops_html_breaks else text.strip()
