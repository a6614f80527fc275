"""Second versions of texts, for losses that compare a row with itself: edited here, or given by the user.

>>> maker = ViewMaker("word_dropout", rate=0.5)
>>> maker.of(np.array(["win a cash prize"], dtype=object), seed=0).tolist()
['win cash prize']
>>> ViewMaker({"win a cash prize": "gain a cash award"}).of(np.array(["win a cash prize"], dtype=object), seed=0)
array(['gain a cash award'], dtype=object)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from counterpoise.data import catalog
from counterpoise.data.near import enumerated, listed, near_match
from counterpoise.data.readers import read
from counterpoise.errors import DataError, SettingsError
from counterpoise.methods.unlabelled import hash_of
from counterpoise.oversampling.mask_fill import MaskFill
from counterpoise.oversampling.text_edit import TextEdit
from counterpoise.oversampling.word_dropout import WordDropout
from counterpoise.oversampling.word_edit import WordEdit
from counterpoise.oversampling.word_insertion import WordInsertion
from counterpoise.oversampling.word_replacement import WordReplacement
from counterpoise.oversampling.word_shuffle import WordShuffle

EDITS: dict[str, type[WordEdit] | type[MaskFill]] = {
    "word_dropout": WordDropout,
    "word_replacement": WordReplacement,
    "word_insertion": WordInsertion,
    "word_shuffle": WordShuffle,
    "mask_fill": MaskFill,
}
"""What can make views of texts, by the names that they have as methods."""

WITH_VIEWS = ("trec", "ohsumed_titles")
"""Known sets that come with views, in a file of their own beside the training split."""


@dataclass(frozen=True)
class ViewMaker:
    """How each text gets its second version.

    Attributes
    ----------
    view : str, path or mapping of str to str
        A name in :data:`EDITS`; or views that are there already, by their texts: a mapping, a file with both, or the
        name of a known set that comes with some (``"trec"``, ``"ohsumed_titles"``), which are looked for where
        ``COUNTERPOISE_DATA`` says and not in another folder that data are read from. Of repeated texts the last one's
        view is all of theirs.
    column : str, default="augmented"
        Where a file holds the views.
    rate : float, default=0.1
        Share of the words that is edited.
    model : str or None, default=None
        Masked language model of ``"mask_fill"``.
    """

    view: Any
    column: str = "augmented"
    rate: float = 0.1
    model: str | None = None

    def check(self) -> None:
        """Refuse what can be seen to be wrong before any work.

        Raises
        ------
        SettingsError
            For settings out of range, and a name that is neither an edit's nor a file's.
        DataError
            For a file that has no such column or cannot be read.
        """
        if self.model is not None and self.view != "mask_fill":
            raise SettingsError(
                f"view_model is {str(self.model)!r}, a masked language model, which view='mask_fill' alone asks; "
                f"view is {self._shown()}"
            )
        if not self.edited:
            self._given()
        elif self.view == "mask_fill" and self.model is None:
            raise SettingsError("view='mask_fill' needs a masked language model; name it as view_model")
        else:
            self._edit(0).check()

    @property
    def edited(self) -> bool:
        """Whether views are made here."""
        return isinstance(self.view, str) and self.view in EDITS

    def identity(self) -> str:
        """What of the machine the settings name: part of a run's key."""
        if self.edited:
            return self._edit(0).identity()
        given = self._given()
        return f"views {hash_of(np.array([part for pair in sorted(given.items()) for part in pair], dtype=object))}"

    def of(self, texts: np.ndarray, seed: int) -> np.ndarray:
        """One view of each text.

        Parameters
        ----------
        texts : ndarray of object, shape (n,)
        seed : int

        Returns
        -------
        ndarray of object, shape (n,)

        Raises
        ------
        DataError
            When given views lack some of the texts.
        """
        if self.edited:
            return self._edit(seed).edit(texts)
        given = self._given()
        lacking = [text for text in texts if text not in given]
        if lacking:
            raise DataError(
                f"views: {len(lacking):,} of {len(texts):,} texts have none in {self._where()}, the first of them "
                f"{lacking[0][:60]!r}; fill them in, or have views made, say by view='word_dropout'"
            )
        return np.array([given[text] for text in texts], dtype=object)

    def _edit(self, seed: int) -> TextEdit:
        own: dict[str, Any] = {"model": self.model} if self.view == "mask_fill" else {}
        return EDITS[self.view](rate=self.rate, random_state=seed % 2**32, **own)

    def _shown(self) -> str:
        return "a mapping" if isinstance(self.view, Mapping) else repr(self.view)

    def _where(self) -> str:
        return "the mapping" if isinstance(self.view, Mapping) else f"column {self.column!r} of {self.view}"

    def _given(self) -> dict[str, str]:
        """Views by their texts, those that are missing or blank left out."""
        if isinstance(self.view, Mapping):
            pairs = list(self.view.items())
        elif isinstance(self.view, str | PathLike) and str(self.view) != "-":
            pairs = self._read()
        else:
            raise SettingsError(
                f"view is {self.view!r}; give one of {listed(list(EDITS))}, a file, or a mapping of texts to views"
            )
        return {text: view for text, view in pairs if isinstance(view, str) and view.strip()}

    def _read(self) -> list[tuple[str, Any]]:
        source: Any = self.view
        if not Path(source).exists():
            source = catalog.views_file(str(source)) or source
            if source is self.view and catalog.is_known(str(source)):
                raise DataError(f"views: {self._none_of(str(source))}, or name one of {listed(list(EDITS))}")
        try:
            found = read(source, needs_label=False)
        except DataError as error:
            error = DataError(str(error).replace("--text", "its text column 'text'"))
            near = near_match(str(self.view), list(EDITS))
            raise DataError(f"views: {error}; or name one of {listed(list(EDITS))}{near}") from error
        columns = found.table.column_names
        if self.column not in columns:
            raise DataError(
                f"views: {self.view} has no column {self.column!r}, only {listed(columns)}; name the views' as "
                f"view_column, or have views made by one of {listed(list(EDITS))}"
            )
        return list(zip(found.texts, found.table.column(self.column).to_pylist(), strict=True))

    def _none_of(self, name: str) -> str:
        """That views of a known set were not found, and what to give."""
        found = catalog.find(name)
        if found.name in WITH_VIEWS:
            return (
                f"there are none of {name} where COUNTERPOISE_DATA says that data are; set it to a folder that has "
                f"{found.folder}/train_augmented.parquet, give that file"
            )
        return (
            f"{name} comes with none, only {enumerated(WITH_VIEWS)} do; give a file with the columns 'text' and "
            f"{self.column!r}, a mapping of texts to views"
        )
