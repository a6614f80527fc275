"""Any text sampler as a method: resample the fitting side, then train plainly.

One line in the registry makes a sampler a method; its settings become the method's.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from counterpoise.errors import SettingsError
from counterpoise.groups import text_groups
from counterpoise.methods.base import Context, Data
from counterpoise.methods.gradient import GradientMethod
from counterpoise.methods.network_predictor import NetworkPredictor
from counterpoise.metrics.calibration import softmax
from counterpoise.metrics.ranking import average_precision
from counterpoise.oversampling.anchors import OWN_SHARE
from counterpoise.oversampling.balance import SHARES, Fold, Judge, choose_balance
from counterpoise.oversampling.base import TextSampler
from counterpoise.oversampling.device import beside

if TYPE_CHECKING:
    import pyarrow as pa


class SampledMethod(GradientMethod):
    """Base of methods made by :func:`sampled_method`."""

    inputs = frozenset({"text"})
    sampler: ClassVar[type[TextSampler]]
    _remarks: tuple[str, ...] = ()

    def __init__(self, **settings: Any) -> None:
        # Checked and stored by the sampler itself, so that its signature is the only list of settings.
        self._settings = self.sampler(**settings).get_params()

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Settings of the sampler but for its seed and device, which come from the classifier."""
        return {k: v for k, v in self._settings.items() if k not in ("random_state", "device")}

    def set_params(self, **params: Any) -> SampledMethod:
        """Change settings of the sampler."""
        self._settings = self.sampler(**self._settings).set_params(**params).get_params()
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        # A class made at run time stands in no module, where pickle would look for it.
        return _restored, (self.sampler, self.summary, self.paper, self._settings)

    def check(self) -> None:
        """Refuse what the sampler refuses, and a strategy by class name, which a method does not know."""
        if isinstance(self._settings["sampling_strategy"], dict):
            raise SettingsError(
                "sampling_strategy as a dict is for the sampler on its own; give a float or 'auto'"
            )
        self.sampler(**self._settings).check()

    def identity(self) -> str:
        """That of the sampler."""
        return self.sampler(**self._settings).identity()

    @property
    def trains_decoder(self) -> bool:
        """Whether the sampler does."""
        return self.sampler(**self._settings).trains_decoder

    @property
    def decoder_precision(self) -> str:
        """The sampler's setting, where it has one."""
        return self._settings.get("precision", "auto")

    def fit(self, data: Data, context: Context) -> NetworkPredictor:
        """Resample, encode, train and finish; see :meth:`counterpoise.methods.base.Method.fit`.

        With ``balance="auto"`` the network itself, trained as it is to be in the end but on folds of the fitting side,
        decides how far each class is filled up; ``notes["balance"]`` of the predictor holds the share of each class,
        None for the largest.
        """
        if not self.sampler(**self._settings).chooses_balance:
            return self._said(super().fit(data, context))
        inner = replace(context.stream("balance"), checkpoint=None)
        shares = choose_balance(
            self._sampler(inner),
            data.inputs,
            data.labels,
            text_groups(data.inputs),
            judge_by_network(data, inner),
            inner.seed,
        )
        counts = np.bincount(data.labels, minlength=data.n_classes)
        wanted = {
            name: int(counts[name] + round(s * (counts.max() - counts[name]))) for name, s in shares.items()
        }
        decided = type(self)(**{**self._settings, "balance": 1.0, "sampling_strategy": wanted})
        predictor = decided._said(super(SampledMethod, decided).fit(data, context))
        predictor.notes["balance"] = [shares.get(number) for number in range(data.n_classes)]
        return predictor

    def _said(self, predictor: NetworkPredictor) -> NetworkPredictor:
        """The predictor with what the sampler remarked."""
        if self._remarks:
            predictor.notes["remarks"] = list(self._remarks)
        return predictor

    def resample(self, data: Data, context: Context) -> Data:
        """Add the sampler's new texts; each weighs what the text it was made from weighs.

        Where the sampler says which share of a text is its own class's, the rest is of the class that lent it.
        """
        sampler = self._sampler(context).set_params(random_state=context.seed)
        texts, labels = sampler.fit_resample(data.inputs, data.labels)
        self._remarks = sampler.remarks_
        weights = data.weights[sampler.source_rows_]
        labels = np.asarray(labels)
        soft = None
        if OWN_SHARE in sampler.anchors_.column_names:
            soft = soft_labels(data, labels, sampler.anchors_)
        return replace(data, inputs=texts, labels=labels, weights=weights, soft_labels=soft)

    def _sampler(self, context: Context) -> TextSampler:
        """The sampler, beside the classifier's device where it has one.

        One that calls classes by names is told those of the numbers that it is given.
        """
        sampler = self.sampler(**self._settings)
        if "class_names" in sampler.get_params() and context.class_names:
            given = self._settings["class_names"] or {}
            named = {number: given.get(name, name) for number, name in enumerate(context.class_names)}
            sampler.set_params(class_names=named)
        if "device" in sampler.get_params():
            sampler.set_params(device=str(beside(context.training.torch_device())))
        return sampler


