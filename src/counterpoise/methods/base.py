"""The contract of a method: one call, ``fit(data, context) -> Predictor``.

Most methods are a :class:`counterpoise.methods.gradient.GradientMethod` and override only the hooks in which
they differ from plain training; see ``CONTRIBUTING.md``, "add a method in one file".
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator

from counterpoise.backbones.registry import find_backbone
from counterpoise.crossfit import Split
from counterpoise.errors import DataError, SettingsError
from counterpoise.methods.predictors import Predictor
from counterpoise.search_space import Space
from counterpoise.seeding import derive_seed
from counterpoise.training.settings import TrainingSettings


def kind_of(inputs: np.ndarray) -> str:
    """What inputs are: ``"text"``, ``"array"``, ``"sparse"`` (an array too, which no network takes) or ``"image"``."""
    if issparse(inputs):
        return "sparse"
    if inputs.dtype == object:
        return "text"
    return "image" if inputs.ndim == 4 else "array"


@dataclass(frozen=True)
class Data:
    """Labelled inputs as every method takes them.

    Attributes
    ----------
    inputs : ndarray
        Texts, ``(n,)`` of object; arrays, ``(n, d)`` of float32, or a csr_matrix of them for a method that
        ``takes_sparse``; or images, ``(n, H, W, C)`` of uint8, which may be
        :class:`counterpoise.images.mapped.MappedImages` where they are many.
    labels : ndarray of int64, shape (n,)
        Class numbers from 0 to ``n_classes - 1``.
    n_classes : int
    weights : ndarray of float64, shape (n,)
        Weight of each row in the loss; the scale does not matter.
    class_weight : ndarray of float64, shape (C,), or None, default=None
        What the caller wants each class to count, which is in ``weights`` already; None is 1 each.
    soft_labels : ndarray of float64, shape (n, C), or None, default=None
        Shares of the classes in each row, summing to 1, of rows that a sampler has made of several; None where each row
        is of its label alone.
    """

    inputs: np.ndarray
    labels: np.ndarray
    n_classes: int
    weights: np.ndarray
    class_weight: np.ndarray | None = None
    soft_labels: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def kind(self) -> str:
        """What the inputs are: ``"text"``, ``"array"`` or ``"image"``."""
        return kind_of(self.inputs)

    def take(self, rows: np.ndarray) -> Data:
        """Some rows, in the order given; rows may repeat."""
        soft = None if self.soft_labels is None else self.soft_labels[rows]
        return replace(
            self,
            inputs=self.inputs[rows],
            labels=self.labels[rows],
            weights=self.weights[rows],
            soft_labels=soft,
        )

    def class_mass(self) -> np.ndarray:
        """Share of each class by rows and weights, ``(C,)`` of float64, summing to 1."""
        if self.soft_labels is not None:
            mass = self.weights @ self.soft_labels
        else:
            mass = np.bincount(self.labels, self.weights, self.n_classes)
        return mass / mass.sum()

    def class_shares(self) -> np.ndarray:
        """How large each class is, ``(C,)``: its share by rows and the weights they had before class weights."""
        return (self if self.class_weight is None else self.over(self.class_weight)).class_mass()

    def times(self, factors: np.ndarray) -> Data:
        """The same rows, where what is of a class counts ``factors`` ``(C,)`` times as much."""
        if self.soft_labels is None:
            return replace(self, weights=self.weights * factors[self.labels])
        soft = self.soft_labels * factors
        whole = soft.sum(axis=1)
        return replace(self, weights=self.weights * whole, soft_labels=soft / whole[:, None])

    def over(self, divisors: np.ndarray) -> Data:
        """The same rows, where what is of a class counts one over ``divisors`` ``(C,)``."""
        if self.soft_labels is None:
            return replace(self, weights=self.weights / divisors[self.labels])
        return self.times(1 / divisors)

    def class_factors(self) -> np.ndarray:
        """What class weights multiply each class by, ``(C,)`` of float64; 1 each where there are none."""
        return np.ones(self.n_classes) if self.class_weight is None else self.class_weight

    @property
    def weighs_by_class(self) -> bool:
        """Whether all rows of a class have the same weight."""
        return not any(np.ptp(self.weights[self.labels == c]) for c in np.unique(self.labels))

    def balanced(self) -> Data:
        """The same rows with weights under which all classes have the same mass."""
        return replace(self.over(self.class_mass()), class_weight=None)


@dataclass(frozen=True)
class Context:
    """What surrounds a fit: everything a method is given besides its data and its own settings.

    Attributes
    ----------
    seed : int
        Root of every random stream.
    minority : int or None
        The class that matters, whose average precision decides early stopping; None when all do.
    backbone : str
        Name in :data:`counterpoise.backbones.registry.BACKBONES`.
    backbone_settings : dict
    training : TrainingSettings
    validation : Data or None
        Rows for early stopping; None trains all epochs.
    checkpoint : Path or None
        File to write and resume training from.
    class_names : tuple of C str
        What the classes are called, by number; empty where they have numbers alone.
    class_weight : ndarray of float64, shape (C,), or None
        What the caller wants each class to count on top of what the method does; None is 1 each.
    """

    seed: int
    minority: int | None = None
    backbone: str = "textcnn"
    backbone_settings: dict[str, Any] = field(default_factory=dict)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    validation: Data | None = None
    checkpoint: Path | None = None
    class_names: tuple[str, ...] = ()
    class_weight: np.ndarray | None = None

    def stream(self, name: str) -> Context:
        """Return this context with a seed of its own for one step of the fit."""
        return replace(self, seed=derive_seed(self.seed, name))

    def names_of(self, classes: Iterable[int]) -> list[str]:
        """What classes are called, or their numbers where they have no names."""
        return [self.class_names[number] if self.class_names else str(number) for number in classes]

    @property
    def network(self) -> dict[str, Any]:
        """The backbone by name, with all its settings, given or not."""
        defaults = find_backbone(self.backbone, self.backbone_settings).settings()
        return {"backbone": self.backbone, **defaults, **self.backbone_settings}

    def weighted(self, data: Data) -> Data:
        """Data whose row weights are multiplied by the class weights; methods call it after their own balancing."""
        if self.class_weight is None:
            return data
        return replace(data.times(self.class_weight), class_weight=self.class_weight)


class Method(BaseEstimator, ABC):
    """Base of all methods: a scikit-learn style bag of settings with a ``fit`` of its own.

    Attributes
    ----------
    name : str
        What it is asked for by, which the registry gives it; the class's own where it is in no registry.
    summary : str
        One line for ``counterpoise methods``.
    paper : str
        Whose idea it is, as authors and year; empty for what nobody in particular has invented.
    inputs : frozenset of str
        What it serves: ``"text"``, ``"array"``, ``"image"``.
    uses_backbone : bool
        Whether the choice of a backbone means anything to it, on any inputs and with any settings; see
        :meth:`trains_backbone`.
    needs : str
        What has to be there besides the package: an extra, a model to be named; empty where nothing is.
    can_be_saved : bool
        Whether a fitted predictor can be taken apart into numbers and words; False where what it holds could be
        stored only by pickle, which a model folder never is; see :meth:`check_savable`.
    search_space : mapping
        Settings that are worth tuning, and where.
    private : frozenset of str
        Settings that a saved model goes without, since they hold texts or name a place on one machine.
    soft_targets : bool
        Whether its loss is defined for labels that are shares of the classes, as label smoothing makes them.
    takes_sparse : bool
        Whether arrays may be sparse; False where they would have to be filled up with zeros, as for a network.
    takes_sample_weight : bool
        Whether rows of a class may weigh differently; False where what is fitted is not defined for that.
    blends : bool
        Whether it is made of other methods, and so can be no member of a blend.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    paper: ClassVar[str] = ""
    inputs: ClassVar[frozenset[str]] = frozenset({"text", "array"})
    uses_backbone: ClassVar[bool] = True
    needs: ClassVar[str] = ""
    can_be_saved: ClassVar[bool] = True
    search_space: ClassVar[Space] = {}
    private: ClassVar[frozenset[str]] = frozenset()
    soft_targets: ClassVar[bool] = False
    takes_sparse: ClassVar[bool] = False
    takes_sample_weight: ClassVar[bool] = True
    blends: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" not in vars(cls):
            cls.name = cls.__name__

    def check(self) -> None:
        """Raise SettingsError for settings out of range; called before any work."""

    def trains_backbone(self, kind: str) -> bool:
        """Whether it trains a backbone on ``"text"``, ``"array"`` or ``"image"`` inputs with the settings it has."""
        return self.uses_backbone

    def identity(self) -> str:
        """What of the machine its settings name, such as the weights in a folder: part of a run's key."""
        return ""

    @property
    def trains_decoder(self) -> bool:
        """Whether a sampler of it does; see :attr:`counterpoise.oversampling.base.TextSampler.trains_decoder`."""
        return False

    @property
    def decoder_precision(self) -> str:
        """Number format that was asked for it; ``"auto"`` is whatever is fastest on the machine."""
        return "auto"

    def check_training(self, training: TrainingSettings, kind: str) -> None:
        """Raise SettingsError for a training on such data that this method cannot take part in, before any work."""
        if not training.label_smoothing:
            return
        if not self.trains_backbone(kind):
            when = " with the settings it has" if self.uses_backbone else ""
            lacking = f"trains no network on {kind} data{when}"
        elif not self.soft_targets:
            lacking = "has no loss that is defined for soft targets"
        else:
            return
        raise SettingsError(
            f"label_smoothing is {training.label_smoothing!r}, but {self.name} {lacking}; set it to 0"
        )

    def check_backbone(self, backbone: str, settings: dict[str, Any]) -> None:
        """Raise SettingsError for a backbone, with its settings, that is of no use here; called before any work."""

    def check_savable(self, name: str) -> None:
        """Raise SettingsError for a method whose models cannot be saved, before any work for a model folder is done.

        Parameters
        ----------
        name : str
            What it is called, for the message.
        """
        if not self.can_be_saved:
            raise SettingsError(
                f"a model of method {name!r} cannot be saved, since its trees could be stored only by pickle; use it "
                "where it was fitted, judge it with `counterpoise compare`, or choose another method"
            )

    def check_data(self, data: Data) -> None:
        """Raise DataError for rows that this method cannot be fitted to; called before any work."""
        if not self.takes_sample_weight and not data.weighs_by_class:
            raise DataError(
                f"sample weights are from {data.weights.min():g} to {data.weights.max():g}, but {self.name} "
                "is not defined for rows of a class that weigh differently; leave them out, or choose another method"
            )

    @abstractmethod
    def fit(self, data: Data, context: Context) -> Predictor:
        """Train on the fitting side.

        Parameters
        ----------
        data : Data
        context : Context

        Returns
        -------
        Predictor
        """


class CrossFittingMethod(Method):
    """Base of methods that judge something on folds of their own, and so can use those that a threshold is tuned on.

    One pass over the folds then serves both; otherwise every fold of the threshold would be cut into folds again.
    """

    @abstractmethod
    def fit_on_folds(
        self, data: Data, context: Context, splits: Sequence[Split]
    ) -> tuple[Predictor, np.ndarray, np.ndarray]:
        """Train on the fitting side, and predict the test sides of its folds without them.

        Parameters
        ----------
        data : Data
        context : Context
        splits : sequence of Split
            Of the rows of ``data``, test sides disjoint.

        Returns
        -------
        predictor : Predictor
            Fitted to all rows.
        rows : ndarray of int64, shape (n,)
            Those on the test sides.
        logits : ndarray of float64, shape (n, C)
            Of these rows by what was fitted to the others, under the predictor's ``training_prior``.
        """
