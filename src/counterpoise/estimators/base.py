"""What the classifiers share: scikit-learn's contract over every method and backbone."""

from __future__ import annotations

from abc import abstractmethod
from numbers import Real
from pathlib import Path
from typing import Any, ClassVar, Self, TypeGuard

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from counterpoise.backbones.registry import find_backbone
from counterpoise.data.python_inputs import as_labels
from counterpoise.docstrings import with_parameters_of
from counterpoise.errors import DataError, SettingsError
from counterpoise.estimators.parameters import ClassifierParameters
from counterpoise.fitting import Fitted, Plan, fit_model
from counterpoise.methods.base import Context, Data
from counterpoise.methods.registry import check_combination, make_method
from counterpoise.methods.setting_checks import check_below_1, check_whole
from counterpoise.metrics.thresholds import check_metric, check_threshold, decide
from counterpoise.seeding import root_seed
from counterpoise.training.settings import TrainingSettings


@with_parameters_of(ClassifierParameters)
class RareClassClassifier(ClassifierMixin, ClassifierParameters):
    """Base of the classifiers, each of which says more of its parameters, :class:`counterpoise.TextClassifier` most."""

    kind: ClassVar[str]
    default_method: ClassVar[str]

    columns_: tuple[str, ...] = ()
    data_ = ""

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        groups: Any = None,
        time: Any = None,
        validation: tuple[Any, Any] | None = None,
    ) -> Self:
        """Fit to labelled inputs.

        Parameters
        ----------
        X : inputs
            See the class.
        y : sequence of n labels
            Strings, integers or booleans.
        sample_weight : array-like of shape (n,), default=None
            Weight of each row in the loss, the prior and the held-out scores; a row of weight 0 is left out.
        groups : array-like of shape (n,), default=None
            Rows of a group (an author, a thread) are never parted when rows are held out.
        time : array-like of shape (n,), default=None
            Numbers or datetimes; held-out rows are then the latest ones.
        validation : tuple of inputs and labels, default=None
            Rows to choose the stopping epoch and the threshold by, at the prevalence that the model will meet; with
            them no row of ``X`` is held out. Rows that it is tested on afterwards do not belong among them.
            Without rows of the class that matters, or of any but one, all epochs are trained, with a warning.

        Returns
        -------
        self

        Raises
        ------
        DataError
            For inputs or labels that cannot be used.
        SettingsError
            For a parameter out of range or an impossible combination, before any work is done.
        """
        # A fit that ends midway must not leave an earlier model with the classes of the new data.
        self.__dict__.pop("fitted_", None)
        method, backbone, training = self._checked_settings()
        self.columns_, self.data_ = (), ""
        inputs = self._checked_inputs(X, fitting=True)
        if y is None:
            raise DataError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        values = as_labels(y)
        n_rows = inputs.shape[0]  # a sparse array has no length
        if len(values) != n_rows:
            raise DataError(f"there are {n_rows} rows and {len(values)} labels; give one label a row")
        given = np.asarray(
            _check_sample_weight(sample_weight, values, dtype=np.float64, ensure_non_negative=True)
        )
        groups, time = _column("groups", groups, n_rows), _column("time", time, n_rows)
        # A row without weight is no row: it must not shape a vocabulary, a scale, a fold or a draw either.
        rows = np.flatnonzero(given > 0)
        inputs, weights, labels = inputs[rows], given[rows], self._encoded_labels(values[rows])
        if self.threshold == "tune":
            check_metric(self.threshold_metric, len(self.classes_))
        data = Data(inputs, labels, len(self.classes_), weights)
        method.check_data(data)
        context = Context(
            seed=root_seed(self.random_state),
            minority=self._minority,
            backbone=backbone,
            backbone_settings=self._nested("backbone__"),
            training=training,
            class_names=tuple(str(name) for name in self.classes_),
            class_weight=self._class_weights(labels, weights),
            checkpoint=None if self.checkpoint is None else Path(self.checkpoint),
        )
        self.fitted_: Fitted = fit_model(
            method,
            data,
            context,
            self._plan(),
            groups=lambda: self._groups(inputs, None if groups is None else groups[rows]),
            time=None if time is None else time[rows],
            validation=None if validation is None else self._validation(validation),
        )
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probability of each class.

        Parameters
        ----------
        X : inputs
            Of the kind fitted to.

        Returns
        -------
        ndarray of float64, shape (n, C)
            In the order of ``classes_``; rows sum to 1.

        Raises
        ------
        DataError
            For inputs that cannot be used.
        """
        check_is_fitted(self)
        return self.fitted_.probabilities(self._checked_inputs(X, fitting=False))

    def predict(self, X: Any) -> np.ndarray:
        """Decide a class for each row: the largest probability over threshold.

        Parameters
        ----------
        X : inputs
            Of the kind fitted to.

        Returns
        -------
        ndarray of shape (n,)
            Labels, as they were given to ``fit``.

        Raises
        ------
        DataError
            For inputs that cannot be used.
        """
        check_is_fitted(self)
        return self.classes_[decide(self.predict_proba(X), self.thresholds_)]

    def decision_function(self, X: Any) -> np.ndarray:
        """Log-odds over the threshold.

        Parameters
        ----------
        X : inputs
            Of the kind fitted to.

        Returns
        -------
        ndarray of float64
            With two classes ``(n,)``, above 0 where the second one is predicted; otherwise ``(n, C)``, the
            largest being the predicted class.
        """
        check_is_fitted(self)
        tiny = np.finfo(np.float64).tiny
        margins = np.log(np.maximum(self.predict_proba(X), tiny)) - np.log(np.maximum(self.thresholds_, tiny))
        return margins[:, 1] - margins[:, 0] if len(self.classes_) == 2 else margins

    def embed(self, X: Any) -> Any:
        """Representations in which the model compares rows.

        Parameters
        ----------
        X : inputs
            Of the kind fitted to.

        Returns
        -------
        ndarray of float32, shape (n, d), or sparse matrix
            The pooled output of the backbone; for a linear model the features it weighs, sparse.
        """
        check_is_fitted(self)
        return self.fitted_.predictor.embed(self._checked_inputs(X, fitting=False))

    def __sklearn_is_fitted__(self) -> bool:
        return "fitted_" in vars(self)

    @property
    def trains_backbone(self) -> bool:
        """Whether ``fit`` trains a network, with the method and the settings that are set."""
        return make_method(self._method_name, self._nested("method__")).trains_backbone(self.kind)

    @property
    def thresholds_(self) -> np.ndarray:
        """Threshold of each class, ``(C,)``; with two classes ``(1 - t, t)``."""
        return self.fitted_.choice.thresholds

    @property
    def threshold_note_(self) -> str:
        """One sentence on how the threshold was chosen, or why it was not."""
        return self.fitted_.choice.note

    @property
    def remarks_(self) -> tuple[str, ...]:
        """What the method chose by itself and why, or did without, a sentence each; most have nothing to say."""
        return tuple(getattr(self.fitted_.predictor, "notes", {}).get("remarks", ()))

    @property
    def history_(self) -> list[dict[str, float]]:
        """One row an epoch: epoch, loss, and average precision where rows were held out."""
        return self.fitted_.predictor.history

    @abstractmethod
    def _checked_inputs(self, X: Any, fitting: bool) -> np.ndarray:
        """Inputs as the methods take them."""

    def _groups(self, inputs: np.ndarray, groups: Any) -> np.ndarray | None:
        return None if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]

    @property
    def _method_name(self) -> str:
        return self.default_method if self.method is None else self.method

    def _checked_settings(self) -> tuple[Any, str, TrainingSettings]:
        name = self._method_name
        method = make_method(name, self._nested("method__"))
        method.check()
        backbone = check_combination(name, method, self.kind, self.backbone, self._nested("backbone__"))
        check_threshold(self.threshold)
        given = self.class_weight
        if not (given is None or isinstance(given, dict) or (isinstance(given, str) and given == "balanced")):
            raise SettingsError(f"class_weight is {given!r}; give 'balanced', a dict or None")
        if self.checkpoint is not None and self.random_state is None:
            raise SettingsError(
                "a checkpoint needs a random_state, or no later training could be the same; give one"
            )
        check_below_1(type(self).__name__, validation_fraction=self.validation_fraction)
        if self.threshold == "tune":
            check_whole(type(self).__name__, at_least=2, threshold_folds=self.threshold_folds)
        training = TrainingSettings(
            max_epochs=self.max_epochs,
            batch_size=self.batch_size,
            token_budget=self.token_budget,
            learning_rate=self.learning_rate,
            optimizer=self.optimizer,
            schedule=self.schedule,
            warmup=self.warmup,
            weight_decay=self.weight_decay,
            label_smoothing=self.label_smoothing,
            patience=self.patience,
            track_margins=self.track_margins,
            precision=self.precision,
            device=self.device,
        )
        training.torch_device()
        method.check_training(training, self.kind)
        if method.trains_backbone(self.kind):
            find_backbone(backbone).check(self._nested("backbone__"))
            method.check_backbone(backbone, self._nested("backbone__"))
        return method, backbone, training

    def _encoded_labels(self, values: np.ndarray) -> np.ndarray:
        if not len(values):
            raise DataError("no row has a sample weight above 0; give some")
        check_classification_targets(values)
        self.classes_, labels, counts = np.unique(values, return_inverse=True, return_counts=True)
        self.class_counts_ = counts
        if len(counts) < 2:
            raise DataError(
                f"there is only one class, {self.classes_[0]!r}; classification needs two or more"
            )
        known = self.classes_.tolist()
        if self.pos_label is not None and not (np.isscalar(self.pos_label) and self.pos_label in known):
            raise SettingsError(
                f"pos_label is {self.pos_label!r}, but the classes are {', '.join(map(repr, known))}"
            )
        if self.threshold not in ("tune", None) and len(counts) > 2:
            raise SettingsError("a number as threshold needs two classes; give 'tune' or None for more")
        # With two classes the rarer one is what people look for; with more, all matter unless one is named.
        named = None if len(counts) > 2 else self.classes_[counts.argmin()]
        self.pos_label_ = named if self.pos_label is None else self.pos_label
        return labels.astype(np.int64)

    def _validation(self, given: Any) -> Data:
        """Rows to choose by, in the classes that were fitted to."""
        if not isinstance(given, tuple | list) or len(given) != 2:
            raise DataError(f"validation is a {type(given).__name__}; give a tuple of inputs and labels")
        X, y = given
        inputs, values = self._checked_inputs(X, fitting=False), as_labels(y)
        if len(values) != inputs.shape[0]:
            raise DataError(
                f"validation has {inputs.shape[0]} rows and {len(values)} labels; give one label a row"
            )
        numbers = {name: number for number, name in enumerate(self.classes_.tolist())}
        unknown = sorted({str(value) for value in values.tolist() if value not in numbers})
        if unknown:
            raise DataError(
                f"validation has labels that are not among those fitted to: {', '.join(unknown)}; leave their rows out"
            )
        labels = np.array([numbers[value] for value in values.tolist()], dtype=np.int64)
        return Data(inputs, labels, len(numbers), np.ones(len(labels)))

    @property
    def _minority(self) -> int | None:
        if self.pos_label_ is None:
            return None
        return int(np.flatnonzero(self.classes_ == self.pos_label_)[0])

    def _class_weights(self, labels: np.ndarray, weights: np.ndarray) -> np.ndarray | None:
        """Weight of each class, ``(C,)``; None when all weigh the same."""
        given = self.class_weight
        if isinstance(given, dict) and (unknown := set(given) - set(self.classes_.tolist())):
            raise SettingsError(f"class_weight names {unknown}, but the classes are {self.classes_.tolist()}")
        if given is None:
            return None
        if isinstance(given, dict):
            if bad := {k: v for k, v in given.items() if not (_is_number(v) and 0 < v < np.inf)}:
                raise SettingsError(f"class_weight has {bad}; give finite numbers above 0")
            return np.array([given.get(name, 1.0) for name in self.classes_.tolist()], dtype=np.float64)
        mass = np.bincount(labels, weights, len(self.classes_))
        return mass.sum() / (len(mass) * mass)

    def _plan(self) -> Plan:
        return Plan(
            minority=self._minority,
            prior_correction=self.prior_correction,
            threshold=self.threshold,
            metric=self.threshold_metric,
            validation_fraction=self.validation_fraction,
            folds=self.threshold_folds,
            class_names=[str(name) for name in self.classes_],
        )


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, Real) and not isinstance(value, bool)


def _column(name: str, values: Any, n_rows: int) -> np.ndarray | None:
    """One value a row as an array; None stays None."""
    if values is None:
        return None
    column = np.asarray(values)
    if len(column) != n_rows:
        raise DataError(f"there are {n_rows} rows and {len(column)} values of {name}; give one a row")
    missing = [i for i, value in enumerate(column.tolist()) if value is None or value != value]
    if missing:
        raise DataError(f"row {missing[0]} has no value of {name}; fill it or leave the row out")
    return column
