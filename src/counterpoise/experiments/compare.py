"""Cross-validated comparison of methods: the same folds, the same thinned fitting sides, one row a method.

>>> rows = compare(texts, labels, ["erm", "class_weight"], minority="spam")  # doctest: +SKIP
>>> rows[0].metrics["average_precision"].mean                                # doctest: +SKIP
"""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from counterpoise.backbones.registry import find_backbone
from counterpoise.crossfit import Split, folds_without, make_folds, merge_groups, text_groups
from counterpoise.data.imbalance import keep_minority
from counterpoise.errors import SettingsError
from counterpoise.estimators.text import TextClassifier
from counterpoise.experiments.difficulty import PLAIN, FoldDifficulty
from counterpoise.methods.registry import METHODS
from counterpoise.metrics.diagnosis import one_class_predicted
from counterpoise.metrics.scores import score, score_thinned
from counterpoise.metrics.thresholds import decide
from counterpoise.progress import bar
from counterpoise.seeding import RandomState, derive_seed, root_seed

DEFAULT_METHODS = ("erm", "class_weight", "random_oversample", "word_swap", "tfidf_lr")
"""Doing nothing, the two plain remedies, and the two strongest cheap ones."""


@dataclass(frozen=True)
class Metric:
    """One metric over folds; folds in which it is undefined (no positive in the test side) are None.

    Attributes
    ----------
    mean, std : float or None
        Over the folds in which it is defined; the standard deviation is the sample's (n - 1), 0 for one fold.
    folds : tuple of float or None
    """

    mean: float | None
    std: float | None
    folds: tuple[float | None, ...]

    @classmethod
    def of(cls, folds: Sequence[float | None]) -> Metric:
        """Summarise the values of all folds."""
        known = np.array([value for value in folds if value is not None], dtype=np.float64)
        if not len(known):
            return cls(None, None, tuple(folds))
        spread = float(known.std(ddof=1)) if len(known) > 1 else 0.0
        return cls(float(known.mean()), spread, tuple(folds))


@dataclass(frozen=True)
class Row:
    """One method's cross-validated result.

    Attributes
    ----------
    method : str
    backbone : str or None
        None for a method without one.
    metrics : dict of Metric
        At the test side's natural prevalence; with a thinned fitting side also with the suffix ``_thinned``,
        the test minority being weighted by the kept share. Those of difficult samples
        (:meth:`counterpoise.experiments.difficulty.FoldDifficulty.measured`) need ``erm`` among the methods.
    notes : tuple of str
        What a reader should know, such as a class that is never predicted.
    """

    method: str
    backbone: str | None
    metrics: dict[str, Metric]
    notes: tuple[str, ...]


def compare(
    texts: np.ndarray,
    labels: np.ndarray,
    methods: Sequence[str] = DEFAULT_METHODS,
    *,
    backbone: str | None = None,
    minority: str | None = None,
    keep: str | float | None = None,
    n_folds: int = 5,
    groups: np.ndarray | None = None,
    time: np.ndarray | None = None,
    random_state: RandomState = 0,
    settings: dict[str, Any] | None = None,
    on_row: Callable[[Row], None] | None = None,
) -> list[Row]:
    """Cross-validate methods on the same folds.

    Parameters
    ----------
    texts : ndarray of object, shape (n,)
    labels : ndarray of str, shape (n,)
    methods : sequence of str
    backbone : str or None, default=None
        For the methods that train a network; an unknown name is refused even if none of them does.
    minority : str or None, default=None
        The class that matters; None takes the rarer of two, and all of more.
    keep : share or count, default=None
        How much of the minority the fitting sides keep (:func:`counterpoise.data.imbalance.parse_keep`); test
        sides stay whole.
    n_folds : int, default=5
    groups, time : ndarray of shape (n,) or None
        See :func:`counterpoise.crossfit.make_folds`.
    random_state : int, RandomState, Generator or None, default=0
        The folds, the thinning and each fit depend on it; every method gets the same.
    settings : dict or None
        Further parameters of :class:`counterpoise.TextClassifier`. ``method__x`` and ``backbone__x`` reach
        the methods that have them.
    on_row : callable or None
        Called with each row as soon as it is known; plain training (``erm``) comes first, since its embedding
        says for all methods which samples are difficult.

    Returns
    -------
    list of Row
        In the order of ``methods``.

    Raises
    ------
    DataError, SettingsError
        Before any training where possible.
    """
    seed = root_seed(random_state)
    classes, numbers = np.unique(labels, return_inverse=True)
    if minority is None and len(classes) == 2:
        minority = str(classes[np.bincount(numbers).argmin()])
    if minority is not None and minority not in classes.tolist():
        raise SettingsError(f"there is no class {minority!r}; the classes are {', '.join(map(str, classes))}")
    if keep is not None and minority is None:
        raise SettingsError("--keep thins the minority; name it with --minority")
    classifiers = [_classifier(name, backbone, minority, settings or {}) for name in methods]
    _refuse_unused(settings or {}, classifiers)
    joined = text_groups(texts, groups)
    splits = make_folds(labels, n_folds, groups=joined, time=time, seed=derive_seed(seed, "folds"))
    lacking = [
        f"class {name!r} is missing from the test side of {len(folds)} folds"
        for name, folds in folds_without(labels, splits).items()
    ]
    thinned = [
        _thinned(labels, split, minority, keep, derive_seed(seed, "keep", fold))
        for fold, split in enumerate(splits)
    ]
    task = _Task(texts, numbers, classes, joined, groups, time, minority)
    difficulty = FoldDifficulty(texts, numbers, task.number, seed)
    rows: dict[str, Row] = {}
    plain_first = sorted(zip(methods, classifiers, strict=True), key=lambda pair: pair[0] != PLAIN)
    with bar("compare", len(methods) * len(splits)) as progress:
        for name, classifier in plain_first:
            results = []
            for fold, split in enumerate(splits):
                train, share = thinned[fold]
                classifier.set_params(random_state=derive_seed(seed, "fit", fold))
                result = _run(classifier, task, train, split.test, share)
                decided = result.pop("decided")
                result |= difficulty.measured(fold, classifier, train, split.test, decided)
                results.append(result)
                progress.advance(1, f"{name}, fold {fold + 1}")
            rows[name] = _row(name, classifier, results, lacking)
            if on_row is not None:
                on_row(rows[name])
    return [rows[name] for name in methods]