def soft_labels(data: Data, labels: np.ndarray, anchors: pa.Table) -> np.ndarray:
    """Shares of the classes in given rows and new ones.

    Parameters
    ----------
    data : Data
        What the sampler was given.
    labels : ndarray of int64, shape (n_new,)
        Of these rows, then of the new ones.
    anchors : pyarrow.Table
        The new ones, with the column ``own_share``; the first of ``partner_rows`` lent the rest.

    Returns
    -------
    ndarray of float64, shape (n_new, C)
    """
    shares = np.eye(data.n_classes)[labels]
    own = anchors[OWN_SHARE].to_numpy()
    lenders = data.labels[[rows[0] for rows in anchors["partner_rows"].to_pylist()]]
    new = np.arange(len(data), len(labels))
    shares[new] *= own[:, None]
    shares[new, lenders] += 1 - own
    return shares


class Enlarged(GradientMethod):
    """Plain training on the rows given and some more; words and vectors are learnt from the rows alone.

    Parameters
    ----------
    whole : Data
        What is trained on: the rows given to ``fit``, then the others.
    """

    def __init__(self, whole: Data) -> None:
        self.whole = whole

    def resample(self, data: Data, context: Context) -> Data:
        """Take the enlarged data."""
        return self.whole


def judge_by_network(data: Data, context: Context) -> Judge:
    """A judge for :func:`counterpoise.oversampling.balance.choose_balance` that trains the context's backbone.

    All classes are filled up to the same share at a time, and one network judges them all.

    Parameters
    ----------
    data : Data
        The fitting side.
    context : Context
        Its validation side, which no fold holds, stops these trainings as it stops the last one.
    """

    def judge(fold: Fold) -> dict[Any, list[float]]:
        side = data.take(fold.train)
        found: dict[Any, list[float]] = {name: [] for name in fold.gaps}
        for share in SHARES:
            new = fold.first(share)
            whole = replace(
                side,
                inputs=np.concatenate([side.inputs, fold.texts[new]]),
                labels=np.concatenate([side.labels, fold.labels[new]]),
                weights=np.concatenate([side.weights, data.weights[fold.sources[new]]]),
            )
            probabilities = softmax(Enlarged(whole).fit(side, context).logits(data.inputs[fold.test]))
            for name, scores in found.items():
                own, weights = data.labels[fold.test] == name, data.weights[fold.test]
                scores.append(average_precision(own, probabilities[:, name], weights))
        return found

    return judge


@cache
def sampled_method(sampler: type[TextSampler], summary: str, paper: str = "") -> type[SampledMethod]:
    """Make a method of a sampler.

    Parameters
    ----------
    sampler : type of TextSampler
    summary : str
        One line for ``counterpoise methods``.
    paper : str, default=""
        Where it comes from; see :class:`counterpoise.methods.base.Method`.
    """
    body = {
        "sampler": sampler,
        "summary": summary,
        "paper": paper,
        "search_space": sampler.search_space,
        "needs": sampler.needs,
        "__doc__": sampler.__doc__,
    }
    return type(sampler.__name__, (SampledMethod,), body)


def _restored(
    sampler: type[TextSampler], summary: str, paper: str, settings: dict[str, Any]
) -> SampledMethod:
    """Unpickle a method with all its settings, the sampler's seed included."""
    return sampled_method(sampler, summary, paper)(**settings)
