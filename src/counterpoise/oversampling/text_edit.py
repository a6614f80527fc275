"""The base of samplers that edit copies of a text and ask no text of another class."""

from __future__ import annotations

from typing import Any

import numpy as np

from counterpoise.data.python_inputs import as_texts
from counterpoise.oversampling.base import TextSampler
from counterpoise.seeding import generator, root_seed


class TextEdit(TextSampler):
    """Over-sample by copies that are edited, or edit each of some texts once.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default="auto"
        See :class:`counterpoise.oversampling.base.TextSampler`.
    random_state : int, RandomState, Generator or None, default=None
    """

    def edit(self, X: Any) -> np.ndarray:
        """Make one new text of each, whatever its class: a second view of it, for losses that want one.

        Parameters
        ----------
        X : list of str, ndarray, pandas or polars column, Arrow array or ``datasets`` column, of n texts

        Returns
        -------
        ndarray of object, shape (n,)
            In the order of the texts; a text in which nothing can be edited comes back as it is.

        Raises
        ------
        DataError
            For texts that cannot be used.
        SettingsError
            For settings out of range.
        """
        texts = as_texts(X)
        self.check()
        seed = root_seed(self.random_state)
        one_class = np.zeros(len(texts), dtype=np.int64)
        rng = generator(seed, type(self).__name__, "each")
        try:
            self._begin(texts, one_class, seed)
            made = self._make(texts, one_class, 0, len(texts), rng)
        finally:
            self._end()
        edited = np.empty(len(texts), dtype=object)
        for anchor in made:
            edited[anchor.source_row] = anchor.text
        return edited
