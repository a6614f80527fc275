"""Rows of a comparison, read from the runs of a store: one a contestant, its metrics over folds and seeds.

>>> for comparison in comparisons(store):                                  # doctest: +SKIP
...     comparison.title, [row.label for row in comparison.rows]
('sms_spam, spam, 10% kept, 5 folds', ['erm', 'class_weight'])

A comparison is what may be compared: runs on the same data with the same minority, thinning and folds. A contestant is
a method with its settings, network and training.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from counterpoise.experiments.difficulty import NAMES, PLAIN, measured
from counterpoise.experiments.results import Predictions, Record
from counterpoise.experiments.runs import Run, canonical
from counterpoise.experiments.store import Store

Cell: TypeAlias = tuple[int, int]
"""Seed and fold."""


@dataclass(frozen=True)
class Metric:
    """One metric over seeds and folds; where it is undefined (no positive in the test side) it is None.

    Attributes
    ----------
    mean, std : float or None
        Over the runs in which it is defined; the standard deviation is the sample's (n - 1), 0 for one run.
    folds : tuple of float or None
        Seed by seed, fold by fold.
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
    """One contestant's result.

    Attributes
    ----------
    label : str
        Unlike that of any other row of the comparison: the method, and what else tells it from the others.
    method : str
    backbone : str or None
        None for a method without one.
    settings : dict
        Those that were given: ``method__x``, ``backbone__x`` and parameters of the classifier.
    metrics : dict of Metric
        At the test side's natural prevalence; with a thinned fitting side also with the suffix ``_thinned``,
        the test minority being weighted by the kept share. Those of difficult samples
        (:func:`counterpoise.experiments.difficulty.measured`) need ``erm`` among the methods.
    keys : tuple of str or None
        Of its runs, in the order of ``folds``; None where there is no row.
    notes : tuple of str
        What a reader should know, such as a class that is never predicted.
    """

    label: str
    method: str
    backbone: str | None
    settings: dict[str, Any]
    metrics: dict[str, Metric]
    keys: tuple[str | None, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """Contestants on the same data.

    Attributes
    ----------
    dataset, content : str
    minority : str or None
    keep : str, int, float or None
    n_folds : int
    cells : tuple of (int, int)
        Seed and fold of the runs, ascending.
    rows : tuple of Row
    """

    dataset: str
    content: str
    minority: str | None
    keep: str | float | None
    n_folds: int
    cells: tuple[Cell, ...]
    rows: tuple[Row, ...]

    @property
    def title(self) -> str:
        """What is compared, in words."""
        seeds = len({seed for seed, _ in self.cells})
        kept = f"{self.keep:.4g} of it kept" if isinstance(self.keep, float) else f"{self.keep} of it kept"
        if isinstance(self.keep, str):
            kept = f"classes thinned, {self.keep.replace(':', ' with a ratio of ')}"
        parts = [
            self.dataset,
            "all classes alike" if self.minority is None else f"class {self.minority!r}",
            *([] if self.keep is None else [kept]),
            f"{self.n_folds} folds" if self.n_folds > 1 else "a given test side",
            *([] if seeds == 1 else [f"{seeds} seeds"]),
        ]
        return ", ".join(parts)

    @property
    def test_to_train(self) -> float:
        """Rows of a test side to those of a fitting side before thinning, as the corrected t-test wants it.

        0 where the test side is given: there is one score then, the mean over seeds, and nothing to be tested.
        """
        return 1 / (self.n_folds - 1) if self.n_folds > 1 else 0.0


def comparisons(store: Store, keys: Iterable[str] | None = None) -> list[Comparison]:
    """Read what can be compared.

    Parameters
    ----------
    store : Store
    keys : iterable of str or None, default=None
        None takes all rows. Of runs with the same fields, such as one made again by newer code, the row that was
        written last is read.

    Returns
    -------
    list of Comparison
        In the order in which they were begun, their rows in the order of ``keys``.
    """
    wanted = None if keys is None else list(keys)
    records = store.rows(wanted)
    if wanted is not None:
        place = {key: position for position, key in enumerate(wanted)}
        records.sort(key=lambda record: place[record.key])
    groups: dict[str, dict[str, Record]] = {}
    for record in records:
        groups.setdefault(canonical(_shared(record.run)), {})[canonical(record.run.fields)] = record
    return [_comparison(store, list(group.values())) for group in groups.values()]


def _shared(run: Run) -> dict[str, Any]:
    """What the runs of a comparison have in common."""
    return {name: getattr(run, name) for name in ("dataset", "content", "minority", "keep", "n_folds")}


def _comparison(store: Store, records: list[Record]) -> Comparison:
    cells = tuple(sorted({(record.run.seed, record.run.fold) for record in records}))
    contestants: dict[str, dict[Cell, Record]] = {}
    for record in records:
        own = contestants.setdefault(contestant(record.run), {})
        own[record.run.seed, record.run.fold] = record
    runs = [next(iter(own.values())).run for own in contestants.values()]
    plain = {label: own for label, own in contestants.items() if next(iter(own.values())).run.method == PLAIN}
    said = {key: store.predictions(key) for own in plain.values() for key in (r.key for r in own.values())}
    rows = [
        _row(store, label, cells, own, _plain_for(run, plain), said)
        for label, run, own in zip(_labels(runs), runs, contestants.values(), strict=True)
    ]
    return Comparison(**_shared(records[0].run), cells=cells, rows=tuple(rows))


def contestant(run: Run) -> str:
    """What a run has in common with those of other folds and seeds, and with no other contestant's, as a string."""
    return canonical([run.method, run.backbone, _settings(run)])


def _settings(run: Run) -> dict[str, Any]:
    return {
        **({"trials": run.trials} if run.trials else {}),
        **run.estimator,
        **{f"method__{name}": value for name, value in run.method_settings.items()},
        **{f"backbone__{name}": value for name, value in run.backbone_settings.items()},
    }


def _labels(runs: Sequence[Run]) -> list[str]:
    """The method, with whatever tells it from another contestant of the same method."""
    labels = []
    for run in runs:
        alike = [other for other in runs if other.method == run.method]
        others = [other for other in alike if other is not run]
        told = []
        if any(other.backbone != run.backbone for other in others):
            told.append(run.backbone or "no network")
        told += told_apart(run, alike)
        labels.append(f"{run.method} ({', '.join(told)})" if told else run.method)
    return labels


def told_apart(run: Run, alike: Sequence[Run]) -> list[str]:
    """Settings of one of several runs that not all of them share, as ``"frozen=true"`` or ``"frozen by default"``."""
    own, every = _settings(run), [_settings(other) for other in alike]
    told = []
    for name in dict.fromkeys(name for each in every for name in each):
        if any(each.get(name) != own.get(name) for each in every):
            short = name.rpartition("__")[2]
            told.append(f"{short}={canonical(own[name])}" if name in own else f"{short} by default")
    return told


def _plain_for(run: Run, plain: dict[str, dict[Cell, Record]]) -> dict[Cell, Record]:
    """Plain training that says which samples are difficult: of the same network and training where there is one."""

    def unlike(own: dict[Cell, Record]) -> tuple[bool, bool, bool]:
        other = next(iter(own.values())).run
        return (
            other.backbone != run.backbone,
            canonical(other.backbone_settings) != canonical(run.backbone_settings),
            canonical(other.estimator) != canonical(run.estimator),
        )

    return min(plain.values(), key=unlike, default={})


def _row(
    store: Store,
    label: str,
    cells: Sequence[Cell],
    own: dict[Cell, Record],
    plain: dict[Cell, Record],
    said: dict[str, Predictions],
) -> Row:
    first = next(iter(own.values())).run
    found: list[dict[str, float | None]] = []
    for cell in cells:
        if (record := own.get(cell)) is None:
            found.append({})
            continue
        predictions = said.get(record.key) or store.predictions(record.key)
        judge = said[plain[cell].key] if cell in plain else None
        seconds = {"fit_seconds": record.fit_seconds, "predict_seconds": record.predict_seconds}
        found.append({**record.metrics, **seconds, **measured(predictions, judge)})
    names = dict.fromkeys(name for metrics in found for name in metrics if name not in NAMES)
    metrics = {name: Metric.of([each.get(name) for each in found]) for name in (*names, *NAMES)}
    keys = tuple(own[cell].key if cell in own else None for cell in cells)
    return Row(label, first.method, first.backbone, _settings(first), metrics, keys, _notes(cells, own))


def _notes(cells: Sequence[Cell], own: dict[Cell, Record]) -> tuple[str, ...]:
    """What was said of several folds is told once."""
    several_seeds = len({seed for seed, _ in cells}) > 1
    said: dict[str, list[str]] = {}
    for seed, fold in cells:
        where = f"{fold + 1} of seed {seed}" if several_seeds else f"{fold + 1}"
        for note in own[seed, fold].notes if (seed, fold) in own else ():
            said.setdefault(note, []).append(where)
    lacking = len(cells) - len(own)
    missing = [f"{lacking} of {len(cells)} runs are missing"] if lacking else []
    return (
        *missing,
        *(f"fold{'s' if len(where) > 1 else ''} {', '.join(where)}: {note}" for note, where in said.items()),
    )
