"""Several methods whose logits are averaged: what one of them misses, another one sees.

Without settings it is a frozen encoder's logistic regression, which knows what words mean, TF-IDF's, which knows which
words there are, and that of runs of characters, which sees what words have in common.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp
from sklearn.base import clone

from counterpoise.crossfit import Split, make_folds
from counterpoise.errors import DataError, SettingsError
from counterpoise.groups import text_groups
from counterpoise.methods.base import Context, Data, Method
from counterpoise.methods.blend_predictor import BlendPredictor, even_logits
from counterpoise.methods.setting_checks import check_flag
from counterpoise.training.settings import TrainingSettings

FOLDS = 3
"""Of the out-of-fold logits that weights are fitted to."""


class Blend(Method):
    """Average the logits of several methods, each brought to equal class shares first.

    Parameters
    ----------
    members : sequence of str or str, default=("encoder_lr", "tfidf_lr", "char_lr")
        Names of two or more methods, or one string with commas between them.
    weights : "equal", "crossfit" or sequence of float, default="equal"
        ``"crossfit"`` fits one weight of 0 or more for each member, on logits that members have given to texts they
        were not fitted to, by the log loss with balanced classes; it fits every member four times. The default leaves
        nothing to be learnt from a few dozen rare texts.
    encoder : str or None, default=None
        Pretrained encoder of the members that have one; None leaves them theirs.
    settings : dict of dict or None, default=None
        Further settings of members, by their names.
    allow_sending : bool, default=False
        Whether members that ask a language model may send it texts; it is saved with no model.

    Raises
    ------
    SettingsError
        From ``check``.
    """

    summary = "the mean of several methods' logits: by default a frozen encoder's, words' and characters'"
    inputs = frozenset({"text"})
    needs = "extra encoders"
    uses_backbone = True
    blends = True
    known: ClassVar[Mapping[str, type[Method]]] = {}
    """Methods that can be members; the registry puts its table here."""

    def __init__(
        self,
        *,
        members: Sequence[str] | str = ("encoder_lr", "tfidf_lr", "char_lr"),
        weights: str | Sequence[float] = "equal",
        encoder: str | None = None,
        settings: dict[str, dict[str, Any]] | None = None,
        allow_sending: bool = False,
    ) -> None:
        self.members = members
        self.weights = weights
        self.encoder = encoder
        self.settings = settings
        self.allow_sending = allow_sending

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the members.

        Raises
        ------
        SettingsError
            For what is no list of different methods that can be members.
        """
        given = self.members.split(",") if isinstance(self.members, str) else self.members
        listed = list(given) if isinstance(given, Iterable) else [None]
        if not all(isinstance(name, str) for name in listed):
            raise SettingsError(
                f"members is {self.members!r}; give a list of names, or one string with commas between them"
            )
        names = tuple(name.strip() for name in listed)
        others = {name: cls for name, cls in self.known.items() if not cls.blends}
        if unknown := [name for name in names if name not in others]:
            raise SettingsError(
                f"blend cannot have the member {unknown[0]!r}; choose from {', '.join(others)}"
            )
        if len(names) < 2 or len(set(names)) < len(names):
            raise SettingsError(
                f"blend has the members {', '.join(names)}; name two or more different methods"
            )
        if no_text := [name for name in names if "text" not in self.known[name].inputs]:
            raise SettingsError(f"blend cannot have the member {no_text[0]!r}, which does not take texts")
        return names

    def check(self) -> None:
        """Refuse unknown members, too few of them, and weights that fit nothing."""
        check_flag("blend", allow_sending=self.allow_sending)
        names = self.names
        for name, own in self._settings().items():
            if held := self.known[name].private.intersection(own):
                raise SettingsError(
                    f"blend cannot give its member {name!r} the setting {min(held)!r}, since a blend is saved with the "
                    "settings of its members and that one must not be; leave it out"
                )
        for member in self.made().values():
            member.check()
        if isinstance(self.weights, str):
            if self.weights not in ("equal", "crossfit"):
                raise SettingsError(
                    f"weights is {self.weights!r}; give 'equal', 'crossfit' or a number a member"
                )
        elif not _are_weights(self.weights, len(names)):
            raise SettingsError(
                f"weights is {self.weights!r}; give 'equal', 'crossfit' or {len(names)} finite numbers of 0 or more, "
                "not all of them 0"
            )

    def made(self) -> dict[str, Method]:
        """The members with their settings, by name.

        Raises
        ------
        SettingsError
            For what cannot be members, and a setting that a member lacks.
        """
        found: dict[str, Method] = {}
        settings = self._settings()
        for name in self.names:
            method = self.known[name]()
            own = dict(settings.get(name, {}))
            if self.encoder is not None and "encoder" in method.get_params():
                own = {"encoder": self.encoder, **own}
            if "allow_sending" in own:
                raise SettingsError(
                    f"settings of member {name!r} have allow_sending; give it to the blend, for all its members"
                )
            if "allow_sending" in method.get_params():
                own["allow_sending"] = self.allow_sending
            if lacking := [key for key in own if key not in method.get_params()]:
                raise SettingsError(f"member {name!r} has no setting {lacking[0]!r}")
            found[name] = method.set_params(**own)
        return found

    def _settings(self) -> dict[str, dict[str, Any]]:
        """Settings by member, none where there are none."""
        given = {} if self.settings is None else self.settings
        if not isinstance(given, dict) or not all(isinstance(own, dict) for own in given.values()):
            raise SettingsError(
                f"settings is {self.settings!r}; give a dict of settings for each member that has some, by its name"
            )
        if foreign := [name for name in given if name not in self.names]:
            raise SettingsError(f"settings name {foreign[0]!r}, which is no member of the blend")
        return given

    def check_savable(self, name: str) -> None:
        """Refuse a member that cannot be saved."""
        for member, method in self.made().items():
            if not method.can_be_saved:
                raise SettingsError(
                    f"a {name} with the member {member!r} cannot be saved, since its trees could be stored only by "
                    "pickle; leave that member out, or judge the blend with `counterpoise compare`"
                )

    def trains_backbone(self, kind: str) -> bool:
        """Whether any member does."""
        return any(member.trains_backbone(kind) for member in self.made().values())

    def check_backbone(self, backbone: str, settings: dict[str, Any]) -> None:
        """Refuse a backbone that a member refuses."""
        for member in self.made().values():
            member.check_backbone(backbone, settings)

    def check_training(self, training: TrainingSettings, kind: str) -> None:
        """Refuse a training that a member refuses."""
        for member in self.made().values():
            member.check_training(training, kind)

    def check_data(self, data: Data) -> None:
        """Refuse rows that a member refuses."""
        for member in self.made().values():
            member.check_data(data)

    def identity(self) -> str:
        """That of all members."""
        return " ".join(filter(None, (member.identity() for member in self.made().values())))

    @property
    def trains_decoder(self) -> bool:
        """Whether a sampler of any member does."""
        return any(member.trains_decoder for member in self.made().values())

    @property
    def decoder_precision(self) -> str:
        """That of the members that train one; ``"auto"`` where they differ, since the settings tell what is fixed."""
        asked = {member.decoder_precision for member in self.made().values() if member.trains_decoder}
        return "auto" if len(asked) != 1 else asked.pop()

    def fit(self, data: Data, context: Context) -> BlendPredictor:
        """Fit each member, and the weights where they are to be fitted."""
        self.check_training(context.training, data.kind)
        members = self.made()
        weights = self._weights(members, data, context)
        return fitted_blend(members, weights, data, context)

    def _weights(self, members: dict[str, Method], data: Data, context: Context) -> np.ndarray:
        n = len(members)
        if not isinstance(self.weights, str):
            given = np.array(self.weights, dtype=np.float64)
            return given / given.sum()
        if self.weights == "equal":
            return np.full(n, 1 / n)
        try:
            logits, rows = crossfitted_logits(members, data, context, text_folds(data, context, FOLDS))
        except DataError as error:
            raise DataError(
                f"weights of the blend cannot be fitted: {error}; give weights='equal'"
            ) from error
        return fitted_weights(logits, data.labels[rows], data.balanced().weights[rows])


