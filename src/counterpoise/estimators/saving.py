"""Saving and loading of classifiers."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from counterpoise.errors import ModelError, SettingsError
from counterpoise.fitting import Fitted
from counterpoise.methods.blend_predictor import BlendPredictor
from counterpoise.methods.predictors import SavedState
from counterpoise.methods.registry import METHODS, make_method
from counterpoise.methods.restoring import PREDICTORS
from counterpoise.metrics.thresholds import ThresholdChoice
from counterpoise.model_card import model_card
from counterpoise.persistence import read_model, write_model
from counterpoise.pretrained.files import is_missing_folder

CONSENT = "method__allow_sending"
"""Whether texts may be sent to a language model's address: for who fits or loads to say, so no model says it."""

_PREDICTORS: dict[str, Any] = {**PREDICTORS, BlendPredictor.kind: BlendPredictor}
_OF_INPUTS = ("n_features_in_", "feature_names_in_", "image_height_", "image_width_")
_NOT_SAVED = ("checkpoint", "device", CONSENT)
_PRETRAINED = ("method__encoder", "method__neighbor_encoder", "backbone__name")


class SavableMixin:
    """``save`` and ``load`` without pickle; for classifiers derived from ``RareClassClassifier``."""

    fitted_: Fitted
    columns_: tuple[str, ...]
    data_: str
    _method_name: str

    def check_savable(self: Any) -> None:
        """Refuse a method whose models cannot be saved with the settings it has, before anything is fitted.

        Raises
        ------
        SettingsError
            In one sentence.
        """
        make_method(self._method_name, self._nested("method__")).check_savable(self._method_name)

    def save(self, folder: str | Path, data: str | None = None, columns: Sequence[str] | None = None) -> None:
        """Save a fitted classifier in a folder of its own, replacing an earlier model there.

        Parameters
        ----------
        folder : path
        data : str or None, default=None
            Where the training data came from, for the model card; None keeps what a loaded model
            says. The folder's vocabulary holds words of the training texts, for some methods also pairs of
            neighbouring words.
        columns : sequence of str or None, default=None
            Columns that the texts were taken from; ``counterpoise predict`` reads the same ones again.

        Raises
        ------
        SettingsError
            When models of this method cannot be saved.
        OutputError
            When the folder cannot be written; nothing is left behind.
        """
        check_is_fitted(self)
        self.check_savable()
        state = self.fitted_.predictor.state()
        self.data_ = self.data_ if data is None else data
        self.columns_ = self.columns_ if columns is None else tuple(columns)
        config = self._config()
        write_model(folder, config, state, model_card(config, state))

    @classmethod
    def load(
        cls, folder: str | Path, *, allow_sending: bool = False, pretrained: str | Path | None = None
    ) -> Self:
        """Load a saved classifier; it runs on the CPU.

        Parameters
        ----------
        folder : path
        allow_sending : bool, default=False
            Consent, where the model asks a language model at an address, to send there what it is to predict.
        pretrained : path or None, default=None
            Where the frozen pretrained model is that a model was fitted with, if that is not where it was; another one
            is refused when it is first asked.

        Raises
        ------
        ModelError
            When the folder does not hold a whole, unchanged model of this class, or the folder of the frozen
            pretrained model that it was fitted with is not there.
        """
        config, state = read_model(folder)
        if config["estimator"] != cls.__name__:
            raise ModelError(f"{folder} holds a {config['estimator']}, not a {cls.__name__}")
        return cls._restored(config, state, allow_sending, pretrained)

    @classmethod
    def _restored(
        cls,
        config: dict[str, Any],
        state: SavedState,
        allow_sending: bool = False,
        pretrained: str | Path | None = None,
    ) -> Self:
        _find_pretrained(state.config, pretrained)
        params = config["params"]
        if allow_sending and CONSENT.removeprefix("method__") in make_method(config["method"]).get_params():
            params[CONSENT] = True
        if isinstance(params["class_weight"], list):
            params["class_weight"] = dict(params["class_weight"])
        classifier: Any = cls(**params)
        classifier.classes_ = np.array(config["classes"], dtype=config["classes_dtype"])
        classifier.data_, classifier.columns_ = config["data"], tuple(config["columns"])
        classifier.class_counts_ = np.array(config["class_counts"])
        classifier.pos_label_ = config["pos_label"]
        for name, value in config["inputs"].items():
            setattr(classifier, name, np.array(value, dtype=object) if isinstance(value, list) else value)
        method = make_method(classifier._method_name, classifier._nested("method__"))
        predictor = _PREDICTORS[config["kind"]].from_state(state, method)
        threshold = {**config["threshold"], "thresholds": np.array(config["threshold"]["thresholds"])}
        classifier.fitted_ = Fitted(
            predictor=predictor,
            prior=np.array(config["prior"]),
            prior_correction=classifier.prior_correction,
            choice=ThresholdChoice(**threshold),
            scores=config["scores"],
            scored_on=config["scored_on"],
            warning=config["warning"],
            given=config.get("given", False),  # models saved before it was noted
        )
        return classifier

    def _config(self: Any) -> dict[str, Any]:
        fitted = self.fitted_
        choice = {**vars(fitted.choice), "thresholds": fitted.choice.thresholds.tolist()}
        inputs = {k: _plain(v) for k, v in vars(self).items() if k in _OF_INPUTS}
        private = {f"method__{name}" for name in METHODS[self._method_name].private}
        left_out = private.union(_NOT_SAVED)
        params = {k: _plain(v) for k, v in self.get_params().items() if k not in left_out}
        for name in _PRETRAINED:
            if isinstance(params.get(name), str) and Path(params[name]).is_dir():
                params[name] = os.path.abspath(params[name])
        if isinstance(params["class_weight"], dict):
            # As pairs, because JSON would turn the labels into strings.
            params["class_weight"] = [list(pair) for pair in params["class_weight"].items()]
        return {
            "counterpoise_version": version("counterpoise"),
            "estimator": type(self).__name__,
            "kind": fitted.predictor.kind,
            "params": params,
            "method": self._method_name,
            "backbone": getattr(fitted.predictor, "backbone", None),
            "data": self.data_,
            "columns": list(self.columns_),
            "classes": self.classes_.tolist(),
            "classes_dtype": self.classes_.dtype.str,
            "class_counts": self.class_counts_.tolist(),
            "pos_label": _plain(self.pos_label_),
            "inputs": inputs,
            "prior": fitted.prior.tolist(),
            "threshold": choice,
            "scores": fitted.scores,
            "scored_on": fitted.scored_on,
            "warning": fitted.warning,
            "given": fitted.given,
        }


def _find_pretrained(predictor: dict[str, Any], place: str | Path | None) -> None:
    """Refuse a predictor or members of a blend whose frozen model is gone, or give them its new place."""
    members = (member["config"] for member in predictor.get("members", ()))
    named = [each["encoder"] for each in (predictor, *members) if "digest" in each.get("encoder", ())]
    if place is not None and not named:
        raise SettingsError("pretrained is given, but the model has no frozen pretrained model; leave it out")
    for frozen in named:
        if place is not None:
            frozen |= {"name": os.fspath(place), "revision": None}
        if is_missing_folder(frozen["name"]):
            raise ModelError(
                f"there is no folder {frozen['name']}, where the pretrained model is that this one was fitted with; "
                "put it back, or say where it is: pretrained=FOLDER of load_model, --pretrained FOLDER of a command"
            )


def _plain(value: Any) -> Any:
    """A JSON value; random generators, which have none, become None."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, dict):
        return {_plain(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value if value is None or isinstance(value, str | int | float | bool) else None
