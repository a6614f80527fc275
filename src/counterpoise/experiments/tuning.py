"""Settings chosen by cross-validation on the fitting side alone: Optuna proposes, folds judge, poor ones end early.

>>> trials = search(space_of("tfidf_lr", None), score, trials=20, n_folds=3, seed=0)     # doctest: +SKIP
>>> best_of(trials).settings                                                              # doctest: +SKIP
{'method__C': 3.1, 'method__max_ngram': 2}

The first trial is the default, so nothing worse than it is chosen as far as the folds can tell. What a trial proposes
depends on the seed and on the scores before it, and on nothing else: a search that was stopped and finds its scores
again in a store takes the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from counterpoise.backbones.registry import find_backbone
from counterpoise.errors import MissingExtraError, SettingsError
from counterpoise.methods.registry import DEFAULT_BACKBONE, METHODS
from counterpoise.search_space import Range, Space
from counterpoise.seeding import derive_seed

TRAINING: Space = {"max_epochs": Range(3, 20)}
"""Of every method that trains a network, besides its learning rate."""

RATES = (0.3, 5.0)
"""Learning rates to look between, as multiples of the network's own."""

STARTUP = 5
"""Trials that are run to their end and proposed at random before there is anything to learn from."""

Score: TypeAlias = Callable[[dict[str, Any], Sequence[int]], "list[float | None]"]
"""Settings and folds to their scores; larger is better, None where undefined."""


@dataclass(frozen=True)
class Trial:
    """Settings that were tried.

    Attributes
    ----------
    number : int
        From 0, which is the default.
    settings : dict
        ``method__x``, ``backbone__x`` and parameters of the classifier.
    scores : tuple of float or None
        Of the folds that were run.
    pruned : bool
        Whether it was given up before its last fold.
    """

    number: int
    settings: dict[str, Any]
    scores: tuple[float | None, ...]
    pruned: bool

    @property
    def mean(self) -> float | None:
        """Over the folds in which there is a score."""
        known = [score for score in self.scores if score is not None]
        return sum(known) / len(known) if known else None


def space_of(
    method: str,
    backbone: str | None = None,
    backbone_settings: dict[str, Any] | None = None,
    kind: str = "text",
) -> dict[str, Any]:
    """What is looked for with a method: its own settings, and those of the training if it trains a network.

    Parameters
    ----------
    method : str
    backbone : str or None, default=None
        Of the network; None takes the default one's learning rates.
    backbone_settings : dict or None, default=None
    kind : {"text", "array", "image"}, default="text"
        What the inputs are.

    Raises
    ------
    SettingsError
        For an unknown method or backbone.
    """
    if method not in METHODS:
        raise SettingsError(f"there is no method {method!r}; choose from {', '.join(METHODS)}")
    own = {f"method__{name}": where for name, where in METHODS[method].search_space.items()}
    if not METHODS[method]().trains_backbone(kind):
        return own
    settings = backbone_settings or {}
    rate = find_backbone(backbone or DEFAULT_BACKBONE[kind], settings).learning_rate(settings)
    low, high = (multiple * rate for multiple in RATES)
    return {**own, "learning_rate": Range(low, high, log=True), **TRAINING}


def search(
    space: Space,
    score: Score,
    *,
    trials: int,
    n_folds: int,
    seed: int,
    width: int = 1,
    on_trial: Callable[[Trial], None] | None = None,
) -> list[Trial]:
    """Try settings.

    Parameters
    ----------
    space : Space
    score : callable
        Called with settings and ``width`` folds at a time, so that they can be run together.
    trials : int
        The default settings included; every method is given as many.
    n_folds : int
    seed : int
    width : int, default=1
        More than 1 prunes less often, and so may propose other settings.
    on_trial : callable or None, default=None
        Called with each trial.

    Returns
    -------
    list of Trial

    Raises
    ------
    MissingExtraError
        When Optuna is not installed.
    SettingsError
        If ``trials`` is below 1.
    """
    if trials < 1:
        raise SettingsError(f"trials is {trials}; give 1 or more")
    optuna = _optuna()
    pruner = optuna.pruners.MedianPruner(n_startup_trials=STARTUP, n_warmup_steps=0)
    study = optuna.create_study(direction="maximize", pruner=pruner)
    found = []
    for number in range(trials):
        # A sampler of its own for each, so that no state but the scores passes from one to the next.
        study.sampler = optuna.samplers.TPESampler(
            seed=derive_seed(seed, "trial", number) % 2**32, n_startup_trials=STARTUP
        )
        asked = study.ask()
        settings = {name: _proposed(asked, name, where) for name, where in space.items()} if number else {}
        found.append(_tried(study, asked, number, settings, score, n_folds, width))
        if on_trial is not None:
            on_trial(found[-1])
        if not space:
            break  # there is nothing to try but the default
    return found


def best_of(trials: Sequence[Trial]) -> Trial:
    """The trial with the best mean among those that were run to their end; of equals the first.

    Raises
    ------
    SettingsError
        When none has a score.
    """
    whole = [trial for trial in trials if not trial.pruned and trial.mean is not None]
    if not whole:
        raise SettingsError(
            "no trial has a score: the rare class is missing from the folds; give fewer folds"
        )
    return max(whole, key=lambda trial: trial.mean or 0.0)


def _tried(
    study: Any, asked: Any, number: int, settings: dict[str, Any], score: Score, n_folds: int, width: int
) -> Trial:
    optuna = _optuna()
    scores: list[float | None] = []
    pruned = False
    for start in range(0, n_folds, width):
        scores += score(settings, range(start, min(start + width, n_folds)))
        mean = Trial(number, settings, tuple(scores), pruned=False).mean
        if mean is None:
            continue
        asked.report(mean, len(scores))
        if len(scores) < n_folds and asked.should_prune():
            pruned = True
            break
    trial = Trial(number, settings, tuple(scores), pruned)
    state = optuna.trial.TrialState
    if pruned:
        study.tell(asked, state=state.PRUNED)
    elif trial.mean is None:
        study.tell(asked, state=state.FAIL)
    else:
        study.tell(asked, trial.mean)
    return trial


def _proposed(asked: Any, name: str, where: Any) -> Any:
    if not isinstance(where, Range):
        return asked.suggest_categorical(name, list(where.values))
    if where.whole:
        return asked.suggest_int(name, int(where.low), int(where.high), log=where.log)
    return asked.suggest_float(name, where.low, where.high, log=where.log)


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise MissingExtraError(
            "settings are searched for by Optuna, which is not installed; install it with "
            'pip install "counterpoise[tune]"'
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