def _are_weights(given: Any, count: int) -> bool:
    """Whether these are so many finite numbers of 0 or more, not all of them 0."""
    if not isinstance(given, Iterable) or len(values := list(given)) != count:
        return False
    numbers = all(isinstance(value, Real) and 0 <= float(value) < math.inf for value in values)
    return numbers and any(values)


def fitted_blend(
    members: dict[str, Method], weights: np.ndarray, data: Data, context: Context
) -> BlendPredictor:
    """Fit each member, with a seed of its own.

    Parameters
    ----------
    members : dict of Method
        By name, which is the name of its stream.
    weights : ndarray of float64, shape (M,)
    data : Data
    context : Context
        Its checkpoint is left alone, since members would overwrite each other's.
    """
    predictors = {name: clone(member).fit(data, _own(context, name)) for name, member in members.items()}
    return BlendPredictor(predictors, weights, class_weight=context.class_weight)


def text_folds(data: Data, context: Context, n_folds: int) -> list[Split]:
    """Folds that keep texts that (nearly) repeat each other together.

    Raises
    ------
    DataError
        When a class cannot reach every fitting side.
    """
    seed = _own(context, "blend").seed
    return make_folds(data.labels.astype(str), n_folds, groups=text_groups(data.inputs), seed=seed)


def crossfitted_logits(
    members: dict[str, Method], data: Data, context: Context, splits: Sequence[Split]
) -> tuple[np.ndarray, np.ndarray]:
    """Logits that members have given to texts they were not fitted to.

    Parameters
    ----------
    members : dict of Method
    data : Data
    context : Context
    splits : sequence of Split
        Of the rows of ``data``.

    Returns
    -------
    logits : ndarray of float64, shape (M, n, C)
        See :func:`even_logits`.
    rows : ndarray of int64, shape (n,)
        Of ``data``, which they belong to.
    """
    found = [
        np.stack(
            [
                even_logits(clone(member).fit(side, _own(context, name)), data.inputs[split.test])
                for name, member in members.items()
            ]
        )
        for split in splits
        for side in (data.take(split.train),)
    ]
    return np.concatenate(found, axis=1), np.concatenate([split.test for split in splits])


def _own(context: Context, name: str) -> Context:
    """The context of one member."""
    return replace(context.stream(name), checkpoint=None)


def fitted_weights(logits: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weights of members under which the blend has the least log loss.

    Parameters
    ----------
    logits : ndarray of float64, shape (M, n, C)
    labels : ndarray of int64, shape (n,)
    weights : ndarray of float64, shape (n,)
        Of the rows.

    Returns
    -------
    ndarray of float64, shape (M,)
        0 or more each. Their sum is free, since the blend of members that are right together is surer than each.
    """
    share = weights / weights.sum()
    own = logits[:, np.arange(len(labels)), labels]

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        blended = np.tensordot(w, logits, 1)
        total = logsumexp(blended, axis=1)
        probabilities = np.exp(blended - total[:, None])
        expected = (logits * probabilities).sum(axis=2)
        return float(share @ (total - w @ own)), (expected - own) @ share

    n = len(logits)
    found = minimize(loss, np.full(n, 1 / n), jac=True, method="L-BFGS-B", bounds=[(0.0, 10.0)] * n)
    return found.x if found.x.sum() > 0 else np.full(n, 1 / n)
