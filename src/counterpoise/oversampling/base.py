"""The base of all samplers: checks at the door, bookkeeping after, the mathematics in the subclass alone.

A sampler is a scikit-learn estimator with ``fit_resample``, so it works on its own and inside
``imblearn.pipeline.Pipeline``. Where imbalanced-learn's own samplers take numbers, these take texts and return
texts that a person can read.
"""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator

from counterpoise.data.python_inputs import as_labels, as_texts
from counterpoise.errors import DataError, SettingsError
from counterpoise.oversampling.anchors import Anchor, anchor_table
from counterpoise.search_space import Space
from counterpoise.seeding import RandomState, generator, root_seed

if TYPE_CHECKING:
    import pyarrow as pa


STRATEGIES = ("auto", "minority", "not minority", "not majority", "all")
"""Words for which classes are filled up, those of imbalanced-learn."""


class TextSampler(BaseEstimator, metaclass=ABCMeta):
    """Base of samplers that add new texts to the smaller classes.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default="auto"
        As in imbalanced-learn: how many samples each class is to have afterwards. ``"auto"`` brings every
        class but the largest up to the largest; a float ``r`` (two classes only) makes the minority ``r``
        times as large as the majority; a dict gives each class its number of samples.
    random_state : int, RandomState, Generator or None, default=None
        Seed of all that is drawn.

    Attributes
    ----------
    sampling_strategy_ : dict
        For each class that was resampled, the number of new samples.
    sample_indices_ : ndarray of int64, shape (n_new,)
        For each returned row, the row of the input it is; -1 for a new text.
    source_rows_ : ndarray of int64, shape (n_new,)
        The same, with the row that a new text was made from in place of -1.
    anchors_ : pyarrow.Table
        The new texts, in the order of the returned rows, with where each came from: ``text``, ``label``,
        ``source_row``, ``partner_rows``, ``difficulty``, ``kept``, ``shared``, ``injected``, with the meaning of
        :class:`counterpoise.oversampling.anchors.Anchor`. Rows are those of the input, counted from 0.
    remarks_ : tuple of str
        What whoever asked for the texts should be told, such as what they cost; most samplers have nothing to say.
    """

    def __init__(self, *, sampling_strategy: Any = "auto", random_state: RandomState = None) -> None:
        self.sampling_strategy = sampling_strategy
        self.random_state = random_state

    search_space: ClassVar[Space] = {}
    """Settings that are worth tuning, and where."""

    needs: ClassVar[str] = ""
    """What has to be there besides the package: an extra, a model to be named."""

    balance_: dict[Any, float]  # where chooses_balance is true
    remarks_: tuple[str, ...] = ()

    def check(self) -> None:
        """Raise SettingsError for settings out of range."""

    def identity(self) -> str:
        """What of the machine its settings name, such as the weights in a folder: part of a run's key."""
        return ""

    @property
    def trains_decoder(self) -> bool:
        """Whether it trains a network of its own, in the number format that is fastest on the machine."""
        return False

    @property
    def chooses_balance(self) -> bool:
        """Whether it is left to ``fit_resample`` how far a class is filled up."""
        return False

    def fit_resample(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Balance a data set.

        Parameters
        ----------
        X : list of str, ndarray, pandas or polars column, Arrow array or ``datasets`` column, of n texts
        y : sequence of n labels

        Returns
        -------
        X_resampled : same kind as X for lists, arrays and pandas; otherwise ndarray of object
            The given texts in their order, then the new ones. A pandas index is kept and gets new numbers.
        y_resampled : ndarray or pandas Series
            Labels of the same dtype as given.

        Raises
        ------
        DataError
            For texts or labels that cannot be used, or a single class.
        SettingsError
            For settings out of range, or a sampling strategy that these labels do not allow.
        """
        texts, labels, wanted = self._checked(X, y)
        seed = root_seed(self.random_state)
        anchors: list[Anchor] = []
        new: list[Any] = []
        self.sampling_strategy_: dict[Any, int] = {}
        try:
            if any(wanted.values()):
                self._begin(texts, labels, seed)
            for label, count in self._amounts(texts, labels, wanted, seed).items():
                made: list[Anchor] = []
                if count:
                    made = self._make(
                        texts, labels, label, count, generator(seed, type(self).__name__, label)
                    )
                anchors += made
                new += [label] * len(made)
                self.sampling_strategy_[label] = len(made)
        finally:
            self._end()
        new_labels = np.array(new, dtype=labels.dtype)
        self.anchors_: pa.Table = anchor_table(anchors, new_labels)
        sources = np.array([anchor.source_row for anchor in anchors], dtype=np.int64)
        originals = np.arange(len(texts))
        self.sample_indices_ = np.concatenate([originals, np.full(len(sources), -1)])
        self.source_rows_ = np.concatenate([originals, sources])
        new_texts = np.array([anchor.text for anchor in anchors], dtype=object)
        all_labels = np.concatenate([labels, new_labels])
        return _like(X, np.concatenate([texts, new_texts])), _like(y, all_labels)

    def _checked(self, X: Any, y: Any) -> tuple[np.ndarray, np.ndarray, dict[Any, int]]:
        """Texts, labels and how many each class lacks, after all checks of data and settings."""
        shape: tuple[int, ...] = getattr(X, "shape", ())
        if len(shape) == 2 and shape[1] > 1:
            raise DataError(
                f"texts have {shape[1]} columns; join them into one, since a new text is one string"
            )
        texts, labels = as_texts(X), as_labels(y)
        if len(texts) != len(labels):
            raise DataError(f"there are {len(texts)} texts and {len(labels)} labels; give one label a text")
        if len(np.unique(labels)) < 2:
            raise DataError(
                f"all {len(labels)} labels are {labels[0]!r}; over-sampling needs at least two classes"
            )
        self.check()
        if isinstance(self.sampling_strategy, str) and self.sampling_strategy not in STRATEGIES:
            raise SettingsError(
                f"sampling_strategy is {self.sampling_strategy!r}; choose one of {', '.join(STRATEGIES)}, or give a "
                "number or a dict"
            )
        from imblearn.utils import check_sampling_strategy

        try:
            wanted = check_sampling_strategy(self.sampling_strategy, labels, "over-sampling")
        except ValueError as error:
            first = str(error).splitlines()[0]
            raise SettingsError(f"sampling_strategy {self.sampling_strategy!r}: {first}") from error
        return texts, labels, {label: int(gap) for label, gap in wanted.items()}

    def _begin(self, texts: np.ndarray, labels: np.ndarray, seed: int) -> None:
        """Prepare what all classes share, once, before anything is made."""

    def _end(self) -> None:
        """Let go of what ``_begin`` prepared and nobody asks for afterwards, also after an error."""

    def _amounts(
        self, texts: np.ndarray, labels: np.ndarray, wanted: dict[Any, int], seed: int
    ) -> dict[Any, int]:
        """How many new texts to make of each class, given how many it lacks; asked after ``_begin``."""
        return wanted

    @abstractmethod
    def _make(
        self, texts: np.ndarray, labels: np.ndarray, label: Any, count: int, rng: np.random.Generator
    ) -> list[Anchor]:
        """Make ``count`` new texts of the class ``label``."""


def draw_sources(rows: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Draw ``count`` of ``rows``, all equally often but for the remainder, in random order."""
    rounds = max(-(-count // len(rows)), 1)
    return np.concatenate([rng.permutation(rows) for _ in range(rounds)])[:count]


def lenders(labels: np.ndarray, label: Any) -> np.ndarray:
    """Rows of a class's majority: of all classes with more rows than it, or, where there is none, of all others."""
    names, sizes = np.unique(labels, return_counts=True)
    larger = names[sizes > (labels == label).sum()]
    # With a sampling strategy that enlarges the largest class itself there is no larger one to borrow from.
    return np.flatnonzero(np.isin(labels, larger) if len(larger) else labels != label)


def check_proper_share(name: str, value: Any) -> None:
    """Refuse a setting that is no share above 0 and below 1, with a SettingsError."""
    if not (isinstance(value, Real) and 0 < float(value) < 1):
        raise SettingsError(f"{name} is {value!r}; give a share above 0 and below 1")


def check_count(name: str, value: Any) -> None:
    """Refuse a setting that is no whole number of 1 or more, with a SettingsError."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
        raise SettingsError(f"{name} is {value!r}; give an int of 1 or more")


def check_flag(name: str, value: Any) -> None:
    """Refuse a setting that is neither true nor false, with a SettingsError."""
    if not isinstance(value, bool):
        raise SettingsError(f"{name} is {value!r}; give true or false")


def words_of_share(share: float, n_words: int) -> int:
    """How many of a text's words a share of them is: rounded, but one at least of two or more."""
    return max(round(share * n_words), int(n_words > 1))


def _like(given: Any, values: np.ndarray) -> Any:
    """``values`` in the container that the caller gave."""
    if isinstance(given, list):
        return values.tolist()
    if type(given).__module__.partition(".")[0] == "pandas":
        import pandas as pd

        start = given.index.max() + 1 if pd.api.types.is_integer_dtype(given.index) else len(given)
        extra = pd.RangeIndex(start, start + len(values) - len(given))
        column = given.columns[0] if isinstance(given, pd.DataFrame) else given.name
        series = pd.Series(values, index=given.index.append(extra), name=column)
        return series.to_frame() if isinstance(given, pd.DataFrame) else series
    return values