class _FoldClassifier(TextClassifier):
    """A classifier that is told which of its texts repeat each other: the comparison has searched them all once."""

    joined: np.ndarray

    def _groups(self, inputs: np.ndarray, groups: Any) -> np.ndarray:
        return merge_groups(self.joined)


def _classifier(
    name: str, backbone: str | None, minority: str | None, settings: dict[str, Any]
) -> _FoldClassifier:
    """An unfitted classifier; a setting that this method lacks but another one has is left away."""
    if name not in METHODS:
        raise SettingsError(f"there is no method {name!r}; choose from {', '.join(METHODS)}")
    if backbone is not None:
        find_backbone(backbone)
    own = METHODS[name]().get_params()
    network = METHODS[name].uses_backbone
    fitting = {
        key: value
        for key, value in settings.items()
        if (not key.startswith("method__") or key.removeprefix("method__") in own)
        and (not key.startswith("backbone__") or network)
    }
    classifier = _FoldClassifier(name, backbone if network else None, pos_label=minority, **fitting)
    classifier._checked_settings()
    return classifier


def _refuse_unused(settings: dict[str, Any], classifiers: Sequence[TextClassifier]) -> None:
    """A setting that no method has is a slip of the pen, not a wish."""
    used = {key for classifier in classifiers for key in classifier.get_params()}
    if unused := [key for key in settings if key not in used]:
        raise SettingsError(
            f"no method of this comparison has the setting {', '.join(unused)}; leave it away"
        )


def _thinned(
    labels: np.ndarray, split: Split, minority: str | None, keep: str | float | None, seed: int
) -> tuple[np.ndarray, float | None]:
    """Fitting rows, and the share of their minority that was kept."""
    if keep is None or minority is None:
        return split.train, None
    kept, held_back = keep_minority(labels[split.train], minority, keep, seed)
    n_before = int((labels[split.train] == minority).sum())
    return split.train[kept], 1 - len(held_back) / n_before


@dataclass(frozen=True)
class _Task:
    texts: np.ndarray
    numbers: np.ndarray
    classes: np.ndarray
    joined: np.ndarray
    groups: np.ndarray | None
    time: np.ndarray | None
    minority: str | None

    @property
    def number(self) -> int | None:
        """Class number of the minority."""
        return None if self.minority is None else int(np.flatnonzero(self.classes == self.minority)[0])


def _run(
    classifier: _FoldClassifier, task: _Task, train: np.ndarray, test: np.ndarray, kept_share: float | None
) -> dict[str, Any]:
    """Fit and score one fold; ``decided`` are the test side's classes at the tuned threshold."""
    groups, time = (None if side is None else side[train] for side in (task.groups, task.time))
    classifier.joined = task.joined[train]
    start = clock.perf_counter()
    classifier.fit(task.texts[train], task.classes[task.numbers[train]], groups=groups, time=time)
    fitted = clock.perf_counter()
    probabilities = classifier.predict_proba(task.texts[test])
    done = clock.perf_counter()
    labels, number = task.numbers[test], task.number
    tuned = decide(probabilities, classifier.thresholds_)
    result: dict[str, Any] = dict(score(labels, probabilities, number, decisions_tuned=tuned))
    if kept_share is not None and number is not None:
        result |= score_thinned(labels, probabilities, number, kept_share, decisions_tuned=tuned)
    result |= {"fit_seconds": fitted - start, "predict_seconds": done - fitted, "decided": tuned}
    result["note"] = one_class_predicted(
        labels,
        probabilities,
        probabilities.argmax(axis=1),
        number,
        [str(name) for name in task.classes],
        tuned=classifier.fitted_.choice.tuned,
    )
    return result


def _row(name: str, classifier: TextClassifier, results: list[dict[str, Any]], notes: list[str]) -> Row:
    metrics = {key: Metric.of([result[key] for result in results]) for key in results[0] if key != "note"}
    said = [f"fold {i + 1}: {result['note']}" for i, result in enumerate(results) if result["note"]]
    backbone = getattr(classifier.fitted_.predictor, "backbone", None)
    return Row(name, backbone, metrics, (*notes, *said))
